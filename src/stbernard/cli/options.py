"""What several commands share: the configuration files and errors as one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from rich.console import Console
from typer import Exit, Option

from stbernard.configuration import load
from stbernard.errors import StBernardError
from stbernard.settings import Settings

DEFAULT_FILE = Path("/etc/stbernard/stbernard.conf")

ConfigFiles = Annotated[
    list[Path] | None,
    Option(
        "--config-file",
        help="A configuration file with ironic.conf's options; give it again for more files, "
        f"later ones win. Without it {DEFAULT_FILE} is read if it is there.",
    ),
]
errors = Console(stderr=True, highlight=False, soft_wrap=True)


def read_settings(files: list[Path] | None) -> Settings:
    """The settings; warnings go to standard error."""
    chosen = files or ([DEFAULT_FILE] if DEFAULT_FILE.is_file() else [])
    settings, warnings = load(chosen)
    for warning in warnings:
        errors.print(f"warning: {warning}", markup=False)
    return settings


@contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print an expected error as a line and leave with 1."""
    try:
        yield
    except StBernardError as error:
        errors.print(f"error: {error}", markup=False)
        raise Exit(1) from error
