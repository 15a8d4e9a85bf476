"""Compute's driver for bare metal, the real one, without the rest of Compute: a program.

Runs with the python of the private OpenStack. `compute_driver.py URL FOLDER NODE LOGIN`: URL is the
bare metal service, NODE the UUID of the one node, LOGIN options of the section [ironic]. Reads one
call a line from standard input, a list of a name of `Calls` and its arguments, and answers with one
line: `{"returned": …}` or `{"raised": …}`.
"""

# mypy: ignore-errors
# ruff: noqa: E402, PLC0415

from nova import monkey_patch

monkey_patch.patch(backend="threading")  # before anything else of Compute's

import json
import sys
import traceback
import uuid
from pathlib import Path
from types import SimpleNamespace

from keystoneauth1 import loading
from nova import conf, context, objects
from nova.compute import power_state, provider_tree, vm_states
from nova.network import model
from nova.virt.ironic import driver as ironic_driver
from nova.virt.ironic.driver import IronicDriver
from tooz import hashring as hash_ring

IMAGE = "99999999-0000-4000-8000-0000000000d1"
_CONFIG = """
[DEFAULT]
host = compute
compute_driver = ironic.IronicDriver
state_path = {folder}
log_file = {folder}/compute.log
debug = true
mkisofs_cmd = xorrisofs
[oslo_concurrency]
lock_path = {folder}
[ironic]
{login}
endpoint_override = {url}
api_max_retries = 120
api_retry_interval = 1
"""


class Instance(objects.Instance):
    """One that is in no database."""

    def refresh(self) -> None: ...
    def save(self, *_, **__) -> None: ...


class Volume(dict):
    """As Compute maps a volume to a server: what it is, and how it is reached."""

    is_volume = True

    def __init__(self, about) -> None:
        super().__init__(boot_index=about["boot_index"])
        connection = {"driver_volume_type": about["type"], "data": about["properties"]}
        self._bdm_obj = SimpleNamespace(
            connection_info=json.dumps(connection),
            volume_id=about["id"],
            boot_index=about["boot_index"],
        )


class MetaData:
    """What Compute's database would say for a config drive."""

    def __init__(self, instance, extra_md, **_) -> None:
        self._text = json.dumps({"uuid": instance.uuid, **extra_md}).encode()

    def metadata_for_config_drive(self):
        yield "openstack/latest/meta_data.json", self._text


class Calls:
    """What tests call; each is what Compute's manager does at that point."""

    def __init__(self, node: str) -> None:
        self.driver = IronicDriver(virtapi=None)
        self.context = context.get_admin_context()
        self.network = model.NetworkInfo()
        flavor = objects.Flavor(
            **{"name": "bm", "flavorid": "bm", "memory_mb": 1024, "vcpus": 1, "root_gb": 10},
            **{"ephemeral_gb": 0, "swap": 0, "extra_specs": {}},
        )
        self.instance = Instance(
            **{"uuid": str(uuid.uuid4()), "node": node, "host": "compute", "image_ref": IMAGE},
            **{"vm_state": vm_states.BUILDING, "task_state": None, "display_name": "server-1"},
            **{"user_id": "user", "project_id": "project", "flavor": flavor, "hostname": "server"},
            **{"system_metadata": {"image_min_disk": "1"}, "metadata": {}, "launched_at": None},
            **{"config_drive": "", "id": 1},
        )
        self.image = objects.ImageMeta.from_dict({"id": IMAGE, "properties": {}})
        # what it would ask Compute's database: which services and which instances there are
        self.driver._refresh_hash_ring = lambda _: None
        self.driver.hash_ring = hash_ring.HashRing({"compute"}, partitions=32)
        objects.InstanceList.get_uuids_by_host = lambda *_: []
        ironic_driver.instance_metadata.InstanceMetadata = MetaData

    def inventory(self):
        """What Compute tells Placement of the node."""
        self.driver.get_available_nodes(refresh=True)
        tree = provider_tree.ProviderTree()
        tree.new_root(self.instance.node, self.instance.node)
        self.driver.update_provider_tree(tree, self.instance.node)
        found = tree.data(self.instance.node)
        return {"inventory": found.inventory, "traits": sorted(found.traits)}

    def available_nodes(self):
        return list(self.driver.get_available_nodes(refresh=True))

    def prepare_for_spawn(self) -> None:
        self.driver.prepare_for_spawn(self.instance)

    def plug(self, *vifs: str) -> None:
        self.network = model.NetworkInfo(
            [model.VIF(id=vif, network=model.Network()) for vif in vifs]
        )
        self.instance.info_cache = objects.InstanceInfoCache(network_info=self.network)
        self.driver.prepare_networks_before_block_device_mapping(self.instance, self.network)

    def attach(self, vif: str) -> None:
        """As a user attaches a port to a server that runs."""
        self.driver.attach_interface(self.context, self.instance, self.image, {"id": vif})

    def detach(self, vif: str) -> None:
        self.driver.detach_interface(self.context, self.instance, {"id": vif})

    def volume_connector(self):
        """What Compute tells the Block Storage service of the server."""
        return self.driver.get_volume_connector(self.instance)

    def console(self) -> None:
        self.driver.get_serial_console(self.context, self.instance)

    def unplug(self) -> None:
        self.driver.unplug_vifs(self.instance, self.network)

    def spawn(self, how) -> None:
        """`how`: an `image` other than the usual one, `volumes`, and whether a `config_drive`."""
        self.image = objects.ImageMeta.from_dict({"id": how.get("image", IMAGE), "properties": {}})
        self.instance.config_drive = "True" if how.get("config_drive") else ""
        volumes = [Volume(about) for about in how.get("volumes", ())]
        self.driver.spawn(
            *(self.context, self.instance, self.image, [], "admin-password", {}, self.network),
            block_device_info={"block_device_mapping": volumes},
        )

    def failed_spawn_cleanup(self) -> None:
        self.driver.failed_spawn_cleanup(self.instance)

    def power_state(self) -> str:
        return power_state.STATE_MAP[self.driver.get_info(self.instance, use_cache=False).state]

    def power_off(self, timeout: int = 0) -> None:
        self.driver.power_off(self.instance, timeout, 1)

    def power_on(self) -> None:
        self.driver.power_on(self.context, self.instance, self.network)

    def reboot(self, kind: str) -> None:
        self.driver.reboot(self.context, self.instance, self.network, kind)

    def rescue(self, password: str) -> None:
        self.driver.rescue(
            self.context, self.instance, self.network, self.image, password, None, None
        )

    def unrescue(self) -> None:
        self.driver.unrescue(self.context, self.instance)

    def rebuild(self) -> None:
        self.instance.task_state = "rebuilding"
        self.driver.rebuild(
            *(self.context, self.instance, self.image, [], None, {}, None, None, None),
            network_info=self.network,
        )

    def destroy(self) -> None:
        self.driver.destroy(self.context, self.instance, self.network)

    def instance_uuid(self) -> str:
        return self.instance.uuid

    def exists(self) -> bool:
        return self.driver.instance_exists(self.instance)


def main(url: str, folder: str, node: str, login: str) -> None:
    config, given = Path(folder, "nova.conf"), json.loads(login)
    lines = "\n".join(f"{name} = {value}" for name, value in given.items())
    config.write_text(_CONFIG.format(url=url, folder=folder, login=lines))
    plugin = loading.get_plugin_loader(given["auth_type"])
    conf.CONF.register_opts([each._to_oslo_opt() for each in plugin.get_options()], group="ironic")
    from nova import config as nova_config

    nova_config.parse_args(["compute", "--config-file", str(config)])
    objects.register_all()
    calls = Calls(node)
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = {"returned": getattr(calls, name)(*arguments)}
        except Exception as error:  # noqa: BLE001 (the test's to judge)
            traceback.print_exc()
            answer = {"raised": type(error).__name__, "text": str(error)}
        print("ANSWER", json.dumps(answer), flush=True)


main(*sys.argv[1:])
