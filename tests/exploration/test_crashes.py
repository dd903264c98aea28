"""A controller that crashes between two writes of one look: what is left is repaired, and told as such."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim import Faults, properties
from volsim.apiserver.writes import Create, Update, UpdateStatus
from volsim.control.contract import Choose, Outcome
from volsim.control.persistent_volume import binder
from volsim.engine import simulation as engine
from volsim.engine.actions import Crash
from volsim.engine.perform import Engine
from volsim.exploration import Exploration, Order, Property, search
from volsim.exploration.search import perform
from volsim.state import View

ONE = Faults(controller_crashes=1)
DRIVER = "csi.example.com"


def crashes_of(found: Exploration) -> set[tuple[str, int]]:
    """Which controllers crashed on any way that was gone, and after how many writes."""
    actions = {action for way in found._visited.ways for action in way}
    return {(action.controller, action.writes) for action in actions if isinstance(action, Crash)}


# -- binding -----------------------------------------------------------------------------------------------------------
def is_bound(sim: engine.Simulation) -> bool:
    """Whether a claim and the volume say of each other that they are bound."""
    held = sim.get("pv/v")
    ref = held.spec.claim_ref
    if ref is None or held.status.phase != "Bound":
        return False
    owner = sim.get(f"pvc/{ref.name}")
    return bool(owner.status.phase == "Bound" and owner.spec.volume_name == "v" and owner.metadata.uid == ref.uid)


def is_half_bound(sim: engine.Simulation) -> bool:
    """Whether the volume is reserved for a claim that knows nothing of it."""
    ref = sim.get("pv/v").spec.claim_ref
    return ref is not None and not sim.get(f"pvc/{ref.name}").spec.volume_name


def nothing_is_lost(sim: engine.Simulation) -> bool:
    return all(each.status.phase != "Lost" for each in sim.list("pvc"))


BOUND: list[Property] = [
    properties.eventually("claim and volume are bound", is_bound),
    properties.always("nothing is lost", nothing_is_lost),
]


def two_claims() -> volsim.Simulation:
    return cluster(volume("v"), claim("c"), claim("d"))


def test_every_bind_that_was_left_half_done_is_repaired() -> None:
    sim = two_claims()
    half = properties.sometimes("the volume is reserved and the claim knows nothing", is_half_bound)
    found = search(sim.state, sim.engine, faults=ONE, properties=[*BOUND, half])
    assert found.verdict == "holds"
    binds = {writes for name, writes in crashes_of(found) if name == "pv-binder"}
    assert binds == {1, 2, 3}  # the volume, its phase, the claim, its phase
    assert search(sim.state, sim.engine, properties=[half]).verdict == "violated"  # one look is one step otherwise


def claim_first(view: View, key: str) -> Outcome | Choose:
    """A binder that writes the claim before the volume is reserved for it."""
    found = binder.sync(view, key)
    if isinstance(found, Choose) or not any(isinstance(write, Update) for write in found.writes):
        return found
    last = [
        each for each in found.writes if isinstance(each, Update | UpdateStatus) and each.obj.KIND.endswith("Volume")
    ]
    return found._replace(writes=(*(write for write in found.writes if write not in last), *last))


@pytest.mark.parametrize(("faults", "lost"), [(Faults(), False), (Faults(component_outages=1), False), (ONE, True)])
def test_a_binder_that_writes_the_claim_first_is_caught_by_a_crash_alone(faults: Faults, lost: bool) -> None:
    sim = two_claims()
    mutant = sim.engine.replacing("pv-binder", sync=claim_first)
    found = search(sim.state, mutant, faults=faults, properties=BOUND, order=Order.WAVES)
    assert found.complete
    assert (found.answer("nothing is lost").verdict == "violated") is lost


# -- the others --------------------------------------------------------------------------------------------------------
def provisioned() -> volsim.Simulation:
    """A claim for which a driver is to make a disk, and a pod that uses it."""
    sim = volsim.Simulation(nodes=1)
    sim.install_csi_driver(DRIVER)
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
    wanted = claim("c")
    wanted["spec"]["storageClassName"] = "fast"
    sim.apply([{**storage_class, "provisioner": DRIVER}, wanted, pod("p", "c")])
    return sim


def replicated() -> volsim.Simulation:
    """A StatefulSet that is to make its claim, then its pod."""
    workload = deployment("db", 1)
    workload["kind"] = "StatefulSet"
    workload["spec"]["serviceName"] = "db"
    template = claim("data")
    workload["spec"]["volumeClaimTemplates"] = [{"metadata": template["metadata"], "spec": template["spec"]}]
    return cluster(volume("v"), workload, nodes=1)


def runs(sim: engine.Simulation) -> bool:
    pods = sim.list("pods")
    return len(pods) == 1 and pods[0].status.phase == "Running"


def one_disk(sim: engine.Simulation) -> bool:
    return len(sim.state.table("backends")) <= 1


CASES = [
    (provisioned, {("csi-provisioner", 1), ("csi-attacher", 1), ("csi-attacher", 2), ("csi-attacher", 3)}),
    (replicated, {("statefulset", 1), ("statefulset", 2), ("statefulset", 3), ("pv-binder", 1)}),
]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_whoever_crashes_half_way_begins_again_and_ends(
    make: Callable[[], volsim.Simulation], expected: set[tuple[str, int]]
) -> None:
    asked = [properties.eventually("its pod runs", runs), properties.always("there is one disk", one_disk)]
    report = volsim.explore(make(), faults=ONE, properties=asked)
    assert report.ok
    assert expected <= crashes_of(report.explored)


def test_a_detach_that_was_left_half_done_is_repaired() -> None:
    sim = settled(provisioned())
    gone = ["kubectl delete pod p --wait=false"]

    def is_detached(look: engine.Simulation) -> bool:
        return bool(look.list("pods")) or not look.list("volumeattachments")

    asked = [properties.eventually("its disk is detached", is_detached)]
    report = volsim.explore(sim, faults=Faults(controller_crashes=1, user_actions=gone), properties=asked)
    assert report.ok
    assert ("attach-detach", 1) in crashes_of(report.explored)


# -- stories -----------------------------------------------------------------------------------------------------------
def crashed() -> tuple[volsim.Simulation, Any]:
    sim = two_claims()
    half = properties.always("never half", lambda look: not is_half_bound(look))
    return sim, volsim.explore(sim, faults=ONE, properties=[half]).violations[0]


def test_a_crash_is_told_with_how_far_it_came() -> None:
    _, violation = crashed()
    assert violation.story.told()[-1].strip() == (
        "0.000s  fault: controller-manager crashes after the first of 4 writes of pv-binder:"
        " bind claim default/c to volume v"
    )
    assert is_half_bound(violation.simulation)


def test_a_crash_can_be_gone_again_and_exported() -> None:
    sim, violation = crashed()
    setup = (
        "from tests.exploration.clusters import claim, cluster, volume\n"
        "from tests.exploration.test_crashes import is_half_bound\n"
        "sim = cluster(volume('v'), claim('c'), claim('d'))"
    )
    script = violation.story.script(setup)
    assert "volsim.Crash('pv-binder', 'default/c', 1)," in script
    names: dict[str, Any] = {}
    exec(compile(script, "script", "exec"), names)
    assert is_half_bound(names["sim"])
    exec(compile(violation.story.test("never_half", setup, "not is_half_bound(sim)"), "test", "exec"), names)
    with pytest.raises(AssertionError):
        names["test_never_half"]()
    for action in violation.story.actions:
        sim.perform(action)
    assert is_half_bound(sim)


def test_whoever_has_crashed_looks_at_everything_and_has_forgotten_what_he_had_in_mind() -> None:
    sim = cluster(volume("v"), claim("large", "9Gi"))
    sim.run("20s")  # the resync of that class has been noted
    sim.apply(claim("c"))
    assert [key for name, key in sim.state.ready() if name == "pv-binder"] == ["default/c"]
    assert [key for key in sim.state.table("memory") if key.startswith("pv-binder")]
    state, step = perform(sim.engine, sim.state, Crash("pv-binder", "default/c", 1))
    assert {key for name, key in state.ready() if name == "pv-binder"} == {"default/c", "default/large"}
    assert not [key for key in state.table("memory") if key.startswith("pv-binder")]
    assert [change.table for change in step.changes] == ["persistentvolumes", "components", "components"]


@pytest.mark.parametrize("writes", [0, 4, 9])
def test_a_crash_that_is_not_between_two_writes_is_refused(writes: int) -> None:
    sim = cluster(volume("v"))
    sim.run("0s")
    sim.apply(claim("c"))
    with pytest.raises(volsim.VolsimError, match="it has 4 writes to do, and crashes after the first"):
        perform(sim.engine, sim.state, Crash("pv-binder", "default/c", writes))


def test_a_kubelet_does_not_crash_so() -> None:
    sim = cluster(pod("p"), nodes=1)
    found = search(sim.state, sim.engine, faults=ONE)
    assert found.complete
    assert not {name for name, _ in crashes_of(found) if name.startswith("kubelet")}


def test_what_is_refused_ends_a_look_before_the_crash_does() -> None:
    """A look whose second write is refused and that crashes after it: what came before stays."""
    sim = cluster(volume("v"))
    sim.run("0s")
    sim.apply(claim("c"))

    def clumsy(view: View, key: str) -> Outcome | Choose:
        found = binder.sync(view, key)
        assert isinstance(found, Outcome)
        if len(found.writes) < 4:
            return found
        twice = Create(found.writes[0].obj)  # type: ignore[union-attr]
        return found._replace(writes=(found.writes[0], twice, *found.writes[1:]))

    mutant: Engine = sim.engine.replacing("pv-binder", sync=clumsy)
    state, _ = perform(mutant, sim.state, Crash("pv-binder", "default/c", 3))
    assert state.persistent_volumes["v"].spec.claim_ref is not None
    assert state.persistent_volumes["v"].status.phase == "Available"
