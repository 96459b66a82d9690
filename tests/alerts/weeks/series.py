"""Minutes of samples, as the series of a rule's unit test."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
Minute = dict[Key, float]
Value = float | None

TARGET: Labels = (("job", "mt5-exporter"), ("instance", "desks:10685"))


@dataclass(slots=True, kw_only=True)
class Series:
    """What was seen, minute by minute.

    Attributes:
        start: Unix seconds of the first minute, which a unit test calls 0.
        minutes: How many there are.
        values: Of each series, from its first minute on, None where it was not there.
    """

    start: float
    minutes: int = 0
    values: dict[Key, list[Value]] = field(default_factory=dict)

    def add(self, minute: Minute) -> None:
        """Take one minute more."""
        for key, value in minute.items():
            known = self.values.setdefault(key, [None] * self.minutes)
            # A unit test's time begins at 0; what was never is as long ago as it is.
            known.append(value - self.start if _moment(key[0]) else float(value))
        self.minutes += 1
        for known in self.values.values():
            if len(known) < self.minutes:
                known.append(None)

    def part(self, first: int, last: int) -> "Series":
        """Return the minutes from one to another as series of their own."""
        start = self.start + 60 * first
        return Series(
            start=start,
            minutes=last - first,
            values={
                key: [
                    value - (start - self.start) if value is not None and _moment(key[0]) else value
                    for value in known[first:last]
                ]
                for key, known in self.values.items()
            },
        )

    def changed(self, name: str, value: Callable[[float], float]) -> "Series":
        """Return the same with another value of one metric, by the minute's Unix time."""
        instead: list[Value] = [value(self.start + 60 * minute) for minute in range(self.minutes)]
        values = {key: instead if key[0] == name else known for key, known in self.values.items()}
        return Series(start=self.start, minutes=self.minutes, values=values)

    def inputs(self) -> Iterator[dict[str, str]]:
        """Yield the `input_series`, and those of a target that is there."""
        for (name, labels), known in self.values.items():
            yield {"series": _spelled(name, (*TARGET, *labels)), "values": _notation(known)}
        yield {"series": _spelled("up", TARGET), "values": f"1x{self.minutes - 1}"}
        beat = "mt5_exporter_scheduler_last_run_timestamp_seconds"
        yield {"series": _spelled(beat, TARGET), "values": f"0+60x{self.minutes - 1}"}


def write_test(path: Path, series: Series, *, rules: Sequence[Path], groups: Sequence[str]) -> None:
    """Write a unit test that fails if anything that is told to anybody fires in any minute."""
    told = 'ALERTS{alertstate="firing",severity=~"critical|warning"}'
    by = "alertname, instance, terminal, symbol, severity"
    test = {
        "interval": "1m",
        "input_series": list(series.inputs()),
        "promql_expr_test": [
            {
                "expr": f"count by ({by}) (count_over_time({told}[{series.minutes}m]))",
                "eval_time": f"{series.minutes - 1}m",
                "exp_samples": [],
            }
        ],
    }
    document = {
        "rule_files": [str(rule) for rule in rules],
        "evaluation_interval": "1m",
        "group_eval_order": list(groups),
        "tests": [test],
    }
    path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, width=2**30))


def _moment(name: str) -> bool:
    return name.endswith("_timestamp_seconds")


def _spelled(name: str, labels: Labels) -> str:
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in labels) + "}"


def _notation(values: Sequence[Value]) -> str:
    """Return values in a unit test's notation; what leaves is stale at once, as after a scrape without it."""
    parts: list[str] = []
    before: Value = None
    for value, run in itertools.groupby(values):
        count = len(list(run))
        if value is None:
            if before is not None:
                parts.append("stale")
                count -= 1
            if count:
                parts.append(f"_x{count}")
        else:
            parts.append(f"{value!r}x{count - 1}" if count > 1 else repr(value))
        before = value
    return " ".join(parts)
