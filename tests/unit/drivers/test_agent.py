"""The rescue interface agent, with an agent over TLS and an sshd on loopback."""

import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from stbernard.drivers.agent import AgentRescue
from stbernard.drivers.base import RescueInterface, Task
from stbernard.errors import AgentError, AgentUnreachable, InvalidDriverInfo
from stbernard.nodes import Agent as KnownAgent
from stbernard.nodes import Login
from stbernard.settings import Agent as AgentSettings
from stbernard.settings import Settings
from tests.factories import a_node
from tests.unit.certificates import self_signed
from tests.unit.drivers.ramdisk import TOKEN, Agent, Sshd, other_keys
from tests.unit.drivers.tasks import a_task, all_enabled

_IS_ONE: type[RescueInterface] = AgentRescue

HASH = "$5$salt$thehashofasecretpassword"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(tmp_path)
    yield agent
    agent.stop()


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    sshd = Sshd()
    yield sshd
    sshd.stop()


def a_task_with(agent: Agent, login: Login | None = None, settings: Settings | None = None) -> Task:
    known = KnownAgent(token=TOKEN, url=agent.url, verify_ca=agent.certificate)
    node = a_node(rescue_interface="agent", agent=known, login=login)
    return a_task(settings or all_enabled(), node)


def with_agent(task: Task, **changes: str | None) -> Task:
    known = msgspec.structs.replace(task.node.agent, **changes)
    return replace(task, node=msgspec.structs.replace(task.node, agent=known))


# meet


def test_our_agent_says_where_it_is(agent: Agent) -> None:
    agent.status |= {"ssh_host_key": "ssh-ed25519 AAAA", "addresses": ["10.0.0.9", "127.0.0.1"]}
    task = a_task_with(agent)
    assert task.driver.rescue.meet(task) == Login(
        addresses=("127.0.0.1", "10.0.0.9"), ssh_host_key="ssh-ed25519 AAAA"
    )


def test_the_real_agent_is_where_it_called_from(agent: Agent) -> None:
    task = a_task_with(agent)
    assert task.driver.rescue.meet(task) == Login(addresses=("127.0.0.1",), ssh_host_key=None)


def test_a_wrong_token_is_final_and_not_repeated(agent: Agent) -> None:
    task = with_agent(a_task_with(agent), token="another-token")
    with pytest.raises(AgentError, match="answered 401: 401 Unauthorized: Token inv") as caught:
        task.driver.rescue.meet(task)
    assert caught.value.final
    assert "another-token" not in str(caught.value)


def test_another_machine_at_the_agents_address_gets_nothing(agent: Agent, tmp_path: Path) -> None:
    foreign, _ = self_signed(tmp_path, "foreign")
    task = with_agent(a_task_with(agent), verify_ca=foreign.read_text())
    with pytest.raises(AgentError, match="another certificate than the one it announced") as caught:
        task.driver.rescue.open_login(task, HASH)
    assert caught.value.final
    assert agent.got == []


@pytest.mark.parametrize("valid_in", [timedelta(seconds=1), timedelta(days=-3)])
def test_an_agent_with_a_wrong_clock(tmp_path: Path, valid_in: timedelta) -> None:
    """What it announced is trusted, though not valid yet, or not any more."""
    agent = Agent(tmp_path, valid_in=valid_in)
    try:
        task = a_task_with(agent)
        assert task.driver.rescue.meet(task).addresses == ("127.0.0.1",)
    finally:
        agent.stop()


def test_without_a_certificate_the_settings_decide(agent: Agent, tmp_path: Path) -> None:
    def meet(verify_ca: str) -> Login:
        settings = all_enabled(agent=AgentSettings(verify_ca=verify_ca))
        task = with_agent(a_task_with(agent, settings=settings), verify_ca=None)
        return task.driver.rescue.meet(task)

    with pytest.raises(AgentError, match="another certificate"):
        meet("True")
    assert meet("False").addresses
    (tmp_path / "trusted.pem").write_text(agent.certificate or "")
    assert meet(str(tmp_path / "trusted.pem")).addresses
    with pytest.raises(AgentError, match=r"else from \[agent\]verify_ca"):
        meet("/no/such/file")


def test_an_agent_without_tls(tmp_path: Path) -> None:
    agent = Agent(tmp_path, tls=False)
    try:
        task = a_task_with(agent)
        assert task.driver.rescue.meet(task).addresses == ("127.0.0.1",)
    finally:
        agent.stop()


def test_a_node_that_never_had_a_heartbeat(agent: Agent) -> None:
    task = with_agent(a_task_with(agent), url=None)
    with pytest.raises(AgentError, match="has no agent: no heartbeat has come"):
        task.driver.rescue.meet(task)


def test_an_agent_that_is_away_may_come_back(agent: Agent) -> None:
    task = a_task_with(agent)
    agent.stop()
    with pytest.raises(
        AgentUnreachable, match="cannot be connected to: Connection refused"
    ) as caught:
        task.driver.rescue.meet(task)
    assert not caught.value.final


# open_login


def test_the_login_is_opened_with_the_hash(agent: Agent) -> None:
    task = a_task_with(agent)
    task.driver.rescue.open_login(task, HASH)
    assert agent.got == [
        (
            f"/v1/commands/?wait=true&agent_token={TOKEN}",
            {
                "name": "rescue.finalize_rescue",
                "params": {"rescue_password": HASH, "hashed": True},
            },
        )
    ]


def test_an_agent_that_takes_no_hash_is_too_old(agent: Agent) -> None:
    """As one from before the Ussuri release says it."""
    details = "finalize_rescue() got an unexpected keyword argument 'hashed'"
    error = {"type": "CommandExecutionError", "message": "failed", "details": details}
    agent.answer = (200, {"command_status": "FAILED", "command_error": error})
    task = a_task_with(agent)
    with pytest.raises(AgentError, match="too old: it does not take the password as a hash"):
        task.driver.rescue.open_login(task, "$6$salt$hash")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"message": "Command execution failed", "details": "useradd failed"}, "useradd failed"),
        ({"message": "Command execution failed"}, "Command execution failed"),
        ("it is full", "it is full"),
        (None, "it gave no reason"),
    ],
)
def test_an_agent_that_failed_says_why(agent: Agent, error: object, text: str) -> None:
    agent.answer = (200, {"command_status": "FAILED", "command_error": error})
    task = a_task_with(agent)
    with pytest.raises(AgentError, match=f"could not open the login: {text}") as caught:
        task.driver.rescue.open_login(task, HASH)
    assert caught.value.final


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (409, {"faultstring": "Agent is busy"}),
        (500, b"oops"),
        (200, {"command_status": "RUNNING"}),
    ],
)
def test_an_agent_at_work_is_asked_again(agent: Agent, code: int, body: object) -> None:
    agent.answer = (code, body)
    task = a_task_with(agent)
    with pytest.raises(AgentUnreachable) as caught:
        task.driver.rescue.open_login(task, HASH)
    assert not caught.value.final


def test_an_answer_that_is_none_is_final(agent: Agent) -> None:
    agent.answer = (200, b"<html>")
    task = a_task_with(agent)
    with pytest.raises(AgentError, match="answered 200: no reason given") as caught:
        task.driver.rescue.open_login(task, HASH)
    assert caught.value.final


def test_a_connection_that_breaks_is_tried_again(agent: Agent) -> None:
    agent.hang_up = True
    task = a_task_with(agent)
    with pytest.raises(AgentUnreachable, match="broke off the connection"):
        task.driver.rescue.open_login(task, HASH)


def test_the_answer_that_was_lost_is_seen_by_ssh(agent: Agent, sshd: Sshd) -> None:
    """The agent did it and has gone; its sshd shows the key it reported before."""
    task = a_task_with(agent, Login(addresses=("127.0.0.1",), ssh_host_key=sshd.key))
    agent.stop()
    AgentRescue(task.settings, sshd.port).open_login(task, HASH)


@pytest.mark.parametrize("known", [True, False])
def test_an_agent_that_is_gone_for_another_reason(agent: Agent, sshd: Sshd, known: bool) -> None:
    key = other_keys()[0] if known else None
    task = a_task_with(agent, Login(addresses=("127.0.0.1",), ssh_host_key=key))
    agent.stop()
    with pytest.raises(AgentUnreachable):
        AgentRescue(task.settings, sshd.port).open_login(task, HASH)


def test_hash_and_token_are_in_no_log_and_no_error(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    agent.answer = (500, b"oops")
    task = a_task_with(agent)
    with pytest.raises(AgentUnreachable) as first:
        task.driver.rescue.open_login(task, HASH)
    agent.stop()
    with pytest.raises(AgentUnreachable) as second:
        task.driver.rescue.open_login(task, HASH)
    for text in (caplog.text, repr(first.value), repr(second.value)):
        assert HASH not in text
        assert TOKEN not in text


# prove_login


@pytest.fixture(autouse=True)
def time_for_a_handshake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides of it are this process, on a machine that does other things."""
    for module in ("host_key", "ssh_look"):
        monkeypatch.setattr(f"stbernard.drivers.{module}.TIMEOUT", 60)


def proof(agent: Agent, login: Login, port: int) -> str:
    task = a_task_with(agent, login)
    seen, text = AgentRescue(task.settings, port).prove_login(task)
    assert seen.addresses == login.addresses
    assert seen.seen_at == (("127.0.0.1",) if seen.seen_at else ())
    assert bool(seen.seen_at) == ("cannot be reached" not in text)
    return text


def test_the_host_key_is_seen(agent: Agent, sshd: Sshd) -> None:
    login = Login(addresses=("127.0.0.2", "127.0.0.1"), ssh_host_key=f"{sshd.key} a comment")
    seen = proof(agent, login, sshd.port)
    assert seen.startswith("ssh at 127.0.0.1 shows the host key the agent reported, SHA256:")


def test_one_of_many_host_keys_is_asked_for(agent: Agent) -> None:
    sshd = Sshd("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
    try:
        for key in sshd.keys:
            login = Login(addresses=("127.0.0.1",), ssh_host_key=key)
            assert "shows the host key" in proof(agent, login, sshd.port)
    finally:
        sshd.stop()


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_another_host_key_is_another_machine(agent: Agent, algorithm: str) -> None:
    sshd = Sshd(algorithm)
    try:
        login = Login(addresses=("127.0.0.1",), ssh_host_key=other_keys()[0])
        with pytest.raises(AgentError, match=r"shows another host key \(SHA256:") as caught:
            proof(agent, login, sshd.port)
    finally:
        sshd.stop()
    assert caught.value.final


def test_an_address_that_cannot_be_reached_is_no_failure(agent: Agent) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        login = Login(addresses=("127.0.0.1",), ssh_host_key=other_keys()[0])
        assert "the agent's own check of the login stands" in proof(agent, login, port)


def test_without_a_reported_key_it_is_said(agent: Agent, sshd: Sshd) -> None:
    text = proof(agent, Login(addresses=("127.0.0.1",)), sshd.port)
    assert text == "ssh answers at 127.0.0.1; the agent has reported no host key."


def test_without_a_reported_key_ssh_has_to_be_there(agent: Agent) -> None:
    """The real ironic-python-agent answers before its image has opened the login."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(AgentUnreachable, match="has not opened the login") as caught:
            proof(agent, Login(addresses=("127.0.0.1",)), unused.getsockname()[1])
    assert not caught.value.final


def test_a_key_that_cannot_be_read_is_another_one(agent: Agent, sshd: Sshd) -> None:
    login = Login(addresses=("127.0.0.1",), ssh_host_key="ssh-ed25519 nonsense")
    with pytest.raises(AgentError, match="another host key"):
        proof(agent, login, sshd.port)


def test_what_the_ramdisk_needs_the_rescue_needs(agent: Agent) -> None:
    task = a_task(all_enabled(), a_node(rescue_interface="agent", boot_interface="ipxe"))
    assert task.driver.rescue.needs_ramdisk
    with pytest.raises(InvalidDriverInfo, match="does not have any port"):
        task.driver.rescue.validate(task)
    assert task.driver.rescue.properties() == {}
