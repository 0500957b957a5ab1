"""On the path of the tests' nodes: leases of seconds, so that what a lost node held is free soon."""

import suite.store.lease

suite.store.lease.LEASE_SECONDS = 10.0
