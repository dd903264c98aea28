"""Which kinds, fields and types Kubernetes has, and had since 1.15.

The facts lie in `schema.json.gz`, which `tools/build_schema.py` builds from published API descriptions.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from volsim import objects
from volsim.errors import did_you_mean
from volsim.objects import KINDS, Object, Record

__all__ = [
    "FieldFact",
    "KindFact",
    "existed_before",
    "fields_of",
    "is_kubernetes_group",
    "kind_fact",
    "kind_of_client_class",
    "known_version",
    "model_of",
    "record_for",
    "simple_name",
    "time_fields",
    "unknown_kind",
]

_MODEL = re.compile(r"^[A-Za-z]*?V\d+(?:(?:alpha|beta)\d+)?([A-Z]\w*)$")

# What there was before 1.15, the oldest version that volsim knows field by field.
_FIRST_KINDS = frozenset(
    [
        "Binding",
        "ContainerManifest",
        "ContainerManifestList",
        "Endpoints",
        "Event",
        "LimitRange",
        "List",
        "Minion",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "PodTemplate",
        "ReplicationController",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
        "Status",
        "Build",
        "BuildConfig",
        "Deployment",
        "ImageRepository",
        "Template",
        "Route",
    ]
)
_EARLY: dict[str, frozenset[str]] = {
    "v1beta1": _FIRST_KINDS,
    "v1beta2": _FIRST_KINDS,
    "v1beta3": _FIRST_KINDS,
    "apps/v1alpha1": frozenset({"PetSet"}),
    "autoscaling/v2alpha1": frozenset({"HorizontalPodAutoscaler"}),
    "batch/v2alpha1": frozenset({"CronJob", "Job", "JobTemplate", "ScheduledJob"}),
    "certificates.k8s.io/v1alpha1": frozenset({"CertificateSigningRequest"}),
    "extensions/v1beta1": frozenset({"HorizontalPodAutoscaler", "Job", "Scale", "ThirdPartyResource"}),
    "policy/v1alpha1": frozenset({"Eviction", "PodDisruptionBudget"}),
    "storage.k8s.io/v1beta1": frozenset({"StorageClass"}),
}


class FieldFact(NamedTuple):
    """The type of a field (`str`, `list:core.v1.Volume`, …) and its first and last version, empty if it always was."""

    type: str
    first: str = ""
    last: str = ""


class KindFact(NamedTuple):
    """The type of a kind in one apiVersion, its plural, whether it has a namespace, and its last version."""

    type: str
    plural: str
    namespaced: bool
    last: str


@cache
def _facts() -> dict[str, Any]:
    packed = resources.files("volsim.manifests").joinpath("schema.json.gz").read_bytes()
    facts: dict[str, Any] = json.loads(gzip.decompress(packed))
    return facts


@cache
def fields_of(type_name: str) -> dict[str, FieldFact] | None:
    """The fields of an API type by their names in a manifest; None for a type that is not known."""
    fields = _facts()["types"].get(type_name)
    return None if fields is None else {name: FieldFact(*fact.split("|")) for name, fact in fields.items()}


def kind_fact(api_version: str, kind: str) -> KindFact | None:
    """What is known of a kind in an apiVersion, None if Kubernetes never had it since 1.15."""
    found = _facts()["kinds"].get(api_version, {}).get(kind)
    return None if found is None else KindFact(*found)


def existed_before(api_version: str, kind: str) -> bool:
    """Whether that kind was in that apiVersion before 1.15 (lists included)."""
    kinds = _EARLY.get(api_version, frozenset())
    return kind in kinds or kind.removesuffix("List") in kinds


@cache
def is_kubernetes_group(group: str) -> bool:
    """Whether the group is one of Kubernetes' own, so that its versions and kinds are all known."""
    return any(version.rpartition("/")[0] == group for version in _facts()["kinds"]) or "." not in group


def unknown_kind(api_version: str, kind: str) -> str:
    """Why there is no such kind in that apiVersion, and where there is."""
    kinds = _facts()["kinds"]
    homes = [version for version in kinds if kind in kinds[version]]
    if homes:
        best = max(homes, key=lambda version: (kinds[version][kind][3] == "1.36", _stability(version)))
        return f"there is no kind '{kind}' in '{api_version}'; it is in '{best}'"
    if api_version not in kinds and api_version not in _EARLY:
        return f"there is no apiVersion '{api_version}'; {did_you_mean(api_version, kinds) or _usual()}"
    known = {name for entries in kinds.values() for name in entries}
    return f"there is no kind '{kind}' in '{api_version}'; {did_you_mean(kind, known) or _custom()}"


def _usual() -> str:
    return "the usual ones are 'v1', 'apps/v1', 'batch/v1', 'storage.k8s.io/v1'"


def _custom() -> str:
    return "a kind of your own needs a group of its own, such as 'example.com/v1'"


def _stability(api_version: str) -> tuple[int, str]:
    version = api_version.rpartition("/")[2]
    return (0 if "alpha" in version else 1 if "beta" in version else 2), version


def simple_name(type_name: str) -> str:
    """`core.v1.PodSpec` and `AppsV1beta1DeploymentSpec` without group and version."""
    found = _MODEL.match(type_name)
    return found[1] if found else type_name.rpartition(".")[2]


@cache
def record_for(type_name: str) -> type[Record] | None:
    """The record that models an API type, None if it is not modelled."""
    if "." not in type_name and not _MODEL.match(type_name):
        return None
    found = getattr(objects, simple_name(type_name), None)
    return found if isinstance(found, type) and issubclass(found, Record) and found is not Object else None


def model_of(api_version: str, kind: str) -> type[Object] | None:
    """The class of a top-level kind, if volsim models it under this apiVersion's group."""
    cls = KINDS.get(kind)
    return cls if cls is not None and api_version.rpartition("/")[0] in (cls.GROUP, "extensions") else None


@cache
def time_fields(cls: type) -> dict[str, str]:
    """The fields of a record that hold points in time, by name in a manifest: `Time`, `MicroTime` or `map:Time`."""
    names = [name for name in _facts()["types"] if "." in name and record_for(name) is cls]
    return {
        field: fact.type
        for name in names
        for field, fact in (fields_of(name) or {}).items()
        if fact.type.removeprefix("map:") in ("Time", "MicroTime")
    }


def kind_of_client_class(name: str) -> tuple[str, str] | None:
    """apiVersion and kind of a class of the Python client, from its name (`V1Pod`, `AppsV1beta1Deployment`)."""
    simple = simple_name(name)
    version = name[: len(name) - len(simple)].rpartition("V")[2].lower()
    homes = [
        api_version
        for api_version, kinds in _facts()["kinds"].items()
        if simple in kinds and api_version.rpartition("/")[2] == f"v{version}"
    ]
    modelled = [api_version for api_version in homes if model_of(api_version, simple)]
    found = modelled or homes
    return (found[0], simple) if found else None


def known_version(api_version: str) -> bool:
    """Whether Kubernetes has, or since 1.15 had, this apiVersion at all."""
    return api_version in _facts()["kinds"]
