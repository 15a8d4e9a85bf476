"""The generated documents: `make docs` writes them, a test sees that they are current."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs import configuration, states

FOLDER = Path(__file__).parents[2] / "docs"

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "configuration.md": configuration.render,
    "states.md": states.render,
}
"""File name below docs/ to what renders it."""
