"""Who tells a server by DHCP what to boot ([dhcp]dhcp_provider)."""

import pkgutil
from typing import cast

from stbernard.drivers.base import DHCPProvider
from stbernard.settings import Settings

_PROVIDERS = {
    "none": "stbernard.drivers.dhcp.none:NoDHCP",
    "dnsmasq": "stbernard.drivers.dhcp.dnsmasq:DnsmasqDHCP",
    "neutron": "stbernard.drivers.dhcp.neutron:NeutronDHCP",
}


def provider(settings: Settings) -> DHCPProvider:
    """The configured one."""
    make = pkgutil.resolve_name(_PROVIDERS[settings.dhcp.dhcp_provider])
    return cast(DHCPProvider, make(settings))
