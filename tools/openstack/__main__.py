"""`make openstack`: the private OpenStack with a server that is rescued through Compute."""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from stbernard.errors import StBernardError
from stbernard.lab.instance import ensure_instance
from stbernard.lab.stages import Stages
from stbernard.ramdisk.build import ensure_ramdisk
from tools.openstack import story
from tools.openstack.install import installed
from tools.openstack.site import a_site

FOLDER = Path(".cache/openstack-run")
CACHE = Path(".cache")
LIMIT = 45 * 60  # seconds for all of it; with nothing in the cache it took 20 minutes
ENDS_IT = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class Ended(StBernardError):
    """Somebody, or the clock, ended it."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--limit", type=int, default=LIMIT, help="seconds for all of it")
    limit = options.parse_args().limit
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 400)
    started = time.monotonic()
    end_when_told(limit)
    try:
        tell(console)
    except Ended as error:
        console.print(f"{error} Nothing of it runs any more.", style="red", markup=False)
        return 130
    except StBernardError as error:
        console.print(f"{error}\nThe logs are in {FOLDER}.", style="red", markup=False)
        return 1
    console.print(f"{time.monotonic() - started:6.1f} s  in all")
    return 0


def tell(console: Console) -> None:
    """Raises StBernardError; then nothing is left running."""
    stages = Stages(console)
    with stages.stage("Build ramdisk and instance, install OpenStack, unless in the cache"):
        ramdisk = ensure_ramdisk(CACHE)
        ensure_instance(CACHE)
        installed()
    console.print("Start the lab and the OpenStack services")
    with a_site(FOLDER, ramdisk, CACHE, stages.note) as site:
        story.prepare(site, stages)
        server = story.build_server(site, stages)
        story.rescue_and_repair(site, stages, server)
        story.break_and_rescue(site, stages, server)
        story.delete_server(site, stages, server)
        site.check_memory()
    console.print(f"          {site.memory}")


def end_when_told(limit: int) -> None:
    """Ctrl-C, SIGTERM and the clock end it, once: what is up is taken down undisturbed."""

    def end(number: int, _: FrameType | None) -> NoReturn:
        for each in ENDS_IT:
            signal.signal(each, signal.SIG_IGN)
        late = number == signal.SIGALRM
        raise Ended(f"Not done in {limit} s." if late else f"Ended by {signal.strsignal(number)}.")

    for each in ENDS_IT:
        signal.signal(each, end)
    signal.alarm(limit)


sys.exit(main())
