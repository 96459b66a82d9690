"""A row for each thing, and what is known of it in columns."""

import string
from collections.abc import Iterator
from dataclasses import dataclass

import grafanalib.core as G  # noqa: N812 - the name in its own documentation

from dashboards.lib import links
from dashboards.lib.panel import Panel, Steps, lettered, mappings, override, thresholds
from dashboards.lib.plain import PANEL, Json, plain
from dashboards.lib.query import Query
from dashboards.lib.states import States


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: one value for each of its rows.

    Attributes:
        title: Its head.
        expr: What is asked.
        unit: Grafana's word for it.
        states: Its values in words.
        steps: From which value on which colour; without any it is plain text.
        decimals: Digits after the point.
        leads_to: The uid of the dashboard that its cells lead to.
        shown: Whether it is seen; one that is not brings its labels along.
    """

    title: str
    expr: str
    unit: str = "none"
    states: States = ()
    steps: Steps = ()
    decimals: int | None = None
    leads_to: str = ""
    shown: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Panel):
    """A row for each thing, and what is known of it in columns.

    Attributes:
        columns: Their values.
        labels: What a row is told apart by, with the head of each; `job` is carried unseen.
        sort: The head of the column to sort by; with a minus, from the largest down.
        runbook_of: A label with an alert's name: its cells lead to the runbooks.
    """

    columns: tuple[Column, ...]
    labels: dict[str, str]
    sort: str
    runbook_of: str = ""
    width: int = 24

    def json(self, number: int, place: G.GridPos) -> Json:
        """Return it as Grafana reads it."""
        queries = [Query(expr=self._keyed(column.expr), legend=column.title) for column in self.columns]
        targets = [query.target(ref, table=True, instant=True) for ref, query in lettered(queries)]
        made: object = G.Table(
            **self.common(number, place, targets),
            sortBy=[],
            transformations=list(self._transformations()),
            extraJson={
                "fieldConfig": {
                    "defaults": {
                        **self.field(()),
                        "color": {"mode": "thresholds"},
                        "custom": {"cellOptions": {"type": "auto"}, "displayMode": None, "inspect": False},
                    },
                    "overrides": [*self._labels(), *self._cells()],
                },
                "options": {
                    "cellHeight": "sm",
                    "footer": {"countRows": False, "reducer": [], "show": False},
                    "frameIndex": 0,
                    "sortBy": [{"desc": self.sort.startswith("-"), "displayName": self.sort.lstrip("-")}],
                },
            },
        )
        return plain(made, without=PANEL)

    def _keyed(self, expr: str) -> str:
        """Return an expression with the labels of a row and no others: Grafana merges rows that are alike."""
        keys = dict.fromkeys([*(label for label in ("job", "instance") if label in self.by), *self.labels])
        return f"max by ({', '.join(keys)}) ({expr})"

    def _value(self, ref: str) -> str:
        """Return what Grafana calls the value of a query."""
        return "Value" if len(self.columns) == 1 else f"Value #{ref}"

    def _transformations(self) -> Iterator[Json]:
        """Yield what makes one table of the queries' answers."""
        lettered_columns = list(zip(string.ascii_uppercase, self.columns, strict=False))
        heads = {self._value(ref): column.title for ref, column in lettered_columns}
        if len(self.columns) > 1:
            yield {"id": "merge", "options": {}}
        unseen = [self._value(ref) for ref, column in lettered_columns if not column.shown]
        organize: Json = {
            "excludeByName": dict.fromkeys(["Time", "__name__", *unseen], True),
            "indexByName": {name: number for number, name in enumerate([*self.labels, *heads])},
            "renameByName": heads,
        }
        yield {"id": "organize", "options": organize}

    def _labels(self) -> Iterator[Json]:
        """Yield how labels are shown, and where they lead."""
        if "job" in self.by and "job" not in self.labels:
            yield override("byName", "job", {"custom.hidden": True})
        for label, head in self.labels.items():
            properties: Json = {"displayName": head}
            if label == self.runbook_of:
                properties["links"] = [links.to_runbook_of(label)]
            elif self.leads_to and label == self.by[-1]:
                properties["links"] = [links.to_dashboard(self.leads_to, self.by, table=True)]
            yield override("byName", label, properties)

    def _cells(self) -> Iterator[Json]:
        """Yield how the columns' values are shown."""
        for column in self.columns:
            properties: Json = {"unit": column.unit}
            if column.states or column.steps:
                properties["custom.cellOptions"] = {"type": "color-text"}
            if column.states:
                properties["mappings"] = mappings(column.states)
            if column.steps:
                properties["thresholds"] = thresholds(column.steps)
            if column.decimals is not None:
                properties["decimals"] = column.decimals
            if column.leads_to:
                properties["links"] = [links.to_dashboard(column.leads_to, self.by, table=True)]
            if column.shown:
                yield override("byName", column.title, properties)
