"""`kubectl apply`, `create -f` and `replace`.

Source: kubectl, pkg/cmd/apply/apply.go, pkg/cmd/create/create.go, pkg/cmd/replace/replace.go.
"""

from __future__ import annotations

from collections.abc import Callable

from volsim.apiserver.patches import LAST_APPLIED
from volsim.errors import VolsimError
from volsim.objects import Object
from volsim.objects.selectors import parse_selector
from volsim.views.arguments import Flag
from volsim.views.commands.changes import announce, same_content, saved, start_dry_run, table_ref
from volsim.views.commands.command import FILES, OUTPUT, SAVE_CONFIG, SELECTORS, WRITES, Command, usage_error
from volsim.views.commands.delete import delete_and_wait
from volsim.views.session import Session, server_error
from volsim.views.sources import Given, given_objects

__all__ = ["APPLY", "REPLACE", "create_files"]


def _for_each(session: Session, doing: str, act: Callable[[Session, Given], None]) -> None:
    """Do something with each object given with ``-f``; an error with one does not stop the others."""
    start_dry_run(session)
    for given in _selected(session):
        try:
            act(session, given)
        except VolsimError as error:
            session.failed(server_error(error, doing, given.source))


def _selected(session: Session) -> list[Given]:
    text = session.flags.get("selector")
    found = given_objects(session)
    if not text:
        return found
    wanted = parse_selector(text)
    return [given for given in found if wanted.matches(given.obj.metadata.labels)]


def _need_files(session: Session) -> None:
    if session.arguments:
        raise usage_error(session, f"Unexpected args: [{' '.join(session.arguments)}]")
    if not session.flags["filename"]:
        raise VolsimError("error: must specify one of -f and -k")


# -- apply -------------------------------------------------------------------------------------------------------------
def _apply(session: Session) -> None:
    _need_files(session)
    _for_each(session, "applying patch", _apply_one)


def _apply_one(session: Session, given: Given) -> None:
    before = _present(session, given.obj)
    if before is not None and LAST_APPLIED not in before.metadata.annotations:
        session.say(_unannotated(session, before))
    try:
        after = session.sim.apply(given.obj, session.namespace)[0]
    except VolsimError as error:
        raise server_error(error, "creating" if before is None else "applying patch", given.source) from None
    if after.metadata.deletion_timestamp is not None and session.dialect.apply_warns_of_deletion:
        session.say(f"Warning: Detected changes to resource {after.name} which is currently being deleted.")
    if before is None:
        operation = "created"
    else:
        operation = "unchanged" if same_content(before, after) else "configured"
    announce(session, after, operation, given.obj.api_version)


def _unannotated(session: Session, obj: Object) -> str:
    """What is said of an object that something else than `apply` made."""
    if not session.dialect.apply_names_the_unannotated:
        return (
            "Warning: kubectl apply should be used on resource created by either kubectl create --save-config "
            "or kubectl apply"
        )
    return (
        f"Warning: resource {session.table(obj)}/{obj.name} is missing the {LAST_APPLIED} annotation which is required "
        "by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl "
        "create --save-config or kubectl apply. The missing annotation will be patched automatically."
    )


def _present(session: Session, obj: Object) -> Object | None:
    if not obj.name:
        raise VolsimError("error: from " + (obj.metadata.generate_name or "") + ": cannot use generate name with apply")
    found: Object | None = session.sim.state.get(session.table(obj), obj.key)
    return found


APPLY = Command(
    "apply",
    _apply,
    (
        *FILES,
        *OUTPUT,
        *SELECTORS[:1],
        *WRITES,
        Flag("overwrite", kind="switch", default=True),
        Flag("openapi-patch", kind="switch", default=True),
        Flag("wait", kind="switch"),
        Flag("force", kind="switch", refusal="delete the object first, or use replace --force"),
        Flag("server-side", kind="switch", refusal="field managers are not kept; apply without it"),
        Flag("prune", kind="switch", refusal="delete what is no longer wanted with `kubectl delete`"),
        Flag("all", kind="switch"),
    ),
    about="Apply a configuration to a resource by file name or stdin",
)


# -- create -f ---------------------------------------------------------------------------------------------------------
def create_files(session: Session) -> None:
    """`kubectl create -f`."""
    if session.arguments:
        raise usage_error(session, f"Unexpected args: [{' '.join(session.arguments)}]")
    _for_each(session, "creating", _create_one)


def _create_one(session: Session, given: Given) -> None:
    made = session.sim.create(saved(session, given.obj), session.namespace)[0]
    announce(session, made, "created", given.obj.api_version)


# -- replace -----------------------------------------------------------------------------------------------------------
def _replace(session: Session) -> None:
    _need_files(session)
    _for_each(session, "replacing", _force_one if session.flags["force"] else _replace_one)


def _replace_one(session: Session, given: Given) -> None:
    made = session.sim.replace(saved(session, given.obj), session.namespace)[0]
    announce(session, made, "replaced", given.obj.api_version)


def _force_one(session: Session, given: Given) -> None:
    """Delete the object, wait until it is gone, and make it anew."""
    present = _present(session, given.obj)
    if present is not None:
        ref, namespace = table_ref(session, present)
        delete_and_wait(session, present, ref, namespace, grace=session.flags["grace-period"])
    made = session.sim.create(saved(session, given.obj), session.namespace)[0]
    announce(session, made, "replaced", given.obj.api_version)


REPLACE = Command(
    "replace",
    _replace,
    (
        *FILES,
        *OUTPUT,
        *WRITES,
        SAVE_CONFIG,
        Flag("force", kind="switch"),
        Flag("grace-period", kind="number", default=-1),
        Flag("cascade", implied="background", default="background"),
        Flag("timeout", kind="duration", default=0.0),
        Flag("wait", kind="switch"),
    ),
    about="Replace a resource by file name or stdin",
)
