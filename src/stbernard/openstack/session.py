"""Sessions with other OpenStack services, by keystoneauth1 (imported when the first is made)."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stbernard.errors import SettingsError
from stbernard.openstack.settings import Client, Credentials

if TYPE_CHECKING:
    from keystoneauth1.adapter import Adapter
    from keystoneauth1.loading import BaseLoader
    from keystoneauth1.plugin import BaseAuthPlugin
    from keystoneauth1.session import Session

TIMEOUT = 60  # seconds
RETRIES = 1
_ENDPOINT_OF_ITS_OWN = ("none", "http_basic")  # what has no catalogue is told where to go


def make_adapter(section: str, options: Client, service_type: str) -> "Adapter":
    """A client of a service, e.g. `make_adapter("glance", settings.glance, "image")`.

    Asks nobody anything yet. Raises SettingsError."""
    from keystoneauth1.adapter import Adapter  # noqa: PLC0415 (takes half a second)

    return Adapter(
        make_session(section, options, options.timeout or TIMEOUT),
        service_type=service_type,
        interface=list(options.valid_interfaces),
        region_name=options.region_name,
        endpoint_override=options.endpoint_override,
        connect_retries=RETRIES if options.connect_retries is None else options.connect_retries,
        connect_retry_delay=options.connect_retry_delay,
        status_code_retries=(
            RETRIES if options.status_code_retries is None else options.status_code_retries
        ),
        status_code_retry_delay=options.status_code_retry_delay,
    )


def make_session(section: str, options: Credentials, timeout: int) -> "Session":
    """A session that logs in as the section says, with the first request. Raises SettingsError."""
    from keystoneauth1.session import Session  # noqa: PLC0415

    return Session(
        auth=_plugin(section, options),
        verify=False if options.insecure else options.cafile or True,
        cert=_certificate(options),
        timeout=timeout,
    )


def _plugin(section: str, options: Credentials) -> "BaseAuthPlugin":
    from keystoneauth1 import loading  # noqa: PLC0415
    from keystoneauth1.exceptions import (  # noqa: PLC0415
        MissingRequiredOptions,
        NoMatchingPlugin,
        OptionError,
    )

    if not options.auth_type:
        raise SettingsError(
            f"[{section}]auth_type is not set, so this service cannot log in there. Set it to "
            "password, with auth_url, username, password, project_name and the domains."
        )
    given: dict[str, Any] = asdict(options)
    if options.auth_type in _ENDPOINT_OF_ITS_OWN:
        given["endpoint"] = given.get("endpoint_override")
    try:
        loader: BaseLoader[Any] = loading.get_plugin_loader(options.auth_type)
        known = {each.dest for each in loader.get_options()}
        plugin: BaseAuthPlugin = loader.load_from_options(
            **{name: value for name, value in given.items() if name in known and value is not None}
        )
    except NoMatchingPlugin:
        raise SettingsError(
            f"[{section}]auth_type is wrong: keystoneauth1 has no {options.auth_type!r}."
        ) from None
    except (MissingRequiredOptions, OptionError) as error:
        raise SettingsError(f"[{section}] cannot be logged in with: {error}") from None
    return plugin


def _certificate(options: Credentials) -> str | tuple[str, str] | None:
    if options.certfile and options.keyfile:
        return options.certfile, options.keyfile
    return options.certfile
