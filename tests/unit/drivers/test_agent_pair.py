"""Both sides as they are: the service's client and the server of our own agent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stbernard.drivers.base import Task
from stbernard.errors import AgentError
from stbernard.nodes import Agent, Login
from stbernard_agent.certificate import Certificate
from stbernard_agent.commands import Commands
from stbernard_agent.server import CommandServer
from tests.factories import a_node
from tests.unit.agent.fakes import (
    HOST_KEY,
    TOKEN,
    FakeLogin,
    FakeNetwork,
    RecordingConsole,
    fake_settings,
)
from tests.unit.drivers.tasks import a_task, all_enabled

HASH = "$5$rounds=5000$salt$" + "b" * 43


class Pair:
    def __init__(self, run: Path) -> None:
        settings = fake_settings(run)
        self.login = FakeLogin(settings)
        self.commands = Commands(TOKEN, self.login, FakeNetwork(settings, RecordingConsole()))
        certificate = Certificate(run, "127.0.0.1")
        self.server = CommandServer(
            "127.0.0.1", settings.port, certificate.context(), self.commands
        )
        known = Agent(
            token=TOKEN, url=f"https://127.0.0.1:{settings.port}", verify_ca=certificate.pem
        )
        self.task: Task = a_task(all_enabled(), a_node(rescue_interface="agent", agent=known))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.server.stop()


def test_they_meet_and_open_the_login(pair: Pair) -> None:
    rescue = pair.task.driver.rescue
    assert rescue.meet(pair.task) == Login(addresses=("127.0.0.1",), ssh_host_key=HOST_KEY)
    for _ in range(2):  # the second time after a crash
        rescue.open_login(pair.task, HASH)
    assert pair.login.opened_with == [HASH]
    assert pair.commands.finished.wait(30)


def test_a_second_password_is_refused(pair: Pair) -> None:
    pair.task.driver.rescue.open_login(pair.task, HASH)
    with pytest.raises(AgentError, match="open already, with another password"):
        pair.task.driver.rescue.open_login(pair.task, HASH.replace("b", "c"))
