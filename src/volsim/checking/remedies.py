"""Changes of a design that may help, tried out: what is said of them has been explored like the finding itself.

>>> deployment = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
>>> [(what, changed) for what, [changed] in changes("VS302", "Deployment/web", (deployment,))][0]
... # doctest: +NORMALIZE_WHITESPACE
('`strategy: {type: Recreate}` in Deployment/web',
 {'kind': 'Deployment', 'metadata': {'name': 'web'}, 'spec': {'replicas': 1, 'strategy': {'type': 'Recreate'}}})
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

from volsim.checking.kinds import KINDS
from volsim.checking.workloads import WORKLOADS, Manifest, ref, template_of, volumes_of

__all__ = ["changes", "helps"]

_SECONDS = 30
"""How long a pod tolerates a node that does not answer: long enough for a network that stutters."""
Change = Callable[[Manifest, str], bool]
"""Changes an object, given whom the finding is about; whether there was something to change."""


def changes(code: str, about: str, objects: tuple[Manifest, ...]) -> Iterator[tuple[str, tuple[Manifest, ...]]]:
    """What may help against a finding: in words, and the objects as they would be; the smallest change first."""
    for words, change in _CHANGES.get(code, ()):
        changed = deepcopy(objects)
        touched = [ref(each) for each in changed if change(each, about)]
        if touched:
            yield f"`{words}` in {', '.join(touched)}", changed


def helps(code: str, about: str) -> str:
    """What helps against a finding of a kind that is about a workload, in words.

    >>> helps("VS303", "Pod/default/web")
    'A Deployment, a StatefulSet or a Job that makes the pod anew.'
    """
    return _HELPS.get((code, about.partition("/")[0]), KINDS[code].helps)


_TAINTS = "Somebody who taints dead nodes with node.kubernetes.io/out-of-service (or deletes them)"
_HELPS = {
    ("VS302", "DaemonSet"): "Room on each node for the new pod: ports, disks and devices that nothing else may take.",
    ("VS302", "StatefulSet"): "A template with which the pod comes to run: the set waits for each of its pods. Once it "
    "is stuck, a better template is not enough: the pod has to be deleted, too.",
    ("VS303", "Pod"): "A Deployment, a StatefulSet or a Job that makes the pod anew.",
    ("VS303", "Deployment"): f"{_TAINTS}, by hand or by an operator; storage that several nodes reach at once.",
    ("VS303", "StatefulSet"): f"{_TAINTS}: an operator, a cloud's node controller, a person who is called. Until then "
    "the other replicas have to do.",
    ("VS501", "Pod"): "A Deployment, a StatefulSet or a Job that makes the pod anew elsewhere: then it may be evicted.",
}
"""What helps those of a kind in particular."""


def _recreate(manifest: Manifest, about: str) -> bool:
    if ref(manifest) != about or manifest["kind"] != "Deployment" or (manifest["spec"].get("replicas") or 1) > 1:
        return False
    manifest["spec"]["strategy"] = {"type": "Recreate"}
    return True


def _one_unavailable(manifest: Manifest, about: str) -> bool:
    if ref(manifest) != about or manifest["kind"] != "Deployment":
        return False
    manifest["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    return True


def _policy(policy: str) -> Change:
    def change(manifest: Manifest, _: str) -> bool:
        if manifest["kind"] != "StorageClass" or manifest.get("reclaimPolicy", "Delete") == policy:
            return False
        manifest["reclaimPolicy"] = policy
        return True

    return change


def _wait_for_consumer(manifest: Manifest, _: str) -> bool:
    if manifest["kind"] != "StorageClass" or manifest.get("volumeBindingMode", "Immediate") != "Immediate":
        return False
    manifest["volumeBindingMode"] = "WaitForFirstConsumer"
    return True


def _no_selector(manifest: Manifest, _: str) -> bool:
    return manifest["kind"] == "PersistentVolumeClaim" and manifest["spec"].pop("selector", None) is not None


def _make_directory(manifest: Manifest, about: str) -> bool:
    found = [each["hostPath"] for each in volumes_of(manifest) if "hostPath" in each] if ref(manifest) == about else []
    found = [each for each in found if each.get("type") == "Directory"]
    for each in found:
        each["type"] = "DirectoryOrCreate"
    return bool(found)


def _tolerate_shortly(manifest: Manifest, about: str) -> bool:
    if ref(manifest) != about or manifest["kind"] not in WORKLOADS:
        return False
    spec = template_of(manifest)["spec"]
    keys = [f"node.kubernetes.io/{name}" for name in ("not-ready", "unreachable")]
    others = [each for each in spec.get("tolerations") or [] if each.get("key") not in keys]
    toleration = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _SECONDS}
    spec["tolerations"] = [*others, *({"key": key, **toleration} for key in keys)]
    return True


def _budget_of_one(manifest: Manifest, _: str) -> bool:
    if manifest["kind"] != "PodDisruptionBudget":
        return False
    manifest["spec"].pop("minAvailable", None)
    manifest["spec"]["maxUnavailable"] = 1
    return True


def _remove_when_done(manifest: Manifest, _: str) -> bool:
    if manifest["kind"] != "Job" or "ttlSecondsAfterFinished" in manifest["spec"]:
        return False
    manifest["spec"]["ttlSecondsAfterFinished"] = 60
    return True


def _keep_claims(manifest: Manifest, about: str) -> bool:
    policy = manifest["spec"].get("persistentVolumeClaimRetentionPolicy") or {} if ref(manifest) == about else {}
    if policy.get("whenDeleted") != "Delete":
        return False
    policy["whenDeleted"] = "Retain"
    return True


def _volume_policy(policy: str) -> Change:
    def change(manifest: Manifest, _: str) -> bool:
        if manifest["kind"] != "PersistentVolume" or _policy_of(manifest) == policy:
            return False
        manifest["spec"]["persistentVolumeReclaimPolicy"] = policy
        return True

    return change


def _policy_of(volume: Manifest) -> str:
    return str(volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain")


def _grace(manifest: Manifest, about: str) -> bool:
    spec = template_of(manifest).get("spec") or {} if ref(manifest) == about else {}
    return bool(spec.pop("terminationGracePeriodSeconds", None) == 0)  # without it, there are 30 s


def _spread_if_possible(manifest: Manifest, about: str) -> bool:
    spec = template_of(manifest).get("spec") or {} if ref(manifest) == about else {}
    strict = [
        each for each in spec.get("topologySpreadConstraints") or [] if each.get("whenUnsatisfiable") == "DoNotSchedule"
    ]
    for each in strict:
        each["whenUnsatisfiable"] = "ScheduleAnyway"
    return bool(strict)


def _try_again(manifest: Manifest, about: str) -> bool:
    if ref(manifest) != about or manifest["kind"] != "Job" or manifest["spec"].get("backoffLimit") != 0:
        return False
    manifest["spec"]["backoffLimit"] = 6
    return True


_TOLERATE = f"tolerationSeconds: {_SECONDS} for node.kubernetes.io/not-ready and unreachable"
_CHANGES: dict[str, tuple[tuple[str, Change], ...]] = {
    "VS101": (
        ("whenDeleted: Retain", _keep_claims),
        ("persistentVolumeReclaimPolicy: Retain", _volume_policy("Retain")),
        ("reclaimPolicy: Retain", _policy("Retain")),
    ),
    "VS201": (("terminationGracePeriodSeconds: 30", _grace),),
    "VS301": (
        ("volumeBindingMode: WaitForFirstConsumer", _wait_for_consumer),
        ("no selector", _no_selector),
        ("hostPath: {type: DirectoryOrCreate}", _make_directory),
    ),
    "VS302": (
        ("strategy: {type: Recreate}", _recreate),
        ("maxSurge: 0, maxUnavailable: 1", _one_unavailable),
    ),
    "VS303": (
        ("backoffLimit: 6", _try_again),
        ("whenUnsatisfiable: ScheduleAnyway", _spread_if_possible),
        (_TOLERATE, _tolerate_shortly),
    ),
    "VS304": ((_TOLERATE, _tolerate_shortly),),
    "VS401": (
        ("reclaimPolicy: Delete", _policy("Delete")),
        ("persistentVolumeReclaimPolicy: Delete", _volume_policy("Delete")),
    ),
    "VS402": (("ttlSecondsAfterFinished: 60", _remove_when_done),),
    "VS501": (("maxUnavailable: 1", _budget_of_one),),
}
"""What may help against each kind, in words and as a change."""
