"""Controller revisions: the versions of its template that a StatefulSet or a DaemonSet has had.

Modelled: one revision for each version, its number that grows when a version comes back, names by hash with collisions,
adoption of orphaned revisions, the data in the form in which `kubectl rollout` reads it.
Not modelled: comparison of revisions that another version of Kubernetes has written.
Source: kube-controller-manager, pkg/controller/history/controller_history.go; daemon/update.go (constructHistory).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from volsim.apiserver.writes import Create, Delete, Update, Write
from volsim.control.workload import claim, controller_ref, template_hash
from volsim.manifests import from_manifest
from volsim.manifests.writing import plain
from volsim.objects import ControllerRevision, ObjectMeta, PodTemplateSpec, frozen_json
from volsim.state import View
from volsim.state.fingerprint import remembered

__all__ = ["History", "history_of", "template_of", "truncated"]

_NAME_LETTERS = 223  # so that a dash and a hash still fit into a name


class History(NamedTuple):
    """The revisions of a workload, what its present template is among them, and the writes that make it so."""

    revisions: tuple[ControllerRevision, ...]
    """All that were there before, from old to new."""
    update: ControllerRevision
    """The revision of the present template."""
    collisions: int
    writes: tuple[Write, ...]


def history_of(view: View, owner: Any, hash_label: str, annotations: Mapping[str, str] | None = None) -> History:
    """The history of a workload, with a revision for its present template.

    A new revision carries its hash in `hash_label` and gets these annotations. An owner that is being deleted makes
    none.
    """
    claimed = claim(view, owner, "controllerrevisions")
    revisions = sorted(claimed.mine, key=_order)
    writes = list(claimed.writes)
    data = _data(owner.spec.template)
    number = revisions[-1].revision or 0 if revisions else 0
    equal = [each for each in revisions if each.data == data]
    collisions = owner.status.collision_count or 0
    if equal and equal[-1] is revisions[-1]:
        update = equal[-1]
    elif equal:
        update = equal[-1].replace(revision=number + 1)
        writes.append(Update(update))
    else:
        while view.get("controllerrevisions", _key(owner, collisions)) is not None:
            collisions += 1
        update = _new(owner, data, number + 1, collisions, hash_label, annotations or {})
        if owner.metadata.deletion_timestamp is None:
            writes.append(Create(update))
    return History(tuple(revisions), update, collisions, tuple(writes))


def _order(revision: ControllerRevision) -> tuple[int, int, str]:
    return revision.revision or 0, revision.metadata.creation_timestamp or 0, revision.name


def _name(owner: Any, collisions: int) -> str:
    return f"{owner.name[:_NAME_LETTERS]}-{template_hash(owner.spec.template, collisions)}"


def _key(owner: Any, collisions: int) -> str:
    return f"{owner.metadata.namespace}/{_name(owner, collisions)}"


def _new(
    owner: Any, data: Any, number: int, collisions: int, hash_label: str, annotations: Mapping[str, str]
) -> ControllerRevision:
    hashed = template_hash(owner.spec.template, collisions)
    return ControllerRevision(
        metadata=ObjectMeta(
            name=_name(owner, collisions),
            namespace=owner.metadata.namespace,
            annotations=dict(annotations),
            labels={**owner.spec.template.metadata.labels, hash_label: hashed},
            owner_references=(controller_ref(owner),),
        ),
        data=data,
        revision=number,
    )


@remembered
def _data(template: PodTemplateSpec) -> Any:
    """The patch that brings a template back: `kubectl rollout undo` applies it."""
    return frozen_json({"spec": {"template": {**plain(template), "$patch": "replace"}}})


def template_of(revision: ControllerRevision) -> PodTemplateSpec:
    """The template that a revision holds.

    >>> from volsim.objects import Container, PodSpec
    >>> template = PodTemplateSpec(spec=PodSpec(containers=(Container(name="c", image="nginx"),)))
    >>> template_of(ControllerRevision(data=_data(template))) == template
    True
    """
    given = {key: value for key, value in revision.data["spec"]["template"].items() if key != "$patch"}
    made: Any = from_manifest({"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"template": given}})
    template: PodTemplateSpec = made.spec.template
    return template


def truncated(history: History, live: Sequence[str | None], limit: int | None) -> list[Write]:
    """The deletions of the oldest revisions that nothing lives on, until no more are left than may be kept."""
    kept = {*live, history.update.name}
    old = [each for each in history.revisions if each.name not in kept]
    surplus = len(old) - limit if limit is not None and limit >= 0 else 0
    return [Delete("controllerrevisions", each.key, uid=each.metadata.uid) for each in old[: max(surplus, 0)]]
