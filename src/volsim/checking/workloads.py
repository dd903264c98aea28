"""What a manifest says of a workload: what it is called, its pods, their volumes and claims.

>>> template = {"spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}}
>>> deployment = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": template}}
>>> ref(deployment), claims_of(deployment)
('Deployment/web', ['data'])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.objects import LabelSelector, LabelSelectorRequirement

__all__ = [
    "WORKLOADS",
    "Manifest",
    "claims_of",
    "ref",
    "selectors_of",
    "template_of",
    "volumes_of",
]

Manifest = dict[str, Any]
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "Pod")

BY_HAND = "cronjob.kubernetes.io/instantiate"
"""The annotation of a job that is a run of a CronJob out of its turn. Source: kubectl, cmd/create/create_job.go."""


def ref(manifest: Manifest) -> str:
    """How the object is called: ``KIND/NAMESPACE/NAME``, or ``KIND/NAME`` for what has no namespace."""
    meta = manifest["metadata"]
    name = meta.get("name") or f"{meta.get('generateName', '')}*"
    return "/".join(filter(None, (manifest["kind"], meta.get("namespace"), name)))


def template_of(manifest: Manifest) -> Manifest:
    """The pod (or pod template) of a workload."""
    if manifest["kind"] == "Pod":
        return manifest
    spec = manifest.get("spec") or {}
    if manifest["kind"] == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template") or {}


def volumes_of(manifest: Manifest) -> list[Manifest]:
    """The volumes of a workload's pods."""
    return list((template_of(manifest).get("spec") or {}).get("volumes") or [])


def claims_of(workload: Manifest) -> list[str]:
    """The names of the claims of a workload's pods; those that its templates make end with a star."""
    named = [volume.get("persistentVolumeClaim") for volume in volumes_of(workload)]
    found = [claim["claimName"] for claim in named if claim]
    templates = (workload.get("spec") or {}).get("volumeClaimTemplates") or []
    return found + [f"{each['metadata']['name']}-{workload['metadata']['name']}-*" for each in templates]


def selectors_of(manifest: Manifest) -> Iterator[tuple[str | None, LabelSelector]]:
    """Which pods an object chooses by their labels."""
    namespace, spec = manifest["metadata"].get("namespace"), manifest.get("spec") or {}
    if manifest["kind"] == "PodDisruptionBudget" and spec.get("selector") is not None:
        yield namespace, _selector(spec["selector"])  # an empty one selects all pods of the namespace
    if manifest["kind"] in WORKLOADS:
        affinity = (template_of(manifest).get("spec") or {}).get("affinity") or {}
        for sort in ("podAffinity", "podAntiAffinity"):
            for term in (affinity.get(sort) or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or []:
                if term.get("labelSelector"):
                    yield namespace, _selector(term["labelSelector"])


def _selector(manifest: Manifest) -> LabelSelector:
    expressions = manifest.get("matchExpressions") or []
    return LabelSelector(
        match_labels=manifest.get("matchLabels") or {},
        match_expressions=tuple(
            LabelSelectorRequirement(key=each["key"], operator=each["operator"], values=tuple(each.get("values") or ()))
            for each in expressions
        ),
    )


def claim_specs(manifest: Manifest) -> list[Manifest]:
    """The specs of the claims that an object is, or that are made for its pods; the class may stand in an annotation.

    >>> claim_specs({"kind": "PersistentVolumeClaim", "metadata": {}, "spec": {"storageClassName": "fast"}})
    [{'storageClassName': 'fast'}]
    """
    if manifest["kind"] == "PersistentVolumeClaim":
        return [_with_class(manifest)]
    if manifest["kind"] not in WORKLOADS:
        return []
    templates = (manifest.get("spec") or {}).get("volumeClaimTemplates") or []
    ephemeral = [volume["ephemeral"]["volumeClaimTemplate"] for volume in volumes_of(manifest) if "ephemeral" in volume]
    return [_with_class(template) for template in (*templates, *ephemeral)]


_CLASS = "volume.beta.kubernetes.io/storage-class"
"""It counts before `storageClassName`. Source: component-helpers, GetPersistentVolumeClaimClass."""


def _with_class(claim: Manifest) -> Manifest:
    spec: Manifest = claim.get("spec") or {}
    annotations = (claim.get("metadata") or {}).get("annotations") or {}
    return {**spec, "storageClassName": annotations[_CLASS]} if _CLASS in annotations else spec
