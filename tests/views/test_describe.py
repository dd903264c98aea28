"""`kubectl describe`: the pages of each kind (kubectl, pkg/describe/describe.go)."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.views.conftest import CLASS, DAEMON, PAIR, SERVICE, STATEFUL, VOLUME, WEB, Terminal, terminal_of
from volsim import Simulation
from volsim.manifests import from_manifest
from volsim.objects import Event
from volsim.views.describers import cluster, nodes, storage, workloads
from volsim.views.describers.pods import describe_pod, qos_class
from volsim.views.describers.volumes import SOURCES, describe_source
from volsim.views.dialect import Dialect
from volsim.views.sheet import Sheet, moment
from volsim.views.tables import Look

NOW = 600_000_000
CREATED = "2026-01-01T00:00:00Z"


def sheet(version: tuple[int, int] = (1, 36)) -> Sheet:
    return Sheet(Look(Dialect(version), NOW))


def obj(text: str) -> Any:
    return from_manifest(yaml.safe_load(text))


RICH_POD = """
apiVersion: v1
kind: Pod
metadata:
  name: mysql-0
  namespace: default
  labels: {app: mysql}
  annotations:
    note: short
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    long: "%s"
    lines: "one\\ntwo"
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: mysql, uid: u, controller: true}]
spec:
  priority: 10
  priorityClassName: high
  serviceAccountName: default
  nodeName: node01
  nodeSelector: {disk: ssd}
  readinessGates: [{conditionType: db}]
  topologySpreadConstraints:
  - {topologyKey: zone, maxSkew: 1, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: mysql}}}
  tolerations:
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}
  - {operator: Exists}
  - {key: disk, value: bad, effect: NoSchedule}
  initContainers:
  - {name: prepare, image: busybox, command: [sh, -c, "mkdir /x\\nls"], args: [x]}
  containers:
  - name: mysql
    image: mysql:5.7
    ports: [{containerPort: 3306, protocol: TCP, name: sql}, {containerPort: 33060, hostPort: 1, protocol: TCP}]
    resources: {requests: {cpu: 100m, memory: 1Gi}, limits: {memory: 1Gi}}
    livenessProbe: {exec: {command: [mysqladmin, ping]}, periodSeconds: 10, timeoutSeconds: 1, successThreshold: 1,
        failureThreshold: 3}
    readinessProbe: {httpGet: {path: /ready, port: 80, scheme: HTTP}, initialDelaySeconds: 5}
    startupProbe: {tcpSocket: {port: 3306}}
    envFrom: [{configMapRef: {name: c}}, {secretRef: {name: s, optional: true}, prefix: P_}]
    env:
    - {name: PLAIN, value: "123.com"}
    - {name: LINES, value: "a\\nb"}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
    - {name: MEMORY, valueFrom: {resourceFieldRef: {resource: limits.memory}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}
    - {name: CONFIG, valueFrom: {configMapKeyRef: {name: c, key: k, optional: true}}}
    volumeMounts:
    - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
    - {name: config, mountPath: /etc/mysql, readOnly: true}
    volumeDevices: [{name: raw, devicePath: /dev/xvda}]
  volumes:
  - {name: data, persistentVolumeClaim: {claimName: data-mysql-0}}
  - {name: config, configMap: {name: c}}
  - {name: token, projected: {sources: [{secret: {name: s}}, {configMap: {name: c}}, {downwardAPI: {}},
        {serviceAccountToken: {path: t, expirationSeconds: 3607}}]}}
  - {name: info, downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: cpu,
        resourceFieldRef: {resource: limits.cpu}}]}}
  - {name: scratch, ephemeral: {volumeClaimTemplate: {spec: {storageClassName: fast, volumeMode: Filesystem}}}}
  - {name: odd}
status:
  phase: Running
  hostIP: 172.16.1.30
  podIP: 10.244.0.2
  podIPs: [{ip: 10.244.0.2}]
  startTime: "2026-01-01T00:00:05Z"
  nominatedNodeName: node02
  conditions: [{type: Ready, status: "True"}]
  containerStatuses:
  - name: mysql
    image: mysql:5.7
    imageID: sha256:1
    containerID: containerd://1
    ready: true
    restartCount: 2
    state: {running: {startedAt: "2026-01-01T00:01:00Z"}}
    lastState: {terminated: {reason: Error, message: out of it, exitCode: 137, signal: 9,
        startedAt: "2026-01-01T00:00:10Z", finishedAt: "2026-01-01T00:00:40Z"}}
  initContainerStatuses:
  - {name: prepare, restartCount: 0, ready: false, state: {waiting: {reason: PodInitializing}}}
""" % ("x" * 150)  # fmt: skip

RICH_PAGE = """\
Name:                 mysql-0
Namespace:            default
Priority:             10
Priority Class Name:  high
Service Account:      default
Node:                 node01/172.16.1.30
Start Time:           Thu, 01 Jan 2026 00:00:05 +0000
Labels:               app=mysql
Annotations:          lines:
                        one
                        two
                      long:
                        LONG...
                      note: short
Status:               Running
IP:                   10.244.0.2
IPs:
  IP:               10.244.0.2
Controlled By:      StatefulSet/mysql
NominatedNodeName:  node02
Init Containers:
  prepare:
    Container ID:
    Image:         busybox
    Image ID:
    Port:          <none>
    Host Port:     <none>
    Command:
      sh
      -c
      mkdir /x
      ls
    Args:
      x
    State:          Waiting
      Reason:       PodInitializing
    Ready:          False
    Restart Count:  0
    Environment:    <none>
    Mounts:         <none>
Containers:
  mysql:
    Container ID:   containerd://1
    Image:          mysql:5.7
    Image ID:       sha256:1
    Ports:          3306/TCP (sql), 33060/TCP
    Host Ports:     0/TCP (sql), 1/TCP
    State:          Running
      Started:      Thu, 01 Jan 2026 00:01:00 +0000
    Last State:     Terminated
      Reason:       Error
      Message:      out of it
      Exit Code:    137
      Signal:       9
      Started:      Thu, 01 Jan 2026 00:00:10 +0000
      Finished:     Thu, 01 Jan 2026 00:00:40 +0000
    Ready:          True
    Restart Count:  2
    Limits:
      memory:  1Gi
    Requests:
      cpu:      100m
      memory:   1Gi
    Liveness:   exec [mysqladmin ping] delay=0s timeout=1s period=10s #success=1 #failure=3
    Readiness:  http-get http://:80/ready delay=5s timeout=0s period=0s #success=0 #failure=0
    Startup:    tcp-socket :3306 delay=0s timeout=0s period=0s #success=0 #failure=0
    Environment Variables from:
      c  ConfigMap                 Optional: false
      s  Secret with prefix 'P_'   Optional: true
    Environment:
      PLAIN:   123.com
      LINES:   a
               b
      NODE:    node01 (v1:spec.nodeName)
      APP:     mysql (v1:metadata.labels['app'])
      MEMORY:  1073741824 (limits.memory)
      CPU:     node allocatable (limits.cpu)
      SECRET:  <set to the key 'k' in secret 's'>      Optional: false
      CONFIG:  <set to the key 'k' of config map 'c'>  Optional: true
    Mounts:
      /etc/mysql from config (ro)
      /var/lib/mysql from data (rw,path="mysql")
    Devices:
      /dev/xvda from raw
Readiness Gates:
  Type  Status
  db    <none>
Conditions:
  Type   Status
  Ready  True
Volumes:
  data:
    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)
    ClaimName:  data-mysql-0
    ReadOnly:   false
  config:
    Type:      ConfigMap (a volume populated by a ConfigMap)
    Name:      c
    Optional:  false
  token:
    Type:                    Projected (a volume that contains injected data from multiple sources)
    SecretName:              s
    Optional:                false
    ConfigMapName:           c
    Optional:                false
    DownwardAPI:             true
    TokenExpirationSeconds:  3607
  info:
    Type:  DownwardAPI (a volume populated by information about the pod)
    Items:
      metadata.labels -> labels
      limits.cpu -> cpu
  scratch:
    Type:          EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)
    StorageClass:  fast
    Volume:
    Labels:        <none>
    Annotations:   <none>
    Capacity:
    Access Modes:
    VolumeMode:    Filesystem
  odd:
  <unknown>
QoS Class:                    Burstable
Node-Selectors:               disk=ssd
Tolerations:                  op=Exists
                              disk=bad:NoSchedule
                              node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Topology Spread Constraints:  zone:DoNotSchedule when max skew 1 is exceeded for selector app=mysql
Events:                       <none>
"""


def page(made: Sheet) -> str:
    """A page without the blanks at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in made.text().splitlines())


class TestPods:
    """describePod."""

    def test_whole_page(self) -> None:
        made = sheet()
        describe_pod(made, obj(RICH_POD), [])
        assert _same_words(page(made), RICH_PAGE.replace("LONG", "x" * 138))

    def test_columns_are_aligned(self) -> None:
        made = sheet()
        describe_pod(made, obj(RICH_POD), [])
        lines = page(made).splitlines()
        assert "    Restart Count:  2" in lines
        assert "      c  ConfigMap                Optional: false" in lines

    def test_old_page_has_less(self) -> None:
        made = sheet((1, 15))
        describe_pod(made, obj(RICH_POD), None)
        text = page(made)
        assert "last-applied-configuration: {}" in text
        assert "    SecretOptionalName:      <nil>\n" in text
        for newer in ("IPs:", "Service Account:", "Topology Spread", "Events:"):
            assert newer not in text

    def test_probes_of_other_ways(self) -> None:
        made = sheet()
        grpc = RICH_POD.replace("{tcpSocket: {port: 3306}}", "{grpc: {port: 9000, service: health}}")
        describe_pod(
            made,
            obj(
                grpc.replace(
                    "readinessProbe: {httpGet: {path: /ready, port: 80, scheme: HTTP}",
                    ("readinessProbe: {periodSeconds: 1"),
                )
            ),
            [],
        )
        assert says(
            made,
            "Readiness: unknown delay=5s timeout=0s period=1s #success=0 #failure=0",
            "Startup: grpc <pod>:9000 health delay=0s timeout=0s period=0s #success=0 #failure=0",
        )

    def test_ephemeral_containers(self) -> None:
        made = sheet()
        describe_pod(
            made,
            obj(
                RICH_POD.replace("  volumes:\n", "  ephemeralContainers: [{name: look, image: busybox}]\n  volumes:\n")
            ),
            [],
        )
        assert says(made, "Ephemeral Containers:", "look:")

    def test_deleted_pod(self) -> None:
        text = RICH_POD.replace(
            "name: mysql-0\n", f'name: mysql-0\n  deletionTimestamp: "{CREATED}"\n  deletionGracePeriodSeconds: 30\n'
        )
        made = sheet()
        describe_pod(made, obj(text), None)
        assert says(made, "Status: Terminating (lasts 10m)", "Termination Grace Period: 30s")

    def test_evicted_pod(self) -> None:
        made = sheet()
        describe_pod(
            made, obj(RICH_POD.replace("phase: Running", "phase: Failed\n  reason: Evicted\n  message: too much")), None
        )
        assert "Status:               Failed\nReason:               Evicted\nMessage:              too much\n" in page(
            made
        )

    @pytest.mark.parametrize(
        ("resources", "name"),
        [
            ("{}", "BestEffort"),
            ("{requests: {cpu: 1}}", "Burstable"),
            ("{limits: {cpu: 1, memory: 1Gi}}", "Guaranteed"),
            ("{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}", "Guaranteed"),
            ("{requests: {cpu: 1}, limits: {cpu: 2, memory: 1Gi}}", "Burstable"),
        ],
    )
    def test_quality_of_service(self, resources: str, name: str) -> None:
        text = (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: i, resources: %s}]}"
        )
        assert qos_class(obj(text % resources)) == name


def says(made: Sheet, *lines: str) -> bool:
    """Whether these lines stand on the page, one after the other; blanks between words do not count."""
    shown = [" ".join(line.split()) for line in page(made).splitlines()]
    found = any(shown[at : at + len(lines)] == list(lines) for at in range(len(shown)))
    assert found, f"{lines} not in\n{page(made)}"
    return True


def _same_words(found: str, expected: str) -> bool:
    """Whether two pages say the same, whatever the blanks between their columns."""
    one, other = ([line.split() for line in text.splitlines()] for text in (found, expected))
    assert one == other
    return True


class TestSources:
    """Every volume source has a page."""

    def test_nfs(self) -> None:
        made = sheet()
        describe_source(made, obj(VOLUME).spec)
        assert page(made) == (
            "    Type:      NFS (an NFS mount that lasts the lifetime of a pod)\n"
            "    Server:    172.16.1.30\n    Path:      /nfsdata\n    ReadOnly:  false\n"
        )

    @pytest.mark.parametrize(
        ("source", "lines"),
        [
            ("hostPath: {path: /etc/pki}", ["Path: /etc/pki", "HostPathType: <none>"]),
            ("hostPath: {path: /x, type: Directory}", ["HostPathType: Directory"]),
            ("emptyDir: {medium: Memory, sizeLimit: 1Gi}", ["Medium: Memory", "SizeLimit: 1Gi"]),
            ("emptyDir: {}", ["Medium:", "SizeLimit: <unset>"]),
            ("secret: {secretName: s, optional: true}", ["SecretName: s", "Optional: true"]),
            ("gcePersistentDisk: {pdName: d}", ["PDName: d", "Partition: 0"]),
            (
                "iscsi: {targetPortal: p, iqn: q, lun: 1, portals: [a, b]}",
                ["Lun: 1", "Portals: [a b]", "SecretRef: nil"],
            ),
            ("fc: {targetWWNs: [a, b]}", ["TargetWWNs: a, b", "LUN: <none>"]),
            ("csi: {driver: d, volumeAttributes: {b: '2', a: '1'}}", ["Driver: d", "VolumeAttributes: a=1", "b=2"]),
            ("csi: {driver: d}", ["VolumeAttributes: <none>"]),
            ("flexVolume: {driver: d, options: {b: c}}", ["Options: map[b:c]"]),
            ("cephfs: {monitors: [m], secretRef: {name: s}}", ["SecretRef: &LocalObjectReference{Name:s,}"]),
            ("image: {reference: r}", ["Reference: r"]),
        ],
    )
    def test_source(self, source: str, lines: list[str]) -> None:
        text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [], volumes: [{name: v, %s}]}"
        made = sheet()
        describe_source(made, obj(text % source).spec.volumes[0])
        shown = [" ".join(line.split()) for line in page(made).splitlines()]
        assert [line for line in lines if line not in shown] == []

    def test_csi_of_a_persistent_volume_has_a_handle(self) -> None:
        volume = obj(VOLUME.replace("nfs: {server: 172.16.1.30, path: /nfsdata}", "csi: {driver: d, volumeHandle: h}"))
        made = sheet()
        describe_source(made, volume.spec)
        assert says(made, "VolumeHandle: h")

    def test_volume_without_a_source(self) -> None:
        volume = obj(VOLUME)
        made = sheet()
        describe_source(made, volume.spec.replace(nfs=None))
        assert page(made) == "  <unknown>\n"

    def test_every_source_of_the_api_is_known(self) -> None:
        from volsim.objects import PersistentVolumeSpec, Volume

        made = {"projected", "downward_api", "ephemeral"}
        fields = {
            name
            for cls in (Volume, PersistentVolumeSpec)
            for name, kind in cls.__annotations__.items()
            if "Source" in kind
        }
        assert fields - made == set(SOURCES)


class TestStorage:
    """Volumes, claims, classes."""

    def test_volume(self) -> None:
        text = VOLUME.replace(
            "  nfs:",
            "  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, "
            "values: [a, b]}, {key: x, operator: Exists}]}]}}\n  nfs:",
        )
        made = sheet()
        storage.describe_volume(made, obj(text), [])
        shown = page(made)
        assert says(made, "Node Affinity:", "Required Terms:", "Term 0: zone in [a, b]", "x exists")
        assert shown.endswith("Events:        <none>\n")

    def test_volume_with_a_claim_and_deleted(self) -> None:
        text = VOLUME.replace("{name: nfs-pv}", f'{{name: nfs-pv, finalizers: [a, b], deletionTimestamp: "{CREATED}"}}')
        text = text.replace(
            "  nfs:",
            "  volumeMode: Block\n  claimRef: {namespace: d, name: c}\n"
            "  nodeAffinity: {required: {nodeSelectorTerms: []}}\n  nfs:",
        )
        made = sheet()
        storage.describe_volume(made, obj(text), None)
        page(made)
        assert says(made, "Finalizers: [a b]")
        assert says(made, "Status: Terminating (lasts 10m)", "Claim: d/c")
        assert says(made, "Required Terms: <none>")
        assert says(made, "VolumeMode: Block")

    CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: c, namespace: default}
spec: {accessModes: [ReadWriteOnce], storageClassName: nfs, volumeName: nfs-pv, volumeMode: Filesystem,
    dataSource: {kind: VolumeSnapshot, name: s, apiGroup: snapshot.storage.k8s.io}}
status: {phase: Bound, capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], conditions: [{type: Resizing,
    status: "True", reason: r, message: m}]}
"""  # fmt: skip

    def test_claim(self) -> None:
        made = sheet()
        storage.describe_bound_claim(made, obj(self.CLAIM), [obj(WEB), obj(PAIR)], [])
        assert _same_words(
            page(made),
            """\
Name: c
Namespace: default
StorageClass: nfs
Status: Bound
Volume: nfs-pv
Labels: <none>
Annotations: <none>
Finalizers: []
Capacity: 1Gi
Access Modes: RWO
VolumeMode: Filesystem
DataSource:
APIGroup: snapshot.storage.k8s.io
Kind: VolumeSnapshot
Name: s
Used By: pair
web
Conditions:
Type Status LastProbeTime LastTransitionTime Reason Message
---- ------ ----------------- ------------------ ------ -------
Resizing True Mon, 01 Jan 0001 00:00:00 +0000 Mon, 01 Jan 0001 00:00:00 +0000 r m
Events: <none>
""",
        )

    def test_users_of_a_claim_were_called_mounters(self) -> None:
        made = sheet((1, 19))
        storage.describe_bound_claim(made, obj(self.CLAIM), [], None)
        assert says(made, "Mounted By: <none>")

    def test_deleted_claim(self) -> None:
        text = self.CLAIM.replace("{name: c,", f'{{name: c, deletionTimestamp: "{CREATED}",').replace(
            "volumeName: nfs-pv, ", ""
        )
        made = sheet()
        storage.describe_bound_claim(made, obj(text), [], None)
        assert says(made, "Status: Terminating (lasts 10m)")
        assert says(made, "Capacity:")

    def test_class(self) -> None:
        text = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example.com
parameters: {type: ssd}
allowVolumeExpansion: true
mountOptions: [hard]
reclaimPolicy: Delete
volumeBindingMode: WaitForFirstConsumer
allowedTopologies: [{matchLabelExpressions: [{key: zone, values: [a]}]}]
"""
        made = sheet()
        storage.describe_class(made, obj(text), [])
        assert page(made) == (
            "Name:                  fast\n"
            "IsDefaultClass:        Yes\n"
            "Annotations:           storageclass.kubernetes.io/is-default-class=true\n"
            "Provisioner:           csi.example.com\n"
            "Parameters:            type=ssd\n"
            "AllowVolumeExpansion:  True\n"
            "MountOptions:\n"
            "  hard\n"
            "ReclaimPolicy:      Delete\n"
            "VolumeBindingMode:  WaitForFirstConsumer\n"
            "AllowedTopologies:\n"
            "  Term 0:           zone in [a]\n"
            "Events:             <none>\n"
        )

    def test_bare_class(self) -> None:
        made = sheet()
        storage.describe_class(
            made, obj("apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: x}\nprovisioner: p\n"), None
        )
        assert says(made, "IsDefaultClass: No")
        assert says(made, "AllowVolumeExpansion: <unset>", "MountOptions: <none>")

    def test_attributes_class(self) -> None:
        made = sheet()
        text = (
            "apiVersion: storage.k8s.io/v1\nkind: VolumeAttributesClass\nmetadata: {name: gold}\ndriverName: d\n"
            "parameters: {iops: '5'}\n"
        )
        storage.describe_attributes_class(made, obj(text), [])
        assert page(made) == (
            "Name:         gold\nAnnotations:  <none>\nDriverName:   d\nParameters:   iops=5\nEvents:       <none>\n"
        )


TEMPLATE = (
    "template: {metadata: {labels: {app: db}, annotations: {a: b}}, spec: {serviceAccountName: sa, "
    "priorityClassName: p, initContainers: [{name: i, image: x}], containers: [{name: c, image: y}]}}"
)  # fmt: skip


class TestWorkloads:
    """Deployments and what is like them."""

    def deployment(self, **status: int) -> Any:
        text = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: default, creationTimestamp: "{CREATED}",
    annotations: {{deployment.kubernetes.io/revision: "2"}}}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: db}}}}
  strategy: {{type: RollingUpdate, rollingUpdate: {{maxSurge: 25%, maxUnavailable: 1}}}}
  {TEMPLATE}
status: {{updatedReplicas: 2, replicas: 3, availableReplicas: 2, unavailableReplicas: 1,
    conditions: [{{type: Available, status: "True", reason: MinimumReplicasAvailable}}]}}
"""  # fmt: skip
        return obj(text)

    def replica_set(self, name: str, revision: int, replicas: int) -> Any:
        return obj(
            f"apiVersion: apps/v1\nkind: ReplicaSet\n"
            f'metadata: {{name: {name}, annotations: {{deployment.kubernetes.io/revision: "{revision}"}}}}\n'
            f"spec: {{replicas: {replicas}, selector: {{}}, {TEMPLATE}}}\nstatus: {{replicas: {replicas}}}\n"
        )

    def test_deployment(self) -> None:
        made = sheet()
        sets = [self.replica_set("web-1", 1, 0), self.replica_set("web-2", 2, 3)]
        workloads.describe_deployment(made, self.deployment(), sets, [])
        page(made)
        assert says(made, "Replicas: 3 desired | 2 updated | 3 total | 2 available | 1 unavailable")
        assert says(made, "RollingUpdateStrategy: 1 max unavailable, 25% max surge")
        assert says(made, "Pod Template:", "Labels: app=db", "Annotations: a: b", "Service Account: sa")
        assert says(made, "Init Containers:", "i:", "Image: x")
        assert says(made, "Priority Class Name: p", "Node-Selectors: <none>", "Tolerations: <none>")
        assert says(made, "OldReplicaSets: web-1 (0/0 replicas created)", "NewReplicaSet: web-2 (3/3 replicas created)")

    def test_old_pages_leave_empty_replica_sets_out(self) -> None:
        made = sheet((1, 26))
        sets = [self.replica_set("web-1", 1, 0), self.replica_set("web-2", 2, 3)]
        workloads.describe_deployment(made, self.deployment(), sets, None)
        assert says(made, "OldReplicaSets: <none>")
        none = sheet((1, 26))
        workloads.describe_deployment(none, self.deployment(), [], None)
        assert says(none, "NewReplicaSet: <none>")

    def test_deployment_without_replica_sets(self) -> None:
        made = sheet()
        workloads.describe_deployment(made, self.deployment(), [], None)
        assert "ReplicaSets" not in page(made)

    def test_replica_set(self) -> None:
        made = sheet()
        pods = [obj(WEB), obj(PAIR).replace(status=obj(RICH_POD).status)]
        workloads.describe_replication(made, self.replica_set("web-1", 1, 2), pods, [])
        assert says(made, "Selector: <none>")
        assert says(
            made, "Replicas: 2 current / 2 desired", "Pods Status: 1 Running / 0 Waiting / 0 Succeeded / 0 Failed"
        )

    def test_replication_controller(self) -> None:
        made = sheet()
        text = (
            f"apiVersion: v1\nkind: ReplicationController\nmetadata: {{name: x}}\n"
            f"spec: {{replicas: 1, selector: {{a: b}}, {TEMPLATE}}}\n"
        )
        workloads.describe_replication(made, obj(text), [], None)
        assert says(made, "Selector: a=b")

    def test_stateful_set(self) -> None:
        text = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db, namespace: default, creationTimestamp: "{CREATED}"}}
spec:
  replicas: 2
  serviceName: db
  selector: {{matchLabels: {{app: db}}}}
  updateStrategy: {{type: RollingUpdate, rollingUpdate: {{partition: 0, maxUnavailable: 1}}}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], storageClassName: fast, resources: {{requests: {{storage: 1Gi}}}}}}
  - metadata: {{name: bare}}
    spec: {{}}
  {TEMPLATE}
"""
        made = sheet()
        workloads.describe_stateful_set(made, obj(text), [], [])
        shown = page(made)
        assert says(made, "Update Strategy: RollingUpdate", "Partition: 0", "MaxUnavailable: 1")
        assert _section(shown, "Volume Claims:") == [
            "Name: data", "StorageClass: fast", "Labels: <none>", "Annotations: <none>", "Capacity: 1Gi",
            "Access Modes: [ReadWriteOnce]", "Name: bare", "StorageClass:", "Labels: <none>", "Annotations: <none>",
            "Capacity: <default>", "Access Modes: []",
        ]  # fmt: skip

    def test_stateful_set_without_claims(self) -> None:
        made = sheet()
        text = (
            f"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: x}}\n"
            f"spec: {{replicas: 1, serviceName: x, selector: {{}}, {TEMPLATE}}}\n"
        )
        workloads.describe_stateful_set(made, obj(text), [], None)
        assert says(made, "Volume Claims: <none>")

    def test_daemon_set(self) -> None:
        made = sheet()
        text = (
            f"apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: x}}\n"
            f"spec: {{selector: {{matchLabels: {{a: b}}}}, {TEMPLATE}}}\nstatus: {{desiredNumberScheduled: 2}}\n"
        )
        workloads.describe_daemon_set(made, obj(text), [], None)
        assert says(made, "Node-Selector: <none>")
        assert says(made, "Desired Number of Nodes Scheduled: 2", "Current Number of Nodes Scheduled: 0")

    JOB = f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: once, namespace: default}}
spec: {{parallelism: 1, completions: 1, completionMode: NonIndexed, suspend: false, backoffLimit: 6,
    activeDeadlineSeconds: 60, selector: {{matchLabels: {{a: b}}}}, {TEMPLATE}}}
status: {{startTime: "{CREATED}", completionTime: "2026-01-01T00:01:00Z", succeeded: 1, ready: 0}}
"""  # fmt: skip

    def test_job(self) -> None:
        made = sheet()
        workloads.describe_job(made, obj(self.JOB), None)
        page(made)
        for line in ((
            "Completion Mode:          NonIndexed"
        ), "Suspend:                  false", "Duration:                 60s",
                     "Active Deadline Seconds:  60s", (
                         "Pods Statuses:            0 Active (0 Ready) / 1 Succeeded / 0 Failed"
                     )):  # fmt: skip
            assert says(made, " ".join(line.split()))

    def test_old_job(self) -> None:
        made = sheet((1, 20))
        workloads.describe_job(made, obj(self.JOB.replace("completions: 1, ", "")), None)
        shown = page(made)
        assert says(made, "Completions: <unset>")
        assert says(made, "Pods Statuses: 0 Running / 1 Succeeded / 0 Failed")
        assert "Completion Mode" not in shown


def _section(text: str, title: str) -> list[str]:
    """The lines below a title, one blank between words, up to the next title."""
    lines = text.split(f"{title}\n", 1)[1].splitlines()
    end = next((at for at, line in enumerate(lines) if not line.startswith(" ")), len(lines))
    return [" ".join(line.split()) for line in lines[:end]]


class TestNodes:
    """describeNode."""

    NODE = f"""
apiVersion: v1
kind: Node
metadata: {{name: node01, creationTimestamp: "{CREATED}"}}
spec: {{podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24], providerID: x, taints: [{{key: b, effect: NoSchedule}},
    {{key: a, value: v, effect: NoExecute}}]}}
status:
  capacity: {{cpu: 4, memory: 8Gi, pods: 110, hugepages-2Mi: 4Mi, example.com/gpu: 2}}
  addresses: [{{type: InternalIP, address: 172.16.1.30}}]
  conditions: [{{type: Ready, status: "True", reason: KubeletReady, message: fine}}]
  nodeInfo: {{kubeletVersion: v1.36.2}}
"""  # fmt: skip
    POD = """
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: default}
spec:
  initContainers: [{name: i, image: x, resources: {requests: {cpu: 3}}}, {name: s, image: x, restartPolicy: Always,
      resources: {requests: {cpu: 500m}}}]
  containers: [{name: c, image: x, resources: {requests: {cpu: 500m, example.com/gpu: 1}, limits: {memory: 2Gi,
      hugepages-2Mi: 2Mi}}}]
"""  # fmt: skip

    def test_page(self) -> None:
        made = sheet()
        nodes.describe_node(made, obj(self.NODE), [obj(self.POD)], None, [])
        shown = page(made)
        assert says(made, "Taints: a=v:NoExecute", "b:NoSchedule")
        assert says(made, 'Lease: Failed to get lease: leases.coordination.k8s.io "node01" not found')
        assert _section(shown, "Allocated resources:") == [
            "(Total limits may be over 100 percent, i.e., overcommitted.)",
            "Resource Requests Limits",
            "-------- -------- ------",
            "cpu 3 (75%) 0 (0%)",
            "memory 2Gi (25%) 2Gi (25%)",
            "ephemeral-storage 0 (0%) 0 (0%)",
            "example.com/gpu 1 0",
            "hugepages-2Mi 2Mi (50%) 2Mi (50%)",
        ]
        assert says(made, "default a 3 (75%) 0 (0%) 2Gi (25%) 2Gi (25%) <unknown>")
        assert "Kube-Proxy Version" not in shown

    def test_lease(self) -> None:
        made = sheet()
        text = (
            f"apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: {{name: node01}}\n"
            f'spec: {{holderIdentity: node01, renewTime: "{CREATED}"}}\n'
        )
        nodes.describe_node(made, obj(self.NODE), [], obj(text), None)
        assert _section(page(made), "Lease:") == [
            "HolderIdentity: node01", "AcquireTime: <unset>", "RenewTime: Thu, 01 Jan 2026 00:00:00 +0000",
        ]  # fmt: skip

    def test_old_page(self) -> None:
        made = sheet((1, 15))
        nodes.describe_node(made, obj(self.NODE), [], None, None)
        shown = page(made)
        assert says(made, "cpu: 4")
        assert says(made, "Kube-Proxy Version:")
        assert "Memory Limits  AGE\n" in shown
        assert "Lease:" not in shown


class TestCluster:
    """Services, namespaces, configuration, and the rest."""

    SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: NodePort
  clusterIP: 10.96.0.7
  clusterIPs: [10.96.0.7]
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  externalIPs: [1.1.1.1]
  selector: {app: web}
  sessionAffinity: None
  externalTrafficPolicy: Cluster
  internalTrafficPolicy: Cluster
  ports: [{port: 80, targetPort: http, nodePort: 30000, protocol: TCP}, {port: 81, targetPort: 8080, protocol: TCP,
      name: x}]
"""  # fmt: skip

    def ready_pod(self, address: str) -> Any:
        text = """
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: c, image: x, ports: [{name: http, containerPort: 8080}]}]}
status: {podIP: %s, conditions: [{type: Ready, status: "True"}]}
"""
        return obj(text % address)

    def test_service(self) -> None:
        made = sheet()
        pods = [self.ready_pod(f"10.0.0.{number}") for number in range(5)]
        cluster.describe_service(made, obj(self.SERVICE), [*pods, obj(WEB)], [])
        page(made)
        assert says(made, "IP Family Policy: SingleStack", "IP Families: IPv4", "IP: 10.96.0.7")
        assert says(made, "NodePort: <unset> 30000/TCP")
        assert says(made, "Endpoints: 10.0.0.0:8080,10.0.0.1:8080,10.0.0.2:8080 + 2 more...")
        assert says(made, "Internal Traffic Policy: Cluster")

    def test_old_service(self) -> None:
        made = sheet((1, 15))
        cluster.describe_service(made, obj(self.SERVICE), [], None)
        assert "IP Families" not in page(made)
        assert says(made, "Endpoints: <none>")

    def test_namespace(self) -> None:
        made = sheet()
        quota = "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nstatus: {hard: {pods: 4}, used: {pods: 1}}\n"
        limits = (
            "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l}\n"
            "spec: {limits: [{type: Container, default: {cpu: 1}, max: {cpu: 2}}]}\n"
        )
        space = (
            f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: team}}\n"
            f'status: {{phase: Terminating, conditions: [{{type: X, status: "True", '
            f'lastTransitionTime: "{CREATED}"}}]}}\n'
        )
        cluster.describe_namespace(made, obj(space), [obj(quota)], [obj(limits)])
        shown = page(made)
        assert says(made, "Resource Quotas", "Name: q", "Resource Used Hard", "-------- --- ---", "pods 1 4")
        assert says(made, "Container cpu - 2 - 1 -")
        assert _section(shown, "Conditions:")[2].startswith("X True Thu, 01 Jan 2026 00:00:00 +0000")

    def test_config_map(self) -> None:
        text = (
            'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: d}\ndata: {a: "1\\n2"}\n'
            "binaryData: {b: YWJj, z: '!'}\n"
        )
        made = sheet()
        cluster.describe_config_map(made, obj(text), [])
        assert says(
            made, "Data", "====", "a:", "----", "1", "2", "", "", "BinaryData", "====", "b: 3 bytes", "z: 1 bytes"
        )
        old = sheet((1, 15))
        cluster.describe_config_map(old, obj(text), [])
        assert says(old, "Data", "====", "a:", "----", "1", "2", "Events: <none>")

    def test_secret_hides_its_values(self) -> None:
        made = sheet()
        cluster.describe_secret(
            made, obj("apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: Opaque\ndata: {key: YWJj}\n")
        )
        assert page(made).endswith("\nType:  Opaque\n\nData\n====\nkey:  3 bytes\n")

    def test_anything(self) -> None:
        text = """
apiVersion: example.com/v1
kind: Backup
metadata: {name: nightly, uid: u, labels: {a: b}}
spec: {keepDays: 3, apiURL: x, enabled: true, targets: [one, {claimName: c}], "odd/name": 1}
"""
        made = sheet()
        cluster.describe_anything(made, obj(text), [])
        assert _same_words(
            page(made),
            """\
Name: nightly
Namespace:
Labels: a=b
Annotations: <none>
API Version: example.com/v1
Kind: Backup
Metadata:
UID: u
Spec:
API URL: x
Enabled: true
Keep Days: 3
odd/name: 1
Targets:
one
Claim Name: c
Events: <none>
""",
        )


class TestSheet:
    """What all pages share."""

    def test_events_are_counted(self) -> None:
        made = sheet()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e"},
            "involvedObject": {"kind": "Pod", "name": "web", "fieldPath": "spec.containers{web}"},
            "type": "Warning",
            "reason": "BackOff",
            "message": "Back-off\nrestarting ",
            "source": {"component": "kubelet"},
            "count": 3,
            "firstTimestamp": "2026-01-01T00:05:00Z",
            "lastTimestamp": "2026-01-01T00:08:00Z",
        }
        found = from_manifest(event)
        assert isinstance(found, Event)
        made.events([found, found.replace(count=1, involved_object=None, source=None, reporting_component="me")])
        assert page(made) == (
            "Events:\n"
            "  Type     Reason   Age                From     Message\n"
            "  ----     ------   ----               ----     -------\n"
            "  Warning  BackOff  2m (x3 over 5m)    kubelet  spec.containers{web}: Back-off restarting\n"
            "  Warning  BackOff  5m                 me       Back-off restarting\n"
        ).replace("                From", "              From").replace(
            "               ----     -------", "             ----     -------"
        ).replace("(x3 over 5m)    kubelet", "(x3 over 5m)  kubelet").replace(
            "5m                 me", "5m               me"
        )

    def test_time_that_nobody_noted_is_gos_zero(self) -> None:
        assert moment(None) == "Mon, 01 Jan 0001 00:00:00 +0000"

    def test_time_before_the_start(self) -> None:
        assert moment(-1_000_000) == "Wed, 31 Dec 2025 23:59:59 +0000"


class TestCommand:
    """Which pages `kubectl describe` shows."""

    def test_several_pages_have_two_lines_between(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        sim.apply(PAIR)
        shown = kubectl("describe pods")
        assert shown.count("\n\n\nName:") == 1

    def test_beginning_of_a_name_is_enough(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        assert kubectl("describe pod we").split()[:2] == ["Name:", "web"]
        assert kubectl("describe pod x") == 'Error from server (NotFound): pods "x" not found\n'

    def test_events_can_be_left_out(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        sim.run("5s")
        assert "  Normal  Started" in kubectl("describe pod web")
        assert "Events" not in kubectl("describe pod web --show-events=false")

    def test_by_file(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(WEB)
        assert kubectl("describe -f -", stdin=WEB).startswith("Name: ")

    def test_nothing(self, kubectl: Terminal) -> None:
        assert kubectl("describe pods") == "No resources found in default namespace.\n"
        assert kubectl("describe pods -A") == "No resources found\n"
        assert kubectl("describe").startswith("error: You must specify the type of resource to describe.")

    def test_claim_names_its_users(self, sim: Simulation, kubectl: Terminal) -> None:
        sim.apply(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\n"
            "spec: {accessModes: [ReadWriteOnce], storageClassName: nfs, resources: {requests: {storage: 1Gi}}}\n"
        )
        sim.apply(WEB.replace("nodeName: node01,", "volumes: [{name: v, persistentVolumeClaim: {claimName: c}}],"))
        assert "Used By:       web\n" in kubectl("describe pvc c")

    @pytest.mark.parametrize("version", ["1.15", "1.20", "1.29", "1.36"])
    def test_every_kind_has_a_page_in_every_version(self, version: str) -> None:
        """A whole small cluster is described without a complaint."""
        sim = Simulation(nodes=1, kubernetes=version)
        sim.apply(VOLUME)
        for manifest in (SERVICE, CLASS, STATEFUL, DAEMON):
            sim.apply(manifest)
        if version == "1.36":
            sim.apply(
                "apiVersion: storage.k8s.io/v1\nkind: VolumeAttributesClass\nmetadata: {name: gold}\ndriverName: d\n"
                "parameters: {iops: '5'}\n"
            )
        for line in (
            "create deployment web --image=nginx",
            "create secret generic s --from-literal=a=b",
            "create cm c --from-literal=a=b",
            "create job once --image=nginx",
        ):
            sim.kubectl(line)
        sim.run("5s")
        kubectl = terminal_of(sim)
        kinds = ["deploy", "rs", "sts", "ds", "job", "pods", "nodes", "svc", "pv", "sc", "ns", "secrets", "cm"]
        for kind in [*kinds, "vac"] if version == "1.36" else kinds:
            assert kubectl(f"describe {kind}").startswith("Name:"), kind
