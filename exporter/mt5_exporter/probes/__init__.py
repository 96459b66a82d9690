"""The probes, in the order of their layers: a new one is a file here and a line below."""

from mt5_exporter.probes.authentication import AuthenticationProbe
from mt5_exporter.probes.base import Probe, Verdict
from mt5_exporter.probes.connection import ConnectionProbe
from mt5_exporter.probes.data_feed import DataFeedProbe
from mt5_exporter.probes.latency import LatencyProbe

PROBES: tuple[Probe, ...] = (ConnectionProbe(), AuthenticationProbe(), DataFeedProbe(), LatencyProbe())

__all__ = ["PROBES", "Probe", "Verdict"]
