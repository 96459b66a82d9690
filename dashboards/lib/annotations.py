"""What happened, over every chart: alerts, restarts of the exporter, trips of a breaker."""

from dataclasses import dataclass

from dashboards.lib.colours import BAD, OTHER, WARN
from dashboards.lib.plain import Json
from dashboards.lib.query import DATASOURCE, selected


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """Something that happens now and then.

    Attributes:
        name: What it is called above the charts.
        expr: There while it happens.
        title: Of one of them, by its labels.
        text: More about it.
        tags: Labels, with commas between.
        colour: Of its line.
        terminals: Whether it asks for the variable `terminal`.
    """

    name: str
    expr: str
    title: str
    text: str
    tags: str
    colour: str
    terminals: bool = True

    def json(self) -> Json:
        """Return it as Grafana reads it."""
        return {
            "datasource": DATASOURCE,
            "enable": True,
            "expr": selected(self.expr),
            "hide": False,
            "iconColor": self.colour,
            "name": self.name,
            "step": "30s",
            "tagKeys": self.tags,
            "textFormat": self.text,
            "titleFormat": self.title,
            "useValueForTime": False,
        }


ALERTS = Annotation(
    name="Alerts",
    expr='ALERTS{:alert,alertstate="firing",alertname=~"MT5.+"}',
    title="{{alertname}}",
    text="{{terminal}} {{instance}}",
    tags="severity",
    colour=BAD,
)
EXPORTER_ALERTS = Annotation(
    name="Alerts",
    expr='ALERTS{job=~"$job|",instance=~"$instance|",alertstate="firing",alertname=~"MT5.+"}',
    title="{{alertname}}",
    text="{{terminal}} {{instance}}",
    tags="severity",
    colour=BAD,
    terminals=False,
)
RESTARTS = Annotation(
    name="Exporter restarts",
    # process_start_time_seconds is there on Linux only.
    expr="resets(mt5_exporter_renders_total{:exporter}[$__rate_interval]) > 0",
    title="Exporter restarted",
    text="{{instance}}",
    tags="instance",
    colour=OTHER,
    terminals=False,
)
TRIPS = Annotation(
    name="Breaker trips",
    expr='increase(mt5_breaker_transitions_total{:terminal,from="closed",to="open"}[$__rate_interval]) > 0',
    title="Circuit breaker tripped",
    text="{{terminal}}",
    tags="terminal",
    colour=WARN,
)
