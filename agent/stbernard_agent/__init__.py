"""What runs inside the rescue ramdisk: standard library only, nothing of the service."""
