"""Which accelerator QEMU gets; the real probe runs in the machine tests."""

from pathlib import Path

import pytest

from stbernard.lab import acceleration
from stbernard.lab.acceleration import EMULATION, KVM


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    device = tmp_path / "kvm"
    monkeypatch.setattr(acceleration, "DEVICE", device)
    return device


def test_without_a_device_nothing_is_tried(
    device: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(acceleration, "_kvm_boots")
    assert acceleration.acceleration(Path("kernel"), tmp_path) == EMULATION


@pytest.mark.parametrize(("boots", "answer"), [(True, KVM), (False, EMULATION)])
def test_the_answer_of_one_boot_is_remembered(
    device: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    boots: bool,
    answer: tuple[str, ...],
) -> None:
    device.touch()
    monkeypatch.setattr(acceleration, "_kvm_boots", lambda kernel: boots)
    cache = tmp_path / "cache"
    assert acceleration.acceleration(Path("kernel"), cache) == answer
    monkeypatch.delattr(acceleration, "_kvm_boots")
    assert acceleration.acceleration(Path("kernel"), cache) == answer


def test_a_kvm_that_does_not_carry_a_kernel_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceleration, "KVM", ("-accel", "no-such-accelerator"))
    assert not acceleration._kvm_boots(tmp_path / "kernel")


def test_a_kernel_that_never_says_a_word_does_not_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A QEMU that waits for ever, as one does whose KVM hangs.
    monkeypatch.setattr(acceleration, "KVM", (*EMULATION, "-S"))
    monkeypatch.setattr(acceleration, "PROBE_SECONDS", 0.5)
    kernel = tmp_path / "kernel"
    kernel.write_bytes(bytes(4096))
    assert not acceleration._kvm_boots(kernel)
