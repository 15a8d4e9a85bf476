"""The configuration files of the private OpenStack: as little as it takes, all on loopback."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tools.openstack.install import Programs

HOST = "127.0.0.1"
PORTS = {
    "mariadb": 23306,
    "rabbitmq": 25673,
    "keystone": 15000,
    "placement": 18778,
    "glance": 19292,
    "neutron": 19696,
    "nova": 18774,
}
PASSWORD = "secret"  # noqa: S105 - of services nobody else can reach
REGION = "RegionOne"
IDENTITY = f"http://{HOST}:{PORTS['keystone']}/v3"
BUS = f"rabbit://guest:guest@{HOST}:{PORTS['rabbitmq']}/"

Section = Mapping[str, object]


def credentials(user: str) -> dict[str, Any]:
    """How a service proves who it is."""
    return {
        "auth_type": "password",
        "auth_url": IDENTITY,
        "username": user,
        "password": PASSWORD,
        "project_name": "service",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
        "region_name": REGION,
    }


def database(name: str) -> dict[str, object]:
    url = f"mysql+pymysql://root@{HOST}:{PORTS['mariadb']}/{name}?charset=utf8mb4"
    return {"connection": url, "max_pool_size": 5, "max_overflow": 20}


def write_all(folder: Path, programs: Programs, bare_metal: str) -> None:
    """The files of every service below `folder`/etc; `bare_metal`: the URL of that service."""
    etc, data = folder / "etc", folder / "data"
    for service in ("keystone", "glance", "placement", "neutron", "nova"):
        (etc / service).mkdir(parents=True, exist_ok=True)
        (data / service).mkdir(parents=True, exist_ok=True)
    templates = programs.python.parent / "etc"
    for paste in ("glance/glance-api-paste.ini", "neutron/api-paste.ini", "nova/api-paste.ini"):
        shutil.copy(templates / paste, etc / paste)
    _write(etc / "keystone/keystone.conf", keystone(etc / "keystone"))
    _write(etc / "placement/placement.conf", placement())
    _write(etc / "glance/glance-api.conf", glance(etc / "glance", data / "glance"))
    _write(etc / "neutron/neutron.conf", neutron(etc / "neutron", data / "neutron"))
    _write(etc / "neutron/ml2_conf.ini", neutron_plugin())
    _write(etc / "nova/nova.conf", nova(etc / "nova", data / "nova", bare_metal))


def _write(path: Path, sections: Mapping[str, Section]) -> None:
    path.write_text("\n".join(_lines(sections)) + "\n")


def _lines(sections: Mapping[str, Section]) -> Iterable[str]:
    for name, options in sections.items():
        yield f"[{name}]"
        yield from (f"{option} = {value}" for option, value in options.items())


def _tokens(user: str) -> Section:
    roles = {"service_token_roles": "service", "service_token_roles_required": True}
    return {"www_authenticate_uri": IDENTITY} | roles | credentials(user)


def keystone(etc: Path) -> dict[str, Section]:
    return {
        "DEFAULT": {"use_stderr": True},
        "database": database("keystone"),
        "identity": {"password_hash_rounds": 4},
        "token": {"provider": "fernet"},
        "fernet_tokens": {"key_repository": etc / "fernet"},
        "fernet_receipts": {"key_repository": etc / "receipts"},
        "credential": {"key_repository": etc / "credential"},
        "cache": {"enabled": True, "backend": "oslo_cache.dict"},  # else a token costs a second
    }


def placement() -> dict[str, Section]:
    return {
        "api": {"auth_strategy": "keystone"},
        "placement_database": database("placement"),
        "keystone_authtoken": _tokens("placement"),
    }


def glance(etc: Path, data: Path) -> dict[str, Section]:
    return {
        "DEFAULT": {"use_stderr": True, "enabled_backends": "store:file", "workers": 0},
        "paste_deploy": {"flavor": "keystone", "config_file": etc / "glance-api-paste.ini"},
        "glance_store": {"default_backend": "store"},
        "store": {"filesystem_store_datadir": data / "images"},
        "os_glance_tasks_store": {"filesystem_store_datadir": data / "tasks"},
        "os_glance_staging_store": {"filesystem_store_datadir": data / "staging"},
        "database": database("glance"),
        "oslo_messaging_notifications": {"driver": "noop"},
        "keystone_authtoken": _tokens("glance"),
    }


def neutron(etc: Path, data: Path) -> dict[str, Section]:
    return {
        "DEFAULT": {
            "use_stderr": True,
            "core_plugin": "ml2",
            "service_plugins": "",
            "auth_strategy": "keystone",
            "transport_url": BUS,
            "api_paste_config": etc / "api-paste.ini",
            "state_path": data,
            "notify_nova_on_port_status_changes": True,
            "notify_nova_on_port_data_changes": True,
            "dhcp_agent_notification": False,
            "rpc_workers": 0,
            "rpc_state_report_workers": 0,
            "api_workers": 1,
        },
        "database": database("neutron"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "nova": credentials("nova"),
        "placement": credentials("placement"),
        "oslo_messaging_notifications": {"driver": "noop"},
        "keystone_authtoken": _tokens("neutron"),
    }


def neutron_plugin() -> dict[str, Section]:
    return {
        "ml2": {
            "type_drivers": "flat,vlan,local",
            "tenant_network_types": "vlan",
            "mechanism_drivers": "stbernard_lab",
            "extension_drivers": "port_security",
        },
        "ml2_type_flat": {"flat_networks": "*"},
        "ml2_type_vlan": {"network_vlan_ranges": "physnet1:100:199"},
    }


def nova(etc: Path, data: Path, bare_metal: str) -> dict[str, Section]:
    return {
        "DEFAULT": {
            "use_stderr": True,
            "host": "compute",
            "my_ip": HOST,
            "compute_driver": "ironic.IronicDriver",
            "state_path": data,
            "transport_url": BUS,
            "reserved_host_memory_mb": 0,
            "update_resources_interval": 10,
            "sync_power_state_interval": 60,
            "service_down_time": 300,
        },
        "api": {"auth_strategy": "keystone"},
        "wsgi": {"api_paste_config": etc / "api-paste.ini"},
        "api_database": database("nova_api"),
        "database": database("nova"),
        "oslo_concurrency": {"lock_path": data / "locks"},
        "placement": credentials("placement"),
        "neutron": credentials("neutron") | {"service_metadata_proxy": False},
        "glance": {"api_servers": f"http://{HOST}:{PORTS['glance']}"},
        "ironic": {
            **{key: value for key, value in credentials("ironic").items() if "project" not in key},
            "system_scope": "all",
            "endpoint_override": bare_metal,
            "api_max_retries": 60,
            "api_retry_interval": 1,
        },
        "service_user": credentials("nova") | {"send_service_user_token": True},
        "scheduler": {"workers": 1, "discover_hosts_in_cells_interval": 10},
        "conductor": {"workers": 1},
        "filter_scheduler": {"track_instance_changes": False},
        "vnc": {"enabled": False},
        "oslo_messaging_notifications": {"driver": "noop"},
        "keystone_authtoken": _tokens("nova"),
    }
