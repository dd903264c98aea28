"""What a design leaves open, and what stands in for it: nodes, classes, configuration, programs; each is said.

>>> volume = {"name": "v", "secret": {"secretName": "s"}}
>>> pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"volumes": [volume]}}
>>> made = MadeUp([pod], [])
>>> made.configuration()
>>> made.assumed, [each["kind"] for each in made.objects]
(['secret/s: is there'], ['Pod', 'Secret'])
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volsim.checking.dumps import without_history
from volsim.checking.marks import SCRATCH
from volsim.checking.nodes import ZONE, counted, labelled, labels_asked
from volsim.checking.provisioners import (
    DRIVER,
    IN_TREE,
    LOCAL,
    SHARES,
    is_local,
    is_on_a_node,
    is_on_a_server,
    stand_in,
)
from volsim.checking.scratch import no_value
from volsim.checking.workloads import BY_HAND, WORKLOADS, Manifest, claim_specs, ref, template_of
from volsim.engine.cluster import node_objects
from volsim.errors import VolsimError
from volsim.objects.kinds import find_kind
from volsim.programs.images import image_for
from volsim.rules import Rules

__all__ = ["MADE_UP", "MadeUp", "configuration_of"]

MADE_UP = "volsim.dev/made-up"
"""The annotation of configuration that nobody has defined."""

_UNKNOWABLE = ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle")
_FSTYPE = "csi.storage.k8s.io/fstype"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class MadeUp:
    """The objects of a design, and what was added to them."""

    def __init__(self, objects: list[Manifest], assumed: list[str]) -> None:
        self.objects, self.assumed = objects, assumed

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The objects of some kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def nodes(self, given: Any) -> tuple[tuple[Any, ...], bool]:
        """The nodes that are given, else those of the manifests, else some; and whether nobody described them."""
        own = self.of_kind("Node")
        self.objects = [each for each in self.objects if each["kind"] != "Node"]
        if given is None and own:
            return tuple(own), False
        if given is not None and (isinstance(given, bool) or not isinstance(given, int)):
            found = tuple(node_objects(given, Rules()))
            if not found:
                raise VolsimError(f"nodes={given!r}: a design needs at least one node to run on")
            return found, False
        made, asked = counted(given, self.objects), labels_asked(self.objects)
        if given is None:
            names = ", ".join(node.metadata.name or "" for node in made)
            where = "" if len(asked.get(ZONE, ())) > 1 else " in one zone,"
            self.assumed.append(f"nodes: {names}{where} with room for everything")
        if asked:
            labels = ", ".join(f"{key}={value}" for key, values in asked.items() for value in values)
            self.assumed.append(f"nodes: have the labels that are asked for ({labels})")
        return labelled(made, self.objects), True

    def namespaces(self) -> None:
        """Give each object its namespace, and make those that are missing."""
        there = {each["metadata"].get("name") for each in self.of_kind("Namespace")}
        there |= {"default", "kube-system", "kube-public", "kube-node-lease"}
        for manifest in self.objects:
            kind = find_kind(manifest["kind"])
            if kind is not None and kind.NAMESPACED:
                manifest["metadata"].setdefault("namespace", "default")
            manifest.pop("status", None) if manifest["kind"] in WORKLOADS else None
        for name in sorted({each["metadata"].get("namespace", "default") for each in self.objects} - there):
            self.objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
            self.assumed.append(f"namespace/{name}: is there")

    def provisioners(self) -> None:
        """Let a CSI driver that needs no attaching stand for external provisioners that are no CSI drivers."""
        for manifest in self.of_kind("StorageClass"):
            name = manifest.get("provisioner") or ""
            where = "each of its volumes is on the disk of one node" if is_on_a_node(name) else ""
            if (other := stand_in(name)) != name:
                manifest["provisioner"] = other
                where = f"a CSI driver stands for it ({other})" + (f"; {where}" if where else "")
            if where:
                self.assumed.append(f"provisioner {name}: {where}")

    def classes(self) -> None:
        """Make the storage classes that claims name and nobody has defined."""
        there = {each["metadata"].get("name") for each in self.of_kind("StorageClass")}
        static = {each["spec"].get("storageClassName", "") for each in self.of_kind("PersistentVolume")}
        annotations = [each["metadata"].get("annotations") or {} for each in self.of_kind("StorageClass")]
        has_default = any(each.get(_DEFAULT_CLASS) == "true" for each in annotations)
        wanted: dict[str | None, list[Manifest]] = {}
        for spec in (spec for each in self.objects for spec in claim_specs(each)):
            wanted.setdefault(spec.get("storageClassName"), []).append(spec)
        for name in sorted(name for name in wanted if name and name not in there | static):
            self._make_class(name, wanted[name])
        if None in wanted and not has_default and not static & {"", None}:
            self._make_class("standard", wanted[None], default=True)

    def _make_class(self, name: str, specs: list[Manifest], *, default: bool = False) -> None:
        annotations = {"annotations": {_DEFAULT_CLASS: "true"}} if default else {}
        driver, by = DRIVER, "a CSI driver that attaches its disks"
        if is_on_a_server(name) or any(map(_is_for_many, specs)):
            driver, by = SHARES, "a CSI driver of a file server"
        elif is_local(name):
            driver, by = LOCAL, "a CSI driver whose volumes are each on the disk of one node"
        self.objects.append(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, **annotations},
                "provisioner": driver,
                "volumeBindingMode": "WaitForFirstConsumer",
            }
        )
        what = "the default, provisioned" if default else "provisioned"
        self.assumed.append(f"storageclass/{name}: {what} by {by} ({driver})")

    def file_systems(self) -> None:
        """Let classes of disks that do not say it have ext4: most drivers' provisioners are told to make that."""
        for manifest in self.of_kind("StorageClass"):
            name, parameters = manifest.get("provisioner") or "", manifest.get("parameters") or {}
            asks = any(key.lower() in ("fstype", _FSTYPE) for key in parameters)
            if not asks and not name.startswith(IN_TREE) and not is_on_a_server(name):
                manifest["parameters"] = {**parameters, _FSTYPE: "ext4"}

    def programs(self) -> None:
        """Let what cannot be known go well: init containers, probes, hooks, the commands of unknown images."""
        ended, asked, served = set(), set(), set()
        for workload in self.of_kind(*WORKLOADS):
            spec = template_of(workload).get("spec") or {}
            for container in spec.get("initContainers") or []:
                if container.get("restartPolicy") != "Always":
                    container |= {"command": ["true"], "args": []}
                    ended.add(container.get("name") or "")
            for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
                found = [name for name in _UNKNOWABLE if container.pop(name, None)]
                asked.update([container.get("name") or ""] if found else [])
            for container in spec.get("containers") or []:
                if not image_for(container.get("image") or "").known and (
                    container.get("command") or container.get("args")
                ):
                    container |= {"command": [], "args": []}
                    served.add(container.get("name") or "")
        if ended:
            self.assumed.append(f"init containers {', '.join(sorted(ended))}: end well, whatever they run")
        if served:
            self.assumed.append(f"containers {', '.join(sorted(served))}: run as servers, whatever their command does")
        if asked:
            self.assumed.append(f"probes and hooks of {', '.join(sorted(asked))}: succeed")

    def names(self) -> None:
        """Call what only says how its name begins after that."""
        for manifest in self.objects:
            meta = manifest["metadata"]
            if not meta.get("name") and meta.get("generateName"):
                meta["name"] = f"{meta.pop('generateName')}1"

    def schedules(self) -> None:
        """Let a CronJob run once, as a job of its name: what it does each day it does the first time."""
        for manifest in self.of_kind("CronJob"):
            meta, spec = manifest["metadata"], manifest.get("spec") or {}
            if spec.get("suspend"):
                self.objects = [each for each in self.objects if each is not manifest]
                self.assumed.append(f"cronjob/{meta.get('name')}: is suspended, and runs nothing")
                continue
            self.assumed.append(f"cronjob/{meta.get('name')}: runs once, at the start, as a job")
            template = spec.get("jobTemplate") or {}
            manifest |= {"apiVersion": "batch/v1", "kind": "Job", "spec": template.get("spec") or {}}
            meta["annotations"] = {**(meta.get("annotations") or {}), BY_HAND: "manual"}

    def history(self) -> None:
        """Take what a dump of a cluster says of its past out of it."""
        self.objects, said = without_history(self.objects)
        self.assumed += said

    def scratch(self) -> None:
        """Say of volumes that hold nothing of value that they do: temporary ones, and what a driver has on a server."""
        for workload in self.of_kind(*WORKLOADS):
            template = template_of(workload)
            spec = template.get("spec") or {}
            for volume in spec.get("volumes") or []:
                if why := no_value(volume, spec):
                    annotations = template.setdefault("metadata", {}).setdefault("annotations", {})
                    annotations[SCRATCH] = ",".join(filter(None, (annotations.get(SCRATCH), volume["name"])))
                    self.assumed.append(f"volume {volume['name']} of {ref(workload)}: {why}")

    def configuration(self) -> None:
        """Make the ConfigMaps, Secrets and PriorityClasses that pods name and nobody has defined."""
        there = {ref(each) for each in self.objects}
        wanted: dict[tuple[str, str, str], set[str]] = {}
        for workload in self.of_kind(*WORKLOADS):
            namespace = workload["metadata"].get("namespace", "default")
            spec = template_of(workload).get("spec") or {}
            for kind, name, key in configuration_of(spec):
                wanted.setdefault((kind, namespace, name), set()).update([key] if key else [])
            priority = spec.get("priorityClassName")
            if priority and not priority.startswith("system-") and f"PriorityClass/{priority}" not in there:
                wanted.setdefault(("PriorityClass", "", priority), set())
        for (kind, namespace, name), keys in sorted(wanted.items()):
            if "/".join(filter(None, (kind, namespace, name))) in there:
                continue
            meta = {"name": name, "annotations": {MADE_UP: "true"}}
            made: Manifest = {"apiVersion": "v1", "kind": kind, "metadata": meta}
            if kind == "PriorityClass":
                made |= {"apiVersion": "scheduling.k8s.io/v1", "value": 0}
            else:
                made["metadata"]["namespace"] = namespace
                made["data" if kind == "ConfigMap" else "stringData"] = dict.fromkeys(sorted(keys), "made up")
            self.objects.append(made)
            with_keys = f", with {', '.join(sorted(keys))}" if keys else ""
            self.assumed.append(f"{kind.lower()}/{name}: is there{with_keys}")


def _is_for_many(claim: Manifest) -> bool:
    """Whether a claim is for files that several nodes reach at once."""
    modes = claim.get("accessModes") or []
    return claim.get("volumeMode") != "Block" and bool({"ReadWriteMany", "ReadOnlyMany"} & set(modes))


def configuration_of(spec: Manifest) -> Iterator[tuple[str, str, str]]:
    """(kind, name, key) of the configuration that a pod needs; the key may be empty."""
    sources = [source for volume in spec.get("volumes") or [] for source in _sources(volume)]
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for each in container.get("envFrom") or []:
            sources += [(sort, each[sort]) for sort in ("configMapRef", "secretRef") if sort in each]
        for each in container.get("env") or []:
            value = each.get("valueFrom") or {}
            sources += [(sort, value[sort]) for sort in ("configMapKeyRef", "secretKeyRef") if sort in value]
    for sort, source in sources:
        name = source.get("name") or source.get("secretName")
        if not name or source.get("optional"):
            continue
        kind = "ConfigMap" if sort.startswith("configMap") else "Secret"
        keys = [each["key"] for each in source.get("items") or []] or [source.get("key", "")]
        for key in keys:
            yield kind, name, key


def _sources(volume: Manifest) -> Iterator[tuple[str, Manifest]]:
    for sort in ("configMap", "secret"):
        if volume.get(sort):
            yield sort, volume[sort]
    for each in (volume.get("projected") or {}).get("sources") or []:
        for sort in ("configMap", "secret"):
            if each.get(sort):
                yield sort, each[sort]
