"""What the strategies make is valid, collides, and shrinks to what reads best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import volsim
from volsim import objects
from volsim.testing import Call, cluster_of, strategies

OBJECTS: dict[str, SearchStrategy[Any]] = {
    "nodes": strategies.nodes(),
    "storage_classes": strategies.storage_classes(),
    "persistent_volumes": strategies.persistent_volumes(),
    "claims": strategies.claims(),
    "pods": strategies.pods(),
}


@pytest.mark.parametrize("kind", OBJECTS)
@given(data=st.data())
def test_the_newest_api_server_accepts_every_object(kind: str, data: st.DataObject) -> None:
    obj = data.draw(OBJECTS[kind])
    (created,) = volsim.Simulation(nodes=0).create(obj)
    assert created.name == obj.name


@pytest.mark.parametrize("kind", OBJECTS)
@given(data=st.data())
def test_every_object_prints_as_python_that_rebuilds_it(kind: str, data: st.DataObject) -> None:
    obj = data.draw(OBJECTS[kind])
    assert eval(repr(obj), vars(objects).copy()) == obj


@given(st.data())
def test_quantities_lie_between_the_bounds(data: st.DataObject) -> None:
    least, most = sorted([data.draw(strategies.quantities()), data.draw(strategies.quantities())])
    drawn = data.draw(strategies.quantities(min_value=str(least), max_value=str(most)))
    assert least <= drawn <= most


def test_bounds_between_which_there_is_nothing_are_refused() -> None:
    with pytest.raises(volsim.VolsimError, match="no whole number from 100m to 200m"):
        strategies.quantities(min_value="100m", max_value="200m")


@given(strategies.clusters())
@settings(suppress_health_check=[HealthCheck.data_too_large])
def test_a_cluster_has_had_no_time_yet_and_settles(sim: volsim.Simulation) -> None:
    assert sim.now == 0
    assert 1 <= len(sim.list("nodes")) <= 3
    sim.settle()


@given(strategies.clusters(max_nodes=1, max_classes=0, max_volumes=0, max_claims=0, max_pods=0))
def test_a_cluster_has_no_more_than_asked_for(sim: volsim.Simulation) -> None:
    assert len(sim.list("nodes")) == 1
    assert not any(sim.list(kind) for kind in ("storageclasses", "pv", "pvc", "pods"))


@given(strategies.clusters(), st.lists(strategies.actions(), max_size=4))
def test_what_is_done_to_a_cluster_is_done_or_refused(sim: volsim.Simulation, calls: list[Call]) -> None:
    for call in calls:
        before = sim.state
        if not call.do(sim):
            assert sim.state == before


# -- shrinking ---------------------------------------------------------------------------------------------------------
class _FoundIt(Exception):
    """The example is one that is looked for."""


def smallest(strategy: SearchStrategy[Any], wanted: Callable[[Any], bool] = lambda _: True) -> Any:
    """What Hypothesis shows of all that is wanted: the example that it tries last."""
    found = []

    @settings(
        derandomize=True, database=None, max_examples=500, phases=[Phase.generate, Phase.shrink], print_blob=False
    )
    @given(strategy)
    def look(drawn: Any) -> None:
        if wanted(drawn):
            found.append(drawn)
            raise _FoundIt

    with pytest.raises(_FoundIt):
        look()
    return found[-1]


SMALLEST_VOLUME = (
    "PersistentVolume(metadata=ObjectMeta(name='v1'), spec=PersistentVolumeSpec(access_modes=('ReadWriteOnce',), "
    "capacity={'storage': Quantity('1Gi')}, nfs=NFSVolumeSource(path='/v1', server='nfs.example.com'), "
    "storage_class_name=''))"
)
SMALLEST_CLAIM = (
    "PersistentVolumeClaim(metadata=ObjectMeta(name='c1', namespace='default'), "
    "spec=PersistentVolumeClaimSpec(access_modes=('ReadWriteOnce',), "
    "resources=VolumeResourceRequirements(requests={'storage': Quantity('1Gi')}), storage_class_name=''))"
)
SMALLEST_POD = (
    "Pod(metadata=ObjectMeta(name='p1', namespace='default'), "
    "spec=PodSpec(containers=(Container(name='app', image='nginx'),)))"
)
SMALLEST_CLASS = "StorageClass(metadata=ObjectMeta(name='fast'), provisioner='kubernetes.io/no-provisioner')"

MINIMAL: list[tuple[str, SearchStrategy[Any], str]] = [
    ("quantities", strategies.quantities(), "Quantity('0')"),
    ("quantities from one on", strategies.quantities(min_value="1"), "Quantity('1')"),
    ("sizes", strategies.sizes(), "Quantity('1Gi')"),
    ("access_modes", strategies.access_modes(), "('ReadWriteOnce',)"),
    ("nodes", strategies.nodes(), "Node(metadata=ObjectMeta(name='node01'))"),
    ("storage_classes", strategies.storage_classes(), SMALLEST_CLASS),
    ("persistent_volumes", strategies.persistent_volumes(), SMALLEST_VOLUME),
    ("claims", strategies.claims(), SMALLEST_CLAIM),
    ("pods", strategies.pods(), SMALLEST_POD),
    ("actions", strategies.actions(), "Call(method='run', argument='1s')"),
]


@pytest.mark.parametrize(("name", "strategy", "text"), MINIMAL, ids=[name for name, *_ in MINIMAL])
def test_each_shrinks_to_what_reads_best(name: str, strategy: SearchStrategy[Any], text: str) -> None:
    assert repr(smallest(strategy)) == text


def test_a_cluster_shrinks_to_one_node_and_nothing_else() -> None:
    assert smallest(strategies.clusters()).state == cluster_of().state


def ends_with_a_bound_claim(sim: volsim.Simulation) -> bool:
    fork = sim.fork()
    fork.settle()
    return any(claim.status.phase == "Bound" for claim in fork.list("pvc"))


def test_whoever_looks_for_a_bound_claim_gets_a_volume_and_a_claim_and_nothing_besides() -> None:
    sim = smallest(strategies.clusters(), ends_with_a_bound_claim)
    assert [obj.name for kind in ("sc", "pv", "pvc", "pods") for obj in sim.list(kind)] == ["v1", "c1"]


# -- calls -------------------------------------------------------------------------------------------------------------
def test_a_call_prints_as_it_would_be_written() -> None:
    assert str(Call("fail_node", "node01")) == "sim.fail_node('node01')"


def test_a_call_says_whether_it_was_accepted() -> None:
    sim = cluster_of(nodes=1)
    assert Call("fail_node", "node01").do(sim)
    assert not Call("fail_node", "node09").do(sim)
