"""A search with an executor finds out the same, word for word, whoever follows the moves and however many they are."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import attrs
import pytest

import volsim
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from volsim import Faults, properties
from volsim.control.contract import NOTHING
from volsim.engine import simulation as engine
from volsim.exploration import Observer, Progress, Property, search
from volsim.exploration.report import Report
from volsim.programs import Pause, images

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


# -- who follows the moves ---------------------------------------------------------------------------------------------
class AtOnce(Executor):
    """Does what it gets at once, in this very thread, as if it were elsewhere."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def processes(method: str) -> Iterator[Executor]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        yield pool


@contextmanager
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


@contextmanager
def dask() -> Iterator[Executor]:
    distributed = pytest.importorskip("distributed")
    options: dict[str, Any] = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=2, **options) as hosts, distributed.Client(hosts) as client:
        yield client.get_executor()


@contextmanager
def at_once() -> Iterator[Executor]:
    yield AtOnce()


MAKERS: dict[str, Callable[[], Any]] = {
    "at once": at_once,
    "threads": threads,
    "fork": lambda: processes("fork"),
    "spawn": lambda: processes("spawn"),
    "dask": dask,
}


@pytest.fixture(scope="module", params=MAKERS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "fork" and sys.platform == "win32":
        pytest.skip("this system cannot fork")
    with MAKERS[request.param]() as made:
        yield made


# -- what is explored --------------------------------------------------------------------------------------------------
def is_bound(sim: engine.Simulation) -> bool:
    return any(each.status.phase == "Bound" for each in sim.list("pvc"))


def two_claims() -> dict[str, Any]:
    """Holds, a *sometimes* that shows and one that does not."""
    never = properties.sometimes("both are bound", lambda sim: all(c.status.phase == "Bound" for c in sim.list("pvc")))
    return {
        "sim": cluster(volume("v"), claim("c"), claim("d")),
        "properties": [properties.sometimes("one is bound", is_bound), never],
        "order": "any",
    }


def lasso() -> dict[str, Any]:
    """A pod whose claim is nowhere is tried again for ever."""
    runs = properties.eventually("p runs", lambda sim: sim.get("pod/p").status.phase == "Running")
    return {"sim": cluster(pod("p", "c"), nodes=1), "properties": [runs]}


def node_that_fails() -> dict[str, Any]:
    """Two replicas on two nodes, of which one may fail and return: all reductions, restarts, a clock of its own."""
    sim = settled(cluster(deployment("web", 2), nodes=2))
    asked = [
        properties.runs("deploy/web"),
        properties.always("two at most", lambda sim: len(sim.list("pods")) <= 2),
        properties.within("two are there", "10m", lambda sim: len(sim.list("pods")) >= 2),
    ]
    return {"sim": sim, "properties": asked, "faults": Faults(node_failures=1), "max_states": 400}


def path_that_is_remembered() -> dict[str, Any]:
    """To be bound to nothing is not the same before and after."""
    seen = Observer(is_bound, lambda memory, sim: memory or is_bound(sim))
    once = properties.always("once bound, for ever bound", lambda sim, was: not was or is_bound(sim), observer=seen)
    faults = Faults(user_actions=["kubectl delete pvc c --wait=false"])
    return {"sim": settled(cluster(volume("v"), claim("c"))), "properties": [once], "faults": faults}


def property_that_raises() -> dict[str, Any]:
    def raises(sim: volsim.Simulation) -> bool:
        if is_bound(sim):
            raise LookupError("what now")
        return True

    about = properties.always("of nothing", lambda sim: True, when=lambda sim: not sim.list("pvc"))
    return {"sim": cluster(volume("v"), claim("c")), "properties": [properties.always("p", raises), about]}


def crashes_and_delays() -> dict[str, Any]:
    sim = cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1)
    return {"sim": sim, "faults": Faults(controller_crashes=1), "order": "slow", "max_states": 60}


def begun_anew() -> dict[str, Any]:
    """What was relied on turns out to be wrong: everything is gone over once more."""
    sim = cluster(deployment("web", 1), pod("p"), nodes=1)
    all_run = properties.eventually("all run", lambda sim: all(p.status.phase == "Running" for p in sim.list("pods")))
    return {"sim": sim, "properties": [all_run]}


CASES = [
    two_claims,
    lasso,
    begun_anew,
    crashes_and_delays,
    node_that_fails,
    path_that_is_remembered,
    property_that_raises,
]


def told(report: Report) -> list[Any]:
    """Everything that a report says, but how long it took."""
    same_time = attrs.evolve(report, explored=attrs.evolve(report.explored, seconds=0.0))
    stories = [(violation.error, violation.story.actions, violation.story.cycle) for violation in report.violations]
    graph: list[Any] = list(report.graph.edges(data="actions"))
    return [str(same_time), list(report.explored.numbers), report.explored.terminal, report.vacuous, stories, graph]


def explored(case: dict[str, Any], **given: Any) -> list[Any]:
    progress: list[Progress] = []
    report = volsim.explore(**{**case, **given}, graph=True, progress=progress.append)
    return [*told(report), [each._replace(seconds=0) for each in progress]]


@cache
def alone(case: Callable[[], dict[str, Any]]) -> list[Any]:
    """What a search without an executor finds."""
    return explored(case())


@pytest.mark.parametrize("case", CASES)
def test_what_is_found_is_the_same(executor: Executor, case: Callable[[], dict[str, Any]]) -> None:
    assert explored(case(), executor=executor) == alone(case)


@pytest.mark.parametrize("bound", [{"max_states": 29}, {"max_depth": 2}, {"until": "20s"}])
def test_a_bound_stops_it_at_the_same_place(executor: Executor, bound: dict[str, Any]) -> None:
    case = {**node_that_fails(), **bound}
    found = explored(case, executor=executor)
    assert found == explored(case)
    assert found[0].startswith(("unknown", "violated"))


def test_one_of_them_is_gone_over_twice() -> None:
    runs = {case.__name__: alone(case)[-1][-1].run for case in CASES}
    assert runs == {case.__name__: 2 if case is begun_anew else 1 for case in CASES}


def test_time_that_is_over_is_over(executor: Executor) -> None:
    report = volsim.explore(**node_that_fails(), max_seconds=0.0, executor=executor)
    assert report.explored.stopped_by == "max_seconds"
    assert report.verdict == "unknown"


def never_binds() -> Any:
    sim = cluster(volume("v"), claim("c"))
    return sim.engine.replacing("pv-binder", sync=lambda view, key: NOTHING)


def test_a_mutant_is_the_same_mutant_elsewhere(executor: Executor) -> None:
    case = two_claims()
    found = search(case["sim"].state, never_binds(), properties=case["properties"], executor=executor)
    assert [str(answer.verdict) for answer in found.answers] == ["violated", "violated"]


def test_a_program_of_ones_own_runs_elsewhere_as_well(executor: Executor) -> None:
    before = images.registry()
    sim = volsim.Simulation(nodes=1)
    sim.register_program("quits", lambda process, memory: Pause.exited(3))
    manifest = pod("p")
    manifest["spec"]["containers"][0]["image"] = "quits"
    manifest["spec"]["restartPolicy"] = "Never"
    sim.apply(manifest)
    fails = properties.eventually("it fails", lambda sim: sim.get("pod/p").status.phase == "Failed")
    report = volsim.explore(sim, properties=[fails], executor=executor)
    images.restore(before)
    assert report.ok


def test_what_is_raised_is_raised_here(executor: Executor) -> None:
    waits = Faults(user_actions=["kubectl delete pod p"])
    sim = settled(cluster(pod("p"), nodes=1))
    with pytest.raises(volsim.VolsimError, match="add --wait=false"):
        volsim.explore(sim, faults=waits, executor=executor)


# -- what goes wrong ---------------------------------------------------------------------------------------------------
def test_only_a_breadth_first_search_can_be_shared() -> None:
    for strategy in ("depth", "random"):
        with pytest.raises(volsim.VolsimError, match="only a breadth-first search can be shared"):
            volsim.explore(two_claims()["sim"], strategy=strategy, executor=AtOnce())


def test_a_property_that_cannot_travel_is_named() -> None:
    lock = threading.Lock()

    def holds(sim: volsim.Simulation) -> bool:
        with lock:
            return True

    with pytest.raises(volsim.VolsimError, match=r"property 'p' cannot be sent .* ThreadPoolExecutor"):
        volsim.explore(cluster(), properties=[properties.always("p", holds)], executor=AtOnce())


def test_without_cloudpickle_functions_of_a_module_travel_and_others_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    sim = cluster(volume("v"), claim("c"))
    assert volsim.explore(sim, properties=[properties.sometimes("b", is_bound)], executor=AtOnce()).ok
    nameless = properties.sometimes("b", lambda sim: bool(sim.list("pvc")))
    with pytest.raises(volsim.VolsimError, match=r"property 'b' cannot be sent .* install volsim\[parallel\]"):
        volsim.explore(sim, properties=[nameless], executor=AtOnce())


def test_an_executor_that_is_shut_down_is_an_error_that_says_so() -> None:
    for pool in (ThreadPoolExecutor(1), ProcessPoolExecutor(1)):
        pool.shutdown()
        with pytest.raises(volsim.VolsimError, match=r"the executor takes no work .* before it is shut down"):
            volsim.explore(cluster(), executor=pool)


def test_a_worker_that_dies_is_an_error_that_says_what_to_do() -> None:
    here = os.getpid()

    def dies(sim: volsim.Simulation) -> bool:
        if os.getpid() != here:
            os._exit(3)
        return True

    asked: list[Property] = [properties.always("p", dies)]
    with processes("spawn") as pool, pytest.raises(volsim.VolsimError, match="a worker of the executor was lost"):
        volsim.explore(cluster(volume("v"), claim("c")), properties=asked, executor=pool)


def test_a_worker_that_knows_too_little_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from volsim.exploration import workers

    def cannot(*given: Any) -> Any:
        raise ModuleNotFoundError("No module named 'mine'")

    monkeypatch.setattr(workers, "_Site", cannot)
    with pytest.raises(volsim.VolsimError, match=r"No module named 'mine'.*must be installed there, too"):
        volsim.explore(cluster(), executor=AtOnce())
