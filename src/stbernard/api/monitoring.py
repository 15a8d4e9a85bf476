"""`/healthz`, `/readyz`, `/metrics`: for those who watch the service.

Outside of /v1, in no microversion, and for everybody who reaches the API: they name no node.
"""

from collections.abc import Iterator

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from stbernard.api.given import GivenParts
from stbernard.api.parts import Parts
from stbernard.errors import SchemaError, StBernardError, Unavailable
from stbernard.metrics import REGISTRY
from stbernard.store.load import load
from stbernard.store.migrations import check


@get("/healthz", sync_to_thread=False)
def healthz() -> dict[str, str]:
    """The process is there and answers."""
    return {"status": "ok"}


@get("/readyz", sync_to_thread=True)
def readyz(parts: GivenParts) -> Response[dict[str, str]]:
    """Whether it can do its work; 503 with the reason if not."""
    reason = _why_not(parts)
    if reason:
        return Response({"status": "not ready", "reason": reason}, status_code=503)
    return Response({"status": "ready"})


@get("/metrics", sync_to_thread=True)
def metrics(parts: GivenParts) -> Response[bytes]:
    """In Prometheus' text format: what this process counted, and what the database knows now."""
    now = CollectorRegistry()
    now.register(_Now(parts))
    text = generate_latest(REGISTRY) + generate_latest(now)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


def _why_not(parts: Parts) -> str | None:
    try:
        check(parts.store.database)
    except Unavailable:
        return "The database does not answer."
    except SchemaError:
        return "The database has another release's schema. Run: stbernard db upgrade"
    except StBernardError as error:
        return str(error)
    return None if parts.works() else "The worker's thread has ended; see the log."


class _Now(Collector):
    """What the database knows; nothing while it does not answer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            found = load(self._parts.store.database)
        except Unavailable:
            return
        operations = GaugeMetricFamily(
            "stbernard_nodes_in_operation",
            "Nodes in an operation.",
            labels=("operation", "provision_state"),
        )
        for (name, state), count in found.operations.items():
            operations.add_metric((name, state), count)
        leases = GaugeMetricFamily("stbernard_leases", "Nodes in hand.", labels=("worker",))
        for worker, count in found.leases.items():
            leases.add_metric((worker,), count)
        overdue = "Seconds that the node that is due longest waits for a worker."
        yield from (operations, leases)
        yield GaugeMetricFamily("stbernard_queue_age_seconds", overdue, value=found.overdue)
