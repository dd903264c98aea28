"""Patches of manifests: JSON merge patch (RFC 7396), JSON patch (RFC 6902), strategic merge patch, and kubectl's apply.

Source: apimachinery, pkg/util/strategicpatch and pkg/util/jsonmergepatch; the merge keys are those that the API's types
declare (`patchMergeKey`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from volsim.errors import Invalid, VolsimError

__all__ = ["LAST_APPLIED", "apply_patch", "json_patch", "merge_patch", "strategic_patch", "three_way"]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""The annotation in which `kubectl apply` keeps what it was given."""

Json = Any

_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "env": "name",
    "ports": "containerPort",
    "conditions": "type",
    "ownerReferences": "uid",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "addresses": "type",
}
_SET_LISTS = frozenset({"finalizers"})  # lists of plain values that merge as sets
_PATCH_TYPES = ("merge", "json", "strategic")


def merge_patch(target: Json, patch: Json) -> Json:
    """`target` changed by a JSON merge patch: maps merge, null removes, everything else replaces.

    >>> merge_patch({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": None}})
    {'a': 1, 'b': {'d': 3}}
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_patch(target: Json, patch: Json, field: str = "") -> Json:
    """`target` changed by a strategic merge patch: lists of known merge keys merge by element.

    >>> target = {"containers": [{"name": "a", "image": "x"}, {"name": "b"}]}
    >>> strategic_patch(target, {"containers": [{"name": "a", "image": "y"}]})
    {'containers': [{'name': 'a', 'image': 'y'}, {'name': 'b'}]}
    """
    if isinstance(patch, Mapping):
        if patch.get("$patch") == "replace":
            return {key: value for key, value in patch.items() if key != "$patch"}
        merged = dict(target) if isinstance(target, Mapping) else {}
        for key, value in patch.items():
            if key.startswith("$"):
                continue
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = strategic_patch(merged.get(key), value, key)
        return merged
    if isinstance(patch, list) and isinstance(target, list):
        if field in _SET_LISTS:
            return target + [item for item in patch if item not in target]
        merge_key = _MERGE_KEYS.get(field)
        if merge_key is not None and all(isinstance(item, Mapping) for item in patch):
            return _merge_elements(target, patch, merge_key)
    return patch


def _merge_elements(target: list[Json], patch: list[Json], merge_key: str) -> list[Json]:
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    merged = list(target)
    for item in patch:
        places = [at for at, old in enumerate(merged) if old.get(merge_key) == item.get(merge_key)]
        if item.get("$patch") == "delete":
            for at in reversed(places):
                del merged[at]
        elif places:
            merged[places[0]] = strategic_patch(merged[places[0]], item)
        else:
            merged.append(item)
    return merged


def json_patch(target: Json, operations: Json) -> Json:
    """`target` changed by a JSON patch. Raises `Invalid` if an operation cannot be done.

    >>> json_patch({"a": [1, 2]}, [{"op": "add", "path": "/a/-", "value": 3}, {"op": "remove", "path": "/a/0"}])
    {'a': [2, 3]}
    """
    import jsonpatch

    try:
        return jsonpatch.apply_patch(target, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError) as error:
        raise Invalid(f"the server rejected our request due to an error in our request: {error}") from None


def apply_patch(target: Json, patch: Json, type: str) -> Json:  # noqa: A002 - kubectl's word
    """`target` changed by `patch` of the given type: `merge`, `json` or `strategic`."""
    if isinstance(patch, str):
        try:
            patch = json.loads(patch)
        except json.JSONDecodeError as error:
            raise VolsimError(f"the patch is no JSON: {error}") from None
    match type:
        case "merge":
            return merge_patch(target, patch)
        case "strategic":
            return strategic_patch(target, patch)
        case "json":
            return json_patch(target, patch)
    raise VolsimError(f"--type must be one of {list(_PATCH_TYPES)}, not {type!r}")


def three_way(live: Json, given: Json, last: Json) -> Json:
    """What `kubectl apply` makes of the live object: what was given, minus what was given last time and is not now.

    >>> three_way({"a": 1, "b": 2, "server": 3}, {"a": 5}, {"a": 1, "b": 2})
    {'a': 5, 'server': 3}
    """
    return strategic_patch(_without(live, last, given), given)


def _without(live: Json, last: Json, given: Json) -> Json:
    """`live` without what stood in `last` and does not stand in `given`."""
    kept = dict(live)
    for key, value in last.items():
        if key not in given:
            kept.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(given[key], Mapping) and isinstance(kept.get(key), Mapping):
            kept[key] = _without(kept[key], value, given[key])
    return kept
