"""The only SQL. One `Store` holds what the rest of the service reads and writes."""

from stbernard.store.conductors import Conductors
from stbernard.store.engine import Database
from stbernard.store.journal import Journal
from stbernard.store.leases import Leases
from stbernard.store.news import News
from stbernard.store.nodes import Nodes
from stbernard.store.ports import Ports


class Store:
    """Nodes, ports, conductors, the journal, and the leases of the engine."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.news = News()
        self.journal = Journal(database)
        self.nodes = Nodes(database)
        self.ports = Ports(database)
        self.conductors = Conductors(database)
        self.leases = Leases(database, self.journal, self.news)
