"""`openstack baremetal node …`: what is done to a node."""

from tests.client.commands.row import MISSING, NOT_FOUND, Refused, Row

_WRONG_STATE = "can not be performed"
_STEPS = """'[{"interface": "bios", "step": "factory_reset"}]'"""

STATES = (
    Row(
        "node manage",
        "<enroll> --wait",
        leaves=("nodes/<enroll>", {"provision_state": "manageable"}),
        refused=Refused("<active>", _WRONG_STATE),
    ),
    Row(
        "node provide",
        "<manageable> --wait",
        leaves=("nodes/<manageable>", {"provision_state": "available"}),
        refused=Refused("<enroll>", _WRONG_STATE),
    ),
    Row(
        "node adopt",
        "<manageable> --wait",
        leaves=("nodes/<manageable>", {"provision_state": "active"}),
        refused=Refused("<enroll>", _WRONG_STATE),
    ),
    Row(
        "node inspect",
        "<manageable> --wait",
        leaves=("nodes/<manageable>", {"provision_state": "manageable"}),
        refused=Refused("<active>", _WRONG_STATE),
    ),
    Row(
        "node clean",
        f"<manageable> --clean-steps {_STEPS}",
        leaves=("nodes/<manageable>", {"provision_state": "manageable", "last_error": None}),
        refused=Refused('<manageable> --clean-steps \'[{"step": "x"}]\'', "interface"),
    ),
    Row(
        "node deploy",
        "<available>",
        leaves=("nodes/<available>", {"provision_state": "active"}),
        refused=Refused("<enroll>", _WRONG_STATE),
    ),
    Row(
        "node rebuild",
        "<active>",
        leaves=("nodes/<active>", {"provision_state": "active", "last_error": None}),
        refused=Refused("<enroll>", _WRONG_STATE),
    ),
    Row(
        "node undeploy",
        "<active>",
        leaves=("nodes/<active>", {"provision_state": "available"}),
        refused=Refused("<available>", _WRONG_STATE),
    ),
    Row(
        "node service",
        """<active> --service-steps '[{"interface": "bios", "step": "factory_reset"}]'""",
        leaves=("nodes/<active>", {"provision_state": "active", "last_error": None}),
        refused=Refused("<enroll> --service-steps '[]'", _WRONG_STATE),
    ),
    Row(
        "node rescue",
        "<active> --rescue-password Sesame-1234",
        leaves=("nodes/<active>", {"provision_state": "rescue"}),
        refused=Refused("<active> --rescue-password ''", "rescue_password"),
    ),
    Row(
        "node unrescue",
        "<rescued>",
        leaves=("nodes/<rescued>", {"provision_state": "active"}),
        refused=Refused("<active>", _WRONG_STATE),
    ),
    Row(
        "node unhold",
        "<held>",
        leaves=("nodes/<held>", {"provision_state": "manageable"}),
        refused=Refused("<active>", _WRONG_STATE),
    ),
    Row(
        "node abort",
        "<held>",
        leaves=("nodes/<held>", {"provision_state": "clean failed"}),
        refused=Refused("<active>", _WRONG_STATE),
    ),
    Row(
        "node power off",
        "<manageable> --soft --power-timeout 60",
        leaves=("nodes/<manageable>", {"power_state": "power off", "target_power_state": None}),
        refused=MISSING,
    ),
    Row(
        "node power on",
        "<off>",
        leaves=("nodes/<off>", {"power_state": "power on", "target_power_state": None}),
        refused=MISSING,
    ),
    Row(
        "node reboot",
        "<off>",
        leaves=("nodes/<off>", {"power_state": "power on", "target_power_state": None}),
        refused=MISSING,
    ),
    Row(
        "node boot device set",
        "<enroll> pxe --persistent",
        leaves=(
            "nodes/<enroll>/management/boot_device",
            {"boot_device": "pxe"},
        ),
        refused=Refused("<enroll> wanboot", "Invalid boot device"),
    ),
    Row(
        "node boot device show",
        "<enroll> --supported",
        shows={"supported_boot_devices": "pxe"},
        refused=MISSING,
    ),
    Row(
        "node boot mode set",
        "<enroll> bios",
        leaves=("nodes/<enroll>", {"boot_mode": "bios"}),
        refused=Refused("<nobody> uefi", NOT_FOUND),
    ),
    Row(
        "node secure boot on",
        "<enroll>",
        leaves=("nodes/<enroll>", {"secure_boot": True}),
        refused=MISSING,
    ),
    Row(
        "node secure boot off",
        "<enroll>",
        leaves=("nodes/<enroll>", {"secure_boot": False}),
        refused=MISSING,
    ),
    Row("node inject nmi", "<enroll>", refused=MISSING),
    Row(
        "node console enable",
        "<enroll>",
        leaves=("nodes/<enroll>", {"console_enabled": True}),
        refused=MISSING,
    ),
    Row(
        "node console disable",
        "<enroll>",
        leaves=("nodes/<enroll>", {"console_enabled": False}),
        refused=MISSING,
    ),
    Row("node console show", "<enroll>", shows={"console_enabled": False}, refused=MISSING),
)
