"""Laws of scheduling, on clusters that nobody thought of.

A pod is never bound to a node that a filter refuses; every choice that is offered is one of the best nodes; the same
seed gives the same places; a pod that has been turned away fits nowhere; nothing is promised twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import volsim
from tests.control.scheduler.clusters import Manifest, claim, cluster, node, pod, storage_class, volume
from volsim.apiserver.writes import Bind
from volsim.control.contract import Choose, Outcome
from volsim.control.scheduler import CONTROLLER
from volsim.control.scheduler.framework import Attempt
from volsim.control.scheduler.search import ask, best, search
from volsim.objects import Pod
from volsim.objects.binding import is_bound_to, reaches, requested_storage
from volsim.state import Draft, State, claim_keys_of

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
VERSIONS = ("1.15", "1.20", "1.28", "1.36")

taints = st.lists(
    st.builds(
        lambda key, effect: {"key": key, "effect": effect},
        st.sampled_from(["a", "b"]),
        st.sampled_from(["NoSchedule", "PreferNoSchedule"]),
    ),
    max_size=2,
    unique_by=lambda taint: (taint["key"], taint["effect"]),
)
shapes = st.lists(st.tuples(st.sampled_from(["x", "y", None]), taints, st.sampled_from(["1", "2", "4"])), max_size=4)


@st.composite
def nodes(draw: st.DrawFn) -> list[Manifest]:
    return [
        node(f"n{number}", labels={ZONE: zone} if zone else {}, taints=marks, cpu=cpu)
        for number, (zone, marks, cpu) in enumerate(draw(shapes))
    ]


def term(app: str, key: str) -> Manifest:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}


@st.composite
def pods(draw: st.DrawFn) -> list[Manifest]:
    apps, keys = st.sampled_from(["web", "db"]), st.sampled_from([ZONE, HOST])
    found = []
    for number in range(draw(st.integers(1, 6))):
        spec: dict[str, Any] = {"cpu": draw(st.sampled_from(["0", "500m", "1", "2"]))}
        if draw(st.booleans()):
            spec["tolerations"] = [{"key": draw(st.sampled_from(["a", "b"])), "operator": "Exists"}]
        side = draw(st.sampled_from(["podAffinity", "podAntiAffinity", None, None]))
        if side is not None:
            wanted = [term(draw(apps), draw(keys))]
            spec["affinity"] = {side: {"requiredDuringSchedulingIgnoredDuringExecution": wanted}}
        if draw(st.booleans()):
            spec["ports"] = [{"containerPort": 80, "hostPort": draw(st.sampled_from([80, 81]))}]
        app = draw(apps)
        if draw(st.booleans()):
            spread = {"maxSkew": 1, "topologyKey": draw(keys), "whenUnsatisfiable": "DoNotSchedule"}
            spec["topologySpreadConstraints"] = [{**spread, "labelSelector": {"matchLabels": {"app": app}}}]
        found.append(pod(f"p{number}", labels={"app": app}, **spec))
    return found


def decisions(sim: volsim.Simulation) -> Iterator[tuple[State, str, State]]:
    """Every look of the scheduler at a pod: the state before it, the pod's key, the state after it."""
    while sim.peek() == sim.now:
        state = sim.state
        step = sim.step()
        assert step is not None
        if getattr(step.action, "controller", None) == "scheduler":
            yield state, step.action.key, sim.state  # type: ignore[union-attr]


def options(found: Outcome | Choose) -> list[tuple[str | None, Outcome]]:
    """Every outcome that may come of a look, with its label."""
    if isinstance(found, Outcome):
        return [(None, found)]
    return [(label, made() if callable(made) else made) for label, made in found.options]


def watched(version: str, manifests: list[Manifest], machines: list[Manifest], seed: int = 0) -> volsim.Simulation:
    sim = cluster(machines, kubernetes=version, seed=seed)
    for manifest in manifests:
        sim.apply(manifest)
    return sim


@given(st.sampled_from(VERSIONS), nodes(), pods())
def test_pods_go_to_the_best_of_the_nodes_that_no_filter_refuses(
    version: str, machines: list[Manifest], manifests: list[Manifest]
) -> None:
    sim = watched(version, manifests, machines)
    for state, key, _ in decisions(sim):
        asked: Pod = state.pods[key]
        for label, outcome in options(CONTROLLER.sync(state, key)):
            for write in outcome.writes:
                if isinstance(write, Bind):
                    attempt = Attempt(state, asked)
                    assert label in (None, write.node)
                    assert ask(attempt, write.node) is None
                    assert write.node in best(attempt, search(attempt).nodes)


@given(st.sampled_from(VERSIONS), nodes(), pods())
def test_a_pod_that_was_turned_away_fits_nowhere(
    version: str, machines: list[Manifest], manifests: list[Manifest]
) -> None:
    """Whatever has changed since that could help has woken it: once all is at rest there is no free place for it."""
    sim = watched(version, manifests, machines)
    sim.run("30s")
    for each in sim.state.pods.values():
        if not each.spec.node_name:
            attempt = Attempt(sim.state, each)
            assert all(ask(attempt, name) is not None for name in sim.state.nodes)


@given(nodes(), pods(), st.integers(0, 3))
def test_the_same_seed_gives_the_same_places(machines: list[Manifest], manifests: list[Manifest], seed: int) -> None:
    def places() -> list[tuple[str, str | None]]:
        sim = watched("1.36", manifests, machines, seed)
        sim.run("30s")
        return [(each.key, each.spec.node_name) for each in sim.state.pods.values()]

    assert places() == places()


@given(st.sampled_from(VERSIONS), nodes(), pods())
def test_no_node_gives_more_than_it_has(version: str, machines: list[Manifest], manifests: list[Manifest]) -> None:
    sim = watched(version, manifests, machines)
    sim.run("30s")
    for name, each in sim.state.nodes.items():
        attempt = Attempt(sim.state, Pod())
        info = attempt.node(name)
        assert info.usage[1] <= info.facts.cpu, each.metadata.name


@given(st.sampled_from(VERSIONS), nodes(), pods())
def test_a_second_look_writes_nothing(version: str, machines: list[Manifest], manifests: list[Manifest]) -> None:
    sim = watched(version, manifests, machines)
    for _, key, state in decisions(sim):
        for _, outcome in options(CONTROLLER.sync(state, key)):
            assert not outcome.writes
            assert not outcome.events


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3)), max_size=6),
    st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3)), min_size=1, max_size=5),
    st.integers(0, 3),
)
def test_pods_go_where_their_volumes_are(
    volumes: list[tuple[int, int]], claims: list[tuple[int, int]], seed: int
) -> None:
    """`volumes` are (node, size), `claims` (size, pod): claims wait for their pods, which may have several."""
    parts = [storage_class()]
    parts += [volume(f"v{at}", f"{size}Gi", node=f"n{on}") for at, (on, size) in enumerate(volumes)]
    parts += [claim(f"c{at}", f"{size}Gi") for at, (size, _) in enumerate(claims)]
    for number in sorted({number for _, number in claims}):
        parts.append(
            pod(f"p{number}", claims=tuple(f"c{at}" for at, (_, owner) in enumerate(claims) if owner == number))
        )
    sim = cluster([node(f"n{number}") for number in range(3)], *parts, more=("pv-binder", "pv-phases"), seed=seed)
    sim.run("30s")
    state = sim.state
    for each in state.pods.values():
        if not each.spec.node_name:
            assert all(ask(Attempt(state, each), name) is not None for name in state.nodes)
            continue
        for key in claim_keys_of(each):
            bound = state.persistent_volumes[state.persistent_volume_claims[key].spec.volume_name or ""]
            assert is_bound_to(bound, state.persistent_volume_claims[key])
            assert reaches(bound, state.nodes[each.spec.node_name].metadata.labels)
            assert requested_storage(state.persistent_volume_claims[key]) <= bound.spec.capacity["storage"].nano
    assert not any(memory.is_binding for memory in state.table("scheduling").values())


def test_the_drafts_view_is_the_states() -> None:
    """A sync must not care which of the two it is given."""
    sim = watched("1.36", [pod("p0")], [node("n0")])
    draft: Draft = sim.state.draft({})
    assert str(CONTROLLER.sync(draft, "default/p0")) == str(CONTROLLER.sync(sim.state, "default/p0"))
