"""Designs as other people write them: other kinds, volumes, budgets and tolerations than those of the examples.

Each is checked under a few faults; what an engineer who knows Kubernetes would say of it stands beside it: the codes
that must be found, and those that must not. What is in neither is left open.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

import volsim

Manifest = dict[str, Any]
NFS: Manifest = {"nfs": {"server": "10.0.0.5", "path": "/export"}}
EMPTY: Manifest = {"emptyDir": {}}
HOST: Manifest = {"hostPath": {"path": "/srv/d", "type": "DirectoryOrCreate"}}
DISK: Manifest = {"csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-1"}}
EBS: Manifest = {"awsElasticBlockStore": {"volumeID": "vol-1", "fsType": "ext4"}}
HOSTNAME = "kubernetes.io/hostname"
FIRST_NODE: Manifest = {
    "nodeAffinity": {
        "required": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": ["node01"]}]}]
        }
    }
}
APART: Manifest = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "w"}}, "topologyKey": HOSTNAME}
        ]
    }
}
RECREATE: Manifest = {"type": "Recreate"}
NO_SURGE: Manifest = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


# -- how the manifests are written -------------------------------------------------------------------------------------
def template(volume: Manifest | None, spec: Manifest, app: str = "w") -> Manifest:
    container: Manifest = {"name": "c", "image": spec.pop("image", "example.com/app:1.2")}
    if volume is not None:
        container["volumeMounts"] = [{"name": "d", "mountPath": "/srv/data", "readOnly": spec.pop("readOnly", False)}]
        spec["volumes"] = [{"name": "d", **volume}]
    container |= spec.pop("container", {})
    meta: Manifest = {"labels": {"app": app}, **spec.pop("metadata", {})}
    return {"metadata": meta, "spec": {"containers": [container], **spec}}


def workload(
    kind: str, volume: Manifest | None = None, *, name: str = "w", of: Manifest | None = None, **spec: Any
) -> Any:
    """A workload; `of` is of its own spec, `spec` of its pods'."""
    own: Manifest = {"selector": {"matchLabels": {"app": name}}, "template": template(volume, dict(spec), name)}
    if kind == "StatefulSet":
        own["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {**own, **(of or {})}}


def deployment(volume: Manifest | None = None, **spec: Any) -> Any:
    return workload("Deployment", volume, **spec)


def job(volume: Manifest | None = None, of: Manifest | None = None, **spec: Any) -> Any:
    own = {"template": template(volume, {"restartPolicy": "Never", **spec}), **(of or {})}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": own}


def pod(name: str, volume: Manifest | None = None, **spec: Any) -> Any:
    own = template(volume, dict(spec), name)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **own["metadata"]}, "spec": own["spec"]}


def wish(cls: str | None = "fast", mode: str = "ReadWriteOnce", **more: Any) -> Manifest:
    chosen = {} if cls is None else {"storageClassName": cls}
    return {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, **chosen, **more}


def claim(cls: str | None = "fast", mode: str = "ReadWriteOnce", name: str = "d", **more: Any) -> Any:
    meta: Manifest = {"name": name, **more.pop("metadata", {})}
    spec = wish(cls, mode, **more)
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def on(name: str = "d", **more: Any) -> Manifest:
    return {"persistentVolumeClaim": {"claimName": name, **more}}


def volume(source: Manifest, cls: str = "", mode: str = "ReadWriteOnce", policy: str = "Retain", **more: Any) -> Any:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": [mode], "storageClassName": cls, **source, **more}
    spec["persistentVolumeReclaimPolicy"] = policy
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": spec}


def storage_class(name: str = "fast", provisioner: str = "ebs.csi.aws.com", policy: str = "Delete", **more: Any) -> Any:
    own = {"provisioner": provisioner, "reclaimPolicy": policy, "volumeBindingMode": "WaitForFirstConsumer", **more}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, **own}


def budget(*, name: str = "b", selector: Manifest | None = None, **spec: Any) -> Any:
    chosen = {"matchLabels": {"app": "w"}} if selector is None else selector
    own = {"selector": chosen, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": own}


def tolerating(seconds: int | None) -> list[Manifest]:
    limit = {} if seconds is None else {"tolerationSeconds": seconds}
    keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [{"key": key, "operator": "Exists", "effect": "NoExecute", **limit} for key in keys]


def ephemeral(cls: str = "fast") -> Manifest:
    return {"ephemeral": {"volumeClaimTemplate": {"spec": wish(cls)}}}


def own_claims(**of: Any) -> Any:
    """A stateful set with a claim for each pod."""
    made = {"volumeClaimTemplates": [{"metadata": {"name": "own"}, "spec": of.pop("wish", wish())}], **of}
    mounts = {"volumeMounts": [{"name": "own", "mountPath": "/srv/own"}]}
    return workload("StatefulSet", of=made, container=mounts)


def in_namespace(name: str, *objects: Any) -> list[Any]:
    for each in objects:
        each["metadata"]["namespace"] = name
    return list(objects)


def node(name: str, zone: str = "", **more: Any) -> Any:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, **more}


def backup(**mount: Any) -> Any:
    made = {"template": template(on(**mount), {"restartPolicy": "OnFailure"}, "backup")}
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": made}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup"}, "spec": spec}


def bound() -> list[Any]:
    """What `kubectl get deploy,pvc -o yaml` gives: the claim is bound, and its volume is not shown."""
    dumped = claim(metadata={"uid": UID, "annotations": {"pv.kubernetes.io/bind-completed": "yes"}}, volumeName="pvc-1")
    return [{**dumped, "status": {"phase": "Bound"}}, deployment(on())]


def made() -> list[Any]:
    """What the controllers have made of a deployment: a replica set and a pod."""
    replica_set, running = workload("ReplicaSet", on(), name="w-5d"), pod("w-5d-x", on(), nodeName="ip-10-0-0-1")
    for each, kind, name in ((replica_set, "Deployment", "w"), (running, "ReplicaSet", "w-5d")):
        owner = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": UID, "controller": True}
        each["metadata"] |= {"ownerReferences": [owner], "namespace": "default"}
    return [replica_set, running]


UID = "11111111-2222-3333-4444-555555555555"


class Case(NamedTuple):
    """A design and what is to be said of it."""

    name: str
    objects: list[Any]
    faults: str
    found: str = ""
    absent: str = ""
    nodes: int | None = 2
    more: dict[str, Any] = {}  # noqa: RUF012 - never changed


ALL = "VS101 VS102 VS201 VS301 VS302 VS303 VS401 VS402 VS501 VS601"
SIDECAR = {"name": "s", "image": "example.com/logs", "restartPolicy": "Always"}
WRITES = {"volumeMounts": [{"name": "d", "mountPath": "/logs"}]}
SCRATCH = {"annotations": {"volsim.dev/scratch": "d"}}
READS = {"annotations": {"volsim.dev/read-only": "true"}}
CASES = [
    # VS101 is about bytes that are gone.
    Case("replica set, emptyDir", [workload("ReplicaSet", EMPTY)], "pod-loss", "VS101"),
    Case("stateful set, emptyDir, dead node", [workload("StatefulSet", EMPTY)], "node-loss", "VS101 VS303", "VS102"),
    Case("daemons, emptyDir", [workload("DaemonSet", EMPTY)], "rollout", "VS101", "VS102"),
    Case("job, emptyDir, crash", [job(EMPTY)], "container-crash", "VS101"),
    Case("emptyDir outlives a crash", [deployment(EMPTY)], "container-crash,reboot", "", ALL),
    Case("scratch by annotation", [deployment(EMPTY, metadata=SCRATCH)], "pod-loss,drain", "", ALL),
    Case("reads only, by annotation", [deployment(EMPTY, metadata=READS)], "pod-loss,drain", "", ALL),
    Case(
        "image that reads",
        [deployment(EMPTY, image="nginx:1.25")],
        "pod-loss",
        "",
        ALL,
        2,
        {"read_only_images": ["nginx"]},
    ),
    Case("another image reads", [deployment(EMPTY)], "pod-loss", "VS101", "", 2, {"read_only_images": ["nginx"]}),
    Case("mounted to read", [deployment(EMPTY, readOnly=True)], "pod-loss,drain", "", ALL),
    Case("sidecar writes", [deployment(EMPTY, readOnly=True, initContainers=[SIDECAR | WRITES])], "pod-loss", "VS101"),
    Case("configuration", [deployment({"configMap": {"name": "c"}})], "pod-loss,rollout", "", ALL),
    Case("ephemeral volume of a set", [workload("StatefulSet", ephemeral())], "rollout", "VS101"),
    Case("server outlives nodes", [deployment(NFS)], "pod-loss,node-loss,rollout,drain,disk-loss", "", ALL),
    Case(
        "local-path, disk lost",
        [storage_class("lp", "rancher.io/local-path"), claim("lp"), deployment(on())],
        "disk-loss",
        "VS101 VS303",
    ),
    Case(
        "minikube, pod lost",
        [storage_class("m", "k8s.io/minikube-hostpath"), claim("m"), deployment(on(), of={"strategy": RECREATE})],
        "pod-loss",
        "",
        ALL,
    ),
    Case("set in a namespace, Delete", in_namespace("shop", own_claims()), "deletion", "VS101", "VS402"),
    Case(
        "set in a namespace, Retain",
        [storage_class(policy="Retain"), *in_namespace("shop", own_claims())],
        "deletion",
        "VS401",
        "VS101",
    ),
    Case("set that stays in default", [own_claims()], "deletion", "", ALL),
    Case("recycled", [volume(NFS, policy="Recycle"), claim(""), deployment(on())], "deletion", "VS101"),
    Case(
        "NFS with the policy Delete",
        [volume(NFS, policy="Delete"), claim(""), deployment(on())],
        "deletion",
        "",
        "VS101 VS401 VS402",
    ),
    # VS102 is about bytes that are elsewhere.
    Case("hostPath of a set", [workload("StatefulSet", HOST)], "pod-loss", "VS102"),
    Case("hostPath on one node", [deployment(HOST)], "pod-loss,rollout", "", ALL, 1),
    Case("hostPath, pinned", [deployment(HOST, nodeSelector={HOSTNAME: "node01"})], "pod-loss,rollout,reboot", "", ALL),
    Case("hostPath of daemons", [workload("DaemonSet", HOST)], "pod-loss,node-loss,rollout,drain,node-return", "", ALL),
    Case(
        "hostPath volume with its node",
        [volume({"hostPath": {"path": "/d"}}, **FIRST_NODE), claim(""), workload("StatefulSet", on())],
        "pod-loss,rollout",
        "",
        ALL,
    ),
    Case(
        "hostPath to read", [deployment({"hostPath": {"path": "/var/log"}}, readOnly=True)], "pod-loss,drain", "", ALL
    ),
    Case(
        "ephemeral volume that is kept",
        [storage_class(policy="Retain"), workload("StatefulSet", ephemeral())],
        "pod-loss",
        "VS102 VS401",
        "VS101",
    ),
    # VS201 is about two writers.
    Case("set on NFS", [volume(NFS), claim(""), workload("StatefulSet", on())], "partition", "", ALL),
    Case(
        "set on NFS, no grace",
        [volume(NFS), claim(""), workload("StatefulSet", on(), terminationGracePeriodSeconds=0)],
        "partition",
        "VS201",
    ),
    Case("Recreate, NFS in the pod", [deployment(NFS, of={"strategy": RECREATE})], "partition", "VS201"),
    Case("rolling, NFS in the pod", [deployment(NFS)], "partition,rollout", "", "VS201"),
    Case(
        "many on files for many",
        [claim("efs", "ReadWriteMany"), deployment(on(), of={"replicas": 2})],
        "pod-loss,rollout",
        "",
        ALL,
    ),
    Case("two pods, one node", [claim(), pod("a", on()), pod("b", on())], "container-crash", "VS201", "", 1),
    Case(
        "one writes, one reads", [claim(), pod("a", on()), pod("b", on(readOnly=True))], "container-crash", "", ALL, 1
    ),
    Case(
        "backup that may write", [claim(), workload("StatefulSet", on()), backup()], "container-crash", "VS201", "", 1
    ),
    Case(
        "backup that reads",
        [claim(), workload("StatefulSet", on()), backup(readOnly=True)],
        "container-crash,pod-loss,rollout",
        "",
        ALL,
        1,
    ),
    Case(
        "tolerates for ever",
        [volume(NFS), claim(""), deployment(on(), of={"strategy": RECREATE}, tolerations=tolerating(None))],
        "partition",
        "",
        ALL,
    ),
    Case(
        "hostPath volume, each node for itself",
        [volume(HOST), claim(""), deployment(on(), of={"strategy": RECREATE})],
        "partition",
        "VS102",
        "VS201",
    ),
    Case(
        "disk for one pod",
        [claim(mode="ReadWriteOncePod"), deployment(on(), of={"strategy": RECREATE})],
        "rollout,pod-loss",
        "",
        ALL,
    ),
    Case(
        "driver that attaches nothing",
        [
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "CSIDriver",
                "metadata": {"name": "x.example.com"},
                "spec": {"attachRequired": False},
            },
            storage_class("x", "x.example.com"),
            claim("x"),
            deployment(on(), of={"strategy": RECREATE}),
        ],
        "partition",
        "VS201",
    ),
    # VS301 is about pods that never start.
    Case(
        "volume for somebody else",
        [volume(NFS, claimRef={"namespace": "other", "name": "d"}), claim(""), deployment(on())],
        "pod-loss",
        "VS301",
    ),
    Case(
        "volume for this claim",
        [volume(NFS, claimRef={"namespace": "default", "name": "d"}), claim(""), deployment(on())],
        "pod-loss",
        "",
        ALL,
    ),
    Case("block and file system", [volume(NFS, volumeMode="Block"), claim(""), deployment(on())], "pod-loss", "VS301"),
    Case(
        "nobody provisions",
        [storage_class("l", "kubernetes.io/no-provisioner"), claim("l"), deployment(on())],
        "pod-loss",
        "VS301",
    ),
    Case("daemons on one disk", [claim(), workload("DaemonSet", on())], "pod-loss", "VS301"),
    Case("one disk, far apart", [claim(), deployment(on(), of={"replicas": 2}, affinity=APART)], "pod-loss", "VS301"),
    Case(
        "two pods of one", [claim(mode="ReadWriteOncePod"), deployment(on(), of={"replicas": 2})], "pod-loss", "VS301"
    ),
    Case(
        "template with a selector", [own_claims(wish=wish(selector={"matchLabels": {"a": "b"}}))], "pod-loss", "VS301"
    ),
    Case("name of an ephemeral claim is taken", [claim(name="p-d"), pod("p", ephemeral())], "container-crash", "VS301"),
    Case("CronJob without its claim", [backup()], "pod-loss", "VS301"),
    Case(
        "CronJob that is suspended", [{**backup(), "spec": {**backup()["spec"], "suspend": True}}], "pod-loss", "", ALL
    ),
    Case(
        "socket that is not there",
        [deployment({"hostPath": {"path": "/srv/x.sock", "type": "Socket"}})],
        "pod-loss",
        "VS301",
    ),
    Case(
        "certificates of the machine",
        [deployment({"hostPath": {"path": "/etc/ssl/certs", "type": "Directory"}}, readOnly=True)],
        "pod-loss",
        "",
        ALL,
    ),
    Case(
        "node that is too small",
        [
            node("n", status={"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "9"}}),
            deployment(container={"resources": {"requests": {"memory": "2Gi"}}}),
        ],
        "pod-loss",
        "VS301",
        "",
        None,
    ),
    # VS302 is about rollouts that stop.
    Case("rolling, one disk", [claim(), deployment(on())], "rollout", "VS302 VS201"),
    Case("no surge, one disk", [claim(), deployment(on(), of={"strategy": NO_SURGE})], "rollout", "", ALL),
    Case("one disk on one node", [claim(), deployment(on())], "rollout", "VS201", "VS302", 1),
    Case(
        "a set's partition",
        [own_claims(replicas=2, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})],
        "rollout",
        "",
        ALL,
    ),
    Case("disk that the pod names", [deployment(EBS)], "rollout", "VS302"),
    Case("disk that the pod names, 1.20", [deployment(EBS)], "rollout", "VS302", "", 2, {"kubernetes": "1.20"}),
    Case("disk that the pod names, no surge", [deployment(EBS, of={"strategy": NO_SURGE})], "rollout", "", ALL),
    Case("dump without the volume", [*bound()], "rollout", "VS302", "VS301"),
    Case("dump with what controllers made", [*bound(), *made()], "pod-loss", "", "VS301 VS303"),
    Case("job of a name to come", [{**job(), "metadata": {"generateName": "j-"}}], "pod-loss", "", "VS301"),
    Case("a set on deletion", [own_claims(updateStrategy={"type": "OnDelete"})], "rollout", "", ALL),
    Case("apart on as many nodes", [deployment(of={"replicas": 2}, affinity=APART)], "rollout", "VS302"),
    Case("apart on more nodes", [deployment(of={"replicas": 2}, affinity=APART)], "rollout", "", ALL, 3),
    Case(
        "job beside a deployment",
        [claim("efs", "ReadWriteMany"), job(on()), deployment(on())],
        "rollout",
        "",
        "VS302",
        1,
    ),
    # VS303 is about what nobody replaces.
    Case("set on a dead node", [workload("StatefulSet")], "node-loss", "VS303"),
    Case(
        "backup has the disk", [claim(), workload("StatefulSet", on()), backup(readOnly=True)], "pod-loss", "", "VS303"
    ),
    Case("daemons and a dead node", [workload("DaemonSet")], "node-loss", "", ALL),
    Case("every toleration", [deployment(tolerations=[{"operator": "Exists"}])], "node-loss", "VS303"),
    Case("short toleration", [deployment(tolerations=tolerating(30))], "node-loss,node-return", "", ALL),
    Case("pinned to a dead node", [deployment(nodeSelector={HOSTNAME: "node01"})], "node-loss", "VS303"),
    Case("no grace on a dead node", [workload("StatefulSet", terminationGracePeriodSeconds=0)], "node-loss", "", ALL),
    Case(
        "host port on as many nodes",
        [deployment(of={"replicas": 2}, container={"ports": [{"containerPort": 80, "hostPort": 80}]})],
        "node-loss",
        "VS303",
    ),
    Case("pod that does not restart", [pod("p", restartPolicy="Never")], "container-crash", "VS303"),
    Case(
        "pod that has ended",
        [pod("p", image="busybox", container={"command": ["true"]}, restartPolicy="Never")],
        "pod-loss,drain",
        "",
        ALL,
    ),
    Case("no replicas", [deployment(of={"replicas": 0})], "pod-loss,rollout,drain,deletion", "", ALL),
    # VS401 and VS402 are about what is left.
    Case(
        "static disk, before 1.31",
        [volume(DISK, policy="Delete"), claim(""), deployment(on())],
        "deletion",
        "VS401",
        "",
        2,
        {"kubernetes": "1.30"},
    ),
    Case(
        "static disk", [volume(DISK, policy="Delete"), claim(""), deployment(on())], "deletion", "VS101", "VS401 VS402"
    ),
    Case("NFS that stays", [volume(NFS), claim(""), deployment(on())], "deletion", "", ALL),
    Case("NFS in the pod", [deployment(NFS)], "deletion", "", ALL),
    Case("claim in use", [claim(), deployment(on())], "deletion", "VS101", "VS402"),
    Case(
        "finalizer on the pods", [deployment(metadata={"finalizers": ["example.com/x"]})], "pod-loss,rollout", "VS402"
    ),
    Case(
        "finalizer in a namespace",
        in_namespace("shop", claim(metadata={"finalizers": ["example.com/x"]}), deployment(on())),
        "deletion",
        "VS402",
    ),
    # VS501 is about drains.
    Case("budget in percent", [deployment(of={"replicas": 2}), budget(minAvailable="100%")], "drain", "VS501"),
    Case("half of one is one", [deployment(), budget(minAvailable="50%")], "drain", "VS501"),
    Case("a tenth of two is one", [deployment(of={"replicas": 2}), budget(maxUnavailable="10%")], "drain", "", ALL),
    Case(
        "several pods of a node, one at a time",
        [deployment(of={"replicas": 3}), budget(maxUnavailable=1)],
        "drain",
        "",
        ALL,
    ),
    Case(
        "budget of others",
        [deployment(), budget(minAvailable=1, selector={"matchLabels": {"app": "other"}})],
        "drain",
        "",
        ALL,
    ),
    Case("budget of all", [deployment(), budget(minAvailable=1, selector={})], "drain", "VS501"),
    Case("budget of a job", [job(), budget(minAvailable=1)], "drain", "VS501"),
    Case("budget of a set", [own_claims(replicas=2), budget(minAvailable=2)], "drain", "VS501"),
    Case("daemons are left alone", [workload("DaemonSet", EMPTY), budget(maxUnavailable=0)], "drain", "", ALL),
    Case("bare pod, 1.15", [pod("p")], "drain", "VS501", "", 2, {"kubernetes": "1.15"}),
    # VS601 is about types that are gone.
    Case(
        "rbd in 1.30",
        [deployment({"rbd": {"monitors": ["10.0.0.1"], "image": "i"}})],
        "pod-loss",
        "",
        ALL,
        1,
        {"kubernetes": "1.30"},
    ),
    Case(
        "rbd in 1.31",
        [deployment({"rbd": {"monitors": ["10.0.0.1"], "image": "i"}})],
        "pod-loss",
        "VS601",
        "",
        1,
        {"kubernetes": "1.31"},
    ),
    Case(
        "gluster volume",
        [volume({"glusterfs": {"endpoints": "g", "path": "p"}}), claim(""), deployment(on())],
        "pod-loss",
        "VS601",
        "",
        1,
    ),
    Case(
        "gluster class",
        [storage_class("g", "kubernetes.io/glusterfs"), claim("g"), deployment(on())],
        "pod-loss",
        "VS601",
        "",
        1,
    ),
    # by force
    Case("force and a cut", [volume(NFS), claim(""), workload("StatefulSet", on())], "force-deletion", "", "VS201"),
]


SLOW = {
    "daemons on one disk",
    "disk for one pod",
    "disk that the pod names, no surge",
    "ephemeral volume that is kept",
    "many on files for many",
    "no surge, one disk",
    "one disk, far apart",
    "rolling, NFS in the pod",
}
"""What takes longest, and is much like one of the examples."""


@pytest.mark.parametrize(
    "case",
    [pytest.param(each, id=each.name, marks=[pytest.mark.slow] if each.name in SLOW else []) for each in CASES],
)
def test_a_design_is_judged_as_an_engineer_would(case: Case) -> None:
    report = volsim.check(case.objects, nodes=case.nodes, faults=case.faults, remedies=False, **case.more)
    codes = {finding.code for finding in report.findings}
    assert codes >= set(case.found.split()), codes
    assert not codes & set(case.absent.split()), [(each.code, each.summary) for each in report.findings]
    assert all(each.complete for each in report.explored)
    assert all(finding.told for finding in report.findings)
