"""`stbernard import` from the real Ironic: over its API and from its database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from stbernard.cli import app
from stbernard.nodes import Node
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.pages import Page
from tests.interop.conftest import PASSWORD, SHOW_SECRETS, Filled
from tests.service import Service

KINDS = ("bios", "console", "deploy", "firmware", "inspect", "raid")
CONFIG = """
enabled_hardware_types = fake-hardware
enabled_power_interfaces = fake
enabled_management_interfaces = fake
enabled_boot_interfaces = fake
enabled_rescue_interfaces = fake,no-rescue
enabled_storage_interfaces = fake,noop
enabled_vendor_interfaces = no-vendor
""" + "".join(f"enabled_{kind}_interfaces = fake\n" for kind in KINDS)
LEFT_BEHIND = ("busy", "locked", "foreign", "vendored")
OTHERWISE = ("conductor", "driver_internal_info")  # fields that are the service's own
HIDING = ("driver_info", "instance_info")  # fields with secrets, which Ironic is told to show
NOT_KEPT = {"rescue_password", "hashed_rescue_password"}


class Mover:
    """`stbernard import` into a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.service = Service(folder, CONFIG)

    def run(self, source: str, *options: str) -> tuple[int, str, list[str]]:
        """The exit code, the table, and the lines above it."""
        arguments = [
            "import",
            "--from",
            source,
            *options,
            "--config-file",
            str(self.service.config),
        ]
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done.exit_code, done.stdout, done.stderr.splitlines()

    @contextmanager
    def store(self) -> Iterator[Store]:
        database = Database(f"sqlite:///{self.service.folder}/stbernard.sqlite")
        try:
            yield Store(database)
        finally:
            database.close()

    def nodes(self) -> dict[str, Node]:
        """The nodes that are here, by name."""
        with self.store() as store:
            return {str(node.name): node for node in store.nodes.list(Page())}

    def change(self, name: str, **values: Any) -> None:
        with self.store() as store:
            store.nodes.change(name, values)

    def answers(self, filled: Filled) -> dict[str, Any]:
        """What the service answers to a GET of each record."""
        self.service.start()
        try:
            answers = {path: self.service.call("GET", path) for path in filled.paths}
        finally:
            self.service.stop()
        return {path: answer.json() for path, answer in answers.items() if answer.ok}


@pytest.fixture
def mover(tmp_path: Path) -> Mover:
    return Mover(tmp_path)


def source(filled: Filled, way: str) -> str:
    ironic = filled.ironic
    return {"API": ironic.url, "database": ironic.database, "file": str(ironic.config)}[way]


def counts(table: str, kind: str) -> list[str]:
    """The numbers of a line of the table."""
    line = next(line for line in table.splitlines() if line.strip().startswith(f"{kind} "))
    return re.findall(r"\d+", line)


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """Without links, what is documented to differ, and what one of them hides."""
    return {
        name: value.keys() - NOT_KEPT if name in HIDING else value
        for name, value in record.items()
        if name not in OTHERWISE and "href" not in str(value)
    }


@pytest.mark.parametrize("way", ["API", "file"])
def test_gets_are_answered_as_ironic_answers_them(filled: Filled, mover: Mover, way: str) -> None:
    code, table, lines = mover.run(source(filled, way))
    assert code == 1, lines
    assert counts(table, "node") == ["6", "4"], table
    refused = [line.split() for line in lines if ": refused: " in line]
    assert {words[1] for words in refused if words[0] == "node"} == {*LEFT_BEHIND}
    here = mover.answers(filled)
    left = {f"/v1/nodes/{filled.nodes[name]}" for name in LEFT_BEHIND}
    for path in filled.paths:
        if path in left or "0f" in str(filled.ironic.get(path).get("address")):
            assert path not in here
        else:
            assert comparable(here[path]) == comparable(filled.ironic.get(path))


def test_nothing_is_lost_besides(filled: Filled, mover: Mover) -> None:
    mover.run(source(filled, "database"))
    used = filled.nodes["used"]
    with mover.store() as store:
        group = store.portgroups.get("bond0")
        ports = store.ports.of_node(used)
        (chassis,) = store.chassis.list(Page())
        (connector,) = store.volume_connectors.of_node(used)
        (target,) = store.volume_targets.of_node(used)
        (allocation,) = store.allocations.list(Page())
    assert (group.node_uuid, group.mode) == (used, "802.3ad")
    assert [port.portgroup_uuid for port in ports] == [group.uuid, group.uuid]
    assert (chassis.description, chassis.extra) == ("Row 3", {"site": "Zürich"})
    assert connector.connector_id == "iqn.2026-11.example:used"
    assert (target.volume_id, target.boot_index) == ("vol-1", 0)
    assert allocation.node_uuid == filled.nodes["free"]
    assert mover.nodes()["free"].allocation_uuid == allocation.uuid


def test_what_stays_behind_is_named_with_the_remedy(filled: Filled, mover: Mover) -> None:
    _, table, lines = mover.run(source(filled, "database"))
    told = {line.split()[1]: line for line in lines}
    assert "clean wait" in told["busy"]
    assert "ironic-1 works on it" in told["locked"]
    assert "enabled_hardware_types is fake-hardware" in told["foreign"]
    assert "--interface vendor=no-vendor" in told["vendored"]
    assert f"its node {filled.nodes['busy']} is not here" in told["52:54:00:77:00:0f"]
    assert counts(table, "port") == ["2", "1"]


def test_another_interface_can_be_chosen(filled: Filled, mover: Mover) -> None:
    _, table, _ = mover.run(source(filled, "database"), "--interface", "vendor=no-vendor")
    assert counts(table, "node") == ["7", "3"]
    assert mover.nodes()["vendored"].vendor_interface == "no-vendor"


def test_a_second_run_changes_nothing(filled: Filled, mover: Mover) -> None:
    mover.run(source(filled, "API"))
    before = mover.nodes()
    for way in ("API", "database"):
        _, table, lines = mover.run(source(filled, way))
        assert "differs in" not in "\n".join(lines)
        assert counts(table, "node") == ["6", "4"]
        assert re.search(r"node  +6  +4", table), table  # "there already", not "carried over"
    assert mover.nodes() == before


def test_a_dry_run_writes_nothing(filled: Filled, mover: Mover) -> None:
    _, table, _ = mover.run(source(filled, "API"), "--dry-run")
    assert counts(table, "node") == ["6", "4"]
    assert mover.nodes() == {}


def test_what_differs_is_left_alone_until_told(filled: Filled, mover: Mover) -> None:
    mover.run(source(filled, "database"))
    used = filled.nodes["used"]
    mover.change("used", description="Ours")
    _, _, lines = mover.run(source(filled, "database"))
    assert f"node used {used}: differs in description; left as it is here" in lines
    assert mover.nodes()["used"].description == "Ours"
    mover.run(source(filled, "database"), "--update")
    assert mover.nodes()["used"].description == "Serves the web"


def test_a_rescued_server_comes_back_from_here(filled: Filled, mover: Mover) -> None:
    mover.run(source(filled, "database"))
    rescued = filled.nodes["rescued"]
    service = mover.service.start()
    try:
        assert service.provision(rescued, "unrescue").status_code == 202
        assert service.wait_for_state(rescued, "active", "unrescue failed")["last_error"] is None
        device = service.get(f"/v1/nodes/{rescued}/management/boot_device")
        assert device == {"boot_device": "disk", "persistent": True}
    finally:
        service.stop()


def test_passwords_come_over_but_not_the_rescues(filled: Filled, mover: Mover) -> None:
    mover.run(source(filled, "API"))
    node = mover.nodes()["rescued"]
    assert node.driver_info == {"fake_password": PASSWORD}
    used = mover.nodes()["used"].instance_info
    assert used == {"display_name": "web-1", "image_url": "http://192.0.2.1/image"}
    assert "rescue" not in str(node.instance_info)


def test_hidden_passwords_are_not_carried_over(filled: Filled, mover: Mover) -> None:
    policy = filled.ironic.folder / "policy.yaml"
    policy.write_text("{}")
    try:
        filled.ironic.wait(
            lambda: (
                filled.ironic.get("/v1/nodes/new")["driver_info"] != {"fake_password": PASSWORD}
            ),
            "the policy is read",
        )
        code, table, lines = mover.run(source(filled, "API"))
    finally:
        policy.write_text(SHOW_SECRETS)
    assert code == 1
    assert counts(table, "node") == ["10"]
    assert "hides driver_info/fake_password" in "\n".join(lines)
    assert '"show_password": ""' in "\n".join(lines)
    assert mover.nodes() == {}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("http://127.0.0.1:1", "The API cannot be read"),
        ("nonsense", "neither the address of an API"),
        ("sqlite:////nowhere/at/all", "The database cannot be read"),
        ("sqlite://", "no database of Ironic's"),
        ("mysql+pymysql://192.0.2.1/ironic", "pip install pymysql"),
        (__file__, "error: "),
    ],
)
def test_a_wrong_source_is_a_clear_error(mover: Mover, wrong: str, told: str) -> None:
    code, _, lines = mover.run(wrong)
    assert code == 1
    assert told in "\n".join(lines)
