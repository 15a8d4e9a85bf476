"""What this process counts for `GET /metrics`. Each process has its own; a restart begins anew."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from stbernard.errors import StBernardError

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_operations = Counter(
    "stbernard_operations",
    "Operations that ended, by how they did.",
    ("operation", "outcome"),
    registry=REGISTRY,
)
_steps = Histogram(
    "stbernard_step_seconds",
    "How long steps took, from their start until they were done.",
    ("operation", "step"),
    buckets=(0.1, 1, 5, 15, 60, 300, 1800),
    registry=REGISTRY,
)
_errors = Counter(
    "stbernard_hardware_errors",
    "Errors of BMCs, images and agents, by kind; an operation may have got over them.",
    ("kind",),
    registry=REGISTRY,
)
_requests = Histogram(
    "stbernard_request_seconds",
    "Requests, by route, until their answer began.",
    ("method", "route", "status"),
    buckets=(0.005, 0.02, 0.1, 0.5, 2, 10),
    registry=REGISTRY,
)


def operation_ended(operation: str, outcome: str) -> None:
    _operations.labels(operation, outcome).inc()


def step_done(operation: str, step: str, seconds: float) -> None:
    _steps_of(operation, step).observe(seconds)


@cache
def _steps_of(operation: str, step: str) -> Histogram:
    return _steps.labels(operation, step)


def hardware_failed(error: StBernardError) -> None:
    _errors.labels(type(error).__name__).inc()


def answered(method: str, route: str, status: int, seconds: float) -> None:
    _requests_of(method, route, status).observe(seconds)


@cache
def _requests_of(method: str, route: str, status: int) -> Histogram:
    return _requests.labels(method, route, str(status))


__all__ = ["REGISTRY", "answered", "hardware_failed", "operation_ended", "step_done"]
