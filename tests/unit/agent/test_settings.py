import stat
from pathlib import Path

from stbernard_agent.settings import Settings, write_file


def test_the_arguments_ironic_gives() -> None:
    settings = Settings(
        "initrd=r console=ttyS0,115200 ipa-api-url=http://10.0.0.1:6385/"
        " BOOTIF=01-52-54-00-AB-00-01 ipa-agent-token=secret ipa-insecure=1 ipa-debug=1\n"
    )
    assert settings.api_urls == ["http://10.0.0.1:6385"]
    assert settings.boot_mac == "52:54:00:ab:00:01"
    assert settings.token == "secret"
    assert settings.insecure


def test_the_link_as_ipxe_and_grub_name_it() -> None:
    assert Settings("BOOTIF=52:54:00:ab:00:01").boot_mac == "52:54:00:ab:00:01"


def test_none_of_them() -> None:
    settings = Settings("quiet")
    assert settings.api_urls == []
    assert (settings.boot_mac, settings.token, settings.insecure) == ("", "", False)


def test_several_services() -> None:
    settings = Settings("ipa-api-url=https://a/baremetal,https://b/baremetal")
    assert settings.api_urls == ["https://a/baremetal", "https://b/baremetal"]


def test_a_file_never_has_a_wider_mode(tmp_path: Path) -> None:
    token = tmp_path / "token"
    write_file(token, "one", 0o600)
    write_file(token, "two", 0o600)
    assert token.read_text() == "two"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [token]
