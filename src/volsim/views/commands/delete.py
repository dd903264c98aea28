"""`kubectl delete`: delete objects, and wait until they are gone.

A real client waits for ever (a week). Here the clock is let run only as long as something can still come of it: until
the objects are gone, at most their grace period and a minute. What is still there then is told with what it waits for:
a finalizer, or a kubelet that does not answer. With ``--timeout`` the wait ends with kubectl's own error.

Source: kubectl, pkg/cmd/delete/delete.go and pkg/cmd/wait/delete.go.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import LimitExceeded, NotFound, VolsimError
from volsim.views.arguments import Flag
from volsim.views.commands.changes import start_dry_run, table_ref
from volsim.views.commands.command import ALL_NAMESPACES, DRY_RUN, FILES, SELECTORS, Command
from volsim.views.resources import targets
from volsim.views.session import Session, server_error

__all__ = ["DELETE", "PATIENCE_SECONDS", "delete_and_wait", "wait_until_gone", "why_still_there"]

PATIENCE_SECONDS = 60  # beyond the grace period: a kubelet that answers needs none of it, a controller little
FORCED = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. "
    "The resource may continue to run on the cluster indefinitely."
)


def _delete(session: Session) -> None:
    grace = _grace(session)
    _check(session)
    start_dry_run(session)
    objects = targets(session, session.arguments, ignore_absent=_ignores_absence(session))
    if not objects and not session.failures:
        session.say("No resources found")
        return
    deleted = []
    for obj in objects:
        try:
            _delete_one(session, obj, grace)
        except VolsimError as error:
            if not (isinstance(error, NotFound) and _ignores_absence(session)):
                session.failed(server_error(error))
            continue
        session.say(_said(session, obj, forced=grace == 0))
        deleted.append(obj)
    if session.flags["wait"] and not session.dry_run:
        wait_until_gone(session, deleted)


def _grace(session: Session) -> int | None:
    """The grace period that the flags come to; None: the object's own."""
    grace: int = session.flags["grace-period"]
    if session.flags["now"]:
        if grace != -1:
            raise VolsimError("error: --now and --grace-period cannot be specified together")
        grace = 1
    if session.flags["force"]:
        if grace > 0:
            raise VolsimError("error: --force and --grace-period greater than 0 cannot be specified together")
        session.say(("Warning: " if session.dialect.warnings_look_alike else "warning: ") + FORCED)
        return 0
    if grace == 0:  # a slip of the hand must not lose data: only --force deletes at once
        grace = 1
    return None if grace < 0 else grace


def _check(session: Session) -> None:
    if session.flags["output"] not in (None, "", "name"):
        raise VolsimError(f"error: unexpected -o output mode: {session.flags['output']}. We only support '-o name'")
    for other in ("selector", "field-selector"):
        if session.flags["all"] and session.flags[other]:
            raise VolsimError(f"error: cannot set --all and --{other} at the same time")


def _ignores_absence(session: Session) -> bool:
    if session.flags.given("ignore-not-found"):
        return bool(session.flags["ignore-not-found"])
    return bool(session.flags["all"] or session.flags["selector"] or session.flags["field-selector"])


def _delete_one(session: Session, obj: Any, grace: int | None) -> None:
    ref, namespace = table_ref(session, obj)
    session.sim.delete(
        ref, namespace, grace_period=grace, force=grace == 0, propagation=_propagation(session.flags["cascade"])
    )


def _propagation(cascade: Any) -> str:
    """The propagation policy of ``--cascade``, old form (a switch) or new."""
    word = str(cascade).lower()
    policies = {"background": "Background", "true": "Background", "foreground": "Foreground", "orphan": "Orphan"}
    policies["false"] = "Orphan"
    if word not in policies:
        raise VolsimError(f'error: invalid cascade value ({cascade}). Must be "background", "foreground", or "orphan"')
    return policies[word]


def _said(session: Session, obj: Any, *, forced: bool) -> str:
    """``pod "x" deleted``, in the version's words."""
    if session.flags["output"] == "name":
        return session.name_of(obj)
    words = "force deleted" if forced else "deleted"
    if session.dialect.deleted_from_namespace and obj.metadata.namespace:
        words += f" from {obj.metadata.namespace} namespace"
    return f'{session.kind_of(obj)} "{obj.name}" {words}{session.dry_run}'


# -- waiting -----------------------------------------------------------------------------------------------------------
def wait_until_gone(session: Session, objects: list[Any]) -> None:
    """Let time pass until the objects are gone, as the module's text says."""
    timeout: float = session.flags.get("timeout") or 0.0
    patience = timeout or PATIENCE_SECONDS + max(map(_grace_left, map(session.get, objects)), default=0)
    try:
        session.sim.run(until=lambda sim: all(session.get(obj) is None for obj in objects), limit=patience)
    except LimitExceeded:
        left = [obj for obj in objects if session.get(obj) is not None]
        if timeout:
            for obj in left:
                about = f"{session.table(obj)}/{obj.name}"
                session.failed(VolsimError(f"error: timed out waiting for the condition on {about}"))
            return
        for obj in left:
            session.say(
                f'note: {session.kind_of(obj)} "{obj.name}" is still there after {patience:g}s: '
                f"{why_still_there(session, session.get(obj))}. A real kubectl would go on waiting; "
                "--wait=false does not wait."
            )


def _grace_left(obj: Any) -> int:
    return 0 if obj is None else obj.metadata.deletion_grace_period_seconds or 0


def why_still_there(session: Session, obj: Any) -> str:
    """What an object that is being deleted waits for."""
    if obj.metadata.finalizers:
        return f"it waits for its finalizers {', '.join(obj.metadata.finalizers)}"
    if obj.kind == "Namespace" and obj.spec.finalizers:
        return "it waits until everything in it is gone"
    if obj.kind == "Pod":
        node = obj.spec.node_name
        return f"only the kubelet of {node} can confirm that it has stopped, and {_silence(session, node)}"
    return "whoever has to let go of it has not done so"


def _silence(session: Session, node: str) -> str:
    """Why a kubelet has not confirmed a pod's end."""
    machine = session.sim.state.get("machines", node)
    if machine is None:
        return "there is no such node"
    if machine.answers:
        return "it is not done yet"
    return f"{node} is {'cut off' if machine.powered else 'off'}"


def delete_and_wait(session: Session, obj: Any, ref: str, namespace: str, *, grace: int) -> None:
    """Delete one object and wait until it is gone."""
    session.sim.delete(ref, namespace, grace_period=None if grace < 0 else grace)
    wait_until_gone(session, [obj])


DELETE = Command(
    "delete",
    _delete,
    (
        *FILES,
        *SELECTORS,
        *DRY_RUN,
        ALL_NAMESPACES,
        Flag("all", kind="switch"),
        Flag("cascade", default="background", implied="background", rule="cascade_strategies"),
        Flag("cascade", kind="switch", default=True, rule="cascade_switch"),
        Flag("force", kind="switch"),
        Flag("grace-period", kind="number", default=-1),
        Flag("ignore-not-found", kind="switch"),
        Flag("now", kind="switch"),
        Flag("timeout", kind="duration", default=0.0),
        Flag("wait", kind="switch", default=True),
        Flag("output", "o"),
        Flag("interactive", "i", "switch", refusal="nobody can be asked; delete by name"),
        Flag("raw", refusal="there is no HTTP server; delete by name"),
    ),
    about="Delete resources by file names, stdin, resources and names, or by resources and label selector",
)
