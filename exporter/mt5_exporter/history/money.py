"""Money and lots as whole numbers, so that a million additions are exact.

A float has 15 digits: sums of cents drift, and a sum that is saved and added to again, day after day, cannot
be mended by adding up more cleverly. A whole number of 1e-8 holds any currency's smallest coin, a bitcoin's
included, and the least step of a volume.
"""

UNIT = 10**8
"""Units in one of the currency, or in one lot."""


def units(amount: float) -> int:
    """Return an amount in units."""
    return round(amount * UNIT)


def amount(whole: int) -> float:
    """Return units as an amount: the float next to the exact one."""
    return whole / UNIT
