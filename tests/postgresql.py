"""A PostgreSQL server of the tests' own: Debian's, in a folder in /tmp, on a unix socket.

PostgreSQL refuses to run as root, so that there it runs as the package's user `postgres`.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from sqlalchemy.engine import make_url

from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade

RECOVERY = "300"  # seconds: after a crash each of its files is synced, and the disk may be busy
TEMPLATE = "template_stbernard"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "logging_collector": "off",
    "log_min_messages": "fatal",
}
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgreSQL:
    """A server that runs until `close`. `quick`: without fsync, for tests in which nothing dies;
    `log`: a folder for its write-ahead log, in small files, on another file system perhaps.

    `database()` is the URL of a new database with the schema, a copy of a template."""

    def __init__(self, *, quick: bool = True, log: Path | None = None) -> None:
        # Socket paths are short: pytest's own folders may be too deep for one.
        self.folder = Path(tempfile.mkdtemp(prefix="stbernard-pg-", dir="/tmp"))
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        shutil.chown(self.folder, self._user)
        self._programs = programs()
        self._data = self.folder / "data"
        self._numbers = itertools.count(1)
        options = "--auth=trust --username=stbernard --encoding=UTF8 --locale=C.UTF-8 --no-sync"
        apart = ("--waldir", log, "--wal-segsize", "1") if log else ()
        self._run("initdb", *options.split(), *apart, "--pgdata", self._data)
        settings = SETTINGS | (QUICK if quick else {}) | {"unix_socket_directories": self.folder}
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()
        self._make_template()

    def start(self) -> None:
        log = self.folder / "log"
        waits = "start", "--wait", "--timeout", RECOVERY, "--silent"
        self._run("pg_ctl", *waits, "-D", self._data, "-l", log)

    def stop(self, mode: str = "fast") -> None:
        """`fast` ends sessions in order, `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode", mode, "-D", self._data)

    def start_again(self) -> None:
        """As systemd does where it has ended by itself; nothing if it runs, or recovers."""
        if self._done("pg_ctl", "status", "-D", self._data) != 0:
            self.start()

    def close(self) -> None:
        """Also if it has ended by itself."""
        self._done("pg_ctl", "stop", "--wait", "--silent", "--mode", "immediate", "-D", self._data)
        shutil.rmtree(self.folder)

    def database(self, tablespace: Path | None = None) -> str:
        """`tablespace`: a folder for its files, on another file system perhaps."""
        name = f"stbernard_{next(self._numbers)}"
        where = "pg_default"
        if tablespace:
            where = f"space_{name}"
            shutil.chown(tablespace, self._user)
            self.execute(f"CREATE TABLESPACE {where} LOCATION '{tablespace}'")
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} TABLESPACE {where}")
        return self.url_of(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run it as the superuser, outside of any of the tests' databases."""
        address = f"host={self.folder} user=stbernard dbname=postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut(self, name: str) -> None:
        """End every connection to this database."""
        sessions = f"FROM pg_stat_activity WHERE datname = '{name}'"
        self.execute(f"SELECT pg_terminate_backend(pid) {sessions}")

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        database = Database(self.url_of(TEMPLATE))
        upgrade(database)
        database.close()

    def url_of(self, name: str) -> str:
        return f"postgresql+psycopg://stbernard@/{name}?host={quote(str(self.folder))}"

    def _run(self, program: str, *arguments: str | Path) -> None:
        if self._done(program, *arguments) != 0:
            raise RuntimeError(f"{program} failed: {self.told()}")

    def told(self) -> str:
        """Its log for people."""
        log = self.folder / "log"
        return log.read_text() if log.exists() else ""

    def _done(self, program: str, *arguments: str | Path) -> int:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user if os.geteuid() == 0 else None,
            group=self._user if os.geteuid() == 0 else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server would hold a pipe open
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode


def programs() -> Path:
    """Where Debian puts the server's programs: the newest version's. Raises RuntimeError."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
    )
    if not found:
        raise RuntimeError("PostgreSQL is not installed. Run: make test-packages")
    return found[-1]
