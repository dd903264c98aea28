"""What a user sees when the API server refuses an object: all errors at once, and nothing has changed.

The words are those of Kubernetes 1.36 where no version is named (pkg/apis/core/validation/validation.go).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, claim, container, pod, refusal, storage_class, volume, workload
from volsim import Simulation
from volsim.errors import Invalid, NotFound

MODES = '"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"'


def test_everything_that_is_wrong_is_told_at_once() -> None:
    broken = volume(accessModes=["ReadWriteSometimes"], nfs={"server": "nas", "path": "exports"}, volumeMode="Tape")
    assert refusal(broken) == [
        f'spec.accessModes: Unsupported value: "ReadWriteSometimes": supported values: {MODES}',
        'spec.nfs.path: Invalid value: "exports": must be an absolute path',
        'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
    ]


def test_the_message_is_the_one_that_kubectl_prints() -> None:
    with pytest.raises(Invalid) as caught:
        Simulation(nodes=0).apply(volume(nfs=None, capacity=None))
    assert str(caught.value) == (
        'PersistentVolume "data" is invalid: [spec.capacity: Required value, '
        'spec.capacity: Unsupported value: null: supported values: "storage", '
        "spec: Required value: must specify a volume type]"
    )


def test_a_good_object_of_each_kind_is_taken() -> None:
    for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"):
        accept(workload(kind))
    for manifest in (volume(), claim(), pod(), storage_class()):
        accept(manifest)


class TestVolumes:
    def test_a_volume_has_one_source(self) -> None:
        both = volume(hostPath={"path": "/data"})
        assert refusal(both) == ["spec.nfs: Forbidden: may not specify more than 1 volume type"]

    def test_a_local_volume_says_which_node_has_it(self) -> None:
        local = volume(nfs=None, local={"path": "/mnt/disk"})
        assert refusal(local) == ["spec.nodeAffinity: Required value: Local volume requires node affinity"]

    def test_the_root_of_a_node_is_not_recycled(self) -> None:
        root = volume(nfs=None, hostPath={"path": "/data/.."}, persistentVolumeReclaimPolicy="Recycle")
        assert refusal(root)[0].startswith("spec.hostPath.path: Invalid value")
        root["spec"]["hostPath"]["path"] = "//"
        text = "may not be 'recycle' for a hostPath mount of '/'"
        assert refusal(root) == [f"spec.persistentVolumeReclaimPolicy: Forbidden: {text}"]

    def test_a_volume_for_one_pod_is_for_nobody_else(self) -> None:
        both = volume(accessModes=["ReadWriteOncePod", "ReadWriteOnce"])
        text = "may not use ReadWriteOncePod with other access modes"
        assert refusal(both) == [f"spec.accessModes: Forbidden: {text}"]

    def test_old_clusters_do_not_know_volumes_for_one_pod(self) -> None:
        [told] = refusal(volume(accessModes=["ReadWriteOncePod"]), "1.20")
        assert told.endswith('supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce"')

    def test_a_volume_has_nothing_but_storage(self) -> None:
        told = refusal(volume(capacity={"storage": "1Gi", "cpu": "1"}))
        assert told == ['spec.capacity: Unsupported value: {"storage":"1Gi","cpu":"1"}: supported values: "storage"']
        assert refusal(volume(capacity={"storage": "1Gi", "cpu": "1"}), "1.20") == told

    def test_names_are_lower_case(self) -> None:
        named = volume() | {"metadata": {"name": "My_Volume"}}
        [told] = refusal(named)
        assert told.startswith(
            'metadata.name: Invalid value: "My_Volume": a lowercase RFC 1123 subdomain must consist of'
        )


class TestClaims:
    def test_a_claim_asks_for_storage_in_some_mode(self) -> None:
        assert refusal(claim(accessModes=None, resources=None)) == [
            "spec.accessModes: Required value: at least 1 access mode is required",
            "spec.resources[storage]: Required value",
        ]

    def test_nobody_can_ask_for_nothing(self) -> None:
        nothing = claim(resources={"requests": {"storage": "0"}})
        assert refusal(nothing) == ['spec.resources[storage]: Invalid value: "0": must be greater than zero']

    def test_a_source_of_data_is_said_twice_alike(self) -> None:
        source = {"kind": "PersistentVolumeClaim", "name": "a"}
        told = refusal(claim(dataSource=source, dataSourceRef=source | {"name": "b"}))
        assert told == ['spec: Invalid value: "spec.dataSource": must match dataSourceRef']

    def test_a_source_of_data_that_is_said_once_stands_in_both_fields(self) -> None:
        stored: Any = accept(claim(dataSource={"kind": "PersistentVolumeClaim", "name": "a"})).get("pvc/data")
        assert (stored.spec.data_source_ref.kind, stored.spec.data_source_ref.name) == ("PersistentVolumeClaim", "a")

    def test_a_source_of_data_that_nobody_knew_is_still_ignored_in_the_old_field(self) -> None:
        stored: Any = accept(claim(dataSource={"apiGroup": "x.example.com", "kind": "Backup", "name": "a"})).get(
            "pvc/data"
        )
        assert stored.spec.data_source is None
        assert stored.spec.data_source_ref is None

    def test_old_clusters_drop_the_new_field(self) -> None:
        ref = {"apiGroup": "x.example.com", "kind": "Backup", "name": "a"}
        stored: Any = accept(claim(dataSourceRef=ref), "1.20").get("pvc/data")
        assert stored.spec.data_source_ref is None
        kept: Any = accept(claim(dataSourceRef=ref)).get("pvc/data")
        assert kept.spec.data_source.kind == "Backup"


class TestPods:
    def test_a_mount_names_a_volume_of_the_pod(self) -> None:
        mounting = pod(containers=[container(volumeMounts=[{"name": "x", "mountPath": "/data"}])])
        assert refusal(mounting) == ['spec.containers[0].volumeMounts[0].name: Not found: "x"']

    def test_two_mounts_are_not_at_one_place(self) -> None:
        mounts = [{"name": "x", "mountPath": "/data"}] * 2
        mounting = pod(containers=[container(volumeMounts=mounts)], volumes=[{"name": "x", "emptyDir": {}}])
        text = 'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/data": must be unique'
        assert refusal(mounting) == [text]

    def test_a_sub_path_stays_below_the_volume(self) -> None:
        mounts = [{"name": "x", "mountPath": "/data", "subPath": "../etc"}]
        mounting = pod(containers=[container(volumeMounts=mounts)], volumes=[{"name": "x", "emptyDir": {}}])
        text = "must not contain '..'"
        assert refusal(mounting) == [f'spec.containers[0].volumeMounts.subPath: Invalid value: "../etc": {text}']

    def test_a_wrong_volume_cannot_be_mounted_either(self) -> None:
        mounts = [{"name": "x", "mountPath": "/data"}]
        broken = pod(containers=[container(volumeMounts=mounts)], volumes=[{"name": "x", "secret": {}}])
        assert refusal(broken) == [
            "spec.volumes[0].secret.secretName: Required value",
            'spec.containers[0].volumeMounts[0].name: Not found: "x"',
        ]

    def test_raw_devices_are_claims(self) -> None:
        devices = [{"name": "x", "devicePath": "/dev/xvda"}]
        raw = pod(containers=[container(volumeDevices=devices)], volumes=[{"name": "x", "emptyDir": {}}])
        text = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
        assert refusal(raw) == [f'spec.containers[0].volumeDevices[0].name: Invalid value: "x": {text}']

    def test_containers_have_names_of_their_own_and_images(self) -> None:
        twice = pod(containers=[container(), container(image=None)])
        assert refusal(twice) == [
            "spec.containers[1].image: Required value",
            'spec.containers[1].name: Duplicate value: "web"',
        ]

    def test_a_request_is_within_its_limit(self) -> None:
        resources = {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}
        text = 'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit'
        assert refusal(pod(containers=[container(resources=resources)])) == [f"{text} of 1Gi"]
        assert refusal(pod(containers=[container(resources=resources)]), "1.20") == [text]

    def test_huge_pages_are_promised_in_full_and_with_a_processor(self) -> None:
        resources = {"requests": {"hugepages-2Mi": "3Mi"}}
        text = '"3Mi": 3Mi is not positive integer multiple of hugepages-2Mi'
        assert refusal(pod(containers=[container(resources=resources)])) == [
            "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
            f"spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: {text}",
            "spec.containers[0].resources: Forbidden: HugePages require cpu or memory",
        ]

    def test_an_init_container_that_ends_is_not_probed(self) -> None:
        probe = {"exec": {"command": ["true"]}}
        starting = pod(initContainers=[container(name="init", readinessProbe=probe)])
        text = "may not be set for init containers without restartPolicy=Always"
        assert refusal(starting) == [f"spec.initContainers[0].readinessProbe: Forbidden: {text}"]
        starting["spec"]["initContainers"][0]["restartPolicy"] = "Always"
        accept(starting)

    def test_a_pod_that_is_nobody_has_no_token(self) -> None:
        token = {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
        text = "must not be specified when serviceAccountName is not set"
        field = "spec.volumes[0].projected.sources[0].serviceAccountToken"
        assert refusal(pod(volumes=[token])) == [f"{field}: Forbidden: {text}"]
        accept(pod(volumes=[token], serviceAccountName="default"))

    def test_a_claim_that_is_made_for_the_pod_is_looked_at_as_well(self) -> None:
        template = {"metadata": {"name": "mine"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
        field = "spec.volumes[0].ephemeral.volumeClaimTemplate"
        assert refusal(pod(volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}])) == [
            f"{field}.metadata.name: Forbidden: cannot be set",
            f"{field}.spec.resources[storage]: Required value",
        ]

    def test_on_the_nodes_network_a_port_is_the_nodes(self) -> None:
        ports = [{"containerPort": 80, "hostPort": 8080}]
        sharing = pod(containers=[container(ports=ports)], hostNetwork=True)
        place = "spec.containers[0].ports[0]"
        text = "must match `containerPort` when `hostNetwork` is true"
        assert refusal(sharing) == [f"{place}.hostPort: Invalid value: 8080: {text}"]
        old = "must match `hostPort` when `hostNetwork` is true"
        assert refusal(sharing, "1.20") == [f"{place}.containerPort: Invalid value: 80: {old}"]
        accept(pod(containers=[container(ports=[{"containerPort": 80}])], hostNetwork=True))

    def test_a_toleration_of_everything_has_no_value(self) -> None:
        [told] = refusal(pod(tolerations=[{"operator": "Exists", "value": "x"}]))
        assert (
            told
            == "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'"
        )

    def test_a_variable_has_one_source(self) -> None:
        key = {"name": "c", "key": "k"}
        env = [
            {"name": "A", "valueFrom": {"configMapKeyRef": key, "secretKeyRef": key}},
            {"name": "B", "valueFrom": {}},
        ]
        two, none = refusal(pod(containers=[container(env=env)]))
        assert two.endswith('valueFrom: Invalid value: "": may not have more than one field specified at a time')
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        assert none == f'spec.containers[0].env[1].valueFrom: Invalid value: "": must specify one of: {listed}'

    def test_names_of_variables_may_be_odd_since_1_32(self) -> None:
        odd = pod(containers=[container(env=[{"name": "1 %", "value": "x"}])])
        accept(odd)
        assert "must not start with a digit" in refusal(odd, "1.20")[0]

    def test_nothing_is_told_of_what_volsim_only_carries(self) -> None:
        with pytest.warns(UserWarning, match="hostAliases"):
            accept(pod(hostAliases=[{"ip": "300.1.1.1"}]))


class TestWorkloads:
    @pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"])
    def test_a_selector_selects_the_pods_that_are_made(self, kind: str) -> None:
        told = refusal(workload(kind, selector={"matchLabels": {"app": "db"}}))
        text = "`selector` does not match template `labels`"
        assert told == [f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {text}']

    def test_labels_were_shown_in_go_once(self) -> None:
        told = refusal(workload("Deployment", selector={"matchLabels": {"app": "db"}}), "1.20")
        assert told[0].startswith('spec.template.metadata.labels: Invalid value: map[string]string{"app":"web"}: ')

    @pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
    def test_pods_that_are_kept_running_are_restarted_always(self, kind: str) -> None:
        once = pod(restartPolicy="Never")["spec"]
        told = refusal(workload(kind, template=once))
        assert told == ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"']

    def test_pods_of_a_job_end(self) -> None:
        job = workload("Job", "batch/v1", selector=None)
        assert refusal(job) == ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']

    def test_a_rollout_can_begin(self) -> None:
        stuck = workload("Deployment", strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}})
        field = "spec.strategy.rollingUpdate.maxUnavailable"
        assert refusal(stuck) == [f'{field}: Invalid value: "0%": may not be 0 when `maxSurge` is 0']

    def test_a_percentage_is_at_most_all(self) -> None:
        more = workload("Deployment", strategy={"rollingUpdate": {"maxUnavailable": "150%"}})
        field = "spec.strategy.rollingUpdate.maxUnavailable"
        assert refusal(more) == [f'{field}: Invalid value: "150%": must not be greater than 100%']

    def test_a_daemon_set_replaces_first_or_afterwards(self) -> None:
        both = workload("DaemonSet", updateStrategy={"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}})
        field = "spec.updateStrategy.rollingUpdate.maxSurge"
        assert refusal(both) == [f"{field}: Invalid value: 1: may not be set when maxUnavailable is non-zero"]

    def test_claims_of_a_stateful_set_are_volumes_of_its_pods(self) -> None:
        template = pod(containers=[container(volumeMounts=[{"name": "data", "mountPath": "/data"}])])["spec"]
        assert refusal(workload("StatefulSet", template=template)) == [
            'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'
        ]
        accept(workload("StatefulSet", template=template, volumeClaimTemplates=[claim()]))

    def test_claims_of_a_stateful_set_were_looked_at_late(self) -> None:
        wrong = workload("StatefulSet", volumeClaimTemplates=[claim(resources=None)])
        assert refusal(wrong) == ["spec.volumeClaimTemplates[0].spec.resources[storage]: Required value"]
        accept(wrong, "1.33")

    def test_google_disks_were_shared_to_read_only(self) -> None:
        disk = {"name": "disk", "gcePersistentDisk": {"pdName": "d"}}
        replicas = workload("Deployment", replicas=2, template=pod(volumes=[disk])["spec"])
        accept(replicas)
        [told] = refusal(replicas, "1.20")
        assert told.startswith("spec.template.spec.volumes[0].gcePersistentDisk.readOnly: Invalid value: false: ")

    def test_a_schedule_has_five_fields(self) -> None:
        job = {"spec": {"template": {"spec": pod(restartPolicy="Never")["spec"]}}}
        cron = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"}}
        cron["spec"] = {"schedule": "daily", "jobTemplate": job}
        text = 'spec.schedule: Invalid value: "daily": expected exactly 5 fields, found 1: [daily]'
        assert refusal(cron) == [text]


class TestTheRest:
    def test_a_class_has_a_provisioner_and_does_not_recycle(self) -> None:
        assert refusal(storage_class(provisioner=None, reclaimPolicy="Recycle")) == [
            "provisioner: Required value",
            'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
        ]

    def test_keys_of_secrets_can_be_files(self) -> None:
        secret: Manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a/b": "x"}}
        [told] = refusal(secret)
        assert told.startswith('data[a/b]: Invalid value: "a/b": a valid config key must consist of')
        secret["stringData"], secret["type"] = {"tls.crt": "x"}, "kubernetes.io/tls"
        assert refusal(secret) == ["data[tls.key]: Required value"]

    def test_a_service_has_ports_with_names(self) -> None:
        service: Manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}}
        assert refusal(service) == ["spec.ports: Required value"]
        service["spec"]["ports"] = [{"port": 80}, {"port": 443, "name": "https"}]
        assert refusal(service) == ["spec.ports[0].name: Required value"]

    def test_services_may_begin_with_a_digit_since_1_36(self) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "1st"},
            "spec": {"ports": [{"port": 80}]},
        }
        accept(service)
        assert "a DNS-1035 label must consist of" in refusal(service, "1.35")[0]

    def test_users_priorities_are_bounded(self) -> None:
        high = {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "high"},
            "value": 2_000_000_000,
        }
        assert refusal(high) == ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"]

    def test_a_budget_says_one_of_two_things(self) -> None:
        budget = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web"},
            "spec": {"minAvailable": 1, "maxUnavailable": 1},
        }
        [told] = refusal(budget)
        assert told.endswith("minAvailable and maxUnavailable cannot be both set")


@pytest.mark.filterwarnings("ignore::volsim.NotModelledWarning")
@pytest.mark.parametrize("kind", ["Pod", "ReplicationController", "PersistentVolume"])
def test_a_version_that_no_server_has_any_more_is_refused(kind: str) -> None:
    sim = Simulation(nodes=0)
    before = sim.state
    with pytest.raises(NotFound, match=f'no matches for kind "{kind}" in version "v1beta3"'):
        sim.apply({"apiVersion": "v1beta3", "kind": kind, "metadata": {"name": "old"}, "spec": {}})
    assert sim.state == before
