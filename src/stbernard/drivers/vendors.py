"""Ironic's hardware types and interfaces of single vendors, which are not offered: their servers
speak Redfish. Who brings such a name along is told the standard one."""

_VENDORS = ("idrac", "ilo")  # Dell, HPE
_BOOT = {"ipxe": "ipxe", "pxe": "pxe"}  # by the end of the name; all others boot from media


def instead_of_driver(name: str) -> str:
    """A sentence for people about a vendor's hardware type; empty for any other name."""
    if not name.startswith(_VENDORS):
        return ""
    return (
        f" Servers of the hardware type '{name}' speak Redfish: use the driver 'redfish', with the "
        "BMC's address in redfish_address, and user and password in redfish_username and "
        "redfish_password."
    )


def instead_of_interface(kind: str, name: str) -> str:
    """A sentence for people about a vendor's interface; empty for any other name."""
    if not name.startswith(_VENDORS):
        return ""
    return f" '{name}' is a vendor's own; use the standard '{_standard(kind, name)}'."


def _standard(kind: str, name: str) -> str:
    match kind:
        case "boot":
            return _BOOT.get(name.rpartition("-")[2], "redfish-virtual-media")
        case "management" | "power":
            return "redfish"
    return f"no-{kind}"
