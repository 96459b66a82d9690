"""The symbols that the simulated broker offers."""

from typing import NamedTuple

from mt5_exporter.far.drivers.simulated.constants import Constants
from mt5_exporter.far.drivers.simulated.hours import CRYPTO, FOREX, INDEX, Hours

POINTS = {2: 0.01, 3: 0.001, 5: 0.00001}
"""The point of each number of digits."""


class Symbol(NamedTuple):
    """What a broker fixes for a symbol, and how its market moves."""

    name: str
    description: str
    folder: str
    base: str
    profit: str
    price: float
    """Where its walk starts from."""
    volatility: float
    """Size of a day's move as a share of the price."""
    spread: float
    """Ordinary spread in points."""
    digits: int = 5
    tick_size: float = 0.0
    """Smallest step of the price; 0 stands for one point."""
    contract: float = 100_000.0
    hours: Hours = FOREX
    tick_every: int = 600
    """Mean milliseconds between ticks."""
    widening: float = 6.0
    """How many times the ordinary spread it has around the broker's midnight."""
    swap_long: float = -6.0
    """Points a night and lot."""
    swap_short: float = 1.5
    commission: float = 3.5
    """US dollars a lot and side."""
    leverage: float = 500.0
    """The most that the broker gives on this symbol."""
    volume_min: float = 0.01
    volume_step: float = 0.01
    volume_max: float = 100.0
    calc_mode: int = Constants.SYMBOL_CALC_MODE_FOREX
    legs: tuple[str, str] | None = None
    """A cross: its price is the first leg's over the second's."""

    @property
    def point(self) -> float:
        """Return the smallest printed step of the price."""
        return POINTS[self.digits]

    @property
    def step(self) -> float:
        """Return the smallest traded step of the price."""
        return self.tick_size or self.point

    def rounded(self, price: float) -> float:
        """Return the nearest price that the symbol can have."""
        return round(round(price / self.step) * self.step, self.digits)


def _catalogue(*symbols: Symbol) -> dict[str, Symbol]:
    return {symbol.name: symbol for symbol in symbols}


CATALOGUE = _catalogue(
    Symbol(
        name="EURUSD", description="Euro vs US Dollar", folder="Forex\\Majors", base="EUR", profit="USD",
        price=1.0850, volatility=0.0045, spread=7, tick_every=450, swap_long=-7.2, swap_short=2.9,
    ),
    Symbol(
        name="GBPUSD", description="Great Britain Pound vs US Dollar", folder="Forex\\Majors", base="GBP",
        profit="USD", price=1.2680, volatility=0.0050, spread=11, tick_every=500, swap_long=-3.1,
        swap_short=-1.9,
    ),
    Symbol(
        name="USDJPY", description="US Dollar vs Japanese Yen", folder="Forex\\Majors", base="USD",
        profit="JPY",
        price=149.50, volatility=0.0055, spread=9, digits=3, tick_every=450, swap_long=11.8, swap_short=-21.4,
    ),
    Symbol(
        name="USDCHF", description="US Dollar vs Swiss Franc", folder="Forex\\Majors", base="USD",
        profit="CHF",
        price=0.8830, volatility=0.0045, spread=12, tick_every=700, swap_long=5.6, swap_short=-10.3,
    ),
    Symbol(
        name="AUDUSD", description="Australian Dollar vs US Dollar", folder="Forex\\Majors", base="AUD",
        profit="USD", price=0.6550, volatility=0.0055, spread=9, tick_every=650, swap_long=-2.8,
        swap_short=0.4,
    ),
    Symbol(
        name="EURGBP", description="Euro vs Great Britain Pound", folder="Forex\\Minors", base="EUR",
        profit="GBP", price=0.8557, volatility=0.0035, spread=14, tick_every=900, swap_long=-5.1,
        swap_short=1.1, legs=("EURUSD", "GBPUSD"),
    ),
    Symbol(
        name="XAUUSD", description="Gold vs US Dollar", folder="Metals", base="XAU", profit="USD",
        price=2650.0, volatility=0.0090, spread=18, digits=2, contract=100.0, tick_every=350,
        swap_long=-38.5, swap_short=19.2, leverage=200.0, volume_max=50.0,
        calc_mode=Constants.SYMBOL_CALC_MODE_CFDLEVERAGE,
    ),
    Symbol(
        name="US500", description="US 500 Index", folder="Indices", base="USD", profit="USD", price=5900.0,
        volatility=0.0090, spread=50, digits=2, tick_size=0.1, contract=1.0, hours=INDEX, tick_every=800,
        widening=3.0, swap_long=-110.0, swap_short=15.0, commission=0.0, leverage=100.0, volume_min=0.1,
        volume_step=0.1, volume_max=500.0, calc_mode=Constants.SYMBOL_CALC_MODE_CFDINDEX,
    ),
    Symbol(
        name="BTCUSD", description="Bitcoin vs US Dollar", folder="Crypto", base="BTC", profit="USD",
        price=95_000.0, volatility=0.0250, spread=1500, digits=2, contract=1.0, hours=CRYPTO, tick_every=400,
        widening=1.5, swap_long=-5200.0, swap_short=-2600.0, commission=0.0, leverage=20.0, volume_max=20.0,
        calc_mode=Constants.SYMBOL_CALC_MODE_CFDLEVERAGE,
    ),
    Symbol(
        name="ETHUSD", description="Ethereum vs US Dollar", folder="Crypto", base="ETH", profit="USD",
        price=3300.0, volatility=0.0320, spread=160, digits=2, contract=1.0, hours=CRYPTO, tick_every=500,
        widening=1.5, swap_long=-181.0, swap_short=-90.0, commission=0.0, leverage=20.0, volume_max=200.0,
        calc_mode=Constants.SYMBOL_CALC_MODE_CFDLEVERAGE,
    ),
)  # fmt: skip
"""Every symbol by name, in the order in which `symbols_get` lists them."""

IN_DOLLARS = {
    "USD": ("", 0), "EUR": ("EURUSD", 1), "GBP": ("GBPUSD", 1), "AUD": ("AUDUSD", 1),
    "JPY": ("USDJPY", -1), "CHF": ("USDCHF", -1),
}  # fmt: skip
"""Each currency that can be converted: the symbol that prices it, and whether as its base or its profit."""
