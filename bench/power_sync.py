"""`python -m bench.power_sync [NODES]`: one power sync of so many fake servers, on SQLite."""

import sys
import tempfile
import time
import uuid

from stbernard.drivers.registry import Registry
from stbernard.nodes import Node
from stbernard.operations.power_sync import PowerSync
from stbernard.operations.tasks import Tasks
from stbernard.settings import Default, Settings
from stbernard.store import Store
from stbernard.store.engine import Database
from stbernard.store.migrations import upgrade


def main(number: int) -> None:
    fake = ("fake",)
    default = Default(
        host="bench",
        enabled_hardware_types=("fake-hardware",),
        enabled_power_interfaces=fake,
        enabled_management_interfaces=fake,
        enabled_boot_interfaces=fake,
        enabled_rescue_interfaces=fake,
    )
    settings = Settings(default=default)
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/stbernard.sqlite")
        upgrade(database)
        store = Store(database)
        store.conductors.register("bench", "", ("fake-hardware",))
        for _ in range(number):
            node = Node(
                uuid=str(uuid.uuid4()),
                created_at=time.time(),
                driver="fake-hardware",
                provision_state="active",
                power_state="power on",
            )
            store.nodes.create(node)
        sync = PowerSync(store, Tasks(store, Registry(settings), settings), settings)
        began, cpu = time.perf_counter(), time.process_time()
        sync.sync()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        database.close()
    print(
        f"power sync of {number} fake nodes: {seconds:.2f} s, {cpu / number * 1000:.2f} ms CPU each"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
