"""A lab whose machine is a domain of a private libvirt, behind the BMCs that others test with:
sushy-tools' Redfish with its own libvirt driver, and virtualbmc's IPMI.

libvirtd sees folders of the lab's in the place of the host's: it knows nothing of another libvirt
there, and leaves nothing. Debian's python3-libvirt fits Debian's python3, so the BMCs run in an
environment of that.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stbernard.lab import network
from stbernard.lab.lab import BMC_PASSWORD, BMC_USERNAME, Lab
from stbernard.programs import run
from stbernard.ramdisk.build import ensure_ramdisk
from tests.machine.world import World

PACKAGES = Path(__file__).with_name("bmcs.txt")
CACHE = Path(__file__).parents[2] / ".cache" / "bmcs"
REDFISH_PORT, IPMI_PORT = 8001, 6231
VBMCD_PORT = 50891
PATIENCE = 60  # seconds

# What of the host's libvirtd has for its own, and where that is here. It insists on a user that
# Debian's libvirt-daemon-system would make.
_PRIVATE = {
    "/etc/passwd": "passwd",
    "/etc/group": "group",
    "/etc/libvirt": "etc",
    "/var/lib/libvirt": "lib",
    "/var/cache/libvirt": "cache",
    "/var/log/libvirt": "log",
    "/run/libvirt": "run",
}
_USER = {
    "/etc/passwd": "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "libvirt-qemu:x:64055:\n",
}
_LIBVIRTD = """\
unix_sock_dir = "{home}/run"
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "2:stderr"
"""
_QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
nvram = ["/usr/share/OVMF/OVMF_CODE_4M.fd:/usr/share/OVMF/OVMF_VARS_4M.fd"]
"""
_POOL = "<pool type='dir'><name>default</name><target><path>{home}/media</path></target></pool>"
_DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory><vcpu>2</vcpu><cpu mode='maximum'/>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <on_reboot>restart</on_reboot><on_poweroff>destroy</on_poweroff><on_crash>destroy</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/>
      <source file='{home}/disk.qcow2'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='ethernet'>
      <mac address='{mac}'/><target dev='{tap}' managed='no'/><model type='virtio'/>
    </interface>
    <serial type='file'><source path='{home}/serial.log' append='on'/></serial>
  </devices>
</domain>
"""
_SUSHY = """\
SUSHY_EMULATOR_LISTEN_IP = '{address}'
SUSHY_EMULATOR_LISTEN_PORT = {port}
SUSHY_EMULATOR_LIBVIRT_URI = '{uri}'
SUSHY_EMULATOR_STATE_DIR = '{state}'
SUSHY_EMULATOR_AUTH_FILE = '{state}/bmc.htpasswd'
SUSHY_EMULATOR_STORAGE_POOL = 'default'
SUSHY_EMULATOR_BOOT_LOADER_MAP = {{
    'UEFI': {{'x86_64': '/usr/share/OVMF/OVMF_CODE_4M.fd'}},
    'Legacy': {{'x86_64': '/usr/share/seabios/bios-256k.bin'}},
}}
SUSHY_EMULATOR_SECURE_BOOT_DISABLED_NVRAM = '/usr/share/OVMF/OVMF_VARS_4M.fd'
"""
_VBMC = """\
[default]
config_dir = {home}/vbmc
pid_file = {home}/vbmc.pid
server_response_timeout = 60000
"""
# It takes its configuration from the environment, but Lab.down knows a process by its arguments.
_VBMCD = """\
import os, sys
os.environ["VIRTUALBMC_CONFIG"] = sys.argv.pop()
from virtualbmc.cmd.vbmcd import main
sys.exit(main(["--foreground"]))
"""


class LibvirtWorld(World):
    """A world whose machine is a domain; its `bmc_address` is sushy-tools'."""

    def __init__(self, lab: Lab, ramdisk: Path) -> None:
        super().__init__(lab, ramdisk)
        self.home = lab.state_dir / "libvirt"
        self.uri = f"qemu+unix:///system?socket={self.home}/run/libvirt-sock"
        self._programs = installed()
        self._start_libvirtd()
        self.machine.bmc_address = f"http://{network.HOST}:{REDFISH_PORT}"

    def virsh(self, *words: str) -> str:
        return self.lab.run("virsh", "--connect", self.uri, *words)

    def start_redfish(self) -> None:
        state, address = self.lab.state_dir, network.HOST
        config = self.home / "sushy.conf"
        config.write_text(
            _SUSHY.format(address=address, port=REDFISH_PORT, uri=self.uri, state=state)
        )
        program = self._programs / "sushy-emulator"
        self.lab.start_server("sushy", [program, "--config", config], REDFISH_PORT)

    def start_ipmi(self) -> None:
        (self.home / "vbmc").mkdir()
        config = self.home / "vbmc.conf"
        config.write_text(_VBMC.format(home=self.home))
        self._vbmc = ("env", f"VIRTUALBMC_CONFIG={config}")
        self.lab.start("vbmcd", [self._programs / "python", "-c", _VBMCD, config])
        self.lab.wait_port("127.0.0.1", VBMCD_PORT, PATIENCE)
        account = ("--username", BMC_USERNAME, "--password", BMC_PASSWORD)
        where = ("--address", network.HOST, "--port", str(IPMI_PORT), "--libvirt-uri", self.uri)
        self.vbmc("add", self.machine.name, *account, *where)
        self.vbmc("start", self.machine.name)
        self.wait(lambda: "running" in self.vbmc("list"), "virtualbmc runs", PATIENCE)

    def vbmc(self, *words: str) -> str:
        return self.lab.run(*self._vbmc, self._programs / "vbmc", *words)

    def _start_libvirtd(self) -> None:
        _make_private(self.home)
        (self.home / "etc/qemu.conf").write_text(_QEMU)
        config = self.home / "etc/libvirtd.conf"
        config.write_text(_LIBVIRTD.format(home=self.home))
        binds = "".join(
            f"mount --bind {self.home}/{at} {over} && " for over, at in _PRIVATE.items()
        )
        start = f"{binds}exec libvirtd --config {config}"
        daemon = self.lab.start("libvirtd", ["unshare", "--mount", "sh", "-c", start])
        end = time.monotonic() + PATIENCE
        while not (self.home / "run/libvirt-sock").exists():
            log = self.lab.state_dir / "libvirtd.log"
            assert daemon.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        machine = self.machine
        domain = _DOMAIN.format(
            name=machine.name,
            uuid=machine.uuid,
            memory=self.lab.memory_mb,
            home=machine.home,
            mac=machine.mac,
            tap=network.port(1).tap,
        )
        for kind, text in (("pool", _POOL.format(home=self.home)), ("domain", domain)):
            (self.home / f"{kind}.xml").write_text(text)
        self.virsh("pool-create", str(self.home / "pool.xml"))
        self.virsh("define", str(self.home / "domain.xml"))

    def down(self) -> None:
        """QEMU outlives libvirtd."""
        if self.machine.name in self.virsh("list", "--name"):
            self.virsh("destroy", self.machine.name)


def _make_private(home: Path) -> None:
    for original, at in _PRIVATE.items():
        if original in _USER:
            home.mkdir(exist_ok=True)
            (home / at).write_text(Path(original).read_text() + _USER[original])
        else:
            (home / at).mkdir(parents=True)
            Path(original).mkdir(parents=True, exist_ok=True)
    (home / "media").mkdir()


@contextmanager
def libvirt_world(folder: Path) -> Iterator[LibvirtWorld]:
    cache = Path(".cache")
    with Lab(folder / "lab", cache_dir=cache, namespace="stbernard-libvirt") as lab:
        world = LibvirtWorld(lab, ensure_ramdisk(cache))
        try:
            yield world
        finally:
            world.down()


def installed() -> Path:
    """The folder of the BMCs' programs, installed first if need be (20 s, 60 MB)."""
    CACHE.mkdir(parents=True, exist_ok=True)
    stamp = CACHE / "installed.txt"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != PACKAGES.read_text():
            make = ("/usr/bin/python3", "-m", "venv", "--clear", "--system-site-packages")
            run(*make, CACHE / "venv")
            run(CACHE / "venv/bin/pip", "install", "-qq", "--requirement", PACKAGES)
            stamp.write_text(PACKAGES.read_text())
    return CACHE / "venv/bin"
