"""Puts the parts together: the only file that knows them all."""

import gc
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from threading import Event
from types import FrameType

import structlog
import uvicorn
from structlog.types import Processor

from stbernard import clock
from stbernard.activation import inherited_sockets
from stbernard.api.app import Parts, make_app
from stbernard.api.gate import Gate
from stbernard.api.policies import Policies
from stbernard.drivers.dhcp.server import own_dnsmasq
from stbernard.drivers.netboot.loaders import write_boot_roots
from stbernard.drivers.registry import Registry
from stbernard.errors import SettingsError, Unavailable
from stbernard.identity.middleware import strategy
from stbernard.operations.accept import Requests
from stbernard.operations.dhcp_requests import note_request
from stbernard.operations.missed_boots import boot_again
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.sweeps import Sweeps
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.line import line
from stbernard.store.migrations import check
from stbernard.store.secrets import Secrets

log = structlog.get_logger()

GRACE = 1  # seconds that requests under way get when the service stops


def serve(settings: Settings, *, api: bool = True, worker: bool = True) -> None:
    """Run the API, a worker, or both, until SIGTERM or SIGINT.

    Raises SettingsError, SchemaError, Unavailable."""
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises it again when it has stopped listening
    database = Database(settings.database_url)
    try:
        check(database)
        if database.is_sqlite and not (api and worker):
            raise SettingsError(
                "SQLite serves one process, and that is `stbernard serve`. For API and workers of "
                "their own set [database]connection to a PostgreSQL database."
            )
        clock.start(database.time)
        secrets = Secrets(settings.database.encryption_key_file)
        store = Store(database, secrets, lease=settings.conductor.heartbeat_timeout)
        name = settings.default.host if worker else None
        with line(store, name=name, serves=settings.http_url if api else None) as serves_alone:
            parts = _Parts(settings, store)
            write_boot_roots(settings)
            if serves_alone:
                boot_again(store, settings)
            with parts.working() if worker else nullcontext():
                _spare_the_collector()
                parts.listen() if api else Event().wait()
    finally:
        database.close()


class _Parts:
    """What a process is made of. Raises SettingsError."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._registry = Registry(settings)
        for warning in (*self._registry.warnings, *_warnings(settings)):
            log.warning(warning)
        self._tasks = Tasks(store, self._registry, settings)
        self._worker: Reconciler | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Be a conductor as long as this lasts."""
        default, store = self._settings.default, self._store
        types = tuple(self._registry.hardware_types())
        store.conductors.register(default.host, default.conductor_group, types)
        self._worker = Reconciler(store, self._tasks, self._settings)
        self._worker.start()
        sweeps = Sweeps(store, self._tasks, self._settings)
        sweeps.start()
        log.info("at work", conductor=default.host, group=default.conductor_group)
        try:
            with own_dnsmasq(self._settings, partial(note_request, store)):
                yield
        finally:
            sweeps.stop()
            self._worker.stop()
            with suppress(Unavailable):
                store.conductors.beat(default.host, alive=False)

    def listen(self) -> None:
        """Serve the API until a signal comes."""
        settings, worker = self._settings, self._worker
        requests = Requests(self._store, self._tasks, settings)
        works = worker.works if worker else lambda: True
        with_roles = settings.default.auth_strategy == "keystone"
        parts = Parts(
            settings,
            self._store,
            requests,
            self._tasks,
            self._registry,
            works,
            strategy(settings),
            Gate(Policies(settings), self._store) if with_roles else None,
        )
        app = make_app(parts)
        sockets = inherited_sockets()
        where = [each.getsockname()[:2] for each in sockets or ()]
        log.info("listening", at=where or [(settings.api.host_ip, settings.api.port)])
        config = uvicorn.Config(
            app,
            host=settings.api.host_ip,
            port=settings.api.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        server = _Server(config, worker)
        server.run(sockets)
        if not server.started:
            raise SystemExit(1)


class _Server(uvicorn.Server):
    """uvicorn, which tells the worker of a signal at once: both come to their end together."""

    def __init__(self, config: uvicorn.Config, worker: Reconciler | None) -> None:
        super().__init__(config)
        self._worker = worker

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._worker:
            self._worker.begin_to_stop()
        super().handle_exit(sig, frame)


def _warnings(settings: Settings) -> Iterator[str]:
    """What an operator should know about the safety of this configuration."""
    if settings.default.auth_strategy == "noauth":
        yield (
            "[DEFAULT]auth_strategy is noauth: who reaches the API may do everything. Listen only "
            "where you trust everybody, or choose http_basic or keystone."
        )
    if not settings.database.encryption_key_file:
        yield (
            "BMC passwords, agent tokens and config drives are in plain text in the database: set "
            "[database]encryption_key_file, then run: stbernard db rotate-keys"
        )


def _spare_the_collector() -> None:
    """What is there at the start stays: do not search it again with each list that is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def configure_logging(*, debug: bool, use_json: bool = False) -> None:
    """One line an event on standard error, from here and from the libraries alike."""
    level = logging.DEBUG if debug else logging.INFO
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
    ]
    rendered = _as_json() if use_json else _for_people()
    structlog.configure(
        # past the standard library's logging, which takes as long again for each line
        processors=[*shared, *rendered],
        logger_factory=_StandardError,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendered,
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Libraries that print whole requests when they debug would print credentials too.
    for chatty in ("urllib3", "asyncssh", "requests"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its errors reach us as exceptions; its log calls a fall-back to basic authentication one.
    logging.getLogger("sushy").setLevel(logging.CRITICAL)


class _StandardError:
    """Writes a line at a time."""

    def msg(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = msg


def _for_people() -> tuple[Processor, ...]:
    return (
        structlog.dev.ConsoleRenderer(
            columns=None if sys.stderr.isatty() else _COLUMNS,
            # the default one prints the variables of each frame: hashes, BMC passwords
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def _pair(key: str, value: object) -> str:
    plain = isinstance(value, str) and _QUOTED.isdisjoint(value)
    return f"{key}={value}" if plain else f"{key}={value!r}"


_QUOTED = frozenset(" \t=\r\n\"'")
_COLUMNS = [
    structlog.dev.Column("timestamp", lambda _, value: str(value)),
    structlog.dev.Column("level", lambda _, value: f"[{value:<9}]"),
    structlog.dev.Column("event", lambda _, value: f"{value:<30}"),
    structlog.dev.Column("logger", lambda _, value: f"[{value}]"),
    structlog.dev.Column("", _pair),
]
"""A line as structlog writes it without colours, in a third of the time."""


def _as_json() -> tuple[Processor, ...]:
    return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
