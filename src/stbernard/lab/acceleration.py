"""Whether QEMU's KVM really runs a kernel here; emulation is the fallback.

A /dev/kvm may exist and still not carry a kernel (nested or software virtualisation), so the only
proof is to boot one. The answer is remembered for this processor, kernel and QEMU.
"""

import hashlib
import platform
import subprocess
import tempfile
from pathlib import Path

from stbernard.lab import initramfs
from stbernard.programs import run

KVM = ("-accel", "kvm", "-cpu", "host")
# A processor with ERMS has the kernel copy memory by `rep movsb`, which QEMU emulates byte by byte.
EMULATION = ("-accel", "tcg,thread=multi", "-cpu", "max,-erms")
PROBE_SECONDS = 10
PROOF = "the kernel runs"
DEVICE = Path("/dev/kvm")

INIT = f"""\
#!/bin/sh
/bin/busybox mount -t devtmpfs dev /dev
echo {PROOF} > /dev/console
/bin/busybox reboot -f
"""


def acceleration(kernel: Path, cache_dir: Path) -> tuple[str, ...]:
    """The QEMU arguments that run this bzImage fastest; the first call may take PROBE_SECONDS."""
    if not DEVICE.exists():
        return EMULATION
    answer = cache_dir / f"kvm-{_fingerprint()}"
    if not answer.exists():
        cache_dir.mkdir(parents=True, exist_ok=True)
        answer.write_text("works" if _kvm_boots(kernel) else "does not work")
    return KVM if answer.read_text() == "works" else EMULATION


def _fingerprint() -> str:
    processor = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    qemu = run("qemu-system-x86_64", "--version")
    return hashlib.sha256(f"{processor}{platform.version()}{qemu}".encode()).hexdigest()[:16]


def _kvm_boots(kernel: Path) -> bool:
    with tempfile.TemporaryDirectory() as name:
        initrd = Path(name) / "initrd"
        initramfs.pack(INIT, target=initrd)
        qemu = (
            *("qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-m", "256"),
            *("-serial", "stdio", *KVM, "-kernel", kernel, "-initrd", initrd),
            *("-append", "console=ttyS0 panic=-1"),
        )
        try:
            done = subprocess.run(
                qemu,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PROBE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return PROOF.encode() in done.stdout
