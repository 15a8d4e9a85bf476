"""What runs inside the rescue ramdisk: standard library only, nothing of the service."""

__version__ = "0.1.0"
