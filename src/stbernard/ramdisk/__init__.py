"""Builds the rescue ramdisk."""
