"""ironic.conf → one frozen Settings. The only file that imports oslo.config.

The text below an option, or below the last of several, says what it is for; `make docs` makes
docs/configuration.md of it.

Sections, names, types and defaults are Ironic's, so an operator's file is taken as it is; where a
default differs, docs/decisions/0003-defaults.md says why. Options of Ironic's that nothing here
reads are named in a warning, wrong values in an error.
"""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from oslo_config import cfg, types

from stbernard.errors import SettingsError


def _option(default: Any, **limits: Any) -> Any:
    """A field with limits for oslo.config: `min`, `max`, `choices`."""
    if isinstance(default, (list, tuple)):
        return field(default=tuple(default), metadata=limits)
    return field(default=default, metadata=limits)


def _my_ip() -> str:
    """The address this host uses towards the world; loopback where there is none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


@dataclass(frozen=True)
class Default:
    """[DEFAULT]"""

    host: str = field(default_factory=socket.gethostname)
    """The conductor's name. It is to stay the same: a service takes up its own work by it again."""
    my_ip: str = field(default_factory=_my_ip)
    """This host's address as servers see it, used where `[api]host_ip` is a wildcard."""
    state_path: str = "/var/lib/stbernard"
    """The folder for the database, the boot files and the image cache."""
    auth_strategy: str = _option("noauth", choices=["noauth"])
    """How clients prove who they are; only `noauth` is offered yet."""
    debug: bool = False
    """Whether to log what is of use for finding a fault in the service itself."""
    use_json: bool = False
    """Whether each line of the log is a JSON object, for programs."""
    enabled_hardware_types: tuple[str, ...] = ("redfish",)
    """The hardware types (drivers) that nodes may have."""
    enabled_bios_interfaces: tuple[str, ...] = ("no-bios",)
    enabled_boot_interfaces: tuple[str, ...] = ("ipxe",)
    enabled_console_interfaces: tuple[str, ...] = ("no-console",)
    enabled_deploy_interfaces: tuple[str, ...] = ("noop",)
    enabled_firmware_interfaces: tuple[str, ...] = ("no-firmware",)
    enabled_inspect_interfaces: tuple[str, ...] = ("no-inspect",)
    enabled_network_interfaces: tuple[str, ...] = ("noop",)
    enabled_raid_interfaces: tuple[str, ...] = ("no-raid",)
    enabled_rescue_interfaces: tuple[str, ...] = ("agent", "no-rescue")
    enabled_storage_interfaces: tuple[str, ...] = ("noop",)
    enabled_vendor_interfaces: tuple[str, ...] = ("no-vendor",)
    """The interfaces of this kind that nodes may use."""
    enabled_management_interfaces: tuple[str, ...] | None = None
    enabled_power_interfaces: tuple[str, ...] | None = None
    """The interfaces of this kind; unset: the first choice of each enabled hardware type."""
    default_bios_interface: str | None = None
    default_boot_interface: str | None = None
    default_console_interface: str | None = None
    default_deploy_interface: str | None = None
    default_firmware_interface: str | None = None
    default_inspect_interface: str | None = None
    default_management_interface: str | None = None
    default_network_interface: str | None = None
    default_power_interface: str | None = None
    default_raid_interface: str | None = None
    default_rescue_interface: str | None = None
    default_storage_interface: str | None = None
    default_vendor_interface: str | None = None
    """What nodes use that name none; unset: the hardware type's first choice of those enabled."""
    default_resource_class: str | None = None
    """The resource class of a node that is created without one."""
    default_portgroup_mode: str = "active-backup"
    """The bonding mode of portgroups that are created without one."""
    conductor_group: str = ""
    """The conductor group of this service."""


@dataclass(frozen=True)
class Api:
    """[api]"""

    host_ip: str = "127.0.0.1"
    """The address to listen on."""
    port: int = _option(6385, min=1, max=65535)
    """The TCP port to listen on."""
    public_endpoint: str | None = None
    """The address of the API in links, where a proxy stands before it: `https://metal.example`."""
    max_limit: int = _option(1000, min=1)
    """How many entries a list has at most; clients ask for the next page."""
    ramdisk_heartbeat_timeout: int = _option(300, min=1)
    """Seconds an agent may stay silent; it calls about twice in these."""
    restrict_lookup: bool = True
    """Whether only ramdisks of nodes that wait for one are told which node they are."""
    enable_ramdisk_endpoints: bool = True
    """Whether ramdisks may call at all."""


@dataclass(frozen=True)
class Conductor:
    """[conductor]"""

    rescue_callback_timeout: int = _option(1800, min=0)
    """Seconds from the request until a rescue that is not done has failed; 0: never."""
    node_locked_retry_attempts: int = _option(3, min=1)
    """How often to ask for a node that an operation holds before the answer is 409."""
    node_locked_retry_interval: int = _option(1, min=0)
    """Seconds between two of these attempts; a node that gets free is noticed at once."""
    deploy_callback_timeout: int = _option(1800, min=0)
    """Seconds that a deploy step may take; 0: no limit."""
    clean_callback_timeout: int = _option(1800, min=0)
    """Seconds that a clean step may take; 0: no limit."""
    service_callback_timeout: int = _option(1800, min=0)
    """Seconds that a service step may take; 0: no limit."""
    inspect_wait_timeout: int = _option(1800, min=0)
    """Seconds that an inspection may take; 0: no limit."""
    automated_clean: bool = False
    """Whether nodes without a choice of their own are cleaned before they become available."""
    max_conductor_wait_step_seconds: int = _option(30, min=0, max=1800)
    """Seconds that the step `wait` may ask for."""
    rescue_kernel: str | None = None
    """URL (`file`, `http`, `https`) of the rescue kernel for nodes that name none."""
    rescue_ramdisk: str | None = None
    """URL of the rescue ramdisk, built together with that kernel."""
    rescue_password_hash_algorithm: str = _option("sha256", choices=["sha256", "sha512"])
    """How a rescue password is hashed where the request comes in."""
    allow_provisioning_in_maintenance: bool = True
    """Whether nodes in maintenance may be rescued."""
    power_state_change_timeout: int = _option(60, min=2)
    """Seconds that switching on or off may take."""
    soft_power_off_timeout: int = _option(600, min=1)
    """Seconds an operating system has for shutting down when asked to."""
    file_url_allowed_paths: tuple[str, ...] = (
        "/var/lib/ironic",
        "/shared/html",
        "/opt/cache/files",
        "/vagrant",
    )
    """The folders that `file://` images may lie in."""
    sync_power_state_interval: int = _option(120, min=0)
    """Seconds between two looks at the power state of every server; 0: never."""
    sync_power_state_workers: int = _option(8, min=1, max=1000)
    """BMCs that are asked at a time in a power sync."""
    force_power_state_during_sync: bool = True
    """Whether a server is switched to the power state that is known of it; else what the BMC says
    becomes known."""
    power_state_sync_max_retries: int = _option(3, min=0)
    """How often in a row a power sync may fail; then its node is in maintenance, with the fault
    `power failure`."""
    power_failure_recovery_interval: int = _option(300, min=0)
    """Seconds between two looks at nodes with that fault: those whose BMC answers leave
    maintenance; 0: never."""
    node_history: bool = True
    """Whether the journal keeps operations that have ended; else each clean-up deletes them."""
    node_history_max_entries: int = _option(300, min=0)
    """Ended operations that the journal keeps of each node; 0: all."""
    node_history_minimum_days: int = _option(0, min=0)
    """Days for which they are kept, however many they are."""
    node_history_cleanup_interval: int = _option(86400, min=0)
    """Seconds between two clean-ups of the journal; 0: never."""
    node_history_cleanup_batch_count: int = _option(1000, min=0)
    """Ended operations after which a clean-up leaves the rest to the next one; 0: no clean-up."""
    workers_pool_size: int = _option(16, min=1, max=1000)
    """Threads that work on nodes; a node that waits needs none."""


@dataclass(frozen=True)
class Database:
    """[database]"""

    connection: str | None = None
    """`postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`, or `sqlite:////PATH` for a service of one
    process; unset: SQLite at `STATE_PATH/stbernard.sqlite`."""


@dataclass(frozen=True)
class Deploy:
    """[deploy]"""

    http_root: str | None = None
    """The folder that servers boot from over HTTP; unset: `STATE_PATH/httpboot`."""
    http_url: str | None = None
    """The address of that folder; unset: `/boot` at this service."""
    external_callback_url: str | None = None
    """The address of the API for ramdisks; unset: `[api]public_endpoint`, else as it listens."""


@dataclass(frozen=True)
class Pxe:
    """[pxe]"""

    kernel_append_params: str = "nofb vga=normal"
    """Arguments for the rescue kernel."""
    instance_master_path: str | None = None
    """The folder of the image cache; unset: `STATE_PATH/master_images`."""
    image_cache_size: int = _option(20480, min=0)
    """MiB that the image cache may hold; also the limit for one image."""


@dataclass(frozen=True)
class Agent:
    """[agent]"""

    require_tls: bool = True
    """Whether an agent must serve TLS."""
    command_timeout: int = _option(60, min=1)
    """Seconds an agent has to answer a command."""
    verify_ca: str = "True"
    """CA file for agents that announce no certificate; `True`: the system's, `False`: no check."""


@dataclass(frozen=True)
class Redfish:
    """[redfish]"""

    connection_retry_interval: int = _option(4, min=1)
    """Seconds that a connection to a BMC may take."""
    auth_type: str = _option("auto", choices=["basic", "session", "auto"])
    """How to log in to BMCs; `auto`: by a session if they offer it."""


@dataclass(frozen=True)
class Fake:
    """[fake]"""

    power_delay: str = "0"
    boot_delay: str = "0"
    deploy_delay: str = "0"
    vendor_delay: str = "0"
    management_delay: str = "0"
    inspect_delay: str = "0"
    raid_delay: str = "0"
    bios_delay: str = "0"
    storage_delay: str = "0"
    rescue_delay: str = "0"
    firmware_delay: str = "0"
    """Seconds (`3`, or a range `1,5`) that this interface of fake hardware takes."""
    state_dir: str | None = None
    """A folder in which fake hardware outlives the process; an option of ours."""


@dataclass(frozen=True)
class Settings:
    """All that can be configured, one field a section."""

    default: Default = field(default_factory=Default)
    api: Api = Api()
    conductor: Conductor = Conductor()
    database: Database = Database()
    deploy: Deploy = Deploy()
    pxe: Pxe = Pxe()
    agent: Agent = Agent()
    redfish: Redfish = Redfish()
    fake: Fake = Fake()

    @property
    def database_url(self) -> str:
        """Where the database is; by default a SQLite file below state_path."""
        return self.database.connection or f"sqlite:///{self.default.state_path}/stbernard.sqlite"

    @property
    def endpoint(self) -> str:
        """The API's address for clients and, without external_callback_url, for ramdisks."""
        host = self.api.host_ip
        if host in ("0.0.0.0", "::"):  # noqa: S104 (comparing, not binding)
            host = self.default.my_ip
        return (self.api.public_endpoint or f"http://{host}:{self.api.port}").rstrip("/")

    @property
    def callback_url(self) -> str:
        """The API's address for ramdisks."""
        return (self.deploy.external_callback_url or self.endpoint).rstrip("/")

    @property
    def http_url(self) -> str:
        """The address below which machines find http_root; by default the service's own /boot."""
        return (self.deploy.http_url or f"{self.callback_url}/boot").rstrip("/")

    @property
    def http_root(self) -> Path:
        """The folder that machines boot from over HTTP."""
        return Path(self.deploy.http_root or f"{self.default.state_path}/httpboot")

    @property
    def image_cache(self) -> Path:
        """The folder of kernels and ramdisks, kept for the next rescue."""
        return Path(self.pxe.instance_master_path or f"{self.default.state_path}/master_images")


def load(files: Sequence[str | Path]) -> tuple[Settings, list[str]]:
    """Read the files, later ones winning; returns the settings and warnings for people.

    Raises SettingsError naming file, section and option of the first wrong value.
    """
    for path in files:
        if not Path(path).is_file():
            raise SettingsError(f"Configuration file {path} cannot be read: there is no such file.")
    conf = cfg.ConfigOpts()
    sections = {_section(room.name): room for room in fields(Settings)}
    hints = get_type_hints(Settings)
    for section, room in sections.items():
        group = None if section == "DEFAULT" else section
        conf.register_opts(list(_oslo_options(hints[room.name])), group=group)
    try:
        conf([], project="stbernard", default_config_files=[str(path) for path in files])
    except (cfg.ConfigFileParseError, cfg.ConfigFilesNotFoundError) as error:
        raise SettingsError(str(error)) from error
    values = {
        room.name: _read(conf, section, hints[room.name], files)
        for section, room in sections.items()
    }
    return Settings(**values), list(_unknown(files))


def database_connection(path: str | Path) -> str:
    """[database]connection of a configuration file, ours or Ironic's. Raises SettingsError."""
    try:
        for _, sections in _parsed([path]):
            for value in sections.get("database", {}).get("connection", ())[-1:]:
                return value
    except cfg.ParseError as error:
        raise SettingsError(f"{path}: {error}") from error
    raise SettingsError(f"{path}: [database]connection is not set, so it names no database.")


def _section(name: str) -> str:
    return "DEFAULT" if name == "default" else name


def _oslo_options(room: type) -> Iterable[cfg.Opt]:
    hints = get_type_hints(room)
    for entry in fields(room):
        kind = hints[entry.name]
        if type(None) in get_args(kind):
            kind = get_args(kind)[0]
        limits = dict(entry.metadata)
        if kind is bool:
            yield cfg.BoolOpt(entry.name)
        elif kind is int:
            yield cfg.IntOpt(entry.name, **limits)
        elif kind is str:
            yield cfg.StrOpt(entry.name, **limits)
        else:
            yield cfg.Opt(entry.name, type=types.List())


def _read(conf: cfg.ConfigOpts, section: str, room: type, files: Sequence[str | Path]) -> Any:
    """One section as its dataclass; options nobody set keep the dataclass's default."""
    assert is_dataclass(room)  # noqa: S101 (for the type checker)
    values = {}
    source = conf if section == "DEFAULT" else conf[section]
    for entry in fields(room):
        try:
            value = source[entry.name]
        except cfg.ConfigFileValueError as error:
            raise SettingsError(_locate(section, entry.name, error, files)) from error
        if value is not None:
            values[entry.name] = tuple(value) if isinstance(value, list) else value
    return room(**values)


def _locate(section: str, option: str, error: Exception, files: Sequence[str | Path]) -> str:
    """The text of an error with the file that set the option."""
    where = [path for path, seen in _parsed(files) if option in seen.get(section, {})]
    reason = str(error).split(" is not valid: ", 1)[-1]
    return f"{where[-1] if where else 'environment'}: [{section}]{option} is wrong: {reason}"


def _unknown(files: Sequence[str | Path]) -> Iterable[str]:
    """A warning for each section and option of the files that nothing reads."""
    known = {
        _section(room.name): {entry.name for entry in fields(room.type)}  # type: ignore[arg-type]
        for room in fields(Settings)
    }
    for path, sections in _parsed(files):
        for section, options in sections.items():
            for option in options:
                if option not in known.get(section, ()):
                    yield f"{path}: [{section}]{option} is not known and has no effect."


def _parsed(files: Sequence[str | Path]) -> Iterable[tuple[str, dict[str, dict[str, list[str]]]]]:
    for path in files:
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(str(path), sections).parse()
        yield str(path), sections
