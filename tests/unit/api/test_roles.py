"""What the policies change in answers: lists, secrets, owners, scopes, an operator's own rules."""

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stbernard.api.parts import Parts
from stbernard.api.policies import LOOK_AGAIN, Policies, Target
from stbernard.errors import SettingsError
from stbernard.nodes import Node, VolumeTarget
from stbernard.openstack.settings import OsloPolicy
from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Tasks
from stbernard.records import Allocation, Runbook
from stbernard.settings import Api, Default, Settings
from stbernard.store import Store
from stbernard.store.secrets import Secrets, add_key
from tests.factories import a_node, a_port, a_portgroup
from tests.unit.api.fakes import Client, fault, patch, uuids
from tests.unit.api.roles import LESSEE, OTHER, OWNER, as_, caller, client_with_roles

INFO = {"redfish_address": "https://bmc.example", "redfish_password": "hunter2"}


@pytest.fixture
def nodes(parts: Parts) -> tuple[Node, Node]:
    """One of the owner, leased, with a port and a portgroup; and one of nobody, alike."""
    ours = a_node(name="ours", owner=OWNER, lessee=LESSEE, driver_info=INFO, last_error="x at bmc")
    nobodys = a_node(name="nobodys", driver_info=INFO)
    for number, node in enumerate((ours, nobodys)):
        parts.store.nodes.create(node)
        parts.store.ports.create(a_port(node, address=f"52:54:00:77:00:0{number}"))
        parts.store.portgroups.create(a_portgroup(node))
    return ours, nobodys


@pytest.mark.parametrize("path", ["nodes", "nodes/detail"])
def test_a_project_lists_its_own_nodes(parts: Parts, nodes: tuple[Node, Node], path: str) -> None:
    ours, nobodys = (node.uuid for node in nodes)
    with client_with_roles(parts, "system/reader") as client:
        assert uuids(client, f"/v1/{path}") == [ours, nobodys]
        for where in (OWNER, LESSEE):
            assert uuids(as_(client, f"{where}/reader"), f"/v1/{path}") == [ours]
        assert uuids(as_(client, f"{OTHER}/admin"), f"/v1/{path}") == []
        assert uuids(client, f"/v1/{path}?owner={OWNER}") == []
        assert as_(client, "domain/admin").get(f"/v1/{path}").status_code == 403


@pytest.mark.parametrize("path", ["ports", "ports/detail", "portgroups", "portgroups/detail"])
def test_a_project_lists_the_parts_of_its_own_nodes(
    parts: Parts, nodes: tuple[Node, Node], path: str
) -> None:
    with client_with_roles(parts, "system/reader") as client:
        assert len(uuids(client, f"/v1/{path}")) == 2
        assert len(uuids(as_(client, f"{LESSEE}/reader"), f"/v1/{path}")) == 1
        assert uuids(as_(client, f"{OTHER}/reader"), f"/v1/{path}") == []
        hidden = client.get(f"/v1/{path}?node={nodes[0].uuid}")
        assert (hidden.status_code, fault(hidden)) == (
            404,
            f"Node {nodes[0].uuid} could not be found.",
        )


def test_volumes_are_listed_and_shown_by_project(parts: Parts, nodes: tuple[Node, Node]) -> None:
    for number, node in enumerate(nodes):
        new = VolumeTarget(
            uuid=f"0000000{number}-0000-4000-8000-000000000000",
            created_at=1.0,
            node_uuid=node.uuid,
            volume_type="iscsi",
            volume_id="1",
            boot_index=0,
            properties={"target_portal": "192.0.2.9"},
        )
        parts.store.volume_targets.create(new)
    with client_with_roles(parts, "system/reader") as client:
        assert len(uuids(client, "/v1/volume/targets")) == 2
        [mine] = uuids(as_(client, f"{OWNER}/reader"), "/v1/volume/targets")
        assert "192.0.2.9" not in client.get(f"/v1/volume/targets/{mine}").text
        assert "192.0.2.9" not in client.get("/v1/volume/targets?detail=true").text
        shown = as_(client, f"{OWNER}/admin").get(f"/v1/volume/targets/{mine}").json()
        assert shown["properties"] == {"target_portal": "192.0.2.9"}
        assert uuids(as_(client, f"{OTHER}/admin"), "/v1/volume/targets") == []


def test_children_are_listed_by_project(parts: Parts, nodes: tuple[Node, Node]) -> None:
    parts.store.nodes.create(a_node(parent_node=nodes[0].uuid))
    mine = parts.store.nodes.create(a_node(parent_node=nodes[0].uuid, owner=OWNER))
    path = "/v1/nodes/ours/children"
    with client_with_roles(parts, "system/reader") as client:
        assert len(client.get(path).json()["children"]) == 2
        assert as_(client, f"{OWNER}/reader").get(path).json()["children"] == [mine.uuid]
        assert as_(client, f"{LESSEE}/reader").get(path).json()["children"] == []


def test_steps_of_a_runbook_need_the_right_to_use_it(
    parts: Parts, nodes: tuple[Node, Node]
) -> None:
    parts.store.nodes.change("ours", {"provision_state": "manageable", "traits": ("CUSTOM_X",)})
    steps: Any = ({"interface": "raid", "step": "x", "args": {}, "order": 1},)
    for number, (owner, public) in enumerate(((OTHER, False), (None, True))):
        uuid = f"0000000{number}-0000-4000-8000-000000000000"
        new = Runbook(
            uuid=uuid,
            created_at=1.0,
            name=f"book-{number}",
            traits=("CUSTOM_X",),
            steps=steps,
            owner=owner,
            public=public,
        )
        parts.store.runbooks.create(new)
    with client_with_roles(parts, f"{OWNER}/admin") as client:
        told = [
            client.put(
                "/v1/nodes/ours/states/provision", json={"target": "clean", "runbook": f"book-{n}"}
            )
            for n in range(2)
        ]
    assert told[0].status_code == 403
    assert "baremetal:runbook:use" in fault(told[0])
    assert told[1].status_code != 403, told[1].text


def test_names_hide_as_uuids_do(parts: Parts, nodes: tuple[Node, Node]) -> None:
    with client_with_roles(parts, f"{OTHER}/admin") as client:
        hidden, missing = client.get("/v1/nodes/nobodys"), client.get("/v1/nodes/nosuch")
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert fault(hidden).replace("nobodys", "nosuch") == fault(missing)
        body = {"address": "52:54:00:00:00:09", "node_uuid": nodes[0].uuid}
        assert client.post("/v1/ports", json=body).status_code == 403
        allocation = {"resource_class": "x", "candidate_nodes": ["nobodys"]}
        answer = client.post("/v1/allocations", json=allocation)
        assert fault(answer) == "Nodes cannot be found: nobodys"


@pytest.mark.parametrize(
    "request_",
    [
        ("GET", "", None),
        ("PATCH", "", []),
        ("DELETE", "", None),
        ("PUT", "/states/provision", {"target": "rescue"}),
        ("PUT", "/states/power", {"target": "power on"}),
        ("GET", "/ports", None),
        ("DELETE", "/allocation", None),
    ],
)
def test_hidden_and_missing_cannot_be_told_apart(
    parts: Parts, nodes: tuple[Node, Node], request_: tuple[str, str, Any]
) -> None:
    method, path, body = request_
    with client_with_roles(parts, f"{OTHER}/admin") as client:
        hidden, missing = (
            client.request(method, f"/v1/nodes/{name}{path}", json=body)
            for name in ("nobodys", "missing")
        )
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert hidden.text.replace("nobodys", "missing") == missing.text


def test_an_allocation_of_the_name_of_a_node_opens_nothing(
    parts: Parts, nodes: tuple[Node, Node]
) -> None:
    for owner, name, node in ((OWNER, "of-the-owner", nodes[0].uuid), (LESSEE, "ours", None)):
        new = Allocation(
            uuid=f"{len(name):08}-0000-4000-8000-000000000000",
            created_at=1.0,
            name=name,
            owner=owner,
            node_uuid=node,
            state="active" if node else "error",
        )
        parts.store.allocations.create(new)
    with client_with_roles(parts, f"{LESSEE}/admin") as client:
        assert client.delete("/v1/nodes/ours/allocation").status_code == 403
        assert client.get("/v1/nodes/ours/allocation").status_code == 403
        assert as_(client, f"{OWNER}/reader").get("/v1/nodes/ours/allocation").status_code == 200


def test_a_lessee_sees_less(parts: Parts, nodes: tuple[Node, Node]) -> None:
    with client_with_roles(parts, f"{OWNER}/reader") as client:
        shown = client.get("/v1/nodes/ours").json()
        assert shown["driver_info"] == INFO | {"redfish_password": "******"}
        assert shown["last_error"] == "x at bmc"
        less = as_(client, f"{LESSEE}/admin").get("/v1/nodes/ours").json()
        assert "bmc" not in str({name: less[name] for name in ("driver_info", "last_error")})
        assert "baremetal:node:get:driver_info" in less["driver_info"]["content"]
        assert "baremetal:node:get:last_error" in less["last_error"]
        assert less["uuid"] == shown["uuid"]
        states = client.get("/v1/nodes/ours/states").json()
        assert states["last_error"] == less["last_error"]
        [entry] = client.get("/v1/nodes?fields=uuid,last_error").json()["nodes"]
        assert "baremetal:node:get:last_error" in entry["last_error"]


@pytest.mark.parametrize(
    ("field", "value", "who"),
    [
        ("description", "x", (f"{LESSEE}/member", f"{LESSEE}/reader")),
        ("extra/a", "x", (f"{LESSEE}/member", f"{LESSEE}/reader")),
        ("instance_info/a", "x", (f"{LESSEE}/manager", f"{LESSEE}/member")),
        ("driver_info/a", "x", (f"{OWNER}/member", f"{LESSEE}/admin")),
        ("power_interface", "other", (f"{OWNER}/manager", f"{OWNER}/member")),
        ("lessee", OTHER, (f"{OWNER}/member", f"{LESSEE}/admin")),
        ("conductor_group", "x", ("system/member", f"{OWNER}/admin")),
        ("shard", "x", ("system/admin", "system/member")),
        ("automated_clean", False, ("system/admin", "system/member")),
        ("automated_clean", True, (f"{LESSEE}/member", f"{LESSEE}/reader")),
    ],
)
def test_a_field_may_have_a_policy_of_its_own(
    parts: Parts,
    nodes: tuple[Node, Node],
    field: str,
    value: Any,
    who: tuple[str, str],
) -> None:
    """`who`: the weakest who may, and the strongest who may not."""
    may, may_not = who
    parts.store.nodes.change("ours", {"maintenance": True})
    with client_with_roles(parts, may_not) as client:
        assert patch(client, "/v1/nodes/ours", f"/{field}", value).status_code == 403
        answer = patch(as_(client, may), "/v1/nodes/ours", f"/{field}", value)
        assert answer.status_code == 200, answer.text


def test_all_policies_of_a_patch_are_needed(parts: Parts, nodes: tuple[Node, Node]) -> None:
    steps = [
        {"op": "add", "path": "/description", "value": "x"},
        {"op": "add", "path": "/driver_info/x", "value": "x"},
    ]
    with client_with_roles(parts, f"{LESSEE}/member") as client:
        assert client.patch("/v1/nodes/ours", json=steps).status_code == 403
    assert parts.store.nodes.get("ours").description is None


def test_what_a_project_creates_is_its_own(parts: Parts) -> None:
    body = {"driver": "fake-hardware", "name": "new"}
    with client_with_roles(parts, f"{OTHER}/admin") as client:
        assert client.post("/v1/nodes", json=body).json()["owner"] == OTHER
        given = client.post("/v1/nodes", json={"driver": "fake-hardware", "owner": OWNER})
        assert given.status_code == 403
        allocation = client.post("/v1/allocations", json={"resource_class": "x"}).json()
        assert allocation["owner"] == OTHER
        runbook = {"name": "wipe", "steps": [{"interface": "raid", "step": "x", "order": 1}]}
        assert client.post("/v1/runbooks", json=runbook).json()["owner"] == OTHER
        public = runbook | {"name": "other", "public": True}
        assert client.post("/v1/runbooks", json=public).status_code == 403
        assert uuids(as_(client, f"{OWNER}/reader"), "/v1/allocations") == []
        assert uuids(as_(client, f"{OTHER}/reader"), "/v1/allocations") == [allocation["uuid"]]
        free = as_(client, "system/admin").post("/v1/nodes", json={"driver": "fake-hardware"})
        assert free.json()["owner"] is None


def test_nodes_of_projects_can_be_forbidden(parts: Parts) -> None:
    api = Api(project_admin_can_manage_own_nodes=False)
    with client_with_roles(parts, f"{OWNER}/admin", api=api) as client:
        assert client.post("/v1/nodes", json={"driver": "fake-hardware"}).status_code == 403


def test_a_public_runbook_is_seen_by_all(parts: Parts) -> None:
    for number, name in enumerate(("hidden", "seen")):
        uuid = f"0000000{number}-0000-4000-8000-000000000000"
        new = Runbook(uuid=uuid, created_at=1.0, name=name, public=name == "seen")
        parts.store.runbooks.create(new)
    with client_with_roles(parts, f"{OTHER}/reader") as client:
        assert client.get("/v1/runbooks/seen").status_code == 200
        assert client.get("/v1/runbooks/hidden").status_code == 404
        assert [each["name"] for each in client.get("/v1/runbooks").json()["runbooks"]] == ["seen"]
        assert client.delete("/v1/runbooks/seen").status_code == 403


def test_the_service_role(parts: Parts, nodes: tuple[Node, Node]) -> None:
    with client_with_roles(parts, "service/service") as client:
        assert uuids(client, "/v1/nodes") == []
    elevated = Default(rbac_service_role_elevated_access=True)
    with client_with_roles(parts, "service/service", default=elevated) as client:
        assert len(uuids(client, "/v1/nodes")) == 2
        power = client.put("/v1/nodes/nobodys/states/power", json={"target": "power off"})
        assert power.status_code == 202
        assert uuids(as_(client, f"{OTHER}/service"), "/v1/nodes") == []


def write(path: Path, text: str, age: int = 0) -> None:
    path.write_text(text)
    now = path.stat().st_mtime_ns
    os.utime(path, ns=(now, now + age * 10**9))


def settings_with(path: Path, **values: Any) -> Settings:
    return replace(Settings(), oslo_policy=OsloPolicy(policy_file=str(path), **values))


def test_an_operators_rules_replace_ours(
    parts: Parts, nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    write(file, '"baremetal:node:get": "role:reader"\n"show_password": "role:admin"\n')
    policy = OsloPolicy(policy_file=str(file))
    with client_with_roles(parts, f"{OTHER}/reader", oslo_policy=policy) as client:
        shown = client.get("/v1/nodes/nobodys").json()
        assert "bmc" not in str(shown["driver_info"])  # for that there is a policy, too
        assert client.get("/v1/nodes/nobodys/states").status_code == 403
        clear = as_(client, "system/admin").get("/v1/nodes/nobodys").json()
        assert clear["driver_info"] == INFO


def test_secrets_of_instances_for_whom_a_policy_names(parts: Parts, tmp_path: Path) -> None:
    """From a list and from a node, though the database has them encrypted."""
    add_key(tmp_path / "keys")
    parts = replace(parts, store=Store(parts.store.database, Secrets(str(tmp_path / "keys"))))
    info = {"image_source": "image", "configdrive": "H4sIAA=="}
    parts.store.nodes.create(a_node(name="ours", owner=OWNER, instance_info=info))
    file = tmp_path / "policy.yaml"
    write(file, '"show_instance_secrets": "role:manager"\n')
    policy = OsloPolicy(policy_file=str(file))
    with client_with_roles(parts, f"{OWNER}/manager", oslo_policy=policy) as client:
        assert client.get("/v1/nodes/ours").json()["instance_info"] == info
        [listed] = client.get("/v1/nodes?fields=instance_info").json()["nodes"]
        assert listed["instance_info"] == info
        masked = as_(client, f"{OWNER}/member").get("/v1/nodes/ours").json()
        assert masked["instance_info"] == info | {"configdrive": "******"}


def test_a_project_that_deploys_is_the_lessee(parts: Parts) -> None:
    """Where the operator says so."""
    parts.store.nodes.create(a_node(name="ours", owner=OWNER, provision_state="available"))
    conductor = replace(parts.settings.conductor, automatic_lessee_source="request")
    settings = replace(parts.settings, conductor=conductor)
    tasks = Tasks(parts.store, parts.drivers, settings)
    parts = replace(parts, requests=Requests(parts.store, tasks, settings))
    with client_with_roles(parts, f"{OWNER}/admin") as client:
        answer = client.put("/v1/nodes/ours/states/provision", json={"target": "active"})
        assert answer.status_code == 202, fault(answer)
        assert client.get("/v1/nodes/ours").json()["lessee"] == OWNER


def test_changed_rules_hold_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, name = tmp_path / "policy.yaml", "baremetal:node:get"
    write(file, f'"{name}": "role:reader"\n')
    policies = Policies(settings_with(file))
    now = [1000.0]
    monkeypatch.setattr("stbernard.api.policies.time.monotonic", lambda: now[0])
    reader = caller(OTHER, "reader")
    assert policies.allow(name, reader)
    write(file, f'"{name}": "role:admin"\n', age=2)
    now[0] += LOOK_AGAIN
    assert not policies.allow(name, reader)
    write(file, "no: [yaml", age=4)
    now[0] += LOOK_AGAIN
    assert not policies.allow(name, reader)
    assert policies.allow(name, caller(OTHER, "admin"))


def test_broken_rules_are_no_requests_affair(tmp_path: Path) -> None:
    """Not even in the second before it is noticed."""
    file = tmp_path / "policy.yaml"
    write(file, '"baremetal:node:get": "role:reader"\n')
    policies = Policies(settings_with(file))
    assert policies.allow("baremetal:node:get", caller(OTHER, "reader"))
    write(file, "no: [yaml", age=2)
    assert policies.allow("baremetal:node:get", caller(OTHER, "member"))


def test_what_was_decided_while_the_rules_changed_is_decided_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the old rules, in one thread, while another one has read the new ones."""
    file, name = tmp_path / "policy.yaml", "baremetal:node:get"
    write(file, f'"{name}": "role:reader"\n')
    policies, reader = Policies(settings_with(file)), caller(OTHER, "reader")
    monkeypatch.setattr("stbernard.api.policies.LOOK_AGAIN", 0)

    class Decided(dict[Any, bool]):
        def __setitem__(self, question: Any, decided: bool) -> None:
            if question[1] is reader and not others:
                write(file, f'"{name}": "role:admin"\n', age=2)
                admin = caller(OTHER, "admin")
                others.append(threading.Thread(target=policies.allow, args=(name, admin)))
                others[0].start()
                others[0].join(1)  # it does not get that far: it has to wait for this
            super().__setitem__(question, decided)

    others: list[threading.Thread] = []
    monkeypatch.setattr(policies, "_decided", Decided())
    assert policies.allow(name, reader)
    others[0].join(60)
    assert not policies.allow(name, reader)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"baremetal:node:gte": "role:reader"', "baremetal:node:gte"),
        ('"baremetal:node:get": "rule:nosuch"', "baremetal:node:get"),
        ("no: [yaml", "policy.yaml"),
    ],
)
def test_wrong_rules_are_named_at_the_start(tmp_path: Path, text: str, reason: str) -> None:
    write(tmp_path / "policy.yaml", text)
    with pytest.raises(SettingsError, match=reason):
        Policies(settings_with(tmp_path / "policy.yaml"))


def test_the_rules_of_before_can_be_had_again(tmp_path: Path) -> None:
    admin, target = caller(OTHER, "admin"), Target("node", OWNER)
    old = settings_with(tmp_path / "none.yaml", enforce_new_defaults=False)
    for name in ("node:get", "node:delete", "port:create", "node:set_provision_state"):
        assert not Policies(Settings()).allow(f"baremetal:{name}", admin, target)
        assert Policies(old).allow(f"baremetal:{name}", admin, target)


def test_nobodys_node_is_not_that_of_a_caller_without_a_project() -> None:
    domain = caller("domain", "admin")
    policies = Policies(Settings())
    assert not policies.allow("baremetal:node:get", domain, Target("node"))
    assert not policies.allow("is_node_owner", caller("system", "reader"), Target("node"))


def test_a_client_that_reads_a_public_path_needs_no_token(client: Client) -> None:
    assert client.get("/v1").status_code == 200


MISSING = "ffffffff-0000-4000-8000-00000000dead"
NEW_PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ports", {"address": "52:54:00:00:00:0a"}),
    ("portgroups", {}),
    ("volume/connectors", {"type": "iqn", "connector_id": "iqn.2026-11.example:a"}),
)


@pytest.mark.parametrize(("kind", "new"), NEW_PARTS)
def test_who_moves_a_part_needs_both_nodes(
    parts: Parts, nodes: tuple[Node, Node], kind: str, new: dict[str, Any]
) -> None:
    """Not to one that is hidden, nor to another owner's, though one leases it."""
    ours, nobodys = nodes
    mine: dict[str, Any] = {"provision_state": "enroll", "power_state": "power off"}
    first, second, leased = (
        parts.store.nodes.create(a_node(**mine, **whose))
        for whose in ({"owner": OTHER}, {"owner": OTHER}, {"owner": OWNER, "lessee": OTHER})
    )
    with client_with_roles(parts, f"{OTHER}/manager") as client:
        made = client.post(f"/v1/{kind}", json=new | {"node_uuid": first.uuid})
        assert made.status_code == 201, made.text
        one = f"/v1/{kind}/{made.json()['uuid']}"
        for uuid, why in (
            *((nobodys.uuid, "could not be found"), (MISSING, "could not be found")),
            (leased.uuid, "its owner is another one"),
        ):
            refused = patch(client, one, "/node_uuid", uuid)
            assert (refused.status_code, why in fault(refused)) == (400, True), refused.text
        assert patch(as_(client, "system/admin"), one, "/node_uuid", ours.uuid).status_code == 400
        moved = patch(as_(client, f"{OTHER}/manager"), one, "/node_uuid", second.uuid)
        assert (moved.status_code, moved.json().get("node_uuid")) == (200, second.uuid), moved.text


def test_seeing_a_node_is_not_enough_to_move_a_part_there(
    parts: Parts, nodes: tuple[Node, Node], tmp_path: Path
) -> None:
    parts.store.nodes.change("ours", {"power_state": "power off"})
    elsewhere = parts.store.nodes.create(a_node(owner=OWNER))
    write(tmp_path / "policy.yaml", '"baremetal:node:get": "role:reader"\n')
    policy = OsloPolicy(policy_file=str(tmp_path / "policy.yaml"))
    new = NEW_PARTS[2][1] | {"node_uuid": nodes[0].uuid}
    with client_with_roles(parts, f"{LESSEE}/manager", oslo_policy=policy) as client:
        made = client.post("/v1/volume/connectors", json=new)
        assert made.status_code == 201, made.text
        one = f"/v1/volume/connectors/{made.json()['uuid']}"
        refused = patch(client, one, "/node_uuid", elsewhere.uuid)
        assert (refused.status_code, "volume:update" in refused.text) == (403, True)


def test_a_portgroup_of_others_is_as_none(parts: Parts, nodes: tuple[Node, Node]) -> None:
    [theirs] = parts.store.portgroups.of_node(nodes[1].uuid)
    [port] = parts.store.ports.of_node(nodes[0].uuid)
    parts.store.nodes.change("ours", {"maintenance": True})
    new = {"address": "52:54:00:00:00:0b", "node_uuid": nodes[0].uuid}
    with client_with_roles(parts, f"{OWNER}/admin") as client:

        def told(portgroup: str) -> list[str]:
            answers = (
                client.get(f"/v1/ports?portgroup={portgroup}"),
                client.get(f"/v1/ports/detail?portgroup={portgroup}"),
                client.get(f"/v1/portgroups/{portgroup}/ports"),
                client.post("/v1/ports", json=new | {"portgroup_uuid": portgroup}),
                patch(client, f"/v1/ports/{port.uuid}", "/portgroup_uuid", portgroup),
            )
            return [f"{each.status_code} {each.text.replace(portgroup, '')}" for each in answers]

        assert told(theirs.uuid) == told(MISSING)


@pytest.mark.parametrize(
    ("who", "owner"), [("project-other/admin", None), ("project-other/member", "project-other")]
)
def test_allocations_of_nobody_under_the_rules_of_before(
    parts: Parts, who: str, owner: str | None
) -> None:
    """They are for who was an administrator then (allocation:create_pre_rbac)."""
    policy = OsloPolicy(enforce_new_defaults=False)
    with client_with_roles(parts, who, oslo_policy=policy) as client:
        made = client.post("/v1/allocations", json={"resource_class": "x"})
        assert (made.status_code, made.json().get("owner")) == (201, owner), made.text
