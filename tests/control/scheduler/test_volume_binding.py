"""Pods with claims: where they can go, and what is bound before they do.

Source: kube-scheduler, plugins/volumebinding.
"""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from tests.control.scheduler.clusters import (
    Manifest,
    attempts,
    claim,
    cluster,
    found_pod,
    node,
    place,
    pod,
    possible,
    said,
    storage_class,
    volume,
    why,
    zoned,
)
from volsim.control.contract import Choose
from volsim.control.scheduler import CONTROLLER, pre_bind
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.volume_candidates import MOST_EQUAL, Candidates
from volsim.manifests import from_manifest
from volsim.objects import PersistentVolume, PersistentVolumeClaim

NODES = [node("n1"), node("n2")]
BINDER = ("pv-binder", "pv-phases")
SELECTED = "volume.kubernetes.io/selected-node"


def claim_of(sim: volsim.Simulation, name: str = "data") -> PersistentVolumeClaim:
    found = sim.get(f"pvc/{name}")
    assert isinstance(found, PersistentVolumeClaim)
    return found


def volume_of(sim: volsim.Simulation, name: str) -> PersistentVolume:
    found = sim.get(f"pv/{name}")
    assert isinstance(found, PersistentVolume)
    return found


class TestBoundClaims:
    def test_the_pod_goes_where_the_volume_is_reached(self) -> None:
        now = storage_class("now", volumeBindingMode="Immediate")
        parts = [now, claim(storage_class="now"), volume("pv", node="n2", storage_class="now")]
        sim = cluster(NODES, *parts, pod(claims=("data",)), more=BINDER)
        assert place(sim) == "n2"

    @pytest.mark.parametrize(
        ("version", "text"),
        [
            ("1.20", "1 node(s) had taint {a: }, that the pod didn't tolerate, 1 node(s) had volume node affinity"),
            ("1.36", "1 node(s) didn't match PersistentVolume's node affinity, 1 node(s) had untolerated taint(s)."),
        ],
    )
    def test_what_is_said_where_it_is_not(self, version: str, text: str) -> None:
        now = storage_class("now", volumeBindingMode="Immediate")
        parts = [now, claim(storage_class="now"), volume("pv", node="n2", storage_class="now")]
        sim = cluster(NODES, *parts, more=BINDER, kubernetes=version)
        sim.taint("n2", "a", effect="NoSchedule")
        sim.apply(pod(claims=("data",)))
        sim.settle()
        assert said(sim).startswith(f"0/2 nodes are available: {text}")

    def test_a_volume_that_is_gone(self) -> None:
        now = storage_class("now", volumeBindingMode="Immediate")
        parts = [now, claim(storage_class="now"), volume("pv", storage_class="now")]
        for version, text in (
            ("1.20", "2 pvc(s) bound to non-existent pv(s)"),
            ("1.36", 'persistentvolumeclaim "data" bound to non-existent persistentvolume "pv"'),
        ):
            sim = cluster(NODES, *parts, more=BINDER, kubernetes=version)
            sim.patch("pv/pv", {"metadata": {"finalizers": None}})
            sim.delete("pv/pv")
            sim.settle()
            sim.apply(pod(claims=("data",)))
            sim.settle()
            assert text in said(sim)


class TestClaimsThatAreNotAsTheyShouldBe:
    def test_one_that_is_being_deleted(self) -> None:
        kept = {**claim(), "metadata": {"name": "data", "finalizers": ["a/b"]}}
        sim = cluster(NODES, storage_class(), kept)
        sim.delete("pvc/data")
        sim.apply(pod(claims=("data",)))
        sim.settle()
        assert 'persistentvolumeclaim "data" is being deleted' in said(sim)

    def test_an_ephemeral_one_that_is_yet_to_be_made(self) -> None:
        ephemeral = {"volumeClaimTemplate": {"spec": claim()["spec"]}}
        sim = cluster(NODES, storage_class(), pod(volumes=[{"name": "data", "ephemeral": ephemeral}]))
        assert 'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-data"' in said(sim)

    def test_an_ephemeral_one_that_is_somebody_elses(self) -> None:
        ephemeral = {"volumeClaimTemplate": {"spec": claim()["spec"]}}
        sim = cluster(
            NODES, storage_class(), claim("web-data"), pod(volumes=[{"name": "data", "ephemeral": ephemeral}])
        )
        assert "PVC default/web-data was not created for pod default/web (pod is not owner)" in said(sim)


class TestVolumesThatAreThere:
    """A claim that waited for its first consumer gets the smallest that will do, where the pod goes."""

    def test_the_smallest_that_will_do(self) -> None:
        volumes = [volume("large", "9Gi", node="n1"), volume("right", "2Gi", node="n1"), volume("small", node="n1")]
        sim = cluster([node("n1")], storage_class(), claim(size="2Gi"), *volumes, pod(claims=("data",)), more=BINDER)
        assert place(sim) == "n1"
        assert claim_of(sim).spec.volume_name == "right"
        assert not sim.state.table("scheduling")

    def test_the_smallest_claim_chooses_first(self) -> None:
        claims = [claim("large", "3Gi"), claim("small", "1Gi")]
        volumes = [volume("pv3", "3Gi", node="n1"), volume("pv4", "4Gi", node="n1")]
        sim = cluster([node("n1")], storage_class(), *claims, *volumes, pod(claims=("large", "small")), more=BINDER)
        assert claim_of(sim, "small").spec.volume_name == "pv3"
        assert claim_of(sim, "large").spec.volume_name == "pv4"

    def test_every_claim_of_the_pod_must_be_served_on_the_node(self) -> None:
        volumes = [volume("pv1", node="n1"), volume("pv2", node="n2"), volume("pv3", node="n2")]
        claims = [claim("a"), claim("b")]
        sim = cluster(NODES, storage_class(), *claims, *volumes, pod(claims=("a", "b")), more=BINDER)
        assert place(sim) == "n2"
        assert {claim_of(sim, name).spec.volume_name for name in "ab"} == {"pv2", "pv3"}

    def test_nothing_is_bound_where_the_pod_cannot_go(self) -> None:
        sim = cluster(NODES, storage_class(), claim(), volume("pv", node="n1"), pod(claims=("data",), cpu="8"))
        assert volume_of(sim, "pv").spec.claim_ref is None

    def test_what_is_said_where_there_is_none(self) -> None:
        sim = cluster(NODES, storage_class(), claim(), volume("pv", "1Mi", node="n1"), pod(claims=("data",)))
        assert why(sim) == ("0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.")

    def test_equally_large_ones_are_a_choice(self) -> None:
        sim = cluster([node("n1")], storage_class(), claim(), more=BINDER)
        for name in ("pv2", "pv1"):
            sim.apply(volume(name, node="n1"))
        sim.settle()
        sim.apply(pod(claims=("data",)))
        found = CONTROLLER.sync(sim.state, "default/web")
        assert isinstance(found, Choose)
        assert [label for label, _ in found.options] == ["n1 with pv1 for data", "n1 with pv2 for data"]

    def test_two_pods_do_not_get_the_same(self) -> None:
        volumes = [volume("pv1", node="n1"), volume("pv2", node="n1")]
        claims = [claim("a"), claim("b")]
        pods = [pod("first", claims=("a",)), pod("second", claims=("b",))]
        sim = cluster([node("n1")], storage_class(), *claims, *volumes, *pods, more=BINDER)
        assert {claim_of(sim, name).spec.volume_name for name in "ab"} == {"pv1", "pv2"}


class TestVolumesThatAreMade:
    TOPOLOGY = "topology.kubernetes.io/zone"

    def csi(self, *manifests: Manifest, nodes: Any = None, **options: Any) -> volsim.Simulation:
        sim = volsim.Simulation(nodes=nodes or zoned("a1", "b1"), **options)
        sim.install_csi_driver("csi.example.com", topology_key=self.TOPOLOGY)
        for manifest in manifests:
            sim.apply(manifest)
        sim.settle()
        return sim

    def later(self, **fields: Any) -> Manifest:
        return storage_class(provisioner="csi.example.com", **fields)

    def test_where_the_pod_goes(self) -> None:
        sim = self.csi(self.later(), claim(), pod(claims=("data",), nodeSelector={self.TOPOLOGY: "b"}))
        assert place(sim) == "b1"
        bound = claim_of(sim)
        assert bound.metadata.annotations[SELECTED] == "b1"
        found = volume_of(sim, bound.spec.volume_name or "").spec.node_affinity
        assert found is not None
        assert found.required is not None
        assert found.required.matches({self.TOPOLOGY: "b"})

    def test_the_pod_is_bound_after_the_claim(self) -> None:
        sim = self.csi(self.later(), claim(), pod(claims=("data",)))
        order = [
            change.key
            for step in sim.trace
            for change in step.changes
            if (change.table == "pods" and change.after.spec.node_name)
            or (change.table == "persistentvolumeclaims" and change.after.spec.volume_name)
        ]
        assert order.index("default/data") < order.index("default/web")

    def test_only_where_the_class_allows_it(self) -> None:
        allowed = [{"matchLabelExpressions": [{"key": self.TOPOLOGY, "values": ["b"]}]}]
        sim = self.csi(self.later(allowedTopologies=allowed), claim())
        assert possible(sim, pod("new", claims=("data",))) == ["b1"]

    def test_only_where_there_is_room(self) -> None:
        sim = self.csi(self.later(), claim(size="5Gi"))
        sim.patch("csidriver/csi.example.com", {"spec": {"storageCapacity": True}})
        for zone, capacity in (("a", "4Gi"), ("b", "6Gi")):
            sim.apply(
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "CSIStorageCapacity",
                    "metadata": {"name": zone},
                    "storageClassName": "later",
                    "capacity": capacity,
                    "nodeTopology": {"matchLabels": {self.TOPOLOGY: zone}},
                }
            )
        assert possible(sim, pod("new", claims=("data",))) == ["b1"]
        sim.cordon("b1")
        sim.apply(pod(claims=("data",)))
        sim.run("5s")
        assert "1 node(s) did not have enough free storage" in said(sim)

    def test_a_claim_that_was_promised_to_a_node_stays_with_it(self) -> None:
        """A volume may be being made there already."""
        promised = claim()
        promised["metadata"]["annotations"] = {SELECTED: "b1"}
        sim = cluster(zoned("a1", "b1"), self.later(), promised)
        assert possible(sim, pod(claims=("data",))) == ["b1"]


class TestWaiting:
    """Nobody makes the volume: the node is reserved, and the pod waits."""

    def waiting(self, **options: Any) -> volsim.Simulation:
        maker = storage_class(provisioner="nobody.example.com")
        return cluster([node("n1", cpu="1")], maker, claim(), pod(claims=("data",), cpu="1"), **options)

    def test_the_node_is_reserved(self) -> None:
        sim = self.waiting()
        assert place(sim) is None
        assert claim_of(sim).metadata.annotations[SELECTED] == "n1"
        sim.apply(pod("second", cpu="1"))
        sim.settle()
        assert why(sim, "second") == "0/1 nodes are available: 1 Insufficient cpu."

    def test_the_pod_is_nominated_since_1_35(self) -> None:
        for version, expected in (("1.33", None), ("1.36", "n1")):
            assert found_pod(self.waiting(kubernetes=version)).status.nominated_node_name == expected

    @pytest.mark.parametrize(
        ("version", "text"), [("1.20", "timed out waiting for the condition"), ("1.36", "context deadline exceeded")]
    )
    def test_after_ten_minutes_it_starts_again(self, version: str, text: str) -> None:
        sim = self.waiting(kubernetes=version)
        sim.run("599s")
        assert attempts(sim) == []
        sim.run("1s")
        assert said(sim) == f'running PreBind plugin "VolumeBinding": binding volumes: {text}'
        (found,) = [each for each in found_pod(sim).status.conditions if each.type == "PodScheduled"]
        assert found.reason == "SchedulerError"
        sim.run("2s")
        assert sim.state.get("scheduling", "default/web").node == "n1"

    def test_a_provisioner_that_gives_up_frees_the_node(self) -> None:
        sim = self.waiting()
        sim.patch("pvc/data", {"metadata": {"annotations": {SELECTED: None}}})
        sim.run("500ms")
        assert "annotation reset" in said(sim) or "provisioning failed" in said(sim)
        sim.run("1s")
        assert claim_of(sim).metadata.annotations[SELECTED] == "n1"

    def test_a_pod_that_is_deleted_meanwhile(self) -> None:
        sim = self.waiting()
        sim.delete("pod/web")
        sim.settle()
        assert sim.events[-1].message == (
            'running PreBind plugin "VolumeBinding": binding volumes: pod does not exist any more: pod "web" not found'
        )
        assert not sim.state.table("scheduling")

    def test_a_node_that_is_gone_meanwhile(self) -> None:
        sim = self.waiting()
        sim.delete("node/n1")
        sim.settle()
        assert said(sim) == (
            'running PreBind plugin "VolumeBinding": binding volumes: failed to get node "n1": node "n1" not found'
        )

    def test_a_claim_that_is_gone_meanwhile(self) -> None:
        sim = self.waiting()
        sim.patch("pvc/data", {"metadata": {"finalizers": None}})
        sim.delete("pvc/data")
        sim.settle()
        assert 'failed to check provisioning pvc: persistentvolumeclaims "default/data" not found' in said(sim)


class TestBindingThatFails:
    """What makes it useless to wait any longer."""

    def checked(self, memory: Memory, *manifests: Manifest) -> bool | str:
        draft = cluster([node("n1"), node("n2")]).state.draft({})
        for manifest in manifests:
            obj = from_manifest(manifest)
            if obj.KIND == "PersistentVolumeClaim":
                obj = obj.replace(metadata=obj.metadata.replace(namespace="default"))
            draft.put(obj.PLURAL, obj.key, obj)
        return pre_bind.check(draft, memory)

    def promised(self, node: str | None = "n1", **spec: Any) -> Manifest:
        found = claim(**spec)
        found["metadata"]["annotations"] = {SELECTED: node} if node is not None else {"other": ""}
        return found

    @pytest.mark.parametrize(
        ("there", "text"),
        [
            ([], 'failed to check binding: persistentvolumes "pv" not found'),
            ([volume("pv")], 'failed to check binding: persistentvolumeclaims "default/data" not found'),
            (
                [volume("pv", node="n2"), claim()],
                'pv "pv" node affinity doesn\'t match node "n1": no matching NodeSelectorTerms',
            ),
            ([volume("pv"), claim()], 'ClaimRef got reset for pv "pv"'),
        ],
        ids=["no volume", "no claim", "out of reach", "given back"],
    )
    def test_of_a_volume_that_was_there(self, there: list[Manifest], text: str) -> None:
        memory = Memory(node="n1", bindings=(("default/data", "pv"),))
        assert self.checked(memory, *there) == text

    def test_of_a_volume_that_was_to_be_made(self) -> None:
        memory = Memory(node="n1", provisions=("default/data",))
        assert self.checked(memory, self.promised()) is False
        assert self.checked(memory, claim()) == 'selectedNode annotation reset for PVC "data"'
        assert self.checked(memory, self.promised(None)) == 'provisioning failed for PVC "data"'
        assert self.checked(memory, self.promised("n2")) == 'provisioning failed for PVC "data"'
        assert self.checked(memory, self.promised(volumeName="pv")) is False  # its volume is still to be seen
        assert self.checked(memory, self.promised(volumeName="pv"), volume("pv", node="n2")) == (
            'pv "pv" node affinity doesn\'t match node "n1": no matching NodeSelectorTerms'
        )


class TestCandidates:
    """The volumes for a claim, arranged by the nodes that reach them."""

    def volume(self, name: str, size: str, *terms: list[Manifest]) -> PersistentVolume:
        made = volume(name, size)
        if terms:
            required = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
            made["spec"]["nodeAffinity"] = {"required": required}
        found = from_manifest(made)
        assert isinstance(found, PersistentVolume)
        return found

    def names(self, volumes: list[PersistentVolume], *taken: str, **labels: str) -> list[str | None]:
        return [each.metadata.name for each in Candidates(volumes).best(labels, taken)]

    def test_affinity_of_every_form_is_respected(self) -> None:
        zone_a = {"key": "zone", "operator": "In", "values": ["a"]}
        not_b = {"key": "zone", "operator": "NotIn", "values": ["b"]}
        volumes = [
            self.volume("local", "1Gi", [zone_a]),
            self.volume("not-b", "2Gi", [not_b]),
            self.volume("a-or-ssd", "3Gi", [zone_a], [{"key": "disk", "operator": "Exists"}]),
            self.volume("anywhere", "4Gi"),
        ]
        assert self.names(volumes, zone="a") == ["local"]
        assert self.names(volumes, "local", zone="a") == ["not-b"]
        assert self.names(volumes, zone="b", disk="ssd") == ["a-or-ssd"]
        assert self.names(volumes, zone="b") == ["anywhere"]
        assert self.names(volumes, "anywhere", zone="b") == []

    def test_only_some_of_many_equal_ones_are_offered(self) -> None:
        volumes = [self.volume(f"v{number}", "1Gi") for number in range(MOST_EQUAL + 5)]
        assert len(self.names(volumes)) == MOST_EQUAL
