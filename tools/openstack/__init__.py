"""A private OpenStack for tests and for `make openstack`: the real services, on loopback only.

Identity, Placement, Image, Network and Compute from PyPI in one environment, MariaDB and RabbitMQ
from Debian's packages, unpacked and not installed. All that is slow is done once and kept below
.cache/openstack: 420 MB for the environment, 120 MB for the programs, 60 MB for the schemas.
"""
