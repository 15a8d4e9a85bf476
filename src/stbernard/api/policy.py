"""Who may do what: the policies of the Bare Metal API, as data.

Names, default checks and scopes are Ironic's (its ironic/common/policy.py, 2026), so that an
operator's policy.yaml keeps its meaning. `routes` are the requests that need the policy; where two
policies name a route, either will do. What has its policy in `also`, needs it for a part of a
request: a field of a PATCH, a step, a secret. What `before` says held before 2021, and holds again
with `[oslo_policy]enforce_new_defaults = false`.
"""

from dataclasses import dataclass

PREFIX = "baremetal:"


@dataclass(frozen=True)
class Policy:
    name: str
    check: str
    routes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("system", "project")
    before: str | None = None


def _of(role: str, *whose: str) -> tuple[str, ...]:
    """This role in the project that owns, or leases, the thing."""
    return tuple(f"role:{role} and project_id:%({each})s" for each in whose)


def _any(checks: tuple[str, ...]) -> str:
    return " or ".join(f"({check})" for check in checks)


_OWNER, _LESSEE = "node.owner", "node.lessee"
_ADMIN = ("role:admin and system_scope:all",)
_SERVICE = ("role:service and system_scope:all",)
_MEMBER = ("role:member and system_scope:all", "rule:service_role")
_READER = ("role:reader and system_scope:all", *_SERVICE, "rule:service_role")
_OWN_SERVICE = _of("service", _OWNER)
_OWNER_ADMIN = (*_of("admin", _OWNER), *_of("manager", _OWNER), *_OWN_SERVICE)
_LESSEE_ADMIN = (*_of("admin", _LESSEE), *_of("manager", _LESSEE))

SYSTEM_ADMIN = _any(_ADMIN)
SYSTEM_MEMBER = _any(_MEMBER)
SYSTEM_READER = _any(_READER)
PROJECT_READER = _any((*_READER, *_of("reader", _OWNER, _LESSEE), *_OWN_SERVICE))
PROJECT_MEMBER = _any((*_MEMBER, *_of("member", _OWNER, _LESSEE), *_SERVICE))
OWNER_READER = _any((*_READER, *_of("reader", _OWNER), *_OWN_SERVICE))
_OWNER_MEMBERS = (*_MEMBER, *_SERVICE, *_of("member", _OWNER), *_OWN_SERVICE)
OWNER_MEMBER = _any(_OWNER_MEMBERS)
OPERATOR = _any((*_OWNER_MEMBERS, *_LESSEE_ADMIN))
OWNER_ADMIN = _any((*_MEMBER, *_SERVICE, *_OWNER_ADMIN))
NETWORK_ADMIN = _any((*_ADMIN, *_SERVICE, *_OWNER_ADMIN))
VOLUME_ADMIN = _any((*_MEMBER, *_SERVICE, *_OWNER_ADMIN, *_LESSEE_ADMIN))
ANY_READER = _any(("role:reader", "role:service"))
ALLOCATION_READER = _any((*_READER, *_of("reader", "allocation.owner")))
ALLOCATION_MEMBER = _any((*_MEMBER, *_of("member", "allocation.owner")))
RUNBOOK_READER = _any((*_READER, *_of("reader", "runbook.owner"), "role:service"))
RUNBOOK_ADMIN = _any((*_MEMBER, *_of("manager", "runbook.owner"), "role:service"))

_BEFORE_ADMIN = "rule:is_admin"
_BEFORE_READER = "rule:is_admin or rule:is_observer"
_READING = (SYSTEM_READER, PROJECT_READER, OWNER_READER, ANY_READER, ALLOCATION_READER)


def _p(name: str, check: str, *routes: str, also: str = "") -> Policy:
    """One that there was before 2021, for the administrator, or an observer if it reads."""
    before = _BEFORE_READER if check in _READING else _BEFORE_ADMIN
    return Policy(PREFIX + name, check, routes, (also,) if also else (), before=before)


def _new(name: str, check: str, *routes: str, also: str = "") -> Policy:
    """One that came later."""
    return Policy(PREFIX + name, check, routes, (also,) if also else ())


def _system(name: str, check: str, *routes: str) -> Policy:
    """One that there was before, for tokens of the system scope only."""
    before = _BEFORE_READER if check in _READING else _BEFORE_ADMIN
    return Policy(PREFIX + name, check, routes, scopes=("system",), before=before)


def _vendor(path: str) -> tuple[str, ...]:
    methods = ("GET", "PUT", "POST", "PATCH", "DELETE")
    below = (f"{path}/vendor_passthru", f"{path}/vendor_passthru/{{method}}")
    calls = [f"{method} {each}" for each in below for method in methods]
    return (f"GET {path}/vendor_passthru/methods", *calls)


_NODE, _PATCH_NODE = "/v1/nodes/{ident}", "PATCH /v1/nodes/{ident}"
_GET_NODE, _PROVISION = f"GET {_NODE}", f"PUT {_NODE}/states/provision"
_LISTS_OF_NODES = (
    *("GET /v1/nodes", "GET /v1/nodes/detail", f"GET {_NODE}/children"),
    *("GET /v1/chassis/{ident}/nodes", "GET /v1/chassis/{ident}/nodes/detail"),
)
_LISTS_OF_PORTS = (
    *("GET /v1/ports", "GET /v1/ports/detail", f"GET {_NODE}/ports", f"GET {_NODE}/ports/detail"),
    *("GET /v1/portgroups/{ident}/ports", "GET /v1/portgroups/{ident}/ports/detail"),
)
_LISTS_OF_PORTGROUPS = (
    *("GET /v1/portgroups", "GET /v1/portgroups/detail"),
    *(f"GET {_NODE}/portgroups", f"GET {_NODE}/portgroups/detail"),
)
_LISTS_OF_VOLUMES = tuple(
    f"GET {above}/volume/{kind}" for above in ("/v1", _NODE) for kind in ("connectors", "targets")
)

GENERAL = (
    Policy("admin_api", "role:admin or role:administrator"),
    Policy("public_api", "is_public_api:True"),
    Policy("show_password", "!", also=(_GET_NODE,)),
    Policy("show_instance_secrets", "!", also=(_GET_NODE,)),
    Policy("service_role", "role:service and project_name:%(config.service_project_name)s"),
    Policy(
        "is_member",
        "(project_domain_id:default or project_domain_id:None) and "
        "(project_name:demo or project_name:baremetal)",
    ),
    Policy("is_observer", "rule:is_member and (role:observer or role:baremetal_observer)"),
    Policy("is_admin", "rule:admin_api or (rule:is_member and role:baremetal_admin)"),
    Policy("is_node_owner", "project_id:%(node.owner)s"),
    Policy("is_node_lessee", "project_id:%(node.lessee)s"),
    Policy("is_allocation_owner", "project_id:%(allocation.owner)s"),
)

NODES = (
    _p("node:create", _any((*_ADMIN, *_SERVICE)), "POST /v1/nodes"),
    _new("node:create:self_owned_node", _any(("role:admin", "role:service")), "POST /v1/nodes"),
    _p("node:list_all", SYSTEM_READER, *_LISTS_OF_NODES),
    _p("node:list", ANY_READER, *_LISTS_OF_NODES),
    _p("node:get", PROJECT_READER, _GET_NODE),
    _p("node:get:filter_threshold", SYSTEM_READER, also=_GET_NODE),
    _p("node:get:last_error", OWNER_READER, also=_GET_NODE),
    _p("node:get:reservation", OWNER_READER, also=_GET_NODE),
    _p("node:get:driver_internal_info", OWNER_READER, also=_GET_NODE),
    _p("node:get:driver_info", OWNER_READER, also=_GET_NODE),
    _p("node:update", PROJECT_MEMBER, _PATCH_NODE),
    _p("node:update:driver_info", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:properties", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:chassis_uuid", SYSTEM_ADMIN, also=_PATCH_NODE),
    _p("node:update:instance_uuid", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:lessee", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:owner", SYSTEM_MEMBER, also=_PATCH_NODE),
    _p("node:update:driver_interfaces", OWNER_ADMIN, also=_PATCH_NODE),
    _p("node:update:network_data", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:conductor_group", SYSTEM_MEMBER, also=_PATCH_NODE),
    _p("node:update:name", OWNER_MEMBER, also=_PATCH_NODE),
    _p("node:update:retired", OWNER_MEMBER, also=_PATCH_NODE),
    _new("node:update:shard", SYSTEM_ADMIN, also=_PATCH_NODE),
    _new("node:update:parent_node", SYSTEM_MEMBER, also=_PATCH_NODE),
    _new("node:update:disable_power_off", SYSTEM_ADMIN, also=_PATCH_NODE),
    _p("node:disable_cleaning", SYSTEM_ADMIN, also=_PATCH_NODE),
    _p("node:update_extra", PROJECT_MEMBER, also=_PATCH_NODE),
    _p("node:update_instance_info", OPERATOR, also=_PATCH_NODE),
    Policy(
        "baremetal:node:update_owner_provisioned",
        SYSTEM_ADMIN,
        also=(_PATCH_NODE,),
        scopes=("system",),
        before=_BEFORE_ADMIN,
    ),
    _p("node:delete", SYSTEM_ADMIN, f"DELETE {_NODE}"),
    _new("node:delete:self_owned_node", _any(_of("admin", _OWNER)), f"DELETE {_NODE}"),
    _p("node:validate", OPERATOR, f"GET {_NODE}/validate", "GET /v1/nodes/validate"),
    _p("node:set_maintenance", OPERATOR, f"PUT {_NODE}/maintenance"),
    _p("node:clear_maintenance", OPERATOR, f"DELETE {_NODE}/maintenance"),
    _p(
        "node:get_boot_device",
        OWNER_ADMIN,
        f"GET {_NODE}/management/boot_device",
        f"GET {_NODE}/management/boot_device/supported",
    ),
    _p("node:set_boot_device", OWNER_ADMIN, f"PUT {_NODE}/management/boot_device"),
    _p(
        "node:get_indicator_state",
        PROJECT_READER,
        f"GET {_NODE}/management/indicators",
        f"GET {_NODE}/management/indicators/{{indicator}}",
    ),
    _p(
        "node:set_indicator_state",
        OWNER_MEMBER,
        f"PUT {_NODE}/management/indicators/{{indicator}}",
    ),
    _p("node:inject_nmi", OWNER_ADMIN, f"PUT {_NODE}/management/inject_nmi"),
    _p("node:get_states", PROJECT_READER, f"GET {_NODE}/states"),
    _p("node:set_power_state", PROJECT_MEMBER, f"PUT {_NODE}/states/power"),
    _p("node:set_boot_mode", PROJECT_MEMBER, f"PUT {_NODE}/states/boot_mode"),
    _p("node:set_secure_boot", PROJECT_MEMBER, f"PUT {_NODE}/states/secure_boot"),
    _p("node:set_provision_state", OPERATOR, _PROVISION),
    _new("node:set_provision_state:clean_steps", OPERATOR, also=_PROVISION),
    _new("node:set_provision_state:service_steps", OPERATOR, also=_PROVISION),
    _p("node:set_raid_state", OWNER_MEMBER, f"PUT {_NODE}/states/raid"),
    _p("node:get_console", OWNER_MEMBER, f"GET {_NODE}/states/console"),
    _p("node:set_console_state", OWNER_MEMBER, f"PUT {_NODE}/states/console"),
    _p("node:vif:list", PROJECT_READER, f"GET {_NODE}/vifs"),
    _p("node:vif:attach", OPERATOR, f"POST {_NODE}/vifs"),
    _p("node:vif:detach", OPERATOR, f"DELETE {_NODE}/vifs/{{vif}}"),
    _p("node:traits:list", PROJECT_READER, f"GET {_NODE}/traits"),
    _p("node:traits:set", OWNER_ADMIN, f"PUT {_NODE}/traits", f"PUT {_NODE}/traits/{{trait}}"),
    _p(
        "node:traits:delete",
        OWNER_ADMIN,
        f"DELETE {_NODE}/traits",
        f"DELETE {_NODE}/traits/{{trait}}",
    ),
    _p("node:bios:get", PROJECT_READER, f"GET {_NODE}/bios", f"GET {_NODE}/bios/{{name}}"),
    _new("node:firmware:get", PROJECT_READER, f"GET {_NODE}/firmware"),
    _p(
        "node:history:get",
        OWNER_READER,
        *(f"GET {_NODE}/history", f"GET {_NODE}/history/{{event}}"),
        *(f"GET {_NODE}/rescue", f"GET {_NODE}/rescue/events"),
    ),
    _p("node:inventory:get", OWNER_READER, f"GET {_NODE}/inventory"),
    _new("node:vmedia:get", PROJECT_READER, f"GET {_NODE}/vmedia"),
    _new("node:vmedia:attach", PROJECT_MEMBER, f"POST {_NODE}/vmedia"),
    _new("node:vmedia:detach", PROJECT_MEMBER, f"DELETE {_NODE}/vmedia"),
    _p("node:vendor_passthru", SYSTEM_ADMIN, *_vendor(_NODE)),
    _new("shards:get", SYSTEM_READER, "GET /v1/shards", "GET /v1/shards/{name}"),
)

PARTS = (
    _p("port:list_all", SYSTEM_READER, *_LISTS_OF_PORTS),
    _p("port:list", ANY_READER, *_LISTS_OF_PORTS),
    _p("port:get", PROJECT_READER, "GET /v1/ports/{ident}"),
    _p("port:create", NETWORK_ADMIN, "POST /v1/ports"),
    _p("port:delete", NETWORK_ADMIN, "DELETE /v1/ports/{ident}"),
    _p("port:update", OWNER_ADMIN, "PATCH /v1/ports/{ident}"),
    _new("portgroup:list_all", SYSTEM_READER, *_LISTS_OF_PORTGROUPS),
    _new("portgroup:list", ANY_READER, *_LISTS_OF_PORTGROUPS),
    _p("portgroup:get", PROJECT_READER, "GET /v1/portgroups/{ident}"),
    _p("portgroup:create", NETWORK_ADMIN, "POST /v1/portgroups"),
    _p("portgroup:delete", NETWORK_ADMIN, "DELETE /v1/portgroups/{ident}"),
    _p("portgroup:update", OWNER_ADMIN, "PATCH /v1/portgroups/{ident}"),
    _p("volume:list_all", SYSTEM_READER, *_LISTS_OF_VOLUMES),
    _p("volume:list", ANY_READER, *_LISTS_OF_VOLUMES),
    _p(
        "volume:get",
        PROJECT_READER,
        *("GET /v1/volume", f"GET {_NODE}/volume"),
        *("GET /v1/volume/connectors/{ident}", "GET /v1/volume/targets/{ident}"),
    ),
    _p("volume:create", VOLUME_ADMIN, "POST /v1/volume/connectors", "POST /v1/volume/targets"),
    _p(
        "volume:delete",
        VOLUME_ADMIN,
        *("DELETE /v1/volume/connectors/{ident}", "DELETE /v1/volume/targets/{ident}"),
    ),
    _p(
        "volume:update",
        OPERATOR,
        *("PATCH /v1/volume/connectors/{ident}", "PATCH /v1/volume/targets/{ident}"),
    ),
    _new(
        "volume:view_target_properties",
        _any((*_READER, "role:admin")),
        also="GET /v1/volume/targets/{ident}",
    ),
)

OTHERS = (
    _system(
        "chassis:get",
        SYSTEM_READER,
        *("GET /v1/chassis", "GET /v1/chassis/detail", "GET /v1/chassis/{ident}"),
    ),
    _system("chassis:create", SYSTEM_ADMIN, "POST /v1/chassis"),
    _system("chassis:delete", SYSTEM_ADMIN, "DELETE /v1/chassis/{ident}"),
    _system("chassis:update", SYSTEM_MEMBER, "PATCH /v1/chassis/{ident}"),
    _system("driver:get", SYSTEM_READER, "GET /v1/drivers", "GET /v1/drivers/{name}"),
    _system("driver:get_properties", SYSTEM_READER, "GET /v1/drivers/{name}/properties"),
    _system(
        "driver:get_raid_logical_disk_properties",
        SYSTEM_READER,
        "GET /v1/drivers/{name}/raid/logical_disk_properties",
    ),
    _system("driver:vendor_passthru", SYSTEM_ADMIN, *_vendor("/v1/drivers/{name}")),
    _p("conductor:get", SYSTEM_READER, "GET /v1/conductors", "GET /v1/conductors/{hostname}"),
    _p(
        "allocation:get",
        ALLOCATION_READER,
        *("GET /v1/allocations/{ident}", f"GET {_NODE}/allocation"),
    ),
    _p("allocation:list_all", SYSTEM_READER, "GET /v1/allocations"),
    _p("allocation:list", ANY_READER, "GET /v1/allocations"),
    Policy(
        "baremetal:allocation:create",
        _any((*_MEMBER, "role:member")),
        ("POST /v1/allocations",),
        before="rule:is_admin and is_admin_project:True",
    ),
    Policy(
        "baremetal:allocation:create_restricted",
        SYSTEM_MEMBER,
        also=("POST /v1/allocations",),
        before="rule:baremetal:allocation:create",
    ),
    _p(
        "allocation:delete",
        ALLOCATION_MEMBER,
        *("DELETE /v1/allocations/{ident}", f"DELETE {_NODE}/allocation"),
    ),
    _p("allocation:update", ALLOCATION_MEMBER, "PATCH /v1/allocations/{ident}"),
    Policy(
        "baremetal:allocation:create_pre_rbac",
        "(rule:is_member and role:baremetal_admin) or (is_admin_project:True and role:admin)",
        also=("POST /v1/allocations",),
        scopes=("project",),
    ),
    _system("events:post", SYSTEM_ADMIN, "POST /v1/events"),
    _p(
        "deploy_template:get",
        SYSTEM_READER,
        *("GET /v1/deploy_templates", "GET /v1/deploy_templates/{ident}"),
    ),
    _p("deploy_template:create", SYSTEM_ADMIN, "POST /v1/deploy_templates"),
    _p("deploy_template:delete", SYSTEM_ADMIN, "DELETE /v1/deploy_templates/{ident}"),
    _p("deploy_template:update", SYSTEM_ADMIN, "PATCH /v1/deploy_templates/{ident}"),
    _new(
        "runbook:get",
        RUNBOOK_READER,
        *("GET /v1/runbooks/{ident}", "GET /v1/runbooks/{ident}/traits"),
    ),
    _new("runbook:list_all", SYSTEM_READER, "GET /v1/runbooks"),
    _new("runbook:list", ANY_READER, "GET /v1/runbooks"),
    _new("runbook:create", _any((*_MEMBER, "role:manager", "role:service")), "POST /v1/runbooks"),
    _new("runbook:delete", RUNBOOK_ADMIN, "DELETE /v1/runbooks/{ident}"),
    _new(
        "runbook:update",
        RUNBOOK_ADMIN,
        *("PATCH /v1/runbooks/{ident}", "PUT /v1/runbooks/{ident}/traits"),
        *("DELETE /v1/runbooks/{ident}/traits", "PUT /v1/runbooks/{ident}/traits/{trait}"),
        "DELETE /v1/runbooks/{ident}/traits/{trait}",
    ),
    _new("runbook:update:public", SYSTEM_MEMBER, also="PATCH /v1/runbooks/{ident}"),
    _new("runbook:update:owner", SYSTEM_MEMBER, also="PATCH /v1/runbooks/{ident}"),
    _new("runbook:use", RUNBOOK_ADMIN, also=_PROVISION),
    _new("inspection_rule:list_all", SYSTEM_READER, "GET /v1/inspection_rules"),
    _new("inspection_rule:get", SYSTEM_READER, "GET /v1/inspection_rules/{ident}"),
    _new("inspection_rule:create", SYSTEM_ADMIN, "POST /v1/inspection_rules"),
    _new("inspection_rule:update", SYSTEM_ADMIN, "PATCH /v1/inspection_rules/{ident}"),
    _new(
        "inspection_rule:delete",
        SYSTEM_ADMIN,
        *("DELETE /v1/inspection_rules", "DELETE /v1/inspection_rules/{ident}"),
    ),
    Policy("baremetal:driver:ipa_lookup", "", ("GET /v1/lookup",), scopes=()),
    Policy("baremetal:node:ipa_heartbeat", "", ("POST /v1/heartbeat/{ident}",), scopes=()),
    Policy(
        "baremetal:driver:ipa_continue_inspection", "", ("POST /v1/continue_inspection",), scopes=()
    ),
)

POLICIES = (*GENERAL, *NODES, *PARTS, *OTHERS)
PUBLIC = frozenset(("GET /", "GET /v1"))
"""The routes without a policy; those of the agent have one that lets everybody pass."""
