"""The one table of `make bench`: on the screen, as JSON, and as Markdown for the documentation."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from bench.contenders import Figures

Table = dict[str, list[Figures]]
"""What was measured, and St. Bernard's figures of it, and Ironic's where there are some."""

WANTED = {  # how many times as much CPU as St. Bernard Ironic is to need (issue 4)
    "GET node": 20,
    "list of 1000": 10,
    "list of 1000 in detail": 10,
    "list of 5,000 in detail, in pages": 10,
    "POST node": 10,
    "heartbeat": 30,
    "100 rescues and unrescues": 15,
    "500 rescues and unrescues": 15,
    "1,000 rescues and unrescues": 15,
}
_COLUMNS = ("", "", "St. Bernard", "Ironic", "ratio", "wanted")


def note(what: str) -> None:
    """Say what is measured now: all of it takes a while."""
    Console(stderr=True).print(f"{time.strftime('%H:%M:%S')} {what}")


def show(figures: Table, title: str) -> None:
    table = RichTable(*_COLUMNS, title=title, box=box.SIMPLE)
    for row in _rows(figures):
        table.add_row(*row)
    Console(width=120).print(table)


def write(path: Path, figures: Table, title: str) -> None:
    """The JSON, and beside it the Markdown."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"title": title, "figures": figures}, indent=2) + "\n")
    lines = [f"`make bench` ({title}):", "", _line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    lines += [_line(row) for row in _rows(figures)]
    path.with_suffix(".md").write_text("\n".join(lines) + "\n")


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _rows(figures: Table) -> Iterator[tuple[str, ...]]:
    for name, (ours, *others) in figures.items():
        ironics = others[0] if others else {}
        for row, (figure, value) in enumerate(ours.items()):
            other = ironics.get(figure)
            ratio = f"{other / value:.1f}" if value and other else ""
            wanted = str(WANTED[name]) if name in WANTED and figure.startswith("CPU") else ""
            shown = "" if other is None else _number(other)
            yield "" if row else name, figure, _number(value), shown, ratio, wanted


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"
