"""`kubectl wait`: let simulated time pass until something holds.

Source: kubectl, pkg/cmd/wait (wait.go, condition.go, json.go, delete.go, create.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.errors import LimitExceeded, NotFound, VolsimError
from volsim.manifests import to_manifest
from volsim.views.arguments import Flag
from volsim.views.commands.command import ALL_NAMESPACES, FILES, OUTPUT, SELECTORS, Command
from volsim.views.jsonpath import JsonPathError, Template, relaxed
from volsim.views.resources import find, select, targets
from volsim.views.session import Session

__all__ = ["WAIT"]

WEEK = 7 * 24 * 3600.0  # what a negative timeout means
Holds = Callable[[Any], bool]


def _wait(session: Session) -> None:
    for what in session.flags["for"] or [""]:
        _wait_for(session, what)


def _wait_for(session: Session, what: str) -> None:
    """Wait for one ``--for``."""
    if what == "create":
        _wait_for_creation(session)
        return
    holds = _condition(what)
    gone = what == "delete"
    objects = targets(session, session.arguments)
    if not objects:
        if gone:  # they are gone already
            session.failures.clear()
        elif not session.failures:
            raise VolsimError("error: no matching resources found")
        return
    waiting = list(objects)

    def done(sim: Any) -> bool:
        for obj in list(waiting):
            if holds(session.get(obj)):
                waiting.remove(obj)
                session.say(f"{session.name_of(obj)} condition met")
        return not waiting

    if not _until(session, done):
        for obj in waiting:
            about = f"{session.table(obj)}/{obj.name}"
            session.failed(VolsimError(f"error: timed out waiting for the condition on {about}"))


def _until(session: Session, done: Callable[[Any], bool]) -> bool:
    timeout: float = session.flags["timeout"]
    try:
        session.sim.run(until=done, limit=WEEK if timeout < 0 else timeout)
    except LimitExceeded:
        return False
    return True


def _wait_for_creation(session: Session) -> None:
    for kind, name, _ in select(session, session.arguments).names:

        def there(sim: Any, kind: Any = kind, name: str = name) -> bool:
            try:
                find(session, kind, name)
            except NotFound:
                return False
            return True

        if not _until(session, there):
            raise VolsimError(f"error: timed out waiting for the condition on {kind.table}/{name}")
        session.say(f"{session.name_of(find(session, kind, name))} condition met")


def _condition(what: str) -> Holds:
    """What ``--for`` asks of an object; None stands for one that is gone."""
    if what == "delete":
        return lambda obj: obj is None
    if what.startswith("condition="):
        name, _, value = what.removeprefix("condition=").partition("=")
        return lambda obj: _has_condition(obj, name.lower(), (value or "true").lower())
    if what.startswith("jsonpath="):
        return _jsonpath(what.removeprefix("jsonpath="))
    raise VolsimError(f'error: unrecognized condition: "{what}"')


def _has_condition(obj: Any, name: str, value: str) -> bool:
    conditions = to_manifest(obj).get("status", {}).get("conditions", []) if obj is not None else []
    return any(
        each.get("type", "").lower() == name and each.get("status", "").lower() == value
        for each in conditions
        if each.get("observedGeneration") in (None, obj.metadata.generation)
    )


FORMAT = (
    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 "
    "or --for=jsonpath='{.status.readyReplicas}'"
)


def _jsonpath(text: str) -> Holds:
    """A path and, behind ``=``, the value that it must have; without one, it must be there."""
    path, equals, value = text.rpartition("}=") if "}=" in text else (text, "", "")
    if equals:
        path += "}"
    if not path or (equals and not value):
        raise VolsimError(f"error: {FORMAT}")
    try:
        template = Template(relaxed(path))
    except JsonPathError as error:
        raise VolsimError(f"error: {error}") from None
    wanted = value.strip("'\"")
    return lambda obj: obj is not None and _matches(template, obj, wanted if equals else None)


def _matches(template: Template, obj: Any, wanted: str | None) -> bool:
    try:
        found = template.values(to_manifest(obj))
    except JsonPathError:  # an index that is not there yet
        return False
    if wanted is None:
        return bool(found)
    return len(found) == 1 and str(found[0]).lower() == wanted.lower()


WAIT = Command(
    "wait",
    _wait,
    (
        *FILES,
        *OUTPUT,
        *SELECTORS,
        ALL_NAMESPACES,
        Flag("for", kind="texts"),
        Flag("timeout", kind="duration", default=30.0),
        Flag("all", kind="switch"),
    ),
    about="Wait for a specific condition on one or many resources",
)
