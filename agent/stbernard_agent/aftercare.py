"""Keeps the rescued server reachable, for as long as it runs."""

import time

from stbernard_agent.console import Console
from stbernard_agent.network import Network
from stbernard_agent.rescue import RescueError, RescueLogin

ASK_AGAIN_AFTER = (5, 10, 20, 40, 80, 160)  # seconds; switches take their time
GIVE_UP_AT = 40  # the pause after which a network without an address is given up
WATCH_EVERY = 60  # seconds


def watch_over(login: RescueLogin, network: Network, console: Console) -> None:
    """Keep sshd alive, and follow the server into another network. Does not return.

    Once it is rescued, the service takes the server out of the rescuing network and back into its
    own. Nobody tells the server, and the carrier may never go: so it asks DHCP again for a while.
    """
    _keep_open(login, console)
    console.say("the rescue login is open; nothing else is served any more")
    network.move()
    for pause in ASK_AGAIN_AFTER:
        time.sleep(pause)
        if pause >= GIVE_UP_AT and not network.addresses():
            network.fall_back()
        network.ask_again()
        _keep_open(login, console)
    while True:
        time.sleep(WATCH_EVERY)
        _keep_open(login, console)


def _keep_open(login: RescueLogin, console: Console) -> None:
    try:
        login.keep_open()
    except RescueError as error:
        console.trouble(f"{error}; trying again")
