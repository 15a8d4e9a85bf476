"""The `stbernard` command: one file a command group, each imports its room only when called."""

from typer import Typer

from stbernard.cli import db, lab, policy, ramdisk
from stbernard.cli.import_ import import_
from stbernard.cli.serve import api, serve, worker
from stbernard.cli.why import why

app = Typer(name="stbernard", no_args_is_help=True, help="Rescue bare-metal servers.")
app.command()(serve)
app.command()(api)
app.command()(worker)
app.command("import")(import_)
app.command()(why)
app.add_typer(db.app, name="db")
app.add_typer(lab.app, name="lab")
app.add_typer(policy.app, name="policy")
app.add_typer(ramdisk.app, name="ramdisk")
