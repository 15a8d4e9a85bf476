"""Who answers at ssh ports: real ssh servers on loopback, and those that are none."""

import socket
import threading
from collections.abc import Iterator

import pytest

from stbernard.drivers import host_key, ssh_look
from stbernard.drivers.base import Answer, Seen
from stbernard.nodes import Login
from stbernard_agent import rescue
from tests.unit.drivers.ramdisk import Sshd, other_keys

HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides are this process, on a machine that does other things."""
    for module in (host_key, ssh_look):
        monkeypatch.setattr(module, "TIMEOUT", 60)


@pytest.fixture
def marked() -> Iterator[Sshd]:
    """The sshd of our agent."""
    sshd = Sshd(marked=True)
    yield sshd
    sshd.stop()


@pytest.fixture
def plain() -> Iterator[Sshd]:
    """Any other."""
    sshd = Sshd()
    yield sshd
    sshd.stop()


def look(key: str | None, port: int) -> Seen:
    (seen,) = ssh_look.look([Login(addresses=(HERE,), ssh_host_key=key)], port)
    return seen[HERE]


def test_both_sides_make_the_same_word_of_a_key() -> None:
    for key in other_keys(3):
        assert ssh_look.mark(f"{key} a comment") == rescue.mark(key)


@pytest.mark.parametrize("key", ["nonsense", "ssh-ed25519 no-base64", "ssh-ed25519"])
def test_a_key_that_is_none_has_no_word(key: str) -> None:
    assert ssh_look.mark(key) == "stbernard-"


def test_the_word_alone_tells_the_rescue(marked: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the handshake, which costs both sides a hundred times as much."""

    async def never(*_: object) -> None:
        raise AssertionError("a handshake")

    monkeypatch.setattr(host_key, "ask", never)
    assert look(marked.key, marked.port).answer == Answer.RESCUE


@pytest.mark.parametrize("known", [True, False])
def test_the_word_of_another_rescue_is_no_finding(marked: Sshd, known: bool) -> None:
    assert look(other_keys()[0] if known else None, marked.port).answer == Answer.STRANGER


def test_without_the_word_the_host_key_decides(plain: Sshd) -> None:
    """So it is with the real ironic-python-agent."""
    assert look(plain.key, plain.port).answer == Answer.RESCUE
    for key in (other_keys()[0], None):
        answer, shown = look(key, plain.port)
        assert answer == Answer.OTHER
        assert shown == f"host key {host_key.fingerprint(plain.key)}"


def test_who_refuses() -> None:
    with socket.socket() as deaf:
        deaf.bind((HERE, 0))
        assert look(None, deaf.getsockname()[1]) == (Answer.REFUSED, "")


def test_who_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_look, "TIMEOUT", 0.2)
    with socket.create_server((HERE, 0)) as silent:
        assert look(None, silent.getsockname()[1]) == (Answer.NOBODY, "")


@pytest.mark.parametrize("line", [b"", b"220 mail ESMTP\r\n", b"\xff" * 300])
def test_what_is_no_ssh_is_nobody(line: bytes) -> None:
    """Also an sshd that is too busy: it hangs up without a word."""
    with socket.create_server((HERE, 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(line)

        thread = threading.Thread(target=answer)
        thread.start()
        assert look(None, server.getsockname()[1]).answer == Answer.NOBODY
        thread.join()


def test_many_are_asked_at_once_and_told_apart(
    marked: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_look, "AT_ONCE", 50)  # fewer than the one sshd lets wait
    logins = [
        Login(addresses=(HERE,), ssh_host_key=marked.key),
        Login(),
        Login(addresses=(HERE,), ssh_host_key=other_keys()[0]),
    ] * 200
    answers = [
        [each.answer for each in seen.values()] for seen in ssh_look.look(logins, marked.port)
    ]
    assert answers == [[Answer.RESCUE], [], [Answer.STRANGER]] * 200
