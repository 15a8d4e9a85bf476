"""Stands in for sshd(8): host key, port and user from the arguments, passwords from /etc/shadow."""

import argparse
import asyncio
import os
from pathlib import Path

import asyncssh
from passlib.context import CryptContext

passwords = CryptContext(["sha512_crypt", "sha256_crypt"])


class Server(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        fields = [line.split(":") for line in Path("/etc/shadow").read_text().splitlines()]
        hashes = {field[0]: field[1] for field in fields}
        return username == "rescue" and passwords.verify(password, hashes[username])


def arguments() -> tuple[int, dict[str, str]]:
    parser = argparse.ArgumentParser()
    parser.add_argument("-D", action="store_true")
    parser.add_argument("-E")
    parser.add_argument("-p", type=int)
    parser.add_argument("-o", action="append")
    given = parser.parse_args()
    return given.p, dict(option.split("=", 1) for option in given.o)


async def main() -> None:
    port, options = arguments()
    Path(options["PidFile"]).write_text(str(os.getpid()))
    server = await asyncssh.create_server(
        Server,
        "",
        port,
        server_host_keys=[options["HostKey"]],
        server_version=f"fake {options['VersionAddendum']}",
        process_factory=greet,
    )
    await server.wait_closed()


def greet(process: "asyncssh.SSHServerProcess[str]") -> None:
    process.stdout.write("rescued\n")
    process.exit(0)


asyncio.run(main())
