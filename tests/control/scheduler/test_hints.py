"""Which changes of the cluster may help a pod that a plugin has turned away.

Source: kube-scheduler, plugins/*/ (EventsToRegister and the queueing hints).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.scheduler.clusters import Manifest, attempt_for, claim, cluster, node, pod, storage_class, volume
from volsim.control.scheduler.plugins import HINTS
from volsim.manifests import from_manifest
from volsim.objects import Object
from volsim.state import Change

ZONE = "topology.kubernetes.io/zone"
GONE = None
NEW = None


def labelled(**labels: str) -> Manifest:
    return node("n1", labels={f"example.com/{key}": value for key, value in labels.items()})


def near(*, anti: bool) -> Manifest:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "example.com/rack"}
    side = "podAntiAffinity" if anti else "podAffinity"
    return pod(affinity={side: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}})


def zoned(value: str) -> Manifest:
    found = volume("pv")
    found["metadata"]["labels"] = {ZONE: value}
    return found


def csi_node(count: int | None) -> Manifest:
    driver: Manifest = {"name": "csi.example.com", "nodeID": "n1"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {"name": "n1"},
        "spec": {"drivers": [{**driver, "allocatable": {"count": count}} if count is not None else driver]},
    }


ATTACHMENT: Manifest = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttachment",
    "metadata": {"name": "csi-1"},
    "spec": {"attacher": "csi.example.com", "nodeName": "n1", "source": {"persistentVolumeName": "pv"}},
}
TOPOLOGIES = [{"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}]
IMMEDIATE = storage_class("now", volumeBindingMode="Immediate")
WITH_CLAIM = pod(claims=("data",))
HAD_CLAIM = pod("other", claims=("data",), nodeName="n1")
PORTS = [{"containerPort": 80, "hostPort": 80}]

CASES: dict[str, tuple[str, Manifest, Manifest | None, Manifest | None, bool]] = {
    # what it is: (plugin, the pod, before, after, whether it may help)
    "a free node": ("NodeUnschedulable", pod(), NEW, node("n1"), True),
    "a node that is gone": ("NodeUnschedulable", pod(), node("n1"), GONE, False),
    "a node that fits": ("NodeResourcesFit", pod(cpu="4"), NEW, node("n1"), True),
    "a node that is too small": ("NodeResourcesFit", pod(cpu="5"), NEW, node("n1"), False),
    "a node that has grown": ("NodeResourcesFit", pod(cpu="5"), node("n1"), node("n1", cpu="6"), True),
    "a node that has grown otherwise": ("NodeResourcesFit", pod(cpu="1"), node("n1"), node("n1", disk="6"), False),
    "a smaller fleet": ("NodeResourcesFit", pod(cpu="1"), node("n1"), GONE, False),
    "a node with ports": ("NodePorts", pod(ports=PORTS), NEW, node("n1"), True),
    "a node that is known": ("NodePorts", pod(ports=PORTS), node("n1"), labelled(a="b"), False),
    "a pod that frees no port": ("NodePorts", pod(ports=PORTS), pod("other", nodeName="n1"), GONE, False),
    "a pod that frees the port": ("NodePorts", pod(ports=PORTS), pod("other", ports=PORTS, nodeName="n1"), GONE, True),
    "a pod that had no node": ("NodePorts", pod(ports=PORTS), pod("other", ports=PORTS), GONE, False),
    # affinity
    "a node in a rack": ("InterPodAffinity", near(anti=False), NEW, labelled(rack="1"), True),
    "a node in no rack": ("InterPodAffinity", near(anti=False), NEW, labelled(), False),
    "any new node for the shy": ("InterPodAffinity", near(anti=True), NEW, labelled(), True),
    "any new node against others": ("InterPodAffinity", pod(), NEW, labelled(), True),
    "no node more": ("InterPodAffinity", near(anti=True), labelled(), GONE, False),
    "a node that comes into a rack": ("InterPodAffinity", near(anti=False), labelled(), labelled(rack="1"), True),
    "a node that leaves its rack": ("InterPodAffinity", near(anti=True), labelled(rack="1"), labelled(), True),
    "a node that stays": ("InterPodAffinity", near(anti=True), labelled(rack="1"), labelled(rack="1", a="b"), False),
    # volumes
    "the claim": ("VolumeBinding", WITH_CLAIM, NEW, claim(), True),
    "another claim": ("VolumeBinding", WITH_CLAIM, NEW, claim("other"), False),
    "a volume for the claim": ("VolumeBinding", WITH_CLAIM, NEW, volume("pv"), True),
    "a volume of another class": ("VolumeBinding", WITH_CLAIM, NEW, volume("pv", storage_class="x"), False),
    "a volume that is gone": ("VolumeBinding", WITH_CLAIM, volume("pv"), GONE, False),
    "a volume, but no claim": ("VolumeBinding", pod(claims=("none",)), NEW, volume("pv"), False),
    "the bound claim's volume": ("VolumeBinding", pod(claims=("bound",)), NEW, volume("its"), True),
    "not the bound claim's volume": ("VolumeBinding", pod(claims=("bound",)), NEW, volume("pv"), False),
    "a new class": ("VolumeBinding", WITH_CLAIM, NEW, storage_class(), True),
    "a class with other zones": (
        "VolumeBinding", WITH_CLAIM, storage_class(), storage_class(allowedTopologies=TOPOLOGIES), True,
    ),
    "a class that is the same": ("VolumeBinding", WITH_CLAIM, storage_class(), storage_class(), False),
    "a node with other labels": ("VolumeBinding", WITH_CLAIM, labelled(), labelled(a="b"), True),
    "a node with the same labels": ("VolumeBinding", WITH_CLAIM, node("n1"), node("n1", cpu="8"), False),
    "a driver on a node": ("VolumeBinding", WITH_CLAIM, NEW, csi_node(1), True),
    "a driver that is gone": ("VolumeBinding", WITH_CLAIM, csi_node(1), GONE, False),
    # volume restrictions
    "the claim that is there now": ("VolumeRestrictions", WITH_CLAIM, NEW, claim(), True),
    "a claim that has changed": ("VolumeRestrictions", WITH_CLAIM, claim(), claim(size="2Gi"), False),
    "a new node": ("VolumeRestrictions", WITH_CLAIM, NEW, node("n1"), True),
    "a pod that had the claim": ("VolumeRestrictions", WITH_CLAIM, HAD_CLAIM, GONE, True),
    "a pod that had another": ("VolumeRestrictions", WITH_CLAIM, pod("o", claims=("x",), nodeName="n1"), GONE, False),
    # limits
    "more room": ("NodeVolumeLimits", WITH_CLAIM, csi_node(1), csi_node(2), True),
    "less room": ("NodeVolumeLimits", WITH_CLAIM, csi_node(2), csi_node(1), False),
    "no word of room": ("NodeVolumeLimits", WITH_CLAIM, csi_node(1), csi_node(None), False),
    "a CSINode": ("NodeVolumeLimits", WITH_CLAIM, NEW, csi_node(1), True),
    "no CSINode": ("NodeVolumeLimits", WITH_CLAIM, csi_node(1), GONE, False),
    "a pod with volumes": ("NodeVolumeLimits", WITH_CLAIM, HAD_CLAIM, GONE, True),
    "a pod without": ("NodeVolumeLimits", WITH_CLAIM, pod("other", nodeName="n1"), GONE, False),
    "the claim, counted": ("NodeVolumeLimits", WITH_CLAIM, NEW, claim(), True),
    "detached": ("NodeVolumeLimits", WITH_CLAIM, ATTACHMENT, GONE, True),
    "attached": ("NodeVolumeLimits", WITH_CLAIM, NEW, ATTACHMENT, False),
    "the claim of a disk": ("EBSLimits", WITH_CLAIM, claim(), claim(size="2Gi"), True),
    "a node for disks": ("EBSLimits", WITH_CLAIM, NEW, node("n1"), True),
    "a node with room for disks": ("EBSLimits", WITH_CLAIM, node("n1"), node("n1", disks="2"), True),
    "a node with other labels and disks": ("EBSLimits", WITH_CLAIM, node("n1"), labelled(a="b"), False),
    # zones
    "a node of a zone": ("VolumeZone", WITH_CLAIM, NEW, node("n1"), True),
    "a node that moves": ("VolumeZone", WITH_CLAIM, labelled(), labelled(a="b"), True),
    "a node that does not": ("VolumeZone", WITH_CLAIM, node("n1"), node("n1", cpu="8"), False),
    "the claim of a zone": ("VolumeZone", WITH_CLAIM, claim(), claim(size="2Gi"), True),
    "a new volume": ("VolumeZone", WITH_CLAIM, NEW, zoned("a"), True),
    "a volume that moves": ("VolumeZone", WITH_CLAIM, zoned("a"), zoned("b"), True),
    "a volume that stays": ("VolumeZone", WITH_CLAIM, zoned("a"), zoned("a"), False),
    "a class that waits": ("VolumeZone", WITH_CLAIM, NEW, storage_class(), True),
    "a class that does not": ("VolumeZone", WITH_CLAIM, NEW, IMMEDIATE, False),
}  # fmt: skip


def record(manifest: Manifest | None) -> Any:
    if manifest is None:
        return None
    obj: Object = from_manifest(manifest)
    space = "default" if obj.KIND in ("Pod", "PersistentVolumeClaim") else None
    return obj.replace(metadata=obj.metadata.replace(namespace=space))


@pytest.mark.parametrize(("plugin", "manifest", "before", "after", "helps"), CASES.values(), ids=CASES)
def test_a_change_may_help(
    plugin: str, manifest: Manifest, before: Manifest | None, after: Manifest | None, helps: bool
) -> None:
    bound = claim("bound", volumeName="its")
    attempt = attempt_for(cluster([], storage_class(), claim(), bound), manifest)
    old, new = record(before), record(after)
    table = (new or old).PLURAL
    hint = dict(HINTS[table])[plugin]
    assert hint(attempt.view, Change(table, (new or old).key, old, new), attempt.pod) == helps
