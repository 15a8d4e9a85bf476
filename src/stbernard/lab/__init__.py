"""Machines to rescue: QEMU with a BMC."""

from stbernard.lab.lab import Lab, Machine

__all__ = ["Lab", "Machine"]
