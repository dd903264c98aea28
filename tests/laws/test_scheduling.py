"""Where pods go is legal, nothing is promised twice, and every place that is as good is offered.

What a filter demands is said here once more, in the words of the documentation (Assigning Pods to Nodes, Taints and
Tolerations, Pod Topology Spread Constraints, Volume Binding Mode), over the whole cluster and without haste, not by the
code that is tested. The laws fail for schedulers that are wrong in one place (`test_a_wrong_scheduler_is_noticed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import volsim
from tests.control.scheduler.clusters import Manifest, claim, cluster, node, pod, possible, storage_class, volume
from volsim.apiserver.writes import Bind, Update
from volsim.control.contract import Choose, Outcome
from volsim.control.scheduler import CONTROLLER, search
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.plugins import plugins_of
from volsim.engine.perform import Engine
from volsim.exploration import Verdict
from volsim.exploration import search as explore
from volsim.objects import Node, Pod
from volsim.state import State, View

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


# -- what the documentation demands ------------------------------------------------------------------------------------
def placed(state: State, but: Pod) -> list[Pod]:
    """The pods that are on a node, or for which one is reserved, each with its node."""
    found = []
    for each in state.pods.values():
        memory: Memory | None = state.get("scheduling", each.key)
        name = each.spec.node_name or (memory.node if memory is not None else "")
        if name and each.key != but.key and each.status.phase not in ("Succeeded", "Failed"):
            found.append(each.replace(spec=each.spec.replace(node_name=name)))
    return found


def tolerated(state: State, new: Pod, on: Node) -> bool:
    """A pod must tolerate every taint with NoSchedule, and that a node is cordoned."""
    keys = [each.key for each in on.spec.taints if each.effect == "NoSchedule"]
    keys += ["node.kubernetes.io/unschedulable"] if on.spec.unschedulable else []
    return set(keys) <= {each.key for each in new.spec.tolerations}


def selected(state: State, new: Pod, on: Node) -> bool:
    """A node must have every label of the nodeSelector."""
    return all(on.metadata.labels.get(key) == value for key, value in new.spec.node_selector.items())


def ports_free(state: State, new: Pod, on: Node) -> bool:
    """No two pods of a node have the same port of the host."""
    wanted = {port.host_port for each in new.spec.containers for port in each.ports}
    used = {
        port.host_port
        for other in placed(state, new)
        if other.spec.node_name == on.metadata.name
        for each in other.spec.containers
        for port in each.ports
    }
    return not wanted & used


def has_room(state: State, new: Pod, on: Node) -> bool:
    """What the pods of a node ask for together, the node has."""
    there = [*(each for each in placed(state, new) if each.spec.node_name == on.metadata.name), new]
    asked = [each.resources.requests["cpu"].milli for other in there for each in other.spec.containers]
    return sum(asked) <= on.status.allocatable["cpu"].milli and len(there) <= on.status.allocatable["pods"].milli / 1000


def keeps_away(state: State, new: Pod, on: Node) -> bool:
    """No pod is where one that it does not want near is, nor where one is that does not want it near."""
    return not any(
        others_term(a, b, on, state.nodes[other.spec.node_name or ""])
        for other in placed(state, new)
        for a, b in ((new, other), (other, new))
    )


def others_term(owner: Pod, other: Pod, here: Node, there: Node) -> bool:
    affinity = owner.spec.affinity
    if affinity is None or affinity.pod_anti_affinity is None:
        return False
    terms = affinity.pod_anti_affinity.required_during_scheduling_ignored_during_execution
    return any(same_place(each.topology_key or "", here, there) and is_meant(each, other) for each in terms)


def same_place(key: str, here: Node, there: Node) -> bool:
    return key in here.metadata.labels and here.metadata.labels[key] == there.metadata.labels.get(key)


def is_meant(term: Any, other: Pod) -> bool:
    return bool(term.label_selector.matches(other.metadata.labels))


def has_company(state: State, new: Pod, on: Node) -> bool:
    """Near to a pod that it wants near; the first of a kind that wants its like may go anywhere with the label."""
    affinity = new.spec.affinity
    if affinity is None or affinity.pod_affinity is None:
        return True
    terms = affinity.pod_affinity.required_during_scheduling_ignored_during_execution
    if not all((term.topology_key or "") in on.metadata.labels for term in terms):
        return False
    friends = [other for other in placed(state, new) if all(is_meant(term, other) for term in terms)]
    homes = [state.nodes[each.spec.node_name or ""] for each in friends]
    if not any((term.topology_key or "") in home.metadata.labels for term in terms for home in homes):
        return all(is_meant(term, new) for term in terms)
    return all(any(same_place(term.topology_key or "", on, home) for home in homes) for term in terms)


def spreads(state: State, new: Pod, on: Node) -> bool:
    """With the pod, its domain has at most maxSkew matching pods more than the emptiest domain that it could go to."""
    for each in new.spec.topology_spread_constraints:
        key = each.topology_key or ""
        if key not in on.metadata.labels:
            return False
        counts = {
            it.metadata.labels[key]: 0
            for it in state.nodes.values()
            if key in it.metadata.labels and selected(state, new, it)
        }
        for other in placed(state, new):
            at = state.nodes[other.spec.node_name or ""]
            if key in at.metadata.labels and selected(state, new, at) and is_meant(each, other):
                counts[at.metadata.labels[key]] += 1
        if counts[on.metadata.labels[key]] + is_meant(each, new) - min(counts.values()) > (each.max_skew or 1):
            return False
    return True


DEMANDS: dict[str, Callable[[State, Pod, Node], bool]] = {
    "taints": tolerated,
    "selector": selected,
    "ports": ports_free,
    "resources": has_room,
    "anti-affinity": keeps_away,
    "affinity": has_company,
    "spread": spreads,
}


# -- clusters ----------------------------------------------------------------------------------------------------------
taints = st.lists(st.sampled_from("xy").map(lambda key: {"key": key, "effect": "NoSchedule"}), max_size=1)


@st.composite
def nodes(draw: st.DrawFn) -> list[Manifest]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        labels = draw(st.fixed_dictionaries({}, optional={ZONE: st.sampled_from("ab"), "disk": st.just("ssd")}))
        sizes = {"cpu": draw(st.sampled_from(["1", "2", "4"])), "pods": draw(st.sampled_from(["1", "3", "9"]))}
        each = node(f"n{number}", labels=labels, taints=draw(taints), **sizes)
        each["spec"]["unschedulable"] = draw(st.integers(0, 7)) == 7
        found.append(each)
    return found


@st.composite
def pods(draw: st.DrawFn, name: str) -> Manifest:
    app, key = draw(st.sampled_from(["web", "db"])), draw(st.sampled_from([ZONE, HOST]))
    near = {"labelSelector": {"matchLabels": {"app": draw(st.sampled_from(["web", "db"]))}}, "topologyKey": key}
    spread = {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule"}
    wishes: list[dict[str, Any]] = [
        {"tolerations": [{"key": "x", "operator": "Exists"}]},
        {"nodeSelector": {"disk": "ssd"}},
        {"affinity": {"podAffinity": {REQUIRED: [near]}}},
        {"affinity": {"podAntiAffinity": {REQUIRED: [near]}}},
        {"ports": [{"containerPort": 80, "hostPort": 80}]},
        {"topologySpreadConstraints": [{**spread, "labelSelector": {"matchLabels": {"app": app}}}]},
    ]
    spec: dict[str, Any] = {"cpu": draw(st.sampled_from(["100m", "500m", "1"]))}
    for wish in draw(st.lists(st.sampled_from(wishes), max_size=2)):
        spec.update(wish)
    return pod(name, labels={"app": app}, **spec)


@st.composite
def clusters(draw: st.DrawFn) -> tuple[list[Manifest], list[Manifest]]:
    return draw(nodes()), [draw(pods(f"p{number}")) for number in range(draw(st.integers(1, 6)))]


def looks(sim: volsim.Simulation) -> Iterator[tuple[State, str]]:
    """Every look of the scheduler at a pod, until nothing more happens now: the state before it and the pod's key."""
    while sim.peek() == sim.now:
        state = sim.state
        step = sim.step()
        assert step is not None
        if getattr(step.action, "controller", None) == "scheduler":
            yield state, step.action.key  # type: ignore[union-attr]


def options(found: Outcome | Choose) -> list[tuple[str, Outcome]]:
    """Every outcome that a look may have, with its label; one that is the only one has none."""
    if isinstance(found, Outcome):
        return [("", found)]
    return [(label, made() if callable(made) else made) for label, made in found.options]


def bound_to(outcome: Outcome) -> str | None:
    """The node that the outcome gives the pod."""
    return next((write.node for write in outcome.writes if isinstance(write, Bind)), None)


# -- a node that a filter refuses --------------------------------------------------------------------------------------
def check_places(drawn: tuple[list[Manifest], list[Manifest]], engine: Engine | None = None) -> None:
    machines, manifests = drawn
    sim = cluster(machines)
    sync = (engine or sim.engine).controller("scheduler").sync
    for manifest in manifests:
        sim.apply(manifest)
        for state, key in looks(sim):
            new = state.pods[key]
            fit = {
                name
                for name, each in state.nodes.items()
                if all(demand(state, new, each) for demand in DEMANDS.values())
            }
            given_to = {bound_to(outcome) for _, outcome in options(sync(state, key))} - {None}
            assert given_to <= fit, f"{given_to} of {fit}"
            assert bool(given_to) == bool(fit), f"{key} could go to {fit}"


@settings(max_examples=50)
@given(clusters())
def test_a_pod_goes_to_a_node_if_and_only_if_every_demand_is_met_there(
    drawn: tuple[list[Manifest], list[Manifest]],
) -> None:
    check_places(drawn)


def forgetting(name: str) -> Callable[[View, str], Outcome | Choose]:
    """The scheduler without one of its plugins."""

    def sync(view: View, key: str) -> Outcome | Choose:
        without = tuple(
            attrs.evolve(each, pre_filter=None) if each.name == name else each for each in plugins_of(view.rules)
        )
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(search, "plugins_of", lambda rules: without)
            return CONTROLLER.sync(view, key)

    return sync


@pytest.mark.parametrize(
    "plugin",
    [
        "NodeUnschedulable",
        "TaintToleration",
        "NodeAffinity",
        "NodePorts",
        "NodeResourcesFit",
        "InterPodAffinity",
        "PodTopologySpread",
    ],
)
def test_a_wrong_scheduler_is_noticed(plugin: str) -> None:
    wrong = cluster(1).engine.replacing("scheduler", sync=forgetting(plugin))

    @settings(max_examples=400, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(clusters())
    def law(drawn: tuple[list[Manifest], list[Manifest]]) -> None:
        check_places(drawn, wrong)

    with pytest.raises(AssertionError):
        law()


# -- what is promised --------------------------------------------------------------------------------------------------
@st.composite
def local_storage(draw: st.DrawFn) -> list[Manifest]:
    """Volumes of two nodes, claims that wait for their pods, and pods that may share them."""
    size, on = st.sampled_from(["1Gi", "2Gi"]), st.sampled_from(["n0", "n1"])
    claims = draw(st.integers(1, 3))
    parts = [storage_class(), *(claim(f"c{at}", draw(size)) for at in range(claims))]
    parts += [volume(f"v{at}", draw(size), node=draw(on)) for at in range(draw(st.integers(1, 3)))]
    names = st.lists(st.sampled_from([f"c{at}" for at in range(claims)]), min_size=1, max_size=2, unique=True)
    return parts + [pod(f"p{at}", claims=tuple(draw(names))) for at in range(draw(st.integers(1, 2)))]


def promises(state: State) -> list[tuple[str, str]]:
    """(claim, volume) of all pods whose volumes are being bound."""
    memories: list[Memory] = list(state.table("scheduling").values())
    return sorted({binding for memory in memories if memory.is_binding for binding in memory.bindings})


def nothing_is_promised_twice(state: State) -> bool:
    """No volume to two claims, no two volumes to a claim, and a volume that is promised is nobody else's."""
    given = promises(state)
    claims, volumes = {claim for claim, _ in given}, {name for _, name in given}
    if not len(claims) == len(volumes) == len(given):
        return False
    refs = [(key, state.persistent_volumes[name].spec.claim_ref) for key, name in given]
    return all(ref is not None and key == f"{ref.namespace}/{ref.name}" for key, ref in refs)


def every_bound_pod_reaches_its_volumes(state: State) -> bool:
    """A pod that has a node has its claims bound, each to a volume of its own that the node reaches."""
    owners: dict[str, str] = {}
    for each in state.pods.values():
        if not each.spec.node_name:
            continue
        for source in each.spec.volumes:
            assert source.persistent_volume_claim is not None
            key = f"default/{source.persistent_volume_claim.claim_name}"
            found = state.persistent_volumes.get(state.persistent_volume_claims[key].spec.volume_name or "")
            if found is None or owners.setdefault(found.metadata.name or "", key) != key:
                return False
            affinity = found.spec.node_affinity
            assert affinity is not None
            assert affinity.required is not None
            if not affinity.required.matches(state.nodes[each.spec.node_name].metadata.labels):
                return False
    return True


def look_for_double_promises(parts: list[Manifest], engine: Engine | None = None) -> Verdict:
    sim = cluster([node("n0"), node("n1")], *parts[:-2], more=("pv-binder", "pv-phases"))
    for manifest in parts[-2:]:
        sim.apply(manifest)
    always = {"once": nothing_is_promised_twice, "reached": every_bound_pod_reaches_its_volumes}
    found = explore(sim.state, engine or sim.engine, always=always, max_states=300)
    assert found.verdict is not Verdict.VIOLATED, str(found)
    return found.verdict


@settings(max_examples=12)
@given(local_storage())
def test_in_every_order_and_with_every_choice_nothing_is_promised_twice(parts: list[Manifest]) -> None:
    look_for_double_promises(parts)


def careless(view: View, key: str) -> Outcome | Choose:
    """The scheduler, which does not tell anybody for whom it has chosen a volume."""
    found = CONTROLLER.sync(view, key)
    if isinstance(found, Outcome):
        return without_updates(found)
    return found._replace(options=tuple((label, without_updates(outcome)) for label, outcome in options(found)))


def without_updates(outcome: Outcome) -> Outcome:
    return outcome._replace(writes=tuple(write for write in outcome.writes if not isinstance(write, Update)))


def test_a_careless_scheduler_promises_a_volume_twice() -> None:
    one = [storage_class(), volume("v0", node="n0"), claim("c0"), claim("c1")]
    wrong = cluster(1, more=("pv-binder", "pv-phases")).engine.replacing("scheduler", sync=careless)
    with pytest.raises(AssertionError, match="once"):
        look_for_double_promises([*one, pod("p0", claims=("c0",)), pod("p1", claims=("c1",))], wrong)


# -- what is taken back ------------------------------------------------------------------------------------------------
TROUBLES: dict[str, Callable[[volsim.Simulation], Any]] = {
    "the pod is deleted": lambda sim: sim.delete("pod/web", force=True, grace_period=0),
    "the claim is deleted": lambda sim: vanish(sim, "pvc/data"),
    "the node is deleted": lambda sim: sim.delete(f"node/{reserved(sim)}"),
    "nobody makes the volume": lambda sim: None,
    "the provisioner gives up": lambda sim: sim.patch("pvc/data", {"metadata": {"annotations": None}}),
}


def vanish(sim: volsim.Simulation, ref: str) -> None:
    """Delete an object that nobody protects."""
    sim.delete(ref)
    sim.patch(ref, {"metadata": {"finalizers": None}})


def reserved(sim: volsim.Simulation) -> str:
    """The node that is reserved for the pod."""
    memory: Memory = sim.state.get("scheduling", "default/web")
    assert memory.is_binding
    return memory.node


@pytest.mark.parametrize("version", ["1.20", "1.36"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_was_assumed_for_a_pod_is_taken_back(trouble: str, version: str) -> None:
    """The node is free again for others at once, and the pod can go elsewhere."""
    made = storage_class("made", provisioner="csi.example.com")
    machines = [node("n0", cpu="1"), node("n1", cpu="1")]
    sim = cluster(machines, made, claim(storage_class="made"), pod(claims=("data",), cpu="800m"), kubernetes=version)
    first = reserved(sim)
    assert sim.state.total("reserved_usage", first) is not None
    TROUBLES[trouble](sim)
    sim.run("601s" if trouble == "nobody makes the volume" else "0s")
    now: Memory | None = sim.state.get("scheduling", "default/web")
    if now is not None and now.is_binding:  # it has been tried again
        assert trouble in ("nobody makes the volume", "the provisioner gives up")
        return
    assert sim.state.total("reserved_usage", first) is None
    assert not sim.state.group_size("pods_reserved", "")
    if first in sim.state.nodes:
        assert possible(sim, pod("other", cpu="900m", nodeSelector={HOST: first})) == [first]


# -- what is as good ---------------------------------------------------------------------------------------------------
@given(st.lists(st.sampled_from(["1", "2", "4"]), min_size=1, max_size=6), st.integers(0, 9))
def test_nodes_that_are_alike_are_offered_together(sizes: list[str], seed: int) -> None:
    """Of empty nodes the larger are the better, so all of the largest are offered, and the seed takes one of them."""
    sim = cluster([node(f"n{at}", cpu=size, memory=f"{size}Gi") for at, size in enumerate(sizes)], seed=seed)
    sim.apply(pod(cpu="500m", memory="512Mi"))
    ((state, key),) = looks(sim)
    places = {bound_to(outcome) for _, outcome in options(CONTROLLER.sync(state, key))}
    assert places == {f"n{at}" for at, size in enumerate(sizes) if size == max(sizes)}
    assert sim.state.pods[key].spec.node_name in places


def test_every_choice_is_taken_by_some_seed() -> None:
    taken = set()
    for seed in range(40):
        sim = cluster([node(f"n{at}") for at in range(4)], pod(), seed=seed)
        taken.add(sim.get("pod/web").spec.node_name)
    assert taken == {"n0", "n1", "n2", "n3"}


def test_all_equal_volumes_are_offered_however_many_there_are() -> None:
    local = [volume(f"v{at:02}", node=f"n{at % 2}") for at in range(60)]
    sim = cluster([node("n0"), node("n1")], storage_class(), *local, claim(), more=("pv-binder", "pv-phases"))
    sim.apply(pod(claims=("data",)))
    state, key = next(looks(sim))
    offered = options(CONTROLLER.sync(state, key))
    assert [label for label, _ in offered] == [
        f"n{on} with v{at:02} for data" for on in range(2) for at in range(on, 60, 2)
    ]
