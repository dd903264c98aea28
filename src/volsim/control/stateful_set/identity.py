"""Who a pod of a stateful set is: its number, its name, its labels, and the claims that belong to the number.

Modelled: names by ordinal, hostname and subdomain, labels of identity and revision, volumes for the claim templates.
Not modelled: nothing of it.
Source: kube-controller-manager, pkg/controller/statefulset/stateful_set_utils.go.
"""

from __future__ import annotations

import re

from volsim.control.workload import pod_of, selector_of
from volsim.objects import (
    FrozenDict,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodTemplateSpec,
    StatefulSet,
    Volume,
)
from volsim.rules import Rules

__all__ = [
    "REVISION_LABEL",
    "claim_name",
    "claim_names",
    "claims_for",
    "has_identity",
    "has_storage",
    "is_member",
    "new_pod",
    "ordinal_of",
    "ordinals",
    "revision_of",
    "with_identity",
    "with_storage",
]

REVISION_LABEL = "controller-revision-hash"
NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
_NUMBERED = re.compile(r"(.*)-([0-9]+)$")


def _parts(name: str) -> tuple[str, int]:
    """The set's name and the ordinal in a pod's name; an empty text and -1 if it is no such name."""
    match = _NUMBERED.match(name)
    if match is None or int(match[2]) >= 2**31:
        return "", -1
    return match[1], int(match[2])


def ordinal_of(pod: Pod) -> int:
    """The number in a pod's name; -1 if there is none.

    >>> from volsim.objects import ObjectMeta
    >>> ordinal_of(Pod(metadata=ObjectMeta(name="web-12"))), ordinal_of(Pod(metadata=ObjectMeta(name="web")))
    (12, -1)
    """
    return _parts(pod.name)[1]


def is_member(stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether a pod has the name of one of the set's pods."""
    return _parts(pod.name)[0] == stateful_set.name


def ordinals(stateful_set: StatefulSet) -> range:
    """The numbers that the set's pods are to have."""
    given = stateful_set.spec.ordinals
    start = (given.start or 0) if given is not None else 0
    return range(start, start + (stateful_set.spec.replicas or 0))


def revision_of(pod: Pod) -> str:
    """The name of the revision that a pod was made from."""
    return pod.metadata.labels.get(REVISION_LABEL, "")


# -- claims ------------------------------------------------------------------------------------------------------------
def claim_name(stateful_set: StatefulSet, template: PersistentVolumeClaim, ordinal: int) -> str:
    """The name of the claim that a template makes for a number."""
    return f"{template.name}-{stateful_set.name}-{ordinal}"


def claim_names(stateful_set: StatefulSet, ordinal: int) -> dict[str, str]:
    """By template: the names of the claims of the pod with this number."""
    templates = stateful_set.spec.volume_claim_templates
    return {template.name: claim_name(stateful_set, template, ordinal) for template in templates}


def claims_for(stateful_set: StatefulSet, ordinal: int) -> dict[str, PersistentVolumeClaim]:
    """By template: the claims of the pod with this number, as they are made."""
    labels = selector_of(stateful_set).match_labels
    claims: dict[str, PersistentVolumeClaim] = {}
    for template in stateful_set.spec.volume_claim_templates:
        metadata = template.metadata.replace(
            name=claim_name(stateful_set, template, ordinal),
            namespace=stateful_set.metadata.namespace,
            labels=FrozenDict({**template.metadata.labels, **labels}),
        )
        claims[template.name] = template.replace(metadata=metadata)
    return claims


# -- pods --------------------------------------------------------------------------------------------------------------
def new_pod(stateful_set: StatefulSet, template: PodTemplateSpec, ordinal: int, revision: str, rules: Rules) -> Pod:
    """The pod with this number, made from the template of a revision."""
    name = f"{stateful_set.name}-{ordinal}"
    pod = with_identity(pod_of(template, stateful_set, name), rules)
    labels = FrozenDict({**pod.metadata.labels, REVISION_LABEL: revision})
    spec = pod.spec.replace(hostname=name, subdomain=stateful_set.spec.service_name or None)
    return with_storage(stateful_set, pod.replace(metadata=pod.metadata.replace(labels=labels), spec=spec))


def has_identity(pod: Pod) -> bool:
    """Whether a member of the set is labelled as such."""
    return pod.metadata.labels.get(NAME_LABEL) == pod.name


def with_identity(pod: Pod, rules: Rules) -> Pod:
    """The pod with the labels that say who it is."""
    labels = {**pod.metadata.labels, NAME_LABEL: pod.name}
    if rules.pod_index_label:
        labels[INDEX_LABEL] = str(ordinal_of(pod))
    return pod.replace(metadata=pod.metadata.replace(labels=FrozenDict(labels)))


def has_storage(stateful_set: StatefulSet, pod: Pod) -> bool:
    """Whether a pod uses the claims that its number has."""
    used = {volume.name: volume.persistent_volume_claim for volume in pod.spec.volumes}
    for template, name in claim_names(stateful_set, ordinal_of(pod)).items():
        source = used.get(template)
        if source is None or source.claim_name != name:
            return False
    return True


def with_storage(stateful_set: StatefulSet, pod: Pod) -> Pod:
    """The pod with a volume for each claim; a volume of the same name in the template gives way."""
    names = claim_names(stateful_set, ordinal_of(pod))
    mounted = tuple(
        Volume(name=template, persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name=name))
        for template, name in names.items()
    )
    others = tuple(volume for volume in pod.spec.volumes if volume.name not in names)
    return pod.replace(spec=pod.spec.replace(volumes=(*mounted, *others)))
