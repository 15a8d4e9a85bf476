"""The whole life of the agent: network, lookup, heartbeats, one command, and then silence."""

import os
from pathlib import Path

from stbernard_agent import __version__
from stbernard_agent.console import Console
from stbernard_agent.network import Network
from stbernard_agent.settings import Settings


def main() -> None:
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL="C")
    console = Console()
    settings = Settings(Path("/proc/cmdline").read_text())
    if not settings.api_urls:
        console.say("no ipa-api-url on the kernel command line: nobody to ask what to do")
        return
    settings.run.mkdir(exist_ok=True)
    console.say(f"version {__version__} started")
    network = Network(settings, console)
    if settings.from_medium:
        network.configure_from_medium()
    network.start()

    # Reading all of this takes longer than a DHCP server needs to answer.
    from stbernard_agent.aftercare import watch_over  # noqa: PLC0415
    from stbernard_agent.rescue import RescueLogin  # noqa: PLC0415
    from stbernard_agent.session import Session  # noqa: PLC0415

    login = RescueLogin(settings)
    if not login.was_opened:
        Session(settings, console, network, login).serve_until_rescued()
    watch_over(login, network, console)


if __name__ == "__main__":
    main()
