"""Incidents whose outcome an order, a choice or an instant decides: found where it can be, shown absent elsewhere.

`tests/exploration/orders.py` says of every incident of the catalogue whether it is one of these. The length of a
shortest story is pinned: the steps that changed something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

import volsim
from tests.exploration import test_known_races
from tests.exploration.clusters import claim, cluster, deployment, pod, settled, volume
from tests.exploration.orders import BY_ORDER, NOT_BY_ORDER
from tests.incidents.test_every_incident import GROUPS
from volsim import Faults, properties
from volsim.exploration import Order, Report, Story

DRIVER = "csi.example.com"
Holds = Callable[[volsim.Simulation], bool]


# -- clusters ----------------------------------------------------------------------------------------------------------
def storage_class(**fields: Any) -> dict[str, Any]:
    named = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"}}
    return {**named, "provisioner": DRIVER, **fields}


def of_class(wanted: dict[str, Any], name: str = "fast", **spec: Any) -> dict[str, Any]:
    wanted["spec"] |= {"storageClassName": name, **spec}
    return wanted


def with_driver(*manifests: dict[str, Any], nodes: int = 1, **options: Any) -> volsim.Simulation:
    """A cluster with a CSI driver and its class, after it has come to rest."""
    sim = volsim.Simulation(nodes=nodes, **options)
    sim.install_csi_driver(DRIVER)
    sim.apply([storage_class(), *manifests])
    return settled(sim)


def of_pods(wanted: dict[str, Any], claim_name: str | None = None, **spec: Any) -> dict[str, Any]:
    """The workload with pods that use a claim, or have other things in their spec."""
    wanted["spec"]["template"]["spec"] = {**pod("", claim_name)["spec"], **spec}
    return wanted


def stateful_set(claim_name: str | None = None, **spec: Any) -> dict[str, Any]:
    wanted = of_pods(deployment("db", 1), claim_name, **spec)
    wanted["kind"] = "StatefulSet"
    wanted["spec"]["serviceName"] = "db"
    return wanted


def scratch(**source: Any) -> dict[str, Any]:
    """A Deployment whose pod has a volume of this source at /data."""
    return of_pods(deployment("web", 1), "unused", volumes=[{"name": "data", **source}])


def with_letter(sim: volsim.Simulation) -> volsim.Simulation:
    (only,) = sim.list("pods")
    sim.write_file(f"pod/{only.name}", "/data/letter", "precious")
    return sim


def patched(kind: str, name: str, **spec: Any) -> str:
    return f"kubectl patch {kind} {name} --type=merge -p '{json.dumps({'spec': spec})}'"


# -- questions ---------------------------------------------------------------------------------------------------------
def asked(sim: volsim.Simulation, *asked: properties.Property, order: Order = Order.WAVES, **faults: Any) -> Report:
    report = volsim.explore(sim, faults=Faults(**faults), properties=asked, order=order)
    assert report.complete
    return report


def violated(report: Report) -> dict[str, int]:
    """The properties that do not hold, and how long the stories are."""
    return {each.name: len(each.story.told()) for each in report.violations}


def shown(report: Report, name: str) -> int:
    """After how many steps that change something a *sometimes* shows."""
    answer = report.explored.answer(name)
    assert answer.path is not None, f"{name} does not show"
    return len(Story(report.explored.replay(answer.path)).told())


def gets_it(name: str) -> properties.Property:
    return properties.sometimes(f"{name} gets it", lambda sim: bool(sim.get(f"pvc/{name}").status.phase == "Bound"))


def is_rolled_out(sim: volsim.Simulation) -> bool:
    """Whether nobody has begun, or the one pod that there is has the new template and is ready."""
    web = sim.get("deploy/web")
    if web.metadata.generation == 1:
        return True
    status = web.status
    return status.observed_generation == 2 and {status.updated_replicas, status.ready_replicas, status.replicas} == {1}


ROLLED_OUT = properties.eventually("it is rolled out", is_rolled_out)
RESTART = "kubectl rollout restart deploy/web"
ONE_DB = properties.one_identity("sts/db")
ONE_WRITER = properties.one_writer("c")


# -- volumes and claims ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("released", ["whole", "uid"])
def test_whoever_looks_first_gets_a_volume_without_a_claim_ref(released: str) -> None:
    """INC-02: with the whole claimRef gone a stranger may have the old data; with its uid gone only the claim named."""
    sim = settled(cluster(volume("v"), claim("mine")))
    sim.kubectl("kubectl delete pvc mine")
    sim.apply([claim("mine"), claim("other")])
    settled(sim)
    assert sim.get("pv/v").status.phase == "Released"
    ref = None if released == "whole" else {"uid": None, "resourceVersion": None}
    report = asked(sim, gets_it("mine"), gets_it("other"), user_actions=[patched("pv", "v", claimRef=ref)])
    assert shown(report, "mine gets it") == 3
    if released == "whole":
        assert report.ok
        assert shown(report, "other gets it") == 3
    else:
        assert list(violated(report)) == ["other gets it"]


def test_a_pod_that_comes_after_its_claim_is_deleted_waits_for_ever() -> None:
    """INC-03: whether a second pod gets the claim is decided by who was first; the claim in use is never taken."""
    sim = settled(cluster(volume("v"), claim("c"), pod("p", "c"), nodes=1))
    report = asked(
        sim,
        properties.sometimes("both run", lambda sim: phases(sim) == ["Running", "Running"]),
        properties.eventually("all run", lambda sim: set(phases(sim)) == {"Running"}),
        properties.always("the claim is bound", lambda sim: sim.get("pvc/c").status.phase == "Bound"),
        user_actions=["kubectl delete pvc c --wait=false", pod("q", "c")],
    )
    assert shown(report, "both run") == 3
    assert violated(report) == {"all run": 3}


def phases(sim: volsim.Simulation) -> list[str | None]:
    return [each.status.phase for each in sim.list("pods")]


def test_a_policy_is_changed_in_time_or_too_late() -> None:
    """INC-10: until the storage is deleted the policy counts as it is then; a deleted disk stays deleted."""
    sim = with_driver(of_class(claim("c")))
    name = sim.get("pvc/c").spec.volume_name

    report = asked(
        sim,
        properties.sometimes("it is kept", lambda sim: not sim.list("pvc") and retained(sim)),
        properties.always("it is not lost", lambda sim: len(sim.state.table("backends")) == 1),
        user_actions=["kubectl delete pvc c --wait=false", patched("pv", name, persistentVolumeReclaimPolicy="Retain")],
    )
    assert shown(report, "it is kept") == 3
    assert violated(report) == {"it is not lost": 4}


def retained(sim: volsim.Simulation) -> bool:
    return [each.spec.persistent_volume_reclaim_policy for each in sim.list("pv")] == ["Retain"]


def test_the_shortest_way_to_a_volume_that_was_not_reserved() -> None:
    """INC-11: it is free, and another claim is looked at first."""
    mine = of_class(claim("mine"), "", volumeName="v")
    report = asked(cluster(volume("v"), mine, claim("other")), gets_it("other"))
    assert shown(report, "other gets it") == 2


def test_the_shortest_way_to_a_disk_that_is_left() -> None:
    """INC-06, INC-20c: the volume is told to go, the claim too; it goes, is Released, and the volume goes."""
    sim = test_known_races.provisioned("1.30")
    volume_name = sim.get("pvc/c").spec.volume_name
    freed = properties.nothing_is_left()
    both = [f"kubectl delete pv {volume_name} --wait=false", "kubectl delete pvc c --wait=false"]
    assert violated(asked(sim, freed, user_actions=both)) == {freed.name: 5}


@pytest.mark.parametrize(("version", "is_given"), [("1.25", False), ("1.36", True)])
def test_a_volume_and_a_default_class_race_for_a_claim_without_a_class(version: str, is_given: bool) -> None:
    """INC-17: whoever is there at the resync has the claim; before 1.26 the class came too late in every order."""
    waiting = claim("c")
    del waiting["spec"]["storageClassName"]
    sim = volsim.Simulation(nodes=0, kubernetes=version)
    sim.install_csi_driver(DRIVER)
    sim.apply(waiting)
    default = {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}

    def has(sim: volsim.Simulation) -> str:
        return str(sim.get("pvc/c").spec.volume_name or "")

    report = asked(
        settled(sim),
        properties.sometimes("it takes the volume", lambda sim: has(sim) == "v"),
        properties.sometimes("one is made", lambda sim: has(sim).startswith("pvc-")),
        user_actions=[volume("v"), storage_class(metadata=default)],
    )
    assert shown(report, "it takes the volume") == 3
    assert list(violated(report)) == ([] if is_given else ["one is made"])
    if is_given:
        assert shown(report, "one is made") == 5


@pytest.mark.parametrize("version", ["1.32", "1.36"])
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
def test_a_namespace_takes_the_data_in_every_order_or_in_none(version: str, policy: str) -> None:
    """INC-20: the policy decides, not who is deleted first; nothing hangs while all nodes live."""
    sim = volsim.Simulation(nodes=1, kubernetes=version)
    sim.install_csi_driver(DRIVER)
    sim.apply(
        [storage_class(reclaimPolicy=policy), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "t"}}]
    )
    made = [of_class(claim("c")), pod("p", "c")]
    sim.apply([{**each, "metadata": {**each["metadata"], "namespace": "t"}} for each in made])

    def is_over(sim: volsim.Simulation) -> bool:
        return "t" not in [each.name for each in sim.list("namespaces")]

    def is_untouched(sim: volsim.Simulation) -> bool:
        return not is_over(sim) and sim.get("ns/t").metadata.deletion_timestamp is None

    report = asked(
        settled(sim),
        properties.eventually("it goes", lambda sim: is_untouched(sim) or is_over(sim)),
        properties.always("what is left", lambda sim: not is_over(sim) or left(sim) == (policy == "Retain")),
        properties.sometimes("all is over", is_over),
        user_actions=["kubectl delete ns t --wait=false"],
    )
    assert report.ok


def left(sim: volsim.Simulation) -> bool:
    """Whether there is a disk, and a volume that speaks of it."""
    return len(sim.state.table("backends")) == 1 and [each.status.phase for each in sim.list("pv")] == ["Released"]


@pytest.mark.parametrize(("mode", "may_wait"), [("Immediate", True), ("WaitForFirstConsumer", False)])
def test_two_claims_of_a_pod_may_be_bound_to_volumes_of_two_nodes(mode: str, may_wait: bool) -> None:
    """INC-43: bound at once, each takes any volume; bound with the pod, the node comes first."""
    volumes = [of_class(volume(f"{node}-{at}"), "local", nodeAffinity=only(node)) for node in NODES for at in "ab"]
    local = storage_class(
        metadata={"name": "local"}, provisioner="kubernetes.io/no-provisioner", volumeBindingMode=mode
    )
    wanted = pod("p", "c")
    wanted["spec"]["volumes"].append({"name": "more", "persistentVolumeClaim": {"claimName": "d"}})
    claims = [of_class(claim(name), "local") for name in "cd"]
    report = asked(
        cluster(local, *volumes, *claims, wanted, nodes=2),
        properties.sometimes("p may run", lambda sim: phases(sim) == ["Running"]),
        properties.runs("pod/p"),
    )
    assert violated(report) == ({"pod/p runs": 8} if may_wait else {})


NODES = ("node01", "node02")


def only(node: str) -> dict[str, Any]:
    wanted = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [wanted]}]}}


def test_a_node_that_is_deleted_after_it_was_selected_is_forgotten_in_every_order() -> None:
    """INC-46: whenever its Node goes, the claim finds another node with its pod, or the pod goes with it."""
    sim = volsim.Simulation(nodes=2)
    sim.install_csi_driver(DRIVER)
    sim.apply([storage_class(volumeBindingMode="WaitForFirstConsumer"), of_class(claim("c")), pod("p", "c")])
    report = asked(
        sim,
        properties.eventually("p runs, or is gone", lambda sim: phases(sim) in ([], ["Running"])),
        properties.sometimes(
            "it runs elsewhere", lambda sim: [p.spec.node_name for p in sim.list("pods")] == ["node02"]
        ),
        user_actions=["kubectl delete node node01 --wait=false"],
    )
    assert report.ok


@pytest.mark.parametrize("order", [Order.WAVES, Order.ANY])
def test_a_pod_its_claim_and_its_volume_may_come_in_any_order(order: Order) -> None:
    """INC-47: a claim that is not there yet is waited for."""
    report = asked(
        volsim.Simulation(nodes=1),
        properties.sometimes("the pod is first", lambda sim: bool(sim.list("pods")) and not sim.list("pvc")),
        properties.eventually(
            "it runs once all is there",
            lambda sim: not (sim.list("pods") and sim.list("pvc") and sim.list("pv")) or phases(sim) == ["Running"],
        ),
        order=order,
        user_actions=[volume("v"), claim("c"), pod("p", "c")],
    )
    assert report.ok


@pytest.mark.parametrize(("version", "may_wait"), [("1.24", True), ("1.36", False)])
def test_a_set_whose_claim_is_deleted_between_its_pods_may_wait_for_ever(version: str, may_wait: bool) -> None:
    """INC-50: if the claim goes when the next pod is there already, only newer versions make another one."""
    template = of_class({"metadata": {"name": "data"}, "spec": dict(claim("")["spec"])})
    wanted = stateful_set("unused")
    del wanted["spec"]["template"]["spec"]["volumes"]
    wanted["spec"]["volumeClaimTemplates"] = [template]
    report = asked(
        with_driver(wanted, kubernetes=version),
        properties.runs("sts/db"),
        properties.sometimes("a pod waits without a claim", lambda sim: phases(sim) == ["Pending"] and no_claim(sim)),
        user_actions=["kubectl delete pvc data-db-0 --wait=false", "kubectl delete pod db-0 --wait=false"],
    )
    assert shown(report, "a pod waits without a claim") == 7
    assert violated(report) == ({"sts/db runs": 14} if may_wait else {})


def no_claim(sim: volsim.Simulation) -> bool:
    return not sim.list("pvc")


def test_a_claim_that_somebody_makes_first_keeps_an_ephemeral_volume_from_its_pod() -> None:
    """INC-66: of the pod and a claim of the same name whoever is first; without the other the pod always runs."""
    source = {"volumeClaimTemplate": {"spec": of_class(claim(""))["spec"]}}
    wanted = pod("p")
    wanted["spec"]["volumes"] = [{"name": "v", "ephemeral": source}]
    runs = properties.eventually("p runs", lambda sim: phases(sim) in ([], ["Running"]))
    may_run = properties.sometimes("p may run", lambda sim: phases(sim) == ["Running"])
    report = asked(with_driver(), runs, may_run, user_actions=[wanted, of_class(claim("p-v"))])
    assert violated(report) == {"p runs": 6}
    assert asked(with_driver(), runs, may_run, user_actions=[wanted]).ok


# -- nodes that fail ---------------------------------------------------------------------------------------------------
def test_a_set_waits_for_its_dead_node_and_never_has_an_identity_twice() -> None:
    """INC-22: at most one, in every order; so none as long as nobody says that the node is dead."""
    sim = settled(cluster(stateful_set(), nodes=2))
    dead = asked(sim, ONE_DB, properties.runs("sts/db"), node_failures=1, healing=False)
    assert violated(dead) == {"sts/db runs": 6}
    assert asked(sim, ONE_DB, node_failures=1).ok
    assert asked(sim, ONE_DB, partitions=1).ok


def with_disk(nodes: int = 2, mode: str = "ReadWriteOnce", **options: Any) -> volsim.Simulation:
    """A Deployment of one replica with a disk that can be on one node only."""
    wanted = of_pods(deployment("web", 1), "c")
    return with_driver(of_class(claim("c"), accessModes=[mode]), wanted, nodes=nodes, **options)


def test_a_disk_stays_on_a_dead_node_until_somebody_acts() -> None:
    """INC-23: without an act the replacement waits for ever; the six minutes begin when the old pod is gone."""
    runs = properties.runs("deploy/web")
    report = asked(with_disk(), runs, node_failures=1, healing=False)
    assert list(violated(report)) == [runs.name]
    assert "to be attached" in report.violations[0].story.told()[-1]
    assert report.violations[0].story.cycle
    assert asked(without_its_node(with_disk()), runs).ok


def without_its_node(sim: volsim.Simulation) -> volsim.Simulation:
    """The same after its node has died, and somebody has deleted the pod by force."""
    (old,) = sim.list("pods")
    sim.fail_node(old.spec.node_name)
    sim.run("400s")
    sim.kubectl(f"kubectl delete pod {old.name} --force --grace-period=0 --wait=false")
    return sim


@pytest.mark.parametrize("is_off", [False, True])
def test_without_the_timeout_no_disk_leaves_a_dead_node(is_off: bool) -> None:
    """INC-42: the flag takes the six minutes away, in every order."""
    sim = without_its_node(with_disk(rules=volsim.Rules(disable_force_detach_on_timeout=is_off)))
    runs = properties.runs("deploy/web")
    assert list(violated(asked(sim, runs))) == ([runs.name] if is_off else [])


@pytest.mark.parametrize("is_off", [False, True])
def test_out_of_service_is_for_machines_that_are_off(is_off: bool) -> None:
    """INC-24: on a node that is cut off only, two write; on one that has no power nobody does twice."""
    sim = settled(cluster(volume("v"), claim("c"), stateful_set("c"), nodes=2))
    node = sim.get("pod/db-0").spec.node_name
    taint = f"kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
    faults: dict[str, Any] = {"node_failures": 1} if is_off else {"partitions": 1}
    report = asked(sim, ONE_WRITER, ONE_DB, healing=False, user_actions=[taint], **faults)
    assert violated(report) == ({} if is_off else {ONE_WRITER.name: 11, ONE_DB.name: 11})


@pytest.mark.parametrize(("order", "may_overlap"), [(Order.WAVES, False), (Order.ANY, True)])
def test_a_forced_deletion_does_not_wait_for_the_process_on_a_healthy_node_either(
    order: Order, may_overlap: bool
) -> None:
    """INC-25: nobody need be cut off: a kubelet that is slower than three others is enough."""
    sim = settled(cluster(stateful_set(), nodes=2))
    forced = "kubectl delete pod db-0 --force --grace-period=0 --wait=false"
    report = asked(sim, ONE_DB, order=order, user_actions=[forced])
    assert violated(report) == ({ONE_DB.name: 4} if may_overlap else {})


def test_the_shortest_way_to_an_identity_twice() -> None:
    """INC-25: cut off, deleted by force, made again, placed, started."""
    sim = settled(cluster(stateful_set(), nodes=2))
    forced = "kubectl delete pod db-0 --force --grace-period=0 --wait=false"
    report = asked(sim, ONE_DB, partitions=1, healing=False, user_actions=[forced])
    assert violated(report) == {ONE_DB.name: 5}


@pytest.mark.parametrize(("is_cut_off", "fault"), [(True, {"partitions": 1}), (False, {"node_failures": 1})])
def test_two_write_one_export_from_both_sides_of_a_cut(is_cut_off: bool, fault: dict[str, Any]) -> None:
    """INC-25, INC-37: nobody attaches an export, or keeps the replacement from it; a dead machine does not write."""
    sim = settled(cluster(volume("v"), claim("c"), of_pods(deployment("web", 1), "c"), nodes=2))
    assert violated(asked(sim, ONE_WRITER, **fault)) == ({ONE_WRITER.name: 10} if is_cut_off else {})


@pytest.mark.parametrize(("grace", "is_twice"), [(30, False), (0, True)])
def test_a_grace_period_of_none_makes_every_deletion_a_forced_one(grace: int, is_twice: bool) -> None:
    """INC-26: whoever is told to go with time to do so is waited for, also on a node that is cut off."""
    sim = settled(cluster(stateful_set(terminationGracePeriodSeconds=grace), nodes=2))
    deleted = "kubectl delete pod db-0 --wait=false"
    report = asked(sim, ONE_DB, partitions=1, healing=False, user_actions=[deleted])
    assert violated(report) == ({ONE_DB.name: 5} if is_twice else {})


@pytest.mark.parametrize(("strategy", "may_stop"), [("Recreate", True), ("RollingUpdate", False)])
def test_recreate_waits_for_a_pod_on_a_dead_node(strategy: str, may_stop: bool) -> None:
    """INC-27: a rollout that begins while the old pod cannot go; without a failure it always comes to its end."""
    wanted = deployment("web", 1)
    wanted["spec"]["strategy"] = {"type": strategy}
    sim = settled(cluster(wanted, nodes=2))
    assert asked(sim, ROLLED_OUT, user_actions=[RESTART]).ok
    report = asked(sim, ROLLED_OUT, node_failures=1, healing=False, user_actions=[RESTART])
    assert violated(report) == ({ROLLED_OUT.name: 9} if may_stop else {})


def test_when_a_node_returns_decides_whether_its_pod_stays() -> None:
    """INC-28, INC-29: before the eviction it is restarted, afterwards it is ended where it was and another one runs."""
    sim = settled(cluster(deployment("web", 1), nodes=2))
    (first,) = sim.list("pods")

    def restarted(sim: volsim.Simulation) -> list[tuple[bool, int]]:
        """Of all pods whether it is the first one, and how often it was restarted."""
        statuses = [(each.metadata.uid, each.status.container_statuses) for each in sim.list("pods")]
        return [(uid == first.metadata.uid, found[0].restart_count) for uid, found in statuses if found]

    report = asked(
        sim,
        properties.sometimes("it stays", lambda sim: restarted(sim) == [(True, 1)]),
        properties.sometimes("it is replaced", lambda sim: restarted(sim) == [(False, 0)] and is_alone(sim)),
        properties.always("only one serves", lambda sim: len(restarted(sim)) <= 2),
        node_failures=1,
    )
    assert report.ok
    assert (shown(report, "it stays"), shown(report, "it is replaced")) == (3, 14)
    kept = asked(
        sim,
        properties.always(
            "it stays", lambda sim: [each.metadata.uid for each in sim.list("pods")] == [first.metadata.uid]
        ),
        reboots=1,
    )
    assert kept.ok


def is_alone(sim: volsim.Simulation) -> bool:
    return len(sim.list("pods")) == 1


# -- placement ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("nodes", "mode", "length"),
    [(1, "ReadWriteOnce", None), (2, "ReadWriteOnce", 20), (1, "ReadWriteOncePod", 6), (2, "ReadWriteOncePod", 6)],
)
def test_where_the_new_pod_goes_decides_a_rolling_update(nodes: int, mode: str, length: int | None) -> None:
    """INC-36, INC-39: on the node of the disk it goes well; with ReadWriteOncePod nowhere."""
    report = asked(with_disk(nodes, mode), ROLLED_OUT, user_actions=[RESTART])
    assert violated(report) == ({} if length is None else {ROLLED_OUT.name: length})


@pytest.mark.parametrize(
    ("medium", "fault", "length"),
    [
        ("", {"container_crashes": 2}, None),
        ("", {"reboots": 1}, None),
        ("Memory", {"container_crashes": 2}, None),
        ("Memory", {"reboots": 1}, 1),
        ("", {"pod_deletions": 1}, 2),
        ("", {"node_failures": 1}, 14),
    ],
)
def test_an_empty_dir_is_lost_with_its_pod_and_one_in_memory_with_its_boot(
    medium: str, fault: dict[str, Any], length: int | None
) -> None:
    """INC-51, INC-52: a crash keeps both, a short failure that on disk; the pod's end keeps nothing."""
    kept = properties.never_lost("precious")
    sim = with_letter(settled(cluster(scratch(emptyDir={"medium": medium}), nodes=2)))
    assert violated(asked(sim, kept, **fault)) == ({} if length is None else {kept.name: length})


@pytest.mark.parametrize(("nodes", "is_found"), [(1, True), (2, False)])
def test_a_host_path_is_found_again_where_there_is_one_node(nodes: int, is_found: bool) -> None:
    """INC-58: the replacement may go to another node, and the data does not follow; it is never lost."""
    sim = with_letter(settled(cluster(scratch(hostPath={"path": "/data"}), nodes=nodes)))
    kept, again = properties.never_lost("precious"), properties.finds_again("deploy/web", "/data/letter", "precious")
    report = asked(sim, kept, again, pod_deletions=1)
    assert violated(report) == ({} if is_found else {again.name: 9})


# -- the table ---------------------------------------------------------------------------------------------------------
def test_the_table_speaks_of_every_incident_once() -> None:
    every = {number for _, numbers in GROUPS for number in numbers}
    assert not BY_ORDER.keys() & NOT_BY_ORDER.keys()
    assert BY_ORDER.keys() | NOT_BY_ORDER.keys() == every


def test_what_an_order_decides_is_found_or_shown_absent_by_a_test() -> None:
    known = {**vars(test_known_races), **globals()}
    for number, incident in BY_ORDER.items():
        assert incident.found or incident.absent, number
        for name in incident.tests:
            assert callable(known.get(name)), f"INC-{number}: there is no {name}"


def test_a_test_names_the_incidents_that_the_table_gives_it() -> None:
    for name, test in globals().items():
        if name.startswith("test_") and (named := re.findall(r"INC-(\w+)", test.__doc__ or "")):
            assert named == [number for number, incident in BY_ORDER.items() if name in incident.tests], name
