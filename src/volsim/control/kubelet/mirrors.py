"""Kubelet: which pods are static ones, and which are only their mirrors in the API.

Source: kubelet, pkg/kubelet/types/{constants,pod_update}.go (IsStaticPod, IsMirrorPod).
"""

from __future__ import annotations

from volsim.objects import Pod

__all__ = ["HASH", "MIRROR", "SEEN", "SOURCE", "is_mirror", "is_static", "runtime_uid"]

HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"
SEEN = "kubernetes.io/config.seen"
SOURCE = "kubernetes.io/config.source"


def is_static(pod: Pod) -> bool:
    """Whether a kubelet has made the pod from a file: its uid is then the hash of that.

    >>> is_static(Pod())
    False
    """
    return pod.metadata.uid is not None and pod.metadata.annotations.get(HASH) == pod.metadata.uid


def is_mirror(pod: Pod) -> bool:
    """Whether the pod only shows in the API what a kubelet runs anyway."""
    return MIRROR in pod.metadata.annotations


def runtime_uid(pod: Pod) -> str:
    """The uid by which the kubelet knows what runs of the pod: of a mirror pod, that of the static pod.

    >>> from volsim.objects import ObjectMeta
    >>> runtime_uid(Pod(metadata=ObjectMeta(name="web", uid="756b")))
    '756b'
    """
    return pod.metadata.annotations.get(MIRROR) or pod.metadata.uid or ""
