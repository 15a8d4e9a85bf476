"""BMCs that speak IPMI over LAN, by the program ipmitool."""
