"""Kubelet: what configMap, secret, downwardAPI and projected volumes contain.

Modelled: keys and items, optional and missing ones, modes, projections of several sources (the last wins), the layout
of an atomic writer (``..data`` links) that a container sees, and how it swaps all files at once; the certificate of
the cluster, which is found in every namespace though its ConfigMap ``kube-root-ca.crt`` is not shown there.
Not modelled: tokens that a real API server would accept, trust bundles, certificates.
Source: kubelet, pkg/volume/{configmap,secret,downwardapi,projected}, pkg/volume/util/atomic_writer.go.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from volsim.control.kubelet.places import MountError
from volsim.manifests import timestamp
from volsim.objects import ConfigMap, FrozenDict, Pod, Secret, Volume
from volsim.state import View
from volsim.storage.tree import Directory, File, Symlink

__all__ = ["MountError", "configuration", "field_value", "is_final", "resource_value"]

_ROOT_CA = "kube-root-ca.crt"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nthe certificate of the cluster\n-----END CERTIFICATE-----\n"

Files = dict[str, tuple[bytes, int]]
"""Path -> (content, mode)."""


def configuration(
    view: View, pod: Pod, volume: Volume, now_us: int, *, address: str = "", before: Directory | None = None
) -> Directory:
    """The directory of a configuration volume; `before` itself if nothing in it has changed.

    Raises `MountError` in the kubelet's words.
    """
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
        _downward(files, view, pod, volume.downward_api, volume.downward_api.default_mode, address)
    elif volume.projected is not None:
        _project_all(files, view, pod, volume.projected, address)
    if before is not None and _contents(before) == _as_owned(files, pod):
        return before
    mode = 0o777 if volume.config_map is not None else 0o1777  # on the disk, or in memory
    return _laid_out(files, now_us, mode, [*_mount_points(pod, volume.name), *_kept(before)])


def is_final(view: View, pod: Pod, volume: Volume) -> bool:
    """Whether all that a volume is made of is immutable, so that it is never looked at again."""
    parts = volume.projected.sources if volume.projected is not None else (volume,)
    return bool(parts) and all(_is_immutable(view, pod, part) for part in parts)


def _is_immutable(view: View, pod: Pod, part: Any) -> bool:
    namespace = pod.metadata.namespace
    if part.config_map is not None:
        found = view.get("configmaps", f"{namespace}/{part.config_map.name}")
    elif part.secret is not None:
        found = view.get("secrets", f"{namespace}/{getattr(part.secret, 'secret_name', None) or part.secret.name}")
    else:
        return False
    return found is not None and bool(found.immutable)


def _project_all(files: Files, view: View, pod: Pod, projected: Any, address: str) -> None:
    """All sources of a projected volume, the last one winning. Raises `MountError` for all that are wrong."""
    errors: dict[str, None] = {}
    for each in projected.sources:
        try:
            _project(files, view, pod, each, projected.default_mode, address)
        except MountError as error:
            errors[str(error)] = None
    if errors:
        raise MountError(next(iter(errors)) if len(errors) == 1 else f"[{', '.join(errors)}]")


def _project(files: Files, view: View, pod: Pod, source: Any, mode: int | None, address: str) -> None:
    if source.config_map is not None:
        optional = bool(source.config_map.optional)
        data = _config_map(view, pod, source.config_map.name or "", optional)
        _choose(files, data, source.config_map.items, mode, optional, "configmap")
    if source.secret is not None:
        optional = bool(source.secret.optional)
        data = _secret(view, pod, source.secret.name or "", optional)
        _choose(files, data, source.secret.items, mode, optional, "secret")
    if source.downward_api is not None:
        _downward(files, view, pod, source.downward_api, mode, address)
    if source.service_account_token is not None:
        token = f"token of {pod.metadata.namespace}/{pod.spec.service_account_name or 'default'}"
        files[source.service_account_token.path or "token"] = (token.encode(), 0o644 if mode is None else mode)


def _config_map(view: View, pod: Pod, name: str, optional: bool) -> Mapping[str, bytes]:
    found: ConfigMap | None = view.get("configmaps", f"{pod.metadata.namespace}/{name}")
    if found is None:
        if name == _ROOT_CA and view.rules.root_ca_is_published:
            return {"ca.crt": _CERTIFICATE}
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


def _downward(files: Files, view: View, pod: Pod, source: Any, mode: int | None, address: str) -> None:
    for item in source.items:
        if item.field_ref is not None:
            text = field_value(pod, item.field_ref.field_path, address=address)
        else:
            text = resource_value(view, pod, item.resource_field_ref)
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
        "metadata.annotations": "\n".join(f'{key}="{value}"' for key, value in sorted(_annotations(pod).items())),
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.podIP": pod.status.pod_ip or address,
        "status.hostIP": pod.status.host_ip,
    }
    return plain.get(path) or ""


def resource_value(view: View, pod: Pod, ref: Any, container: str | None = None) -> str:
    """What a `resourceFieldRef` says of a container: in whole units of its divisor, rounded up.

    A limit that is not set is what the node has. `container` is whose environment it is, if it names none.
    """
    name = ref.container_name or container
    spec = next((each for each in (*pod.spec.containers, *pod.spec.init_containers) if each.name == name), None)
    kind, _, resource = (ref.resource or "").partition(".")
    amounts = getattr(spec.resources, kind) if spec is not None and spec.resources is not None else {}
    amount = amounts.get(resource)
    node = view.nodes.get(pod.spec.node_name or "")
    if amount is None and kind == "limits" and node is not None:
        amount = node.status.allocatable.get(resource)
    divisor = ref.divisor.nano if ref.divisor is not None and ref.divisor.nano else 10**9
    return str(-(-(amount.nano if amount is not None else 0) // divisor))


def _annotations(pod: Pod) -> dict[str, str]:
    """A pod's annotations as its kubelet has them: with where and when it heard of the pod."""
    seen = timestamp(pod.metadata.creation_timestamp or 0, micro=True).removesuffix("Z") + "000Z"
    own = {"kubernetes.io/config.source": "api", "kubernetes.io/config.seen": seen}
    return {**pod.metadata.annotations, **own}


def _laid_out(files: Files, now_us: int, mode: int, others: Iterable[tuple[str, Directory]]) -> Directory:
    """The files as an atomic writer leaves them: in a directory of their own, behind the link ``..data``."""
    generation = _generation(now_us)
    content = Directory(mode=0o755, mtime_us=now_us)
    top: dict[str, Any] = dict(others)
    for path, (data, its_mode) in files.items():
        parts = [part for part in path.split("/") if part]
        content = _with(content, parts, File(data=data, mode=its_mode, mtime_us=now_us))
        top[parts[0]] = Symlink(target=f"..data/{parts[0]}")
    entries: dict[str, Any] = {generation: content, "..data": Symlink(target=generation), **top}
    return Directory(entries=FrozenDict(entries), mode=mode, mtime_us=now_us)


def _generation(now_us: int) -> str:
    """The name of the directory of one generation of files: when it was made.

    >>> _generation(1_500_000)[-15:]
    '00_01.500000000'
    """
    moment = timestamp(now_us).removesuffix("Z")
    return f"..{moment.replace('-', '_').replace('T', '_').replace(':', '_')}.{now_us % 1_000_000:06}000"


def _as_owned(files: Files, pod: Pod) -> Files:
    """The files as they are when the pod's group has got them."""
    security = pod.spec.security_context
    if security is None or security.fs_group is None:
        return files
    return {path: (data, mode | 0o440) for path, (data, mode) in files.items()}


def _contents(root: Directory) -> Files:
    """The files of the present generation, by path."""
    link = root.entries.get("..data")
    generation = root.entries.get(link.target) if isinstance(link, Symlink) else None
    found: Files = {}
    if isinstance(generation, Directory):
        for path, file in _walk(generation, ""):
            found[path] = (file.data, file.mode)
    return found


def _walk(directory: Directory, above: str) -> Iterator[tuple[str, File]]:
    for name, node in directory.entries.items():
        if isinstance(node, File):
            yield f"{above}{name}", node
        elif isinstance(node, Directory):
            yield from _walk(node, f"{above}{name}/")


def _mount_points(pod: Pod, name: str | None) -> Iterable[tuple[str, Any]]:
    """The directories over which a container mounts other volumes inside this one: the volume itself is read-only."""
    root = Directory()
    for spec in (*pod.spec.init_containers, *pod.spec.containers):
        for mount in spec.volume_mounts:
            outer = (mount.mount_path or "").rstrip("/")
            for other in spec.volume_mounts if mount.name == name and not mount.sub_path else ():
                inner = (other.mount_path or "").rstrip("/")
                if inner.startswith(f"{outer}/"):
                    root = _with_directory(root, inner[len(outer) + 1 :].split("/"))
    return root.entries.items()


def _with_directory(root: Directory, parts: list[str]) -> Directory:
    first, *rest = parts
    inner = root.entries.get(first)
    node = inner if isinstance(inner, Directory) else Directory()
    return root.replace(entries=FrozenDict({**root.entries, first: _with_directory(node, rest) if rest else node}))


def _kept(before: Directory | None) -> Iterator[tuple[str, Directory]]:
    """What stands beside the files of a volume, and stays when they are swapped."""
    for name, node in before.entries.items() if before is not None else ():
        if isinstance(node, Directory) and not name.startswith(".."):
            yield name, node


def _with(directory: Directory, parts: list[str], file: File) -> Directory:
    first, *rest = parts
    if rest:
        inner = directory.entries.get(first)
        node: Any = _with(inner if isinstance(inner, Directory) else Directory(mode=0o755), rest, file)
    else:
        node = file
    return directory.replace(entries={**directory.entries, first: node})
