"""All that can be configured: one frozen Settings. configuration.py reads it from ironic.conf.

The text below an option, or below the last of several, says what it is for; `make docs` makes
docs/configuration.md of it.

Sections, names, types and defaults are Ironic's, so an operator's file is taken as it is; where a
default differs, docs/decisions/0003-defaults.md says why. Options of Ironic's that nothing here
reads are named in a warning, wrong values in an error.
"""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stbernard.openstack.settings import Glance, KeystoneAuthtoken, Neutron, Nova, OsloPolicy


def _option(default: Any, **limits: Any) -> Any:
    """A field with limits for oslo.config: `min`, `max`, `choices`."""
    if isinstance(default, (list, tuple)):
        return field(default=tuple(default), metadata=limits)
    return field(default=default, metadata=limits)


_LOADERS = {
    "undionly.kpxe": "/usr/lib/ipxe/undionly.kpxe",
    "snponly.efi": "/usr/lib/ipxe/snponly.efi",
    "ipxe.efi": "/usr/lib/ipxe/ipxe.efi",
    "bootx64.efi": "/usr/lib/shim/shimx64.efi.signed",
    "grubx64.efi": "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
    "bootaa64.efi": "/usr/lib/shim/shimaa64.efi.signed",
    "grubaa64.efi": "/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed",
}
"""Debian's, of its packages ipxe, shim-signed, grub-efi-amd64-signed and grub-efi-arm64-signed."""


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
    auth_strategy: str = _option("noauth", choices=["noauth", "http_basic", "keystone"])
    """How clients prove who they are: not at all, by user and password, by the Identity service."""
    http_basic_auth_user_file: str = "/etc/stbernard/htpasswd"
    """The users and their passwords (`htpasswd -B`), for `http_basic`."""
    rbac_service_role_elevated_access: bool = False
    """Whether who has the role `service` in `rbac_service_project_name` sees the nodes of all
    projects."""
    rbac_service_project_name: str = "service"
    """The project of the other services' users."""
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
    webserver_verify_ca: str = "True"
    """CA file for the web servers that images come from; `True`: the system's, `False`: no check.
    """
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
    project_admin_can_manage_own_nodes: bool = True
    """Whether a project's administrator may create and delete nodes that the project owns."""


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
    """URL (`file`, `http`, `https`, `glance`), or UUID in the Image service, of the rescue kernel
    for nodes that name none."""
    rescue_ramdisk: str | None = None
    """URL or UUID of the rescue ramdisk, built together with that kernel."""
    rescue_kernel_by_arch: dict[str, str] = field(default_factory=dict)
    rescue_ramdisk_by_arch: dict[str, str] = field(default_factory=dict)
    """The same for nodes with this `cpu_arch` in their properties: `aarch64:URL,…`."""
    rescue_iso: str | None = None
    """URL or UUID of a ready-made ISO for nodes that boot from virtual media, instead of the two.
    """
    rescue_password_hash_algorithm: str = _option("sha256", choices=["sha256", "sha512"])
    """How a rescue password is hashed where the request comes in."""
    allow_provisioning_in_maintenance: bool = True
    """Whether nodes in maintenance may be rescued."""
    automatic_lessee: bool = True
    """Whether a node that is deployed gets a lessee, until it is undeployed."""
    automatic_lessee_source: str = _option("instance", choices=["instance", "request", "none"])
    """Who that is: the `project_id` in instance_info (Compute writes it), the project that asks for
    the deployment, or nobody."""
    power_state_change_timeout: int = _option(120, min=2)
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
    heartbeat_interval: int = _option(10, min=1)
    """Seconds between two signs of life of a worker, by which it keeps the nodes it works on."""
    heartbeat_timeout: int = _option(30, min=2)
    """Seconds of silence after which a worker is dead and others go on with its nodes."""
    workers_pool_size: int = _option(16, min=1, max=1000)
    """Threads that work on nodes; a node that waits needs none."""


@dataclass(frozen=True)
class Database:
    """[database]"""

    connection: str | None = None
    """`postgresql+psycopg://USER:PASSWORD@HOST/DATABASE`, or `sqlite:////PATH` for a service of one
    process; unset: SQLite at `STATE_PATH/stbernard.sqlite`."""
    encryption_key_file: str | None = None
    """The keys that BMC passwords, agent tokens, config drives and the like are encrypted with in
    the database, one a line (`stbernard db rotate-keys` makes it); an option of ours. Unset: they
    are kept in plain text."""


@dataclass(frozen=True)
class Deploy:
    """[deploy]"""

    http_root: str | None = None
    """The folder that servers boot from over HTTP; unset: `STATE_PATH/httpboot`."""
    http_url: str | None = None
    """The address of that folder; unset: `/boot` at this service."""
    external_http_url: str | None = None
    """The address of that folder for BMCs, which fetch rescue media there; unset: `http_url`."""
    external_callback_url: str | None = None
    """The address of the API for ramdisks; unset: `[api]public_endpoint`, else as it listens."""
    default_boot_mode: str = _option("uefi", choices=["uefi", "bios"])
    """The boot mode of servers whose BMC does not say it, and that have no capability for it."""


@dataclass(frozen=True)
class Pxe:
    """[pxe]"""

    kernel_append_params: str = "nofb vga=normal"
    """Arguments for the rescue kernel."""
    tftp_root: str | None = None
    """The folder that servers boot from over TFTP; unset: `STATE_PATH/tftpboot`."""
    tftp_server: str | None = None
    """The address of the TFTP server that serves it; unset: `[DEFAULT]my_ip`."""
    ipxe_bootfile_name: str = "undionly.kpxe"
    uefi_ipxe_bootfile_name: str = "snponly.efi"
    """iPXE for firmware in BIOS and in UEFI mode (boot interfaces `ipxe`, `http-ipxe`)."""
    pxe_bootfile_name: str = "grub.pxe"
    uefi_pxe_bootfile_name: str = "bootx64.efi"
    """What loads GRUB in BIOS and in UEFI mode (boot interface `pxe`)."""
    uefi_http_bootfile_name: str = "grub-http.efi"
    """GRUB for HTTP boot (boot interface `http`); an option of ours."""
    ipxe_bootfile_name_by_arch: dict[str, str] = field(default_factory=dict)
    pxe_bootfile_name_by_arch: dict[str, str] = field(
        default_factory=lambda: {"aarch64": "bootaa64.efi"}
    )
    """The same for nodes with this `cpu_arch` in their properties: `aarch64:NAME,…`."""
    loader_file_paths: dict[str, str] = field(default_factory=lambda: dict(_LOADERS))
    """Boot files (`NAME:PATH,…`) copied to `tftp_root` and `http_root` when the service starts;
    those that this host lacks are left out."""
    instance_master_path: str | None = None
    """The folder of the image cache; unset: `STATE_PATH/master_images`."""
    image_cache_size: int = _option(20480, min=0)
    """MiB that the image cache may hold; also the limit for one image."""


@dataclass(frozen=True)
class Dhcp:
    """[dhcp]"""

    dhcp_provider: str = _option("none", choices=["none", "dnsmasq", "neutron"])
    """Who tells servers what to boot: `dnsmasq`, by files this service writes; `neutron`, by the
    ports that they boot with; `none`: a DHCP server that others look after."""


@dataclass(frozen=True)
class Dnsmasq:
    """[dnsmasq]"""

    dhcp_hostsdir: str | None = None
    """The folder dnsmasq reads as its `dhcp-hostsdir`; unset: `STATE_PATH/dnsmasq/hosts`."""
    dhcp_optsdir: str | None = None
    """The folder dnsmasq reads as its `dhcp-optsdir`; unset: `STATE_PATH/dnsmasq/options`."""
    interface: str | None = None
    """The network interface on which the service runs a dnsmasq of its own, for DHCP and TFTP;
    unset: it starts none. An option of ours, as all below."""
    dhcp_range: tuple[str, ...] = ()
    """dnsmasq's `dhcp-range`: `192.0.2.100;192.0.2.199;255.255.255.0;1h`, semicolons for commas."""
    conf_file: str | None = None
    """A file of further options for that dnsmasq: routers, name servers, fixed addresses."""


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

    kernel_append_params: str = "nofb vga=normal"
    """Arguments for the rescue kernel on virtual media."""
    connection_retry_interval: int = _option(4, min=1)
    """Seconds that a connection to a BMC may take."""
    auth_type: str = _option("auto", choices=["basic", "session", "auto"])
    """How to log in to BMCs; `auto`: by a session if they offer it."""


@dataclass(frozen=True)
class Ipmi:
    """[ipmi]"""

    command_retry_timeout: int = _option(60, min=1)
    """Seconds that one command to a BMC may take."""
    kill_on_timeout: bool = True
    """Whether ipmitool is ended when they are over; else a BMC may hold its node longer."""
    min_command_interval: int = _option(1, min=0)
    """Seconds for which a BMC is left alone after each command."""
    disable_boot_timeout: bool = True
    """Whether BMCs are told to keep a boot device longer than their 60 seconds."""
    cipher_suite_versions: tuple[int, ...] = _option((), min=0, max=17)
    """Cipher suites for nodes that name none, the best one last; empty: ipmitool asks the BMC."""
    additional_retryable_ipmi_errors: tuple[str, ...] = ()
    """Texts of ipmitool's after which trying again may help."""


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
    conductor: Conductor = field(default_factory=Conductor)
    database: Database = Database()
    deploy: Deploy = Deploy()
    pxe: Pxe = field(default_factory=Pxe)
    dhcp: Dhcp = Dhcp()
    dnsmasq: Dnsmasq = Dnsmasq()
    agent: Agent = Agent()
    redfish: Redfish = Redfish()
    ipmi: Ipmi = Ipmi()
    neutron: Neutron = field(default_factory=Neutron)
    nova: Nova = field(default_factory=Nova)
    fake: Fake = Fake()
    keystone_authtoken: KeystoneAuthtoken = field(default_factory=KeystoneAuthtoken)
    oslo_policy: OsloPolicy = field(default_factory=OsloPolicy)
    glance: Glance = field(default_factory=Glance)

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
    def external_http_url(self) -> str:
        """The address below which BMCs find http_root."""
        return (self.deploy.external_http_url or self.http_url).rstrip("/")

    @property
    def http_root(self) -> Path:
        """The folder that machines boot from over HTTP."""
        return Path(self.deploy.http_root or f"{self.default.state_path}/httpboot")

    @property
    def image_cache(self) -> Path:
        """The folder of kernels and ramdisks, kept for the next rescue."""
        return Path(self.pxe.instance_master_path or f"{self.default.state_path}/master_images")

    @property
    def tftp_root(self) -> Path:
        """The folder that machines boot from over TFTP."""
        return Path(self.pxe.tftp_root or f"{self.default.state_path}/tftpboot")

    @property
    def tftp_server(self) -> str:
        """The address of the server of that folder."""
        return self.pxe.tftp_server or self.default.my_ip

    @property
    def dhcp_hostsdir(self) -> Path:
        """The folder in which a dnsmasq finds the machines of nodes."""
        return Path(self.dnsmasq.dhcp_hostsdir or f"{self.default.state_path}/dnsmasq/hosts")

    @property
    def dhcp_optsdir(self) -> Path:
        """The folder in which a dnsmasq finds what they are to boot."""
        return Path(self.dnsmasq.dhcp_optsdir or f"{self.default.state_path}/dnsmasq/options")
