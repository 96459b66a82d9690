"""Label values from a broker's text: harmless, bounded, and alike before anything is summed by them."""

MAX_LABEL = 128
"""Characters of a label value; what a broker sends beyond that is cut."""


def clean(value: str) -> str:
    """Return a broker's text without surrogates and control characters, at most `MAX_LABEL` long."""
    if not value.isprintable():
        value = "".join(character if character.isprintable() else " " for character in value).strip()
    return value[:MAX_LABEL]
