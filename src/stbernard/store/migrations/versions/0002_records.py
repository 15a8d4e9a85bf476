"""The API's other records: portgroups, volumes, chassis, allocations, templates, rules."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("raid_config", "target_raid_config", "clean_step", "deploy_step", "service_step"):
        _add("nodes", _json(name, empty="{}"))
    _add("nodes", _json("traits", empty="[]"))
    _add("nodes", sa.Column("allocation_uuid", sa.String(36)))
    for name in ("inspection_started_at", "inspection_finished_at", "operation_deadline"):
        _add("nodes", sa.Column(name, sa.Double()))
    _add(
        "ports",
        sa.Column(
            "available_for_dynamic_portgroup",
            sa.Boolean(),
            nullable=False,
            server_default=sa.true(),
        ),
    )
    op.create_index("ix_ports_name", "ports", ["name"], unique=True)
    op.create_index("ix_ports_portgroup_uuid", "ports", ["portgroup_uuid"])

    _part_of_a_node(
        "portgroups",
        sa.Column("name", sa.String(255), unique=True),
        sa.Column("address", sa.String(18), unique=True),
        _json("extra"),
        _json("internal_info"),
        sa.Column("standalone_ports_supported", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(255), nullable=False),
        _json("properties"),
        sa.Column("physical_network", sa.String(64)),
        sa.Column("category", sa.String(80)),
        sa.Column("dynamic_portgroup", sa.Boolean(), nullable=False),
    )
    _part_of_a_node(
        "volume_connectors",
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("connector_id", sa.String(255), nullable=False),
        _json("extra"),
        sa.UniqueConstraint("type", "connector_id"),
    )
    _part_of_a_node(
        "volume_targets",
        sa.Column("volume_type", sa.String(64), nullable=False),
        sa.Column("volume_id", sa.String(255), nullable=False),
        sa.Column("boot_index", sa.Integer(), nullable=False),
        _json("properties"),
        _json("extra"),
        sa.UniqueConstraint("node_uuid", "boot_index"),
    )
    _table("chassis", sa.Column("description", sa.String(255)), _json("extra"))
    _table(
        "allocations",
        sa.Column("name", sa.String(255), unique=True),
        sa.Column("node_uuid", sa.String(36), unique=True),
        sa.Column("state", sa.String(15), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("resource_class", sa.String(80)),
        _json("traits"),
        _json("candidate_nodes"),
        sa.Column("owner", sa.String(255)),
        _json("extra"),
    )
    _table(
        "deploy_templates",
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        _json("steps"),
        _json("extra"),
    )
    _table(
        "runbooks",
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        sa.Column("description", sa.String(255)),
        _json("steps"),
        _json("traits"),
        sa.Column("disable_ramdisk", sa.Boolean(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.String(255)),
        _json("extra"),
    )
    _table(
        "inspection_rules",
        sa.Column("description", sa.String(255)),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("scope", sa.String(255)),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        _json("conditions"),
        _json("actions"),
    )


def _add(table: str, column: "sa.Column[Any]") -> None:
    op.add_column(table, column)


def _json(name: str, empty: str | None = None) -> "sa.Column[str]":
    """`empty`: what the rows get that are there already."""
    return sa.Column(name, sa.Text(), nullable=False, server_default=empty)


def _table(name: str, *columns: "sa.schema.SchemaItem") -> None:
    op.create_table(
        name,
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double()),
        *columns,
    )


def _part_of_a_node(name: str, *columns: "sa.schema.SchemaItem") -> None:
    node = sa.Column("node_uuid", sa.String(36), sa.ForeignKey("nodes.uuid"), nullable=False)
    _table(name, node, *columns)
    op.create_index(f"ix_{name}_node_uuid", name, ["node_uuid"])
