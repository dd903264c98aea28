"""StatefulSets: identity, order, updates, and their claims.

Source: pkg/controller/statefulset/stateful_set_control.go, stateful_pod_control.go, stateful_set_utils.go.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.workloads import messages, workload

CLAIM_SPEC = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": "",
    "resources": {"requests": {"storage": "1Gi"}},
}


def stateful_set(name: str = "web", *, claims: bool = False, **spec: Any) -> dict[str, Any]:
    if claims:
        spec["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": CLAIM_SPEC}]
    return workload("StatefulSet", name, serviceName=name, **spec)


def volumes(number: int) -> list[dict[str, Any]]:
    """NFS volumes for the claims: they are there at once, and on every node."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"pv-{each}"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "nfs": {"server": "nfs", "path": f"/{each}"},
            },
        }
        for each in range(number)
    ]


def settled(version: str | None = None, *, nodes: int = 1, **spec: Any) -> volsim.Simulation:
    sim = volsim.Simulation(nodes=nodes, kubernetes=version)
    if spec.get("claims"):
        sim.apply(volumes(5))
    sim.apply(stateful_set(**spec))
    sim.settle()
    return sim


def names(sim: volsim.Simulation, kind: str = "pods") -> list[str]:
    return [each.name for each in sim.list(kind)]


def images(sim: volsim.Simulation) -> list[str]:
    return [str(pod.spec.containers[0].image) for pod in sim.list("pods")]


def made(sim: volsim.Simulation) -> list[str]:
    """The pods as they were created and deleted, in order."""
    found = [event for event in sim.events if event.reason in ("SuccessfulCreate", "SuccessfulDelete")]
    words = [(event.message or "").split() for event in found]
    return [f"{word[0].lower()} {word[2]}" for word in words if word[1] == "Pod"]


class TestIdentity:
    """Each pod has a number, a name made of it, and keeps both."""

    def test_names_labels_and_hostnames(self) -> None:
        sim = settled(replicas=2)
        revision = sim.get("sts/web").status.update_revision
        for number, pod in enumerate(sim.list("pods")):
            assert pod.name == f"web-{number}"
            assert dict(pod.metadata.labels) == {
                "app": "web",
                "statefulset.kubernetes.io/pod-name": pod.name,
                "apps.kubernetes.io/pod-index": str(number),
                "controller-revision-hash": revision,
            }
            assert (pod.spec.hostname, pod.spec.subdomain) == (pod.name, "web")

    def test_before_1_28_there_is_no_label_with_the_index(self) -> None:
        (pod,) = settled("1.27", replicas=1).list("pods")
        assert "apps.kubernetes.io/pod-index" not in pod.metadata.labels

    def test_a_lost_pod_comes_back_under_its_name(self) -> None:
        sim = settled(replicas=2)
        before = sim.get("pod/web-0").metadata.uid
        sim.delete("pod/web-0")
        sim.settle()
        assert names(sim) == ["web-0", "web-1"]
        assert sim.get("pod/web-0").metadata.uid != before

    def test_no_second_pod_of_a_name_while_the_old_one_is_there(self) -> None:
        sim = settled(replicas=1)
        sim.fail_node("node01")
        sim.delete("pod/web-0")
        sim.run("1h")
        assert names(sim) == ["web-0"]
        sim.delete("pod/web-0", force=True)
        sim.run("1s")
        assert sim.get("pod/web-0").metadata.deletion_timestamp is None

    def test_numbers_may_start_later_since_1_27(self) -> None:
        assert names(settled(replicas=2, ordinals={"start": 5})) == ["web-5", "web-6"]
        assert names(settled("1.26", replicas=2, ordinals={"start": 5})) == ["web-0", "web-1"]

    def test_a_label_that_was_taken_away_is_put_back(self) -> None:
        sim = settled(replicas=1)
        label = "statefulset.kubernetes.io/pod-name"
        sim.patch("pod/web-0", {"metadata": {"labels": {label: None}}})
        sim.settle()
        assert sim.get("pod/web-0").metadata.labels[label] == "web-0"
        assert messages(sim, "SuccessfulUpdate") == ["Update Pod web-0 in StatefulSet web successful"]

    def test_a_name_of_a_revision_that_is_taken_makes_another_hash(self) -> None:
        (revision,) = settled(replicas=1).list("controllerrevisions")
        sim = volsim.Simulation(nodes=1)
        taken = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": revision.name}}
        sim.apply({**taken, "revision": 1, "data": {"of": "somebody"}})
        sim.apply(stateful_set(replicas=1))
        sim.settle()
        status = sim.get("sts/web").status
        assert (status.collision_count, status.current_replicas) == (1, 1)
        assert status.update_revision != revision.name

    def test_a_pod_without_its_claims_cannot_be_mended(self) -> None:
        sim = volsim.Simulation(nodes=1)
        metadata = {"name": "web-0", "labels": {"app": "web"}}
        spec = stateful_set()["spec"]["template"]["spec"]
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        sim.apply(stateful_set(replicas=1, claims=True))
        sim.run("1m")
        assert names(sim, "pvc") == ["data-web-0"]
        assert "pod updates may not change fields" in messages(sim, "FailedUpdate")[0]

    def test_a_pod_of_another_name_is_not_adopted(self) -> None:
        sim = volsim.Simulation(nodes=1)
        metadata = {"name": "stranger", "labels": {"app": "web"}}
        spec = stateful_set()["spec"]["template"]["spec"]
        sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        sim.apply(stateful_set(replicas=1))
        sim.settle()
        assert sim.get("pod/stranger").metadata.owner_references == ()
        assert names(sim) == ["stranger", "web-0"]


class TestOrder:
    """OrderedReady: up one after the other as each is ready, down from the highest."""

    def test_up_and_down(self) -> None:
        sim = settled(replicas=3)
        sim.scale("sts/web", 1)
        sim.settle()
        assert made(sim) == ["create web-0", "create web-1", "create web-2", "delete web-2", "delete web-1"]

    def test_a_pod_that_is_not_ready_holds_up_those_behind_it(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.partition_node("node01")
        sim.apply(stateful_set(replicas=3))
        sim.run("30s")
        assert names(sim) == ["web-0"]
        sim.heal_node("node01")
        sim.settle()
        assert names(sim) == ["web-0", "web-1", "web-2"]

    def test_min_ready_seconds_hold_them_up_too(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.apply(stateful_set(replicas=3, minReadySeconds=10))
        assert sim.settle() == 30.0
        assert sim.get("sts/web").status.available_replicas == 3

    def test_parallel_pods_do_not_wait(self) -> None:
        sim = volsim.Simulation(nodes=1)
        sim.partition_node("node01")
        sim.apply(stateful_set(replicas=3, podManagementPolicy="Parallel"))
        sim.run("1s")
        assert names(sim) == ["web-0", "web-1", "web-2"]
        sim.heal_node("node01")
        sim.settle()
        sim.scale("sts/web", 0)
        sim.settle()
        assert names(sim) == []

    def test_scaling_down_waits_for_a_pod_that_is_ill(self) -> None:
        """Unless the ill one is the one to go."""
        sim = settled(replicas=3)
        sick = [{"type": "Ready", "status": "False"}]
        sim.partition_node("node01")
        sim.patch("pod/web-0", {"status": {"conditions": sick}}, subresource="status")
        sim.scale("sts/web", 1)
        sim.run("1s")
        assert all(pod.metadata.deletion_timestamp is None for pod in sim.list("pods"))

    def test_an_ill_pod_may_go_itself(self) -> None:
        sim = settled(replicas=2)
        sim.partition_node("node01")
        sick = [{"type": "Ready", "status": "False"}]
        sim.patch("pod/web-1", {"status": {"conditions": sick}}, subresource="status")
        sim.scale("sts/web", 1)
        sim.run("1s")
        assert sim.get("pod/web-1").metadata.deletion_timestamp is not None


class TestEndedPods:
    """A pod that has ended is deleted and made again."""

    def end(self, version: str, phase: str) -> volsim.Simulation:
        sim = settled(version, replicas=1)
        sim.patch("pod/web-0", {"status": {"phase": phase}}, subresource="status")
        sim.settle()
        return sim

    @pytest.mark.parametrize(
        ("version", "phase", "restarts", "told"),
        [
            ("1.20", "Failed", True, ["StatefulSet default/web is recreating failed Pod web-0"]),
            ("1.20", "Succeeded", False, []),
            ("1.30", "Succeeded", True, []),
            ("1.36", "Failed", True, []),
        ],
    )
    def test_by_version(self, version: str, phase: str, restarts: bool, told: list[str]) -> None:
        sim = self.end(version, phase)
        assert (sim.get("pod/web-0").status.phase == "Running") is restarts
        assert messages(sim, "RecreatingFailedPod") == told

    def test_1_30_tells_of_a_succeeded_pod(self) -> None:
        told = messages(self.end("1.30", "Succeeded"), "RecreatingTerminatedPod")
        assert told == ["StatefulSet default/web is recreating terminated Pod web-0"]


class TestUpdates:
    def test_from_the_highest_down_each_waits_for_the_one_before(self) -> None:
        sim = settled(replicas=3)
        before = len(made(sim))
        sim.apply(stateful_set(replicas=3, image="nginx:2"))
        sim.settle()
        assert made(sim)[before:] == [
            "delete web-2", "create web-2", "delete web-1", "create web-1", "delete web-0", "create web-0",
        ]  # fmt: skip
        status = sim.get("sts/web").status
        assert status.current_revision == status.update_revision
        assert set(images(sim)) == {"nginx:2"}

    def test_a_new_version_that_never_gets_ready_stops_it(self) -> None:
        sim = settled(replicas=3)
        sim.apply(stateful_set(replicas=3, pod={"nodeName": "nowhere"}))
        sim.run("1s")
        assert [pod.spec.node_name for pod in sim.list("pods")] == ["node01", "node01", "nowhere"]

    def test_a_partition_keeps_the_lower_pods_as_they_are(self) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
        sim = settled(replicas=3, updateStrategy=strategy)
        sim.apply(stateful_set(replicas=3, updateStrategy=strategy, image="nginx:2"))
        sim.settle()
        assert images(sim) == ["nginx:1", "nginx:1", "nginx:2"]
        sim.delete("pod/web-0")
        sim.settle()
        assert images(sim) == ["nginx:1", "nginx:1", "nginx:2"]
        status = sim.get("sts/web").status
        assert (status.current_replicas, status.updated_replicas) == (2, 1)
        assert status.current_revision != status.update_revision

    def test_on_delete_waits_for_somebody_to_delete_the_pods(self) -> None:
        sim = settled(replicas=2, updateStrategy={"type": "OnDelete"})
        sim.apply(stateful_set(replicas=2, updateStrategy={"type": "OnDelete"}, image="nginx:2"))
        sim.settle()
        assert images(sim) == ["nginx:1", "nginx:1"]
        sim.delete("pod/web-1")
        sim.settle()
        assert images(sim) == ["nginx:1", "nginx:2"]

    def test_several_at_once_where_the_gate_is_on(self) -> None:
        rules = volsim.Rules(max_unavailable_stateful_set=True)
        sim = volsim.Simulation(nodes=1, rules=rules)
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
        sim.apply(stateful_set(replicas=4, updateStrategy=strategy))
        sim.settle()
        before = len(made(sim))
        sim.apply(stateful_set(replicas=4, updateStrategy=strategy, image="nginx:2"))
        sim.settle()
        assert made(sim)[before : before + 2] == ["delete web-3", "delete web-2"]
        assert set(images(sim)) == {"nginx:2"}

    def test_a_version_that_comes_back_gets_a_higher_number(self) -> None:
        sim = settled(replicas=1)
        first = sim.get("sts/web").status.update_revision
        for image in ("nginx:2", "nginx:1"):
            sim.apply(stateful_set(replicas=1, image=image))
            sim.settle()
        assert sim.get("sts/web").status.update_revision == first
        numbers = {each.name: each.revision for each in sim.list("controllerrevisions")}
        assert numbers[first] == 3
        assert sorted(numbers.values()) == [2, 3]

    def test_the_history_is_bounded(self) -> None:
        sim = settled(replicas=1, revisionHistoryLimit=1)
        for number in range(2, 6):
            sim.apply(stateful_set(replicas=1, revisionHistoryLimit=1, image=f"nginx:{number}"))
            sim.settle()
        assert sorted(each.revision for each in sim.list("controllerrevisions")) == [4, 5]

    def test_orphaned_pods_and_revisions_are_adopted(self) -> None:
        sim = settled(replicas=2)
        pods = [pod.metadata.uid for pod in sim.list("pods")]
        sim.delete("sts/web", propagation="Orphan")
        sim.settle()
        sim.apply(stateful_set(replicas=2))
        sim.settle()
        assert [pod.metadata.uid for pod in sim.list("pods")] == pods
        owner = sim.get("sts/web").metadata.uid
        for kind in ("pods", "controllerrevisions"):
            assert all(each.metadata.owner_references[0].uid == owner for each in sim.list(kind))


class TestStatus:
    def test_zeros_are_left_out_as_the_version_leaves_them_out(self) -> None:
        for version, more in (("1.20", {}), ("1.36", {"availableReplicas": 0})):
            sim = settled(version, replicas=0)
            status = volsim.to_manifest(sim.get("sts/web"))["status"]
            revision = status.pop("updateRevision")
            assert status.pop("currentRevision") == revision
            assert status == {"observedGeneration": 1, "replicas": 0, "collisionCount": 0, **more}

    def test_the_events_are_worded_as_the_version_words_them(self) -> None:
        for version, verb in (("1.20", "create"), ("1.36", "Create")):
            sim = settled(version, replicas=1, claims=True)
            assert messages(sim, "SuccessfulCreate") == [
                f"{verb} Claim data-web-0 Pod web-0 in StatefulSet web success",
                f"{verb} Pod web-0 in StatefulSet web successful",
            ]


class TestClaims:
    """Each number has its own claims; they are made before the pod and outlive it."""

    def test_claims_are_named_after_template_set_and_number(self) -> None:
        sim = settled(replicas=2, claims=True)
        assert names(sim, "pvc") == ["data-web-0", "data-web-1"]
        claim = sim.get("pvc/data-web-1")
        assert dict(claim.metadata.labels) == {"app": "web"}
        assert claim.metadata.owner_references == ()
        (volume, *_) = sim.get("pod/web-1").spec.volumes
        assert (volume.name, volume.persistent_volume_claim.claim_name) == ("data", "data-web-1")

    def test_a_claim_outlives_scaling_and_deletion_and_is_used_again(self) -> None:
        sim = settled(replicas=2, claims=True)
        before = sim.get("pvc/data-web-1").metadata.uid
        sim.scale("sts/web", 0)
        sim.settle()
        sim.delete("sts/web")
        sim.settle()
        assert names(sim, "pvc") == ["data-web-0", "data-web-1"]
        sim.apply(stateful_set(replicas=2, claims=True))
        sim.settle()
        assert sim.get("pvc/data-web-1").metadata.uid == before

    def test_a_pod_waits_until_a_deleted_claim_is_gone_and_gets_a_new_one(self) -> None:
        sim = settled(replicas=1, claims=True)
        before = sim.get("pvc/data-web-0").metadata.uid
        sim.delete("pvc/data-web-0")
        sim.delete("pod/web-0")
        sim.settle()
        assert sim.get("pvc/data-web-0").metadata.uid != before
        assert sim.get("pod/web-0").status.phase == "Running"

    def test_a_claim_that_does_not_go_is_told(self) -> None:
        sim = settled(replicas=1, claims=True)
        sim.patch("pvc/data-web-0", {"metadata": {"finalizers": ["example.com/keep", "kubernetes.io/pvc-protection"]}})
        sim.delete("pvc/data-web-0")
        sim.delete("pod/web-0")
        sim.settle()
        assert names(sim) == []
        text = "Create Pod web-0 in StatefulSet web failed error: pvc data-web-0 is being deleted"
        assert set(messages(sim, "FailedCreate")) == {text}
        sim.run("10m")
        sim.patch("pvc/data-web-0", {"metadata": {"finalizers": None}})
        sim.settle()
        assert names(sim) == ["web-0"]

    def test_the_missing_claim_of_a_pending_pod_is_made_again_since_1_26(self) -> None:
        for version, expected in (("1.25", []), ("1.26", ["data-web-0"])):
            sim = volsim.Simulation(nodes=1, kubernetes=version)
            sim.apply(stateful_set(replicas=1, claims=True, pod={"nodeName": None}))
            sim.run("1s")
            assert names(sim, "pvc") == ["data-web-0"]
            sim.delete("pvc/data-web-0")
            sim.run("1s")
            sim.label("pod/web-0", touched="yes")
            sim.run("1s")
            assert names(sim, "pvc") == expected

    def test_a_refused_claim_is_told_and_tried_again(self) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes="1.33")  # later ones look at the claims' template
        manifest = stateful_set(replicas=1)
        manifest["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]
        sim.apply(manifest)
        sim.run("1m")
        told = messages(sim, "FailedCreate")
        assert any("Claim" in text and "failed error" in text for text in told)
        assert any("failed to create PVC" in text for text in told)
        assert names(sim) == []

    def test_a_refused_pod_is_told_and_made_when_it_can_be(self) -> None:
        sim = settled(replicas=1, pod={"priorityClassName": "high"})
        assert messages(sim, "FailedCreate")[0].startswith("Create Pod web-0 in StatefulSet web failed error: pods")
        sim.apply(
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1}
        )
        sim.run("1m")
        assert names(sim) == ["web-0"]


class TestRetention:
    """KEP-1847: what becomes of the claims when the set shrinks or goes."""

    @pytest.mark.parametrize("when_scaled", ["Retain", "Delete"])
    @pytest.mark.parametrize("when_deleted", ["Retain", "Delete"])
    def test_by_policy(self, when_scaled: str, when_deleted: str) -> None:
        policy = {"whenScaled": when_scaled, "whenDeleted": when_deleted}
        sim = settled(replicas=2, claims=True, persistentVolumeClaimRetentionPolicy=policy)
        owners = [ref.kind for ref in sim.get("pvc/data-web-0").metadata.owner_references]
        assert owners == (["StatefulSet"] if when_deleted == "Delete" else [])
        sim.scale("sts/web", 1)
        sim.settle()
        left = ["data-web-0"] if when_scaled == "Delete" else ["data-web-0", "data-web-1"]
        assert names(sim, "pvc") == left
        sim.delete("sts/web")
        sim.settle()
        assert names(sim, "pvc") == ([] if when_deleted == "Delete" else left)

    def test_a_change_of_policy_reaches_the_claims_that_are_there(self) -> None:
        sim = settled(replicas=1, claims=True)
        assert sim.get("pvc/data-web-0").metadata.owner_references == ()
        sim.patch("sts/web", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}})
        sim.settle()
        assert [ref.kind for ref in sim.get("pvc/data-web-0").metadata.owner_references] == ["StatefulSet"]

    def test_a_number_that_comes_back_waits_for_its_old_claim_to_go(self) -> None:
        policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
        sim = settled(replicas=2, claims=True, persistentVolumeClaimRetentionPolicy=policy)
        before = sim.get("pvc/data-web-1").metadata.uid
        keep = ["example.com/keep", "kubernetes.io/pvc-protection"]
        sim.patch("pvc/data-web-1", {"metadata": {"finalizers": keep}})
        sim.scale("sts/web", 1)
        sim.settle()
        sim.scale("sts/web", 2)
        sim.settle()
        assert names(sim) == ["web-0"]
        sim.patch("pvc/data-web-1", {"metadata": {"finalizers": None}})
        sim.settle()
        assert names(sim) == ["web-0", "web-1"]
        assert sim.get("pvc/data-web-1").metadata.uid != before

    def test_a_claim_that_somebody_else_controls_is_left_alone_and_told(self) -> None:
        policy = {"whenScaled": "Retain", "whenDeleted": "Delete"}
        sim = settled(replicas=1, claims=True, persistentVolumeClaimRetentionPolicy=policy)
        (other,) = sim.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}})
        refs = volsim.to_manifest(sim.get("pvc/data-web-0"))["metadata"]["ownerReferences"]
        refs[0]["controller"] = False
        refs.append({
            "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": other.metadata.uid, "controller": True,
        })  # fmt: skip
        sim.patch("pvc/data-web-0", {"metadata": {"ownerReferences": refs}})
        sim.label("pod/web-0", touched="yes")
        sim.settle()
        assert [ref.name for ref in sim.get("pvc/data-web-0").metadata.owner_references] == ["other"]
        (told,) = set(messages(sim, "ConflictingController"))
        assert "data-web-0 has a conflicting OwnerReference" in told
