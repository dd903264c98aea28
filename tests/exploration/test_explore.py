"""`volsim.explore`: verdicts that are honest, stories that can be gone again, graphs that can be asked."""

from __future__ import annotations

import networkx as nx
import pytest

import volsim
from tests.exploration.clusters import claim, cluster, pod, settled, volume
from volsim import Faults, properties
from volsim.engine import simulation as engine
from volsim.exploration import Observer, Progress, Reduction, Strategy, Violation
from volsim.exploration.graphs import dot, mermaid


def running(sim: volsim.Simulation) -> bool:
    return bool(sim.get("pod/p").status.phase == "Running")


def two_claims() -> volsim.Simulation:
    return cluster(volume("v"), claim("c"), claim("d"))


def bound(name: str) -> properties.Property:
    return properties.sometimes(f"{name} is bound", lambda sim: sim.get(f"pvc/{name}").status.phase == "Bound")


# -- words -------------------------------------------------------------------------------------------------------------
def test_an_eventually_that_goes_round_for_ever_is_a_lasso() -> None:
    sim = cluster(pod("p", "c"), nodes=1)  # the claim is nowhere: the scheduler tries again for ever
    report = volsim.explore(sim, properties=[properties.eventually("p runs", running)])
    assert report.complete
    [violation] = report.violations
    assert violation.story.cycle
    assert "and so on for ever" in str(violation)


def test_an_eventually_that_ends_without_is_a_path() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    lives = properties.eventually("a pod is there", lambda sim: bool(sim.list("pods")))
    report = volsim.explore(sim, faults=Faults(pod_deletions=1), properties=[lives])
    [violation] = report.violations
    assert violation.story.cycle == ()
    assert violation.simulation.list("pods") == []


def test_an_eventually_holds_where_every_path_comes_to_it() -> None:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)
    report = volsim.explore(sim, properties=[properties.eventually("p runs", running)])
    assert report.ok


def test_an_always_about_nothing_is_vacuous() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    failed = properties.always(
        "what fails is restarted", lambda sim: True, when=lambda sim: sim.get("pod/p").status.phase == "Failed"
    )
    report = volsim.explore(sim, properties=[failed])
    assert report.ok
    assert report.vacuous == ("what fails is restarted",)
    assert "it never came to that" in str(report)


def test_a_property_that_raises_is_told_with_its_story() -> None:
    sim = two_claims()

    def holds(sim: volsim.Simulation) -> bool:
        if sim.get("pvc/c").status.phase == "Bound":
            raise LookupError("what now")
        return True

    report = volsim.explore(sim, properties=[properties.always("p", holds)])
    [violation] = report.violations
    assert violation.error == "LookupError: what now"
    assert "pv-binder: bind claim default/c to volume v" in str(violation)


def test_what_a_property_remembers_keeps_situations_apart() -> None:
    """Whether c was bound at any time: to end bound to nothing is not the same before and after."""

    def is_bound(sim: engine.Simulation) -> bool:
        return any(each.status.phase == "Bound" for each in sim.list("pvc"))

    seen = Observer(is_bound, lambda memory, sim: memory or is_bound(sim))
    once = properties.always("once bound, for ever bound", lambda sim, was: not was or is_bound(sim), observer=seen)
    sim = settled(cluster(volume("v"), claim("c")))
    faults = Faults(user_actions=["kubectl delete pvc c --wait=false"])
    report = volsim.explore(sim, faults=faults, properties=[once])
    assert [violation.name for violation in report.violations] == [once.name]


def test_within_counts_from_when_it_ceased_to_hold() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    soon = properties.within("p runs again", "5s", running)
    assert volsim.explore(sim, faults=Faults(container_crashes=1), properties=[soon]).ok


def test_within_is_broken_where_nothing_happens_any_more() -> None:
    """No step is taken when the limit is over: time passes all the same."""
    sim = settled(cluster(pod("p"), nodes=1))
    late = properties.within("the node answers again", "1m", lambda sim: sim.get("node/node01").spec.taints == ())
    report = volsim.explore(sim, faults=Faults(node_failures=1, healing=False), properties=[late])
    assert [violation.name for violation in report.violations] == [late.name]
    assert volsim.explore(sim, faults=Faults(reboots=1), properties=[late]).ok


# -- honesty -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bound_by", [{"max_states": 3}, {"max_depth": 1}, {"max_seconds": 0.0}, {"until": "0s"}])
def test_what_was_not_seen_is_unknown(bound_by: dict[str, object]) -> None:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)
    never = properties.always("nothing is lost", lambda sim: sim.get("pvc/c").status.phase != "Lost")
    report = volsim.explore(sim, faults=Faults(node_failures=1), properties=[never], **bound_by)  # type: ignore[arg-type]
    assert (report.verdict, report.ok, report.complete) == ("unknown", False, False)
    assert report.explored.stopped_by == next(iter(bound_by))
    assert report.hints


def test_random_walks_never_have_seen_everything() -> None:
    report = volsim.explore(
        two_claims(), properties=[bound("c"), bound("d")], strategy="random", max_states=200, seed=1
    )
    assert not report.complete
    assert {answer.verdict.value for answer in report.answers} == {"holds"}


def test_an_unknown_word_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(volsim.VolsimError, match="'width' is no strategy; there are 'breadth', 'depth', 'random'"):
        volsim.explore(two_claims(), strategy="width")
    with pytest.raises(volsim.VolsimError, match="'magic' is no reduction"):
        volsim.explore(two_claims(), reductions=["magic"])


@pytest.mark.parametrize("strategy", [Strategy.BREADTH, Strategy.DEPTH])
def test_depth_first_sees_the_same_situations(strategy: Strategy) -> None:
    asked = [bound("c"), bound("d")]
    report = volsim.explore(two_claims(), properties=asked, strategy=strategy, order="any")
    assert report.ok
    assert report.states == volsim.explore(two_claims(), properties=asked, order="any").states


def test_breadth_first_gives_a_shortest_story() -> None:
    sim = settled(cluster(pod("p"), nodes=2))
    off = properties.always(
        "all nodes are on", lambda sim: all(m.powered for m in sim.state.table("machines").values())
    )
    faults = Faults(node_failures=1)
    report = volsim.explore(sim, faults=faults, properties=[off])
    assert len(report.violations[0].trace) == 1
    assert len(volsim.explore(sim, faults=faults, properties=[off], strategy="depth").violations) == 1


# -- stories -----------------------------------------------------------------------------------------------------------
def stuck() -> Violation:
    sim = settled(cluster(pod("p"), nodes=1))
    again = properties.eventually("p runs", lambda sim: running(sim) and sim.state.get("machines", "node01").powered)
    report = volsim.explore(sim, faults=Faults(node_failures=1, healing=False), properties=[again])
    return report.violations[0]


def test_a_story_is_done_again_step_by_step() -> None:
    sim = settled(cluster(pod("p"), nodes=1))
    for action in stuck().story.actions:
        sim.perform(action)
    assert not sim.state.get("machines", "node01").powered


def test_a_story_is_a_script_and_a_test_that_run() -> None:
    setup = "from tests.exploration.clusters import cluster, pod, settled\nsim = settled(cluster(pod('p'), nodes=1))"
    story = stuck().story
    names: dict[str, object] = {}
    exec(compile(story.script(setup), "script", "exec"), names)
    assert not names["sim"].state.get("machines", "node01").powered  # type: ignore[attr-defined]
    exec(compile(story.test("it_runs", setup, "sim.state.get('machines', 'node01').powered"), "test", "exec"), names)
    with pytest.raises(AssertionError):
        names["test_it_runs"]()  # type: ignore[operator]


# -- the graph ---------------------------------------------------------------------------------------------------------
def test_the_graph_has_every_situation_and_move() -> None:
    report = volsim.explore(two_claims(), graph=True, order="any", reductions=())
    graph = report.graph
    assert (len(graph), graph.number_of_edges()) == (report.states, report.explored.transitions)
    ends = [node for node, data in graph.nodes(data=True) if data["terminal"]]
    assert len(ends) == len(report.explored.terminal) == 2
    assert nx.is_weakly_connected(graph)
    assert max(nx.single_source_shortest_path_length(graph, 0).values()) == report.explored.depth


def test_a_graph_that_was_not_asked_for_is_not_there() -> None:
    with pytest.raises(volsim.VolsimError, match="graph=True"):
        _ = volsim.explore(two_claims()).graph


def test_small_graphs_are_drawn() -> None:
    graph = volsim.explore(cluster(volume("v"), claim("c")), graph=True).graph
    assert mermaid(graph).startswith("stateDiagram-v2\n    [*] --> s0\n    s0 --> s1: ")
    assert dot(graph).startswith("digraph situations {")
    assert "doublecircle" in dot(graph)
    assert graph.nodes[0]["distance"] == 0
    with pytest.raises(volsim.VolsimError, match="cannot be read"):
        mermaid(nx.complete_graph(201, nx.MultiDiGraph))


def test_progress_is_told() -> None:
    told: list[Progress] = []
    volsim.explore(two_claims(), progress=told.append)
    assert [each.states for each in told] == sorted(each.states for each in told)
    assert told[-1].frontier == 0


# -- reductions --------------------------------------------------------------------------------------------------------
def test_each_reduction_leaves_fewer_situations() -> None:
    sim = settled(cluster(pod("p"), nodes=3))
    faults = Faults(node_failures=1)
    everything = volsim.explore(sim, faults=faults, reductions=()).states
    alone = [
        volsim.explore(sim, faults=faults, reductions=[reduction]).states
        for reduction in (Reduction.IDLE, Reduction.SYMMETRY, Reduction.COMMUTING)
    ]
    assert max(alone) < everything
    assert volsim.explore(sim, faults=faults).states < min(alone)
