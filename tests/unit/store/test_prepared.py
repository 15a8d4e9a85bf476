"""Prepared statements answer as SQLAlchemy's own execution does."""

from sqlalchemy import bindparam, select, update

from stbernard.nodes import HowItWas
from stbernard.store import Store, schema
from stbernard.store.nodes import to_node
from stbernard.store.prepared import Prepared
from tests.factories import a_node

_nodes = schema.nodes
FOUND = select(_nodes).where(_nodes.c.uuid == bindparam("of")).order_by(_nodes.c.id)
CHANGED = (
    update(_nodes)
    .where(_nodes.c.uuid == bindparam("of"))
    .values(wakeups=_nodes.c.wakeups + 1)
    .returning(_nodes)
)


def test_values_come_and_go_as_their_columns_types_say(store: Store) -> None:
    node = store.nodes.create(a_node(properties={"cpus": 4}, protected=True))
    how = HowItWas(power_state="power on", boot_device="disk")
    changed, found = Prepared(CHANGED), Prepared(FOUND)
    for values in ({"before_rescue": how, "retired": True}, {"traits": ("a",), "deadline": 1.5}):
        row = store.database.write(
            lambda c, values=values: changed.first(c, of=node.uuid, **values)  # type: ignore[misc]
        )
        assert row and to_node(row) == store.nodes.get(node.uuid)
    (row,) = store.database.read(lambda c: found.all(c, of=node.uuid))
    by_sqlalchemy = store.database.read(lambda c: c.execute(FOUND, {"of": node.uuid}).one())
    assert row == tuple(by_sqlalchemy)
    seen = to_node(row)
    assert (seen.before_rescue, seen.traits, seen.wakeups) == (how, ("a",), 2)
    assert (seen.protected, seen.retired) == (True, True)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.database.read(lambda c: Prepared(FOUND).first(c, of="nobody")) is None
    assert store.database.write(lambda c: Prepared(CHANGED).count(c, of="nobody")) == 0
