"""Conductors: the workers, alive and dead (`GET /v1/conductors`)."""

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from stbernard import clock
from stbernard.errors import NotFound
from stbernard.store import schema
from stbernard.store.engine import Database

_conductors = schema.conductors


class Conductor(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it registered itself; `drivers` are its enabled hardware types."""

    hostname: str
    conductor_group: str
    drivers: tuple[str, ...]
    registered_at: float
    alive_at: float
    alive: bool


class Conductors:
    """`dead_after`: seconds of silence."""

    def __init__(self, database: Database, dead_after: float) -> None:
        self._database = database
        self._dead_after = dead_after
        self._groups: set[str] = set()

    def register(self, hostname: str, conductor_group: str, drivers: tuple[str, ...]) -> None:
        now = clock.now()

        def work(connection: Connection) -> None:
            connection.execute(delete(_conductors).where(_conductors.c.hostname == hostname))
            connection.execute(
                insert(_conductors).values(
                    hostname=hostname,
                    conductor_group=conductor_group,
                    drivers=drivers,
                    registered_at=now,
                    alive_at=now,
                    alive=True,
                )
            )

        self._database.write(work)

    def beat(self, hostname: str, *, alive: bool = True) -> None:
        """Say that the worker lives, or that it stops."""
        change = (
            update(_conductors)
            .where(_conductors.c.hostname == hostname)
            .values(alive_at=clock.now(), alive=alive)
        )
        self._database.write(lambda connection: connection.execute(change), apart=True)

    def list(self) -> tuple[Conductor, ...]:
        query = select(_conductors).order_by(_conductors.c.hostname)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        heard = clock.now() - self._dead_after
        found = (Conductor(**row._mapping) for row in rows)
        return tuple(
            msgspec.structs.replace(each, alive=each.alive and each.alive_at > heard)
            for each in found
        )

    def serves(self, conductor_group: str) -> bool:
        """Whether a worker of this group was ever there."""
        if conductor_group not in self._groups:
            self._groups = {each.conductor_group for each in self.list()}
        return conductor_group in self._groups

    def get(self, hostname: str) -> Conductor:
        """Raises NotFound."""
        for conductor in self.list():
            if conductor.hostname == hostname:
                return conductor
        raise NotFound(f"Conductor {hostname} could not be found.")
