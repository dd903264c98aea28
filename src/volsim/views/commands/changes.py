"""What commands that change objects have in common: dry runs, and how they say what they did.

Source: cli-runtime, pkg/printers/name.go; kubectl, pkg/cmd/util/helpers.go (GetDryRunStrategy).
"""

from __future__ import annotations

import json
from typing import Any

from volsim.apiserver.patches import LAST_APPLIED
from volsim.errors import VolsimError
from volsim.manifests import to_manifest
from volsim.objects import Object
from volsim.views.commands.command import usage_error
from volsim.views.output import as_json, as_yaml, check_format, print_data, shown_object
from volsim.views.session import Session

__all__ = ["announce", "same_content", "saved", "start_dry_run", "table_ref"]


def start_dry_run(session: Session) -> None:
    """Heed ``--dry-run``: what follows is done to a copy of the simulation.

    Both strategies are tried on the server's side: what a real client cannot know is then known as well.
    """
    given = session.flags.get("dry-run")
    if given is True:
        given = "client"
    if given == "unchanged":  # --dry-run without a value: allowed before 1.23, with a warning
        session.say("W: --dry-run is deprecated and can be replaced with --dry-run=client.")
        given = "client"
    if given in (None, False, "none"):
        return
    if given not in ("client", "server"):
        raise usage_error(session, f'Invalid dry-run value ({given}). Must be "none", "server", or "client".')
    session.dry_run = " (dry run)" if given == "client" else " (server dry run)"
    session.sim = session.sim.fork()


def announce(session: Session, obj: Object, operation: str, api_version: str | None = None) -> None:
    """Say what was done to an object, or print it as ``-o`` asks."""
    if session.flags.get("output"):
        name, _ = check_format(session)
        if name == "name":
            session.say(session.name_of(obj, api_version))
        elif name in ("yaml", "json"):
            session.write((as_yaml if name == "yaml" else as_json)(shown_object(obj)))
        elif name == "wide":
            raise VolsimError('error: unable to match a printer suitable for the output format "wide"')
        else:
            session.write(print_data(session, shown_object(obj), [obj]))
        return
    session.say(f"{session.name_of(obj, api_version)} {operation}{session.dry_run}")


def table_ref(session: Session, obj: Any) -> tuple[str, str]:
    """How the simulation addresses the object: ``KIND/NAME`` and its namespace."""
    return f"{session.table(obj)}/{obj.name}", obj.metadata.namespace or session.namespace


def same_content(before: Object, after: Object) -> bool:
    """Whether a change left an object as it was, but for its version."""
    shown = [shown_object(obj) for obj in (before, after)]
    for each in shown:
        each.get("metadata", {}).pop("resourceVersion", None)
    return shown[0] == shown[1]


def saved(session: Session, obj: Object) -> Object:
    """The object with what ``--save-config`` adds: the note by which `kubectl apply` knows what was given before."""
    if not session.flags.get("save-config"):
        return obj
    given = to_manifest(obj)
    given.pop("status", None)
    text = json.dumps(given, sort_keys=True, separators=(",", ":")) + "\n"
    return obj.replace(metadata=obj.metadata.replace(annotations={**obj.metadata.annotations, LAST_APPLIED: text}))
