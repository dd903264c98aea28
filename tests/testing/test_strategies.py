"""What the strategies make is valid, collides, and shrinks to what reads best."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import volsim
from volsim import objects
from volsim.exercises import given as given_manifests
from volsim.quantity import Quantity
from volsim.testing import Call, cluster_of, strategies

OBJECTS: dict[str, SearchStrategy[Any]] = {
    "nodes": strategies.nodes(),
    "storage_classes": strategies.storage_classes(),
    "persistent_volumes": strategies.persistent_volumes(),
    "claims": strategies.claims(),
    "pods": strategies.pods(),
    "deployments": strategies.deployments(),
    "stateful_sets": strategies.stateful_sets(),
    "daemon_sets": strategies.daemon_sets(),
    "jobs": strategies.jobs(),
    "workloads": strategies.workloads(),
    "namespaces": strategies.namespaces(),
    "config_maps": strategies.config_maps(),
    "secrets": strategies.secrets(),
    "disruption_budgets": strategies.disruption_budgets(),
}
INVALID: dict[str, SearchStrategy[strategies.Refused]] = {
    "invalid_claims": strategies.invalid_claims(),
    "invalid_persistent_volumes": strategies.invalid_persistent_volumes(),
    "invalid_pods": strategies.invalid_pods(),
    "invalid_storage_classes": strategies.invalid_storage_classes(),
    "invalid_workloads": strategies.invalid_workloads(),
}


@pytest.mark.parametrize("name", [name for name in strategies.__all__ if name == name.lower()])
def test_a_strategy_takes_what_it_is_given_by_name_and_says_how_it_shrinks(name: str) -> None:
    strategy = getattr(strategies, name)
    kinds = {parameter.kind for parameter in signature(strategy).parameters.values()}
    assert kinds <= {Parameter.KEYWORD_ONLY}
    assert "Shrinks to " in (strategy.__doc__ or "")


def test_every_strategy_for_objects_is_tried() -> None:
    others = {"access_modes", "action_sequences", "actions", "clusters", "designs", "fault_schedules", "faults"}
    others |= {"invalid_quantities", "objects", "quantities", "sizes"}
    functions = {name for name in strategies.__all__ if name == name.lower()}
    assert functions - others == OBJECTS.keys() | INVALID.keys()


@pytest.mark.parametrize("kind", OBJECTS)
@given(data=st.data())
@settings(max_examples=30)
def test_the_newest_api_server_accepts_every_object(kind: str, data: st.DataObject) -> None:
    obj = data.draw(OBJECTS[kind])
    (created,) = volsim.Simulation(nodes=0).create(obj)
    assert created.name == obj.name


@pytest.mark.parametrize("kind", OBJECTS)
@given(data=st.data())
@settings(max_examples=30)
def test_every_object_prints_as_python_that_rebuilds_it(kind: str, data: st.DataObject) -> None:
    obj = data.draw(OBJECTS[kind])
    assert eval(repr(obj), vars(objects).copy()) == obj


@pytest.mark.parametrize("kind", INVALID)
@given(data=st.data())
@settings(max_examples=60)
def test_what_is_invalid_is_refused_and_the_field_is_named(kind: str, data: st.DataObject) -> None:
    obj, field = data.draw(INVALID[kind])
    sim = volsim.Simulation(nodes=0)
    before = sim.state
    with pytest.raises(volsim.Invalid) as refusal:
        sim.create(obj)
    named = [error.field for error in refusal.value.errors]
    assert any(name == field or name.startswith((f"{field}.", f"{field}[")) for name in named), (field, named)
    assert sim.state == before


@given(strategies.invalid_quantities())
def test_an_invalid_quantity_is_refused_wherever_it_stands(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|suffix|blank"):
        Quantity(text)
    claim = given_manifests.claim("c", text)
    with pytest.raises(volsim.VolsimError, match="storage"):
        volsim.Simulation(nodes=0).create(claim)


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


@given(strategies.designs())
@settings(max_examples=30)
def test_a_design_is_accepted_whole_and_its_claim_finds_its_volume(design: list[Any]) -> None:
    sim = cluster_of(design, nodes=2)
    sim.settle()
    assert len(sim.list("deployments")) + len(sim.list("statefulsets")) == 1
    classes = {each.name: each.volume_binding_mode for each in sim.list("storageclasses")}
    claim = sim.get("pvc/c1")
    if classes.get(claim.spec.storage_class_name) != "WaitForFirstConsumer":
        assert claim.status.phase == "Bound"


@given(strategies.fault_schedules(max_faults=3, healed=True))
@settings(max_examples=30)
def test_after_a_healed_schedule_all_nodes_answer(schedule: list[Call]) -> None:
    sim = cluster_of(nodes=3)
    assert all(call.do(sim) for call in schedule)
    sim.run("10m")
    conditions = [condition for node in sim.list("nodes") for condition in node.status.conditions]
    assert [each.status for each in conditions if each.type == "Ready"] == ["True"] * 3


@given(strategies.clusters(), strategies.action_sequences(max_size=4))
@settings(max_examples=60)
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

SMALLEST_BUDGET = (
    "PodDisruptionBudget(metadata=ObjectMeta(name='app1', namespace='default'), "
    "spec=PodDisruptionBudgetSpec(min_available=1, selector=LabelSelector(match_labels={'app': 'app1'})))"
)
SMALLEST_DEPLOYMENT = (
    "Deployment(metadata=ObjectMeta(name='app1', namespace='default'), "
    "spec=DeploymentSpec(replicas=1, selector=LabelSelector(match_labels={'app': 'app1'}), "
    "template=PodTemplateSpec(metadata=ObjectMeta(labels={'app': 'app1'}), "
    "spec=PodSpec(containers=(Container(name='app', image='nginx'),)))))"
)

SMALLEST_TEMPLATE = SMALLEST_DEPLOYMENT.partition("template=")[2][:-2]
SMALLEST_STATEFUL_SET = (
    "StatefulSet(metadata=ObjectMeta(name='app1', namespace='default'), "
    "spec=StatefulSetSpec(replicas=1, selector=LabelSelector(match_labels={'app': 'app1'}), service_name='app1', "
    f"template={SMALLEST_TEMPLATE}))"
)
SMALLEST_DAEMON_SET = (
    "DaemonSet(metadata=ObjectMeta(name='app1', namespace='default'), "
    f"spec=DaemonSetSpec(selector=LabelSelector(match_labels={{'app': 'app1'}}), template={SMALLEST_TEMPLATE}))"
)
SMALLEST_JOB = (
    "Job(metadata=ObjectMeta(name='app1', namespace='default'), spec=JobSpec(completions=1, "
    "template=PodTemplateSpec(spec=PodSpec(containers=(Container(name='app', image='nginx'),), "
    "restart_policy='Never'))))"
)

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
    ("action_sequences", strategies.action_sequences(), "[]"),
    ("faults", strategies.faults(), "Call(method='fail_node', argument='node01')"),
    ("fault_schedules", strategies.fault_schedules(), "[]"),
    ("namespaces", strategies.namespaces(), "Namespace(metadata=ObjectMeta(name='team1'))"),
    ("disruption_budgets", strategies.disruption_budgets(), SMALLEST_BUDGET),
    ("deployments", strategies.deployments(), SMALLEST_DEPLOYMENT),
    ("stateful_sets", strategies.stateful_sets(), SMALLEST_STATEFUL_SET),
    ("daemon_sets", strategies.daemon_sets(), SMALLEST_DAEMON_SET),
    ("jobs", strategies.jobs(), SMALLEST_JOB),
    ("workloads", strategies.workloads(), SMALLEST_DEPLOYMENT),
    ("config_maps", strategies.config_maps(), "ConfigMap(metadata=ObjectMeta(name='settings', namespace='default'))"),
    ("secrets", strategies.secrets(), "Secret(metadata=ObjectMeta(name='password', namespace='default'))"),
    ("objects", strategies.objects(), "[]"),
    ("designs", strategies.designs(), f"[{SMALLEST_VOLUME}, {SMALLEST_CLAIM}, {SMALLEST_DEPLOYMENT}]"),
    ("invalid_quantities", strategies.invalid_quantities(), "'1Gb'"),
    ("invalid_volumes", strategies.invalid_persistent_volumes().map(lambda it: it.field), "'spec.accessModes'"),
    ("invalid_pods", strategies.invalid_pods().map(lambda refused: refused.field), "'spec.containers'"),
    ("invalid_classes", strategies.invalid_storage_classes().map(lambda refused: refused.field), "'provisioner'"),
    ("invalid_workloads", strategies.invalid_workloads().map(lambda refused: refused.field), "'spec.selector'"),
    ("invalid_claims", strategies.invalid_claims().map(lambda refused: refused.field), "'spec.accessModes'"),
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
