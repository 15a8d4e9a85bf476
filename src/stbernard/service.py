"""Puts the parts together: the only file that knows them all."""

import gc
import logging
import signal
import sys

import structlog
import uvicorn
from structlog.types import Processor

from stbernard.api.app import Parts, make_app
from stbernard.drivers.netboot.ipxe import write_boot_script
from stbernard.drivers.registry import Registry
from stbernard.operations.accept import Requests
from stbernard.operations.missed_boots import boot_again
from stbernard.operations.reconciler import Reconciler
from stbernard.operations.sweeps import Sweeps
from stbernard.operations.tasks import Tasks
from stbernard.settings import Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import check

log = structlog.get_logger()

GRACE = 5  # seconds that requests under way get when the service stops


def serve(settings: Settings) -> None:
    """Run the API and a worker until SIGTERM or SIGINT.

    Raises SettingsError, SchemaError."""
    signal.signal(signal.SIGTERM, _leave)  # uvicorn raises it again when it has stopped listening
    database = Database(settings.database_url)
    try:
        check(database)
        store = Store(database)
        registry = Registry(settings)
        tasks = Tasks(store, registry, settings)
        worker = Reconciler(store, tasks, settings)
        app = make_app(
            Parts(
                settings,
                store,
                Requests(store, tasks, settings),
                tasks,
                registry,
                worker.works,
            )
        )
        store.conductors.register(
            settings.default.host,
            settings.default.conductor_group,
            tuple(registry.hardware_types()),
        )
        write_boot_script(settings)
        for warning in registry.warnings:
            log.warning(warning)
        boot_again(store, settings)
        worker.start()
        sweeps = Sweeps(store, tasks, settings)
        sweeps.start()
        _spare_the_collector()
        try:
            _listen(app, settings)
        finally:
            sweeps.stop()
            worker.stop()
            store.conductors.beat(settings.default.host, alive=False)
    finally:
        database.close()


def _spare_the_collector() -> None:
    """What is there at the start stays: do not search it again with each list that is made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _listen(app: object, settings: Settings) -> None:
    log.info("listening", address=settings.api.host_ip, port=settings.api.port)
    uvicorn.run(
        app,  # type: ignore[arg-type]
        host=settings.api.host_ip,
        port=settings.api.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )


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
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_as_json() if use_json else _for_people()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Libraries that print whole requests when they debug would print credentials too.
    for chatty in ("urllib3", "asyncssh", "requests"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # Its errors reach us as exceptions; its log calls a fall-back to basic authentication one.
    logging.getLogger("sushy").setLevel(logging.CRITICAL)


def _for_people() -> tuple[Processor, ...]:
    return (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # the default one prints the variables of each frame: hashes, BMC passwords
            exception_formatter=structlog.dev.plain_traceback,
        ),
    )


def _as_json() -> tuple[Processor, ...]:
    return (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
