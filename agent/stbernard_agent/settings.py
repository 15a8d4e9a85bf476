"""What the kernel command line asks for, and where the agent keeps things."""

import os
from pathlib import Path

PORT = 9999  # where Ironic expects an agent
SSH_PORT = 22


class Settings:
    """The kernel arguments the agent knows, under the names Ironic gives them, and its paths.

    `ipa-api-url` (one URL, or several with commas), `ipa-agent-token` (virtual media brings the
    token along), `boot_method` (`vmedia`: the medium may bring network data, too), `ipa-insecure=1`
    (do not verify the certificate of an https API), `BOOTIF` (the link the firmware booted from, as
    01-aa-bb-… or aa:bb:…).
    """

    def __init__(
        self,
        command_line: str,
        *,
        run: Path = Path("/run/stbernard"),
        etc: Path = Path("/etc"),
        port: int = PORT,
        ssh_port: int = SSH_PORT,
    ) -> None:
        words = (word.partition("=") for word in command_line.split())
        arguments = {name: value.strip('"') for name, _, value in words}
        urls = arguments.get("ipa-api-url", "").split(",")
        self.api_urls = [url.rstrip("/") for url in urls if url]
        self.token = arguments.get("ipa-agent-token", "")
        self.from_medium = arguments.get("boot_method") == "vmedia"
        self.insecure = arguments.get("ipa-insecure", "").lower() in {"1", "true", "yes"}
        boot_link = arguments.get("BOOTIF", "").lower().replace("-", ":")
        self.boot_mac = boot_link.removeprefix("01:")
        self.run = run
        self.etc = etc
        self.port = port
        self.ssh_port = ssh_port


def write_file(path: Path, text: str, mode: int) -> None:
    """Put `text` into `path` in one go: it is never there in part, nor with a wider mode."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    new.rename(path)
