"""Keeps the rescued server reachable, for as long as it runs."""

import time

from stbernard_agent.network import Network
from stbernard_agent.rescue import RescueLogin

ASK_AGAIN_AFTER = (5, 10, 20, 40, 80, 160)  # seconds; switches take their time
WATCH_EVERY = 60  # seconds


def watch_over(login: RescueLogin, network: Network) -> None:
    """Follow the server into another network, and keep sshd alive. Does not return.

    Once it is rescued, the service takes the server out of the rescuing network and back into its
    own. Nobody tells the server, and the carrier may never go: so it asks DHCP again for a while.
    """
    login.keep_open()
    for pause in ASK_AGAIN_AFTER:
        time.sleep(pause)
        network.ask_again()
        login.keep_open()
    while True:
        time.sleep(WATCH_EVERY)
        login.keep_open()
