"""`stbernard policy`: who may do what."""

from rich.console import Console
from typer import Typer

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings

app = Typer(no_args_is_help=True, help="Look at who may do what.")


@app.command("list")
def list_(config_file: ConfigFiles = None) -> None:
    """Every policy as it is in force, in YAML: what is changed goes into a policy.yaml."""
    with errors_as_lines():
        settings = read_settings(config_file)
        from stbernard.api.policies import Policies  # noqa: PLC0415

        out = Console(highlight=False, soft_wrap=True)
        for policy, check in Policies(settings).rows():
            for route in (*policy.routes, *(f"{route} (in part)" for route in policy.also)):
                out.print(f"# {route}", markup=False)
            if policy.scopes and ":" in policy.name:
                out.print(f"# scope: {', '.join(policy.scopes)}", markup=False)
            out.print(f'"{policy.name}": "{check}"\n', markup=False)


@app.callback()
def _group() -> None:
    """Typer makes a command group of it even while there is only one command."""
