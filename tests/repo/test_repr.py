"""What is printed can be pasted: `eval(repr(x)) == x`, so that counterexamples are programs."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from volsim import objects
from volsim.engine import actions
from volsim.state import Change

EXAMPLES: list[Any] = [
    volsim.Quantity("1.5Gi"),
    volsim.Rules.for_version("1.20", pod_gc_period="5s"),
    volsim.Sync("pv-binder", "claim default/data", "volume nfs-pv"),
    volsim.Request("apply", "pod/default/web"),
    volsim.Fault("power off", "node01"),
    volsim.ExecResult(stdout="hello volumes\n", stderr="", exit_code=0),
    actions.Step(1_500_000, volsim.Fault("power off", "node01"), (Change("pods", "default/web", None, None),), ()),
    objects.PersistentVolume(
        metadata=objects.ObjectMeta(name="nfs-pv", labels={"tier": "slow"}),
        spec=objects.PersistentVolumeSpec(
            capacity={"storage": objects.Quantity("1Gi")},
            access_modes=("ReadWriteOnce",),
            nfs=objects.NFSVolumeSource(server="172.16.1.30", path="/nfsdata"),
        ),
    ),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: type(value).__name__)
def test_a_repr_rebuilds_its_value(value: Any) -> None:
    names = {**vars(objects), **{name: getattr(volsim, name) for name in volsim.__all__}, **vars(actions)}
    assert eval(repr(value), {**names, "Change": Change}) == value
