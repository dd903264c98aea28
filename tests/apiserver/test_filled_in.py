"""What the API server fills in or drops before it looks whether an object is right.

Source: kube-apiserver, pkg/apis/core/v1/defaults.go; pkg/api/pod/util.go; plugin/pkg/admission.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.manifests import Manifest, accept, container, pod, refusal, volume


def stored(manifest: Manifest, ref: str, version: str = "1.36") -> Any:
    """The object as the API server keeps it."""
    return accept(manifest, version).get(ref)


def test_an_empty_text_says_nothing() -> None:
    kept = stored(pod(restartPolicy="", containers=[container(imagePullPolicy="")]), "pod/data")
    assert kept.spec.restart_policy == "Always"
    assert kept.spec.containers[0].image_pull_policy == "IfNotPresent"
    assert stored(volume(persistentVolumeReclaimPolicy=""), "pv/data").spec.persistent_volume_reclaim_policy == "Retain"


def test_but_where_the_api_tells_empty_from_not_given() -> None:
    assert refusal(volume(volumeMode="")) == [
        'spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"'
    ]


def test_a_service_sends_to_the_port_that_it_has() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
    for given in ({}, {"targetPort": 0}, {"targetPort": ""}):
        kept = stored({**service, "spec": {"ports": [{"port": 80, **given}]}}, "svc/web")
        assert kept.spec.ports[0].target_port == 80


def test_a_secret_is_opaque() -> None:
    assert stored({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}, "secret/s").type == "Opaque"


def test_what_shows_a_field_of_the_pod_shows_it_as_v1_has_it() -> None:
    ref = {"fieldRef": {"fieldPath": "metadata.name"}}
    env = [{"name": "ME", "valueFrom": ref}, {"name": "X", "value": "x"}]
    volumes: list[Manifest] = [
        {"name": "a", "downwardAPI": {"items": [{"path": "a", **ref}]}},
        {"name": "b", "projected": {"sources": [{"downwardAPI": {"items": [{"path": "b", **ref}]}}]}},
    ]
    spec = stored(pod(containers=[container(env=env)], volumes=volumes), "pod/data").spec
    one, two = (each for each in spec.volumes if each.name in "ab")
    found = (
        spec.containers[0].env[0].value_from,
        one.downward_api.items[0],
        two.projected.sources[0].downward_api.items[0],
    )
    assert {each.field_ref.api_version for each in found} == {"v1"}


def test_a_token_is_good_for_an_hour() -> None:
    token = {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    spec = stored(pod(volumes=[token], serviceAccountName="default"), "pod/data").spec
    assert spec.volumes[0].projected.sources[0].service_account_token.expiration_seconds == 3600


@pytest.mark.parametrize(
    ("image", "policy"), [("data", "Always"), ("data:latest", "Always"), ("data:1", "IfNotPresent")]
)
def test_the_newest_image_is_always_pulled(image: str, policy: str) -> None:
    spec = stored(pod(volumes=[{"name": "data", "image": {"reference": image}}]), "pod/data").spec
    assert spec.volumes[0].image.pull_policy == policy


def test_a_hook_asks_for_the_root() -> None:
    hook = {"httpGet": {"port": 80}}
    spec = stored(
        pod(containers=[container(lifecycle={"preStop": hook, "postStart": {"exec": {"command": ["true"]}}})]),
        "pod/data",
    ).spec
    get = spec.containers[0].lifecycle.pre_stop.http_get
    assert (get.path, get.scheme) == ("/", "HTTP")


def test_all_pods_tolerate_bad_nodes_for_a_while_whatever_is_changed() -> None:
    simulation = accept(pod())
    before: Any = simulation.get("pod/data")
    simulation.apply(pod(tolerations=[{"key": "a", "operator": "Exists"}]))
    after: Any = simulation.get("pod/data")
    assert len(after.spec.tolerations) == len(before.spec.tolerations) + 1


def test_a_pod_keeps_its_priority_when_it_is_replaced() -> None:
    simulation = accept(pod())
    simulation.replace(pod(containers=[container(image="nginx:1.28")]))
    kept: Any = simulation.get("pod/data")
    assert (kept.spec.priority, kept.spec.preemption_policy) == (0, "PreemptLowerPriority")


@pytest.mark.parametrize(
    ("version", "given", "field"),
    [
        ("1.33", {"resources": {"requests": {"cpu": "1"}}}, "resources"),
        ("1.34", {"hostnameOverride": "web"}, "hostname_override"),
        ("1.32", {"hostUsers": False}, "host_users"),
    ],
)
def test_a_version_drops_what_it_does_not_know(version: str, given: Manifest, field: str) -> None:
    assert getattr(stored(pod(**given), "pod/data", version).spec, field) is None
    assert getattr(stored(pod(**given), "pod/data").spec, field) is not None


def test_a_driver_makes_persistent_volumes() -> None:
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "disk.csi.example.com"}}
    assert stored(driver, "csidriver/disk.csi.example.com").spec.volume_lifecycle_modes == ("Persistent",)
