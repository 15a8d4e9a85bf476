"""`stbernard db`: the database's schema."""

from pathlib import Path
from typing import Annotated

from typer import Option, Typer, echo

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings
from stbernard.errors import SettingsError

app = Typer(no_args_is_help=True, help="Look after the database.")


@app.command()
def upgrade(config_file: ConfigFiles = None) -> None:
    """Make the database, or bring it to this release's schema. Stop the service first."""
    with errors_as_lines():
        settings = read_settings(config_file)
        from stbernard.store import migrations  # noqa: PLC0415 (Alembic takes its time)
        from stbernard.store.engine import Database  # noqa: PLC0415

        database = Database(settings.database_url)
        try:
            version = migrations.upgrade(database)
        finally:
            database.close()
        echo(f"The database {database.url.render_as_string()} is at schema version {version}.")


@app.command("rotate-keys")
def rotate_keys(
    *,
    new_key: Annotated[
        bool,
        Option(help="Make a new key. Without one, those in the file stay, and the first is used."),
    ] = True,
    config_file: ConfigFiles = None,
) -> None:
    """Encrypt all secrets of nodes and volumes with a new key, and forget the old ones.

    Also the way to begin: the file is made, and what is in plain text is encrypted. A service on
    PostgreSQL may run meanwhile, if it reads the same file; stop one on SQLite."""
    with errors_as_lines():
        settings = read_settings(config_file)
        if not (file := settings.database.encryption_key_file):
            raise SettingsError("Set [database]encryption_key_file to where the keys are to be.")
        from stbernard.store import Store  # noqa: PLC0415
        from stbernard.store.engine import Database  # noqa: PLC0415
        from stbernard.store.migrations import check  # noqa: PLC0415
        from stbernard.store.secrets import Secrets, add_key, keep_first_key  # noqa: PLC0415

        database = Database(settings.database_url)
        try:
            check(database)
            if new_key:
                add_key(Path(file))
            store = Store(database, Secrets(file))
            nodes = store.nodes.seal()
            store.volume_targets.seal()
            if new_key:
                keep_first_key(Path(file))
        finally:
            database.close()
        echo(f"The secrets of {nodes} nodes are encrypted with the first key of {file}.")
