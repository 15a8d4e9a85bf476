"""The databases of the private OpenStack, made once: their schemas and Identity's first user."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from stbernard.programs import run
from tools.openstack import config, definitions, mechanism
from tools.openstack.install import Programs
from tools.openstack.services import Running

DATABASES = ("keystone", "placement", "glance", "neutron", "nova", "nova_api", "nova_cell0")
Command = Sequence[str | Path]


def make(folder: Path, programs: Programs) -> None:
    """Fill an empty `folder` with databases and keys (3 minutes). Raises ProgramError."""
    config.write_all(folder, programs, bare_metal="")
    mechanism.install(folder / "plugins")
    (folder / "log").mkdir()
    root = programs.debian / "usr"
    libraries: list[str | Path] = [f"{name}={value}" for name, value in programs.libraries.items()]
    run(
        *("env", *libraries, root / "bin/mariadb-install-db", "--no-defaults"),
        *(f"--basedir={root}", f"--datadir={folder}/data/mariadb", "--user=root"),
        *("--skip-test-db", "--auth-root-authentication-method=normal"),
        f"--lc-messages-dir={root}/share/mysql",
    )
    server = Running(definitions.mariadb(folder, programs), folder / "log/mariadb.log")
    try:
        server.wait(nullcontext)
        statements = [f"CREATE DATABASE {name} CHARACTER SET utf8mb4" for name in DATABASES]
        run(
            *("env", *libraries, root / "bin/mariadb", "--no-defaults", "--user=root"),
            *(f"--socket={folder}/mariadb.sock", "--execute", "; ".join(statements)),
        )
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(_run_in_order, _commands(folder, programs)))
    finally:
        server.end()
    shutil.rmtree(folder / "log")


def _run_in_order(commands: Sequence[Command]) -> None:
    for command in commands:
        run("nice", *command)


def _commands(folder: Path, programs: Programs) -> list[list[Command]]:
    """Commands in order; one list may run beside another."""
    etc = folder / "etc"

    def chain(manage: str, file: str, *lines: str) -> list[Command]:
        head = (programs.python / manage, "--config-file", etc / file)
        return [(*head, *line.split()) for line in lines]

    bootstrap = (
        f"bootstrap --bootstrap-password {config.PASSWORD} "
        f"--bootstrap-region-id {config.REGION} --bootstrap-public-url {config.IDENTITY}/ "
        f"--bootstrap-internal-url {config.IDENTITY}/ --bootstrap-admin-url {config.IDENTITY}/"
    )
    cell0 = config.database("nova_cell0")["connection"]
    return [
        chain(
            "nova-manage",
            "nova/nova.conf",
            "api_db sync",
            f"cell_v2 map_cell0 --database_connection {cell0}",
            "cell_v2 create_cell --name cell1",
            "db sync",
        ),
        chain(
            "keystone-manage",
            "keystone/keystone.conf",
            "db_sync",
            "fernet_setup --keystone-user root --keystone-group root",
            "credential_setup --keystone-user root --keystone-group root",
            bootstrap,
        ),
        chain(
            "neutron-db-manage",
            "neutron/neutron.conf",
            f"--config-file {etc}/neutron/ml2_conf.ini upgrade heads",
        ),
        chain("placement-manage", "placement/placement.conf", "db sync"),
        chain("glance-manage", "glance/glance-api.conf", "db_sync"),
    ]
