"""Whether a request may be served: before its handler runs, by the policies of its route.

A thing that its caller must not see is not there (404, as in Ironic); what is there and may not be
done is 403. What a handler decides by itself it asks of `call.access`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stbernard.api.access import EVERYTHING, Access, RoleAccess
from stbernard.api.call import Call, as_uuid, boolean
from stbernard.api.policies import Policies
from stbernard.api.policy import POLICIES, PREFIX, PUBLIC, Policy
from stbernard.errors import BadRequest, Forbidden, InvalidParameter, NotFound
from stbernard.identity.caller import Caller
from stbernard.identity.middleware import is_public
from stbernard.nodes import INTERFACES
from stbernard.store import Store
from stbernard.store.owners import Ownership


class Gate:
    """The gate of an API with roles."""

    def __init__(self, policies: Policies, store: Store) -> None:
        self._policies = policies
        self._store = store

    def admit(
        self, call: Call, route: str, parameters: Mapping[str, str], caller: Caller | None
    ) -> Access:
        """What the request may do then. `route`: `GET /v1/nodes/{ident}`.

        Raises Forbidden, NotFound."""
        if route in _OPEN or is_public(call.path):
            return EVERYTHING
        if caller is None:
            raise Forbidden("Access was denied: nobody was asked who sends this request.")
        access = RoleAccess(caller, self._policies, self._store.nodes.opened)
        thing = self._thing(call, route, parameters)
        if thing and not access.allows(_seeing(route), thing) and not thing.public:
            if not route.startswith("POST ") or "ident" in parameters:
                raise _not_there(route, parameters.get("ident") or call.query.get("node", ""))
            thing = None  # the node that a new part is for: as if there were none
        try:
            if (names := _by_body(call, route)) is None:
                return self._by_route(access, caller, route, parameters, thing)
            for name in names:
                access.require(name, thing)
        except Forbidden:
            if thing is None and route.partition(" ")[2].startswith(_OWNED):
                # what is not there is told as what is hidden: else one could tell them apart
                raise _not_there(route, parameters["ident"]) from None
            raise
        return access

    def _by_route(
        self,
        access: RoleAccess,
        caller: Caller,
        route: str,
        parameters: Mapping[str, str],
        thing: Ownership | None,
    ) -> Access:
        policies = BY_ROUTE.get(route, ())
        for policy in policies:
            name = policy.name.removeprefix(PREFIX)
            of_allocation = name.startswith("allocation:") and "ident" in parameters
            about = self._allocation(route, parameters["ident"]) if of_allocation else thing
            if not access.allows(name, about) and not (about and about.public and _reads(route)):
                continue
            if name.endswith(":list"):
                if caller.project_id is None:
                    break
                access.project = caller.project_id
            return access
        if not policies:
            raise Forbidden(f"No policy says who may {route}.")
        raise Forbidden(f"Access was denied to the following resource: {policies[0].name}")

    def _allocation(self, route: str, ident: str) -> Ownership | None:
        """Of the path: the allocation itself, or that of the node."""
        owners, of_node = self._store.owners, "/v1/nodes/" in route
        return (owners.of_nodes_allocation if of_node else owners.of_allocation)(_ident(ident))

    def _thing(self, call: Call, route: str, parameters: Mapping[str, str]) -> Ownership | None:
        """Whose the thing is that the request is about; None if it is about none that there is."""
        owners, path = self._store.owners, route.partition(" ")[2]
        if "ident" not in parameters:
            node = _node_of(call, route)
            return owners.of_node(_ident(node)) if node else None
        ident = _ident(parameters["ident"])
        for below, table in _PARTS.items():
            if path.startswith(below):
                return owners.of_part(table, ident)
        if path.startswith("/v1/nodes/"):
            return owners.of_node(ident)
        if path.startswith("/v1/allocations/"):
            return owners.of_allocation(ident)
        return owners.of_runbook(ident) if path.startswith("/v1/runbooks/") else None


_PARTS = {
    "/v1/ports/": "ports",
    "/v1/portgroups/": "portgroups",
    "/v1/volume/connectors/": "volume_connectors",
    "/v1/volume/targets/": "volume_targets",
}
_OWNED = tuple(
    f"{below}{{ident}}" for below in ("/v1/nodes/", *_PARTS, "/v1/allocations/", "/v1/runbooks/")
)
"""Below these paths is what belongs to projects."""
_SEEN_BY = {"/v1/allocations/": "allocation:get", "/v1/runbooks/": "runbook:get"}
_PATCHED = {
    "instance_info": "update_instance_info",
    "instance_name": "update_instance_info",
    "extra": "update_extra",
    "driver": "update:driver_interfaces",
    **{f"{kind}_interface": "update:driver_interfaces" for kind in INTERFACES},
    "retired": "update:retired",
    "retired_reason": "update:retired",
    **{
        name: f"update:{name}"
        for name in (
            *("driver_info", "properties", "chassis_uuid", "instance_uuid", "lessee", "owner"),
            *("network_data", "conductor_group", "name", "shard", "parent_node"),
            "disable_power_off",
        )
    },
}
"""The policy for each field of a node that has one of its own."""


def _routes() -> dict[str, tuple[Policy, ...]]:
    found: dict[str, tuple[Policy, ...]] = {}
    for policy in POLICIES:
        for route in policy.routes:
            found[route] = (*found.get(route, ()), policy)
    return found


BY_ROUTE = _routes()
"""The policies of each route, of which one has to be fulfilled; the wider one first."""

_OPEN = PUBLIC | {route for route, (first, *_) in BY_ROUTE.items() if first.check == ""}


def _ident(text: str) -> str:
    return as_uuid(text) or text


def _reads(route: str) -> bool:
    return route.startswith("GET ")


def _seeing(route: str) -> str:
    path = route.partition(" ")[2]
    return next((name for below, name in _SEEN_BY.items() if path.startswith(below)), "node:get")


def _not_there(route: str, ident: str) -> NotFound:
    """In the words of the store."""
    kind = route.split("/")[2 if "/volume/" not in route else 3].removesuffix("s")
    prefix = "Volume " if "/v1/volume/" in route else ""
    name = (prefix + kind).capitalize()
    return NotFound(f"{name} {ident[:300]} could not be found.")


def _node_of(call: Call, route: str) -> str | None:
    """The node that the query or the body of a request names."""
    if route == "GET /v1/nodes/validate":
        return call.query.get("node_uuid") or call.query.get("node")
    if route.startswith("POST "):
        body = _body(call)
        if isinstance(body, dict):
            named = body.get("node_uuid") or body.get("node_ident")
            return named if isinstance(named, str) else None
    return None


def _body(call: Call) -> Any:
    """None if it is wrong: the handler says so."""
    try:
        return call.json()
    except (BadRequest, InvalidParameter):
        return None


def _by_body(call: Call, route: str) -> Iterable[str] | None:
    """The policies that what is asked for in detail needs, all of them; None: the route's."""
    asked = _IN_DETAIL.get(route)
    return asked(_body(call)) if asked else None


def _node_patch(body: Any) -> list[str]:
    steps = [step for step in body if isinstance(step, dict)] if isinstance(body, list) else []
    names = {_patch_policy(step) for step in steps}
    return [f"node:{name}" for name in sorted(names or {"update"})]


def _patch_policy(step: Mapping[str, Any]) -> str:
    field = _field(step)
    if field == "automated_clean" and step.get("value") is not None:
        try:
            return "update" if boolean(field, step["value"]) else "disable_cleaning"
        except InvalidParameter:
            return "update"
    return _PATCHED.get(field, "update")


def _field(step: Mapping[str, Any]) -> str:
    return str(step.get("path", "")).lstrip("/").partition("/")[0]


def _provision(body: Any) -> list[str]:
    given = body if isinstance(body, dict) and not body.get("runbook") else {}
    steps = [name for name in ("clean_steps", "service_steps") if given.get(name)]
    return ["node:set_provision_state", *(f"node:set_provision_state:{name}" for name in steps)]


def _runbook_patch(body: Any) -> list[str]:
    steps = [step for step in body if isinstance(step, dict)] if isinstance(body, list) else []
    fields = {_field(step) for step in steps}
    names = [f"runbook:update:{name}" for name in ("owner", "public") if name in fields]
    return names if names and not fields - {"owner", "public"} else [*names, "runbook:update"]


_IN_DETAIL: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "PATCH /v1/nodes/{ident}": _node_patch,
    "PUT /v1/nodes/{ident}/states/provision": _provision,
    "PATCH /v1/runbooks/{ident}": _runbook_patch,
}
