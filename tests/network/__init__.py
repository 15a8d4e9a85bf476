"""What the network interfaces do, tested on a fake by `make test`, on the real Neutron by
`make test-openstack`."""

import pytest

pytest.register_assert_rewrite("tests.network.behaviour")
