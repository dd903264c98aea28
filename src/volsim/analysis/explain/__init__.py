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

from volsim.analysis.explain import claims, volumes
from volsim.analysis.explain.explanation import Cause, Explanation
from volsim.errors import VolsimError
from volsim.state import View

__all__ = ["Cause", "Explanation", "explain"]

_BY_KIND: dict[str, Callable[[View, Any], Explanation]] = {
    "PersistentVolumeClaim": claims.explain,
    "PersistentVolume": volumes.explain,
}


def explain(view: View, obj: Any) -> Explanation:
    """The explanation for a claim or a volume. Raises `VolsimError` for kinds that nobody explains yet."""
    act = _BY_KIND.get(obj.kind)
    if act is None:
        known = ", ".join(_BY_KIND)
        raise VolsimError(f"nothing explains a {obj.kind} yet; there are explanations for {known}")
    return act(view, obj)
