"""The lab's BMC with two habits of real ones: it takes a minute to switch a server off, and it
reports an override for one boot as one for all (`Once` as `Continuous`).

Run as `python -m tests.boot.slow_bmc DIRECTORY ADDRESS PORT`, as stbernard.lab.bmc is.
"""

import sys
import threading
from pathlib import Path
from typing import Any

from sushy_tools.emulator import main as emulator
from werkzeug.serving import make_server

from stbernard.lab import bmc

SECONDS = 60


class SlowSystems(bmc.QemuSystems):
    _switching_off: threading.Timer | None = None

    def set_power_state(self, identity: str, state: str) -> None:
        if state != "ForceOff":
            super().set_power_state(identity, state)
        elif not (self._switching_off and self._switching_off.is_alive()):
            self._switching_off = threading.Timer(SECONDS, self.machine(identity).power_off)
            self._switching_off.start()


def main(lab_dir: Path, address: str, port: int) -> None:
    app: Any = bmc.application(lab_dir)
    app.after_request_funcs.clear()  # by which the lab's own tells Once
    emulator.Application.systems = SlowSystems(lab_dir)
    make_server(address, port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
