"""volsim: Kubernetes volume semantics, simulated in memory.

A cluster is a value; everything that can happen to it is an action. A `Simulation` follows one path.

>>> import volsim
>>> sim = volsim.Simulation(nodes=2)
>>> pods = sim.apply('''
... apiVersion: v1
... kind: Pod
... metadata: {name: web}
... spec: {containers: [{name: web, image: nginx}]}
... ''')
>>> _ = sim.settle()
>>> sim.get("pod/web").status.phase
'Running'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from volsim import properties
    from volsim.analysis import graph
    from volsim.checking.check import check
    from volsim.engine.actions import Ask, Crash, Fault, Lapse, Request, Step, Sync
    from volsim.engine.simulation import ApiWarning, ExecResult
    from volsim.errors import (
        AlreadyExists,
        Conflict,
        FileError,
        Forbidden,
        InternalError,
        Invalid,
        LimitExceeded,
        ManifestError,
        NotFound,
        TooManyRequests,
        Unreachable,
        VolsimError,
    )
    from volsim.exploration.faults import Faults
    from volsim.exploration.report import explore
    from volsim.manifests import NotModelledWarning, load, to_manifest
    from volsim.quantity import Quantity
    from volsim.rules import Rules
    from volsim.simulation import Simulation
    from volsim.state import State

__version__ = "0.1.0"

# Where each public name lives; it is imported when it is first used, so that `import volsim` costs next to nothing.
_HOMES = {
    "volsim.analysis": ("graph",),
    "volsim.checking.check": ("check",),
    "volsim.engine.actions": ("Ask", "Crash", "Fault", "Lapse", "Request", "Step", "Sync"),
    "volsim.engine.simulation": ("ApiWarning", "ExecResult"),
    "volsim.errors": (
        "AlreadyExists",
        "Conflict",
        "FileError",
        "Forbidden",
        "InternalError",
        "Invalid",
        "LimitExceeded",
        "ManifestError",
        "NotFound",
        "TooManyRequests",
        "Unreachable",
        "VolsimError",
    ),
    "volsim.exploration.faults": ("Faults",),
    "volsim.exploration.report": ("explore",),
    "volsim.manifests": ("NotModelledWarning", "load", "to_manifest"),
    "volsim.quantity": ("Quantity",),
    "volsim.rules": ("Rules",),
    "volsim.simulation": ("Simulation",),
    "volsim.state": ("State",),
}
_MODULES = ("properties",)
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    # one path
    "Simulation",
    "Rules",
    "State",
    # manifests
    "Quantity",
    "load",
    "to_manifest",
    # what happened
    "Ask",
    "Crash",
    "ExecResult",
    "Fault",
    "Lapse",
    "Request",
    "Step",
    "Sync",
    # all paths
    "Faults",
    "check",
    "explore",
    "properties",
    # what hangs on what
    "graph",
    # errors and warnings
    "AlreadyExists",
    "ApiWarning",
    "Conflict",
    "FileError",
    "Forbidden",
    "InternalError",
    "Invalid",
    "LimitExceeded",
    "ManifestError",
    "NotFound",
    "NotModelledWarning",
    "TooManyRequests",
    "Unreachable",
    "VolsimError",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"volsim.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'volsim' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
