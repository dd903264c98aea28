"""`kubectl describe`.

Source: kubectl, pkg/cmd/describe/describe.go.
"""

from __future__ import annotations

from typing import Any

from volsim.errors import NotFound, VolsimError
from volsim.views.arguments import Flag
from volsim.views.commands.command import ALL_NAMESPACES, FILES, SELECTORS, Command
from volsim.views.describe import describe
from volsim.views.resources import Kind, find, objects_of, select
from volsim.views.session import Session

__all__ = ["DESCRIBE"]


def _describe(session: Session) -> None:
    """Print the pages of the objects that are meant, two empty lines between them."""
    if not session.arguments and not session.flags["filename"]:
        raise VolsimError(
            'error: You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list '
            "of supported resources."
        )
    objects = _objects(session)
    session.write("\n\n".join(describe(session, obj) for obj in objects))
    if not objects and not session.failures:
        if session.all_namespaces or not session.dialect.says_where_nothing_was_found:
            session.say("No resources found")
        else:
            session.say(f"No resources found in {session.namespace} namespace.")


def _objects(session: Session) -> list[Any]:
    chosen = select(session, session.arguments, everything=True)
    found: list[Any] = [obj for kind in chosen.kinds for obj in objects_of(session, kind)]
    for kind, name, namespace in chosen.names:
        try:
            found.append(find(session, kind, name, namespace))
        except NotFound as error:
            matching = _beginning_with(session, kind, name)
            found += matching
            if not matching:
                session.failed(error)
    return found


def _beginning_with(session: Session, kind: Kind, prefix: str) -> list[Any]:
    """A name that no object has is taken for the beginning of names."""
    return [obj for obj in objects_of(session, kind) if obj.name.startswith(prefix)]


DESCRIBE = Command(
    "describe",
    _describe,
    (
        *FILES,
        *SELECTORS[:1],
        ALL_NAMESPACES,
        Flag("show-events", kind="switch", default=True),
        Flag("chunk-size", kind="number"),
    ),
    about="Show details of a specific resource or group of resources",
)
