"""Test with volsim: Hypothesis strategies for objects, clusters and what can be done to them, and state machines.

>>> from hypothesis import given
>>> from volsim.testing import strategies
>>> @given(strategies.clusters(max_nodes=1, max_pods=1))
... def check_that_time_passes(sim):
...     assert sim.run("1m") == 60
>>> check_that_time_passes()

The pytest plugin (`volsim.testing.plugin`) is loaded by pytest itself, and needs no import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from volsim.testing.calls import Call, program, story
    from volsim.testing.clusters import cluster_of
    from volsim.testing.differential import DifferentialMachine
    from volsim.testing.machine import ClusterMachine
    from volsim.testing.recording import RecordedSimulation

# pytest loads the plugin of this room whenever it runs; Hypothesis is loaded when somebody asks for it.
_HOME_OF = {
    "Call": "calls",
    "ClusterMachine": "machine",
    "DifferentialMachine": "differential",
    "RecordedSimulation": "recording",
    "cluster_of": "clusters",
    "program": "calls",
    "story": "calls",
}

__all__ = ["Call", "ClusterMachine", "DifferentialMachine", "RecordedSimulation", "cluster_of", "program", "story"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'volsim.testing' has no attribute {name!r}")
    value = getattr(import_module(f"volsim.testing.{home}"), name)
    globals()[name] = value
    return value
