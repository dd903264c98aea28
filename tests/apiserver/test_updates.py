"""What an update may change and what not, in the words of each version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, claim, container, pod, storage_class, volume, workload
from volsim import Simulation
from volsim.apiserver.validation import validate_status_update, validate_update
from volsim.errors import Forbidden, Invalid
from volsim.manifests import from_manifest
from volsim.rules import Rules


def refused(simulation: Simulation, manifest: Manifest) -> list[str]:
    """What the API server says to a manifest that would change an object as it must not; first lines only."""
    before = simulation.state.fingerprint
    with pytest.raises(Invalid) as caught:
        simulation.apply(manifest)
    assert simulation.state.fingerprint == before
    return [str(error).partition("\n")[0] for error in caught.value.errors]


def refused_change(good: Manifest, changed: Manifest, version: str = "1.36") -> list[str]:
    return refused(accept(good, version), changed)


class TestVolumes:
    def test_a_volume_keeps_its_source(self) -> None:
        other = volume(nfs={"server": "nas", "path": "/exports/other"})
        with pytest.raises(Invalid) as caught:
            accept(volume()).apply(other)
        first, *difference = str(caught.value).split("\n")
        assert first.endswith(
            "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"
        )
        assert '-  "path": "/exports/data",' in difference
        assert '+  "path": "/exports/other",' in difference

    def test_nobody_was_shown_the_difference_once(self) -> None:
        other = volume(nfs={"server": "nas", "path": "/exports/other"})
        text = "spec.persistentvolumesource: Forbidden: is immutable after creation"
        assert refused_change(volume(), other, "1.15") == [text]

    def test_a_secret_for_growing_can_be_given_later_and_once(self) -> None:
        csi = {"driver": "disk.csi.example.com", "volumeHandle": "v"}
        one, two = ({"controllerExpandSecretRef": {"name": name, "namespace": "kube-system"}} for name in "ab")
        simulation = accept(volume(nfs=None, csi=csi))
        simulation.apply(volume(nfs=None, csi=csi | one))
        [told] = refused(simulation, volume(nfs=None, csi=csi | two))
        assert told.startswith("spec.persistentvolumesource: Forbidden")

    def test_what_can_be_changed_of_a_volume_is_changed(self) -> None:
        simulation = accept(volume())
        simulation.apply(
            volume(persistentVolumeReclaimPolicy="Delete", storageClassName="slow", capacity={"storage": "2Gi"})
        )
        changed: Any = simulation.get("pv/data")
        assert changed.spec.persistent_volume_reclaim_policy == "Delete"

    def test_old_names_of_zones_can_get_their_final_ones(self) -> None:
        def in_zone(label: str, zone: str = "a") -> Manifest:
            term = {"matchExpressions": [{"key": label, "operator": "In", "values": [zone]}]}
            return volume(nodeAffinity={"required": {"nodeSelectorTerms": [term]}})

        old, final = "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"
        accept(in_zone(old)).apply(in_zone(final))
        text = "field is immutable, except for updating from beta label to GA"
        for changed in (in_zone(final, "b"), in_zone("example.com/zone")):
            [told] = refused_change(in_zone(old), changed)
            assert told.startswith("nodeAffinity: Invalid value")
            assert told.endswith(text)
        [told] = refused_change(in_zone(old), in_zone(final), "1.26")
        assert told.endswith("field is immutable")


class TestClaims:
    def test_a_claim_that_is_not_bound_asks_for_what_it_asked_for(self) -> None:
        larger = claim(resources={"requests": {"storage": "2Gi"}})
        text = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        assert refused_change(claim(), larger) == [f"spec: Forbidden: {text}"]
        old = "spec is immutable after creation except resources.requests for bound claims"
        assert refused_change(claim(), larger, "1.28") == [f"spec: Forbidden: {old}"]

    def test_a_class_can_be_given_to_a_claim_without_one(self) -> None:
        accept(claim()).apply(claim(storageClassName="fast"))
        assert refused_change(claim(), claim(storageClassName="fast"), "1.25")
        assert refused_change(claim(storageClassName=""), claim(storageClassName="fast"))

    def test_a_class_in_the_annotation_can_move_into_the_field(self) -> None:
        annotated = claim()
        annotated["metadata"] = {"name": "data", "annotations": {"volume.beta.kubernetes.io/storage-class": "fast"}}
        accept(annotated, "1.20").apply({**annotated, "spec": claim(storageClassName="fast")["spec"]})
        [told, *_] = refused_change(annotated, {**annotated, "spec": claim(storageClassName="slow")["spec"]}, "1.20")
        assert told.startswith("spec: Forbidden")

    def test_a_bound_claim_grows_if_its_class_allows_it(self) -> None:
        simulation = bound_claim(allow=True)
        simulation.apply(claim(storageClassName="fast", resources={"requests": {"storage": "2Gi"}}))
        refusing = bound_claim(allow=False)
        with pytest.raises(Forbidden, match="only dynamically provisioned pvc can be resized"):
            refusing.apply(claim(storageClassName="fast", resources={"requests": {"storage": "2Gi"}}))

    def test_a_bound_claim_does_not_shrink(self) -> None:
        smaller = claim(storageClassName="fast", resources={"requests": {"storage": "512Mi"}})
        text = "spec.resources.requests.storage: Forbidden: field can not be less than"
        assert refused(bound_claim(allow=True), smaller) == [f"{text} status.capacity"]
        assert refused(bound_claim(allow=True, version="1.28"), smaller) == [f"{text} previous value"]


def bound_claim(*, allow: bool, version: str = "1.36") -> Simulation:
    """A claim that is bound to a volume of its class."""
    simulation = accept([storage_class(allowVolumeExpansion=allow), volume(storageClassName="fast")], version)
    simulation.apply(claim(storageClassName="fast"))
    simulation.settle()
    bound: Any = simulation.get("pvc/data")
    assert bound.status.phase == "Bound"
    return simulation


class TestClasses:
    def test_a_class_says_the_same_for_ever(self) -> None:
        kept = storage_class(reclaimPolicy="Retain")
        assert refused_change(storage_class(), kept) == ['reclaimPolicy: Invalid value: "Retain": field is immutable']
        text = "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."
        assert refused_change(storage_class(), kept, "1.20") == [text]

    def test_but_for_whether_its_volumes_can_grow(self) -> None:
        accept(storage_class()).apply(storage_class(allowVolumeExpansion=True))


UPDATABLE = [
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
]


class TestPods:
    def test_a_pod_gets_another_image_and_hardly_anything_else(self) -> None:
        simulation = accept(pod())
        simulation.apply(pod(containers=[container(image="nginx:1.28")]))
        [told] = refused(simulation, pod(containers=[container(image="nginx:1.28", args=["-g"])]))
        assert told == f"spec: Forbidden: pod updates may not change fields other than {','.join(UPDATABLE)}"

    @pytest.mark.parametrize(("version", "last_two"), [("1.20", UPDATABLE[2:4]), ("1.24", UPDATABLE[3:])])
    def test_the_words_were_others_before_1_27(self, version: str, last_two: list[str]) -> None:
        [told] = refused_change(pod(), pod(hostNetwork=True), version)
        assert told.endswith(" or ".join(last_two))

    def test_no_container_comes_or_goes(self) -> None:
        told = refused_change(pod(), pod(containers=[container(), container(name="two")]))
        assert told == ["spec.containers: Forbidden: pod updates may not add or remove containers"]

    def test_tolerations_come_and_stay(self) -> None:
        one, two = ({"key": key, "operator": "Exists"} for key in ("a", "b"))
        simulation = accept(pod(tolerations=[one]))
        simulation.apply(pod(tolerations=[one, two]))
        current: Any = simulation.get("pod/data")
        fewer = current.replace(spec=current.spec.replace(tolerations=current.spec.tolerations[1:]))
        [told, *_] = validate_update(fewer, current, simulation.rules)
        text = "existing toleration can not be modified except its tolerationSeconds"
        assert str(told) == f"spec.tolerations: Forbidden: {text}"

    def test_a_deadline_is_only_drawn_nearer(self) -> None:
        simulation = accept(pod())
        simulation.apply(pod(activeDeadlineSeconds=60))
        simulation.apply(pod(activeDeadlineSeconds=30))
        text = "must be less than or equal to previous value"
        assert refused(simulation, pod(activeDeadlineSeconds=60))[-1].endswith(text)

    def test_gates_go_and_do_not_come(self) -> None:
        gated = pod(schedulingGates=[{"name": "a"}])
        accept(gated).apply(pod())
        text = "only deletion is allowed, but found new scheduling gate 'b'"
        told = refused_change(gated, pod(schedulingGates=[{"name": "a"}, {"name": "b"}]))
        assert told == [f"spec.schedulingGates[1].name: Forbidden: {text}"]

    def test_a_pod_at_a_gate_can_be_narrowed_to_fewer_nodes(self) -> None:
        gates = [{"name": "a"}]
        simulation = accept(pod(schedulingGates=gates, nodeSelector={"disk": "ssd"}))
        simulation.apply(pod(schedulingGates=gates, nodeSelector={"disk": "ssd", "zone": "a"}))
        told = refused(simulation, pod(schedulingGates=gates, nodeSelector={"disk": "hdd", "zone": "a"}))
        assert told[0].startswith("spec.nodeSelector: Invalid value")
        assert told[0].endswith("only additions to spec.nodeSelector are allowed (no mutations or deletions)")

    def test_node_affinity_is_added_to_at_a_gate(self) -> None:
        def near(*zones: str) -> Manifest:
            expressions = [{"key": "zone", "operator": "In", "values": [zone]} for zone in zones]
            terms = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
            affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
            return pod(schedulingGates=[{"name": "a"}], affinity=affinity)

        accept(pod(schedulingGates=[{"name": "a"}])).apply(near("a"))
        accept(near("a")).apply(near("a", "b"))
        [told] = refused_change(near("a"), near("b"))
        assert told.endswith("only additions are allowed (no mutations or deletions)")

    def test_a_container_that_has_ended_does_not_come_back(self) -> None:
        def seen(state: Manifest) -> Any:
            status = {"containerStatuses": [{"name": "web", "state": state}]}
            return from_manifest(pod(restartPolicy="OnFailure") | {"status": status})

        ended, failed = ({"terminated": {"exitCode": code}} for code in (0, 1))
        running = seen({"running": {}})
        text = "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
        for version in ("1.20", "1.36"):
            rules = Rules.for_version(version)
            assert [str(error) for error in validate_status_update(running, seen(ended), rules)] == [text]
            assert validate_status_update(running, seen(failed), rules) == []


LATER = "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
KEPT = {
    "1.15": "'replicas', 'template', and 'updateStrategy'",
    "1.24": f"'replicas', 'template', 'updateStrategy', {LATER}",
    "1.36": f"'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', {LATER}",
}


class TestWorkloads:
    @pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "DaemonSet"])
    def test_a_workload_keeps_its_selector(self, kind: str) -> None:
        labels = {"app": "web", "tier": "front"}
        more = workload(kind, selector={"matchLabels": labels})
        more["spec"]["template"]["metadata"]["labels"] = labels
        [told] = refused_change(workload(kind), more)
        assert told.startswith("spec.selector: Invalid value")
        assert told.endswith("field is immutable")

    @pytest.mark.parametrize(("version", "fields"), KEPT.items())
    def test_a_stateful_set_keeps_its_claims(self, version: str, fields: str) -> None:
        text = f"spec: Forbidden: updates to statefulset spec for fields other than {fields} are forbidden"
        claiming = workload("StatefulSet", volumeClaimTemplates=[claim()])
        assert refused_change(workload("StatefulSet"), claiming, version) == [text]

    def test_a_job_keeps_its_pods(self) -> None:
        once = pod(restartPolicy="Never")["spec"]
        simulation = accept(workload("Job", "batch/v1", selector=None, template=once))
        changed = workload("Job", "batch/v1", selector=None, template=pod(restartPolicy="OnFailure")["spec"])
        told = refused(simulation, changed)
        assert [error.partition(":")[0] for error in told] == ["spec.template"]


class TestMetadata:
    def test_a_finalizer_has_a_domain(self) -> None:
        named = volume() | {"metadata": {"name": "data", "finalizers": ["mine"]}}
        [told] = refused_change(volume(), named)
        text = "name is neither a standard finalizer name nor is it fully qualified"
        assert told == f'metadata.finalizers[1]: Invalid value: "mine": {text}'

    def test_only_metadata_that_changes_is_looked_at(self) -> None:
        """A spec that is still the old one is right: it was let in."""
        old: Any = from_manifest(volume(accessModes=None))
        new = old.replace(metadata=old.metadata.replace(annotations={"a": "b"}))
        assert validate_update(new, old, Rules()) == []
        assert validate_update(new.replace(spec=old.spec.replace(storage_class_name="x")), old, Rules())


class TestStatus:
    def test_a_claims_status_knows_the_steps_of_growing(self) -> None:
        simulation = accept(claim())
        with pytest.raises(Invalid) as caught:
            simulation.patch(
                "pvc/data", {"status": {"allocatedResourceStatuses": {"storage": "Growing"}}}, subresource="status"
            )
        [told] = caught.value.errors
        assert str(told).startswith('status.allocatedResourceStatuses: Unsupported value: "storage": supported values')


def test_config_that_is_immutable_stays_as_it_is() -> None:
    config: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    frozen = config | {"immutable": True}
    text = "field is immutable when `immutable` is set"
    assert refused_change(frozen, frozen | {"data": {"a": "2"}}) == [f"data: Forbidden: {text}"]
    assert refused_change(frozen, frozen | {"immutable": False}) == [f"immutable: Forbidden: {text}"]
