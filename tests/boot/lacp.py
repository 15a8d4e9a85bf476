"""The switch's side of LACP (IEEE 802.1AX, 6.4.2) on taps, without any bond of this host's kernel.

It agrees to whatever the other side says: each message is answered by one that repeats it.
"""

import select
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from stbernard.lab import Lab

SLOW_PROTOCOLS = 0x8809
GROUP = bytes.fromhex("0180c2000002")
SWITCH = bytes.fromhex("0200000000fe")
ACTOR = struct.Struct("!H6sHHHB")  # priority and name of the system, key, priority, port, state
AGREED = 0x3F  # active, wants a message each second, aggregates, is in step, receives and sends
ACTOR_AT = 18  # bytes into the frame: Ethernet's 14, subtype, version, type, length
LACP = bytes((1, 1))


@contextmanager
def agreeing_switch(lab: Lab, taps: Sequence[str]) -> Iterator[None]:
    with lab.inside():
        ports = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in taps]
        for port, tap in zip(ports, taps, strict=True):
            port.bind((tap, SLOW_PROTOCOLS))
    end = Event()

    def answer() -> None:
        while not end.is_set():
            for port in select.select(ports, (), (), 0.2)[0]:
                heard = port.recv(2000)
                if heard[14:16] == LACP:
                    port.send(_answer(heard, 1 + ports.index(port)))

    thread = Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        for port in ports:
            port.close()


def _answer(heard: bytes, number: int) -> bytes:
    ours = ACTOR.pack(0xFFFF, SWITCH, 1, 0xFF, number, AGREED)
    theirs = heard[ACTOR_AT : ACTOR_AT + ACTOR.size]
    said = b"".join(bytes((kind, 20)) + each + bytes(3) for kind, each in ((1, ours), (2, theirs)))
    collector = bytes((3, 16)) + bytes(14)
    end = bytes(52)
    return GROUP + SWITCH + struct.pack("!H", SLOW_PROTOCOLS) + LACP + said + collector + end
