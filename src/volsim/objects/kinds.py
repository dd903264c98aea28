"""Which kinds there are, and every way in which kubectl lets one name them.

Source: kubectl, cmd/get and the RESTMapper of cli-runtime (short names, plurals, `deployments.apps`).
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import Final

from volsim.errors import NotFound, VolsimError, did_you_mean
from volsim.objects import cluster, pods, storage, workloads
from volsim.objects.claims import PersistentVolumeClaim
from volsim.objects.meta import Object

__all__ = ["KINDS", "find_kind", "group_of", "parse_ref", "resolve_kind"]

_CLASSES: tuple[type[Object], ...] = (
    pods.Pod,
    storage.PersistentVolume,
    PersistentVolumeClaim,
    storage.StorageClass,
    storage.VolumeAttachment,
    storage.VolumeAttributesClass,
    storage.CSIDriver,
    storage.CSINode,
    storage.CSIStorageCapacity,
    workloads.Deployment,
    workloads.ReplicaSet,
    workloads.ReplicationController,
    workloads.StatefulSet,
    workloads.DaemonSet,
    workloads.Job,
    workloads.CronJob,
    workloads.PodDisruptionBudget,
    workloads.ControllerRevision,
    cluster.Node,
    cluster.Namespace,
    cluster.Event,
    cluster.ConfigMap,
    cluster.Secret,
    cluster.Service,
    cluster.ServiceAccount,
    cluster.PriorityClass,
    cluster.Lease,
    cluster.LimitRange,
    cluster.ResourceQuota,
)

KINDS: Final = MappingProxyType({cls.KIND: cls for cls in _CLASSES})
"""Every modelled kind, by its name in a manifest."""


def group_of(api_version: str) -> str:
    """The API group of an `apiVersion`; empty for the core group.

    >>> group_of("apps/v1"), group_of("v1")
    ('apps', '')
    """
    return api_version.rpartition("/")[0]


@cache
def _by_word() -> dict[str, type[Object]]:
    words: dict[str, type[Object]] = {}
    for cls in _CLASSES:
        for word in (cls.KIND.lower(), cls.PLURAL, cls.SINGULAR, *cls.SHORT_NAMES):
            words[word] = cls
    return words


def find_kind(word: str) -> type[Object] | None:
    """The class that a kind, plural, singular or short name means, in any case; None if there is none.

    A group or version behind dots must be the kind's own: `deployments.apps`, `deployments.v1.apps`.
    """
    resource, _, group = word.lower().partition(".")
    cls = _by_word().get(resource)
    if cls is None or not group:
        return cls
    version, _, rest = group.partition(".")
    return cls if group == cls.GROUP or (version.startswith("v") and rest == cls.GROUP) else None


def resolve_kind(word: str) -> type[Object]:
    """The class that a word means, or `NotFound` in kubectl's words with a remedy.

    >>> resolve_kind("deploy").__name__, resolve_kind("PVC").__name__, resolve_kind("deployments.apps").__name__
    ('Deployment', 'PersistentVolumeClaim', 'Deployment')
    >>> resolve_kind("deploymnet")
    Traceback (most recent call last):
        ...
    volsim.errors.NotFound: the server doesn't have a resource type "deploymnet"; did you mean 'deployment'?
    """
    cls = find_kind(word)
    if cls is not None:
        return cls
    remedy = did_you_mean(word.lower(), _by_word())
    raise NotFound(f'the server doesn\'t have a resource type "{word}"' + (f"; {remedy}" if remedy else ""))


def parse_ref(ref: str) -> tuple[type[Object], str]:
    """The class and name of an address such as `pv/nfs-pv`.

    Raises `NotFound` for an unknown kind and `VolsimError` for a text that is no address.

    >>> cls, name = parse_ref("pv/nfs-pv")
    >>> cls.__name__, name
    ('PersistentVolume', 'nfs-pv')
    """
    word, slash, name = ref.partition("/")
    if not slash or not word or not name or "/" in name:
        raise VolsimError(
            f"'{ref}' is no address of an object; write KIND/NAME, for example 'pod/mysql-0' or 'pv/nfs-pv'"
        )
    return resolve_kind(word), name
