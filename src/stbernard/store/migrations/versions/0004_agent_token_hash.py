"""What agents show is compared by a hash, so that their tokens can be encrypted."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("nodes", sa.Column("agent_token_hash", sa.String(64), nullable=True))
    names = ("id", "agent_token", "agent_token_hash")
    nodes = sa.table("nodes", *(sa.column(name) for name in names))
    with_token = sa.select(nodes.c.id, nodes.c.agent_token).where(nodes.c.agent_token.is_not(None))
    for ident, token in op.get_bind().execute(with_token).all():
        known = hashlib.sha256(token.encode()).hexdigest()
        hashed = sa.update(nodes).where(nodes.c.id == ident).values(agent_token_hash=known)
        op.get_bind().execute(hashed)
