"""What each kind shows in its table, by version (upstream's printers.go and printers_test.go)."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from volsim.manifests import from_manifest
from volsim.views.dialect import Dialect
from volsim.views.printers import PRINTERS, printer_for
from volsim.views.tables import Look, aligned

NOW = 39 * 86_400_000_000
CREATED = "2026-01-01T00:00:00Z"
NEW, OLD = (1, 36), (1, 15)


def shown(manifest: dict[str, Any], version: tuple[int, int] = NEW, *, wide: bool = False) -> str:
    """The object's table, headers and all; blanks at the ends of lines are dropped."""
    manifest = {"apiVersion": "v1", **manifest}
    manifest["metadata"] = {"creationTimestamp": CREATED, **manifest["metadata"]}
    obj = from_manifest(manifest)
    printer, look = printer_for(obj.kind), Look(Dialect(version), NOW)
    columns = printer.shown(look, wide=wide)
    rows = [[column.title for column in columns], printer.cells(obj, look, columns)]
    text = aligned("\t".join(row) for row in rows)
    return "\n".join(line.rstrip() for line in text.splitlines())


def rows(text: str) -> list[str]:
    """A table's cells, one blank between them."""
    return [" ".join(line.split()) for line in text.splitlines()]


def volume(**given: Any) -> dict[str, Any]:
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Recycle",
        "storageClassName": "nfs",
        "claimRef": {"namespace": "default", "name": "nfs-pvc"},
        "volumeMode": "Filesystem",
    }
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": "nfs-pv"},
        "spec": {**spec, **given},
        "status": {"phase": "Bound"},
    }


class TestVolumes:
    """`kubectl get pv`."""

    def test_as_the_tutorial_shows_it(self) -> None:
        assert shown(volume(), OLD) == (
            "NAME     CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM             STORAGECLASS   "
            "REASON   AGE\n"
            "nfs-pv   1Gi        RWO            Recycle          Bound    default/nfs-pvc   nfs                     39d"
        )

    def test_newer_ones_have_an_attributes_class(self) -> None:
        assert rows(shown(volume(), (1, 29))) == [
            "NAME CAPACITY ACCESS MODES RECLAIM POLICY STATUS CLAIM STORAGECLASS VOLUMEATTRIBUTESCLASS REASON AGE",
            "nfs-pv 1Gi RWO Recycle Bound default/nfs-pvc nfs <unset> 39d",
        ]
        assert "VOLUMEATTRIBUTESCLASS" not in shown(volume(), (1, 28))

    def test_wide_has_the_mode(self) -> None:
        assert shown(volume(), wide=True).endswith("Filesystem")
        assert shown(volume(volumeMode=None), wide=True).endswith("<unset>")

    def test_deleted_one_is_terminating_whatever_its_phase(self) -> None:
        manifest = volume()
        manifest["metadata"]["deletionTimestamp"] = CREATED
        assert "Terminating" in shown(manifest)

    def test_class_annotation_comes_first(self) -> None:
        manifest = volume()
        manifest["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "old"}
        assert " old " in shown(manifest)

    def test_access_modes_are_in_the_apis_order(self) -> None:
        modes = ["ReadWriteMany", "ReadWriteOncePod", "ReadOnlyMany", "ReadWriteOnce"]
        assert "RWO,ROX,RWX,RWOP" in shown(volume(accessModes=modes))

    def test_capacity_that_nobody_gave_is_zero(self) -> None:
        assert rows(shown(volume(capacity={}), OLD))[1].startswith("nfs-pv 0 RWO")


def claim(volume_name: str | None = "nfs-pv", **status: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteMany"], "storageClassName": "nfs", "volumeName": volume_name}
    spec["resources"] = {"requests": {"storage": "500Mi"}}
    found = {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **status}
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "nfs-pvc", "namespace": "default"},
        "spec": spec,
        "status": found,
    }


class TestClaims:
    """`kubectl get pvc`."""

    def test_as_the_tutorial_shows_it(self) -> None:
        assert shown(claim(), OLD) == (
            "NAME      STATUS   VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE\n"
            "nfs-pvc   Bound    nfs-pv   1Gi        RWO            nfs            39d"
        )

    def test_capacity_and_modes_are_the_volumes(self) -> None:
        assert rows(shown(claim()))[1] == "nfs-pvc Bound nfs-pv 1Gi RWO nfs <unset> 39d"

    def test_unbound_one_shows_none(self) -> None:
        assert (
            rows(shown(claim(None, phase="Pending", capacity={}, accessModes=[])))[1]
            == "nfs-pvc Pending nfs <unset> 39d"
        )


class TestStorage:
    """Classes, attachments, CSI."""

    CLASS: ClassVar[dict[str, Any]] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "csi.example.com",
        "allowVolumeExpansion": True,
    }

    def test_class(self) -> None:
        assert rows(shown(self.CLASS)) == [
            "NAME PROVISIONER RECLAIMPOLICY VOLUMEBINDINGMODE ALLOWVOLUMEEXPANSION AGE",
            "fast (default) csi.example.com Delete Immediate true 39d",
        ]

    def test_old_class(self) -> None:
        assert rows(shown(self.CLASS, OLD)) == ["NAME PROVISIONER AGE", "fast (default) csi.example.com 39d"]

    def test_attachment(self) -> None:
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "VolumeAttachment",
            "metadata": {"name": "csi-1"},
            "spec": {"attacher": "csi.example.com", "nodeName": "node01", "source": {"persistentVolumeName": "pv-1"}},
            "status": {"attached": True},
        }
        assert rows(shown(manifest))[1] == "csi-1 csi.example.com pv-1 node01 true 39d"

    def test_csi_node(self) -> None:
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSINode",
            "metadata": {"name": "node01"},
            "spec": {"drivers": [{"name": "a", "nodeID": "n"}]},
        }
        assert rows(shown(manifest)) == ["NAME DRIVERS AGE", "node01 1 39d"]

    DRIVER: ClassVar[dict[str, Any]] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": "csi.example.com"},
        "spec": {
            "attachRequired": False,
            "tokenRequests": [{"audience": "gcp"}],
            "volumeLifecycleModes": ["Persistent"],
        },
    }

    def test_csi_driver(self) -> None:
        assert rows(shown(self.DRIVER)) == [
            "NAME ATTACHREQUIRED PODINFOONMOUNT STORAGECAPACITY TOKENREQUESTS REQUIRESREPUBLISH MODES AGE",
            "csi.example.com false false false gcp false Persistent 39d",
        ]
        assert rows(shown(self.DRIVER, (1, 20)))[0] == "NAME ATTACHREQUIRED PODINFOONMOUNT MODES AGE"

    def test_driver_attaches_unless_it_says_no(self) -> None:
        assert (
            rows(shown({**self.DRIVER, "spec": {}}))[1] == "csi.example.com true false false <unset> false <none> 39d"
        )

    def test_capacity(self) -> None:
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIStorageCapacity",
            "metadata": {"name": "cap", "namespace": "default"},
            "storageClassName": "fast",
        }
        assert rows(shown(manifest))[1] == "cap fast <unset>"
        assert rows(shown({**manifest, "capacity": "5Gi"}))[1] == "cap fast 5Gi"

    def test_attributes_class(self) -> None:
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "VolumeAttributesClass",
            "metadata": {"name": "gold"},
            "driverName": "csi.example.com",
        }
        assert rows(shown(manifest)) == ["NAME DRIVERNAME AGE", "gold csi.example.com 39d"]


TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]}}
APP = {"matchLabels": {"app": "db"}}


def workload(kind: str, spec: dict[str, Any], status: dict[str, Any], group: str = "apps/v1") -> dict[str, Any]:
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "w", "namespace": "d"},
        "spec": spec,
        "status": status,
    }


class TestWorkloads:
    """`kubectl get deploy,rs,sts,ds,jobs,cronjobs,pdb -o wide`."""

    def test_deployment(self) -> None:
        spec = {
            "replicas": 3,
            "selector": {**APP, "matchExpressions": [{"key": "a", "operator": "In", "values": ["z", "y"]}]},
            "template": TEMPLATE,
        }
        status = {"readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2}
        assert rows(shown(workload("Deployment", spec, status), wide=True)) == [
            "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
            "w 2/3 1 2 39d a,b x:1,y a in (y,z),app=db",
        ]

    def test_replica_set(self) -> None:
        text = shown(workload("ReplicaSet", {"replicas": 2, "template": TEMPLATE}, {"replicas": 1}), wide=True)
        assert rows(text) == [
            "NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR",
            "w 2 1 0 39d a,b x:1,y <none>",
        ]

    def test_replication_controller(self) -> None:
        manifest = workload(
            "ReplicationController", {"replicas": 2, "selector": {"a": "b"}, "template": TEMPLATE}, {}, "v1"
        )
        assert rows(shown(manifest, wide=True))[1] == "w 2 0 0 39d a,b x:1,y a=b"

    def test_stateful_set(self) -> None:
        text = shown(workload("StatefulSet", {"replicas": 3, "template": TEMPLATE}, {"readyReplicas": 1}), wide=True)
        assert rows(text) == ["NAME READY AGE CONTAINERS IMAGES", "w 1/3 39d a,b x:1,y"]

    def test_daemon_set(self) -> None:
        template = {"spec": {**TEMPLATE["spec"], "nodeSelector": {"disk": "ssd"}}}
        status = {
            "desiredNumberScheduled": 2,
            "currentNumberScheduled": 2,
            "numberReady": 1,
            "updatedNumberScheduled": 2,
        }
        text = shown(workload("DaemonSet", {"selector": APP, "template": template}, status))
        assert rows(text) == [
            "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
            "w 2 2 1 2 0 disk=ssd 39d",
        ]

    @pytest.mark.parametrize(
        ("status", "word"),
        [
            ({}, "Running"),
            ({"conditions": [{"type": "Complete", "status": "True"}]}, "Complete"),
            ({"conditions": [{"type": "Failed", "status": "True"}]}, "Failed"),
            ({"conditions": [{"type": "Suspended", "status": "True"}]}, "Suspended"),
            ({"conditions": [{"type": "FailureTarget", "status": "True"}]}, "FailureTarget"),
            ({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, "SuccessCriteriaMet"),
            ({"conditions": [{"type": "Complete", "status": "False"}]}, "Running"),
        ],
    )
    def test_job_status(self, status: dict[str, Any], word: str) -> None:
        manifest = workload("Job", {"completions": 2, "template": TEMPLATE}, {"succeeded": 1, **status}, "batch/v1")
        assert rows(shown(manifest))[1] == f"w {word} 1/2 39d"

    def test_deleted_job_is_terminating(self) -> None:
        manifest = workload("Job", {"template": TEMPLATE}, {}, "batch/v1")
        manifest["metadata"]["deletionTimestamp"] = CREATED
        assert "Terminating" in shown(manifest)

    @pytest.mark.parametrize(("parallelism", "text"), [(None, "0/1"), (1, "0/1"), (3, "0/1 of 3")])
    def test_job_without_completions(self, parallelism: int | None, text: str) -> None:
        manifest = workload("Job", {"parallelism": parallelism, "template": TEMPLATE}, {}, "batch/v1")
        assert rows(shown(manifest, (1, 29)))[1] == f"w {text} 39d"

    def test_job_duration(self) -> None:
        status = {"startTime": CREATED, "completionTime": "2026-01-01T00:01:00Z"}
        assert rows(shown(workload("Job", {"template": TEMPLATE}, status, "batch/v1")))[1] == "w Running 0/1 60s 39d"
        running = {"startTime": "2026-02-08T23:59:50Z"}
        assert " 10s " in shown(workload("Job", {"template": TEMPLATE}, running, "batch/v1"))

    def test_cron_job(self) -> None:
        spec = {"schedule": "*/5 * * * *", "suspend": False, "jobTemplate": {"spec": {"template": TEMPLATE}}}
        manifest = workload("CronJob", spec, {"lastScheduleTime": "2026-02-08T23:59:00Z"}, "batch/v1")
        assert rows(shown(manifest)) == [
            "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE",
            "w */5 * * * * <none> False 0 60s 39d",
        ]
        assert "TIMEZONE" not in shown(manifest, (1, 29))

    def test_budget(self) -> None:
        manifest = workload("PodDisruptionBudget", {"minAvailable": "50%"}, {"disruptionsAllowed": 1}, "policy/v1")
        assert rows(shown(manifest)) == [
            "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
            "w 50% N/A 1 39d",
        ]

    def test_revision(self) -> None:
        owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {"name": "db-1", "namespace": "d", "ownerReferences": [owner]},
            "revision": 2,
        }
        assert rows(shown(manifest))[1] == "db-1 statefulset.apps/db 2 39d"
        manifest["metadata"] = {"name": "db-1", "namespace": "d"}
        assert rows(shown(manifest))[1] == "db-1 <none> 2 39d"


class TestCluster:
    """Nodes, services, configuration, events."""

    NODE: ClassVar[dict[str, Any]] = {
        "kind": "Node",
        "metadata": {"name": "master", "labels": {"node-role.kubernetes.io/master": "", "kubernetes.io/role": "etcd"}},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "Unknown"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.15.0", "kernelVersion": "6.1", "architecture": "amd64"},
        },
    }

    def test_node(self) -> None:
        assert rows(shown(self.NODE)) == [
            "NAME STATUS ROLES AGE VERSION",
            "master NotReady,SchedulingDisabled etcd,master 39d v1.15.0",
        ]

    def test_wide_node(self) -> None:
        assert rows(shown(self.NODE, wide=True))[1].endswith("v1.15.0 10.0.0.1 <none> <unknown> 6.1 (amd64) <unknown>")
        assert rows(shown(self.NODE, OLD, wide=True))[1].endswith("<unknown> 6.1 <unknown>")

    def test_node_that_never_reported(self) -> None:
        assert rows(shown({"kind": "Node", "metadata": {"name": "n"}}))[1] == "n Unknown <none> 39d"

    @pytest.mark.parametrize(
        ("spec", "external"),
        [
            ({"type": "ClusterIP"}, "<none>"),
            ({"type": "NodePort", "externalIPs": ["1.2.3.4"]}, "1.2.3.4"),
            ({"type": "LoadBalancer"}, "<pending>"),
            ({"type": "ExternalName", "externalName": "db.example.com"}, "db.example.com"),
            ({}, "<unknown>"),
        ],
    )
    def test_service_from_outside(self, spec: dict[str, Any], external: str) -> None:
        assert (
            rows(shown({"kind": "Service", "metadata": {"name": "s", "namespace": "d"}, "spec": spec}))[1].split()[-3]
            == external
        )

    def test_service_ports(self) -> None:
        spec = {
            "type": "NodePort",
            "clusterIP": "10.96.0.7",
            "ports": [{"port": 3306, "nodePort": 30000, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
            "selector": {"app": "db"},
        }
        text = shown({"kind": "Service", "metadata": {"name": "s", "namespace": "d"}, "spec": spec}, wide=True)
        assert rows(text)[1] == "s NodePort 10.96.0.7 <none> 3306:30000/TCP,53/UDP 39d app=db"

    def test_load_balancer(self) -> None:
        manifest = {
            "kind": "Service",
            "metadata": {"name": "s", "namespace": "d"},
            "spec": {"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "b.example.com"}, {"ip": "1.1.1.1"}]}},
        }
        assert "1.1.1.1,b.example.com,9.9.9.9" in shown(manifest)

    def test_event(self) -> None:
        manifest = {
            "kind": "Event",
            "metadata": {"name": "web.1", "namespace": "d"},
            "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
            "type": "Warning",
            "reason": "BackOff",
            "message": " Back-off restarting\nfailed container ",
            "source": {"component": "kubelet", "host": "node01"},
            "firstTimestamp": "2026-02-08T23:50:00Z",
            "lastTimestamp": "2026-02-08T23:59:00Z",
            "count": 7,
        }
        assert rows(shown(manifest)) == [
            "LAST SEEN TYPE REASON OBJECT MESSAGE",
            "60s Warning BackOff pod/web Back-off restarting...",
        ]
        assert rows(shown(manifest, wide=True))[1] == (
            "60s Warning BackOff pod/web spec.containers{web} kubelet, node01 Back-off restarting... 10m 7 web.1"
        )

    def test_event_of_a_series(self) -> None:
        manifest = {
            "kind": "Event",
            "metadata": {"name": "x", "namespace": "d"},
            "involvedObject": {"kind": "Node"},
            "eventTime": "2026-02-08T23:50:00.000000Z",
            "series": {"count": 3, "lastObservedTime": "2026-02-08T23:59:30.000000Z"},
        }
        assert rows(shown(manifest, wide=True))[1] == "30s node 10m 3 x"

    @pytest.mark.parametrize(
        ("manifest", "expected"),
        [
            ({"kind": "ConfigMap", "data": {"a": "1"}, "binaryData": {"b": "Yg=="}}, "x 2 39d"),
            ({"kind": "Secret", "type": "Opaque", "data": {"a": "YQ=="}}, "x Opaque 1 39d"),
            ({"kind": "ServiceAccount"}, "x 39d"),
            ({"kind": "LimitRange"}, "x 2026-01-01T00:00:00Z"),
        ],
    )
    def test_small_kinds(self, manifest: dict[str, Any], expected: str) -> None:
        assert rows(shown({**manifest, "metadata": {"name": "x", "namespace": "d"}}))[1] == expected

    def test_small_kinds_in_old_versions(self) -> None:
        config = {"kind": "ConfigMap", "metadata": {"name": "x", "namespace": "d"}, "binaryData": {"b": "Yg=="}}
        assert rows(shown(config, OLD))[1] == "x 0 39d"
        assert rows(shown({"kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "d"}}, OLD))[1] == "x 0 39d"

    def test_quota(self) -> None:
        hard = {"limits.cpu": "2", "requests.storage": "10Gi", "pods": "4"}
        manifest = {
            "kind": "ResourceQuota",
            "metadata": {"name": "q", "namespace": "d"},
            "status": {"hard": hard, "used": {"pods": "1"}},
        }
        assert rows(shown(manifest)) == [
            "NAME REQUEST LIMIT AGE",
            "q pods: 1/4, requests.storage: 0/10Gi limits.cpu: 0/2 39d",
        ]
        assert rows(shown(manifest, OLD))[0] == "NAME AGE REQUEST LIMIT"

    def test_priority_class(self) -> None:
        manifest = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "high"},
            "value": 1000,
            "preemptionPolicy": "Never",
        }
        assert rows(shown(manifest)) == [
            "NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY",
            "high 1000 false 39d Never",
        ]
        assert "PREEMPTION" not in shown(manifest, (1, 31))

    def test_lease(self) -> None:
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "node01", "namespace": "kube-node-lease"},
            "spec": {"holderIdentity": "node01"},
        }
        assert rows(shown(manifest)) == ["NAME HOLDER AGE", "node01 node01 39d"]

    def test_namespace(self) -> None:
        manifest = {"kind": "Namespace", "metadata": {"name": "team"}, "status": {"phase": "Active"}}
        assert rows(shown(manifest)) == ["NAME STATUS AGE", "team Active 39d"]

    def test_kind_that_is_only_carried(self) -> None:
        manifest = {"apiVersion": "example.com/v1", "kind": "Backup", "metadata": {"name": "nightly"}}
        assert rows(shown(manifest)) == ["NAME AGE", "nightly 39d"]


@pytest.mark.parametrize("kind", sorted(PRINTERS))
def test_rows_fill_all_columns(kind: str) -> None:
    """An object of which nobody said anything has something in each column."""
    from volsim.objects import KINDS

    printer = PRINTERS[kind]
    assert {column.title for column in printer.columns} <= set(printer.row(KINDS[kind](), Look(Dialect(), 0)))
