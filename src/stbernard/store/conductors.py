"""Conductors: the workers, alive and dead (`GET /v1/conductors`)."""

import time

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

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
    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, hostname: str, conductor_group: str, drivers: tuple[str, ...]) -> None:
        now = time.time()

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
            .values(alive_at=time.time(), alive=alive)
        )
        self._database.write(lambda connection: connection.execute(change))

    def list(self) -> tuple[Conductor, ...]:
        query = select(_conductors).order_by(_conductors.c.hostname)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return tuple(Conductor(**row._mapping) for row in rows)

    def get(self, hostname: str) -> Conductor:
        """Raises NotFound."""
        for conductor in self.list():
            if conductor.hostname == hostname:
                return conductor
        raise NotFound(f"Conductor {hostname} could not be found.")
