"""The real Ironic in the lab, where this service would be: standalone, SQLite, Redfish and iPXE."""

import subprocess
from pathlib import Path

from stbernard.lab import network, processes
from stbernard.lab.lab import Lab
from tests.ironic import installed
from tests.machine.world import World

FILES_PORT = 8080  # Ironic leaves it to another server to hand out what machines boot

_CONFIG = """
[DEFAULT]
auth_strategy = noauth
host = ironic-1
my_ip = {host}
rpc_transport = none
state_path = {state}
use_stderr = true
enabled_hardware_types = redfish
enabled_bios_interfaces = no-bios
enabled_boot_interfaces = ipxe
enabled_console_interfaces = no-console
enabled_deploy_interfaces = direct
enabled_firmware_interfaces = no-firmware
enabled_inspect_interfaces = no-inspect
enabled_management_interfaces = redfish
enabled_network_interfaces = noop
enabled_power_interfaces = redfish
enabled_raid_interfaces = no-raid
enabled_rescue_interfaces = agent
enabled_storage_interfaces = noop
enabled_vendor_interfaces = no-vendor
[oslo_concurrency]
lock_path = {state}/locks
[database]
connection = sqlite:///{state}/ironic.sqlite
[api]
host_ip = {host}
[conductor]
automated_clean = false
rescue_kernel = file://{ramdisk}/kernel
rescue_ramdisk = file://{ramdisk}/ramdisk
deploy_kernel = file://{ramdisk}/kernel
deploy_ramdisk = file://{ramdisk}/ramdisk
file_url_allowed_paths = {ramdisk}
[deploy]
default_boot_mode = bios
http_root = {state}/httpboot
http_url = http://{host}:{files}
[service_catalog]
endpoint_override = http://{host}:6385
[dhcp]
dhcp_provider = none
[pxe]
kernel_append_params = nofb vga=normal console=ttyS0
tftp_root = {state}/tftpboot
tftp_master_path = {state}/tftpboot/master_images
instance_master_path = {state}/master_images
images_path = {state}/images
"""


class IronicsWorld(World):
    """`start` starts Ironic and the server of its files, and sends machines there."""

    def __init__(self, lab: Lab, ramdisk: Path) -> None:
        super().__init__(lab, ramdisk)
        self.log = lab.state_dir / "ironic.log"

    def start(self, options: str = "") -> None:
        state, programs = self.state, installed()
        for name in ("httpboot", "tftpboot", "images", "locks"):
            (state / name).mkdir()
        file = state / "ironic.conf"
        text = _CONFIG.format(
            host=network.HOST, state=state, ramdisk=self.ramdisk, files=FILES_PORT
        )
        file.write_text(text + options)
        subprocess.run(
            [programs / "ironic-dbsync", "--config-file", file, "create_schema"],
            check=True,
            capture_output=True,
        )
        self.service = self.lab.start("ironic", [programs / "ironic", "--config-file", file])
        self.lab.wait_port(network.HOST, 6385, 120)
        server = ("python3", "-m", "http.server", "-d", state / "httpboot", str(FILES_PORT))
        self.lab.start_server("files", server, FILES_PORT)
        self._boot_from(f"http://{network.HOST}:{FILES_PORT}/boot.ipxe")

    def _boot_from(self, script: str) -> None:
        """Let DHCP send iPXE there."""
        processes.end(self.lab.state_dir / "dnsmasq.pid")
        config = self.lab.state_dir / "dnsmasq.conf"
        ours = f"{network.API_URL}/boot/boot.ipxe"
        assert ours in config.read_text()
        config.write_text(config.read_text().replace(ours, script))
        self.lab.run("dnsmasq", f"--conf-file={config}")
