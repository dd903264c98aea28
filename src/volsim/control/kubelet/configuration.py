"""Kubelet: what configMap, secret, downwardAPI and projected volumes contain.

Modelled: keys and items, optional and missing ones, modes, projections of several sources (the last wins), the layout
of an atomic writer (``..data`` links) that a container sees.
Not modelled: updates of a mounted volume, tokens that a real API server would accept, trust bundles.
Source: kubelet, pkg/volume/{configmap,secret,downwardapi,projected}, pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from volsim.objects import ConfigMap, FrozenDict, Pod, Secret, Volume
from volsim.state import View
from volsim.storage.tree import Directory, File, Symlink

__all__ = ["MountError", "configuration", "field_value"]

Files = dict[str, tuple[bytes, int]]
"""Path -> (content, mode)."""


class MountError(Exception):
    """A volume cannot be set up; the text is what the kubelet says of it."""


def configuration(view: View, pod: Pod, volume: Volume, now_us: int) -> Directory:
    """The directory of a configuration volume. Raises `MountError` in the kubelet's words."""
    files: Files = {}
    if volume.config_map is not None:
        source = volume.config_map
        data = _config_map(view, pod, source.name or "", bool(source.optional))
        _choose(files, data, source.items, source.default_mode, bool(source.optional), "configmap")
    elif volume.secret is not None:
        secret = volume.secret
        data = _secret(view, pod, secret.secret_name or "", bool(secret.optional))
        _choose(files, data, secret.items, secret.default_mode, bool(secret.optional), "secret")
    elif volume.downward_api is not None:
        _downward(files, pod, volume.downward_api.items, volume.downward_api.default_mode)
    elif volume.projected is not None:
        for each in volume.projected.sources:
            _project(files, view, pod, each, volume.projected.default_mode)
    return _laid_out(files, now_us)


def _project(files: Files, view: View, pod: Pod, source: Any, mode: int | None) -> None:
    if source.config_map is not None:
        optional = bool(source.config_map.optional)
        data = _config_map(view, pod, source.config_map.name or "", optional)
        _choose(files, data, source.config_map.items, mode, optional, "configmap")
    if source.secret is not None:
        optional = bool(source.secret.optional)
        data = _secret(view, pod, source.secret.name or "", optional)
        _choose(files, data, source.secret.items, mode, optional, "secret")
    if source.downward_api is not None:
        _downward(files, pod, source.downward_api.items, mode)
    if source.service_account_token is not None:
        token = f"token of {pod.metadata.namespace}/{pod.spec.service_account_name or 'default'}"
        files[source.service_account_token.path or "token"] = (token.encode(), 0o644 if mode is None else mode)


def _config_map(view: View, pod: Pod, name: str, optional: bool) -> Mapping[str, bytes]:
    found: ConfigMap | None = view.get("configmaps", f"{pod.metadata.namespace}/{name}")
    if found is None:
        if optional:
            return {}
        raise MountError(f'configmap "{name}" not found')
    binary = {key: b64decode(value) for key, value in found.binary_data.items()}
    return {**{key: value.encode() for key, value in found.data.items()}, **binary}


def _secret(view: View, pod: Pod, name: str, optional: bool) -> Mapping[str, bytes]:
    found: Secret | None = view.get("secrets", f"{pod.metadata.namespace}/{name}")
    if found is None:
        if optional:
            return {}
        raise MountError(f'secret "{name}" not found')
    plain = {key: value.encode() for key, value in found.string_data.items()}
    return {**{key: b64decode(value) for key, value in found.data.items()}, **plain}


def _choose(
    files: Files, data: Mapping[str, bytes], items: Iterable[Any], mode: int | None, optional: bool, what: str
) -> None:
    usual = 0o644 if mode is None else mode
    chosen = tuple(items)
    if not chosen:
        files.update({key: (data[key], usual) for key in sorted(data)})
    for item in chosen:
        if item.key in data:
            files[item.path] = (data[item.key], usual if item.mode is None else item.mode)
        elif not optional:
            text = f"config key: {item.key}" if what == "configmap" else f"secret key: {item.key}"
            raise MountError(f"{'configmap ' if what == 'configmap' else ''}references non-existent {text}")


def _downward(files: Files, pod: Pod, items: Iterable[Any], mode: int | None) -> None:
    for item in items:
        text = field_value(pod, item.field_ref.field_path) if item.field_ref is not None else ""
        usual = 0o644 if mode is None else mode
        files[item.path] = (text.encode(), usual if item.mode is None else item.mode)


def field_value(pod: Pod, path: str | None, *, address: str = "") -> str:
    """What a `fieldRef` says of the pod; an empty text for what it does not have.

    >>> from volsim.objects import ObjectMeta, Pod
    >>> field_value(Pod(metadata=ObjectMeta(name="web", labels={"app": "x"})), "metadata.labels['app']")
    'x'
    """
    meta, path = pod.metadata, path or ""
    if path.startswith(("metadata.labels[", "metadata.annotations[")):
        which = meta.labels if path.startswith("metadata.labels") else meta.annotations
        return which.get(path.partition("['")[2].removesuffix("']"), "")
    plain: dict[str, str | None] = {
        "metadata.name": meta.name,
        "metadata.namespace": meta.namespace,
        "metadata.uid": meta.uid,
        "metadata.labels": "\n".join(f'{key}="{value}"' for key, value in sorted(meta.labels.items())),
        "metadata.annotations": "\n".join(f'{key}="{value}"' for key, value in sorted(meta.annotations.items())),
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.podIP": pod.status.pod_ip or address,
        "status.hostIP": pod.status.host_ip,
    }
    return plain.get(path) or ""


def _laid_out(files: Files, now_us: int) -> Directory:
    """The files as an atomic writer leaves them: in a directory of their own, behind the link ``..data``."""
    generation = f"..{now_us}"
    content = Directory(mode=0o755)
    top: dict[str, Any] = {}
    for path, (data, mode) in files.items():
        parts = [part for part in path.split("/") if part]
        content = _with(content, parts, File(data=data, mode=mode))
        top[parts[0]] = Symlink(target=f"..data/{parts[0]}")
    entries: dict[str, Any] = {generation: content, "..data": Symlink(target=generation), **top}
    return Directory(entries=FrozenDict(entries), mode=0o777)


def _with(directory: Directory, parts: list[str], file: File) -> Directory:
    first, *rest = parts
    if rest:
        inner = directory.entries.get(first)
        node: Any = _with(inner if isinstance(inner, Directory) else Directory(mode=0o755), rest, file)
    else:
        node = file
    return directory.replace(entries={**directory.entries, first: node})
