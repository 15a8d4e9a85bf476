"""The generated documents: `make docs` writes them, a test sees that they are current."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.docs import configuration, coverage, openapi, states

ROOT = Path(__file__).parents[2]

DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "docs/configuration.md": configuration.render,
    "docs/api-coverage.md": coverage.render,
    "docs/states.md": states.render,
    "src/stbernard/api/openapi.json": openapi.render,
}
"""File to what renders it."""
