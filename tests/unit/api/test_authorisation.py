"""Who may do what: one case for each route of the API.

A case is the weakest caller who may, and the strongest who may not, with what that one is told.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from tools.docs.openapi.routes import routes

from stbernard.api.gate import BY_ROUTE
from stbernard.api.parts import Parts
from stbernard.api.policy import PUBLIC
from stbernard.identity.middleware import is_public
from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Tasks
from stbernard.records import Allocation, Runbook
from stbernard.settings import Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import HOST, Client, FakeDrivers
from tests.unit.api.roles import LESSEE, OWNER, as_, client_with_roles


class Case(NamedTuple):
    may: str
    may_not: str
    told: int = 403


LISTS = Case("project-other/reader", "project-other/nobody")
SEES = Case("project-lessee/reader", "project-other/admin", 404)
USES = Case("project-lessee/member", "project-lessee/reader")
OPERATES = Case("project-lessee/manager", "project-lessee/member")
OWNER_SEES = Case("project-owner/reader", "project-lessee/admin")
OWNER_USES = Case("project-owner/member", "project-lessee/admin")
OWNER_RULES = Case("project-owner/manager", "project-owner/member")
SYSTEM_SEES = Case("system/reader", "project-owner/admin")
SYSTEM_USES = Case("system/member", "project-owner/admin")
SYSTEM_RULES = Case("system/admin", "system/member")
ALLOCATION_SEEN = Case("project-owner/reader", "project-other/admin", 404)
ALLOCATION_USED = Case("project-owner/member", "project-owner/reader")
RUNBOOK_SEEN = Case("project-owner/reader", "project-other/admin", 404)
RUNBOOK_RULED = Case("project-owner/manager", "project-owner/member")
EVERYBODY = None

N = "/v1/nodes/{ident}"
VERBS = ("GET", "PUT", "POST", "PATCH", "DELETE")


def _vendor(path: str, case: Case) -> dict[str, Case]:
    below = (f"{path}/vendor_passthru", f"{path}/vendor_passthru/{{method}}")
    calls = {f"{verb} {each}": case for each in below for verb in VERBS}
    return {f"GET {path}/vendor_passthru/methods": case, **calls}


CASES: dict[str, Case | None] = {
    "GET /": EVERYBODY,
    "GET /v1": EVERYBODY,
    "GET /v1/lookup": EVERYBODY,
    "POST /v1/heartbeat/{ident}": EVERYBODY,
    "POST /v1/continue_inspection": EVERYBODY,
    # nodes
    "GET /v1/nodes": LISTS,
    "GET /v1/nodes/detail": LISTS,
    "POST /v1/nodes": Case("project-other/admin", "system/member"),
    "GET /v1/nodes/validate": OPERATES,
    f"GET {N}": SEES,
    f"PATCH {N}": USES,
    f"DELETE {N}": Case("project-owner/admin", "project-owner/manager"),
    f"GET {N}/validate": OPERATES,
    f"GET {N}/children": SEES,
    f"PUT {N}/maintenance": OPERATES,
    f"DELETE {N}/maintenance": OPERATES,
    f"GET {N}/management/boot_device": OWNER_RULES,
    f"GET {N}/management/boot_device/supported": OWNER_RULES,
    f"PUT {N}/management/boot_device": OWNER_RULES,
    f"GET {N}/management/indicators": SEES,
    f"GET {N}/management/indicators/{{indicator}}": SEES,
    f"PUT {N}/management/indicators/{{indicator}}": OWNER_USES,
    f"PUT {N}/management/inject_nmi": OWNER_RULES,
    f"GET {N}/states": SEES,
    f"PUT {N}/states/power": USES,
    f"PUT {N}/states/boot_mode": USES,
    f"PUT {N}/states/secure_boot": USES,
    f"PUT {N}/states/provision": OPERATES,
    f"PUT {N}/states/raid": OWNER_USES,
    f"GET {N}/states/console": OWNER_USES,
    f"PUT {N}/states/console": OWNER_USES,
    f"GET {N}/vifs": SEES,
    f"POST {N}/vifs": OPERATES,
    f"DELETE {N}/vifs/{{vif}}": OPERATES,
    f"GET {N}/traits": SEES,
    f"PUT {N}/traits": OWNER_RULES,
    f"PUT {N}/traits/{{trait}}": OWNER_RULES,
    f"DELETE {N}/traits": OWNER_RULES,
    f"DELETE {N}/traits/{{trait}}": OWNER_RULES,
    f"GET {N}/bios": SEES,
    f"GET {N}/bios/{{name}}": SEES,
    f"GET {N}/firmware": SEES,
    f"GET {N}/history": OWNER_SEES,
    f"GET {N}/history/{{event}}": OWNER_SEES,
    f"GET {N}/rescue": OWNER_SEES,
    f"GET {N}/rescue/events": OWNER_SEES,
    f"GET {N}/inventory": OWNER_SEES,
    f"GET {N}/vmedia": SEES,
    f"POST {N}/vmedia": USES,
    f"DELETE {N}/vmedia": USES,
    "GET /v1/shards": SYSTEM_SEES,
    "GET /v1/shards/{name}": SYSTEM_SEES,
    **_vendor(N, SYSTEM_RULES),
    # their parts
    "GET /v1/ports": LISTS,
    "GET /v1/ports/detail": LISTS,
    f"GET {N}/ports": SEES,
    f"GET {N}/ports/detail": SEES,
    "GET /v1/portgroups/{ident}/ports": SEES,
    "GET /v1/portgroups/{ident}/ports/detail": SEES,
    "POST /v1/ports": OWNER_RULES,
    "GET /v1/ports/{ident}": SEES,
    "PATCH /v1/ports/{ident}": OWNER_RULES,
    "DELETE /v1/ports/{ident}": OWNER_RULES,
    "GET /v1/portgroups": LISTS,
    "GET /v1/portgroups/detail": LISTS,
    f"GET {N}/portgroups": SEES,
    f"GET {N}/portgroups/detail": SEES,
    "POST /v1/portgroups": OWNER_RULES,
    "GET /v1/portgroups/{ident}": SEES,
    "PATCH /v1/portgroups/{ident}": OWNER_RULES,
    "DELETE /v1/portgroups/{ident}": OWNER_RULES,
    "GET /v1/volume": SYSTEM_SEES,
    f"GET {N}/volume": SEES,
    **{
        f"{verb} /v1/volume/{kind}{below}": case
        for kind in ("connectors", "targets")
        for verb, below, case in (
            ("GET", "", LISTS),
            ("POST", "", Case("project-lessee/manager", "project-owner/member")),
            ("GET", "/{ident}", SEES),
            ("PATCH", "/{ident}", OPERATES),
            ("DELETE", "/{ident}", Case("project-lessee/manager", "project-owner/member")),
        )
    },
    f"GET {N}/volume/connectors": SEES,
    f"GET {N}/volume/targets": SEES,
    # what belongs to the whole
    "GET /v1/chassis": SYSTEM_SEES,
    "GET /v1/chassis/detail": SYSTEM_SEES,
    "POST /v1/chassis": SYSTEM_RULES,
    "GET /v1/chassis/{ident}": SYSTEM_SEES,
    "PATCH /v1/chassis/{ident}": SYSTEM_USES,
    "DELETE /v1/chassis/{ident}": SYSTEM_RULES,
    "GET /v1/chassis/{ident}/nodes": LISTS,
    "GET /v1/chassis/{ident}/nodes/detail": LISTS,
    "GET /v1/drivers": SYSTEM_SEES,
    "GET /v1/drivers/{name}": SYSTEM_SEES,
    "GET /v1/drivers/{name}/properties": SYSTEM_SEES,
    "GET /v1/drivers/{name}/raid/logical_disk_properties": SYSTEM_SEES,
    **_vendor("/v1/drivers/{name}", SYSTEM_RULES),
    "GET /v1/conductors": SYSTEM_SEES,
    "GET /v1/conductors/{hostname}": SYSTEM_SEES,
    "POST /v1/events": SYSTEM_RULES,
    "GET /v1/deploy_templates": SYSTEM_SEES,
    "POST /v1/deploy_templates": SYSTEM_RULES,
    "GET /v1/deploy_templates/{ident}": SYSTEM_SEES,
    "PATCH /v1/deploy_templates/{ident}": SYSTEM_RULES,
    "DELETE /v1/deploy_templates/{ident}": SYSTEM_RULES,
    "GET /v1/inspection_rules": SYSTEM_SEES,
    "POST /v1/inspection_rules": SYSTEM_RULES,
    "DELETE /v1/inspection_rules": SYSTEM_RULES,
    "GET /v1/inspection_rules/{ident}": SYSTEM_SEES,
    "PATCH /v1/inspection_rules/{ident}": SYSTEM_RULES,
    "DELETE /v1/inspection_rules/{ident}": SYSTEM_RULES,
    # allocations and runbooks
    "GET /v1/allocations": LISTS,
    "POST /v1/allocations": Case("project-other/member", "project-other/reader"),
    "GET /v1/allocations/{ident}": ALLOCATION_SEEN,
    "PATCH /v1/allocations/{ident}": ALLOCATION_USED,
    "DELETE /v1/allocations/{ident}": ALLOCATION_USED,
    f"GET {N}/allocation": Case("project-owner/reader", "project-lessee/admin"),
    f"DELETE {N}/allocation": ALLOCATION_USED,
    "GET /v1/runbooks": LISTS,
    "POST /v1/runbooks": Case("project-other/manager", "project-other/member"),
    "GET /v1/runbooks/{ident}": RUNBOOK_SEEN,
    "PATCH /v1/runbooks/{ident}": RUNBOOK_RULED,
    "DELETE /v1/runbooks/{ident}": RUNBOOK_RULED,
    "GET /v1/runbooks/{ident}/traits": RUNBOOK_SEEN,
    "PUT /v1/runbooks/{ident}/traits": RUNBOOK_RULED,
    "DELETE /v1/runbooks/{ident}/traits": RUNBOOK_RULED,
    "PUT /v1/runbooks/{ident}/traits/{trait}": RUNBOOK_RULED,
    "DELETE /v1/runbooks/{ident}/traits/{trait}": RUNBOOK_RULED,
}
UUID = "5b7a9c1e-0000-4000-8000-{:012}"
WHERE = {
    **{"nodes": UUID.format(1), "ports": UUID.format(2), "portgroups": UUID.format(3)},
    **{"connectors": UUID.format(4), "targets": UUID.format(5), "allocations": UUID.format(6)},
    "runbooks": UUID.format(7),
}
HIDDEN = re.compile(
    r"(Node|Port|Portgroup|target|connector|Allocation|Runbook) [-0-9a-e]{35}[1-7] could not"
)
NONSENSE = {"nonsense": "1"}  # 400, but not before authorisation
BODIES = ("/v1/ports", "/v1/portgroups", "/v1/volume/connectors", "/v1/volume/targets")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """With one of everything that belongs to somebody. No request below changes anything."""
    folder = tmp_path_factory.mktemp("roles")
    database = Database(f"sqlite:///{folder}/stbernard.sqlite")
    upgrade(database)
    store, settings = Store(database), Settings(default=Default(host=HOST, state_path=str(folder)))
    _fill(store)
    tasks = Tasks(store, FakeDrivers(), settings)
    parts = Parts(settings, store, Requests(store, tasks, settings), tasks, FakeDrivers())
    with client_with_roles(parts, "system/admin") as client:
        yield client
    database.close()


def _fill(store: Store) -> None:
    new = a_node(uuid=WHERE["nodes"], owner=OWNER, lessee=LESSEE, resource_class="x")
    node = store.nodes.create(new)
    store.ports.create(a_port(node, uuid=WHERE["ports"]))
    store.portgroups.create(a_portgroup(node, uuid=WHERE["portgroups"]))
    for name, values in (
        ("connectors", {"type": "ip", "connector_id": "192.0.2.1"}),
        ("targets", {"volume_type": "iscsi", "volume_id": "1", "boot_index": 0}),
    ):
        records: Any = getattr(store, f"volume_{name}")
        new = records._kind(uuid=WHERE[name], node_uuid=node.uuid, created_at=1.0, **values)
        records.create(new)
    new_one = Allocation(uuid=WHERE["allocations"], created_at=1.0, owner=OWNER, state="active")
    store.allocations.create(
        msgspec.structs.replace(new_one, node_uuid=node.uuid, resource_class="x")
    )
    runbook = Runbook(uuid=WHERE["runbooks"], created_at=1.0, name="wipe", owner=OWNER)
    store.runbooks.create(runbook)


def ask(client: Client, route: str, who: str | None) -> Any:
    """The answer to a request that changes nothing."""
    method, template = route.split(" ")
    path = template
    for kind, ident in WHERE.items():
        path = path.replace(f"/{kind}/{{ident}}", f"/{kind}/{ident}")
    for name in ("ident", "name", "method", "hostname", "event", "indicator", "vif", "trait"):
        path = path.replace(f"{{{name}}}", UUID.format(9))
    client.headers.pop("X-Auth-Token", None)
    if who:
        as_(client, who)
    body: Any = [] if method == "PATCH" else None
    if method in ("POST", "PUT"):
        body = NONSENSE | ({"node_uuid": WHERE["nodes"]} if template in BODIES else {})
    query = {"node": WHERE["nodes"]} if template == "/v1/nodes/validate" else {}
    if method == "DELETE":
        query = NONSENSE
    return client.request(method, path, json=body, params=query)


def test_each_route_has_a_case_and_a_policy() -> None:
    served = {f"{route.method} {route.path}" for route in routes()}
    assert served == CASES.keys(), "give a new route a policy (api/policy.py) and a case here"
    assert served == BY_ROUTE.keys() | PUBLIC


@pytest.mark.parametrize("route", [route for route, case in CASES.items() if case])
def test_who_may_and_who_may_not(client: Client, route: str) -> None:
    case = CASES[route]
    assert case
    refused = ask(client, route, case.may_not)
    assert refused.status_code == case.told, refused.text
    assert ask(client, route, None).status_code == 401
    if route == f"GET {N}/rescue/events":
        return  # it goes on for ever
    allowed = ask(client, route, case.may)
    assert allowed.status_code not in (401, 403), allowed.text
    assert not HIDDEN.search(allowed.text), allowed.text


@pytest.mark.parametrize("route", [route for route, case in CASES.items() if case is None])
def test_what_everybody_may(client: Client, route: str) -> None:
    assert ask(client, route, None).status_code not in (401, 403)
    assert is_public(route.split(" ")[1])
