"""The BMCs of a lab's machines once more, by IPMI: pyghmi's RMCP+ server in front of QEMU.

Run as `python -m stbernard.lab.ipmi DIRECTORY ADDRESS PORT`, inside the lab's network. The
directory is the lab's; its first machine answers on PORT, the second on the next one. It prints
`ready` when all do.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyghmi.ipmi.bmc import Bmc

from stbernard.lab.machine import BootDevice, BootMode, QemuMachine

DEVICES: Mapping[int, BootDevice] = {0x1: "Pxe", 0x2: "Hdd", 0x5: "Cd", 0x8: "Cd"}
VALID, ALWAYS, EFI = 0x80, 0x40, 0x20
BOOT_FLAGS = 5
NOT_SUPPORTED, OUT_OF_RANGE = 0x80, 0xCC


class QemuBmc(Bmc):  # type: ignore[misc]
    """One machine's. Boot flags are kept as they came (IPMI 2.0, table 28-14, parameter 5), and are
    not valid any more when the boot they were for has begun."""

    def __init__(self, machine: QemuMachine, accounts: Mapping[str, str], **where: Any) -> None:
        super().__init__(accounts, **where)
        self.machine = machine
        self._file = machine.home / "boot-flags"

    def get_power_state(self) -> str:
        return "on" if self.machine.is_on else "off"

    def power_on(self) -> None:
        self.machine.power_on()

    def power_off(self) -> None:
        self.machine.power_off()

    def power_reset(self) -> None:
        self.machine.reset()

    def power_cycle(self) -> None:
        self.machine.reset()

    def power_shutdown(self) -> None:
        self.machine.press_power_button()

    def pulse_diag(self) -> None:
        self.machine.interrupt()

    def get_system_boot_options(self, request: Mapping[str, Any], session: Any) -> None:
        if request["data"][0] != BOOT_FLAGS:
            session.send_ipmi_response(code=NOT_SUPPORTED)
            return
        flags = bytearray(self._file.read_bytes() if self._file.exists() else bytes(5))
        if not flags[0] & ALWAYS and self.machine.setup.boot_once is None:
            flags[0] &= ~VALID
        session.send_ipmi_response(data=[1, BOOT_FLAGS, *flags])

    def set_system_boot_options(self, request: Mapping[str, Any], session: Any) -> None:
        parameter, *data = request["data"]
        if parameter == BOOT_FLAGS and not self._set_flags(bytes(data)):
            session.send_ipmi_response(code=OUT_OF_RANGE)
            return
        session.send_ipmi_response()

    def _set_flags(self, flags: bytes) -> bool:
        code = flags[1] >> 2 & 0xF
        if code and code not in DEVICES:
            return False
        mode: BootMode = "Legacy"
        always: BootDevice = "Hdd"
        once: BootDevice | None = None
        if flags[0] & VALID:
            mode = "UEFI" if flags[0] & EFI else "Legacy"
            if flags[0] & ALWAYS:
                always = DEVICES.get(code, "Hdd")
            else:
                once = DEVICES.get(code, "Hdd")
        self.machine.change_setup(boot_mode=mode, boot_device=always, boot_once=once)
        self._file.write_bytes(flags)
        return True


def main(lab_dir: Path, address: str, port: int) -> None:
    """Serve until ended."""
    username, password = (lab_dir / "ipmi.account").read_text().splitlines()
    homes = sorted((lab_dir / "machines").iterdir())
    for number, home in enumerate(homes):
        machine = QemuMachine(home)
        QemuBmc(machine, {username: password}, port=port + number, address=address)
    print("ready", flush=True)
    while True:
        Bmc.listen()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
