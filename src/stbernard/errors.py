"""Every error of St. Bernard, as one tree.

    StBernardError                      status
    ├── BadRequest                      400   what the client sent is wrong
    │   ├── InvalidParameter                  a field; the text names it and the remedy
    │   └── InvalidState                      the node is not in a state for this
    ├── Unauthorized                    401   nobody knows who sent the request
    ├── Forbidden                       403   configured or protected against it, or not allowed
    ├── NotFound                        404   no such node, port, driver …
    ├── MethodNotAllowed                405   not with this method in this microversion
    ├── NotAcceptable                   406   not in this microversion
    ├── Conflict                        409   a name, address or state is taken
    │   └── NodeLocked                        an operation holds the node; try again
    ├── Unavailable                     503   the database, or Identity, is away; try again
    ├── SettingsError                   -     the configuration is wrong
    ├── SchemaError                     -     the database is too old or too new
    ├── SourceError                     -     the Ironic to import from cannot be read
    ├── RamdiskError                    -     the rescue ramdisk cannot be built
    ├── ProgramError                    -     a program of the host failed
    ├── LabError                        -     the lab cannot be put up or used
    └── HardwareError                   500   a server, its BMC, its images, its agent
        ├── InvalidDriverInfo           400   driver_info lacks something or is wrong
        ├── BMCError                          the BMC refused or failed; trying again may help
        │   ├── BMCUnreachable                … did not answer, or wants to be asked later
        │   └── BMCRefused                    … does not accept our credentials (final)
        ├── ImageError                        a kernel or ramdisk cannot be had (final)
        ├── AgentError                        the agent refused or failed (final)
        │   └── AgentUnreachable              … did not answer
        └── NetworkError                      the Network service refused or failed; trying again
            └── NetworkRefused                … may help, but not here (final)

An operation tries a step again when it raises an error with `final = False`, until the step's
deadline.
"""


class StBernardError(Exception):
    """The root. `status` is the HTTP status an API answer carries."""

    status = 500
    final = True


class BadRequest(StBernardError):
    status = 400


class InvalidParameter(BadRequest):
    """A field of a request is wrong."""


class InvalidState(BadRequest):
    """The request cannot be done in the state the node is in."""


class Unauthorized(StBernardError):
    """`challenge` is the answer's WWW-Authenticate: how to say who one is."""

    status = 401

    def __init__(self, message: str, challenge: str) -> None:
        super().__init__(message)
        self.challenge = challenge


class Forbidden(StBernardError):
    status = 403


class NotFound(StBernardError):
    status = 404


class MethodNotAllowed(StBernardError):
    """What is here can be read, but in this microversion not be changed."""

    status = 405


class NotAcceptable(StBernardError):
    """The field, verb or resource is not in the microversion asked for."""

    status = 406

    def __init__(self, message: str = "Request not acceptable.") -> None:
        super().__init__(message)


class Conflict(StBernardError):
    status = 409


class NodeLocked(Conflict):
    """An operation holds the node. `retry_after` is in seconds."""

    retry_after = 1

    def __init__(self, node: str, operation: str, owner: str | None) -> None:
        where = f" by {owner}" if owner else ""
        super().__init__(
            f"Node {node} is locked{where} while its operation '{operation}' goes on, "
            "please retry after it has ended."
        )


class Unavailable(StBernardError):
    status = 503
    retry_after = 1


class SettingsError(StBernardError):
    """A wrong value in a configuration file; the text names file, section and option."""


class SchemaError(StBernardError):
    """The database's schema is not the one this version works with."""


class SourceError(StBernardError):
    """The Ironic to import from cannot be read; the text says what to do about it."""


class RamdiskError(StBernardError):
    """The rescue ramdisk cannot be built; the text says what to do about it."""


class ProgramError(StBernardError):
    """A program of the host failed; the text names it and holds the end of what it printed."""


class LabError(StBernardError):
    """The lab cannot be put up, or one of its machines does not do what it was told."""


class HardwareError(StBernardError):
    """Something outside failed while an operation worked on a server.

    `retry_after`: the seconds after which it wants to be asked again, if it said so."""

    final = False

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class InvalidDriverInfo(HardwareError):
    status = 400
    final = True


class BMCError(HardwareError):
    pass


class BMCUnreachable(BMCError):
    pass


class BMCRefused(BMCError):
    final = True


class ImageError(HardwareError):
    final = True


class AgentError(HardwareError):
    final = True


class AgentUnreachable(AgentError):
    final = False


class NetworkError(HardwareError):
    """The Network service (Neutron) did not do what it was asked for."""


class NetworkRefused(NetworkError):
    final = True
