"""The sections of ironic.conf about other OpenStack services. Options and defaults are Ironic's,
which has most of them from keystoneauth1 and keystonemiddleware.
"""

from dataclasses import dataclass, field
from typing import Any


def _secret(default: Any = None) -> Any:
    """A field that a printed Settings does not show."""
    return field(default=default, repr=False)


@dataclass(frozen=True)
class Credentials:
    """How this service proves who it is (keystoneauth1's options)."""

    auth_type: str | None = None
    """How to log in: `password`, `v3applicationcredential`, `http_basic`, `none` (with
    `endpoint_override`), or another plugin of keystoneauth1."""
    auth_url: str | None = None
    """The address of the Identity service."""
    username: str | None = None
    user_id: str | None = None
    user_domain_name: str | None = None
    user_domain_id: str | None = None
    """The user of this service."""
    password: str | None = _secret()
    """The user's password."""
    project_name: str | None = None
    project_id: str | None = None
    project_domain_name: str | None = None
    project_domain_id: str | None = None
    """The project the user acts in."""
    system_scope: str | None = None
    """`all`: the user acts for the whole system and not in a project."""
    default_domain_id: str | None = None
    default_domain_name: str | None = None
    """The domain of user and project where none is named."""
    application_credential_id: str | None = None
    application_credential_name: str | None = None
    """The application credential, for `v3applicationcredential`."""
    application_credential_secret: str | None = _secret()
    """Its secret."""
    cafile: str | None = None
    """CA certificates to trust; unset: the system's."""
    certfile: str | None = None
    keyfile: str | None = None
    """The client certificate and its key, where the server wants one."""
    insecure: bool = False
    """Whether to take any certificate."""


@dataclass(frozen=True)
class Client(Credentials):
    """How another service is found and called (keystoneauth1's options)."""

    endpoint_override: str | None = None
    """The address of the service; unset: as the service catalogue says."""
    region_name: str | None = None
    """The region to find it in."""
    valid_interfaces: tuple[str, ...] = ("internal", "public")
    """The interfaces to look for in the catalogue, best first."""
    timeout: int | None = None
    """Seconds to wait for an answer; unset: 60."""
    connect_retries: int | None = None
    """How often to try again when it cannot be connected to; unset: 1."""
    connect_retry_delay: float | None = None
    """Seconds before that; unset: from half a second on, twice as long each time."""
    status_code_retries: int | None = None
    """How often to try again when it answers 503; unset: 1."""
    status_code_retry_delay: float | None = None
    """Seconds before that, in the same way."""


@dataclass(frozen=True)
class KeystoneAuthtoken(Credentials):
    """[keystone_authtoken]"""

    www_authenticate_uri: str | None = None
    """The Identity service's address for clients, as a 401 names it; unset: `auth_url`."""
    interface: str = "internal"
    """The interface of the Identity service to use."""
    region_name: str | None = None
    """Its region."""
    http_connect_timeout: int | None = None
    """Seconds that it may take to answer; unset: 10."""
    http_request_max_retries: int = 3
    """How often to try to connect to it again."""
    token_cache_time: int = 300
    """Seconds for which a token that was valid is not asked about again: as long a revoked one may
    go on working. -1: each time."""
    service_token_roles: tuple[str, ...] = ("service",)
    """The roles of which a service token has to have one."""
    service_token_roles_required: bool = True
    """Whether a service token without one of them is refused. (With `False` it is taken, but an
    expired user's token with it is not.)"""


@dataclass(frozen=True)
class OsloPolicy:
    """[oslo_policy]"""

    policy_file: str = "policy.yaml"
    """The rules that replace those of `stbernard policy list`. A relative path starts at the folder
    of the configuration file. Changes are seen while the service runs."""
    policy_default_rule: str = "default"
    """The rule for a policy that there is not."""
    policy_dirs: tuple[str, ...] = ("policy.d",)
    """Folders with more such files."""
    enforce_new_defaults: bool = True
    """Whether only the rules of today hold; else also those of before 2021, with which the role
    `admin` in any project may do everything."""


@dataclass(frozen=True)
class Glance(Client):
    """[glance]"""

    num_retries: int = field(default=0, metadata={"min": 0})
    """How often a download that breaks off is tried again."""


@dataclass(frozen=True)
class Neutron(Client):
    """[neutron]"""

    rescuing_network: str | None = None
    """The network, by UUID or by a name that only one has, that rescue ramdisks boot in; a node
    may have one of its own (driver_info['rescuing_network']). For the interface `neutron`."""
    rescuing_network_security_groups: tuple[str, ...] = ()
    """The security groups, by UUID, of the ports that are made there."""
    add_all_ports: bool = False
    """Whether all ports of a node are put into the rescuing network; else those with PXE."""
    fail_on_port_binding_failure: bool = True
    """Whether a port that the Network service could not bind fails the operation."""
    request_timeout: int = field(default=45, metadata={"min": 1})
    """Seconds to wait for an answer, where `timeout` is not set."""


@dataclass(frozen=True)
class Nova(Client):
    """[nova]"""

    send_power_notifications: bool = True
    """Whether Compute is told when a server of its own was switched on or off. Without `auth_type`
    it is not."""
