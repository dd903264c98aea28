"""Pods that are not placed because of their volumes, and what people do about it in vain.

Each class is one incident; its docstring says what people get wrong.
Source: kube-scheduler, plugins volumebinding, volumezone, nodeaffinity; kubernetes-csi/external-provisioner; docs,
concepts Storage Classes (Volume Binding Mode) and Persistent Volumes.
"""

from __future__ import annotations

import re

import volsim
from tests.incidents.manifests import (
    DRIVER,
    claim,
    has_file,
    manifest,
    messages,
    never,
    phase,
    pod,
    settled,
    spec,
    storage_class,
    volume,
)
from tests.incidents.test_workloads import claims, stateful_set

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
SELECTED = "volume.kubernetes.io/selected-node"
LATER = {"volumeBindingMode": "WaitForFirstConsumer"}
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"


def unreached(kubernetes: str) -> str:
    """What is said of a node that does not reach a bound volume."""
    newer = volsim.Rules.for_version(kubernetes).volume_affinity_in_reason
    why = "didn't match PersistentVolume's node affinity" if newer else "had volume node affinity conflict"
    return f"1 node(s) {why}"


def in_zones(kubernetes: str, zones: str = "ab", seed: int = 0) -> volsim.Simulation:
    """A node in each zone, named after it, and a driver whose disks are reached from one zone."""
    nodes = [manifest("v1", "Node", f"in-{zone}", labels=f"{{{ZONE}: {zone}, {HOST}: in-{zone}}}") for zone in zones]
    sim = volsim.Simulation(nodes=nodes, kubernetes=kubernetes, seed=seed)
    sim.install_csi_driver(DRIVER, topology_key=ZONE)
    return sim


def only_in(zone: str) -> str:
    return f"[{{matchLabelExpressions: [{{key: {ZONE}, values: [{zone}]}}]}}]"


def last_refusal(sim: volsim.Simulation) -> str:
    return messages(sim, "FailedScheduling")[-1]


def two_claims() -> str:
    """A pod with the claims a and b."""
    volumes = "[{name: a, persistentVolumeClaim: {claimName: a}}, {name: b, persistentVolumeClaim: {claimName: b}}]"
    return manifest("v1", "Pod", "p", spec=spec(containers="[{name: app, image: 'nginx:1'}]", volumes=volumes))


class TestImmediateBindingInAMultiZoneCluster:
    """INC-43: the default binding mode of a class made by hand takes no notice of where the pod can go."""

    def cluster(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        """Claim c got a disk in zone a, pod p must run in zone b."""
        sim = in_zones(kubernetes)
        made = storage_class(**fields)
        return settled(sim, made, claim(storageClassName="fast"), pod(nodeSelector=f"{{{ZONE}: b}}"))

    def test_the_pod_stays_pending_for_ever(self, kubernetes: str) -> None:
        sim = self.cluster(kubernetes, allowedTopologies=only_in("a"))
        assert (phase(sim, "pvc/c"), phase(sim, "pod/p")) == ("Bound", "Pending")
        assert unreached(kubernetes) in last_refusal(sim)
        assert "1 node(s) didn't match Pod's node affinity/selector" in last_refusal(sim)
        assert never(sim, lambda sim: sim.get("pod/p").spec.node_name is not None, within="2d")

    def test_a_new_pod_does_not_help_a_new_claim_does(self, kubernetes: str) -> None:
        sim = self.cluster(kubernetes, allowedTopologies=only_in("a"))
        sim.delete("pod/p")
        settled(sim, pod(nodeSelector=f"{{{ZONE}: b}}"))
        assert phase(sim, "pod/p") == "Pending"
        sim.delete("pod/p")
        sim.delete("pvc/c")
        sim.settle()
        made = storage_class("other", allowedTopologies=only_in("b"))
        settled(sim, made, claim(storageClassName="other"), pod(nodeSelector=f"{{{ZONE}: b}}"))
        assert phase(sim, "pod/p") == "Running"

    def test_where_binding_waits_the_disk_is_made_where_the_pod_goes(self, kubernetes: str) -> None:
        assert phase(self.cluster(kubernetes, **LATER), "pod/p") == "Running"

    def test_two_claims_may_land_in_different_zones(self, kubernetes: str) -> None:
        """It is chance: some seeds place the pod, others never."""
        placed = set()
        for seed in range(6):
            sim = in_zones(kubernetes, seed=seed)
            settled(sim, storage_class(), claim("a", storageClassName="fast"), claim("b", storageClassName="fast"))
            settled(sim, two_claims())
            placed.add(phase(sim, "pod/p"))
            if phase(sim, "pod/p") == "Pending":
                assert unreached(kubernetes).replace("1 ", "2 ", 1) in last_refusal(sim)
                assert never(sim, lambda sim: sim.get("pod/p").spec.node_name is not None, within="1d")
        assert placed == {"Running", "Pending"}

    def test_where_binding_waits_they_never_do(self, kubernetes: str) -> None:
        sim = in_zones(kubernetes)
        settled(sim, storage_class(**LATER), claim("a", storageClassName="fast"), claim("b", storageClassName="fast"))
        settled(sim, two_claims())
        assert phase(sim, "pod/p") == "Running"


class TestNodeNameGoesPastTheScheduler:
    """INC-44: with spec.nodeName nobody selects a node for the claim, so its volume is never made."""

    def cluster(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        sim = volsim.Simulation(nodes=2, kubernetes=kubernetes)
        sim.install_csi_driver(DRIVER)
        return settled(sim, storage_class(**LATER), claim(storageClassName="fast"), pod(**fields))

    def test_claim_and_pod_wait_for_each_other_for_ever(self, kubernetes: str) -> None:
        sim = self.cluster(kubernetes, nodeName="node01")
        assert (phase(sim, "pvc/c"), phase(sim, "pod/p")) == ("Pending", "Pending")
        assert SELECTED not in sim.get("pvc/c").metadata.annotations
        assert never(sim, lambda sim: phase(sim, "pvc/c") == "Bound", within="6h")
        assert re.search(r"^p .* ContainerCreating ", sim.kubectl("get pods"), re.MULTILINE)
        assert "error processing PVC default/c: PVC is not bound" in messages(sim, "FailedMount")[-1]
        assert messages(sim, "FailedScheduling") == []

    def test_a_selector_for_the_nodes_name_does_what_was_meant(self, kubernetes: str) -> None:
        sim = self.cluster(kubernetes, nodeSelector=f"{{{HOST}: node01}}")
        assert (phase(sim, "pvc/c"), phase(sim, "pod/p")) == ("Bound", "Running")
        assert sim.get("pod/p").spec.node_name == "node01"


class TestPreBoundClaimOfAClassThatWaits:
    """INC-45: a claim that names its volume is bound at once, whatever its class says; the scheduler does not help."""

    def test_the_message_is_that_of_immediate_binding_until_the_volume_comes(self, kubernetes: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        late = storage_class("late", provisioner="kubernetes.io/no-provisioner", **LATER)
        settled(sim, late, claim(storageClassName="late", volumeName="v"), pod())
        assert UNBOUND in last_refusal(sim)
        assert never(sim, lambda sim: phase(sim, "pod/p") != "Pending")
        settled(sim, volume(storageClassName="late"))
        assert (phase(sim, "pvc/c"), phase(sim, "pod/p")) == ("Bound", "Running")

    def test_without_the_name_the_scheduler_chooses(self, kubernetes: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        late = storage_class("late", provisioner="kubernetes.io/no-provisioner", **LATER)
        settled(sim, late, claim(storageClassName="late"), pod())
        assert "1 node(s) didn't find available persistent volumes to bind" in last_refusal(sim)
        settled(sim, volume(storageClassName="late"))
        assert phase(sim, "pod/p") == "Running"


class TestSelectedNodeThatIsNoGood:
    """INC-46: the scheduler does not just try another node: the claim is tied to the one that was selected."""

    def cluster(self, kubernetes: str, **fields: str) -> volsim.Simulation:
        """A claim for which a node is selected and the volume is being made."""
        sim = volsim.Simulation(nodes=2, kubernetes=kubernetes)
        settled(sim, storage_class(**LATER, **fields), claim(storageClassName="fast"), pod())
        assert sim.get("pvc/c").metadata.annotations[SELECTED] in ("node01", "node02")
        return sim

    def test_an_old_provisioner_looks_for_the_lost_node_for_ever(self) -> None:
        sim = self.cluster("1.24")
        lost = sim.get("pvc/c").metadata.annotations[SELECTED]
        sim.delete(f"node/{lost}")
        sim.install_csi_driver(DRIVER)
        assert never(sim, lambda sim: phase(sim, "pvc/c") == "Bound", within="1d")
        assert f'failed to get target node: node "{lost}" not found' in messages(sim, "ProvisioningFailed")
        assert sim.get("pvc/c").metadata.annotations[SELECTED] == lost
        assert "didn't find available persistent volumes to bind" in last_refusal(sim)
        sim.patch("pvc/c", {"metadata": {"annotations": {SELECTED: None}}})
        sim.settle()
        assert phase(sim, "pod/p") == "Running", "an administrator has taken the annotation away"

    def test_a_new_one_deselects_it_and_the_pod_goes_elsewhere(self) -> None:
        sim = self.cluster("1.36")
        lost = sim.get("pvc/c").metadata.annotations[SELECTED]
        sim.delete(f"node/{lost}")
        sim.install_csi_driver(DRIVER)
        sim.run("1m")
        assert messages(sim, "ProvisioningFailed") == [f'node "{lost}" not found']
        assert phase(sim, "pod/p") == "Running"
        assert sim.get("pod/p").spec.node_name == sim.get("pvc/c").metadata.annotations[SELECTED] != lost

    def test_after_ten_minutes_the_pod_is_back_in_the_queue(self, kubernetes: str) -> None:
        """The claim stays with its node, so the pod comes back to it."""
        sim = self.cluster(kubernetes)
        first = sim.get("pvc/c").metadata.annotations[SELECTED]
        sim.run("590s")
        assert messages(sim, "FailedScheduling") == []
        sim.run("20s")
        newer = volsim.Rules.for_version(kubernetes).deadlines_are_contexts
        why = "context deadline exceeded" if newer else "timed out waiting for the condition"
        assert messages(sim, "FailedScheduling") == [f'running PreBind plugin "VolumeBinding": binding volumes: {why}']
        assert never(sim, lambda sim: sim.get("pvc/c").metadata.annotations[SELECTED] != first, within="2h")


class TestClaimThatIsNotThere:
    """INC-47: a volume belongs to the cluster, but a claim to its namespace: a pod does not see those of others."""

    def test_the_claim_of_another_namespace_does_not_help(self, kubernetes: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        settled(sim, manifest("v1", "Namespace", "other"), volume(), claim(namespace="other"), pod())
        assert phase(sim, "pvc/c", "other") == "Bound"
        assert 'persistentvolumeclaim "c" not found' in last_refusal(sim)
        assert never(sim, lambda sim: phase(sim, "pod/p") != "Pending")

    def test_the_pod_is_tried_again_when_the_claim_comes(self, kubernetes: str) -> None:
        sim = settled(volsim.Simulation(nodes=1, kubernetes=kubernetes), volume(), pod())
        assert 'persistentvolumeclaim "c" not found' in last_refusal(sim)
        sim.run("1h")
        before = sim.now
        settled(sim, claim())
        assert phase(sim, "pod/p") == "Running"
        assert sim.now - before < 30, "it did not wait for the five minutes' flush"


class TestClaimWithASelector:
    """INC-48: a selector is no hint for the provisioner: nothing is made for such a claim."""

    def test_it_stays_pending_and_so_does_its_pod(self, kubernetes: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        sim.install_csi_driver(DRIVER)
        settled(sim, storage_class(), claim(storageClassName="fast", selector="{matchLabels: {disk: ssd}}"), pod())
        assert never(sim, lambda sim: phase(sim, "pvc/c") == "Bound" or phase(sim, "pod/p") == "Running", within="2d")
        assert "claim Selector is not supported" in messages(sim, "ProvisioningFailed")[0]
        assert UNBOUND in last_refusal(sim)

    def test_a_volume_with_the_labels_is_taken(self, kubernetes: str) -> None:
        sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
        sim.install_csi_driver(DRIVER)
        settled(sim, storage_class(), claim(storageClassName="fast", selector="{matchLabels: {disk: ssd}}"), pod())
        labelled = volume(storageClassName="fast").replace("{name: v}", "{name: v, labels: {disk: ssd}}", 1)
        settled(sim, labelled)
        assert phase(sim, "pod/p") == "Running"


class TestLocalVolumeAfterNodeLoss:
    """INC-49: persistent does not mean replicated: a local volume is on one node, and goes with it."""

    def cluster(self, kubernetes: str, source: str = "local: {path: /mnt/v}") -> volsim.Simulation:
        """A StatefulSet of one pod whose volume is a directory of node01; it has written there."""
        on_node = f"[{{matchExpressions: [{{key: {HOST}, operator: In, values: [node01]}}]}}]"
        there = f"{{required: {{nodeSelectorTerms: {on_node}}}}}"
        late = storage_class("late", provisioner="kubernetes.io/no-provisioner", **LATER)
        maker = pod("maker", source="hostPath: {path: /mnt/v, type: DirectoryOrCreate}", nodeName="node01")
        rules = volsim.Rules.for_version(kubernetes, local_paths_are_prepared=False)
        sim = volsim.Simulation(nodes=2, rules=rules)
        settled(sim, maker, late, volume(source=source, storageClassName="late", nodeAffinity=there))
        sim.delete("pod/maker", force=True, grace_period=0)
        settled(sim, stateful_set(templates=claims(storage_class="late")))
        assert phase(sim, "pod/web-0") == "Running"
        sim.write_file("pod/web-0", "/data/f", "precious")
        return sim

    def lost(self, kubernetes: str, source: str = "local: {path: /mnt/v}") -> volsim.Simulation:
        """The machine is gone for good, and an hour later its pod has been evicted and forced out."""
        sim = self.cluster(kubernetes, source)
        sim.destroy_node("node01")
        sim.run("1h")
        sim.delete("pod/web-0", force=True, grace_period=0)
        sim.settle()
        return sim

    def test_the_replacement_stays_pending_for_ever(self, kubernetes: str) -> None:
        sim = self.lost(kubernetes)
        assert (phase(sim, "pvc/data-web-0"), phase(sim, "pod/web-0")) == ("Bound", "Pending")
        terse = volsim.Rules.for_version(kubernetes).terse_taint_reason
        taint = "taint(s)" if terse else "taint {node.kubernetes.io/unreachable: }"
        assert f"1 node(s) had untolerated {taint}" in last_refusal(sim)
        assert unreached(kubernetes) in last_refusal(sim)
        sim.delete("node/node01")
        sim.run("6m")  # nothing has happened that could help: the pod is tried when it has waited for long enough
        assert f"0/1 nodes are available: {unreached(kubernetes)}." in last_refusal(sim)
        assert never(sim, lambda sim: phase(sim, "pod/web-0") == "Running")

    def test_a_node_of_another_name_does_not_help(self, kubernetes: str) -> None:
        sim = self.lost(kubernetes)
        sim.delete("node/node01")
        settled(sim, manifest("v1", "Node", "node03"))
        assert unreached(kubernetes).replace("1 ", "2 ", 1) in last_refusal(sim)

    def test_one_of_the_same_name_has_another_disk(self, kubernetes: str) -> None:
        """A local volume is missed there; a hostPath that may be created is empty, and nobody says so."""
        sim = self.lost(kubernetes)
        sim.delete("node/node01")
        settled(sim, manifest("v1", "Node", "node01"))
        assert sim.get("pod/web-0").spec.node_name == "node01"
        assert never(sim, lambda sim: phase(sim, "pod/web-0") == "Running", within="1d")
        assert "/mnt/v" in messages(sim, "FailedMount")[-1]
        silent = self.lost(kubernetes, "hostPath: {path: /mnt/v, type: DirectoryOrCreate}")
        silent.delete("node/node01")
        settled(silent, manifest("v1", "Node", "node01"))
        assert phase(silent, "pod/web-0") == "Running"
        assert not has_file(silent, "pod/web-0", "/data/f")

    def test_claim_and_pod_must_be_deleted_both(self, kubernetes: str) -> None:
        sim = self.lost(kubernetes)
        sim.delete("node/node01")
        settled(sim, volume("other", storageClassName="late"))
        assert phase(sim, "pod/web-0") == "Pending"
        sim.delete("pvc/data-web-0")
        sim.delete("pod/web-0")
        sim.settle()
        assert phase(sim, "pod/web-0") == "Running"
        assert sim.get("pvc/data-web-0").spec.volume_name == "other"
        assert not has_file(sim, "pod/web-0", "/data/f")
