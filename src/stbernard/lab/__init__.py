"""Machines to rescue: QEMU with a BMC."""
