"""Sockets that systemd listens on in this process's place (`sd_listen_fds`).

They stay open while the service is restarted: who connects meanwhile waits, and is not refused.
"""

import os
import socket

_FIRST = 3  # SD_LISTEN_FDS_START


def inherited_sockets() -> list[socket.socket] | None:
    """None if there are none, and the service has to listen itself."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    end = _FIRST + int(os.environ["LISTEN_FDS"])
    sockets = [socket.socket(fileno=number) for number in range(_FIRST, end)]
    for each in sockets:
        each.set_inheritable(False)
    return sockets or None
