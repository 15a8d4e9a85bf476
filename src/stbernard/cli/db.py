"""`stbernard db`: the database's schema."""

from typer import Typer, echo

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings

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


@app.callback()
def _group() -> None:
    """Typer makes a command group of it even while there is only one command."""
