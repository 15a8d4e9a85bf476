import socket
import ssl
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from stbernard_agent.certificate import Certificate


def handshake(certificate: Certificate, host: str) -> None:
    """A client that trusts only this certificate, and checks it strictly, connects to `host`."""
    client, server = socket.socketpair()
    context = ssl.create_default_context(cadata=certificate.pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT

    def serve() -> None:
        try:
            certificate.context().wrap_socket(server, server_side=True).close()
        except OSError:
            server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client:
            context.wrap_socket(client, server_hostname=host).close()
    finally:
        thread.join()


@pytest.mark.parametrize("address", ["127.0.0.1", "fd77::11"])
def test_it_is_valid_for_its_address(tmp_path: Path, address: str) -> None:
    handshake(Certificate(tmp_path, address), address)


def test_it_is_not_valid_for_another_address(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=r"127\.0\.0\.2"):
        handshake(Certificate(tmp_path, "127.0.0.1"), "127.0.0.2")


def test_a_restarted_agent_has_the_same(tmp_path: Path) -> None:
    assert Certificate(tmp_path, "127.0.0.1").pem == Certificate(tmp_path, "127.0.0.1").pem


def test_the_key_is_private_and_both_can_be_removed(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, "127.0.0.1")
    assert "PRIVATE" not in certificate.pem
    (key,) = tmp_path.glob("*.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    certificate.remove()
    assert not list(tmp_path.iterdir())


def test_an_openssl_that_fails_is_no_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FileNotFoundError, match="openssl"):
        Certificate(tmp_path, "127.0.0.1")
    monkeypatch.undo()
    with pytest.raises(subprocess.CalledProcessError, match="openssl"):
        Certificate(tmp_path, "no address").context()
    assert not list(tmp_path.glob("*.pem"))
