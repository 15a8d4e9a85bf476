"""Shows what a long command is doing: a live line on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Stages:
    """Stages one after the other; `seconds` has how long each took, by its title."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Show `title` with a running clock; when it is done, leave a line with its seconds."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        live = Progress(
            *columns, console=self.console, transient=True, disable=not self.console.is_terminal
        )
        with live:
            live.add_task(title)
            yield
        self.seconds[title] = time.monotonic() - started
        self.console.print(f"{self.seconds[title]:6.1f} s  {title}", markup=False)

    def note(self, text: str) -> None:
        """Leave an indented line, for example the command a stage runs."""
        self.console.print(f"          {text}", style="dim", markup=False)
