"""`openstack baremetal node …`: what a node is."""

from tests.client.commands.row import MISSING, NOT_FOUND, Refused, Row

NODES = (
    Row(
        "node create",
        "--driver fake-hardware --name <word> --extra k=1 --driver-info fake_password=Sesame-1234",
        shows={
            "name": "<word>",
            "provision_state": "enroll",
            "extra": {"k": 1},
            "driver_info": {"fake_password": "******"},
        },
        refused=Refused("--driver nope", "No valid host was found"),
    ),
    Row(
        "node list",
        "--resource-class <word> --provision-state active --long --sort uuid:desc",
        shows=[{"uuid": "<active>", "driver": "fake-hardware"}],
        refused=Refused("--provision-state bogus", "is not valid"),
    ),
    Row(
        "node show",
        "<enroll> --fields uuid resource_class",
        shows={"uuid": "<enroll>", "resource_class": "<word>"},
        refused=MISSING,
    ),
    Row(
        "node set",
        "<enroll> --extra rack=7 --driver-info rescue_kernel=file:///k --name <word> --owner me",
        leaves=(
            "nodes/<word>",
            {
                "uuid": "<enroll>",
                "extra": {"rack": 7},
                "driver_info": {"rescue_kernel": "file:///k"},
                "owner": "me",
            },
        ),
        refused=Refused("<enroll> --driver nope", "No valid host was found"),
    ),
    Row(
        "node unset",
        "<enroll> --resource-class",
        leaves=("nodes/<enroll>", {"resource_class": None}),
        refused=Refused("<enroll> --extra rack", "Couldn't apply patch"),
    ),
    Row(
        "node delete",
        "<enroll>",
        says="Deleted node <enroll>",
        gone="nodes/<enroll>",
        refused=MISSING,
    ),
    Row(
        "node validate", "<enroll>", shows=[{"Interface": "power", "Result": True}], refused=MISSING
    ),
    Row(
        "node maintenance set",
        "<enroll> --reason disk",
        leaves=("nodes/<enroll>", {"maintenance": True, "maintenance_reason": "disk"}),
        refused=MISSING,
    ),
    Row(
        "node maintenance unset",
        "<enroll>",
        leaves=("nodes/<enroll>", {"maintenance": False}),
        refused=MISSING,
    ),
    Row(
        "node trait add",
        "<enroll> CUSTOM_RAID CUSTOM_FAST",
        leaves=("nodes/<enroll>", {"traits": ["CUSTOM_RAID", "CUSTOM_FAST"]}),
        refused=Refused("<enroll> raid", "raid"),
    ),
    Row(
        "node add trait",  # the older spelling
        "<enroll> CUSTOM_RAID",
        leaves=("nodes/<enroll>", {"traits": ["CUSTOM_RAID"]}),
        refused=Refused("<nobody> CUSTOM_RAID", NOT_FOUND),
    ),
    Row("node trait list", "<traited>", shows=[{"traits": "CUSTOM_RAID"}], refused=MISSING),
    Row(
        "node trait remove",
        "<traited> CUSTOM_RAID",
        leaves=("nodes/<traited>", {"traits": []}),
        refused=Refused("<enroll> CUSTOM_RAID", "CUSTOM_RAID"),
    ),
    Row(
        "node remove trait",  # the older spelling
        "<traited> --all",
        leaves=("nodes/<traited>", {"traits": []}),
        refused=Refused("<nobody> --all", NOT_FOUND),
    ),
    Row("node children list", "<enroll>", shows={}, refused=MISSING),
    Row(
        "node history list",
        "<active> --long",
        shows=[{"uuid": "<event>"}],
        refused=MISSING,
    ),
    Row(
        "node history get",
        "<active> <event>",
        shows={"uuid": "<event>"},
        refused=Refused("<active> <nobody>", NOT_FOUND),
    ),
    Row(
        "node vif attach",
        "<enroll> <word>",
        refused=Refused("<nobody> <word>", NOT_FOUND),
    ),
    Row(
        "node vif detach",
        "<enroll> <word>",
        refused=Refused("<nobody> <word>", NOT_FOUND),
    ),
    Row("node vif list", "<enroll>", shows=[], refused=MISSING),
    Row("node firmware list", "<enroll>", shows=[], refused=MISSING),
    Row("node bios setting list", "<enroll>", shows=[], refused=MISSING),
    Row(
        "node bios setting show",  # no setting is kept
        refused=Refused("<enroll> virtualization", "doesn't have a BIOS setting 'virtualization'"),
    ),
    Row(
        "node inventory save",  # no inspection keeps one
        refused=Refused("<enroll>", "Node inventory record for node"),
    ),
    Row("node passthru list", "<enroll>", shows=[], refused=MISSING),
    Row(
        "node passthru call",  # no vendor interface has a method
        refused=Refused("<enroll> bless", "No handler for method bless"),
    ),
)
