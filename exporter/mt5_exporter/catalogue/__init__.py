"""Every metric there is, once: its name, kind, labels, and the MT5 field it comes from.

A reading, a probe and a counter name their metric by the row here; the metric table of the README is
generated from it, and a test holds everything served against it.
"""

# The order of these is the order of an exposition.
from mt5_exporter.catalogue.metric import *
from mt5_exporter.catalogue.status import *
from mt5_exporter.catalogue.totals import *
from mt5_exporter.catalogue.limits import *
from mt5_exporter.catalogue.terminal import *
from mt5_exporter.catalogue.account import *
from mt5_exporter.catalogue.risk import *
from mt5_exporter.catalogue.symbols import *
from mt5_exporter.catalogue.trades import *
from mt5_exporter.catalogue.deals import *
from mt5_exporter.catalogue.exporter import *


def table() -> str:
    """Return the metric table of the README, in Markdown."""
    titles = {
        "status": "Status: always there",
        "counter": "Counters: always there, from 0",
        "value": "Values: there while they are fresh",
        "lasting": "What deals leave behind: kept over restarts",
        "exporter": "About the exporter itself",
    }
    parts: list[str] = []
    for group, title in titles.items():
        rows = [metric for metric in METRICS.values() if metric.group == group]
        parts += [f"**{title}**", "", "| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
        parts += [
            f"| `{row.name}` | {row.kind} | {', '.join(row.labels) or '-'} | {row.help} |" for row in rows
        ]
        parts.append("")
    return "\n".join(parts)
