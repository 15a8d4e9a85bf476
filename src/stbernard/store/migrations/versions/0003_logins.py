"""Nodes with a login are looked at every few seconds: an index of them alone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    there = sa.text("login IS NOT NULL")
    op.create_index("ix_nodes_login", "nodes", ["id"], postgresql_where=there, sqlite_where=there)
