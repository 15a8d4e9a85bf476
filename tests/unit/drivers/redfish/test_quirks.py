"""BMCs as sushy's users meet them: the emulator with a shell around it that misbehaves."""

import io
import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stbernard.drivers.base import Task
from stbernard.errors import BMCError, BMCUnreachable, InvalidDriverInfo
from stbernard.nodes import BootDevice, Power
from stbernard.settings import Conductor
from tests.unit.drivers.redfish.conftest import SYSTEM, Bmc
from tests.unit.drivers.redfish.test_bmc import Sessions

PATH = f"/redfish/v1/Systems/{SYSTEM}"
RESET = f"{PATH}/Actions/ComputerSystem.Reset"
MANAGER = f"/redfish/v1/Managers/{SYSTEM}"
JSON = ("Content-Type", "application/json")


class Quirk:
    """Stands before the emulator; `answer` says what goes wrong with a request, None: nothing."""

    def __init__(self, server: Bmc) -> None:
        self._inner = server.answer or server._app
        server.answer = self

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, headers, body = self.answer(environ) or (None, [], {})
        if status is None:
            return self._inner(environ, start)
        start(status, [JSON, *headers])
        return [json.dumps(body).encode()]

    def answer(self, environ: dict[str, Any]) -> tuple[str, list[Any], Any] | None:
        raise NotImplementedError

    def inner(self, environ: dict[str, Any]) -> Any:
        """The emulator's own answer to a GET, as JSON."""
        quiet = {**environ, "wsgi.input": io.BytesIO()}
        return json.loads(b"".join(self._inner(quiet, lambda *_: None)))


class Busy(Quirk):
    """503 to so many requests, with a Retry-After."""

    left = 4

    def answer(self, environ: dict[str, Any]) -> Any:
        if self.left == 0:
            return None
        self.left -= 1
        return "503 Service Unavailable", [("Retry-After", "20")], {"error": {"message": "busy"}}


def test_a_bmc_that_is_busy_for_a_while(server: Bmc, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked while it wants to be left alone, and then it is as before."""
    now = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("stbernard.drivers.turns.time", clock)
    busy = Busy(server)
    task = server.task()
    with pytest.raises(BMCUnreachable, match=r"is busy \(HTTP 503: busy\)") as caught:
        task.driver.power.get_power_state(task)
    assert not caught.value.final
    asked = len(server.requests)
    now[0] += 19
    with pytest.raises(BMCUnreachable, match=r"is busy .* It is asked again in 1 s"):
        task.driver.power.get_power_state(task)
    assert len(server.requests) == asked
    busy.left = 0
    now[0] += 1
    assert task.driver.power.get_power_state(task) == Power.OFF


def test_a_session_that_is_dropped_between_looking_and_doing(server: Bmc) -> None:
    sessions = Sessions(server)

    class Drops(Quirk):
        def answer(self, environ: dict[str, Any]) -> Any:
            if environ["PATH_INFO"] == RESET and len(sessions.opened) == 1:
                sessions.open.clear()
            return None

    Drops(server)
    task = server.task(redfish_auth_type="session")
    task.driver.power.set_power_state(task, Power.ON)
    assert task.driver.power.get_power_state(task) == Power.ON
    assert len(sessions.opened) == 2


def test_a_bmc_without_a_boot_override(server: Bmc) -> None:
    class NoBoot(Quirk):
        def answer(self, environ: dict[str, Any]) -> Any:
            if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "GET":
                return None
            return "200 OK", [], {k: v for k, v in self.inner(environ).items() if k != "Boot"}

    NoBoot(server)
    task = server.task()
    with pytest.raises(InvalidDriverInfo, match="offers no boot override"):
        task.driver.management.get_boot_device(task)


class KnowsUsbOnly(Quirk):
    """Its virtual CD drive is one on USB, by the boot sources it allows."""

    told: Any = None

    def answer(self, environ: dict[str, Any]) -> Any:
        if environ["PATH_INFO"] != PATH:
            return None
        if environ["REQUEST_METHOD"] == "PATCH":
            self.told = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            return "204 No Content", [], None
        shown = self.inner(environ)
        allowed = {"BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe", "Hdd", "UsbCd"]}
        return "200 OK", [], {**shown, "Boot": {**shown["Boot"], **allowed}}


def test_a_virtual_drive_that_is_on_usb(server: Bmc) -> None:
    usb = KnowsUsbOnly(server)
    task = server.task()
    task.driver.management.set_boot_device(task, BootDevice("cdrom", False))
    assert usb.told["Boot"]["BootSourceOverrideTarget"] == "UsbCd"


class SlowToSwitchOff(Quirk):
    """It reports PoweringOff until it is told to be through, and wants no second request."""

    switching = False
    asked = 0

    def answer(self, environ: dict[str, Any]) -> Any:
        if environ["PATH_INFO"] == RESET:
            self.asked += 1
            if self.switching:
                return "409 Conflict", [], {"error": {"message": "in transition"}}
            self.switching = True
            return "204 No Content", [], None
        if environ["PATH_INFO"] == PATH and self.switching:
            return "200 OK", [], {**self.inner(environ), "PowerState": "PoweringOff"}
        return None


def test_a_server_that_takes_a_minute_to_switch_off(server: Bmc) -> None:
    task = server.task()
    task.driver.power.set_power_state(task, Power.ON)
    slow = SlowToSwitchOff(server)
    task.driver.power.set_power_state(task, Power.OFF)
    assert task.driver.power.get_power_state(task) == Power.ON
    task.driver.power.set_power_state(task, Power.OFF)  # as the engine does now and then
    assert slow.asked == 2
    slow.switching = False
    slow._inner = server._app
    server.answer = None
    task.driver.power.set_power_state(task, Power.OFF)
    assert task.driver.power.get_power_state(task) == Power.OFF


def test_the_engine_waits_longer_than_a_minute() -> None:
    assert Conductor().power_state_change_timeout > 60


class WantsETag(Quirk):
    """If-Match has to name the resource's present ETag (DSP0266, 6.5); else 428 or 412."""

    def __init__(self, server: Bmc, kind: str) -> None:
        super().__init__(server)
        self.tag = kind.replace("N", "1")
        self.refused: list[str] = []

    def answer(self, environ: dict[str, Any]) -> Any:
        if environ["PATH_INFO"] != PATH:
            return None
        if environ["REQUEST_METHOD"] == "GET":
            return "200 OK", [("ETag", self.tag)], self.inner(environ)
        given = environ.get("HTTP_IF_MATCH")
        if given == self.tag:
            return None
        self.refused.append(str(given))
        status = "412 Precondition Failed" if given else "428 Precondition Required"
        return status, [], {"error": {"message": "no such ETag"}}


@pytest.mark.parametrize("kind", ['"N"', 'W/"N"'])
def test_a_bmc_that_wants_an_etag(server: Bmc, kind: str) -> None:
    wants = WantsETag(server, kind)
    task = server.task()
    task.driver.management.set_boot_device(task, BootDevice("pxe", False))
    assert task.driver.management.get_boot_device(task).device == "pxe"
    assert "None" not in wants.refused


class Mute:
    """Takes connections and says nothing until it is told to close them."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.closed.wait(100)
        start("500 Internal Server Error", [])
        return [b""]


def test_one_mute_bmc_does_not_hold_up_another(server: Bmc) -> None:
    """Sixteen threads ask it; others are served while the first of them still waits."""
    mute = Mute()
    dead = Bmc(mute)
    tasks: list[Task] = [dead.task(redfish_auth_type="basic") for _ in range(16)]
    given_up = threading.Semaphore(0)

    def ask(task: Task) -> None:
        with pytest.raises(BMCError):
            task.driver.power.get_power_state(task)
        given_up.release()

    threads = [threading.Thread(target=ask, args=[task]) for task in tasks]
    try:
        for thread in threads:
            thread.start()
        healthy = server.task()
        assert healthy.driver.power.get_power_state(healthy) == Power.OFF
        for _ in range(15):  # all but the one that waits for the answer
            assert given_up.acquire(timeout=60)
        assert not mute.closed.is_set()
    finally:
        mute.closed.set()
        for thread in threads:
            thread.join()
        dead.stop()


class TellsOfStarts(Quirk):
    """`told`: what ComputerSystem has besides."""

    told: dict[str, Any]

    def answer(self, environ: dict[str, Any]) -> Any:
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("GET", PATH):
            return None
        return "200 OK", [], self.inner(environ) | self.told


AT_WORK = {"LastState": "MemoryInitializationStarted", "LastStateTime": "2026-11-24T16:10:07Z"}
RUNS = {"LastState": "OSRunning", "LastStateTime": "2026-11-24T16:10:07Z"}
RESET_AT = {"LastResetTime": "2026-11-24T18:10:00+02:00"}


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, None),
        (RESET_AT, 0),
        (RESET_AT | {"BootProgress": RUNS}, 0),
        (RESET_AT | {"BootProgress": AT_WORK}, 7),
        ({"BootProgress": AT_WORK}, 7),
        ({"BootProgress": {"LastState": None}, "LastResetTime": None}, None),
        ({"LastResetTime": "not set"}, None),
    ],
)
def test_when_it_was_started_last(server: Bmc, told: dict[str, Any], seconds: int | None) -> None:
    """Seconds after 16:10 (UTC), by LastResetTime or as long as the firmware is at work."""
    TellsOfStarts(server).told = told
    task = server.task()
    begin = datetime(2026, 11, 24, 16, 10, tzinfo=UTC).timestamp()
    expected = None if seconds is None else begin + seconds
    assert task.driver.management.last_start(task) == expected


class HasAClock(Quirk):
    """`told`: its manager's; None: nobody may ask for it."""

    told: dict[str, Any] | None = None

    def answer(self, environ: dict[str, Any]) -> Any:
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("GET", MANAGER):
            return None
        if self.told is None:
            return "403 Forbidden", [], {"error": {"message": "not yours"}}
        rest = {name: value for name, value in self.inner(environ).items() if name != "DateTime"}
        return "200 OK", [], rest | self.told


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"DateTime": "2026-11-24T18:10:05+02:00"}, 5),
        ({"DateTime": "2026-11-24T16:10:05Z"}, 5),
        ({"DateTime": "not set"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_clock_of_a_bmc(server: Bmc, told: dict[str, Any] | None, seconds: int | None) -> None:
    """Seconds after 16:10 (UTC), by its manager."""
    HasAClock(server).told = told
    task = server.task()
    begin = datetime(2026, 11, 24, 16, 10, tzinfo=UTC).timestamp()
    expected = None if seconds is None else begin + seconds
    assert task.driver.management.clock(task) == expected
