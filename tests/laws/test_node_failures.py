"""Laws of failing nodes: whatever fails, no pod runs twice, no disk is on two nodes, and what can run runs again.

A story is what happens to a small cluster: faults and healings of all kinds, and what people do, with pauses between.
Source: statefulset documentation (at most one pod of a name); pkg/controller/volume/attachdetach (reconciler.go);
docs, concepts/architecture/nodes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from volsim.apiserver.writes import Delete
from volsim.engine.actions import Step
from volsim.engine.cluster import default_engine
from volsim.engine.faults import KINDS, Kind
from volsim.engine.perform import Engine
from volsim.objects import Node, Pod
from volsim.rules import Rules
from volsim.state import Change, State, is_ready
from volsim.state.runtime import Attachment, Component, Machine, Sandbox

NIGHTLY = settings().max_examples > 100
STORIES = settings(max_examples=3_000 if NIGHTLY else 35)
DRIVER, OUT_OF_SERVICE = "disks.example.com", "node.kubernetes.io/out-of-service"
SIX_MINUTES_US = 360_000_000
PAUSES = (0, 1, 7, 45, 70, 370, 700)
"""Seconds: nothing, less and more than a heartbeat, than the grace period, than tolerations and the six minutes."""
REPAIRABLE = tuple(kind for kind in KINDS if kind.budget != "node_losses")


# -- clusters ----------------------------------------------------------------------------------------------------------
def template(name: str, volumes: list[dict[str, Any]], mounts: bool = True) -> dict[str, Any]:
    mounted = [{"name": "data", "mountPath": "/data"}] if mounts else []
    spec = {"containers": [{"name": "app", "image": "nginx", "volumeMounts": mounted}], "volumes": volumes}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def workload(kind: str, name: str, pod: dict[str, Any], **spec: Any) -> dict[str, Any]:
    given_spec = {"selector": {"matchLabels": {"app": name}}, "template": pod, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": given_spec}


def claim(name: str, mode: str, storage_class: str) -> dict[str, Any]:
    requests = {"requests": {"storage": "1Gi"}}
    spec = {"accessModes": [mode], "storageClassName": storage_class, "resources": requests}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def uses(name: str) -> list[dict[str, Any]]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]


MANIFESTS = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "disks"},
        "provisioner": DRIVER,
        "volumeBindingMode": "WaitForFirstConsumer",
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "export"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "nfs": {"server": "nas", "path": "/web"},
        },
    },
    claim("shared", "ReadWriteMany", ""),
    claim("alone", "ReadWriteOnce", "disks"),
    workload("Deployment", "web", template("web", uses("shared")), replicas=2),
    workload("Deployment", "one", template("one", uses("alone")), replicas=1, strategy={"type": "Recreate"}),
    workload("DaemonSet", "agent", template("agent", [], mounts=False)),
    workload(
        "StatefulSet",
        "db",
        template("db", []),
        replicas=2,
        serviceName="db",
        volumeClaimTemplates=[{k: v for k, v in claim("data", "ReadWriteOnce", "disks").items() if k != "kind"}],
    ),
]
NODES = [
    {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}}
    for name, zone in (("node01", "a"), ("node02", "a"), ("node03", "b"))
]


@cache
def beginning(rules: Rules) -> State:
    """The cluster before anything has happened: all workloads run."""
    sim = volsim.Simulation(nodes=NODES, rules=rules)
    sim.install_csi_driver(DRIVER)
    sim.apply(MANIFESTS)
    sim.settle()
    assert all(is_served(sim))
    return sim.state


# -- stories -----------------------------------------------------------------------------------------------------------
Story = list[tuple[int, int]]
"""Of each act: the number of one of those that are possible then, and the pause after it."""
Act = Callable[[], object]
stories = st.lists(st.tuples(st.integers(0, 200), st.sampled_from(PAUSES)), min_size=1, max_size=8)


def possible(sim: volsim.Simulation, kinds: tuple[Kind, ...], *, by_force: bool) -> list[Act]:
    """What can happen now: faults and healings; with `by_force`, what people do who think that a node is dead."""
    state = sim.state
    words = [
        (what, target)
        for kind in kinds
        for target in kind.targets(state)
        for what, can in ((kind.what, kind.can_strike), (kind.healing, kind.can_heal))
        if what and can(state, target)
    ]
    found: list[Act] = [partial(sim.inflict, what, target) for what, target in words]
    if by_force and not is_silent(state):
        found += [partial(sim.delete, f"pod/{pod.name}", force=True) for pod in state.pods.values()]
        found += [partial(taint, sim, node.name, remove=is_out_of_service(node)) for node in state.nodes.values()]
    return found


def is_out_of_service(node: Node) -> bool:
    return any(each.key == OUT_OF_SERVICE for each in node.spec.taints)


def taint(sim: volsim.Simulation, node: str, *, remove: bool) -> None:
    sim.taint(node, OUT_OF_SERVICE, effect="NoExecute", remove=remove)


def is_silent(state: State) -> bool:
    server: Component | None = state.get("components", "apiserver")
    return server is not None and not server.running


Watcher = Callable[[State, State, Step | None], None]


def perform(
    sim: volsim.Simulation, story: Story, watch: Watcher, kinds: tuple[Kind, ...], *, by_force: bool = False
) -> None:
    """Let a story happen, and show every step of it to `watch`: the state before it and after it."""
    before = sim.state
    for number, pause in story:
        acts = possible(sim, kinds, by_force=by_force)
        try:
            acts[number % len(acts)]()
        except volsim.VolsimError:  # no API server, no kubelet that could be asked
            continue
        watch(before, sim.state, sim.trace[-1])
        before = run(sim, pause, watch)


def run(sim: volsim.Simulation, pause: int, watch: Watcher) -> State:
    """Let time pass, step by step."""
    before, end = sim.state, sim.now + pause
    for _ in range(100_000):
        due = sim.peek()
        if due is None or due > end:
            break
        step = sim.step()
        if step is not None and step.changes:
            after = sim.state
            watch(before, after, step)
            before = after
    else:
        raise AssertionError("a pause has an end")
    if end > sim.now:
        sim.run(end - sim.now)
    return sim.state


# -- what is seen ------------------------------------------------------------------------------------------------------
def alive(state: State) -> Iterator[tuple[str, Sandbox]]:
    """The pods of which a process runs, by uid, whatever the API says of them."""
    for uid, sandbox in state.table("sandboxes").items():
        machine: Machine = state.get("machines", sandbox.node)
        if machine.powered and sandbox.boot == machine.boot and any(running(state, uid, sandbox)):
            yield uid, sandbox


def running(state: State, uid: str, sandbox: Sandbox) -> Iterator[bool]:
    for spec in sandbox.pod.spec.containers:
        row = state.get("containers", f"{uid}/{spec.name}")
        yield row is not None and row.running and row.boot == sandbox.boot


def of_set(pod: Pod) -> bool:
    return any(owner.kind == "StatefulSet" for owner in pod.metadata.owner_references)


def twins(state: State) -> list[list[tuple[str, Sandbox]]]:
    """The pods of stateful sets of which several are alive that have one name."""
    by_name: dict[str, list[tuple[str, Sandbox]]] = {}
    for uid, sandbox in alive(state):
        if of_set(sandbox.pod):
            by_name.setdefault(sandbox.pod.key, []).append((uid, sandbox))
    return [found for found in by_name.values() if len(found) > 1]


# -- one identity ------------------------------------------------------------------------------------------------------
def nobody_is_twice(before: State, after: State, step: Step | None) -> None:
    assert twins(after) == [], f"one name lives twice after {step}"


def only_who_was_given_up_is_twice(before: State, after: State, step: Step | None) -> None:
    """Of pods of one name, all but one have no object any more, and cannot know it or are just being stopped."""
    for found in twins(after):
        known = [uid for uid, sandbox in found if _is_known(after, uid, sandbox)]
        assert len(known) <= 1
        for uid, sandbox in found:
            machine: Machine = after.get("machines", sandbox.node)
            stops = sandbox.kill_us is not None or ("kubelet", f"{sandbox.pod.key}@{uid}") in after.ready()
            assert uid in known or not machine.hears or stops, f"{sandbox.pod.key} lives twice after {step}"


def _is_known(state: State, uid: str, sandbox: Sandbox) -> bool:
    pod = state.pods.get(sandbox.pod.key)
    return pod is not None and pod.metadata.uid == uid


def law_of_one_identity(sim: volsim.Simulation, story: Story) -> None:
    """Faults alone never make two pods of one identity, not even of a node that is only cut off."""
    perform(sim, story, nobody_is_twice, KINDS)


def law_of_force(sim: volsim.Simulation, story: Story) -> None:
    """People can: then the old one lives where nobody can reach it, or not much longer."""
    perform(sim, story, only_who_was_given_up_is_twice, KINDS, by_force=True)


# -- one node for a disk -----------------------------------------------------------------------------------------------
def a_disk_is_on_one_node(before: State, after: State, step: Step | None) -> None:
    """No disk is attached twice; it is asked back from a node that has it mounted only where upstream does so."""
    for change in step.changes if step is not None else ():
        if change.table == "backends" and change.after is not None:
            assert len(change.after.attached_to) <= 1, f"{change.key} is attached to {change.after.attached_to}"
        if change.table == "volumeattachments" and _is_asked_back(change):
            row = _known_of(before, change.key)
            mounted = _has_mounted(before, row.node, row.backend)
            assert not mounted or _may_be_forced(before, row, after.now_us), (
                f"{row.name} is taken from {row.node} by {step}"
            )


def _is_asked_back(change: Change) -> bool:
    before, after = (each is not None and each.metadata.deletion_timestamp for each in (change.before, change.after))
    return before is None and after is not None


def _known_of(state: State, attachment: str) -> Attachment:
    """What the attach/detach controller knows of an attachment."""
    [row] = [row for row in state.table("attach_detach").values() if row.attachment == attachment]
    return row  # type: ignore[no-any-return]


def _has_mounted(state: State, node: str, disk: str) -> bool:
    return any(
        sandbox.node == node and any(disk in str(place) for place in sandbox.mounted.values())
        for _, sandbox in alive(state)
    )


def _may_be_forced(state: State, row: Attachment, now_us: int) -> bool:
    """Out of service, or not heard of for six minutes in which nobody wanted the disk there."""
    node = state.nodes.get(row.node)
    if node is not None and is_out_of_service(node):
        return True
    healthy = node is not None and is_ready(node)
    return not healthy and row.released_us is not None and now_us - row.released_us >= SIX_MINUTES_US


def law_of_one_disk(sim: volsim.Simulation, story: Story) -> None:
    perform(sim, story, a_disk_is_on_one_node, KINDS, by_force=True)


# -- all is well again -------------------------------------------------------------------------------------------------
def heal(sim: volsim.Simulation) -> None:
    """Heal all that can be healed: the API server first, for without it nobody can be asked for anything."""
    for kind in sorted(KINDS, key=lambda kind: kind.budget != "component_outages"):
        for target in list(kind.targets(sim.state)):
            if kind.can_heal(sim.state, target):
                sim.inflict(kind.healing, target)
    for node in sim.list("nodes"):
        if is_out_of_service(node):
            taint(sim, node.name, remove=True)


def is_served(sim: volsim.Simulation) -> Iterator[bool]:
    """Of each workload, whether as many of its pods are ready as it asks for, in truth as well as by the API."""
    live = {uid for uid, sandbox in alive(sim.state) if all(running(sim.state, uid, sandbox))}
    ready = [pod for pod in sim.list("pods") if pod.metadata.uid in live and _says_ready(pod)]
    for each in (*sim.list("deployments"), *sim.list("statefulsets"), *sim.list("daemonsets")):
        wanted = len(NODES) if each.kind == "DaemonSet" else each.spec.replicas
        yield sum(pod.metadata.labels["app"] == each.name for pod in ready) == wanted


def _says_ready(pod: Pod) -> bool:
    ready = any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions)
    return ready and pod.metadata.deletion_timestamp is None


def law_of_recovery(sim: volsim.Simulation, story: Story) -> None:
    """When all is healed, all workloads run, and nothing is left to do."""
    perform(sim, story, lambda before, after, step: None, REPAIRABLE, by_force=True)
    heal(sim)
    sim.run("1h")
    sim.settle()
    assert all(is_served(sim)), sim.kubectl("get pods -o wide")
    assert [pod.name for pod in sim.list("pods") if pod.metadata.deletion_timestamp is not None] == []
    assert not any(node.spec.taints for node in sim.list("nodes"))
    assert looked_at_again(sim) == []


def looked_at_again(sim: volsim.Simulation) -> list[str]:
    """What controllers would still do if they looked at everything again."""
    draft = sim.state.draft(sim.engine.watches)
    for kind in ("controller-manager", "scheduler"):
        draft.put("components", kind, Component(name=kind, since_us=draft.now_us - 1))
    draft.take_changes()
    found = []
    for name, key in draft.ready():
        outcome = sim.engine.look(draft, name, key)
        writes = getattr(outcome, "writes", ("a choice",))
        found += [f"{name} {key}: {write}" for write in writes if getattr(write, "table", "") != "memory"]
    return found


# -- the tests ---------------------------------------------------------------------------------------------------------
Law = Callable[[volsim.Simulation, Story], None]
LAWS: list[Law] = [law_of_one_identity, law_of_force, law_of_one_disk, law_of_recovery]


def cluster(rules: Rules | None = None, engine: Engine | None = None) -> volsim.Simulation:
    return volsim.Simulation.of(beginning(rules or Rules()), engine)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@STORIES
@given(story=stories)
def test_a_law_holds_in_every_story(law: Law, story: Story) -> None:
    law(cluster(), story)


# -- the laws can be broken --------------------------------------------------------------------------------------------
def told(number: int) -> Story:
    """One of many stories."""
    dice = random.Random(number)
    return [(dice.randrange(200), dice.choice(PAUSES)) for _ in range(dice.randint(2, 8))]


def is_broken(law: Law, sim: Callable[[], volsim.Simulation], tries: int = 400) -> bool:
    """Whether one of many stories breaks a law."""
    for number in range(tries):
        try:
            law(sim(), told(number))
        except AssertionError:
            return True
    return False


def cut_off_and_deleted(law_of: Law, sim: volsim.Simulation) -> None:
    """The story in which a disk is taken from a living program: its node is cut off, then its pod deleted by force."""
    [one] = [pod for pod in sim.list("pods") if pod.metadata.labels["app"] == "one"]
    acts = [str(act.args) for act in possible(sim, KINDS, by_force=True)]  # type: ignore[attr-defined]
    first = acts.index(str(("cut off", one.spec.node_name)))
    later = sim.fork()
    later.partition_node(one.spec.node_name)
    later.run("70s")
    acts = [str(act.args) for act in possible(later, KINDS, by_force=True)]  # type: ignore[attr-defined]
    law_of(sim, [(first, 70), (acts.index(str((f"pod/{one.name}",))), 700)])


def test_a_disk_is_taken_from_a_living_program_after_six_minutes_and_not_earlier() -> None:
    cut_off_and_deleted(law_of_one_disk, cluster())
    with pytest.raises(AssertionError, match="is taken from node"):
        cut_off_and_deleted(law_of_one_disk, cluster(Rules.for_version("1.36", max_wait_for_unmount="1s")))


def test_a_disk_that_is_wanted_again_before_it_is_there_has_all_of_its_six_minutes_later() -> None:
    """Found by the law of recovery: the controller remembered since when the disk had once not been wanted."""
    sim = cluster()
    first = sim.get("pod/db-0").spec.node_name
    sim.fail_driver(DRIVER, attach=None)
    sim.drain(first)
    sim.run(0)
    second = sim.get("pod/db-0").spec.node_name
    sim.fail_node(second)  # while it waits for its disk there, so that the node goes on saying that it uses the disk
    sim.run("1s")
    sim.delete("pod/db-0", force=True)
    sim.run(0)
    assert sim.get("pod/db-0").spec.node_name == second
    heal(sim)
    sim.settle()
    [row] = [row for row in sim.state.table("attach_detach").values() if "db-0" in str(row.pods)]
    assert (row.state, row.released_us) == ("attached", None)


def test_force_can_make_two_of_one_identity() -> None:
    assert is_broken(lambda sim, story: perform(sim, story, nobody_is_twice, KINDS, by_force=True), cluster)


def impatient(view: Any, key: str) -> Any:
    """A taint eviction that deletes by force."""
    found: Any = default_engine().controller("taint-eviction").sync(view, key)
    writes = [each._replace(grace_seconds=0) if isinstance(each, Delete) else each for each in found.writes]
    return found._replace(writes=tuple(writes))


def deaf(view: Any, key: str) -> Any:
    """A kubelet that does not stop pods whose object has gone."""
    pod_key, _, uid = key.rpartition("@")
    pod = view.pods.get(pod_key)
    if (pod is None or pod.metadata.uid != uid) and view.get("sandboxes", uid) is not None:
        return default_engine().controller("kubelet").sync(view, "default/nobody@0")
    return default_engine().controller("kubelet").sync(view, key)


class Forgetful(Engine):
    """Processes that start hear only of what happens from then on."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.watches["components"] = ()


MUTANTS: list[tuple[Law, Callable[[], volsim.Simulation]]] = [
    (law_of_one_identity, lambda: cluster(engine=default_engine().replacing("taint-eviction", sync=impatient))),
    (law_of_force, lambda: cluster(engine=default_engine().replacing("kubelet", sync=deaf))),
    (law_of_recovery, lambda: cluster(engine=Forgetful(default_engine().controllers))),
]


@pytest.mark.parametrize(("law", "wrong"), MUTANTS, ids=lambda each: getattr(each, "__name__", ""))
def test_wrong_semantics_break_a_law(law: Law, wrong: Callable[[], volsim.Simulation]) -> None:
    assert is_broken(law, wrong)
