"""Why an object is as it is, and what would change it.

>>> import volsim
>>> sim = volsim.Simulation(nodes=1)
>>> claim = sim.create('''
... apiVersion: v1
... kind: PersistentVolumeClaim
... metadata: {name: data}
... spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
... ''')
>>> print(sim.explain("pvc/data"))
pvc/data is Pending: there is no volume for it.
- no-volumes: there is no PersistentVolume without a class
- not-provisioned: nobody makes a volume for it: it has no class
What would help:
- create a PersistentVolume without a class, of at least 1Gi, with ReadWriteOnce
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.analysis.explain import budgets, claims, nodes, pods, volumes, workloads
from volsim.analysis.explain.explanation import Cause, Expectation, Explanation
from volsim.errors import VolsimError
from volsim.state import View

__all__ = ["Cause", "Expectation", "Explanation", "explain"]

_BY_KIND: dict[str, Callable[[View, Any], Explanation]] = {
    "PersistentVolumeClaim": claims.explain,
    "PersistentVolume": volumes.explain,
    "Pod": pods.explain,
    "Node": nodes.explain,
    "Deployment": workloads.explain,
    "ReplicaSet": workloads.explain,
    "StatefulSet": workloads.explain,
    "DaemonSet": workloads.explain,
    "Job": workloads.explain,
    "PodDisruptionBudget": budgets.explain,
}


def explain(view: View, obj: Any) -> Explanation:
    """The explanation for an object; raises `VolsimError` for one of a kind that nobody explains yet."""
    act = _BY_KIND.get(obj.kind)
    if act is None:
        known = ", ".join(_BY_KIND)
        raise VolsimError(f"nothing explains a {obj.kind} yet; there are explanations for {known}")
    return act(view, obj)
