"""A restart in the middle of a rescue: Compute goes on polling, and sees the server rescued.

Each poll is a `GET /v1/nodes?instance_uuid=…`; the first that is refused ends it for Compute. None
is where systemd holds the socket; and where nova.conf says so it is sent again.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from tests.openstack.compute import CONFIG, PASSWORD, Compute, available_node, spawned
from tests.service import Activated, Service

PATIENT = CONFIG.replace("rescue_callback_timeout = 3", "rescue_callback_timeout = 300")
DELAY = "[fake]\nrescue_delay = 20\n"  # until then it is restarted


def test_a_socket_that_is_held(tmp_path: Path) -> None:
    service = Activated(tmp_path, PATIENT + DELAY)
    with service.socket:
        _restart_in_a_rescue(service, {})


def test_a_compute_that_tries_again(tmp_path: Path) -> None:
    _restart_in_a_rescue(Service(tmp_path, PATIENT + DELAY), {"connect_retries": "10"})


def _restart_in_a_rescue(service: Service, options: dict[str, str]) -> None:
    node = available_node(service.start())
    login = {"auth_type": "none", "endpoint": service.url, **options}
    compute = Compute(service.url, service.folder / "compute", node, login)
    with ThreadPoolExecutor() as pool:
        try:
            spawned(compute)
            rescue = pool.submit(compute.call, "rescue", PASSWORD)
            service.wait_for_state(node, "rescuing")
            service.stop()
            service.wait(lambda: _waits(service, compute) or rescue.done(), "Compute has called")
            service.config.write_text(service.config.read_text().replace(DELAY, ""))
            service.start()
            rescue.result()
            assert service.get(f"/v1/nodes/{node}")["provision_state"] == "rescue"
        finally:
            compute.end()
            if not service.is_dead():
                service.stop()


def _waits(service: Service, compute: Compute) -> bool:
    """In the queue of the held socket, where nobody is who could have taken it; or to try again."""
    connected = (
        each.raddr for each in psutil.net_connections("tcp") if each.status == "ESTABLISHED"
    )
    in_the_queue = any(peer and peer.port == service.port for peer in connected)
    return in_the_queue or "Retrying in" in compute.log()
