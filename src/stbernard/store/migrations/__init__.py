"""The database's versions (Alembic). `upgrade` brings it to the newest, `check` refuses others."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from stbernard.errors import SchemaError
from stbernard.store.engine import Database


def upgrade(database: Database) -> str:
    """Bring the schema to the newest version; returns its name."""
    config = _config()

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    database.write(work)
    return _newest(config)


def check(database: Database) -> None:
    """Raises SchemaError, with the command to run, if the schema is not the newest version."""
    newest = _newest(_config())
    present = database.read(
        lambda connection: MigrationContext.configure(connection).get_current_revision()
    )
    if present == newest:
        return
    if present is None or present in _known(_config()):
        raise SchemaError(
            f"The database {database.url.render_as_string()} has schema version "
            f"{present or 'none'}, this release needs {newest}. Run: stbernard db upgrade"
        )
    raise SchemaError(
        f"The database {database.url.render_as_string()} has schema version {present}, which is "
        f"newer than this release knows ({newest}). Install the release that made it: "
        "pip install --upgrade stbernard"
    )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _newest(config: Config) -> str:
    return str(ScriptDirectory.from_config(config).get_current_head())


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
