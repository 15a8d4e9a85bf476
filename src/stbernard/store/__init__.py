"""The only SQL. One `Store` holds what the rest of the service reads and writes."""

from stbernard.records import DeployTemplate, InspectionRule, Runbook
from stbernard.store import schema
from stbernard.store.allocations import Allocations
from stbernard.store.chassis import AllChassis
from stbernard.store.conductors import Conductors
from stbernard.store.engine import Database
from stbernard.store.idle import Idle
from stbernard.store.journal import Journal
from stbernard.store.leases import LEASE, Leases
from stbernard.store.news import News
from stbernard.store.nodes import Nodes
from stbernard.store.owners import Owners
from stbernard.store.parts import Portgroups, Ports, VolumeConnectors, VolumeTargets
from stbernard.store.records import Records
from stbernard.store.secrets import Secrets
from stbernard.store.vifs import Vifs


class Store:
    """Nodes and their parts, the API's other records, and what the engine needs.

    `due` tells workers that a node may be due; `news` tells whoever waits for a node that one got
    free, or went on. `lease`: seconds that a worker may be silent, then others take its nodes.
    Without `secrets`, what is secret is written as it is."""

    def __init__(
        self, database: Database, secrets: Secrets | None = None, *, lease: float = LEASE
    ) -> None:
        secrets = secrets or Secrets()
        self.database = database
        self.news = News()
        self.due = News()
        self.journal = Journal(database)
        self.nodes = Nodes(database, secrets)
        self.owners = Owners(database)
        self.idle = Idle(database)
        self.ports = Ports(database)
        self.portgroups = Portgroups(database)
        self.vifs = Vifs(database, self.ports, self.portgroups)
        self.volume_connectors = VolumeConnectors(database)
        self.volume_targets = VolumeTargets(database, secrets)
        self.chassis = AllChassis(database)
        self.allocations = Allocations(database)
        self.deploy_templates = Records(
            database, DeployTemplate, schema.deploy_templates, "deploy template"
        )
        self.runbooks = Records(database, Runbook, schema.runbooks, "runbook")
        self.inspection_rules = Records(
            database, InspectionRule, schema.inspection_rules, "inspection rule"
        )
        self.conductors = Conductors(database, dead_after=lease)
        self.leases = Leases(database, self.nodes, self.news, self.due, lease)
