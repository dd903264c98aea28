"""Laws of workloads: what controllers promise, whoever else is at work, in whatever order, whatever breaks.

Each law is a function of the semantics, what happens and the order of work: so it can be held against wrong semantics,
too, and shown to notice them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.control.test_disruption import budget
from tests.control.workloads import come_to, condition, deployment, job, workload
from volsim.apiserver.writes import Delete, Update, UpdateStatus
from volsim.control.contract import NOTHING, Outcome
from volsim.control.deployment.rollout import fenceposts, rolls, size_of
from volsim.control.stateful_set.identity import ordinal_of, revision_of
from volsim.control.workload import condition_of, has_ended, is_active, is_ready
from volsim.engine.actions import Request, Step, Sync
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine
from volsim.errors import VolsimError
from volsim.objects import Job, Pod, PodDisruptionBudget, ReplicaSet, StatefulSet
from volsim.simulation import Simulation
from volsim.state import State, View

Check = Callable[[State, Step, State], None]
"""Looks at one step: the state before it, and after it."""
ANYWHERE = {"nodeName": None}
"""Pods that go where the scheduler puts them."""


# -- how a run goes ----------------------------------------------------------------------------------------------------
class Happening(NamedTuple):
    """Something that people or the world do, to the `which`-th that there is, and how long it is quiet after that."""

    what: str
    which: int = 0
    seconds: int = 60


def happenings(*what: str, most: int = 6) -> st.SearchStrategy[list[Happening]]:
    """Some things that happen; shrink towards few of them."""
    pauses = st.sampled_from([1, 60, 400, 5])
    return st.lists(st.builds(Happening, st.sampled_from(what), st.integers(0, 3), pauses), max_size=most)


orders = st.lists(st.integers(0, 20), max_size=40)
"""Who works next, among those who can: first come, first served where it says 0, and after its end."""


def passes(sim: Simulation, order: Iterator[int], seconds: int, check: Check) -> Simulation:
    """Let time pass, in the order that is given, with a look at every step."""
    engine, state = sim.engine, sim.state
    end_us = state.now_us + seconds * 1_000_000
    while True:
        draft = state.draft(engine.watches)
        action = engine.next_action(draft, end_us)
        if action is None:
            draft.wait_until(end_us)
            return come_to(sim, draft.seal())
        number = next(order, 0)
        if number:
            enabled = list(engine.enabled(state))
            action = enabled[number % len(enabled)]
        after, step = engine.perform(state, action)
        check(state, step, after)
        state = after


def happen(sim: Simulation, happening: Happening) -> None:
    """Do it, if it can be done."""
    what, which, _ = happening
    nodes, pods = sim.list("nodes"), sim.list("pods")
    node = nodes[which % len(nodes)].name
    with suppress(VolsimError):
        match what:
            case "fail":
                sim.fail_node(node)
            case "partition":
                sim.partition_node(node)
            case "mend":
                mend(sim)
            case "crash" | "delete" | "force" | "succeed" if pods:
                pod = f"pod/{pods[which % len(pods)].name}"
                if what in ("crash", "succeed"):
                    sim.exit_container(pod, 0 if what == "succeed" else 137)
                else:
                    sim.delete(pod, force=what == "force")


def mend(sim: Simulation) -> None:
    """Bring all nodes back."""
    for node in sim.list("nodes"):
        sim.recover_node(node.name)
        sim.heal_node(node.name)


def nobody_looks(before: State, step: Step, after: State) -> None:
    """For runs in which only the end counts."""


# -- rollouts ----------------------------------------------------------------------------------------------------------
numbers = st.integers(0, 3) | st.sampled_from(["0%", "25%", "50%", "100%"])


@st.composite
def strategies(draw: st.DrawFn) -> dict[str, Any]:
    """Valid strategies; shrink towards Recreate, then towards small numbers."""
    if not draw(st.booleans()):
        return {"type": "Recreate"}
    surge, unavailable = draw(numbers), draw(numbers)
    if surge in (0, "0%") and unavailable in (0, "0%"):
        surge = 1  # both zero is refused
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def keeps_its_promises(before: State, step: Step, after: State) -> None:
    """No more pods are asked for than the surge allows, and nobody who is well has to go below what must be there."""
    found = after.deployments.get("default/web")
    if found is None or not rolls(found):
        return
    surge, unavailable = fenceposts(found)
    replicas = found.spec.replicas or 0
    assert sum(map(size_of, after.replica_sets.values())) <= replicas + surge
    if isinstance(step.action, Sync) and step.action.controller == "deployment":
        available = {key: each.status.available_replicas or 0 for key, each in before.replica_sets.items()}
        kept = sum(min(available.get(key, 0), size_of(each)) for key, each in after.replica_sets.items())
        assert kept >= min(sum(available.values()), replicas - unavailable)


def overlaps_never(before: State, step: Step, after: State) -> None:
    """With Recreate, the pods of one version have all ended before there is one of the next: on the nodes, too."""
    found = after.deployments.get("default/web")
    if found is None or rolls(found):
        return
    alive = {pod.spec.containers[0].image for pod in after.pods.values() if not has_ended(pod)}
    assert len(alive) <= 1
    assert len({pod.spec.containers[0].image for pod in living(after)}) <= 1


def living(state: State) -> list[Pod]:
    """The pods of which a process really runs, on whatever node, as their kubelets know them."""
    found = []
    for key, container in state.table("containers").items():
        sandbox = state.get("sandboxes", key.partition("/")[0])
        machine = state.get("machines", sandbox.node)
        if container.running and machine.powered and container.boot == machine.boot:
            found.append(sandbox.pod)
    return found


def rollouts_keep_their_promises(
    engine: Engine | None, replicas: int, strategy: dict[str, Any], story: list[Happening], order: list[int]
) -> None:
    sim = Simulation(nodes=2, engine=engine)
    drawn = iter(order)

    def looked_at(before: State, step: Step, after: State) -> None:
        keeps_its_promises(before, step, after)
        overlaps_never(before, step, after)

    for number, happening in enumerate([Happening("begin"), *story, Happening("mend", seconds=3600)]):
        if happening.what in ("begin", "image"):
            manifest = deployment(replicas=replicas, strategy=strategy, image=f"nginx:{number}", pod=ANYWHERE)
            sim.apply(manifest)
        else:
            happen(sim, happening)
        sim = passes(sim, drawn, happening.seconds, looked_at)
    found = sim.get("deploy/web")
    assert (found.status.updated_replicas or 0) == (found.status.available_replicas or 0) == replicas
    assert condition(found, "Progressing").reason == "NewReplicaSetAvailable"


@settings(max_examples=15)
@given(st.integers(0, 4), strategies(), happenings("image", "crash", "delete", "fail", "partition", "mend"), orders)
def test_a_rollout_keeps_its_promises_whatever_breaks(
    replicas: int, strategy: dict[str, Any], story: list[Happening], order: list[int]
) -> None:
    rollouts_keep_their_promises(None, replicas, strategy, story, order)


def wrong(name: str, change: Callable[[Any], Any]) -> Engine:
    """Semantics in which one controller's writes are changed."""
    engine = default_engine()
    right = engine.controller(name).sync

    def sync(view: View, key: str) -> Any:
        found = right(view, key)
        return found._replace(writes=tuple(map(change, found.writes))) if isinstance(found, Outcome) else found

    return engine.replacing(name, sync=sync)


def by_force(write: Any) -> Any:
    """A deletion that waits for nobody."""
    return write._replace(grace_seconds=0) if isinstance(write, Delete) else write


def all_at_once(write: Any) -> Any:
    """An old replica set that is shrunk is shrunk to nothing."""
    obj = getattr(write, "obj", None)
    if isinstance(obj, ReplicaSet) and isinstance(write, Update) and size_of(obj) < (obj.status.replicas or 0):
        return write._replace(obj=obj.replace(spec=obj.spec.replace(replicas=0)))
    return write


def test_the_laws_of_rollouts_notice_wrong_ones() -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}
    with pytest.raises(AssertionError):
        rollouts_keep_their_promises(wrong("deployment", all_at_once), 4, rolling, [Happening("image")], [])
    story = [Happening("partition", 0, 1), Happening("partition", 1, 1), Happening("image")]
    rollouts_keep_their_promises(None, 2, {"type": "Recreate"}, story, [])
    with pytest.raises(AssertionError):
        rollouts_keep_their_promises(wrong("replicaset", by_force), 2, {"type": "Recreate"}, story, [])


# -- stateful sets -----------------------------------------------------------------------------------------------------
def has_one_of_each_identity(before: State, step: Step, after: State) -> None:
    """There are never processes of two pods of one name, whatever the API server believes."""
    uids: dict[str, set[str | None]] = {}
    for pod in living(after):
        uids.setdefault(pod.name, set()).add(pod.metadata.uid)
    twice = [name for name, found in uids.items() if len(found) > 1]
    assert not twice, f"two of {twice}"


def goes_in_order(before: State, step: Step, after: State) -> None:
    """What the controller of an OrderedReady set makes and deletes, it makes and deletes one after the other."""
    if not isinstance(step.action, Sync) or step.action.controller != "statefulset":
        return
    found: StatefulSet = after.table("statefulsets")["default/web"]
    pods = {ordinal_of(pod): pod for pod in before.pods.values()}
    well = {number for number, pod in pods.items() if is_active(pod) and is_ready(pod)}
    wanted = set(range(found.spec.replicas or 0))
    for change in step.changes:
        if change.table != "pods":
            continue
        if change.before is None:
            has_its_revision(found, change.after)
            if is_ordered(found):
                assert set(range(ordinal_of(change.after))) <= well
        elif is_active(change.before) and (change.after is None or not is_active(change.after)) and is_ordered(found):
            number = ordinal_of(change.before)
            assert wanted <= well
            assert number == max(pods) if number not in wanted else not set(pods) - wanted
            assert number not in wanted or number >= partition_of(found)


def is_ordered(stateful_set: StatefulSet) -> bool:
    return stateful_set.spec.pod_management_policy == "OrderedReady"


def partition_of(stateful_set: StatefulSet) -> int:
    strategy = stateful_set.spec.update_strategy
    rolling = strategy.rolling_update if strategy is not None else None
    return (rolling.partition or 0) if rolling is not None else 0


def has_its_revision(stateful_set: StatefulSet, pod: Pod) -> None:
    """A new pod below the partition is of the current revision, the others are of the new one."""
    status = stateful_set.status
    is_old = ordinal_of(pod) < partition_of(stateful_set)
    assert revision_of(pod) == (status.current_revision if is_old else status.update_revision)


def stateful_sets_keep_their_promises(
    engine: Engine | None, policy: str, story: list[Happening], order: list[int]
) -> None:
    sim = Simulation(nodes=2, engine=engine)
    spec: dict[str, Any] = {"podManagementPolicy": policy, "replicas": 3, "image": "nginx:0", "pod": ANYWHERE}
    drawn = iter(order)

    def looked_at(before: State, step: Step, after: State) -> None:
        has_one_of_each_identity(before, step, after)
        goes_in_order(before, step, after)

    for number, happening in enumerate([Happening("begin"), *story, Happening("mend", seconds=3600)]):
        match happening.what:
            case "image":
                spec["image"] = f"nginx:{number}"
            case "scale":
                spec["replicas"] = happening.which
            case "hold":
                spec["updateStrategy"] = {"rollingUpdate": {"partition": happening.which}}
            case _:
                happen(sim, happening)
        sim.apply(workload("StatefulSet", serviceName="web", **spec))
        sim = passes(sim, drawn, happening.seconds, looked_at)
    found = sim.get("sts/web")
    pods = sim.list("pods")
    assert sorted(map(ordinal_of, pods)) == list(range(found.spec.replicas))
    assert all(is_ready(pod) for pod in pods)
    images = {ordinal_of(pod): pod.spec.containers[0].image for pod in pods}
    assert {image for number, image in images.items() if number >= partition_of(found)} <= {spec["image"]}


@settings(max_examples=20)
@given(
    st.sampled_from(["OrderedReady", "Parallel"]),
    happenings("image", "scale", "hold", "crash", "delete", "fail", "partition", "mend"),
    orders,
)
def test_a_stateful_set_keeps_its_promises_whatever_breaks(
    policy: str, story: list[Happening], order: list[int]
) -> None:
    stateful_sets_keep_their_promises(None, policy, story, order)


def test_the_laws_of_stateful_sets_notice_wrong_ones() -> None:
    """A set that deletes by force has two of one name; only then, or when somebody else forces a deletion."""
    story = [Happening("partition", 0, 100), Happening("image", seconds=400)]
    stateful_sets_keep_their_promises(None, "Parallel", story, [])
    with pytest.raises(AssertionError, match="two of"):
        stateful_sets_keep_their_promises(wrong("statefulset", by_force), "Parallel", story, [])
    forced = [Happening("partition", 0, 100), *(Happening("force", which, 60) for which in range(3))]
    with pytest.raises(AssertionError, match="two of"):
        stateful_sets_keep_their_promises(None, "Parallel", forced, [])


# -- jobs --------------------------------------------------------------------------------------------------------------
def jobs_count_once(
    engine: Engine | None, version: str, spec: dict[str, Any], story: list[Happening], order: list[int]
) -> None:
    """What has succeeded once is counted once, and never taken back."""
    sim, drawn = Simulation(nodes=2, engine=engine, kubernetes=version), iter(order)
    sim.apply(job(backoffLimit=99, **spec))
    succeeded: set[str | None] = set()

    def looked_at(before: State, step: Step, after: State) -> None:
        changed = (change.after for change in step.changes if change.table == "pods" and change.after is not None)
        succeeded.update(pod.metadata.uid for pod in changed if pod.status.phase == "Succeeded")
        was, now = before.table("jobs")["default/work"].status, after.table("jobs")["default/work"].status
        assert (was.succeeded or 0) <= (now.succeeded or 0) <= len(succeeded)

    last = [Happening("mend"), *(Happening("succeed", seconds=400) for _ in range(2 * spec["completions"]))]
    for happening in [Happening("begin"), *story, *last]:
        happen(sim, happening)
        sim = passes(sim, drawn, happening.seconds, looked_at)
    while not condition_of(sim.get("job/work"), "Complete"):
        for pod in sim.list("pods"):
            with suppress(VolsimError):
                sim.exit_container(f"pod/{pod.name}")
        sim = passes(sim, drawn, 400, looked_at)
    assert sim.get("job/work").status.succeeded == spec["completions"]


@settings(max_examples=15)
@given(
    st.sampled_from(["1.26", "1.36"]),
    st.fixed_dictionaries({"parallelism": st.integers(1, 3), "completions": st.integers(1, 3)}),
    happenings("succeed", "crash", "delete", "force", "fail", "partition", "mend"),
    orders,
)
def test_a_job_counts_no_success_twice_whatever_breaks(
    version: str, spec: dict[str, Any], story: list[Happening], order: list[int]
) -> None:
    jobs_count_once(None, version, spec, story, order)


def test_the_law_of_jobs_notices_a_wrong_one() -> None:
    def forgetful(write: Any) -> Any:
        """A report that counts one more."""
        obj = getattr(write, "obj", None)
        if isinstance(obj, Job) and isinstance(write, UpdateStatus) and obj.status.succeeded:
            return write._replace(obj=obj.replace(status=obj.status.replace(succeeded=obj.status.succeeded + 1)))
        return write

    spec, story = {"parallelism": 1, "completions": 2}, [Happening("succeed")]
    jobs_count_once(None, "1.36", spec, story, [])
    with pytest.raises(AssertionError):
        jobs_count_once(wrong("job", forgetful), "1.36", spec, story, [])


# -- the garbage collector ---------------------------------------------------------------------------------------------
class Family(NamedTuple):
    """Objects `0`, `1`, … by their owners (of lower number, or -1 for one that never was), and who is deleted how."""

    owners: list[list[int]]
    blocking: list[bool]
    deletions: list[tuple[int, str]]


@st.composite
def families(draw: st.DrawFn) -> Family:
    """Families; shrink towards few members, few owners and one deletion in the background."""
    size = draw(st.integers(1, 6))
    owners = [draw(st.lists(st.integers(-1, number - 1), unique=True, max_size=2)) for number in range(size)]
    how = st.sampled_from(["Background", "Foreground", "Orphan"])
    deletions = draw(st.lists(st.tuples(st.integers(0, size - 1), how), min_size=1, max_size=3))
    return Family(owners, draw(st.lists(st.booleans(), min_size=size, max_size=size)), deletions)


def left_of(family: Family, upto: int) -> set[int]:
    """Who should be there when everything is done up to a deletion: a fixed point, without any controller."""
    owners = [set(each) for each in family.owners]
    there = set(range(len(owners)))
    for deletion in [None, *family.deletions[:upto]]:
        if deletion is not None and deletion[0] in there:
            number, how = deletion
            there.discard(number)
            if how == "Orphan":
                owners = [each - {number} for each in owners]
        while lost := {number for number in there if owners[number] and not owners[number] & there}:
            there -= lost
        owners = [each & there for each in owners]
    return there


def goes_before_its_owner(uids: dict[str | None, str]) -> Check:
    """An owner that is deleted in the foreground goes after all that it may be blocked by."""

    def look(before: State, step: Step, after: State) -> None:
        for change in step.changes:
            if change.after is None and change.table == "configmaps" and change.before.metadata.uid in uids:
                left = (
                    ref
                    for each in after.table("configmaps").values()
                    for ref in each.metadata.owner_references
                    if ref.uid == change.before.metadata.uid
                )
                assert not any(ref.block_owner_deletion for ref in left)

    return look


def families_end_as_they_should(engine: Engine | None, family: Family, order: list[int]) -> None:
    sim, drawn = Simulation(nodes=0, engine=engine), iter(order)
    made: list[Any] = []
    foreground: dict[str | None, str] = {}
    for number, (owners, block) in enumerate(zip(family.owners, family.blocking, strict=True)):
        refs = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": str(owner) if owner >= 0 else "nobody",
                "uid": made[owner].metadata.uid if owner >= 0 else "never-was",
                "blockOwnerDeletion": block,
            }
            for owner in owners
        ]
        metadata = {"name": str(number), "ownerReferences": refs}
        made += sim.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    for upto in range(len(family.deletions) + 1):
        if upto:
            number, how = family.deletions[upto - 1]
            if how == "Foreground":
                foreground[made[number].metadata.uid] = str(number)
            with suppress(VolsimError):
                sim.delete(f"cm/{number}", propagation=how)
        sim = passes(sim, drawn, 600, goes_before_its_owner(foreground))
        assert {int(each.name) for each in sim.list("cm")} == left_of(family, upto)


@settings(max_examples=50)
@given(families(), orders)
def test_the_garbage_collector_leaves_what_it_should_in_whatever_order(family: Family, order: list[int]) -> None:
    families_end_as_they_should(None, family, order)


def test_the_law_of_the_garbage_collector_notices_wrong_ones() -> None:
    right = default_engine().controller("garbage-collector").sync

    def hasty(view: View, key: str) -> Any:
        """An owner that waits for its dependents is let go without them."""
        table, _, name = key.partition("/")
        obj = view.get(table, name)
        if obj is None or not obj.metadata.finalizers:
            return right(view, key)
        return Outcome((Update(obj.replace(metadata=obj.metadata.replace(finalizers=()))),))

    mutant = default_engine().replacing("garbage-collector", sync=hasty)
    for how in ("Background", "Foreground", "Orphan"):
        family = Family([[], [0], [1]], [True] * 3, [(0, how)])
        families_end_as_they_should(None, family, [])
        if how != "Background":
            with pytest.raises(AssertionError):
                families_end_as_they_should(mutant, family, [])


# -- namespaces --------------------------------------------------------------------------------------------------------
CONTENT = """
- {apiVersion: v1, kind: ConfigMap, metadata: {name: plain}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: held, finalizers: [example.com/hold]}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: orphaning, finalizers: [orphan]}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: waiting, finalizers: [foregroundDeletion]}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: {name: c}
  spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
- apiVersion: v1
  kind: Pod
  metadata: {name: p}
  spec:
    containers: [{name: app, image: nginx, volumeMounts: [{name: data, mountPath: /data}]}]
    volumes: [{name: data, persistentVolumeClaim: {claimName: c}}]
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web}
  spec:
    replicas: 2
    selector: {matchLabels: {app: web}}
    template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: nginx}]}}
- apiVersion: apps/v1
  kind: StatefulSet
  metadata: {name: db}
  spec:
    replicas: 2
    selector: {matchLabels: {app: db}}
    template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: nginx}]}}
    volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
- apiVersion: batch/v1
  kind: Job
  metadata: {name: work}
  spec: {template: {spec: {restartPolicy: Never, containers: [{name: app, image: nginx}]}}}
- apiVersion: example.com/v1
  kind: Widget
  metadata: {name: w, namespace: team}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: v}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], nfs: {server: nas, path: /v}}
"""


def namespaces_end(
    engine: Engine | None, version: str, content: list[dict[str, Any]], quiet: int, order: list[int]
) -> None:
    """A namespace that is deleted goes, unless something in it has a finalizer that nobody here knows."""
    sim = Simulation(nodes=1, engine=engine, kubernetes=version)
    sim.apply("{apiVersion: v1, kind: Namespace, metadata: {name: team}}")
    sim.apply(VOLUME)
    for manifest in content:
        sim.apply(manifest, namespace="team")
    drawn = iter(order)
    sim = passes(sim, drawn, quiet, nobody_looks)
    sim.delete("ns/team")
    sim = passes(sim, drawn, 7200, nobody_looks)
    held = [each["metadata"]["name"] for each in content if "example.com/hold" in str(each)]
    there = [each for kind in ("pods", "pvc", "cm", "deploy", "sts", "job", "rs") for each in sim.list(kind, "team")]
    assert [each.name for each in there] == held
    assert any(each.name == "team" for each in sim.list("ns")) == bool(held)


@pytest.mark.filterwarnings("ignore::volsim.NotModelledWarning")
@settings(max_examples=15)
@given(
    st.sampled_from(["1.24", "1.36"]),
    st.lists(st.sampled_from(yaml.safe_load(CONTENT)), unique_by=str),
    st.sampled_from([0, 1, 60]),
    orders,
)
def test_a_namespace_goes_unless_a_finalizer_is_foreign(
    version: str, content: list[dict[str, Any]], quiet: int, order: list[int]
) -> None:
    namespaces_end(None, version, content, quiet, order)


def test_the_law_of_namespaces_notices_a_wrong_one() -> None:
    """Nobody takes the finalizers of claims away."""
    idle = default_engine().replacing("pvc-protection", sync=lambda view, key: NOTHING)
    with pytest.raises(AssertionError):
        namespaces_end(idle, "1.36", yaml.safe_load(CONTENT)[4:5], 60, [])


# -- disruption budgets ------------------------------------------------------------------------------------------------
def drains_keep_to_budgets(
    engine: Engine | None, version: str, replicas: int, allows: dict[str, Any], nodes: list[int], order: list[int]
) -> None:
    """However many people drain nodes at once, so many pods are ready as the budget demands, unless something fails."""
    sim, drawn = Simulation(nodes=3, engine=engine, kubernetes=version), iter(order)
    sim.apply(deployment(replicas=replicas, pod=ANYWHERE))
    sim.apply(budget(**allows))
    sim = passes(sim, drawn, 60, nobody_looks)
    least = allows.get("minAvailable", replicas - allows.get("maxUnavailable", 0))
    start = sum(map(is_ready, sim.list("pods")))

    def looked_at(before: State, step: Step, after: State) -> None:
        well = sum(is_ready(pod) and is_active(pod) for pod in after.pods.values())
        assert well >= min(least, start)

    for number in nodes:
        for name in (f"node{number + 1:02}", "node01"):
            sim.drain(name)
            looked_at(sim.state, Step(0, Request("drain", name), (), ()), sim.state)
        sim = passes(sim, drawn, 3, looked_at)
        sim.uncordon("node01")
        sim = passes(sim, drawn, 60, looked_at)


@settings(max_examples=20)
@given(
    st.sampled_from(["1.21", "1.36"]),
    st.integers(1, 5),
    st.fixed_dictionaries({"minAvailable": st.integers(0, 4)})
    | st.fixed_dictionaries({"maxUnavailable": st.integers(0, 2)}),
    st.lists(st.integers(0, 2), max_size=4),
    orders,
)
def test_drains_never_exceed_a_budget(
    version: str, replicas: int, allows: dict[str, Any], nodes: list[int], order: list[int]
) -> None:
    drains_keep_to_budgets(None, version, replicas, allows, nodes, order)


def fewest_ready(sim: Simulation, since: int) -> int:
    """How few pods were ready and not on their way out at any time since a step of the path."""
    there = {pod.key: pod for pod in sim.list("pods")}
    for step in reversed(sim.trace[since:]):  # back to where the path began
        for change in reversed(step.changes):
            if change.table == "pods":
                there[change.key] = change.before
    fewest = count = sum(pod is not None and is_ready(pod) and is_active(pod) for pod in there.values())
    for step in sim.trace[since:]:
        for change in step.changes:
            if change.table == "pods":
                was, now = (pod is not None and is_ready(pod) and is_active(pod) for pod in change[2:4])
                count += now - was
                fewest = min(fewest, count)
    return fewest


@settings(max_examples=15)
@given(
    st.sampled_from(["1.20", "1.25", "1.36"]),
    st.integers(1, 5),
    st.integers(0, 4),
    st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["", "--grace-period=0", "--grace-period=5"])), max_size=4),
)
def test_a_drain_of_kubectl_never_exceeds_a_budget_however_long_it_tries(
    version: str, replicas: int, least: int, drains: list[tuple[int, str]]
) -> None:
    sim = Simulation(nodes=3, kubernetes=version)
    sim.apply(deployment(replicas=replicas, pod=ANYWHERE))
    old = version == "1.20"
    sim.apply({**budget(minAvailable=least), **({"apiVersion": "policy/v1beta1"} if old else {})})
    sim.settle()
    for number, grace in drains:
        since = len(sim.trace)
        with suppress(VolsimError):
            sim.kubectl(f"drain node{number:02} --timeout=60s {grace}")
        assert fewest_ready(sim, since) >= min(least, replicas)
        sim.kubectl(f"uncordon node{number:02}")
        sim.settle()


def test_a_drain_that_deletes_asks_no_budget() -> None:
    """So the law is about something: this is what it would be without."""
    sim = Simulation(nodes=3)
    sim.apply(deployment(replicas=3, pod=ANYWHERE))
    sim.apply(budget(minAvailable=3))
    sim.settle()
    node, since = sim.list("pods")[0].spec.node_name, len(sim.trace)
    sim.kubectl(f"drain {node} --disable-eviction")
    assert fewest_ready(sim, since) < 3


def test_the_law_of_budgets_notices_a_wrong_one() -> None:
    def generous(write: Any) -> Any:
        """A budget that allows one more than it may."""
        obj = getattr(write, "obj", None)
        if not isinstance(obj, PodDisruptionBudget):
            return write
        return write._replace(obj=obj.replace(status=obj.status.replace(disruptions_allowed=2)))

    drains_keep_to_budgets(None, "1.36", 3, {"minAvailable": 2}, [0, 1, 2], [])
    with pytest.raises(AssertionError):
        drains_keep_to_budgets(wrong("disruption", generous), "1.36", 3, {"minAvailable": 2}, [0, 1, 2], [])
