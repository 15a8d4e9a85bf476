"""What runs inside the rescue ramdisk. Python standard library only; imports nothing of the service."""
