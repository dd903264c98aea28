"""storage.k8s.io: what is refused of classes, attachments and of what CSI drivers say.

Source: kube-apiserver, pkg/apis/storage/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, claim, pod, refusal, storage_class, volume
from volsim.apiserver.validation import validate_create, validate_update
from volsim.manifests import from_manifest
from volsim.rules import Rules


def storage(kind: str, **body: Any) -> Manifest:
    """An object of storage.k8s.io."""
    return {"apiVersion": "storage.k8s.io/v1", "kind": kind, "metadata": {"name": "data"}, **body}


def told(manifest: Manifest, version: str = "1.36") -> list[str]:
    """What is wrong with an object that is not defaulted."""
    return [str(error) for error in validate_create(from_manifest(manifest), Rules.for_version(version))]


def told_of_change(old: Manifest, new: Manifest, version: str = "1.36") -> list[str]:
    """What is wrong with an update; first lines only."""
    errors = validate_update(from_manifest(new), from_manifest(old), Rules.for_version(version))
    return [str(error).partition("\n")[0] for error in errors]


class TestClasses:
    def test_parameters_have_names_and_bounds(self) -> None:
        assert told(storage_class(volumeBindingMode="Immediate", parameters={"": "x"})) == [
            'parameters: Invalid value: "": field can not be empty.'
        ]
        many = {f"p{number}": "x" for number in range(513)}
        large = {"p": "x" * 256 * 1024}
        assert told(storage_class(volumeBindingMode="Immediate", parameters=many)) == [
            "parameters: Too long: may not be more than 512 bytes"
        ]
        assert told(storage_class(volumeBindingMode="Immediate", parameters=large), "1.20") == [
            "parameters: Too long: must have at most 262144 bytes"
        ]

    def test_attributes_have_a_driver_and_parameters(self) -> None:
        assert told(storage("VolumeAttributesClass")) == [
            "driverName: Required value",
            "parameters: Required value: must contain at least one key/value pair",
        ]

    def test_attributes_do_not_change(self) -> None:
        good = storage("VolumeAttributesClass", driverName="disk.csi.example.com", parameters={"iops": "100"})
        changed = good | {"parameters": {"iops": "200"}}
        assert told_of_change(good, changed) == ["parameters: Forbidden: updates to parameters are forbidden."]

    def test_attributes_are_protected(self) -> None:
        good = storage("VolumeAttributesClass", driverName="disk.csi.example.com", parameters={"iops": "100"})
        kept: Any = accept(good).get("vac/data")
        assert kept.metadata.finalizers == ("kubernetes.io/vac-protection",)


class TestAttachments:
    def attachment(self, **source: Any) -> Manifest:
        spec = {"attacher": "disk.csi.example.com", "nodeName": "node01", "source": source}
        return storage("VolumeAttachment", spec=spec)

    def test_a_volume_is_named_or_given(self) -> None:
        text = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        assert told(self.attachment()) == [f"spec.source: Required value: {text}"]
        both = self.attachment(persistentVolumeName="a", inlineVolumeSpec={"accessModes": ["ReadWriteOnce"]})
        assert told(both) == [f"spec.source: Forbidden: {text}"]
        assert told(self.attachment(persistentVolumeName="")) == [
            "spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
            *told(self.attachment(persistentVolumeName=""))[1:],
        ]

    def test_a_volumes_name_is_looked_at_since_1_36(self) -> None:
        assert told(self.attachment(persistentVolumeName="A"))[0].startswith(
            "spec.source.persistentVolumeName: Invalid"
        )
        assert told(self.attachment(persistentVolumeName="A"), "1.35") == []

    def test_a_volume_that_is_given_is_a_pods_own(self) -> None:
        spec = volume()["spec"] | {
            "claimRef": {"name": "c"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{}]}},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "fast",
            "volumeMode": "Block",
        }
        field = "spec.source.inlineVolumeSpec"
        not_inline = "may not be specified in the context of inline volumes"
        assert told(self.attachment(inlineVolumeSpec=spec)) == [
            f"{field}.claimRef: Forbidden: {not_inline}",
            f"{field}.capacity: Forbidden: {not_inline}",
            f"{field}.csi: Required value: has to be specified in the context of inline volumes",
            f"{field}.persistentVolumeReclaimPolicy: Forbidden: may only be Retain in the context of inline volumes",
            f"{field}.nodeAffinity: Forbidden: {not_inline}",
            f"{field}.storageClassName: Forbidden: {not_inline}",
            (
                f"{field}.volumeMode: Forbidden: may not specify volumeMode other than Filesystem in the context "
                "of inline "
                "volumes"
            ),
        ]

    def test_a_status_has_its_bounds(self) -> None:
        status = {
            "attached": False,
            "attachmentMetadata": {"a": "x" * 256 * 1024},
            "attachError": {"message": "x" * 1025, "errorCode": -1},
        }
        assert told(self.attachment(persistentVolumeName="a") | {"status": status}) == [
            "status.attachmentMetadata: Too long: may not be more than 262144 bytes",
            "status.attachError.message: Too long: may not be more than 262144 bytes",
            "status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        ]

    def test_only_its_status_changes(self) -> None:
        one, two = (self.attachment(persistentVolumeName=name) for name in "ab")
        [error] = told_of_change(one, two)
        assert error.startswith("spec: Invalid value")
        assert error.endswith("field is immutable")


class TestDrivers:
    def driver(self, **spec: Any) -> Manifest:
        return storage("CSIDriver", spec=spec)

    def test_policies_and_modes_are_known(self) -> None:
        broken = self.driver(
            fsGroupPolicy="Never", volumeLifecycleModes=["Forever"], nodeAllocatableUpdatePeriodSeconds=1
        )
        assert told(broken) == [
            (
                'spec.fsGroupPolicy: Unsupported value: "Never": supported values: "File", "None", '
                '"ReadWriteOnceWithFSType"'
            ),
            'spec.volumeLifecycleModes: Unsupported value: "Forever": supported values: "Persistent", "Ephemeral"',
            "spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 1: must be greater than or equal to 10 seconds",
        ]

    @pytest.mark.parametrize(
        ("version", "fields"),
        [
            ("1.20", ["spec"]),
            (
                "1.21",
                ["attachedRequired", "fsGroupPolicy", "podInfoOnMount", "volumeLifecycleModes", "storageCapacity"],
            ),
            ("1.23", ["attachedRequired", "fsGroupPolicy", "podInfoOnMount", "volumeLifecycleModes"]),
            ("1.30", ["attachedRequired", "volumeLifecycleModes"]),
        ],
    )
    def test_more_and_more_of_a_driver_may_change(self, version: str, fields: list[str]) -> None:
        old = self.driver(
            attachRequired=True,
            fsGroupPolicy="None",
            podInfoOnMount=True,
            volumeLifecycleModes=["Persistent"],
            storageCapacity=True,
        )
        new = self.driver(
            attachRequired=False,
            fsGroupPolicy="File",
            podInfoOnMount=False,
            volumeLifecycleModes=["Ephemeral"],
            storageCapacity=False,
        )
        changed = told_of_change(old, new, version)
        assert [error.partition(":")[0].removeprefix("spec.") for error in changed] == fields


class TestNodes:
    def node(self, *drivers: Manifest) -> Manifest:
        return storage("CSINode", spec={"drivers": list(drivers)})

    def test_a_driver_is_there_once_under_a_short_id(self) -> None:
        one = {"name": "disk.csi.example.com", "nodeID": "n" * 257, "allocatable": {"count": -1}}
        two = {"name": "disk.csi.example.com", "topologyKeys": ["zone", "zone", ""]}
        errors = told(self.node(one, two))
        assert errors[0].endswith("must be 256 characters or less")
        assert errors[1:6] == [
            "spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
            "spec.drivers[1].nodeID: Required value",
            'spec.drivers[1].name: Duplicate value: "disk.csi.example.com"',
            'spec.drivers[1]: Duplicate value: "zone"',
            "spec.drivers[1]: Required value",
        ]

    def test_ids_were_shorter(self) -> None:
        [error] = told(self.node({"name": "disk.csi.example.com", "nodeID": "n" * 129}), "1.20")
        assert error.endswith("must be 128 characters or less")

    def test_a_driver_that_stays_is_what_it_was(self) -> None:
        old = {"name": "disk.csi.example.com", "nodeID": "a", "allocatable": {"count": 1}}
        other_id, other_count = old | {"nodeID": "b"}, old | {"allocatable": {"count": 2}}
        [error] = told_of_change(self.node(old), self.node(other_id))
        assert error.startswith("spec.drivers: Invalid value")
        assert told_of_change(self.node(old), self.node(other_count)) == []
        [error] = told_of_change(self.node(old), self.node(other_count), "1.20")
        assert error.startswith("CSINodeDriver: Invalid value")
        assert told_of_change(self.node(old), self.node()) == []


class TestCapacity:
    def test_it_is_for_a_class_and_not_negative(self) -> None:
        capacity = storage("CSIStorageCapacity", storageClassName="Fast", capacity="-1Gi")
        capacity["metadata"]["namespace"] = "default"
        errors = told(capacity)
        assert errors[0].startswith('storageClassName: Invalid value: "Fast"')
        assert errors[1] == 'capacity: Invalid value: "-1Gi": must be greater than or equal to 0'

    def test_only_the_amount_changes(self) -> None:
        one = storage("CSIStorageCapacity", storageClassName="fast", capacity="1Gi")
        assert told_of_change(one, one | {"capacity": "2Gi"}) == []
        [error] = told_of_change(one, one | {"storageClassName": "slow"})
        assert error == 'storageClassName: Invalid value: "slow": field is immutable'


# -- sources -----------------------------------------------------------------------------------------------------------
SECRET = {"name": "s"}
SOURCES: dict[str, tuple[Manifest, list[str]]] = {
    "awsElasticBlockStore": ({"partition": 256}, ["volumeID", "partition"]),
    "azureDisk": ({"kind": "Managed", "cachingMode": "Much", "diskURI": "x"}, ["diskName", "cachingMode", "diskURI"]),
    "azureFile": ({"secretNamespace": ""}, ["secretName", "shareName", "secretNamespace"]),
    "cephfs": ({}, ["monitors"]),
    "cinder": ({"secretRef": {}}, ["volumeID", "secretRef.name", "secretRef.namespace"]),
    "fc": ({"targetWWNs": ["a"], "wwids": ["b"], "lun": 256}, ["targetWWNs", "lun"]),
    "flexVolume": ({"options": {"kubernetes.io/a": "b"}}, ["driver", "options[kubernetes.io/a]"]),
    "flocker": ({"datasetName": "a/b", "datasetUUID": "c"}, ["", "datasetName"]),
    "glusterfs": ({"endpointsNamespace": "A"}, ["endpoints", "path", "endpointsNamespace"]),
    "iscsi": ({"iqn": "x", "lun": 256, "chapAuthSession": True}, ["targetPortal", "iqn", "lun", "secretRef"]),
    "photonPersistentDisk": ({}, ["pdID"]),
    "portworxVolume": ({}, ["volumeID"]),
    "quobyte": ({"registry": "host", "volume": "v"}, ["registry"]),
    "rbd": ({}, ["monitors", "image"]),
    "scaleIO": ({}, ["gateway", "system", "volumeName"]),
    "storageos": ({"volumeName": "A", "secretRef": {}}, ["volumeName", "secretRef.name", "secretRef.namespace"]),
    "vsphereVolume": ({}, ["volumePath"]),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_volumes_source_says_where_it_is(name: str) -> None:
    source, fields = SOURCES[name]
    errors = refusal(volume(nfs=None, **{name: source}))
    told_fields = [error.partition(": ")[0] for error in errors]
    assert told_fields == [f"spec.{name}.{field}".removesuffix(".") for field in fields], errors


def test_flocker_and_fibre_channel_need_one_of_two_names() -> None:
    assert refusal(volume(nfs=None, flocker={})) == [
        "spec.flocker: Required value: one of datasetName and datasetUUID is required"
    ]
    assert refusal(volume(nfs=None, fc={})) == [
        "spec.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"
    ]
    assert refusal(volume(nfs=None, fc={"targetWWNs": ["a"]})) == [
        "spec.fc.lun: Required value: lun is required if targetWWNs is specified"
    ]


@pytest.mark.parametrize("name", ["iqn.2024-01.com.example:disk", "eui.0123456789abcdef", "naa." + "0" * 32])
def test_an_iscsi_target_has_a_name_of_three_kinds(name: str) -> None:
    accept(volume(nfs=None, iscsi={"targetPortal": "10.0.0.1:3260", "iqn": name, "lun": 0}))
    broken = {"targetPortal": "10.0.0.1:3260", "iqn": name[:4], "lun": 0}
    assert refusal(volume(nfs=None, iscsi=broken))[0].endswith("must be valid format")


def test_an_initiator_of_its_own_leaves_less_room_for_names() -> None:
    source = {
        "targetPortal": "x" * 60,
        "iqn": "eui.0123456789abcdef",
        "lun": 0,
        "initiatorName": "eui.0123456789abcdef",
    }
    assert refusal(volume(nfs=None, iscsi=source))[0].startswith("spec.iscsi.targetportal: Invalid value")
    assert refusal(pod(volumes=[{"name": "data", "iscsi": source}]))[0].startswith(
        "spec.volumes[0].name: Invalid value"
    )


def test_mount_options_by_annotation_are_for_some_sources() -> None:
    options = {"name": "data", "annotations": {"volume.beta.kubernetes.io/mount-options": "ro"}}
    accept(volume() | {"metadata": options})
    text = "may not specify mount options for this volume type"
    on_node = volume(nfs=None, hostPath={"path": "/data"}) | {"metadata": options}
    field = "metadata.annotations.volume.beta.kubernetes.io/mount-options"
    assert refusal(on_node) == [f"{field}: Forbidden: {text}"]


def test_a_class_of_attributes_is_for_csi_volumes() -> None:
    assert refusal(volume(volumeAttributesClassName="")) == [
        "spec.volumeAttributesClassName: Required value: an empty string is disallowed",
        "spec.csi: Required value: has to be specified when using volumeAttributesClassName",
    ]
    stored: Any = accept(volume(volumeAttributesClassName="gold"), "1.33").get("pv/data")
    assert stored.spec.volume_attributes_class_name is None


def test_a_claim_does_not_lose_its_class_of_attributes() -> None:
    old = claim(volumeAttributesClassName="gold") | {
        "status": {"currentVolumeAttributesClassName": "gold", "phase": "Bound"}
    }
    new = claim() | {"status": old["status"]}
    text = "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil"
    assert told_of_change(old, new) == [f"spec.volumeAttributesClassName: Forbidden: {text}"]
