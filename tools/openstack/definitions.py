"""What is started for the private OpenStack, as services of one run's folder."""

from pathlib import Path

from tools.openstack import config
from tools.openstack.install import Programs
from tools.openstack.services import Service


def mariadb(folder: Path, programs: Programs) -> Service:
    root = programs.debian / "usr"
    options = {
        "basedir": root,
        "datadir": folder / "data/mariadb",
        "port": config.PORTS["mariadb"],
        "bind-address": config.HOST,
        "socket": folder / "mariadb.sock",
        "pid-file": folder / "mariadb.pid",
        "user": "root",
        "lc-messages-dir": root / "share/mysql",
        "character-sets-dir": root / "share/mysql/charsets",
        "plugin-dir": root / "lib/mysql/plugin",
        "max-connections": 300,
        "innodb-buffer-pool-size": "128M",
        "innodb-log-file-size": "32M",
        "innodb-flush-log-at-trx-commit": 0,  # a database that nobody needs tomorrow
    }
    command = [str(root / "sbin/mariadbd"), "--no-defaults"]
    command += [f"--{name}={value}" for name, value in options.items()]
    return Service("mariadb", command, config.PORTS["mariadb"], programs.libraries)


def rabbitmq(folder: Path, programs: Programs) -> Service:
    data, root = folder / "data/rabbitmq", programs.debian / "usr/lib"
    data.mkdir(parents=True, exist_ok=True)
    (data / "plugins").write_text("[].")
    (data / "rabbitmq.conf").write_text("vm_memory_high_watermark.absolute = 256MB\n")
    port = config.PORTS["rabbitmq"]
    environment = {
        "PATH": f"{root}/erlang/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(data),
        "RABBITMQ_NODENAME": "stbernard@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": config.HOST,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(port + 1),
        # without Erlang's name server, which would outlive the run
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"-start_epmd false -erl_epmd_port {port + 1} "
            "-kernel inet_dist_use_interface {127,0,0,1}"
        ),
        "RABBITMQ_CONF_ENV_FILE": "/nonexistent",
        "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(data / "mnesia"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_LOG_BASE": str(data),
        "RABBITMQ_PID_FILE": str(data / "pid"),
    }
    server = next(root.glob("rabbitmq/lib/*/sbin/rabbitmq-server"))
    return Service("rabbitmq", [server], port, programs.libraries | environment)


_WEB = {
    "keystone": ("keystone.wsgi.api", ""),
    "placement": ("placement.wsgi.api", ""),
    "glance": ("glance.wsgi.api", ""),
    "neutron": ("neutron.wsgi.api", "neutron.conf;ml2_conf.ini"),
    "nova": ("nova.wsgi.osapi_compute", ""),
}
"""The module of each API, and its configuration files if they are not the usual ones."""

_GUNICORN = """\
wsgi_app = "{module}:application"
bind = "{host}:{port}"
threads = 8
timeout = 300
graceful_timeout = 5
control_socket_disable = True
"""


def web(name: str, folder: Path, programs: Programs) -> Service:
    """One of the APIs."""
    module, files = _WEB[name]
    port = config.PORTS[name]
    # in a file, for the services read the words of their command line, too
    file = folder / f"etc/{name}/gunicorn.conf.py"
    file.write_text(_GUNICORN.format(module=module, host=config.HOST, port=port))
    environment = {
        "GUNICORN_CMD_ARGS": f"--config={file}",
        f"OS_{name.upper()}_CONFIG_DIR": str(folder / "etc" / name),
        "PYTHONPATH": str(folder / "plugins"),
    }
    if files:
        environment[f"OS_{name.upper()}_CONFIG_FILES"] = files
    command = [programs.python / "gunicorn"]
    return Service(name, command, port, environment, speaks_http=True)


def compute_worker(name: str, folder: Path, programs: Programs) -> Service:
    """`conductor`, `scheduler` or `compute`."""
    file = folder / "etc/nova/nova.conf"
    return Service(f"nova-{name}", [programs.python / f"nova-{name}", "--config-file", file])
