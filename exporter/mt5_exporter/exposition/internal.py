"""The metrics about the exporter itself, kept with prometheus_client; the process's own are among them."""

import platform
from collections.abc import Iterator

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from mt5_exporter import __version__, catalogue
from mt5_exporter.catalogue import Metric
from mt5_exporter.store import REASONS, StateStore
from mt5_exporter.web.front import REFUSALS
from mt5_exporter.web.watch import WebConfigFile

END = b"# EOF\n"


class Internals:
    """One object per exporter; its registry is its own."""

    def __init__(self) -> None:
        # A creation time for every counter would double them, and Prometheus advises against.
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        build = self._gauge(catalogue.EXPORTER_BUILD)
        build.labels(__version__, platform.python_version()).set(1)
        self._config = self._gauge(catalogue.EXPORTER_CONFIG)
        self._reloaded = self._gauge(catalogue.EXPORTER_CONFIG_RELOADED)
        self._reloaded_at = self._gauge(catalogue.EXPORTER_CONFIG_RELOADED_AT)
        self.scheduler_events = self._counter(catalogue.EXPORTER_JOBS)
        for event in ("executed", "error", "missed", "max_instances"):
            self.scheduler_events.labels(event)
        self.scheduler_lag = Histogram(
            catalogue.EXPORTER_JOB_LAG.name,
            catalogue.EXPORTER_JOB_LAG.help,
            buckets=catalogue.DURATION_BUCKETS,
            registry=self.registry,
        )
        self.clock_jumps = self._counter(catalogue.EXPORTER_CLOCK_JUMPS)
        self.heartbeat = self._gauge(catalogue.EXPORTER_HEARTBEAT)
        self.loop_lag = self._gauge(catalogue.EXPORTER_LOOP_LAG)
        self.tasks = self._gauge(catalogue.EXPORTER_TASKS)
        self.render_seconds = self._gauge(catalogue.EXPORTER_RENDER_SECONDS)
        self.renders = self._counter(catalogue.EXPORTER_RENDERS)
        self.render_failures = self._counter(catalogue.EXPORTER_RENDER_FAILURES)
        self.series = self._gauge(catalogue.EXPORTER_SERIES)
        self.listener_errors = self._counter(catalogue.EXPORTER_LISTENER_ERRORS)
        self.dropped = self._gauge(catalogue.EXPORTER_DROPPED)
        self.web_reloaded = self._gauge(catalogue.EXPORTER_WEB_RELOADED)
        self.web_reloaded_at = self._gauge(catalogue.EXPORTER_WEB_RELOADED_AT)
        self.refused = self._counter(catalogue.EXPORTER_WEB_REFUSED)
        for reason in REFUSALS:
            self.refused.labels(reason)
        prometheus_client.ProcessCollector(registry=self.registry)
        prometheus_client.PlatformCollector(registry=self.registry)
        prometheus_client.GCCollector(registry=self.registry)

    def configured(self, *, fingerprint: str, at: float) -> None:
        """Tell of the configuration that runs from now on, and of when it was read."""
        self._config.clear()
        self._config.labels(fingerprint).set(1)
        self._reloaded_at.set(at)
        self._reloaded.set(1)

    def not_configured(self) -> None:
        """Tell that the last attempt to read the configuration failed."""
        self._reloaded.set(0)

    def watch(self, store: StateStore) -> None:
        """Tell of the state store from now on."""
        self.registry.register(_StoreCollector(store))

    def watch_web(self, file: WebConfigFile | None) -> None:
        """Tell of the web configuration from now on; without one nothing can be wrong with it."""
        self.web_reloaded.set_function(lambda: float(file is None or file.successful))
        self.web_reloaded_at.set_function(lambda: file.succeeded_at if file else 0.0)

    def refuse(self, reason: str) -> None:
        """Count a connection or a request that was turned away."""
        self.refused.labels(reason).inc()

    def text(self) -> bytes:
        """Return them in text 0.0.4."""
        return generate_latest(self.registry)

    def openmetrics(self) -> bytes:
        """Return them in OpenMetrics 1.0.0, without the end marker."""
        body: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return body.removesuffix(END)

    def _gauge(self, metric: Metric) -> Gauge:
        return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self.registry)


class _StoreCollector(Collector):
    """Asks the state store at each rendering: it changes on its own thread and tells nobody."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def collect(self) -> Iterator[Family]:
        """Return its three metrics."""
        up, errors, pending = (
            catalogue.EXPORTER_STORE_UP,
            catalogue.EXPORTER_STORE_ERRORS,
            catalogue.EXPORTER_STORE_PENDING,
        )
        yield GaugeMetricFamily(up.name, up.help, value=not self._store.trouble)
        counts = CounterMetricFamily(errors.name, errors.help, labels=errors.labels)
        for reason in REASONS:
            counts.add_metric((reason,), self._store.errors[reason])
        yield counts
        yield GaugeMetricFamily(pending.name, pending.help, value=self._store.pending)
