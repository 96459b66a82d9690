"""Chooses format and encoding from a closed set, whatever a client asks for; never an error."""

import re
from collections.abc import Iterator
from enum import StrEnum

MAX_HEADER = 4096
"""Characters of a header that are looked at."""

QUALITY = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")


class Format(StrEnum):
    """The content types that are served, and no others."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def choose_format(accept: str) -> Format:
    """Return the format of the highest quality that we have; text when nothing fits.

    Of OpenMetrics we have version 1.0.0, asked for by that number or by none; of text we have 0.0.4.
    """
    best, best_quality = Format.TEXT, 0.0
    for media, parameters, quality in _offers(accept):
        offered = _format_of(media, parameters.get("version"))
        if offered is not None and quality > best_quality:
            best, best_quality = offered, quality
    return best


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether the client takes gzip; naming it, for or against, outweighs `*`."""
    qualities = {coding: quality for coding, _, quality in _offers(accept_encoding)}
    for coding in ("gzip", "x-gzip", "*"):
        if coding in qualities:
            return qualities[coding] > 0
    return False


def _format_of(media: str, version: str | None) -> Format | None:
    if media == "application/openmetrics-text":
        return Format.OPENMETRICS if version in {None, "1.0.0"} else None
    if media in {"text/plain", "text/*", "*/*"}:
        return Format.TEXT if version in {None, "0.0.4"} else None
    return None


def _offers(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Return each name with its parameters and quality; what cannot be read is passed over."""
    for part in header[:MAX_HEADER].split(","):
        name, *rest = (piece.strip() for piece in part.split(";"))
        parameters: dict[str, str] = {}
        for piece in rest:
            key, _, value = piece.partition("=")
            parameters[key.strip().lower()] = value.strip().strip('"')
        quality = parameters.pop("q", "1")
        if name and QUALITY.fullmatch(quality):
            yield name.lower(), parameters, float(quality)
