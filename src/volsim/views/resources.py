"""Which objects a command is about: `pods`, `pod a b`, `pv/x`, `deploy,sts`, `all`, with selectors.

Source: cli-runtime, pkg/resource/builder.go and visitor.go; kubectl, pkg/cmd/get (categories, field selectors).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from volsim.apiserver.requests import table_of
from volsim.errors import NotFound, VolsimError
from volsim.manifests import to_manifest
from volsim.objects import KINDS, Object, find_kind, group_of
from volsim.objects.selectors import parse_selector
from volsim.views.events import recorded_events
from volsim.views.session import Session, server_error
from volsim.views.sources import given_objects

__all__ = [
    "Kind",
    "Named",
    "Selection",
    "find",
    "kind_called",
    "kind_of",
    "objects_of",
    "select",
    "selection_error",
    "targets",
]

ALL = (
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "cronjobs",
    "jobs",
)
"""The category `all`, in the order in which kubectl shows it."""


class Kind(NamedTuple):
    """A kind that the cluster knows."""

    table: str
    name: str
    group: str
    namespaced: bool

    @property
    def resource(self) -> str:
        """As the API server names it in errors: `pods`, `deployments.apps`."""
        return f"{self.table}.{self.group}" if self.group and "." not in self.table else self.table


def kind_called(session: Session, word: str) -> Kind:
    """The kind that a word means. Raises `NotFound` in kubectl's words."""
    cls = find_kind(word)
    if cls is not None:
        group = cls.GROUP
        if session.dialect.extensions_come_first and cls.KIND in IN_EXTENSIONS and "." not in word:
            group = session.groups[cls.KIND] = "extensions"
        return Kind(cls.PLURAL, cls.KIND, group, cls.NAMESPACED)
    state = session.sim.state
    for table in state.api_tables:
        plural, _, group = table.partition(".")
        if plural in KIND_TABLES:
            continue
        for obj in state.table(table).values():
            if word.lower() in (table, plural, obj.kind.lower(), f"{obj.kind.lower()}.{group}"):
                return Kind(table, obj.kind, group, bool(obj.metadata.namespace))
    raise NotFound(f'error: the server doesn\'t have a resource type "{word.partition(".")[0]}"')


def kind_of(obj: Object) -> Kind:
    """The kind of an object."""
    namespaced = obj.NAMESPACED if obj.kind in KINDS else bool(obj.metadata.namespace)
    return Kind(str(table_of(obj)), obj.kind, group_of(obj.api_version), namespaced)


IN_EXTENSIONS = ("DaemonSet", "Deployment", "ReplicaSet")
"""The kinds that old servers listed under `extensions` first, so that kubectl called them that."""

KIND_TABLES = frozenset(cls.PLURAL for cls in KINDS.values())


class Named(NamedTuple):
    """One object asked for by its name; without a namespace, it is in the session's."""

    kind: Kind
    name: str
    namespace: str | None = None


class Selection(NamedTuple):
    """What was asked for: single objects by their names, or whole kinds."""

    names: tuple[Named, ...] = ()
    kinds: tuple[Kind, ...] = ()

    @property
    def single(self) -> bool:
        """Whether one object was asked for by its name."""
        return len(self.names) == 1


MIXED = (
    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form "
    "(e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
)


def select(session: Session, words: list[str], *, everything: bool = False) -> Selection:
    """What a command's arguments or files mean. With `everything`, a kind without a name means all its objects.

    Raises `VolsimError` in kubectl's words.
    """
    if session.flags.get("filename"):
        return _by_file(session, words)
    if any("/" in word for word in words):
        return _by_address(session, words)
    if not words:
        raise selection_error(
            "You must provide one or more resources by argument or filename.\n"
            "Example resource specifications include:\n"
            "   '-f rsrc.yaml'\n"
            "   '--filename=rsrc.json'\n"
            "   '<resource> <name>'\n"
            "   '<resource>'"
        )
    kinds = tuple(_kinds(session, words[0]))
    names = words[1:]
    if names:
        if _selectors(session):
            raise selection_error("name cannot be provided when a selector is specified")
        if len(kinds) > 1:
            raise selection_error("you must specify only one resource")
        _one_namespace(session, kinds[0])
        return Selection(names=tuple(Named(kinds[0], name) for name in names))
    if not everything and not _selectors(session) and not session.flags.get("all"):
        raise selection_error("resource(s) were provided, but no name was specified")
    return Selection(kinds=kinds)


def selection_error(text: str) -> VolsimError:
    """An error in how objects were chosen."""
    return VolsimError(f"error: {text}")


def _selectors(session: Session) -> bool:
    return bool(session.flags.get("selector") or session.flags.get("field-selector"))


def _one_namespace(session: Session, kind: Kind) -> None:
    if session.all_namespaces and kind.namespaced:
        raise selection_error("a resource cannot be retrieved by name across all namespaces")


def _by_address(session: Session, words: list[str]) -> Selection:
    if not all("/" in word for word in words):
        raise selection_error(MIXED)
    if _selectors(session) or session.flags.get("all"):
        raise selection_error("selectors and the all flag cannot be used when passing resource/name arguments")
    names: list[Named] = []
    for word in words:
        resource, _, name = word.partition("/")
        if "/" in name:
            raise selection_error("arguments in resource/name form may not have more than one slash")
        if not resource or not name or "," in resource:
            raise selection_error("arguments in resource/name form must have a single resource and name")
        kind = kind_called(session, resource)
        _one_namespace(session, kind)
        names.append(Named(kind, name))
    return Selection(names=tuple(names))


def _by_file(session: Session, words: list[str]) -> Selection:
    if words:
        raise selection_error(
            "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
        )
    given = [each.obj for each in given_objects(session)]
    return Selection(names=tuple(Named(kind_of(obj), obj.name, obj.metadata.namespace) for obj in given))


def _kinds(session: Session, word: str) -> Iterator[Kind]:
    for each in word.split(","):
        yield from (kind_called(session, name) for name in (ALL if each == "all" else (each,)))


# -- reading them ------------------------------------------------------------------------------------------------------
def find(session: Session, kind: Kind, name: str, namespace: str | None = None) -> Any:
    """The object of that name. Raises `NotFound` in kubectl's words."""
    if kind.table == "events":
        for event in recorded_events(session.sim, namespace or session.namespace):
            if event.name == name:
                return event
        raise NotFound(f'Error from server (NotFound): events "{name}" not found')
    key = f"{namespace or session.namespace}/{name}" if kind.namespaced else name
    found = session.sim.state.get(kind.table, key)
    if found is None:
        raise NotFound(f'Error from server (NotFound): {kind.resource} "{name}" not found')
    return found


def targets(session: Session, words: list[str], *, everything: bool = False, ignore_absent: bool = False) -> list[Any]:
    """The objects that a command's words or files mean; one that is not there is noted and left out."""
    chosen = select(session, words, everything=everything)
    found = [obj for kind in chosen.kinds for obj in objects_of(session, kind)]
    for kind, name, namespace in chosen.names:
        try:
            found.append(find(session, kind, name, namespace))
        except NotFound as error:
            if not ignore_absent:
                session.failed(error)
    return found


def objects_of(session: Session, kind: Kind) -> list[Any]:
    """The objects of a kind that ``-n``, ``-A``, ``-l`` and ``--field-selector`` leave, by namespace and name."""
    namespace = None if session.all_namespaces or not kind.namespaced else session.namespace
    if kind.table == "events":
        found: Iterable[Any] = recorded_events(session.sim, namespace)
    else:
        found = (
            obj
            for obj in session.sim.state.table(kind.table).values()
            if namespace is None or obj.metadata.namespace == namespace
        )
    try:
        wanted = parse_selector(session.flags.get("selector"))
    except VolsimError as error:
        raise server_error(error) from None
    fields = _field_selector(session.flags.get("field-selector") or "")
    return [obj for obj in found if wanted.matches(obj.metadata.labels) and fields(obj, kind)]


def _field_selector(text: str) -> Callable[[Any, Kind], bool]:
    """Whether an object has the fields that ``--field-selector`` asks for."""
    wanted: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        name, operator, value = _field_term(part)
        wanted.append((name, value, operator != "!="))

    def matches(obj: Any, kind: Kind) -> bool:
        shown = to_manifest(obj) if wanted else {}
        return all((_field(shown, kind, name) == value) is equal for name, value, equal in wanted)

    return matches


def _field_term(part: str) -> tuple[str, str, str]:
    for operator in ("!=", "==", "="):
        name, found, value = part.partition(operator)
        if found:
            return name.strip(), operator, value.strip()
    raise selection_error(f'invalid selector: "{part}"; can\'t understand "{part}"')


_FIELDS = {
    "pods": [
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ],
    "events": [
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ],
    "secrets": ["type"],
    "namespaces": ["status.phase"],
    "replicasets": ["status.replicas"],
    "replicationcontrollers": ["status.replicas"],
    "jobs": ["status.successful"],
    "nodes": ["spec.unschedulable"],
    "services": ["spec.clusterIP", "spec.type"],
}
"""The fields that the API server can select by, besides a name and a namespace."""


def _field(shown: dict[str, Any], kind: Kind, name: str) -> str:
    if name not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind.table, ())):
        raise VolsimError(
            f'Error from server (BadRequest): Unable to find "{kind.resource}" that match label selector "", '
            f'field selector "{name}": field label not supported: {name}'
        )
    value: Any = shown
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):  # an event's source is selected by its component
        value = value.get("component")
    return "" if value is None else str(value)
