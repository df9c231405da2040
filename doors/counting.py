"""What is counted at every door, for Prometheus. Labels are few and known beforehand, never a caller's own."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from doors.condition import Watch
from doors.lanes import Turns
from doors.limits import Lane

KIND = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Counts:
    """The counts of one process. Each has a registry of its own, so that tests may run several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._lanes = _Lanes()
        self.registry.register(self._lanes)
        kept = self.registry
        self._requests = Counter(
            "elicence_requests", "Answers by route and status", ["method", "route", "status"], registry=kept
        )
        self._seconds = Histogram(
            "elicence_request_seconds", "From arrival to answer", ["route"], buckets=_BUCKETS, registry=kept
        )
        self._away = Counter("elicence_turned_away", "Requests that the wall refused", ["why"], registry=kept)
        self._refused = Counter(
            "elicence_refusals", "Requests that the service refused", ["code"], registry=kept
        )

    def watch(self, lanes: Mapping[Lane, Turns]) -> None:
        """Tells of the requests that are inside these lanes now."""
        self._lanes.lanes = dict(lanes)

    def request(self, scope: Mapping[str, Any], status: int, seconds: float, known: Collection[str]) -> None:
        """One request was answered; status 0: the caller went away."""
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = _route(scope, known)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def turned_away(self, why: str) -> None:
        """The wall refused a request."""
        self._away.labels(why).inc()

    def refused(self, code: str) -> None:
        """The service refused a request; `code` is an error class's own."""
        self._refused.labels(code).inc()

    def text(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Lanes(Collector):
    lanes: Mapping[Lane, Turns]

    def __init__(self) -> None:
        self.lanes = {}

    def collect(self) -> Iterator[Metric]:
        inside = GaugeMetricFamily(
            "elicence_requests_inside", "Requests inside now", labels=["lane", "state"]
        )
        for lane, turns in self.lanes.items():
            inside.add_metric([lane, "working"], turns.working)
            inside.add_metric([lane, "waiting"], turns.inside - turns.working)
        yield inside


def _route(scope: Mapping[str, Any], known: Collection[str]) -> str:
    if scope["path"] in known:
        return str(scope["path"])
    return str(getattr(scope.get("route"), "path", "other"))


class Condition(Collector):
    """The parts and figures of a condition, looked at when Prometheus asks."""

    def __init__(self, watch: Watch, helps: Mapping[str, str]) -> None:
        self._watch, self._helps = watch, helps

    def describe(self) -> Iterator[Metric]:
        """The names alone: registering must not look at anything."""
        yield GaugeMetricFamily("elicence_ready", "1: /readyz says ready")
        yield GaugeMetricFamily("elicence_part_ok", "1: the part is well", labels=["part"])
        for name, text in self._helps.items():
            yield GaugeMetricFamily(f"elicence_{name}", text)

    def collect(self) -> Iterator[Metric]:
        told = self._watch.told()
        yield GaugeMetricFamily("elicence_ready", "1: /readyz says ready", told["status"] == "ready")
        well = GaugeMetricFamily("elicence_part_ok", "1: the part is well", labels=["part"])
        for part in told["parts"]:
            well.add_metric([part["name"]], part["ok"])
        yield well
        for part in told["parts"]:
            for name in part.keys() & self._helps.keys():
                yield GaugeMetricFamily(f"elicence_{name}", self._helps[name], part[name])
