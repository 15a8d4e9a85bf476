"""Which interfaces a node gets, and what is said when it cannot have them."""

import sys
from importlib.metadata import EntryPoint
from pkgutil import resolve_name
from subprocess import run

import pytest

from stbernard.drivers import registry as module
from stbernard.drivers.hardware_types import IPMI, REDFISH, HardwareType
from stbernard.drivers.none import Noop
from stbernard.drivers.registry import Registry
from stbernard.errors import InvalidDriverInfo, InvalidParameter, NotFound, SettingsError
from stbernard.nodes import INTERFACES
from stbernard.settings import Default, Settings
from tests.factories import a_node
from tests.unit.drivers.tasks import all_enabled

NOTHING_GIVEN: dict[str, str | None] = {}


def test_the_default_settings_make_a_redfish_service() -> None:
    registry = Registry(Settings())
    assert registry.hardware_types() == ["redfish"]
    assert registry.warnings == []
    assert registry.resolve("redfish", NOTHING_GIVEN) == {
        "bios": "no-bios",
        "boot": "ipxe",
        "console": "no-console",
        "deploy": "noop",
        "firmware": "no-firmware",
        "inspect": "no-inspect",
        "management": "redfish",
        "network": "noop",
        "power": "redfish",
        "raid": "no-raid",
        "rescue": "agent",
        "storage": "noop",
        "vendor": "no-vendor",
    }


@pytest.mark.parametrize(
    ("driver", "configured", "given", "chosen"),
    [
        ("fake-hardware", None, None, "fake"),  # the hardware type's own order decides
        ("redfish", None, None, "agent"),
        ("redfish", "no-rescue", None, "no-rescue"),
        ("redfish", "no-rescue", "agent", "agent"),
        ("fake-hardware", "agent", "no-rescue", "no-rescue"),
    ],
)
def test_the_node_then_the_settings_then_the_hardware_type_decide(
    driver: str, configured: str | None, given: str | None, chosen: str
) -> None:
    registry = Registry(all_enabled(default={"default_rescue_interface": configured}))
    assert registry.resolve(driver, {"rescue": given})["rescue"] == chosen


def test_what_is_supported_is_what_is_enabled_too() -> None:
    registry = Registry(all_enabled())
    assert registry.hardware_types() == ["fake-hardware", "ipmi", "redfish"]
    assert registry.supported("fake-hardware", "rescue") == ["fake", "agent", "no-rescue"]
    assert registry.supported("redfish", "rescue") == ["agent", "no-rescue"]
    assert registry.supported("redfish", "power") == ["redfish"]
    assert registry.default("fake-hardware", "storage") == "noop"


def test_an_unknown_driver_is_refused_in_the_contracts_words() -> None:
    with pytest.raises(InvalidParameter) as caught:
        Registry(all_enabled()).resolve("nope", NOTHING_GIVEN)
    assert str(caught.value) == (
        "No valid host was found. Reason: No conductor service registered which supports driver "
        'nope for conductor group "". Ensure the driver is valid and enabled.'
    )


def test_an_unknown_interface_is_refused_in_the_contracts_words() -> None:
    with pytest.raises(InvalidParameter) as caught:
        Registry(all_enabled()).resolve("fake-hardware", {"rescue": "nope"})
    assert str(caught.value) == (
        "Could not find the following interface in the 'ironic.hardware.interfaces.rescue' "
        "entrypoint: nope. Valid interfaces are ['agent', 'fake', 'no-rescue']."
    )


@pytest.mark.parametrize("driver", ["ilo", "ilo5", "idrac"])
def test_a_vendors_hardware_type_is_refused_with_the_standard_one(driver: str) -> None:
    with pytest.raises(InvalidParameter, match="speak Redfish: use the driver 'redfish'"):
        Registry(all_enabled()).resolve(driver, NOTHING_GIVEN)
    with pytest.raises(SettingsError, match="speak Redfish: use the driver 'redfish'"):
        Registry(all_enabled(default={"enabled_hardware_types": ("redfish", driver)}))


@pytest.mark.parametrize(
    ("kind", "name", "standard"),
    [
        ("boot", "ilo-virtual-media", "redfish-virtual-media"),
        ("boot", "ilo-uefi-https", "redfish-virtual-media"),
        ("boot", "idrac-redfish-virtual-media", "redfish-virtual-media"),
        ("boot", "ilo-ipxe", "ipxe"),
        ("boot", "ilo-pxe", "pxe"),
        ("management", "ilo", "redfish"),
        ("power", "idrac-redfish", "redfish"),
        ("raid", "idrac-wsman", "no-raid"),
        ("console", "ilo", "no-console"),
    ],
)
def test_a_vendors_interface_is_refused_with_the_standard_one(
    kind: str, name: str, standard: str
) -> None:
    with pytest.raises(InvalidParameter, match=f"use the standard '{standard}'"):
        Registry(all_enabled()).resolve("redfish", {kind: name})
    first = Registry(all_enabled()).default("redfish", kind)
    enabled = {f"enabled_{kind}_interfaces": (first, name)}
    [warning] = Registry(
        all_enabled(default={"enabled_hardware_types": ("redfish",), **ONLY_REDFISH, **enabled})
    ).warnings
    assert f"use the standard '{standard}'" in warning


ONLY_REDFISH = {
    "enabled_boot_interfaces": ("ipxe",),
    "enabled_management_interfaces": ("redfish",),
    "enabled_power_interfaces": ("redfish",),
    "enabled_rescue_interfaces": ("agent",),
}


def test_an_interface_of_another_hardware_type_is_refused() -> None:
    with pytest.raises(InvalidParameter) as caught:
        Registry(all_enabled()).resolve("redfish", {"power": "fake"})
    assert str(caught.value) == (
        "power interface implementation 'fake' is not supported by hardware type redfish. "
        "Valid interfaces are ['redfish']."
    )


def test_a_node_whose_interface_was_disabled_says_so() -> None:
    registry = Registry(Settings())
    with pytest.raises(InvalidDriverInfo, match=r"rescue' entrypoint: fake\. Valid .*'agent'"):
        registry.driver_for(
            a_node(
                driver="redfish",
                power_interface="redfish",
                management_interface="redfish",
                boot_interface="ipxe",
            )
        )
    with pytest.raises(InvalidDriverInfo, match=r"hardware type\(s\): fake-hardware"):
        registry.driver_for(a_node())


def test_an_unknown_hardware_type_stops_the_service() -> None:
    settings = Settings(default=Default(enabled_hardware_types=("redfsh",)))
    with pytest.raises(SettingsError, match=r"redfsh is not installed\. Installed are \['fake-h"):
        Registry(settings)


@pytest.mark.parametrize(
    "wrong", [{"enabled_power_interfaces": ("ipmitool",)}, {"default_power_interface": "fake"}]
)
def test_a_hardware_type_without_an_interface_stops_the_service(
    wrong: dict[str, tuple[str, ...] | str],
) -> None:
    with pytest.raises(SettingsError, match=r"\[DEFAULT\]enabled_power_interfaces: .*'redfish'"):
        Registry(Settings(default=Default(**wrong)))  # type: ignore[arg-type]


def test_power_and_management_follow_the_hardware_types_unless_told() -> None:
    default = Default(
        enabled_hardware_types=("fake-hardware", "redfish"), enabled_boot_interfaces=("ipxe",)
    )
    registry = Registry(Settings(default=default))
    for kind in ("power", "management"):
        assert registry.supported("fake-hardware", kind) == ["fake"]
        assert registry.supported("redfish", kind) == ["redfish"]


def test_an_interface_nobody_has_is_named() -> None:
    settings = Settings(default=Default(enabled_deploy_interfaces=("ansible", "noop")))
    assert Registry(settings).warnings == [
        "[DEFAULT]enabled_deploy_interfaces: no enabled hardware type has 'ansible', "
        "it has no effect. They have ['direct', 'noop', 'ramdisk']."
    ]


def test_a_driver_has_every_kind_and_shares_its_objects() -> None:
    registry = Registry(all_enabled())
    one, other = registry.driver_for(a_node()), registry.driver_for(a_node())
    assert set(one.named) == set(INTERFACES)
    fake = {id(one.named[kind]) for kind in ("power", "management", "boot", "rescue")}
    assert fake == {id(other.power)}


def test_properties_are_those_of_all_interfaces() -> None:
    properties = Registry(all_enabled()).properties("redfish")
    assert {"redfish_address", "redfish_password", "rescue_kernel"} <= set(properties)
    assert set(Registry(all_enabled()).properties("fake-hardware")) == {"preinstalled_image"}
    with pytest.raises(NotFound, match=r"Could not find .*: nope"):
        Registry(all_enabled()).properties("nope")


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    """Measured in an interpreter of its own: this one has imported everything already."""
    code = (
        "import sys; from stbernard.drivers.registry import Registry; "
        "from stbernard.settings import Settings; Registry(Settings()); "
        "print(sorted({'sushy', 'asyncssh', 'requests'} & set(sys.modules)))"
    )
    result = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


class OtherPower(Noop):
    pass


OTHER = HardwareType(
    {
        **REDFISH.interfaces,
        "power": {"other": f"{__name__}:OtherPower"},
        "boot": {"ipxe": "no.such"},
    }
)


def test_a_third_party_adds_a_hardware_type(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("other", f"{__name__}:OTHER", "stbernard.hardware_types")
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    registry = Registry(
        Settings(
            default=Default(enabled_hardware_types=("other",), enabled_power_interfaces=("other",))
        )
    )
    assert registry.resolve("other", NOTHING_GIVEN)["power"] == "other"
    with pytest.raises(SettingsError, match="boot interface 'ipxe' of hardware type other"):
        registry.driver_for(
            a_node(
                driver="other",
                power_interface="other",
                boot_interface=None,
                management_interface=None,
                rescue_interface=None,
            )
        )


@pytest.mark.parametrize("hardware", [IPMI, REDFISH])
def test_http_boot_is_offered_where_it_can_be_asked_for(hardware: HardwareType) -> None:
    [management] = hardware.implementations("management").values()
    devices = resolve_name(management)(Settings()).supported_boot_devices(None)
    offered = {
        name
        for name, boot in hardware.implementations("boot").items()
        if getattr(resolve_name(boot), "over_http", False)
    }
    assert offered == ({"http", "http-ipxe"} if "uefihttp" in devices else set())
