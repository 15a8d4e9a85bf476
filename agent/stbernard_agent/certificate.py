"""The agent's own TLS certificate: made at start, announced by heartbeat, trusted for that."""

import ssl
import subprocess
from pathlib import Path

DAYS = "90"


class Certificate:
    """A self-signed certificate for one IP address, with its key.

    A restarted agent finds the one it had: Ironic refuses a heartbeat with another certificate
    than the one it has on file.
    """

    def __init__(self, run: Path, address: str) -> None:
        self._key = run / f"tls-{address}.key"
        self._certificate = run / f"tls-{address}.pem"
        self._unfinished = self._certificate.with_suffix(".new")
        self._maker = None if self._certificate.exists() else self._make(address)

    @property
    def pem(self) -> str:
        """The certificate without the key, once it is made."""
        self._finish()
        return self._certificate.read_text()

    def context(self) -> ssl.SSLContext:
        """What a server needs to show this certificate, once it is made."""
        self._finish()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate, self._key)
        return context

    def remove(self) -> None:
        """Forget certificate and key."""
        self._certificate.unlink(missing_ok=True)
        self._key.unlink(missing_ok=True)

    def _make(self, address: str) -> subprocess.Popen[bytes]:
        """By openssl, since the standard library cannot; it makes the key with mode 0600."""
        command = ["openssl", "req", "-x509", "-config", "/dev/null", "-days", DAYS]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-subj", "/CN=stbernard-agent", "-keyout", str(self._key)]
        command += ["-out", str(self._unfinished)]
        extensions = (
            f"subjectAltName=IP:{address}",
            # RFC 5280 4.2.1: its own authority and nobody else's, as strict verifiers want it said
            "basicConstraints=critical,CA:TRUE,pathlen:0",
            "keyUsage=critical,digitalSignature,keyCertSign",
            "subjectKeyIdentifier=hash",
        )
        for extension in extensions:
            command += ["-addext", extension]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)

    def _finish(self) -> None:
        if self._maker:
            if status := self._maker.wait():
                raise subprocess.CalledProcessError(status, "openssl req")
            self._unfinished.rename(self._certificate)
            self._maker = None
