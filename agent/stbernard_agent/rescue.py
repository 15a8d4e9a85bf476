"""Opens the rescue login: the user, the password hash, sudo, sshd, and the proof that it works."""

import base64
import hashlib
import pwd
import re
import socket
import subprocess
import time
from pathlib import Path

from stbernard_agent.network import running
from stbernard_agent.settings import Settings, write_file

USER = "rescue"
PROOF_WITHIN = 60.0  # seconds for sshd to answer, on a slow machine

# crypt(5): sha256-crypt, sha512-crypt, yescrypt. Anything else is not a hash, perhaps a password.
PASSWORD_HASH = re.compile(
    r"\$5\$(rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{43}"
    r"|\$6\$(rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}"
    r"|\$y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}"
)


class RescueError(Exception):
    """The login could not be opened; the text says what failed. It never holds the hash."""


class RescueLogin:
    """The one way into the rescued server: user `rescue`, by ssh with a host key made at boot.

    Before `open` nobody can log in: there is no user and no sshd. The host key lies on a tmpfs,
    so that every boot has another one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._host_key = settings.run / "ssh_host_ed25519_key"
        self._pid_file = settings.run / "sshd.pid"
        self._opened = settings.run / "rescued"
        self._key_maker: subprocess.Popen[bytes] | None = None
        self._sshd: subprocess.Popen[bytes] | None = None

    @property
    def was_opened(self) -> bool:
        """Whether this or an earlier run of the agent has opened the login since boot."""
        return self._opened.exists()

    def prepare(self) -> None:
        """Begin to make the host key, in the background."""
        if not self._host_key.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]
            self._key_maker = subprocess.Popen([*command, str(self._host_key)])

    def host_key(self) -> str:
        """The public host key as `ssh-ed25519 AAAA…`, once it is made."""
        if self._key_maker and self._key_maker.wait() != 0:
            raise RescueError("ssh-keygen could not make a host key")
        return self._host_key.with_suffix(".pub").read_text().strip()

    def open(self, password_hash: str) -> None:
        """Let `rescue` in with the password of this crypt(5) hash; returns when sshd does so.

        :raises RescueError: with what failed; calling it again is safe.
        """
        try:
            self._add_user(password_hash)
            self._allow_sudo()
            self._serve_ssh()
        except OSError as failure:
            raise RescueError(str(failure)) from failure
        write_file(self._opened, "", 0o644)

    def keep_open(self) -> None:
        """Start sshd again, should it have ended.

        :raises RescueError: it does not start.
        """
        if self._sshd:
            self._sshd.poll()  # a dead child has a process entry until somebody looks
        if not running(self._pid_file, "sshd"):
            self._sshd = self._start_sshd()
            self._wait_until_it_listens(self._sshd)

    def _add_user(self, password_hash: str) -> None:
        if not _user_exists():
            added = _run(["useradd", "--create-home", "--shell", "/bin/bash", USER])
            if added.returncode != 0:
                raise RescueError(f"useradd failed: {added.stderr.strip()}")
        # By standard input: arguments are for everybody to read in the process list.
        changed = _run(["chpasswd", "--encrypted"], stdin=f"{USER}:{password_hash}\n")
        if changed.returncode != 0:
            raise RescueError(f"chpasswd failed with status {changed.returncode}")

    def _allow_sudo(self) -> None:
        rule = f"{USER} ALL=(ALL:ALL) NOPASSWD: ALL\n"
        write_file(self._settings.etc / "sudoers.d" / USER, rule, 0o440)

    def _serve_ssh(self) -> None:
        """Start sshd and wait until it answers as itself and offers a login by password."""
        self._sshd = self._start_sshd()
        try:
            self._wait_until_it_listens(self._sshd)
            self._prove_login()
        except BaseException:
            self._sshd.terminate()
            self._sshd.wait()
            raise

    def _wait_until_it_listens(self, sshd: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PROOF_WITHIN
        while not self._listens():
            if sshd.poll() is not None:
                raise RescueError(f"sshd ended with status {sshd.returncode}; {self._log_end()}")
            if time.monotonic() > deadline:
                raise RescueError(f"sshd does not listen; {self._log_end()}")
            time.sleep(0.05)  # sshd has no way to say that it listens

    def _start_sshd(self) -> subprocess.Popen[bytes]:
        """Start sshd(8): arguments come before the ramdisk's sshd_config."""
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # privilege separation directory
        command = ["/usr/sbin/sshd", "-D", "-E", str(self._log), "-p", str(self._settings.ssh_port)]
        options = (
            f"HostKey={self._host_key}",
            f"PidFile={self._pid_file}",
            f"AllowUsers={USER}",
            "PasswordAuthentication=yes",
            "PermitRootLogin=no",
            "UseDNS=no",
            f"VersionAddendum={mark(self.host_key())}",
        )
        for option in options:
            command += ["-o", option]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._settings.ssh_port)).close()
        except OSError:
            return False
        return True

    def _prove_login(self) -> None:
        """Go through a whole ssh handshake, up to the question for the password.

        That the client gets there proves the host key (it knows no other) and the user's login.
        """
        known = self._settings.run / "known_hosts"
        write_file(known, f"{USER} {self.host_key()}\n", 0o644)
        command = ["ssh", "-F", "none", "-p", str(self._settings.ssh_port)]
        options = (
            "BatchMode=yes",
            "PreferredAuthentications=none",
            "StrictHostKeyChecking=yes",
            f"HostKeyAlias={USER}",
            f"UserKnownHostsFile={known}",
            "GlobalKnownHostsFile=none",
            # Nobody listens on this line: 0.7 s in an emulated machine, the default takes 2.3 s.
            "KexAlgorithms=curve25519-sha256",
        )
        for option in options:
            command += ["-o", option]
        answer = _run([*command, f"{USER}@127.0.0.1", "true"]).stderr.strip()
        if not re.search(r"Permission denied \(.*password", answer):
            raise RescueError(f"sshd does not let people in by password: {answer}")

    @property
    def _log(self) -> Path:
        return self._settings.run / "sshd.log"

    def _log_end(self) -> str:
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return lines[-1] if lines else "it logged nothing"


def mark(host_key: str) -> str:
    """What sshd shows in its first line, so that a mere connect tells who answers.

    The service makes the same word of the same key, and looks for it."""
    blob = base64.b64decode(host_key.split()[1])
    return f"stbernard-{hashlib.sha256(blob).hexdigest()[:16]}"


def _user_exists() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def _run(command: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
