"""The tables. A change here comes with a migration (Alembic) in migrations/versions."""

from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

from stbernard.nodes import HowItWas, Login

metadata = MetaData()


class Json(TypeDecorator[Any]):
    """A value of one type, stored as JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any = dict[str, Any]) -> None:
        super().__init__()
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else self._decoder.decode(value)


nodes = Table(
    "nodes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(255), unique=True),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double),
    Column("driver", String(255), nullable=False),
    Column("driver_info", Json(), nullable=False),
    Column("driver_internal_info", Json(), nullable=False),
    Column("extra", Json(), nullable=False),
    Column("properties", Json(), nullable=False),
    Column("instance_info", Json(), nullable=False),
    Column("instance_uuid", String(36), unique=True),
    Column("instance_name", String(255)),
    Column("network_data", Json(), nullable=False),
    Column("bios_interface", String(255)),
    Column("boot_interface", String(255)),
    Column("console_interface", String(255)),
    Column("deploy_interface", String(255)),
    Column("firmware_interface", String(255)),
    Column("inspect_interface", String(255)),
    Column("management_interface", String(255)),
    Column("network_interface", String(255)),
    Column("power_interface", String(255)),
    Column("raid_interface", String(255)),
    Column("rescue_interface", String(255)),
    Column("storage_interface", String(255)),
    Column("vendor_interface", String(255)),
    Column("resource_class", String(80)),
    Column("conductor_group", String(255), nullable=False),
    Column("chassis_uuid", String(36)),
    Column("parent_node", String(36)),
    Column("owner", String(255)),
    Column("lessee", String(255)),
    Column("shard", String(255)),
    Column("description", Text),
    Column("automated_clean", Boolean),
    Column("protected", Boolean, nullable=False),
    Column("protected_reason", Text),
    Column("retired", Boolean, nullable=False),
    Column("retired_reason", Text),
    Column("disable_power_off", Boolean, nullable=False),
    Column("console_enabled", Boolean, nullable=False),
    Column("power_state", String(15)),
    Column("target_power_state", String(15)),
    Column("provision_state", String(20), nullable=False),
    Column("target_provision_state", String(20)),
    Column("provision_updated_at", Double),
    Column("boot_mode", String(16)),
    Column("secure_boot", Boolean),
    Column("last_error", Text),
    Column("fault", String(255)),
    Column("maintenance", Boolean, nullable=False),
    Column("maintenance_reason", Text),
    Column("agent_token", String(255)),
    Column("agent_url", Text),
    Column("agent_verify_ca", Text),
    Column("agent_version", String(255)),
    Column("agent_last_heartbeat", Double),
    Column("before_rescue", Json(HowItWas)),
    Column("login", Json(Login)),
    Column("operation", String(32)),
    Column("operation_id", String(64)),
    Column("arguments", Json(), nullable=False),
    Column("step", String(64)),
    Column("attempt", Integer, nullable=False),
    Column("undoing", Boolean, nullable=False),
    Column("failure", Text),
    Column("not_restored", Json(tuple[str, ...]), nullable=False),
    Column("started_at", Double),
    Column("due_at", Double),
    Column("deadline", Double),
    Column("lease_owner", String(255)),
    Column("lease_until", Double),
    Column("fence", Integer, nullable=False),
    Column("wakeups", Integer, nullable=False),
)
Index("ix_nodes_due_at", nodes.c.due_at, postgresql_where=nodes.c.due_at.is_not(None))
Index("ix_nodes_lease_owner", nodes.c.lease_owner)

ports = Table(
    "ports",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("node_uuid", String(36), ForeignKey("nodes.uuid"), nullable=False, index=True),
    Column("address", String(18), nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double),
    Column("extra", Json(), nullable=False),
    Column("internal_info", Json(), nullable=False),
    Column("local_link_connection", Json(), nullable=False),
    Column("portgroup_uuid", String(36)),
    Column("pxe_enabled", Boolean, nullable=False),
    Column("physical_network", String(64)),
    Column("is_smartnic", Boolean, nullable=False),
    Column("name", String(255)),
    Column("description", Text),
    Column("vendor", String(32)),
    Column("category", String(80)),
)

journal = Table(
    "journal",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("node_uuid", String(36), nullable=False),
    Column("at", Double, nullable=False),
    Column("operation", String(32)),
    Column("operation_id", String(64)),
    Column("step", String(64)),
    Column("event", String(16), nullable=False),
    Column("detail", Text),
    Column("seconds", Double),
    Column("worker", String(255)),
    Column("provision_state", String(20)),
    Column("target_provision_state", String(20)),
)
Index("ix_journal_node", journal.c.node_uuid, journal.c.id)

conductors = Table(
    "conductors",
    metadata,
    Column("hostname", String(255), primary_key=True),
    Column("conductor_group", String(255), nullable=False),
    Column("drivers", Json(tuple[str, ...]), nullable=False),
    Column("registered_at", Double, nullable=False),
    Column("alive_at", Double, nullable=False),
    Column("alive", Boolean, nullable=False),
)
