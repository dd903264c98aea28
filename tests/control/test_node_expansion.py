"""Expanding file systems on the nodes, after external-resizer has made the storage behind them larger.

Source: kubernetes-csi/external-resizer, pkg/controller; pkg/volume/util/operationexecutor, node_expander.go.
"""

from __future__ import annotations

import pytest

import volsim
from tests.incidents.manifests import DRIVER, claim, messages, phase, pod, settled, spec, storage_class

OLD_SIZE = "volume.alpha.kubernetes.io/pre-resize-capacity"
NODE_EXPANDS = '{nodeExpansion: "true"}'


def cluster(kubernetes: str = "1.36", *texts: str) -> volsim.Simulation:
    """A node and a driver that leaves file systems to the node; claim c has 10Gi."""
    sim = volsim.Simulation(nodes=1, kubernetes=kubernetes)
    sim.install_csi_driver(DRIVER, resizer=True)
    made = storage_class(allowVolumeExpansion="true", parameters=NODE_EXPANDS)
    return settled(sim, made, claim(size="10Gi", storageClassName="fast"), *texts)


def ask(sim: volsim.Simulation, size: str, name: str = "c") -> None:
    sim.patch(f"pvc/{name}", {"spec": {"resources": {"requests": {"storage": size}}}})
    settled(sim)


def sizes(sim: volsim.Simulation, name: str = "c") -> tuple[str, str]:
    """What the volume has, and what the claim says that it has."""
    found = sim.get(f"pvc/{name}")
    volume = sim.get(f"pv/{found.spec.volume_name}")
    return str(volume.spec.capacity["storage"]), str(found.status.capacity["storage"])


def conditions(sim: volsim.Simulation) -> list[str]:
    return [each.type or "" for each in sim.get("pvc/c").status.conditions]


class TestWhatWaits:
    """The claim has its old size until a node that may write has the volume mounted."""

    @pytest.mark.parametrize(
        ("kubernetes", "said", "allocated"),
        [
            ("1.31", ["FileSystemResizePending"], {}),
            ("1.32", ["Resizing", "FileSystemResizePending"], {"storage": "20Gi"}),
        ],
    )
    def test_how_it_says_so_depends_on_recovery(
        self, kubernetes: str, said: list[str], allocated: dict[str, str]
    ) -> None:
        sim = cluster(kubernetes)
        ask(sim, "20Gi")
        status = sim.get("pvc/c").status
        assert conditions(sim) == said
        assert {name: str(size) for name, size in status.allocated_resources.items()} == allocated
        assert dict(status.allocated_resource_statuses) == ({"storage": "NodeResizePending"} if allocated else {})
        volume = sim.get(f"pv/{sim.get('pvc/c').spec.volume_name}")
        assert volume.metadata.annotations[OLD_SIZE] == "10Gi"

    def test_a_pod_that_only_reads_does_not_expand(self) -> None:
        sim = cluster("1.36", pod("reader", source="persistentVolumeClaim: {claimName: c, readOnly: true}"))
        ask(sim, "20Gi")
        assert sizes(sim) == ("20Gi", "10Gi")
        settled(sim, pod("writer"))
        assert sizes(sim) == ("20Gi", "20Gi")

    @pytest.mark.parametrize("fault", ["partition", "power"])
    def test_a_node_that_does_not_answer_expands_when_it_is_back(self, fault: str) -> None:
        sim = cluster("1.36", pod())
        (sim.partition_node if fault == "partition" else sim.fail_node)("node01")
        ask(sim, "20Gi")
        assert sizes(sim) == ("20Gi", "10Gi")
        (sim.heal_node if fault == "partition" else sim.recover_node)("node01")
        sim.run("1m")
        assert phase(sim, "pod/p") == "Running"
        assert sizes(sim) == ("20Gi", "20Gi")

    def test_a_claim_that_was_made_for_a_pod_is_expanded_too(self) -> None:
        template = spec(accessModes="[ReadWriteOnce]", storageClassName="fast", resources="{requests: {storage: 10Gi}}")
        sim = cluster("1.36", pod(source=f"ephemeral: {{volumeClaimTemplate: {{spec: {template}}}}}"))
        ask(sim, "20Gi", "p-data")
        assert sizes(sim, "p-data") == ("20Gi", "20Gi")


class TestAskingAgain:
    """What a larger request does while a node still has to finish the last one."""

    @pytest.mark.parametrize(("kubernetes", "volume"), [("1.31", "30Gi"), ("1.32", "20Gi")])
    def test_with_recovery_the_node_comes_first(self, kubernetes: str, volume: str) -> None:
        sim = cluster(kubernetes)
        ask(sim, "20Gi")
        ask(sim, "30Gi")
        assert sizes(sim) == (volume, "10Gi")
        settled(sim, pod())
        assert sizes(sim) == ("30Gi", "30Gi")
        assert conditions(sim) == []
        volume_now = sim.get(f"pv/{sim.get('pvc/c').spec.volume_name}")
        assert OLD_SIZE not in volume_now.metadata.annotations
        expansions = 1 if kubernetes == "1.31" else 2
        assert len(messages(sim, "FileSystemResizeSuccessful")) == 2 * expansions, "of the pod and of the claim"
