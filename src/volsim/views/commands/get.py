"""`kubectl get` and `kubectl events`.

Source: kubectl, pkg/cmd/get (get.go Run, printGeneric) and pkg/cmd/events; cli-runtime, pkg/printers/tableprinter.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from volsim.errors import NotFound, VolsimError
from volsim.objects import Event, ObjectReference
from volsim.views.arguments import Flag
from volsim.views.commands.command import ALL_NAMESPACES, FILES, OUTPUT, SELECTORS, Command, usage_error
from volsim.views.events import event_interval, recorded_events
from volsim.views.output import as_list, check_format, print_data, shown_object, sort_by
from volsim.views.printers import printer_for
from volsim.views.resources import Kind, Selection, find, kind_called, objects_of, select
from volsim.views.session import Session
from volsim.views.tables import aligned, labels_text

__all__ = ["EVENTS", "GET"]

NO_WATCH = (
    "the clock stands still between two commands; let time pass with `kubectl wait` or sim.run(…), then get again"
)


class Group(NamedTuple):
    """Objects that one table shows."""

    kind: Kind
    objects: list[Any]


def _get(session: Session) -> None:
    """Print what was asked for, as tables or as data."""
    name, _ = check_format(session)
    if not session.arguments and not session.flags["filename"]:
        session.say(
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
            "supported resources.\n"
        )
        raise usage_error(
            session,
            'Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that '
            "resource (e.g. kubectl explain pods).",
        )
    if session.flags["show-labels"] and name not in ("", "wide"):
        raise VolsimError(f"error: --show-labels option cannot be used with {session.flags['output']} printer")
    selection = select(session, session.arguments, everything=True)
    groups = _groups(session, selection)
    if name in ("", "wide"):
        _print_tables(session, groups, wide=name == "wide")
    else:
        _print_data(session, selection, groups)


def _groups(session: Session, selection: Selection) -> list[Group]:
    groups = [Group(kind, objects_of(session, kind)) for kind in selection.kinds]
    for kind, name, namespace in selection.names:
        try:
            obj = find(session, kind, name, namespace)
        except NotFound as error:
            if not session.flags["ignore-not-found"]:
                session.failed(error)
            continue
        if groups and groups[-1].kind == kind:
            groups[-1].objects.append(obj)
        else:
            groups.append(Group(kind, [obj]))
    return groups


# -- tables ------------------------------------------------------------------------------------------------------------
def _print_tables(session: Session, groups: Sequence[Group], *, wide: bool) -> None:
    shown = [group for group in groups if group.objects]
    with_kind = len({group.kind for group in groups}) > 1 or bool(session.flags["show-kind"])
    tables = [_table(session, group, wide=wide, with_kind=with_kind) for group in _ordered(session, shown)]
    session.write(("" if session.flags["no-headers"] else "\n").join(tables))
    if not shown and not session.failures and not session.flags["ignore-not-found"]:
        everywhere = session.all_namespaces or not all(group.kind.namespaced for group in groups)
        session.say(_nothing_found(session, everywhere=everywhere))


def _nothing_found(session: Session, *, everywhere: bool) -> str:
    if not session.dialect.says_where_nothing_was_found:
        return "No resources found."
    return "No resources found" if everywhere else f"No resources found in {session.namespace} namespace."


def _ordered(session: Session, groups: Iterable[Group]) -> list[Group]:
    """The groups as ``--sort-by`` orders their objects; neighbours of one kind share a table."""
    field = session.flags["sort-by"]
    if not field:
        return list(groups)
    kinds = {id(obj): group.kind for group in groups for obj in group.objects}
    ordered: list[Group] = []
    for obj in sort_by(field, [obj for group in groups for obj in group.objects]):
        if ordered and ordered[-1].kind == kinds[id(obj)]:
            ordered[-1].objects.append(obj)
        else:
            ordered.append(Group(kinds[id(obj)], [obj]))
    return ordered


def _table(session: Session, group: Group, *, wide: bool, with_kind: bool) -> str:
    printer, look = printer_for(group.kind.name), session.look
    columns = printer.shown(look, wide=wide)
    titles = [column.title for column in columns]
    with_namespace = session.all_namespaces and group.kind.namespaced
    labels = [label for given in session.flags["label-columns"] for label in given.split(",")]
    rows = []
    for obj in group.objects:
        cells = printer.cells(obj, look, columns)
        if with_kind and "NAME" in titles:
            at = titles.index("NAME")
            cells[at] = f"{_kind_prefix(group.kind)}/{cells[at]}"
        front = [obj.metadata.namespace or ""] if with_namespace else []
        back = [obj.metadata.labels.get(label, "") for label in labels]
        if session.flags["show-labels"]:
            back.append(labels_text(obj.metadata.labels))
        rows.append([*front, *cells, *back])
    front = ["NAMESPACE"] if with_namespace else []
    back = [label.rpartition("/")[2].upper() for label in labels] + ["LABELS"] * bool(session.flags["show-labels"])
    headers = [] if session.flags["no-headers"] else [[*front, *titles, *back]]
    return aligned("\t".join(row) for row in headers + rows)


def _kind_prefix(kind: Kind) -> str:
    return f"{kind.name.lower()}.{kind.group}" if kind.group else kind.name.lower()


# -- data --------------------------------------------------------------------------------------------------------------
def _print_data(session: Session, selection: Selection, groups: Sequence[Group]) -> None:
    objects = [obj for group in groups for obj in group.objects]
    if session.flags["sort-by"]:
        objects = sort_by(session.flags["sort-by"], objects)
    if selection.single:
        if objects:
            session.write(print_data(session, shown_object(objects[0]), objects))
        return
    if not objects and session.flags["ignore-not-found"]:
        return
    session.write(print_data(session, as_list(session, objects), objects))


GET = Command(
    "get",
    _get,
    (
        *OUTPUT,
        *SELECTORS,
        ALL_NAMESPACES,
        *FILES,
        Flag("no-headers", kind="switch"),
        Flag("show-labels", kind="switch"),
        Flag("show-kind", kind="switch"),
        Flag("label-columns", "L", "texts"),
        Flag("sort-by"),
        Flag("ignore-not-found", kind="switch"),
        Flag("chunk-size", kind="number"),
        Flag("server-print", kind="switch", default=True),
        Flag("watch", "w", "switch", refusal=NO_WATCH),
        Flag("watch-only", kind="switch", refusal=NO_WATCH),
        Flag("output-watch-events", kind="switch", refusal=NO_WATCH),
        Flag("raw", refusal="there is no HTTP server; use -o json"),
        Flag("subresource", refusal="use -o yaml and look at .status"),
    ),
    about="Display one or many resources",
)


# -- events ------------------------------------------------------------------------------------------------------------
def _events(session: Session) -> None:
    """The events of a namespace or about an object, the latest last."""
    if session.arguments:
        raise VolsimError(f'error: unknown command "{session.arguments[0]}" for "kubectl events"')
    found = _events_for(session)
    types = [each for given in session.flags["types"] for each in given.split(",")]
    unknown = [each for each in types if each.capitalize() not in ("Normal", "Warning")]
    if unknown:
        raise VolsimError("error: valid --types are Normal or Warning")
    if types:
        found = [event for event in found if (event.type or "").lower() in [each.lower() for each in types]]
    found.sort(key=lambda event: event.last_timestamp or 0)
    name, _ = check_format(session)
    if name not in ("", "wide"):
        session.write(print_data(session, as_list(session, found), found))
        return
    if not found:
        where = "." if session.all_namespaces else f" in {session.namespace} namespace."
        session.say(f"No events found{where}")
        return
    titles = ["NAMESPACE"] * session.all_namespaces + ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    rows = [] if session.flags["no-headers"] else [titles]
    rows += [_event_row(session, event) for event in found]
    session.write(aligned("\t".join(row) for row in rows))


def _events_for(session: Session) -> list[Event]:
    target = session.flags["for"]
    found = recorded_events(session.sim, None if session.all_namespaces else session.namespace)
    if not target:
        return found
    word, slash, name = target.partition("/")
    if not slash or not name:
        raise VolsimError("error: --for must be in resource/name form")
    kind = kind_called(session, word).name
    about = [(event, event.involved_object or ObjectReference()) for event in found]
    return [event for event, obj in about if obj.kind == kind and obj.name == name]


def _event_row(session: Session, event: Event) -> list[str]:
    about = event.involved_object or ObjectReference()
    front = [event.metadata.namespace or ""] if session.all_namespaces else []
    when = event_interval(event, session.look)
    what = f"{about.kind}/{about.name}"
    return [*front, when, event.type or "", event.reason or "", what, (event.message or "").strip()]


EVENTS = Command(
    "events",
    _events,
    (
        *OUTPUT,
        ALL_NAMESPACES,
        Flag("for"),
        Flag("types", kind="texts"),
        Flag("no-headers", kind="switch"),
        Flag("chunk-size", kind="number"),
        Flag("watch", "w", "switch", refusal=NO_WATCH),
    ),
    about="List events",
    rule="events_command",
)
