"""`stbernard import`: take over the nodes of a running Ironic."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import Console
from rich.table import Table
from typer import BadParameter, Exit, Option

from stbernard.cli.options import ConfigFiles, errors, errors_as_lines, read_settings
from stbernard.configuration import database_connection
from stbernard.nodes import INTERFACES

if TYPE_CHECKING:
    from stbernard.importing.kinds import Source
    from stbernard.importing.run import Report


def import_(
    *,
    source: Annotated[
        str,
        Option(
            "--from",
            help="Ironic: the address of its API (https://…), its configuration file "
            "(/etc/ironic/ironic.conf, for the database in it), or the URL of its database.",
        ),
    ],
    dry_run: Annotated[bool, Option("--dry-run", help="Tell what would be done.")] = False,
    update: Annotated[
        bool, Option("--update", help="Set what is here and differs to Ironic's values.")
    ] = False,
    interface: Annotated[
        list[str] | None,
        Option(
            metavar="KIND=NAME",
            help="The interface for nodes whose own of this kind is not enabled here, "
            "e.g. deploy=noop; give it again for more kinds.",
        ),
    ] = None,
    config_file: ConfigFiles = None,
) -> None:
    """Take over nodes, ports, portgroups, chassis, traits, volumes and allocations of an Ironic.

    Leaves with 1 if something stayed behind; a second run carries over what is missing."""
    instead = _instead(interface or [])
    with errors_as_lines():
        settings = read_settings(config_file)
        from stbernard.drivers.registry import Registry  # noqa: PLC0415 (as in serve.py)
        from stbernard.importing.run import Import  # noqa: PLC0415
        from stbernard.store import Store  # noqa: PLC0415
        from stbernard.store.engine import Database  # noqa: PLC0415
        from stbernard.store.migrations import check  # noqa: PLC0415
        from stbernard.store.secrets import Secrets  # noqa: PLC0415

        database = Database(settings.database_url)
        try:
            check(database)
            ironic = _source(source)
            try:
                run = Import(
                    ironic,
                    Store(database, Secrets(settings.database.encryption_key_file)),
                    Registry(settings),
                    instead=instead,
                    update=update,
                    dry_run=dry_run,
                )
                report = run.run()
            finally:
                ironic.close()
        finally:
            database.close()
    _show(report, dry_run=dry_run)
    if not report.complete:
        raise Exit(1)


def _source(name: str) -> "Source":
    """Raises SourceError, SettingsError."""
    if name.startswith(("http://", "https://")):
        from stbernard.importing.ironic_api import IronicApi  # noqa: PLC0415

        return IronicApi(name)
    from stbernard.importing.ironic_database import IronicDatabase  # noqa: PLC0415

    return IronicDatabase(database_connection(name) if Path(name).is_file() else name)


def _instead(given: list[str]) -> dict[str, str]:
    """Raises BadParameter."""
    chosen = dict(text.partition("=")[::2] for text in given)
    if wrong := [kind for kind, name in chosen.items() if kind not in INTERFACES or not name]:
        raise BadParameter(f"{wrong[0]}: KIND=NAME is needed, a KIND is one of {INTERFACES}.")
    return chosen


def _show(report: "Report", *, dry_run: bool) -> None:
    from stbernard.importing.run import Outcome  # noqa: PLC0415

    for line in report.lines:
        errors.print(line, markup=False)
    title = "Nothing was written (--dry-run)" if dry_run else None
    table = Table("", *Outcome, title=title, box=None)
    for label, counts in report.counts.items():
        table.add_row(label, *(str(counts[outcome] or "") for outcome in Outcome))
    Console().print(table)
