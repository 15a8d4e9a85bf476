"""The private OpenStack as a whole: up, down, and single services ended and started again."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

from tools.openstack import catalogue, config, definitions, mechanism, schemas
from tools.openstack.install import CACHE, installed, kept
from tools.openstack.services import Running, Service

BARE_METAL = "http://127.0.0.1:6385"
APIS = ("placement", "glance", "neutron")


class Place(Protocol):
    """Where the services are: a lab's network is one."""

    def command(self, command: Sequence[str | Path]) -> list[str]:
        """The command that runs `command` there."""

    def inside(self) -> AbstractContextManager[None]:
        """Puts the calling thread there."""


class Host:
    """The host's own loopback."""

    def command(self, command: Sequence[str | Path]) -> list[str]:
        return [str(word) for word in command]

    def inside(self) -> AbstractContextManager[None]:
        return nullcontext()


class Cloud:
    """The services, each with its log in `folder`/log; a context manager that is up inside.

    `folder` is the run's own, and emptied first. `bare_metal`: the URL in the catalogue."""

    def __init__(
        self,
        folder: Path,
        *,
        place: Place | None = None,
        bare_metal: str = BARE_METAL,
        compute: bool = False,
    ) -> None:
        self.folder = folder.absolute()
        self.bare_metal = bare_metal
        self.programs = installed()
        self._place = place or Host()
        self._compute = compute
        self._running: dict[str, Running] = {}

    def __enter__(self) -> "Cloud":
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()

    def up(self) -> None:
        """Start everything but Compute's workers, which need the bare metal service first.

        Raises ProgramError; then nothing is left running."""
        name = f"schemas-{self.programs.python.parent.name}"
        ready = kept(CACHE, name, partial(schemas.make, programs=self.programs))
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(ready, self.folder)
        config.write_all(self.folder, self.programs, self.bare_metal)
        mechanism.install(self.folder / "plugins")
        (self.folder / "log").mkdir()
        try:
            parts = (self.folder, self.programs)
            self._start(definitions.mariadb(*parts), definitions.rabbitmq(*parts))
            self.start("keystone")
            self.start(*APIS, *(["nova"] if self._compute else []))
            with self._place.inside():
                catalogue.Identity().register(self.bare_metal)
        except BaseException:
            self.down()
            raise

    def start(self, *names: str) -> None:
        """Start these APIs, all at a time. Raises ProgramError."""
        self._start(*(definitions.web(name, self.folder, self.programs) for name in names))

    def start_compute(self) -> None:
        """Compute's conductor, its scheduler and nova-compute itself. Raises ProgramError."""
        names = ("conductor", "scheduler", "compute")
        parts = (self.folder, self.programs)
        self._start(*(definitions.compute_worker(name, *parts) for name in names))

    def stop(self, name: str) -> None:
        """End one service."""
        self._running.pop(name).end()

    def down(self) -> None:
        """End all that was started, last first; twice does no harm."""
        while self._running:
            self._running.popitem()[1].end()

    def _start(self, *services: Service) -> None:
        for service in services:
            log = self.folder / "log" / f"{service.name}.log"
            self._running[service.name] = Running(service, log, self._place.command(["nice"]))
        for service in services:
            self._running[service.name].wait(self._place.inside)
