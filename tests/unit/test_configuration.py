"""ironic.conf → Settings."""

from pathlib import Path

import pytest

from stbernard.configuration import load
from stbernard.errors import SettingsError
from stbernard.settings import Settings


def configure(folder: Path, text: str, name: str = "ironic.conf") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_without_files_the_defaults_hold() -> None:
    settings, warnings = load([])
    assert settings == Settings()
    assert warnings == []
    assert settings.conductor.rescue_callback_timeout == 1800


def test_options_are_read_with_their_types(tmp_path: Path) -> None:
    path = configure(
        tmp_path,
        "[DEFAULT]\nenabled_hardware_types = redfish, fake-hardware\n"
        "[conductor]\nrescue_callback_timeout = 60\n[agent]\nrequire_tls = False\n",
    )
    settings, warnings = load([path])
    assert settings.default.enabled_hardware_types == ("redfish", "fake-hardware")
    assert settings.conductor.rescue_callback_timeout == 60
    assert settings.agent.require_tls is False
    assert warnings == []


def test_a_later_file_wins(tmp_path: Path) -> None:
    one = configure(tmp_path, "[api]\nport = 1\nhost_ip = 127.0.0.2\n", "one.conf")
    two = configure(tmp_path, "[api]\nport = 2\n", "two.conf")
    settings, _ = load([one, two])
    assert (settings.api.port, settings.api.host_ip) == (2, "127.0.0.2")


def test_an_unknown_option_is_named(tmp_path: Path) -> None:
    path = configure(tmp_path, "[conductor]\nrescue_time = 5\n[nosuch]\nx = 1\n")
    _, warnings = load([path])
    assert warnings == [
        f"{path}: [conductor]rescue_time is not known and has no effect.",
        f"{path}: [nosuch]x is not known and has no effect.",
    ]


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("[api]\nport = http\n", r"\[api\]port"),
        ("[api]\nport = 70000\n", r"\[api\]port"),
        ("[agent]\nrequire_tls = maybe\n", r"\[agent\]require_tls"),
        ("[conductor]\nrescue_password_hash_algorithm = md5\n", "hash_algorithm"),
        ("[DEFAULT]\nauth_strategy = magic\n", r"\[DEFAULT\]auth_strategy"),
    ],
)
def test_a_wrong_value_names_file_section_and_option(
    tmp_path: Path, text: str, option: str
) -> None:
    path = configure(tmp_path, text)
    with pytest.raises(SettingsError, match=f"{path}: .*{option} is wrong"):
        load([path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.conf"):
        load([tmp_path / "nowhere.conf"])


def test_a_file_that_is_no_configuration_is_named(tmp_path: Path) -> None:
    path = configure(tmp_path, "this is not an option\n")
    with pytest.raises(SettingsError, match=str(path)):
        load([path])


def test_addresses_follow_from_each_other(tmp_path: Path) -> None:
    path = configure(tmp_path, "[DEFAULT]\nmy_ip = 10.0.0.1\n[api]\nhost_ip = 0.0.0.0\n")
    settings, _ = load([path])
    assert settings.endpoint == "http://10.0.0.1:6385"
    assert settings.callback_url == "http://10.0.0.1:6385"
    assert settings.http_url == "http://10.0.0.1:6385/boot"
    path = configure(tmp_path, "[api]\npublic_endpoint = https://metal.example/\n")
    settings, _ = load([path])
    assert settings.callback_url == "https://metal.example"
