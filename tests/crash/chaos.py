"""Workers that are killed at random while servers are managed, adopted, rescued and brought back.

    python -m tests.crash.chaos --database postgresql --workers 3 --operations 1000 --kills 200

Clients and agents are threads of this process; they ask again when the service is away, as real
ones do. In the end journal and record of the fake hardware are read, and every operation has to
have come to its end, each of its steps once, and the power of the server to have been switched no
more often than it had to.
"""

import argparse
import json
import random
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from stbernard.operations.catalogue import OPERATIONS
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.journal import Entry, Event
from tests.postgresql import PostgreSQL
from tests.service import FAKE_INTERFACES, ApiOnly, Service, Worker

CONFIG = (
    FAKE_INTERFACES
    + """
[database]
connection = {database}
[fake]
state_dir = {folder}/hardware
[agent]
require_tls = False
[conductor]
heartbeat_interval = 1
heartbeat_timeout = 4
power_state_change_timeout = 600
"""
)
LIFE = (  # what happens to each node: the request, the state in which it is over, power switchings
    ("manage", "manageable", 0),
    ("adopt", "active", 0),
    ("rescue", "rescue", 2),
    ("unrescue", "active", 2),
    ("rescue", "rescue wait", 2),
    ("abort", "rescue failed", 2),
    ("unrescue", "active", 2),
)
NODES_AT_A_TIME = 8
PAUSE = 0.1  # seconds between two looks of a client
PATIENCE = 300  # seconds until an operation counts as stuck


@dataclass
class Result:
    operations: int = 0
    kills: int = 0
    seconds: float = 0.0
    booted_again: int = 0
    worked_on_by_two: int = 0
    lost_tokens: int = 0
    wrong: list[str] = field(default_factory=list)


class Chaos:
    """`url`: the database's; None is SQLite, with one `stbernard serve` as API and worker."""

    def __init__(self, folder: Path, url: str | None, workers: int, seed: int = 0) -> None:
        self.folder = folder
        self.url = url or f"sqlite:///{folder}/db.sqlite"
        self.random = random.Random(seed)  # noqa: S311 (no secret)
        self.result = Result()
        self._begin = threading.Semaphore(0)  # how many operations may begin
        self._over = threading.Event()
        self.module: tuple[str, ...] = ("tests.crash.waiting_service",)
        self._without_token: set[str] = set()
        if url is None:
            self.api: Service = self._process(Service, "worker-1")
            self.workers = [self.api]
        else:
            self.api = self._process(ApiOnly, "api")
            self.workers = [
                self._process(Worker, f"worker-{number}") for number in range(1, workers + 1)
            ]

    def _process(self, kind: type[Service], host: str) -> Service:
        folder = self.folder / host
        folder.mkdir()
        config = CONFIG.format(database=self.url, folder=self.folder)
        return kind(folder, config, host=host, upgrade=self.url.startswith("sqlite"))

    def run(self, operations: int, kills: int) -> Result:
        began = time.monotonic()
        with self._running():
            lives = [str(uuid.uuid4()) for _ in range(-(-operations // len(LIFE)))]
            killer = threading.Thread(target=self._kill, args=(len(lives) * len(LIFE), kills))
            killer.start()
            with ThreadPoolExecutor(NODES_AT_A_TIME) as people:
                for error in people.map(self._live, lives):
                    self.result.wrong += [error] if error else []
            self._over.set()
            killer.join()
        self.result.seconds = time.monotonic() - began
        self.result.lost_tokens = len(self._without_token)
        self._check(lives)
        return self.result

    @contextmanager
    def _running(self) -> Iterator[None]:
        processes = {id(each): each for each in (self.api, *self.workers)}.values()
        try:
            for process in processes:
                process.start(*self.module)
            yield
        finally:
            for process in processes:
                process.kill()

    def _kill(self, operations: int, kills: int) -> None:
        """So many kills, spread over so many operations."""
        allowed = 0
        for number in range(1, kills + 1):
            self._begin.release(operations * number // kills - allowed)
            allowed = operations * number // kills
            if self._over.wait(self.random.uniform(0, 1.5)):
                return
            victim = self.random.choice(self.workers)
            victim.kill()
            self.result.kills += 1
            victim.start(*self.module)

    # Clients and agents.

    def _live(self, node: str) -> str | None:
        """One node's life; says what went wrong."""
        try:
            self._create(node)
            for verb, state, _ in LIFE:
                self._begin.acquire()
                self._ask(node, verb, state)
                self.result.operations += 1
        except TimeoutError as error:
            return str(error)
        return None

    def _create(self, node: str) -> None:
        body = {"uuid": node, "driver": "fake-hardware"}
        while self._try("POST", "/v1/nodes", body) not in (201, 409):
            time.sleep(PAUSE)

    def _ask(self, node: str, verb: str, state: str) -> None:
        """Until it is accepted, and then until its end. Raises TimeoutError."""
        body = {"target": verb}
        if verb == "rescue":
            body["rescue_password"] = "Tr0ub4dor&3"
        path = f"/v1/nodes/{node}/states/provision"
        # 400: it was accepted, and the answer was lost; 409: another operation is still at its end
        while self._try("PUT", path, body) not in (202, 400):
            time.sleep(PAUSE)
        token = None
        deadline = time.monotonic() + PATIENCE
        while (now := self._state(node)) != state:
            if now == "rescue wait" and state == "rescue":
                token = self._call_home(node, token)
            if time.monotonic() > deadline or now in ("rescue failed", "unrescue failed"):
                raise TimeoutError(f"{verb} of {node}: {now} instead of {state}")
            time.sleep(PAUSE)

    def _state(self, node: str) -> str | None:
        try:
            return str(self.api.get(f"/v1/nodes/{node}?fields=provision_state")["provision_state"])
        except (requests.RequestException, AssertionError):
            return None

    def _call_home(self, node: str, token: str | None) -> str | None:
        """An agent: look up, heartbeat."""
        try:
            if token is None:
                found = self.api.get(f"/v1/lookup?node_uuid={node}")
                token = found["config"]["agent_token"]
        except (requests.RequestException, AssertionError):
            return None
        if "*" in token:  # told to nobody, by a service that died: its server is booted again
            self._without_token.add(node)
            return None
        body = {"callback_url": "http://127.0.0.1:1", "agent_token": token, "agent_version": "1"}
        answer = self._try("POST", f"/v1/heartbeat/{node}", body)
        return token if answer in (202, None) else None  # its server was booted again

    def _try(self, method: str, path: str, body: dict[str, str]) -> int | None:
        try:
            return self.api.call(method, path, body).status_code
        except requests.RequestException:
            return None

    # What there is in the end.

    def _check(self, lives: list[str]) -> None:
        database = Database(self.url)
        store = Store(database)
        for uuid_ in lives:
            node = store.nodes.get(uuid_)
            lines = store.journal.timeline(uuid_)
            if node.operation or node.provision_state != LIFE[-1][1]:
                self.result.wrong.append(f"{uuid_} is {node.provision_state}: {node.last_error}")
                continue
            again = sum(self._check_run(lines, run) for run in runs(lines))
            self._check_power(uuid_, sum(times for _, _, times in LIFE) // 2 + again)
            self.result.booted_again += again
        database.close()

    def _check_run(self, lines: tuple[Entry, ...], run: str) -> int:
        """How often its server was booted again because the boot files' service was down."""
        own = [line for line in lines if line.operation_id == run]
        events = [line.event for line in own]
        ends = [event for event in events if event in (Event.SUCCEEDED, Event.ABORTED)]
        if events.count(Event.ACCEPTED) != 1 or len(ends) != 1 or Event.FAILED in events:
            self.result.wrong.append(f"run {run}: {events}")
        self.result.worked_on_by_two += len({line.worker for line in own if line.worker}) > 1
        order = [step.name for step in OPERATIONS[str(own[0].operation)].steps]
        backs = 0
        last = -1
        for line in own:
            if line.event == Event.RETRYING and "back to" in (line.detail or ""):
                backs, last = backs + 1, order.index("power_off") - 1
            if line.event == Event.STEP_DONE:
                if order.index(str(line.step)) != last + 1:
                    self.result.wrong.append(f"run {run}: step {line.step} out of its turn")
                last = order.index(str(line.step))
        undone = [line.step for line in own if line.event == Event.UNDONE]
        if len(undone) != len(set(undone)):
            self.result.wrong.append(f"run {run}: undone {undone}")
        return backs

    def _check_power(self, node: str, expected: int) -> None:
        """It was switched off and on so many times."""
        record = self.folder / "hardware" / f"{node}.json"
        effects = json.loads(record.read_text())["effects"] if record.exists() else []
        switched = [
            effect.removeprefix("set_power_state power ")
            for effect in effects
            if effect.startswith("set_power_state")
        ]
        if switched != ["off", "on"] * expected:
            self.result.wrong.append(f"{node}: power was switched {switched}")


def runs(lines: tuple[Entry, ...]) -> list[str]:
    return list(dict.fromkeys(line.operation_id for line in lines if line.operation_id))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--operations", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    server = PostgreSQL(quick=False) if given.database == "postgresql" else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = server.database() if server else None
            chaos = Chaos(Path(folder), url, given.workers, given.seed)
            result = chaos.run(given.operations, given.kills)
    finally:
        if server:
            server.close()
    print(f"{given.database}, workers: {given.workers}: {result}")
    raise SystemExit(bool(result.wrong))


if __name__ == "__main__":
    main()
