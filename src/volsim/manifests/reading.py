"""From what was given to objects: every field compared with what Kubernetes has, every problem told at once.

Modelled: kinds and fields since 1.15, their types, Lists, kinds from before 1.15 and custom resources as they are.
Not modelled: rules about values; those are the API server's (`apiserver/`).
Source: kube-apiserver, strict decoding of typed objects (field validation `Strict`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

import attrs

from volsim.errors import Problem, did_you_mean
from volsim.manifests import schema
from volsim.manifests.given import Given, plain
from volsim.manifests.times import parse_time, timestamp
from volsim.manifests.writing import is_answer
from volsim.objects import FrozenDict, GenericObject, Object, ObjectMeta, camel, frozen_json
from volsim.quantity import Quantity

__all__ = ["Notice", "Reader"]


class Notice(NamedTuple):
    """Something that was kept but that volsim does not act on; `path` has no indexes and is empty for a whole kind.

    >>> print(Notice("pod.yaml", 7, 3, "Pod", "spec.dnsConfig", "is kept, but not modelled"))
    pod.yaml:7:3: Pod: spec.dnsConfig is kept, but not modelled
    """

    source: str
    line: int
    column: int
    kind: str
    path: str
    text: str

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        what = f"{self.kind}: {self.path}" if self.path else self.kind
        return f"{place}: {what} {self.text}"


class Reader:
    """Reads the documents of one `load`; collects objects, problems and notices over all of its sources."""

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.places: list[tuple[str, int]] = []
        """Source and line of each object."""
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self._said: set[tuple[str, str]] = set()
        self._source = ""
        self._kind = ""

    def document(self, given: Given, source: str, path: str = "", inherited: tuple[str, str] | None = None) -> None:
        """Read one manifest (or a List of them) and keep what comes of it."""
        self._source = source
        if not isinstance(given.value, dict):
            what = f"a manifest is a map with apiVersion and kind, but this is {_shape(given.value)}"
            self.problem(given, path, what)
            return
        identity = self.identity(given, path, inherited)
        if identity is None:
            return
        api_version, kind = identity
        if kind.endswith("List") and self.is_list(api_version, kind, given):
            self.items(given, path, api_version, kind)
            return
        before = len(self.problems)
        self._kind = kind
        made = self.top_level(given, path, api_version, kind)
        if made is not None and len(self.problems) == before:
            self.objects.append(made)
            self.places.append((source, given.line))

    # -- which kind it is

    def identity(self, given: Given, path: str, inherited: tuple[str, str] | None) -> tuple[str, str] | None:
        """The apiVersion and kind of a document; None, with a problem told, if they cannot be known."""
        found = []
        for index, name in enumerate(("apiVersion", "kind")):
            item = given.value.get(name)
            if item is None or item.value is None or item.value == "":
                if inherited:
                    found.append(inherited[index])
                    continue
                example = "'v1'" if name == "apiVersion" else "'Pod'"
                near = [key for key in given.value if key.lower() == name.lower()]
                remedy = (
                    f"did you mean '{name}' where '{near[0]}' stands?" if near else f"write it, for example {example}"
                )
                self.problem(given, _at(path, name), f"is missing; {remedy}")
            elif not isinstance(item.value, str):
                self.problem(item, _at(path, name), f"must be a text, but this is {_shape(item.value)}")
            else:
                found.append(item.value)
        return (found[0], found[1]) if len(found) == 2 else None

    def is_list(self, api_version: str, kind: str, given: Given) -> bool:
        """Whether the document is a List, and not an object whose kind happens to end so."""
        if kind == "List":
            return True
        item = kind.removesuffix("List")
        known = schema.kind_fact(api_version, item) is not None or schema.existed_before(api_version, item)
        return known or (
            not schema.is_kubernetes_group(api_version.rpartition("/")[0])
            and isinstance(given.value.get("items", given).value, list)
        )

    def items(self, given: Given, path: str, api_version: str, kind: str) -> None:
        """Read each item of a List as a document of its own; its kind may follow from the List's."""
        items = given.value.get("items")
        for key in (key for key in given.value if key not in _LIST_FIELDS):
            self.unknown(given.value[key], _at(path, key), key, dict.fromkeys(_LIST_FIELDS, schema.FieldFact("JSON")))
        if items is None or items.value is None:
            return
        if not isinstance(items.value, list):
            self.problem(items, _at(path, "items"), f"must be a list, but this is {_shape(items.value)}")
            return
        inherited = None if kind == "List" else (api_version, kind.removesuffix("List"))
        for index, item in enumerate(items.value):
            self.document(item, self._source, f"{_at(path, 'items')}[{index}]", inherited)

    def top_level(self, given: Given, path: str, api_version: str, kind: str) -> Object | None:
        """The object that a document with a known apiVersion and kind stands for; None if there is none."""
        fact = schema.kind_fact(api_version, kind)
        if fact is None:
            return self.unknown_kind(given, path, api_version, kind)
        model = schema.model_of(api_version, kind)
        if model is not None:
            made: Object = self.record(given, path, fact.type, model, top=True)
            if (
                isinstance(made, Object) and made.carried and is_answer(made.metadata)
            ):  # it shows these two, be they empty
                kept = {key: item for key, item in made.carried.items() if item or key not in ("spec", "status")}
                made = made.replace(carried=FrozenDict(kept))
            return made.replace(api_version=api_version)
        self.notice(given, "", f"({api_version}) is kept, but not modelled")
        self.check(fact.type, given, path)
        return self.generic(given, path, api_version, kind)

    def unknown_kind(self, given: Given, path: str, api_version: str, kind: str) -> Object | None:
        """What is kept of a kind that is older than 1.15 or a custom resource; a problem for a misspelt one."""
        if schema.existed_before(api_version, kind):
            self.notice(given, "", f"({api_version}) is from before Kubernetes 1.15; it is kept, but not modelled")
        elif schema.is_kubernetes_group(api_version.rpartition("/")[0]):
            wrong = given.value.get("kind" if schema.known_version(api_version) else "apiVersion", given)
            name = "kind" if schema.known_version(api_version) else "apiVersion"
            self.problem(wrong, _at(path, name), schema.unknown_kind(api_version, kind))
            return None
        elif api_version.count("/") != 1 or not re.fullmatch(r"v\d+\w*", api_version.rpartition("/")[2]):
            wrong = given.value.get("apiVersion", given)
            self.problem(
                wrong, _at(path, "apiVersion"), f"'{api_version}' is no group/version, such as 'example.com/v1'"
            )
            return None
        else:
            self.notice(given, "", f"({api_version}) is a custom resource; it is kept, but not modelled")
        return self.generic(given, path, api_version, kind)

    def generic(self, given: Given, path: str, api_version: str, kind: str) -> Object:
        """An object of a kind that is not modelled: its metadata is read, the rest is kept as it is."""
        metadata = given.value.get("metadata")
        meta = ObjectMeta()
        if metadata is not None and metadata.value is not None:
            made = self.value("meta.v1.ObjectMeta", metadata, _at(path, "metadata"))
            meta = made if isinstance(made, ObjectMeta) else meta
        body = {
            name: _without_nulls(plain(item))
            for name, item in given.value.items()
            if name not in ("apiVersion", "kind", "metadata") and item.value is not None
        }
        return GenericObject(api_version=api_version, kind=kind, metadata=meta, body=body)

    # -- fields

    def record(self, given: Given, path: str, type_name: str, cls: type, *, top: bool = False) -> Any:
        """A record of the fields that are modelled; the others are checked all the same, and carried.

        apiVersion and kind of a top-level object have been read before; inside of another object (a claim template)
        they say nothing, and are carried without a word.
        """
        fields, modelled = schema.fields_of(type_name) or {}, _modelled(cls)
        values: dict[str, Any] = {}
        carried: dict[str, Any] = {}
        for name, item in given.value.items():
            if name in ("apiVersion", "kind") and issubclass(cls, Object):
                if not top and item.value is not None:
                    carried[name] = self.text(item, _at(path, name))
            elif name not in fields:
                self.unknown(item, _at(path, name), name, fields)
            elif item.value is not None:
                made = self.value(fields[name].type, item, _at(path, name))
                if name not in modelled:
                    carried[name] = frozen_json(_without_nulls(plain(item)))
                    self.carried(item, _at(path, name), fields[name])
                    continue
                values[modelled[name]] = made
                unusual = _unusual(item, made, fields[name].type)
                if unusual is not None and (item.value or not _shown_if_empty(cls, modelled[name])):
                    carried[name] = unusual
        return cls(**values, carried=carried)

    def carried(self, item: Given, path: str, fact: schema.FieldFact) -> None:
        """Say that a field is kept, but not modelled."""
        gone = f" (gone since Kubernetes {fact.last})" if fact.last and fact.last < "1.36" else ""
        self.notice(item, re.sub(r"\[\d+\]", "[]", _without_item(path)), f"is kept, but not modelled{gone}")

    def check(self, type_name: str, given: Given, path: str) -> None:
        """Tell the problems of a map whose type is not modelled."""
        fields = schema.fields_of(type_name) or {}
        for name, item in given.value.items():
            if name not in fields:
                self.unknown(item, _at(path, name), name, fields)
            elif item.value is not None:
                self.value(fields[name].type, item, _at(path, name))

    def hint(self, fields: Mapping[str, schema.FieldFact], name: str, item: Given) -> str:
        """Where a misplaced field belongs, if that can be told."""
        if "/" in name and "annotations" in fields:
            return "a name with '/' belongs into 'annotations' or 'labels'"
        for other, fact in fields.items():
            inside = fact.type.removeprefix("list:")
            if name in (schema.fields_of(inside) or {}) and other not in ("metadata", "status"):
                return f"'{name}' belongs into '{other}{'[]' if fact.type.startswith('list:') else ''}'"
        near = did_you_mean(name, fields)
        if near.startswith("did you mean") or not isinstance(item.value, dict):
            return near
        known = [key for key in item.value if key in fields]
        if known and 2 * len(known) >= len(item.value):
            return f"'{known[0]}' stands here directly, without '{name}' around it"
        return near

    def unknown(self, item: Given, path: str, name: str, fields: Mapping[str, schema.FieldFact]) -> None:
        """Tell the problem of a field that Kubernetes does not have, with a remedy."""
        remedy = self.hint(fields, name, item) or f"remove it; there is no '{name}' here"
        self.problems.append(Problem(self._source, item.key_line, item.key_column, path, f"unknown field; {remedy}"))

    def value(self, type_name: str, given: Given, path: str) -> Any:
        """The value as the record keeps it; None, with a problem told, if it is of a wrong type."""
        scalar = _SCALARS.get(type_name)
        if scalar is not None:
            return scalar(self, given, path)
        outer, _, inner = type_name.partition(":")
        value = given.value
        if outer == "list":
            if not isinstance(value, list):
                self.wrong(given, path, "a list", "begin each item with '- '")
                if isinstance(value, dict) and schema.fields_of(inner):
                    self.value(inner, given, path)  # most likely the one item without its '- ': tell its problems too
                return None
            return tuple(self.item(inner, item, f"{path}[{index}]") for index, item in enumerate(value))
        if outer == "map":
            if not isinstance(value, dict):
                return self.wrong(given, path, "a map", "write 'key: value' lines")
            return FrozenDict(
                {key: self.item(inner, item, _at(path, key)) for key, item in value.items() if item.value is not None}
            )
        if type_name == "JSON":
            return frozen_json(_without_nulls(plain(given)))
        if not isinstance(value, dict):
            return self.wrong(given, path, "a map", self.usual_fields(type_name))
        cls = schema.record_for(type_name)
        if cls is not None:
            return self.record(given, path, type_name, cls)
        self.check(type_name, given, path)
        return frozen_json(_without_nulls(plain(given)))

    def item(self, type_name: str, given: Given, path: str) -> Any:
        """One item of a list or map; a null there is the empty value of its type, as it is for the API server."""
        if given.value is not None:
            return self.value(type_name, given, path)
        empty: dict[str, Any] = {"str": "", "int": 0, "bool": False, "Quantity": "0", "IntOrString": 0, "bytes": ""}
        return self.value(type_name, Given(empty.get(type_name, {}), given.line, given.column), path)

    def usual_fields(self, type_name: str) -> str:
        """A remedy for what should have been a map: the fields that it could have."""
        fields = list(schema.fields_of(type_name) or {})
        shown = ", ".join(f"'{name}'" for name in fields[:6])
        return f"its fields are {shown}{', …' if len(fields) > 6 else ''}" if fields else "write 'key: value' lines"

    # -- scalars

    def text(self, given: Given, path: str) -> Any:
        """A text; the API server takes nothing else for one."""
        if isinstance(given.value, str):
            return given.value
        if isinstance(given.value, dict | list):
            return self.wrong(given, path, "a text", "write it on one line, in quotes if need be")
        shown = "true" if given.value is True else "false" if given.value is False else given.value
        return self.wrong(given, path, "a text", f'quote it: "{shown}"')

    def whole(self, given: Given, path: str) -> Any:
        """A whole number."""
        if isinstance(given.value, int) and not isinstance(given.value, bool):
            return given.value
        quoted = isinstance(given.value, str) and re.fullmatch(r"-?\d+", given.value)
        return self.wrong(
            given, path, "a whole number", f"write {given.value} without quotes" if quoted else "write digits only"
        )

    def number(self, given: Given, path: str) -> Any:
        """A number, whole or not."""
        if isinstance(given.value, int | float) and not isinstance(given.value, bool):
            return given.value
        return self.wrong(given, path, "a number", "write it without quotes")

    def truth(self, given: Given, path: str) -> Any:
        """True or false."""
        if isinstance(given.value, bool):
            return given.value
        return self.wrong(given, path, "true or false", "write true or false, without quotes")

    def int_or_string(self, given: Given, path: str) -> Any:
        """A port, a percentage: a whole number or a text."""
        if isinstance(given.value, int | str) and not isinstance(given.value, bool):
            return given.value
        return self.wrong(
            given, path, "a whole number or a text", "write a number, a name or a percentage such as '25%'"
        )

    def quantity(self, given: Given, path: str) -> Any:
        """A quantity, in any of the ways in which YAML can hold one."""
        value = given.value
        try:
            if isinstance(value, float):
                return Quantity.of_decimal(value)
            if isinstance(value, int | str) and not isinstance(value, bool):
                return Quantity(value.strip() if isinstance(value, str) else value)  # the API server trims blanks too
        except ValueError as error:
            return self.problem(given, path, str(error))
        return self.wrong(given, path, "a quantity", "write it like '10Gi' or '500m'")

    def time(self, given: Given, path: str) -> Any:
        """A time, as microseconds since the simulation's start."""
        if not isinstance(given.value, str):
            return self.wrong(given, path, "a time", "write it like '2026-01-01T12:00:00Z'")
        try:
            return parse_time(given.value)
        except ValueError as error:
            return self.problem(given, path, str(error))

    # -- telling

    def wrong(self, given: Given, path: str, wanted: str, remedy: str) -> None:
        """Tell the problem of a value that is of another type than the field's."""
        self.problem(given, path, f"must be {wanted}, but this is {_shape(given.value)}; {remedy}")

    def problem(self, given: Given, path: str, text: str) -> None:
        """Tell a problem with a value."""
        self.problems.append(Problem(self._source, given.line, given.column, path, text))

    def notice(self, given: Given, path: str, text: str) -> None:
        """Say once what is kept without being acted on."""
        key = (self._kind if path else f"{self._kind} {text}", path)
        if key not in self._said:
            self._said.add(key)
            self.notices.append(Notice(self._source, given.key_line, given.key_column, self._kind, path, text))


_LIST_FIELDS = ("apiVersion", "kind", "metadata", "items")

_SCALARS: dict[str, Callable[[Reader, Given, str], Any]] = {
    "str": Reader.text,
    "bytes": Reader.text,
    "int": Reader.whole,
    "float": Reader.number,
    "bool": Reader.truth,
    "IntOrString": Reader.int_or_string,
    "Quantity": Reader.quantity,
    "Time": Reader.time,
    "MicroTime": Reader.time,
}


@cache
def _modelled(cls: type) -> dict[str, str]:
    """The fields of a record by their names in a manifest."""
    return {camel(field.name): field.name for field in attrs.fields(cls) if field.name != "carried"}


def _unusual(item: Given, made: Any, type_name: str) -> Any:
    """What was given, if it cannot be told from the value: an empty map or list, an unusual way to write a time.

    None if the value says it all.
    """
    if isinstance(item.value, dict | list) and not item.value:
        return frozen_json(item.value)
    time = type_name.removeprefix("map:")
    if made is None or time not in ("Time", "MicroTime"):
        return None
    values = made.values() if isinstance(made, dict) else (made,)
    given = frozen_json(plain(item))
    texts = given.values() if isinstance(made, dict) else (given,)
    usual = all(timestamp(value, micro=time == "MicroTime") == text for value, text in zip(values, texts, strict=False))
    return None if usual else given


@cache
def _shown_if_empty(cls: type, attribute: str) -> bool:
    """Whether an empty value of the field says of itself that it was given: nothing would be None."""
    return getattr(attrs.fields(cls), attribute).default is None


def _at(path: str, name: str) -> str:
    step = _step(name)
    return f"{path}{step}" if path else step.removeprefix(".")


@lru_cache(maxsize=4096)
def _step(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[\w-]+", name) else f"[{name}]"


def _without_item(path: str) -> str:
    """The path inside of an object that is an item of a List."""
    return re.sub(r"^(?:items\[\d+\]\.?)+", "", path)


def _shape(value: Any) -> str:
    """What a user would call the value."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {'true' if value else 'false'}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:40] + '…' if len(value) > 40 else value!r}"
        case list():
            return "a list"
    return "a map"


def _without_nulls(value: Any) -> Any:
    """JSON without the fields that are null; a null in a list stays, its place counts."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
