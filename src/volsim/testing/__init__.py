"""Test with volsim: Hypothesis strategies for objects, clusters and what can be done to them, and a state machine.

>>> from hypothesis import find
>>> from volsim.testing import strategies
>>> print(find(strategies.quantities(), lambda quantity: quantity > 0))
1
"""

from __future__ import annotations

from volsim.testing.clusters import Call, cluster_of
from volsim.testing.machine import ClusterMachine

__all__ = ["Call", "ClusterMachine", "cluster_of"]
