"""Test with volsim: Hypothesis strategies for objects, clusters and what can be done to them, and a state machine.

>>> from hypothesis import given
>>> from volsim.testing import strategies
>>> @given(strategies.clusters(max_nodes=1, max_pods=1))
... def check_that_time_passes(sim):
...     assert sim.run("1m") == 60
>>> check_that_time_passes()
"""

from __future__ import annotations

from volsim.testing.clusters import Call, cluster_of
from volsim.testing.machine import ClusterMachine

__all__ = ["Call", "ClusterMachine", "cluster_of"]
