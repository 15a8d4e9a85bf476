"""What a request may see and do: `call.access`.

Without the Identity service there are no roles, and everybody who may come in may do everything:
that is `Access` itself. `RoleAccess` asks the policies.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from stbernard.api.policies import Policies, Target
from stbernard.errors import Forbidden
from stbernard.identity.caller import Caller


class Owned(Protocol):
    """What belongs to a project: a node, an allocation, a runbook."""

    @property
    def owner(self) -> str | None: ...


class Access:
    """All of it."""

    sees_all = True
    """Whether nodes are shown as they always are: whole, but for their secrets."""
    project: str | None = None
    """The project whose things a list is to show; None: everybody's."""

    asking: str | None = None
    """The project that sends the request."""

    def allows(self, policy: str, thing: Owned | None = None) -> bool:  # noqa: ARG002
        """Whether a policy (without `baremetal:`) is fulfilled, for this thing if it is about one.

        A part of a node is as its node."""
        return True

    def require(self, policy: str, thing: Owned | None = None) -> None:
        """Raises Forbidden."""
        if not self.allows(policy, thing):
            raise Forbidden(_denied(policy))

    def owner_of_new(self, policy: str, given: str | None) -> str | None:  # noqa: ARG002
        """Who is to own what the request creates; `given`: who is said to.

        `policy` is that of those who may give it to others. Raises Forbidden."""
        return given

    def as_allowed(self, shown: dict[str, Any], node: Any) -> dict[str, Any]:  # noqa: ARG002
        """A shown node, without what the caller must not see and with what only it may."""
        return shown


EVERYTHING = Access()

_REDACTED: Mapping[str, Callable[[str], Any]] = {
    "last_error": lambda policy: f"** Value Redacted - Requires {policy} permission. **",
    "reservation": lambda policy: f"** Redacted - requires {policy} permission. **",
    "driver_internal_info": lambda policy: {
        "content": f"** Redacted - Requires {policy} permission. **"
    },
    "driver_info": lambda policy: {"content": f"** Redacted - requires {policy} permission. **"},
}
"""What Ironic shows in place of these fields of a node."""


_WITH_SECRETS = {"show_password": "driver_info", "show_instance_secrets": "instance_info"}
"""The field of a node that a policy shows whole."""


class RoleAccess(Access):
    """What the policies let this caller do. `opened`: fields of a node, secrets in clear."""

    def __init__(
        self,
        caller: Caller,
        policies: Policies,
        opened: Callable[[Mapping[str, Any]], dict[str, Any]],
        project: str | None = None,
    ) -> None:
        self._caller = caller
        self._policies = policies
        self._opened = opened
        self.project = project
        self.asking = caller.project_id
        self._secrets = tuple(name for name in _WITH_SECRETS if policies.allow(name, caller))
        self.sees_all = not self._secrets and self.allows("node:get:filter_threshold")

    def allows(self, policy: str, thing: Owned | None = None) -> bool:
        return self._policies.allow(f"baremetal:{policy}", self._caller, target_of(policy, thing))

    def owner_of_new(self, policy: str, given: str | None) -> str | None:
        if self._caller.in_system_scope:
            return given
        own = self._caller.project_id
        if given and given != own and not self.allows(policy):
            raise Forbidden(
                f"The owner can only be your own project, {own}. Policy baremetal:{policy} is "
                "required for another one."
            )
        return given or own

    def as_allowed(self, shown: dict[str, Any], node: Any) -> dict[str, Any]:
        clear = [_WITH_SECRETS[policy] for policy in self._secrets]
        shown |= self._opened({name: getattr(node, name) for name in clear if name in shown})
        if not self.allows("node:get:filter_threshold", node):
            for name in shown.keys() & _REDACTED.keys():
                if not self.allows(f"node:get:{name}", node):
                    shown[name] = _REDACTED[name](f"baremetal:node:get:{name}")
        return shown


def target_of(policy: str, thing: Owned | None) -> Target:
    """What a policy's check is told of the thing: `node.owner`, `allocation.owner` …"""
    if thing is None:
        return Target("node")
    kind = policy.partition(":")[0]
    return Target(
        kind if kind in ("allocation", "runbook") else "node",
        thing.owner,
        getattr(thing, "lessee", None),
    )


def _denied(policy: str) -> str:
    return f"Access was denied to the following resource: baremetal:{policy}"
