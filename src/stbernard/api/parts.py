"""What the API is made of; the service puts it together."""

from dataclasses import dataclass

from stbernard.operations.accept import Requests
from stbernard.operations.tasks import Drivers, Tasks
from stbernard.settings import Settings
from stbernard.store import Store


@dataclass(frozen=True)
class Parts:
    settings: Settings
    store: Store
    requests: Requests
    tasks: Tasks
    drivers: Drivers
