"""`openstack baremetal …` of everything that is no node."""

from tests.client.commands.row import MISSING, NO_MARKER, NOT_FOUND, Refused, Row

_STEPS = """'[{"interface": "deploy", "step": "deploy", "args": {}, "priority": 10}]'"""
_ORDERED = """'[{"interface": "deploy", "step": "deploy", "args": {}, "order": 1}]'"""
_ACTIONS = """'[{"op": "set-attribute", "args": {"path": "/extra/rack", "value": "7"}}]'"""


def _crud(noun: str, thing: str, path: str) -> tuple[Row, ...]:
    """Show and delete are alike everywhere."""
    one = f"{path}/<{thing}>"
    return (
        Row(f"{noun} show", f"<{thing}>", shows={"uuid": f"<{thing}>"}, refused=MISSING),
        Row(f"{noun} delete", f"<{thing}>", says=f"<{thing}>", gone=one, refused=MISSING),
    )


PORTS = (
    Row(
        "port create",
        "<mac> --node <enroll> --pxe-enabled false --physical-network left",
        shows={"address": "<mac>", "pxe_enabled": False, "physical_network": "left"},
        refused=Refused("no-mac --node <enroll>", "Expected valid MAC address for address: no-mac"),
    ),
    Row("port list", "--node <enroll> --long", shows=[{"uuid": "<port>"}], refused=NO_MARKER),
    Row(
        "port set",
        "<port> --extra k=1 --pxe-disabled",
        leaves=("ports/<port>", {"extra": {"k": 1}, "pxe_enabled": False}),
        refused=Refused("<port> --address no-mac", "no-mac"),
    ),
    Row(
        "port unset",
        "<port> --physical-network",
        leaves=("ports/<port>", {"physical_network": None}),
        refused=Refused("<port> --extra k", "Couldn't apply patch"),
    ),
    *_crud("port", "port", "ports"),
)
PORT_GROUPS = (
    Row(
        "port group create",
        "--node <enroll> --name <word> --address <mac> --mode 802.3ad --property miimon=100",
        shows={"name": "<word>", "address": "<mac>", "mode": "802.3ad", "node_uuid": "<enroll>"},
        refused=Refused("--node <nobody>", NOT_FOUND),
    ),
    Row("port group list", "--long", shows=[{"uuid": "<portgroup>"}], refused=NO_MARKER),
    Row(
        "port group set",
        "<portgroup> --address <mac> --unsupport-standalone-ports --extra k=1",
        leaves=(
            "portgroups/<portgroup>",
            {"address": "<mac>", "standalone_ports_supported": False, "extra": {"k": 1}},
        ),
        refused=Refused("<portgroup> --address no-mac", "no-mac"),
    ),
    Row(
        "port group unset",
        "<portgroup> --name",
        leaves=("portgroups/<portgroup>", {"name": None}),
        refused=Refused("<portgroup> --extra k", "Couldn't apply patch"),
    ),
    *_crud("port group", "portgroup", "portgroups"),
)
CHASSIS = (
    Row(
        "chassis create",
        "--description <word> --extra k=1",
        shows={"description": "<word>", "extra": {"k": 1}},
        refused=Refused("--uuid nope", "nope"),
    ),
    Row("chassis list", "--long", shows=[{"uuid": "<chassis>"}], refused=NO_MARKER),
    Row(
        "chassis set",
        "<chassis> --description other --extra k=1",
        leaves=("chassis/<chassis>", {"description": "other", "extra": {"k": 1}}),
        refused=Refused("<nobody> --description other", NOT_FOUND),
    ),
    Row(
        "chassis unset",
        "<chassis> --description",
        leaves=("chassis/<chassis>", {"description": None}),
        refused=Refused("<chassis> --extra k", "Couldn't apply patch"),
    ),
    *_crud("chassis", "chassis", "chassis"),
)
DRIVERS = (
    Row(
        "driver list",
        "--type dynamic --long",
        shows=[{"name": "fake-hardware", "type": "dynamic"}],
    ),
    Row(
        "driver show",
        "fake-hardware",
        shows={"default_power_interface": "fake"},
        refused=Refused("nope", "Could not find the following driver(s)"),
    ),
    Row(
        "driver property list",
        "fake-hardware",
        refused=Refused("nope", "nope"),
    ),
    Row(
        "driver raid property list",
        "fake-hardware",
        shows=[{"property": "raid_level"}],
        refused=Refused("nope", "nope"),
    ),
    Row(
        "driver passthru list",
        "fake-hardware",
        shows=[],
        refused=Refused("nope", "nope"),
    ),
    Row(
        "driver passthru call",  # no hardware type has a method
        refused=Refused("fake-hardware bless", "No handler for method bless"),
    ),
)
CONDUCTORS = (
    Row("conductor list", "--long", shows=[{"hostname": "worker-1"}], refused=NO_MARKER),
    Row(
        "conductor show",
        "worker-1",
        shows={"hostname": "worker-1", "drivers": ["fake-hardware"]},
        refused=Refused("nope", NOT_FOUND),
    ),
)
ALLOCATIONS = (
    Row(
        "allocation create",
        "--resource-class <word> --name <word> --candidate-node <available>",
        shows={"name": "<word>", "candidate_nodes": ["<available>"]},
        refused=Refused(
            "--resource-class <word> --candidate-node <nobody>", "Nodes cannot be found: "
        ),
    ),
    Row(
        "allocation list",
        "--resource-class <word> --state active --long",
        shows=[{"uuid": "<allocation>"}],
        refused=NO_MARKER,
    ),
    Row(
        "allocation set",
        "<allocation> --extra k=1",
        leaves=("allocations/<allocation>", {"extra": {"k": 1}}),
        refused=Refused("<nobody> --extra k=1", NOT_FOUND),
    ),
    Row(
        "allocation unset",
        "<allocation> --name",
        leaves=("allocations/<allocation>", {"name": None}),
        refused=Refused("<allocation> --extra k", "Couldn't apply patch"),
    ),
    *_crud("allocation", "allocation", "allocations"),
)
VOLUME = (
    Row(
        "volume connector create",
        "--node <off> --type ip --connector-id <word>",
        shows={"connector_id": "<word>", "type": "ip", "node_uuid": "<off>"},
        refused=Refused("--node <nobody> --type ip --connector-id <word>", "<nobody>"),
    ),
    Row("volume connector list", "--long", shows=[{"uuid": "<connector>"}], refused=NO_MARKER),
    Row(
        "volume connector set",
        "<connector> --connector-id <word> --extra k=1",
        leaves=("volume/connectors/<connector>", {"connector_id": "<word>", "extra": {"k": 1}}),
        refused=Refused("<nobody> --connector-id <word>", NOT_FOUND),
    ),
    Row(
        "volume connector unset",
        refused=Refused("<connector> --extra k", "Couldn't apply patch"),
    ),
    *_crud("volume connector", "connector", "volume/connectors"),
    Row(
        "volume target create",
        "--node <off> --type iscsi --boot-index 0 --volume-id <word>",
        shows={"volume_id": "<word>", "boot_index": 0, "volume_type": "iscsi"},
        refused=Refused(
            "--node <nobody> --type iscsi --boot-index 0 --volume-id <word>", "<nobody>"
        ),
    ),
    Row("volume target list", "--long", shows=[{"uuid": "<target>"}], refused=NO_MARKER),
    Row(
        "volume target set",
        "<target> --boot-index 3 --property k=1",
        leaves=("volume/targets/<target>", {"boot_index": 3, "properties": {"k": 1}}),
        refused=Refused("<nobody> --boot-index 3", NOT_FOUND),
    ),
    Row(
        "volume target unset",
        refused=Refused("<target> --extra k", "Couldn't apply patch"),
    ),
    *_crud("volume target", "target", "volume/targets"),
)
DEPLOY_TEMPLATES = (
    Row(
        "deploy template create",
        f"CUSTOM_NEW --steps {_STEPS}",
        shows={"name": "CUSTOM_NEW"},
        refused=Refused("CUSTOM_NEWER --steps '[]'", "non-empty"),
    ),
    Row("deploy template list", "--long", shows=[{"uuid": "<template>"}], refused=NO_MARKER),
    Row(
        "deploy template set",
        "<template> --extra k=1",
        leaves=("deploy_templates/<template>", {"extra": {"k": 1}}),
        refused=Refused("<template> --name lower", "lower"),
    ),
    Row(
        "deploy template unset",
        refused=Refused("<template> --extra k", "Couldn't apply patch"),
    ),
    *_crud("deploy template", "template", "deploy_templates"),
)
RUNBOOKS = (
    Row(
        "runbook create",
        f"--name CUSTOM_<word> --steps {_ORDERED}",
        shows={"name": "CUSTOM_<word>", "public": False},
        refused=Refused("--name CUSTOM_<word> --steps '[]'", "non-empty"),
    ),
    Row("runbook list", "--long", shows=[{"uuid": "<runbook>"}], refused=NO_MARKER),
    Row(
        "runbook set",
        "<runbook> --extra k=1 --description new",
        leaves=("runbooks/<runbook>", {"extra": {"k": 1}, "description": "new"}),
        refused=Refused("<nobody> --description new", NOT_FOUND),
    ),
    Row(
        "runbook unset",
        refused=Refused("<runbook> --extra k", "Couldn't apply patch"),
    ),
    Row(
        "runbook trait add",
        "<runbook> CUSTOM_RAID",
        leaves=("runbooks/<runbook>/traits", {"traits": ["CUSTOM_RAID"]}),
        refused=Refused("<nobody> CUSTOM_RAID", NOT_FOUND),
    ),
    Row("runbook trait list", "<runbook>", shows=[], refused=MISSING),
    Row(
        "runbook trait remove",
        "<runbook> --all",
        leaves=("runbooks/<runbook>/traits", {"traits": []}),
        refused=Refused("<nobody> CUSTOM_RAID", NOT_FOUND),
    ),
    *_crud("runbook", "runbook", "runbooks"),
)
INSPECTION_RULES = (
    Row(
        "inspection rule create",
        f"--description <word> --actions {_ACTIONS} --conditions '[]'",
        shows={"description": "<word>", "phase": "main"},
        refused=Refused("--actions '[]' --conditions '[]'", "non-empty"),
    ),
    Row("inspection rule list", "--long", shows=[{"uuid": "<rule>"}], refused=NO_MARKER),
    Row(
        "inspection rule set",
        "<rule> --priority 9",
        leaves=("inspection_rules/<rule>", {"priority": 9}),
        refused=Refused("<nobody> --priority 9", NOT_FOUND),
    ),
    Row(
        "inspection rule unset",
        "<rule> --description",
        leaves=("inspection_rules/<rule>", {"description": None}),
        refused=Refused("<nobody> --description", NOT_FOUND),
    ),
    *_crud("inspection rule", "rule", "inspection_rules"),
)
MANY = (
    Row(
        "create",
        "<file>",
        refused=Refused("<folder>/nothing.json", "nothing.json"),
    ),
)
SHARDS = (Row("shard list", shows=[{"name": "<shard>"}]),)

RECORDS = (
    *(*PORTS, *PORT_GROUPS, *CHASSIS, *DRIVERS, *CONDUCTORS, *ALLOCATIONS, *VOLUME),
    *(*DEPLOY_TEMPLATES, *RUNBOOKS, *INSPECTION_RULES, *SHARDS, *MANY),
)
