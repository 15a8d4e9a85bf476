"""The API as a web application: routes, versions, errors. See parts.py for what it is made of."""

import time
from typing import Any, cast

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.types import LifeSpanReceive, LifeSpanScope, LifeSpanSend, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from stbernard.api import (
    allocations,
    boot,
    chassis,
    conductors,
    deploy_templates,
    discovery,
    drivers,
    events,
    hardware_records,
    history,
    indicators,
    inspection_rules,
    management,
    monitoring,
    node_groups,
    node_parts,
    nodes,
    portgroups,
    ports,
    provision,
    ramdisk,
    refused,
    rescue,
    rescue_events,
    runbooks,
    states,
    traits,
    vendor,
    vifs,
    virtual_media,
    volume,
)
from stbernard.api.call import make_call
from stbernard.api.faults import render
from stbernard.api.given import GivenCall
from stbernard.api.headers import add_headers, request_id
from stbernard.api.parts import Parts
from stbernard.api.paths import normalised
from stbernard.errors import StBernardError
from stbernard.identity.middleware import not_admitted, refusal

LARGEST_BODY = 1_000_000  # bytes

ROUTES = (
    *(discovery.root, discovery.v1, discovery.openapi),
    *(nodes.create, nodes.list_nodes, nodes.list_in_detail, nodes.show, nodes.change),
    *(nodes.remove, nodes.validate_node, nodes.validate_by_query),
    *(states.show_states, provision.provision, states.power, states.set_maintenance),
    states.unset_maintenance,
    *(management.show_boot_device, management.supported_boot_devices, management.set_boot_device),
    *(management.inject_nmi, management.set_boot_mode, management.set_secure_boot),
    *(management.show_console, management.set_console, management.set_raid),
    *(indicators.list_indicators, indicators.show, indicators.change),
    *(virtual_media.attach, virtual_media.detach),
    *(ports.create, ports.list_ports, ports.list_in_detail, ports.list_of_node, ports.show),
    *(ports.list_of_node_in_detail, ports.list_of_portgroup, ports.list_of_portgroup_in_detail),
    *(ports.change, ports.remove),
    *(allocations.create, allocations.list_allocations, allocations.show, allocations.change),
    *(allocations.remove, allocations.show_of_node, allocations.remove_of_node),
    *(traits.list_traits, traits.replace, traits.add, traits.remove_all, traits.remove),
    *(drivers.list_drivers, drivers.show, drivers.properties, drivers.logical_disk_properties),
    *(vendor.list_of_node, vendor.list_of_driver, vendor.call_unnamed_of_node),
    *(vendor.call_of_node, vendor.call_unnamed_of_driver, vendor.call_of_driver),
    *(node_groups.list_shards, node_groups.show_shard, node_groups.list_children),
    *(hardware_records.list_bios_settings, hardware_records.show_bios_setting),
    *(hardware_records.list_firmware, hardware_records.show_inventory),
    *(events.receive, events.continue_inspection),
    *(portgroups.create, portgroups.list_portgroups, portgroups.list_in_detail, portgroups.show),
    *(portgroups.list_of_node, portgroups.list_of_node_in_detail),
    *(portgroups.change, portgroups.remove),
    *(volume.show_volume, volume.show_volume_of_node, *volume.HANDLERS),
    *(chassis.create, chassis.list_chassis, chassis.list_in_detail, chassis.show, chassis.change),
    *(chassis.remove, chassis.list_nodes, chassis.list_nodes_in_detail),
    node_parts.not_here,
    *(conductors.list_conductors, conductors.show),
    *(history.list_history, history.show),
    *(deploy_templates.create, deploy_templates.list_templates, deploy_templates.show),
    *(deploy_templates.change, deploy_templates.remove),
    *(runbooks.create, runbooks.list_runbooks, runbooks.show, runbooks.change, runbooks.remove),
    *(runbooks.list_traits, runbooks.replace_traits, runbooks.add_trait, runbooks.remove_traits),
    runbooks.remove_trait,
    *(inspection_rules.create, inspection_rules.list_rules, inspection_rules.show),
    *(inspection_rules.change, inspection_rules.remove, inspection_rules.remove_all),
    *(rescue.show, rescue_events.listen),
    *(vifs.list_vifs, vifs.attach, vifs.detach),
    *(ramdisk.lookup, ramdisk.heartbeat),
    *(boot.fetch, boot.look),
    *(monitoring.healthz, monitoring.readyz, monitoring.metrics),
    *refused.ROUTES,
)


class Api(Litestar):
    """Litestar, with paths and methods read as Ironic reads them."""

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == ScopeType.HTTP:
            scope = cast(Scope, normalised(cast(dict[str, Any], scope)))
            scope.setdefault("state", {})["began"] = time.perf_counter()
            bind_contextvars(request_id=request_id(scope))  # in every line of its log
            identity = self.state.parts.identity
            if identity and (error := await not_admitted(identity, scope)):
                await _refuse(error, scope, cast(Send, send))
                return
        await super().__call__(scope, receive, send)


async def _refuse(error: StBernardError, scope: Scope, send: Send) -> None:
    """What no handler and no error handler has seen gets its headers here."""
    start, body = refusal(error)
    await add_headers(start, scope)
    await send(start)
    await send(body)


def _parts(call: GivenCall, state: State) -> Parts:  # noqa: ARG001
    """Said to need the call: two that need nothing of each other are resolved by a group of tasks,
    which costs more than all the rest of a request."""
    parts: Parts = state.parts
    return parts


def make_app(parts: Parts) -> Api:
    """The ASGI application; it starts and stops nothing by itself."""
    return Api(
        # by a router: registered one by one, two synchronous handlers of a path break each other
        route_handlers=[Router("/", route_handlers=ROUTES)],
        dependencies={
            "parts": Provide(_parts, sync_to_thread=False),
            "call": Provide(make_call),
        },
        exception_handlers={Exception: render},
        before_send=[add_headers],
        request_max_body_size=LARGEST_BODY,
        state=State({"parts": parts}),
        openapi_config=None,
        logging_config=None,
    )


__all__ = ["Api", "Parts", "make_app"]
