"""driver_info of a Redfish node, right and wrong."""

from pathlib import Path
from typing import Any

import pytest

from stbernard.drivers.redfish.driver_info import PROPERTIES, read
from stbernard.errors import InvalidDriverInfo
from stbernard.settings import Redfish, Settings
from tests.factories import a_node


def reading(**info: Any) -> Any:
    defaults = {"redfish_address": "https://bmc.example.com"}
    return read(a_node(driver_info=defaults | info), Settings())


@pytest.mark.parametrize(
    ("given", "address", "prefix"),
    [
        ("https://bmc.example.com", "https://bmc.example.com", "/redfish/v1/"),
        ("bmc.example.com", "https://bmc.example.com", "/redfish/v1/"),
        ("http://10.0.0.1:8000", "http://10.0.0.1:8000", "/redfish/v1/"),
        ("10.0.0.1:8000", "https://10.0.0.1:8000", "/redfish/v1/"),
        ("fd00::1", "https://[fd00::1]", "/redfish/v1/"),
        ("https://[fd00::1]:443", "https://[fd00::1]:443", "/redfish/v1/"),
        ("https://proxy/node7/redfish/v1", "https://proxy", "/node7/redfish/v1"),
    ],
)
def test_addresses(given: str, address: str, prefix: str) -> None:
    access, system = reading(redfish_address=given)
    assert (access.address, access.root_prefix, system) == (address, prefix, None)


@pytest.mark.parametrize(
    "given", ["ftp://bmc", "https://", "https://[fd00::1", "https://bmc:0", ["https://bmc"]]
)
def test_addresses_that_are_none(given: Any) -> None:
    with pytest.raises(InvalidDriverInfo, match="redfish_address is not an address like"):
        reading(redfish_address=given)


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(InvalidDriverInfo, match="redfish_address holds a user") as caught:
        reading(redfish_address="https://admin:hunter2@bmc")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "verify"), [(True, True), (False, False), ("False", False), ("yes", True)]
)
def test_verify_ca(given: Any, verify: bool) -> None:
    assert reading(redfish_verify_ca=given)[0].verify is verify


def test_verify_ca_by_file_or_folder(tmp_path: Path) -> None:
    assert reading(redfish_verify_ca=str(tmp_path))[0].verify == str(tmp_path)


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidDriverInfo) as caught:
        reading(
            redfish_address="ftp://x",
            redfish_username=5,
            redfish_verify_ca="/no/such/file",
            redfish_auth_type="magic",
            redfish_system_id=["1"],
        )
    text = str(caught.value)
    for key in PROPERTIES:
        assert (key in text) == (key != "redfish_password")


def test_the_settings_give_the_way_to_log_in() -> None:
    node = a_node(driver_info={"redfish_address": "bmc"})
    access, _ = read(node, Settings(redfish=Redfish(auth_type="session")))
    assert access.auth_type == "session"


def test_the_system_is_quoted_and_the_password_not_shown() -> None:
    access, system = reading(
        redfish_system_id="/redfish/v1/Systems/a b", redfish_password="hunter2"
    )
    assert system == "/redfish/v1/Systems/a%20b"
    assert "hunter2" not in repr(access)
