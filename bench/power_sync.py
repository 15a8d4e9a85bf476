"""`python -m bench.power_sync [NODES] [--json]`: one power sync of fake servers, on SQLite."""

import json
import sys
import tempfile
import time

from bench.rescues import FAKE, populate
from stbernard.drivers.registry import Registry
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade


def main(number: int, *, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/stbernard.sqlite"
        database = Database(url)
        upgrade(database)
        database.close()
        populate(url, number)
        database = Database(url)
        store = Store(database)
        store.conductors.register("bench", "", ("fake-hardware",))
        sync = PowerSync(store, Tasks(store, Registry(FAKE), FAKE), FAKE)
        began, cpu = time.perf_counter(), time.process_time()
        sync.sync()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        database.close()
    each = cpu / number * 1000
    if as_json:
        print(json.dumps({"seconds": seconds, "cpu_ms": each}))
    else:
        print(f"power sync of {number} fake nodes: {seconds:.2f} s, {each:.2f} ms CPU each")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdecimal()]
    main(numbers[0] if numbers else 1000, as_json="--json" in sys.argv)
