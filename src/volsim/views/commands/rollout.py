"""`kubectl rollout`: status, restart, history, undo, pause, resume.

Source: kubectl, pkg/cmd/rollout and pkg/polymorphichelpers (rollout_status.go, history.go, rollback.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from volsim.errors import LimitExceeded, NotFound, VolsimError
from volsim.manifests import from_manifest, to_manifest
from volsim.objects import DaemonSet, Deployment, Object, StatefulSet
from volsim.views.arguments import Flag
from volsim.views.commands.changes import announce, start_dry_run, table_ref
from volsim.views.commands.command import FILES, OUTPUT, SELECTORS, WRITES, Command, usage_error
from volsim.views.describers.pods import describe_template
from volsim.views.describers.workloads import revision_of
from volsim.views.resources import targets
from volsim.views.session import Session, server_error
from volsim.views.sheet import Sheet
from volsim.views.tables import aligned

__all__ = ["ROLLOUT"]

PATIENCE = "1h"  # a real client watches for ever
PAUSED = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
CAUSE = "kubernetes.io/change-cause"
HASH = "pod-template-hash"


class Progress(NamedTuple):
    """How far a rollout is: what to say, and whether it is done."""

    text: str
    done: bool = False


# -- status ------------------------------------------------------------------------------------------------------------
def _status(session: Session) -> None:
    """Say how far rollouts are, and let time pass until they are done."""
    for obj in _workloads(session):
        try:
            _watch(session, obj)
        except VolsimError as error:
            session.failed(server_error(error))


def _watch(session: Session, obj: Object) -> None:
    """Print each new state of a rollout until it is done, or the timeout is over."""
    limit = session.flags["timeout"] or PATIENCE
    said: list[str] = []

    def moved(sim: Any) -> bool:
        progress = _progress(session, obj)
        if progress.text not in said[-1:]:
            said.append(progress.text)
            session.say(progress.text)
        return progress.done or not session.flags["watch"]

    try:
        session.sim.run(until=moved, limit=limit)
    except LimitExceeded:
        if session.flags["timeout"]:
            raise VolsimError("error: timed out waiting for the condition") from None
        raise VolsimError(
            f"error: the rollout is not done after {PATIENCE} of simulated time; a real kubectl would go on waiting"
        ) from None


def _progress(session: Session, obj: Object) -> Progress:
    now = session.get(obj)
    if now is None:
        raise VolsimError("error: object has been deleted")
    match now:
        case Deployment():
            return _deployment(now)
        case StatefulSet():
            return _stateful_set(now)
        case DaemonSet():
            return _daemon_set(now)
    raise VolsimError(f"error: no status viewer has been implemented for {now.kind}")


def _deployment(obj: Deployment) -> Progress:
    spec, status = obj.spec, obj.status
    if (obj.metadata.generation or 0) > (status.observed_generation or 0):
        return Progress("Waiting for deployment spec update to be observed...")
    if any(each.type == "Progressing" and each.reason == "ProgressDeadlineExceeded" for each in status.conditions):
        raise VolsimError(f'error: deployment "{obj.name}" exceeded its progress deadline')
    updated, total, available = status.updated_replicas or 0, status.replicas or 0, status.available_replicas or 0
    wanted = spec.replicas if spec.replicas is not None else 1
    waiting = f'Waiting for deployment "{obj.name}" rollout to finish: '
    if updated < wanted:
        return Progress(f"{waiting}{updated} out of {wanted} new replicas have been updated...")
    if total > updated:
        return Progress(f"{waiting}{total - updated} old replicas are pending termination...")
    if available < updated:
        return Progress(f"{waiting}{available} of {updated} updated replicas are available...")
    return Progress(f'deployment "{obj.name}" successfully rolled out', done=True)


def _only_rolling(obj: StatefulSet | DaemonSet) -> None:
    strategy = obj.spec.update_strategy
    if strategy is not None and strategy.type not in (None, "RollingUpdate"):
        raise VolsimError("error: rollout status is only available for RollingUpdate strategy type")


def _stateful_set(obj: StatefulSet) -> Progress:
    _only_rolling(obj)
    status, wanted = obj.status, obj.spec.replicas if obj.spec.replicas is not None else 1
    seen = status.observed_generation or 0
    if not seen or (obj.metadata.generation or 0) > seen:
        return Progress("Waiting for statefulset spec update to be observed...")
    if (status.ready_replicas or 0) < wanted:
        return Progress(f"Waiting for {wanted - (status.ready_replicas or 0)} pods to be ready...")
    updated = status.updated_replicas or 0
    rolling = obj.spec.update_strategy.rolling_update if obj.spec.update_strategy is not None else None
    partition = rolling.partition if rolling is not None else None
    part = wanted - (partition or 0)  # there always is one: the API server fills in 0
    if updated < part:
        return Progress(
            f"Waiting for partitioned roll out to finish: {updated} out of {part} new pods have been updated..."
        )
    return Progress(f"partitioned roll out complete: {updated} new pods have been updated...", done=True)


def _daemon_set(obj: DaemonSet) -> Progress:
    _only_rolling(obj)
    status = obj.status
    if (obj.metadata.generation or 0) > (status.observed_generation or 0):
        return Progress("Waiting for daemon set spec update to be observed...")
    wanted = status.desired_number_scheduled or 0
    waiting = f'Waiting for daemon set "{obj.name}" rollout to finish: '
    if (status.updated_number_scheduled or 0) < wanted:
        return Progress(
            f"{waiting}{status.updated_number_scheduled or 0} out of {wanted} new pods have been updated..."
        )
    if (status.number_available or 0) < wanted:
        return Progress(f"{waiting}{status.number_available or 0} of {wanted} updated pods are available...")
    return Progress(f'daemon set "{obj.name}" successfully rolled out', done=True)


# -- restart, pause, resume --------------------------------------------------------------------------------------------
def _restart(session: Session) -> None:
    start_dry_run(session)
    for obj in _workloads(session):
        ref, namespace = table_ref(session, obj)
        try:
            if isinstance(obj, Deployment) and obj.spec.paused:
                raise VolsimError("error: can't restart paused deployment (run rollout resume first)")
            announce(session, session.sim.rollout_restart(ref, namespace), "restarted")
        except VolsimError as error:
            session.failed(server_error(error))


def _pause(session: Session) -> None:
    _set_paused(session, paused=True)


def _resume(session: Session) -> None:
    _set_paused(session, paused=False)


def _set_paused(session: Session, *, paused: bool) -> None:
    word = "paused" if paused else "resumed"
    start_dry_run(session)
    for obj in _workloads(session):
        if not isinstance(obj, Deployment):
            doing = "pausing" if paused else "resuming"
            session.failed(VolsimError(f'error: {session.table(obj)}.apps "{obj.name}" {doing} is not supported'))
        elif bool(obj.spec.paused) is paused:
            state = "is already paused" if paused else "is not paused"
            session.failed(VolsimError(f'error: deployments.apps "{obj.name}" {state}'))
        else:
            ref, namespace = table_ref(session, obj)
            announce(session, session.sim.patch(ref, {"spec": {"paused": paused or None}}, namespace), word)


# -- history and undo --------------------------------------------------------------------------------------------------
def revisions(session: Session, obj: Object) -> dict[int, Any]:
    """What holds the template of each past rollout: replica sets, or controller revisions."""
    table = "replicasets" if isinstance(obj, Deployment) else "controllerrevisions"
    found = {}
    for each in session.sim.state.table(table).values():
        if any(owner.controller and owner.uid == obj.metadata.uid for owner in each.metadata.owner_references):
            found[revision_of(each) if table == "replicasets" else each.revision or 0] = each
    return dict(sorted(found.items()))


def _history(session: Session) -> None:
    for obj in _workloads(session):
        found = revisions(session, obj)
        session.say(f"{type(obj).KIND.lower()}.apps/{obj.name} ")
        wanted: int = session.flags["revision"]
        if not found:
            session.say("No rollout history found.")
        elif wanted:
            _one_revision(session, found, wanted)
        else:
            rows = ["REVISION\tCHANGE-CAUSE"]
            rows += [f"{number}\t{each.metadata.annotations.get(CAUSE, '<none>')}" for number, each in found.items()]
            session.write(aligned(rows, minimum=0, padding=2))
            session.say("")


def _one_revision(session: Session, found: Mapping[int, Any], wanted: int) -> None:
    holder = found.get(wanted)
    if holder is None:
        raise VolsimError("error: unable to find the specified revision")
    sheet = Sheet(session.look)
    if hasattr(holder, "spec"):
        describe_template(sheet, holder.spec.template)
    else:
        spec = {"template": _template(holder)}
        stand_in: Any = from_manifest({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {}, "spec": spec})
        describe_template(sheet, stand_in.spec.template)
    session.write(sheet.text())


def _undo(session: Session) -> None:
    start_dry_run(session)
    for obj in _workloads(session):
        try:
            _undo_one(session, obj)
        except VolsimError as error:
            session.failed(server_error(error))


def _undo_one(session: Session, obj: Any) -> None:
    found = revisions(session, obj)
    wanted: int = session.flags["to-revision"]
    if wanted == 0 and len(found) < 2:
        raise VolsimError(f'error: no rollout history found for {type(obj).KIND.lower()} "{obj.name}"')
    number = wanted or list(found)[-2]
    if number not in found:
        raise NotFound(f"error: unable to find specified revision {number} in history")
    if isinstance(obj, Deployment) and obj.spec.paused:
        raise VolsimError(f"error: {PAUSED}")
    template = _template(found[number])
    if _template(obj) == template:
        session.say(_skipped(obj, number, session))
        return
    ref, namespace = table_ref(session, obj)
    after = session.sim.patch(ref, [{"op": "replace", "path": "/spec/template", "value": template}], namespace, "json")
    announce(session, after, "rolled back")


def _skipped(obj: Object, number: int, session: Session) -> str:
    name = f"{type(obj).KIND.lower()}.apps/{obj.name}"
    return f"{name} skipped rollback (current template already matches revision {number}){session.dry_run}"


def _template(holder: Any) -> Any:
    """The pod template of a workload or a revision, without the label that tells replica sets apart."""
    shown = to_manifest(holder)
    body = shown.get("spec") or shown.get("data", {}).get("spec", {})
    template = body.get("template", {})
    template.pop("$patch", None)  # a controller revision is a patch
    labels = template.get("metadata", {}).get("labels", {})
    labels.pop(HASH, None)
    return template


# -- the command -------------------------------------------------------------------------------------------------------
def _workloads(session: Session) -> list[Any]:
    words = session.arguments[1:]
    if not words and not session.flags["filename"]:
        raise VolsimError("error: required resource not specified")
    found = targets(session, words)
    for obj in found:
        if not isinstance(obj, Deployment | StatefulSet | DaemonSet):
            what = f'no {session.arguments[0]} has been implemented for "{obj.kind}"'
            raise VolsimError(f'error: {session.table(obj)} "{obj.name}": {what}')
    return found


_VERBS: Mapping[str, Callable[[Session], None]] = {
    "history": _history,
    "pause": _pause,
    "restart": _restart,
    "resume": _resume,
    "status": _status,
    "undo": _undo,
}


def _rollout(session: Session) -> None:
    verb = session.arguments[0] if session.arguments else ""
    if verb not in _VERBS:
        listed = ", ".join(_VERBS)
        text = f'unknown command "{verb}" for "kubectl rollout"' if verb else "a subcommand is needed"
        raise usage_error(session, f"{text}; there are {listed}")
    _VERBS[verb](session)


ROLLOUT = Command(
    "rollout",
    _rollout,
    (
        *FILES,
        *OUTPUT,
        *SELECTORS[:1],
        *WRITES,
        Flag("watch", "w", "switch", default=True),
        Flag("timeout", kind="duration", default=0.0),
        Flag("revision", kind="number", default=0),
        Flag("to-revision", kind="number", default=0),
    ),
    about="Manage the rollout of a resource",
)
