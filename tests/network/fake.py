"""A Network service on loopback: keeps networks and ports, and answers as the recorded one does.

Made to be broken: `fail` lets the next calls of a kind go wrong.
"""

import itertools
import json
import threading
import uuid
from collections.abc import Callable
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from stbernard.openstack.settings import Neutron
from tests.network.recorded import NEUTRON

Values = dict[str, Any]
Answer = tuple[int, Any]


class FakeNeutron:
    """`calls`: what it was asked, as `PUT /ports`."""

    def __init__(self) -> None:
        self._recorded = NEUTRON.load()
        self._macs = (f"fa:16:3e:00:00:{number:02x}" for number in itertools.count(1))
        self._kept: dict[str, dict[str, Values]] = {
            "networks": {},
            "subnets": {},
            "security-groups": {},
            "ports": {},
        }
        self._failures: list[tuple[Callable[[str], bool], int]] = []
        self.calls: list[str] = []
        owner = self

        class Serve(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else {}
                status, content = owner.serve(self.command, self.path, body)
                text = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Serve)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def options(self) -> Neutron:
        return Neutron(
            auth_type="none",
            endpoint_override=self.url,
            connect_retries=0,
            status_code_retries=0,
        )

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def fail(self, call: str | None, status: int = 500, after: int = 0, times: int = 1000) -> None:
        """Let such calls (`PUT /ports`; None: any) go wrong, `times` of them, but not the first
        `after`."""
        passed = itertools.count()
        self._failures.append(
            (lambda seen: call in (None, seen) and after <= next(passed) < after + times, status)
        )

    def mend(self) -> None:
        self._failures.clear()

    def serve(self, method: str, path: str, body: Any) -> Answer:
        url = urlsplit(path)
        kind, _, ident = url.path.removeprefix("/v2.0/").partition("/")
        self.calls.append(f"{method} /{kind}")
        for broken, status in self._failures:
            if broken(self.calls[-1]):
                return status, {"NeutronError": {"message": "It is broken.", "type": "Broken"}}
        kept = self._kept[kind]
        if ident and ident not in kept:
            return self._refusal("show a port that is gone", ident)
        if method == "DELETE":
            del kept[ident]
            return 204, None
        if method == "GET" and not ident:
            return 200, {kind.replace("-", "_"): self._filtered(kept, parse_qs(url.query))}
        if method == "GET":
            return 200, {kind[:-1]: kept[ident]}
        [values] = body.values()
        change = self._update if method == "PUT" else self._create
        return change(kind, ident, values)

    def _filtered(self, kept: dict[str, Values], filters: dict[str, list[str]]) -> list[Values]:
        return [
            each
            for each in kept.values()
            if all(each.get(key) in wanted for key, wanted in filters.items())
        ]

    def _create(self, kind: str, _: str, values: Values) -> Answer:
        new = {"id": str(uuid.uuid4()), **values}
        if kind == "ports":
            if values["network_id"] not in self._kept["networks"]:
                return self._refusal("create a port in no network", values["network_id"])
            look = deepcopy(self._recorded["create a port"]["body"]["port"])
            new = look | {"mac_address": next(self._macs), "device_id": ""} | new
        self._kept[kind][new["id"]] = new
        return 201, {kind[:-1].replace("-", "_"): new}

    def _update(self, kind: str, ident: str, values: Values) -> Answer:
        now = self._kept[kind][ident]
        if "mac_address" in values and values["mac_address"] != now["mac_address"]:
            if now["binding:host_id"]:
                return self._refusal("change the MAC of a bound port", ident)
            values = values | {"mac_address": values["mac_address"] or next(self._macs)}
            if any(
                other["mac_address"] == values["mac_address"]
                for other in self._kept["ports"].values()
                if other["network_id"] == now["network_id"]
            ):
                return self._refusal("take a MAC that is taken", now["network_id"])
        options = {each["opt_name"]: each for each in now.get("extra_dhcp_opts", ())}
        options |= {each["opt_name"]: each for each in values.get("extra_dhcp_opts", ())}
        now |= values | {
            "extra_dhcp_opts": [each for each in options.values() if each["opt_value"] is not None]
        }
        if "binding:host_id" in values:
            now |= self._binding(now)
        return 200, {kind[:-1]: now}

    def _binding(self, port: Values) -> Values:
        """As the lab's mechanism driver binds."""
        links = port["binding:profile"].get("local_link_information", [])
        known = links and all(link.get("switch_info") == "lab" for link in links)
        title = "bind a port" if known else "bind a port elsewhere"
        if not port["binding:host_id"]:
            title = "unbind a port"
        seen = self._recorded[title]["body"]["port"]
        return {key: seen[key] for key in ("binding:vif_type", "status")}

    def _refusal(self, title: str, ident: str) -> Answer:
        found = self._recorded[title]
        return found["status"], json.loads(json.dumps(found["body"]).replace("UUID", ident))
