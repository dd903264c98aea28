"""Objects as a cluster gives them (`kubectl get -o yaml`), made into a design again.

What controllers have made is theirs to make; what was bound to each other there is bound to each other here, although
the uids are other ones.

>>> owner = {"kind": "ReplicaSet", "name": "web-5d", "uid": "1", "controller": True}
>>> pod = {"kind": "Pod", "metadata": {"name": "web-5d-x", "namespace": "a", "ownerReferences": [owner]}}
>>> replica_set = {"kind": "ReplicaSet", "metadata": {"name": "web-5d", "namespace": "a"}}
>>> without_history([replica_set, pod]) == ([replica_set], ["pod/web-5d-x: is for its ReplicaSet to make"])
True
"""

from __future__ import annotations

from collections.abc import Iterator

from volsim.checking.workloads import Manifest

__all__ = ["without_history"]

_OF_BINDING = (
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
)
"""Annotations by which controllers remember what they have done."""
_STATIC = "static"
"""The class of which a volume is made that had none and is not among the objects."""

Name = tuple[str, str, str]
"""Kind, namespace and name."""


def without_history(objects: list[Manifest]) -> tuple[list[Manifest], list[str]]:
    """The objects that somebody has written, changed in place, and what was done to them."""
    there = {_name(each): each for each in objects}
    said = []
    kept = []
    for manifest in objects:
        owner = _controller(manifest)
        if owner is not None and (owner["kind"], _name(manifest)[1], owner["name"]) in there:
            name = manifest["metadata"].get("name")
            said.append(f"{manifest['kind'].lower()}/{name}: is for its {owner['kind']} to make")
            continue
        kept.append(manifest)
        if manifest["kind"] == "PersistentVolumeClaim":
            said += _forget_binding(manifest, there)
    return kept, said


def _name(manifest: Manifest) -> Name:
    meta = manifest["metadata"]
    return manifest["kind"], meta.get("namespace") or "", meta.get("name") or ""


def _controller(manifest: Manifest) -> Manifest | None:
    owners = manifest["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def _forget_binding(claim: Manifest, there: dict[Name, Manifest]) -> Iterator[str]:
    """Let a claim that was bound be bound again: to its volume, or to one like it."""
    meta, spec = claim["metadata"], claim.get("spec") or {}
    if (claim.get("status") or {}).get("phase") != "Bound" or not spec.get("volumeName"):
        return
    annotations = meta.get("annotations") or {}
    for key in _OF_BINDING:
        annotations.pop(key, None)
    volume = there.get(("PersistentVolume", "", spec["volumeName"]))
    if volume is None:
        name = spec.pop("volumeName")
        yield f"pvc/{meta.get('name')}: its volume {name} is not among the objects; one like it is made"
        spec["storageClassName"] = spec.get("storageClassName") or _STATIC
        return
    bound = volume["spec"].get("claimRef") or {}
    if bound.get("uid") == meta.get("uid") and (bound.get("namespace"), bound.get("name")) == _name(claim)[1:]:
        bound.pop("uid", None)
        bound.pop("resourceVersion", None)
