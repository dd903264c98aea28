"""From objects back to manifests: the shape of Kubernetes' JSON, without loss of anything that was given."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

from volsim.errors import VolsimError
from volsim.manifests import schema
from volsim.manifests.times import parse_time, timestamp
from volsim.objects import GenericObject, Object, ObjectMeta, Record, camel
from volsim.quantity import Quantity

__all__ = ["plain", "to_manifest"]

_LAST = {"spec": 1, "status": 2}  # everything else stands between metadata and these


def to_manifest(obj: Object) -> dict[str, Any]:
    """The object as Kubernetes' JSON: camelCase, times in RFC 3339, quantities as given, status included.

    Nothing in it is null; what was given empty stays as it was given.

    >>> from volsim.manifests import load
    >>> to_manifest(load({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"hostIPC": True}})[0])
    {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'a'}, 'spec': {'hostIPC': True}}
    """
    if not isinstance(obj, Object):
        raise VolsimError(f"a {type(obj).__name__} is no object of the API; give one that load() or get() returned")
    shown: dict[str, Any] = {"apiVersion": obj.api_version, "kind": obj.kind}
    if isinstance(obj, GenericObject):
        body = {"metadata": _record(obj.metadata), **{name: _data(item) for name, item in obj.body.items()}}
    else:
        body = _record(obj)
        body.pop("apiVersion", None)
        body.pop("kind", None)
        if is_answer(obj.metadata):
            body |= {
                name: {} for name in ("spec", "status") if name not in body and getattr(obj, name, None) is not None
            }
    if not body.get("metadata") and "metadata" not in obj.carried:
        body.pop("metadata", None)
    else:
        shown["metadata"] = body.pop("metadata")
    return {**shown, **dict(sorted(body.items(), key=lambda item: _LAST.get(item[0], 0)))}


def is_answer(metadata: Any) -> bool:
    """Whether an object comes from an API server: it always shows spec and status, be they empty."""
    return (
        isinstance(metadata, ObjectMeta)
        and bool(metadata.uid and metadata.resource_version)
        and metadata.creation_timestamp is not None
    )


def plain(part: Any) -> Any:
    """Any part of an object as it stands in a manifest: a record, a mapping, a list, a text, a number.

    >>> from volsim.objects import NFSVolumeSource
    >>> plain(NFSVolumeSource(server="s", path="/x"))
    {'path': '/x', 'server': 's'}
    """
    return _data(part)


@cache
def _plan(cls: type) -> tuple[tuple[str, str, str, Any], ...]:
    """attribute, manifest name, kind of time (or empty) and default of each field."""
    times = schema.time_fields(cls)
    plan = []
    for field in attrs.fields(cls):
        if field.name in ("carried", "api_version") and (field.name == "carried" or issubclass(cls, Object)):
            continue
        name = camel(field.name)
        default: Any = field.default
        plan.append(
            (field.name, name, times.get(name, ""), default.factory() if hasattr(default, "factory") else default)
        )
    return tuple(plan)


def _record(record: Any) -> dict[str, Any]:
    carried: Mapping[str, Any] = record.carried
    shown: dict[str, Any] = {}
    for attribute, name, time, default in _plan(record.__class__):
        value = getattr(record, attribute)
        if value is None or (default is not None and value == default):
            if name in carried:
                shown[name] = _data(carried[name])
            continue
        if time:
            shown[name] = _time(value, carried.get(name), time)
        else:
            shown[name] = _data(value)
    for name, value in carried.items():
        if name not in shown:
            shown[name] = _data(value)
    return shown


def _time(value: Any, given: Any, kind: str) -> Any:
    """The time, or map of times, as it was given, if it was and still is the same; else as Kubernetes writes it."""
    if isinstance(value, Mapping):
        texts = given if isinstance(given, Mapping) else {}
        return {key: _time(item, texts.get(key), kind.removeprefix("map:")) for key, item in value.items()}
    if isinstance(given, str) and parse_time(given) == value:
        return given
    return timestamp(value, micro=kind == "MicroTime")


def _data(value: Any) -> Any:
    if isinstance(value, Quantity):
        return value.written
    if isinstance(value, Record):
        return _record(value)
    if isinstance(value, Mapping):
        return {key: _data(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_data(item) for item in value]
    return value
