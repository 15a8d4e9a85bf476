"""`stbernard` whose fake hardware has a rescue wait for an agent, as real hardware does."""

import sys

from stbernard.cli import app
from stbernard.drivers.fake import FakeHardware

if __name__ == "__main__":
    FakeHardware.needs_ramdisk = True
    app(sys.argv[1:])
