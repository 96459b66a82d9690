"""Colours that are told apart by everybody, on a light ground and on a dark one.

There is no green: who cannot tell it from red sees blue, amber and red as three. Each has a contrast of 3:1
and more with Grafana's white and its near-black. A colour never stands alone: beside it there is a word.
"""

GOOD = "#1F78C1"
WARN = "#BD8800"
BAD = "#CF2F55"
IDLE = "#7F8790"
OTHER = "#B65F94"

PALETTE = (GOOD, OTHER, WARN, IDLE)
"""The first query of a chart takes the first; red is for what is bad."""
