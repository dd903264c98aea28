"""`kubectl patch`, `scale`, `label` and `annotate`: small changes to objects that are there.

Source: kubectl, pkg/cmd/patch/patch.go, pkg/cmd/scale/scale.go, pkg/cmd/label/label.go, pkg/cmd/annotate/annotate.go.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from volsim.errors import VolsimError
from volsim.views.arguments import Flag
from volsim.views.commands.changes import announce, same_content, start_dry_run, table_ref
from volsim.views.commands.command import ALL_NAMESPACES, FILES, OUTPUT, SELECTORS, WRITES, Command, usage_error
from volsim.views.resources import targets
from volsim.views.session import Session, server_error
from volsim.views.sources import patch_text

__all__ = ["ANNOTATE", "LABEL", "PATCH", "SCALE"]


# -- patch -------------------------------------------------------------------------------------------------------------
def _patch(session: Session) -> None:
    patch = _patch_data(session)
    start_dry_run(session)
    kind = session.flags["type"].lower()
    for obj in targets(session, session.arguments):
        ref, namespace = table_ref(session, obj)
        try:
            after = session.sim.patch(
                ref, patch, namespace, type=kind, subresource=session.flags["subresource"] or None
            )
        except VolsimError as error:
            session.failed(server_error(error))
            continue
        announce(session, after, "patched (no change)" if same_content(obj, after) else "patched")


def _patch_data(session: Session) -> Any:
    """The patch of ``-p`` or ``--patch-file``, as data."""
    given, file, kind = session.flags["patch"], session.flags["patch-file"], session.flags["type"]
    if not given and not file:
        raise usage_error(session, "must specify --patch or --patch-file containing the contents of the patch")
    if given and file:
        raise VolsimError("error: cannot specify --patch and --patch-file together")
    if kind.lower() not in ("json", "merge", "strategic"):
        raise VolsimError(f'error: --type must be one of [json merge strategic], not "{kind}"')
    text = given or patch_text(session, file)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise VolsimError(f'error: unable to parse "{text}": {" ".join(str(error).split())}') from None
    if not isinstance(data, list if kind.lower() == "json" else dict):
        what = "a list of operations" if kind.lower() == "json" else "an object"
        raise VolsimError(f'error: unable to parse "{text}": a {kind} patch is {what}')
    return data


PATCH = Command(
    "patch",
    _patch,
    (
        *FILES,
        *OUTPUT,
        *WRITES,
        Flag("patch", "p"),
        Flag("patch-file"),
        Flag("type", default="strategic"),
        Flag("subresource"),
        Flag("local", kind="switch", refusal="apply the patch to the object in the simulation"),
    ),
    about="Update fields of a resource",
)


# -- scale -------------------------------------------------------------------------------------------------------------
def _scale(session: Session) -> None:
    replicas: int = session.flags["replicas"]
    if replicas < 0:
        raise VolsimError("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    start_dry_run(session)
    found = targets(session, session.arguments, everything=bool(session.flags["all"]))
    if not found and not session.failures:
        raise VolsimError("error: no objects passed to scale")
    for obj in found:
        ref, namespace = table_ref(session, obj)
        try:
            _check_scalable(session, obj)
            announce(session, session.sim.scale(ref, replicas, namespace), "scaled")
        except VolsimError as error:
            session.failed(server_error(error))


def _check_scalable(session: Session, obj: Any) -> None:
    if not hasattr(getattr(obj, "spec", None), "replicas"):
        why = f"{session.kind_of(obj)} has no replicas that could be scaled"
        raise VolsimError(f'error: cannot convert "{obj.name}" to a scale: {why}')
    wanted, now = session.flags["current-replicas"], obj.spec.replicas
    if wanted not in (-1, now):
        raise VolsimError(f"error: Expected replicas to be {wanted}, was {now}")


SCALE = Command(
    "scale",
    _scale,
    (
        *FILES,
        *OUTPUT,
        *SELECTORS[:1],
        *WRITES,
        Flag("replicas", kind="number", default=-1),
        Flag("current-replicas", kind="number", default=-1),
        Flag("all", kind="switch"),
        Flag("timeout", kind="duration", refusal="let time pass with sim.run(…) and look again"),
        Flag("resource-version", refusal="use --current-replicas"),
    ),
    about="Set a new size for a deployment, replica set, or replication controller",
)


# -- label and annotate ------------------------------------------------------------------------------------------------
NAME = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?", re.ASCII)
VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?)?", re.ASCII)


def _label(session: Session) -> None:
    _mark(session, "labels")


def _annotate(session: Session) -> None:
    _mark(session, "annotations")


def _mark(session: Session, what: str) -> None:
    """Change labels or annotations: ``KEY=VALUE`` sets, ``KEY-`` removes."""
    words = list(session.arguments)
    changes = [word for word in words if "=" in word or word.endswith("-")]
    resources = [word for word in words if word not in changes]
    one = what.removesuffix("s")
    if not resources and not session.flags["filename"]:
        raise VolsimError("error: one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not changes and not session.flags["list"]:
        raise VolsimError(f"error: at least one {one} update is required")
    wanted = _wanted(changes, one)
    start_dry_run(session)
    for obj in targets(session, resources):
        if session.flags["list"]:
            for key, value in sorted(getattr(obj.metadata, what).items()):
                session.say(f"{key}={value}")
            continue
        try:
            _mark_one(session, obj, what, wanted)
        except VolsimError as error:
            session.failed(server_error(error))


def _wanted(changes: list[str], one: str) -> dict[str, str | None]:
    """What is to be set, and what (None) removed."""
    wanted: dict[str, str | None] = {}
    for word in changes:
        key, equals, value = word.partition("=")
        if not equals:
            key = word[:-1]
        if not NAME.fullmatch(key) or (one == "label" and not VALUE.fullmatch(value)):
            raise VolsimError(f"error: invalid {one} spec: {word}")
        if key in wanted:
            raise VolsimError(
                f"error: can not both modify and remove {'a' if one == 'label' else 'an'} {one} in the same command"
            )
        wanted[key] = value if equals else None
    return wanted


def _mark_one(session: Session, obj: Any, what: str, wanted: dict[str, str | None]) -> None:
    present = getattr(obj.metadata, what)
    one = what.removesuffix("s")
    if not session.flags["overwrite"]:
        for key, value in wanted.items():
            if value is not None and key in present and present[key] != value:
                raise VolsimError(_has_already(session, one, key, present[key]))
    gone = [key for key, value in wanted.items() if value is None and key not in present]
    for key in gone:
        session.say(f'label "{key}" not found.' if one == "label" else f'annotation "{key}" not found.')
    ref, namespace = table_ref(session, obj)
    after = session.sim.patch(ref, {"metadata": {what: wanted}}, namespace)
    changed = {key for key, value in wanted.items() if present.get(key) != value}
    announce(session, after, _marked(session, one, wanted, changed))


def _has_already(session: Session, one: str, key: str, value: str) -> str:
    if one == "label":
        return f"error: '{key}' already has a value ({value}), and --overwrite is false"
    found = f"'{key}' already has a value ({value})"
    return f"error: --overwrite is false but found the following declared annotation(s): {found}"


def _marked(session: Session, one: str, wanted: dict[str, str | None], changed: set[str]) -> str:
    if one == "annotation":
        return "annotated"
    if not changed:
        return "not labeled"
    only_removed = all(wanted[key] is None for key in changed)
    return "unlabeled" if only_removed and session.dialect.says_unlabeled else "labeled"


_MARK_FLAGS = (
    *FILES,
    *OUTPUT,
    *SELECTORS,
    ALL_NAMESPACES,
    *WRITES,
    Flag("all", kind="switch"),
    Flag("overwrite", kind="switch"),
    Flag("list", kind="switch"),
    Flag("local", kind="switch", refusal="change the object in the simulation"),
    Flag("resource-version", refusal="objects cannot change while a command runs"),
)
LABEL = Command("label", _label, _MARK_FLAGS, about="Update the labels on a resource")
ANNOTATE = Command("annotate", _annotate, _MARK_FLAGS, about="Update the annotations on a resource")
