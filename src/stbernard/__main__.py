"""`python -m stbernard` is `stbernard`."""

from stbernard.cli import app

app()
