"""The kinds of findings: what each means, why people are surprised, and what helps.

>>> KINDS["VS302"].name
'rollout-stuck'
"""

from __future__ import annotations

import attrs

__all__ = ["KINDS", "Kind"]


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of finding."""

    code: str
    name: str
    severity: str
    """`error`, `warning` or `note`."""
    means: str
    surprise: str
    """What people believe, and what is so."""
    mechanism: str
    """Which component does it, by upstream's names."""
    helps: str


_ALL = (
    Kind(
        code="VS101",
        name="data-lost",
        severity="error",
        means="Bytes that a container had written are gone for good.",
        surprise="An emptyDir lives as long as its pod, not as its workload; a claim whose class deletes takes its "
        "disk along; a disk that is a part of a node dies with it.",
        mechanism="The kubelet removes an emptyDir when its pod ends (cleanupOrphanedPodDirs); the external "
        "provisioner deletes the disk of a released volume whose policy is Delete.",
        helps="Put what must stay on a PersistentVolumeClaim, with the reclaim policy Retain if the claim may be "
        "deleted.",
    ),
    Kind(
        code="VS102",
        name="data-left-behind",
        severity="error",
        means="The bytes exist, but the workload that wrote them runs again without them.",
        surprise="A hostPath and a local volume are a place on one node: the pod that comes up elsewhere finds an "
        "empty directory and begins anew, without any error.",
        mechanism="Nothing ties a pod to the node whose hostPath it has used; the scheduler places the next one "
        "anywhere.",
        helps="Use a claim whose storage is reached from every node, or a local PersistentVolume, which pins the pod.",
    ),
    Kind(
        code="VS201",
        name="two-writers",
        severity="error",
        means="Two live pods can write the same data at once, against what the access mode or the workload suggests.",
        surprise="ReadWriteOnce is about nodes, not pods, and is not enforced at all where nothing is attached (NFS, "
        "hostPath); a node that is cut off goes on running its pods while replacements start.",
        mechanism="The attach/detach controller keeps a ReadWriteOnce disk from a second node only for attachable "
        "volumes; nobody fences a node that does not answer.",
        helps="ReadWriteOncePod for one pod only (CSI); storage that is attached; fencing of nodes that are cut off.",
    ),
    Kind(
        code="VS301",
        name="never-starts",
        severity="error",
        means="A pod cannot start, whatever time passes.",
        surprise="A claim that nothing satisfies waits for ever, and so does its pod; there is no time-out.",
        mechanism="The scheduler refuses pods with unbound claims; the kubelet tries mounts again for ever.",
        helps="`volsim explain` says what is missing and the smallest change that would help.",
    ),
    Kind(
        code="VS302",
        name="rollout-stuck",
        severity="error",
        means="A rollout can stop for ever.",
        surprise="A rolling update starts the new pod before it stops the old one: on another node it waits for the "
        "disk that the old one has, and the old one waits for it to be ready.",
        mechanism="RollingUpdate with maxUnavailable rounded down to 0 and an attachable ReadWriteOnce volume: the "
        "attach/detach controller reports Multi-Attach, the Deployment ProgressDeadlineExceeded.",
        helps="strategy: Recreate, a StatefulSet, or a ReadWriteMany volume.",
    ),
    Kind(
        code="VS303",
        name="not-replaced",
        severity="error",
        means="After the fault the workload does not run again without an administrator.",
        surprise="A pod of a dead node is marked for deletion, but nobody is left to confirm it: a StatefulSet waits "
        "for ever, and a disk stays attached to the dead node.",
        mechanism="Only the kubelet removes a pod that terminates; the attach/detach controller detaches by force "
        "after 6 minutes only what no pod wants any more.",
        helps="Somebody who taints dead nodes with node.kubernetes.io/out-of-service (or deletes them), by hand or "
        "by an operator; several replicas; for a bare pod, a controller.",
    ),
    Kind(
        code="VS304",
        name="slow-recovery",
        severity="warning",
        means="The workload does run again, but later than the bound that was given.",
        surprise="A node counts as silent only after 40 or 50 s, its pods are evicted 300 s later, a disk may need 6 "
        "more minutes.",
        mechanism="node-monitor-grace-period, default tolerationSeconds of 300, maxWaitForUnmountDuration.",
        helps="tolerationSeconds of your own for node.kubernetes.io/not-ready and unreachable.",
    ),
    Kind(
        code="VS401",
        name="storage-leaked",
        severity="warning",
        means="Backing storage is left that nothing will ever free.",
        surprise="With the policy Retain, deleting the claim and the volume leaves the disk, and the bill.",
        mechanism="The provisioner deletes storage only of released volumes with the policy Delete; a PersistentVolume "
        "that is gone has told nobody of its disk.",
        helps="Delete the disk by hand, or use the policy Delete where data may go with the claim.",
    ),
    Kind(
        code="VS402",
        name="stuck-terminating",
        severity="warning",
        means="An object is deleted and never goes.",
        surprise="A claim stays Terminating as long as any pod names it, even a completed one. (While its pods run, "
        "that is protection and no finding: it goes with them.)",
        mechanism="kubernetes.io/pvc-protection, kubernetes.io/pv-protection and other finalizers.",
        helps="Delete first what still uses it; let nobody set a finalizer who may be gone before the object.",
    ),
    Kind(
        code="VS501",
        name="drain-refused",
        severity="warning",
        means="A node cannot be drained as the design is written.",
        surprise="A PodDisruptionBudget that allows no disruption makes kubectl drain try for ever; a bare pod makes "
        "it refuse at once. (A drain is `kubectl drain --ignore-daemonsets --delete-emptydir-data`: data that go with "
        "an emptyDir are VS101.)",
        mechanism="The eviction subresource answers 429 as long as disruptionsAllowed is 0; kubectl's own drain "
        "filters.",
        helps="More replicas than minAvailable, or maxUnavailable: 1; for a bare pod, a controller.",
    ),
    Kind(
        code="VS601",
        name="unsupported-volume",
        severity="error",
        means="The type of a volume is removed or disabled in the version asked for.",
        surprise="The API still takes the manifest; the pod never starts.",
        mechanism="In-tree plugins were removed one by one in favour of CSI drivers.",
        helps="The CSI driver of the same storage.",
    ),
)
KINDS = {kind.code: kind for kind in _ALL}
"""All kinds, by code."""
