"""The tables. A change here comes with a migration (Alembic) in migrations/versions."""

from collections.abc import Callable
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
    UniqueConstraint,
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

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002
        """As `process_result_value` would be, with one call less for each value of each row."""
        decode = self._decoder.decode
        return lambda value: None if value is None else decode(value)


def _record() -> list[Column[Any]]:
    """The columns of every `nodes.Record`."""
    return [
        Column("id", Integer, primary_key=True),
        Column("uuid", String(36), nullable=False, unique=True),
        Column("created_at", Double, nullable=False),
        Column("updated_at", Double),
    ]


def _node() -> Column[str]:
    """The node that a record is a part of."""
    return Column("node_uuid", String(36), ForeignKey("nodes.uuid"), nullable=False, index=True)


class JsonText(TypeDecorator[msgspec.Raw]):
    """The text of a `Json` column as it is kept, for answers that pass it on unread."""

    impl = Text
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:  # noqa: ARG002
        return lambda text: None if text is None else msgspec.Raw(text)


nodes = Table(
    "nodes",
    metadata,
    *_record(),
    Column("name", String(255), unique=True),
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
    Column("traits", Json(tuple[str, ...]), nullable=False),
    Column("allocation_uuid", String(36)),
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
    Column("raid_config", Json(), nullable=False),
    Column("target_raid_config", Json(), nullable=False),
    Column("clean_step", Json(), nullable=False),
    Column("deploy_step", Json(), nullable=False),
    Column("service_step", Json(), nullable=False),
    Column("inspection_started_at", Double),
    Column("inspection_finished_at", Double),
    Column("last_error", Text),
    Column("fault", String(255)),
    Column("maintenance", Boolean, nullable=False),
    Column("maintenance_reason", Text),
    Column("agent_token", String(255)),
    Column("agent_token_hash", String(64)),
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
    Column("operation_deadline", Double),
    Column("lease_owner", String(255)),
    Column("lease_until", Double),
    Column("fence", Integer, nullable=False),
    Column("wakeups", Integer, nullable=False),
)
Index("ix_nodes_due_at", nodes.c.due_at, postgresql_where=nodes.c.due_at.is_not(None))
Index("ix_nodes_lease_owner", nodes.c.lease_owner)
Index(
    "ix_nodes_login",
    nodes.c.id,
    postgresql_where=nodes.c.login.is_not(None),
    sqlite_where=nodes.c.login.is_not(None),
)

ports = Table(
    "ports",
    metadata,
    *_record(),
    _node(),
    Column("address", String(18), nullable=False, unique=True),
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
    Column("available_for_dynamic_portgroup", Boolean, nullable=False),
)
Index("ix_ports_name", ports.c.name, unique=True)
Index("ix_ports_portgroup_uuid", ports.c.portgroup_uuid)

portgroups = Table(
    "portgroups",
    metadata,
    *_record(),
    _node(),
    Column("name", String(255), unique=True),
    Column("address", String(18), unique=True),
    Column("extra", Json(), nullable=False),
    Column("internal_info", Json(), nullable=False),
    Column("standalone_ports_supported", Boolean, nullable=False),
    Column("mode", String(255), nullable=False),
    Column("properties", Json(), nullable=False),
    Column("physical_network", String(64)),
    Column("category", String(80)),
    Column("dynamic_portgroup", Boolean, nullable=False),
)

volume_connectors = Table(
    "volume_connectors",
    metadata,
    *_record(),
    _node(),
    Column("type", String(32), nullable=False),
    Column("connector_id", String(255), nullable=False),
    Column("extra", Json(), nullable=False),
    UniqueConstraint("type", "connector_id"),
)

volume_targets = Table(
    "volume_targets",
    metadata,
    *_record(),
    _node(),
    Column("volume_type", String(64), nullable=False),
    Column("volume_id", String(255), nullable=False),
    Column("boot_index", Integer, nullable=False),
    Column("properties", Json(), nullable=False),
    Column("extra", Json(), nullable=False),
    UniqueConstraint("node_uuid", "boot_index"),
)

chassis = Table(
    "chassis",
    metadata,
    *_record(),
    Column("description", String(255)),
    Column("extra", Json(), nullable=False),
)

allocations = Table(
    "allocations",
    metadata,
    *_record(),
    Column("name", String(255), unique=True),
    Column("node_uuid", String(36), unique=True),
    Column("state", String(15), nullable=False),
    Column("last_error", Text),
    Column("resource_class", String(80)),
    Column("traits", Json(tuple[str, ...]), nullable=False),
    Column("candidate_nodes", Json(tuple[str, ...]), nullable=False),
    Column("owner", String(255)),
    Column("extra", Json(), nullable=False),
)

deploy_templates = Table(
    "deploy_templates",
    metadata,
    *_record(),
    Column("name", String(255), nullable=False, unique=True),
    Column("steps", Json(tuple[dict[str, Any], ...]), nullable=False),
    Column("extra", Json(), nullable=False),
)

runbooks = Table(
    "runbooks",
    metadata,
    *_record(),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", String(255)),
    Column("steps", Json(tuple[dict[str, Any], ...]), nullable=False),
    Column("traits", Json(tuple[str, ...]), nullable=False),
    Column("disable_ramdisk", Boolean, nullable=False),
    Column("public", Boolean, nullable=False),
    Column("owner", String(255)),
    Column("extra", Json(), nullable=False),
)

inspection_rules = Table(
    "inspection_rules",
    metadata,
    *_record(),
    Column("description", String(255)),
    Column("priority", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("scope", String(255)),
    Column("sensitive", Boolean, nullable=False),
    Column("conditions", Json(tuple[dict[str, Any], ...]), nullable=False),
    Column("actions", Json(tuple[dict[str, Any], ...]), nullable=False),
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
