"""The database's versions (Alembic). `upgrade` brings it to the newest, `check` refuses others.

`check` does without Alembic: it would add 11 MB to a service that never migrates.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from stbernard.errors import SchemaError
from stbernard.store.engine import Database

_VERSIONS = sorted(
    path.name.partition("_")[0] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py")
)
NEWEST = _VERSIONS[-1]


def upgrade(database: Database) -> str:
    """Bring the schema to the newest version; returns its name."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database.write(work)
    return NEWEST


def check(database: Database) -> None:
    """Raises SchemaError, with the command to run, if the schema is not the newest version."""
    present = database.read(_present)
    where = f"The database {database.url.render_as_string()} has schema version {present or 'none'}"
    if present is None or present in _VERSIONS[:-1]:
        raise SchemaError(f"{where}, this release needs {NEWEST}. Run: stbernard db upgrade")
    if present != NEWEST:
        raise SchemaError(
            f"{where}, which is newer than this release knows ({NEWEST}). Install the release that "
            "made it: pip install --upgrade stbernard"
        )


def _present(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version
