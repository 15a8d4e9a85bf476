"""The BMCs of a lab's machines: sushy-tools' Redfish emulator in front of QEMU.

Run as `python -m stbernard.lab.bmc DIRECTORY ADDRESS PORT`, inside the lab's network. The directory
is the lab's, with its machines below `machines/` and `bmc.htpasswd`.
"""

import json
import os
import sys
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import flask
from sushy_tools import error
from sushy_tools.emulator import main as emulator
from sushy_tools.emulator.resources.systems.base import AbstractSystemsDriver
from werkzeug.serving import make_server

from stbernard.errors import LabError
from stbernard.lab.firmware import check_uefi
from stbernard.lab.machine import BootDevice, BootMode, QemuMachine
from stbernard.lab.resets import note_resets
from stbernard.lab.serial import stamp_lines

VIRTUAL_MEDIA = {"Cd": {"Name": "Virtual CD", "MediaTypes": ["CD", "DVD"]}}


class QemuSystems(AbstractSystemsDriver):  # type: ignore[misc]
    """The machines of one lab as sushy-tools' computer systems."""

    driver = "<qemu>"

    def __init__(self, lab_dir: Path) -> None:
        machines = (QemuMachine(home) for home in sorted((lab_dir / "machines").iterdir()))
        self._machines = {machine.hardware.uuid: machine for machine in machines}

    @cached_property
    def systems(self) -> list[str]:
        return list(self._machines)

    def machine(self, identity: str) -> QemuMachine:
        """The machine of this UUID. Raises AliasAccessError, which redirects, for a name."""
        if identity in self._machines:
            return self._machines[identity]
        for uuid, machine in self._machines.items():
            if machine.hardware.name == identity:
                raise error.AliasAccessError(uuid)
        raise error.NotFound(f"No machine {identity}")

    def uuid(self, identity: str) -> str:
        return self.machine(identity).hardware.uuid

    def name(self, identity: str) -> str:
        return self.machine(identity).hardware.name

    def get_power_state(self, identity: str) -> str:
        return "On" if self.machine(identity).is_on else "Off"

    def set_power_state(self, identity: str, state: str) -> None:
        machine = self.machine(identity)
        # A BMC accepts a graceful restart at once; the operating system takes its time.
        restart = threading.Thread(target=machine.shut_down_and_power_on, daemon=True)
        actions = {
            "On": machine.power_on,
            "ForceOn": machine.power_on,
            "ForceOff": machine.power_off,
            "GracefulShutdown": machine.press_power_button,
            "GracefulRestart": restart.start,
            "ForceRestart": machine.reset,
            "Nmi": machine.interrupt,
        }
        if state not in actions:
            raise error.BadRequest(f"ResetType {state} is not one of {', '.join(actions)}")
        try:
            actions[state]()
        except LabError as problem:
            raise error.FishyError(str(problem)) from problem

    def get_boot_device(self, identity: str) -> BootDevice:
        setup = self.machine(identity).setup
        return setup.boot_once or setup.boot_device

    def set_boot_device(self, identity: str, boot_source: str) -> None:
        if boot_source not in get_args(BootDevice):
            raise error.BadRequest(f"Boot device {boot_source} is not supported")
        # What sushy-tools does not hand down stands in the request: how long the override lasts,
        # and HTTP boot, of which it makes Pxe.
        asked = flask.request.json["Boot"]
        once = asked.get("BootSourceOverrideEnabled") == "Once"
        if asked.get("BootSourceOverrideTarget") == "UefiHttp":
            boot_source = "UefiHttp"
        change = {"boot_once": boot_source} if once else {"boot_device": boot_source}
        self.machine(identity).change_setup(**{"boot_once": None, **change})

    def get_boot_mode(self, identity: str) -> BootMode:
        return self.machine(identity).setup.boot_mode

    def set_boot_mode(self, identity: str, boot_mode: str) -> None:
        if boot_mode not in get_args(BootMode):
            raise error.BadRequest(f"Boot mode {boot_mode} is not supported")
        if boot_mode == "UEFI":
            try:
                check_uefi()
            except LabError as problem:
                raise error.BadRequest(str(problem)) from problem
        self.machine(identity).change_setup(boot_mode=boot_mode)

    def get_secure_boot(self, identity: str) -> bool:
        return self.machine(identity).hardware.firmware == "secure-boot"

    def get_total_memory(self, identity: str) -> int:
        return max(1, self.machine(identity).hardware.memory_mb // 1024)

    def get_total_cpus(self, identity: str) -> int:
        return self.machine(identity).hardware.cpus

    def get_nics(self, identity: str) -> list[dict[str, str]]:
        mac = self.machine(identity).hardware.mac
        return [{"id": mac, "mac": mac}]

    def set_boot_image(
        self,
        identity: str,
        device: str,  # noqa: ARG002 - there is one, the CD
        boot_image: str | None = None,
        write_protected: bool = True,  # noqa: ARG002 - a CD always is
    ) -> None:
        self.machine(identity).change_setup(cd=boot_image)


def application(lab_dir: Path) -> flask.Flask:
    """The emulator for the machines of the lab in `lab_dir`, with basic auth."""
    app: Any = emulator.app
    app.configure(
        extra_config={
            "SUSHY_EMULATOR_AUTH_FILE": str(lab_dir / "bmc.htpasswd"),
            "SUSHY_EMULATOR_STATE_DIR": str(lab_dir),
            "SUSHY_EMULATOR_VMEDIA_DEVICES": VIRTUAL_MEDIA,
        }
    )
    systems = QemuSystems(lab_dir)
    # sushy-tools picks among its own drivers only.
    emulator.Application.systems = systems

    @app.after_request  # type: ignore[untyped-decorator]
    def tell_more(response: flask.Response) -> flask.Response:
        """sushy-tools reports every override as Continuous (Redfish ComputerSystem.Boot), and
        no LastResetTime."""
        request = flask.request
        if (request.endpoint, request.method, response.status_code) == (
            "system_resource",
            "GET",
            200,
        ):
            body = json.loads(response.get_data())
            identity = request.view_args["identity"]  # type: ignore[index]
            machine = systems.machine(identity)
            if machine.setup.boot_once:
                body["Boot"]["BootSourceOverrideEnabled"] = "Once"
            if machine.last_reset:
                body["LastResetTime"] = machine.last_reset.isoformat()
            response.set_data(json.dumps(body))
        return response

    return app  # type: ignore[no-any-return]


def main(lab_dir: Path, address: str, port: int) -> None:
    """Serve until ended."""
    # Inserted images are downloaded into the lab's directory, to go away with it.
    media = lab_dir / "media"
    media.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(media)
    app = application(lab_dir)
    for home in (lab_dir / "machines").iterdir():
        threading.Thread(target=stamp_lines, args=[home / "serial.log"], daemon=True).start()
        threading.Thread(target=note_resets, args=[home], daemon=True).start()
    make_server(address, port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
