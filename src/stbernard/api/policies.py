"""The policies of policy.py, and an operator's in their place: oslo.policy decides, once for each
question. (A decision takes oslo.policy about 50 µs, and a list asks for each of its nodes.)
"""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from stbernard.api.policy import POLICIES, Policy
from stbernard.configuration import policy_options
from stbernard.errors import SettingsError
from stbernard.identity.caller import Caller
from stbernard.settings import Settings

if TYPE_CHECKING:
    from oslo_policy.policy import Enforcer, RuleDefault

log = structlog.get_logger()

LOOK_AGAIN = 1.0  # seconds between two looks at the operator's files
_REMEMBERED = 50_000  # decisions


class Target(NamedTuple):
    """Whose the thing is that a check is about; None: nobody's, or it is about none."""

    kind: str  # node, allocation, runbook
    owner: str | None = None
    lessee: str | None = None


class Policies:
    """The policies in force."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError if the operator's cannot be read."""
        self._lock = threading.Lock()
        self._decided: dict[tuple[str, Caller, Target], bool] = {}
        self._looked_at = 0.0
        self._elevated = settings.default.rbac_service_role_elevated_access
        self._service_project = settings.default.rbac_service_project_name
        self._excluded = (
            frozenset[str]()
            if settings.api.project_admin_can_manage_own_nodes
            else frozenset(p.name for p in POLICIES if p.name.endswith(":self_owned_node"))
        )
        self._enforcer = _enforcer(settings)
        self._enforcer.use_conf = False  # it would read changed files itself, in any request
        self._stamps = self._stamped()

    def allow(self, name: str, caller: Caller, target: Target = Target("node")) -> bool:  # noqa: B008 (a tuple)
        """Whether a policy is fulfilled."""
        self._look()
        question = (name, caller, target)
        decided = self._decided.get(question)
        if decided is not None:
            return decided
        with self._lock:  # what is decided by old rules is kept before they change, and goes then
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            decided = self._decided[question] = self._decide(*question)
        return decided

    def rows(self) -> list[tuple[Policy, str]]:
        """Each policy with the check in force."""
        return [(policy, str(self._enforcer.rules[policy.name])) for policy in POLICIES]

    def _decide(self, name: str, caller: Caller, target: Target) -> bool:
        if name in self._excluded:
            return False
        credentials = caller.credentials()
        about = dict(credentials)
        if self._elevated:
            about["config.service_project_name"] = self._service_project
        # Left out where nobody has it: else "None" would be equal to that of a caller without one.
        if target.owner:
            about[f"{target.kind}.owner"] = target.owner
        if target.lessee:
            about[f"{target.kind}.lessee"] = target.lessee
        return bool(self._enforcer.authorize(name, about, credentials))

    def _look(self) -> None:
        """Forget what was decided when the operator's files have changed."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = now
        if (stamps := self._stamped()) == self._stamps:
            return
        self._stamps = stamps
        with self._lock:
            try:
                self._enforcer.load_rules(force_reload=True)
            except (OSError, ValueError) as error:
                log.error("the changed policies cannot be read; the old hold", error=str(error))
            self._enforcer.use_conf = False
            self._decided.clear()

    def _stamped(self) -> tuple[tuple[Path, int], ...]:
        options = self._enforcer.conf.oslo_policy
        folders = [Path(folder) for folder in options.policy_dirs]
        paths = [Path(options.policy_file), *folders]
        paths += [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
        return tuple((path, path.stat().st_mtime_ns) for path in paths if path.exists())


def _enforcer(settings: Settings) -> "Enforcer":
    from oslo_policy import policy as oslo_policy  # noqa: PLC0415 (only who needs it waits for it)

    enforcer = oslo_policy.Enforcer(policy_options(settings))
    enforcer.suppress_default_change_warnings = True
    enforcer.suppress_deprecation_warnings = True
    enforcer.register_defaults([_rule(policy) for policy in POLICIES])
    file = settings.oslo_policy.policy_file
    try:
        enforcer.load_rules()
        enforcer.check_rules(raise_on_violation=True)
    except (OSError, ValueError, oslo_policy.InvalidDefinitionError) as error:
        raise SettingsError(f"[oslo_policy]policy_file: {file} cannot be used: {error}") from error
    unknown = sorted(set(enforcer.file_rules) - set(enforcer.registered_rules))
    used = " ".join(str(rule.check) for rule in enforcer.file_rules.values())
    if lost := [name for name in unknown if f"rule:{name}" not in used]:
        raise SettingsError(
            f"[oslo_policy]policy_file: {file} has rules for what there is not: "
            f"{', '.join(lost)}. See: stbernard policy list"
        )
    return enforcer


def _rule(policy: Policy) -> "RuleDefault":
    from oslo_policy import policy as oslo_policy  # noqa: PLC0415

    before = policy.before and oslo_policy.DeprecatedRule(
        policy.name, policy.before, deprecated_reason="System scope", deprecated_since="2021"
    )
    return oslo_policy.RuleDefault(
        policy.name,
        policy.check,
        scope_types=list(policy.scopes) if policy.scopes and ":" in policy.name else None,
        deprecated_rule=before or None,
    )
