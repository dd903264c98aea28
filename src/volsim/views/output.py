"""How objects are printed other than in tables: YAML, JSON, names, JSONPath, custom columns; and the order of lists.

Source: cli-runtime, pkg/printers (yaml.go, json.go, name.go, jsonpath.go) and pkg/genericclioptions; kubectl,
pkg/cmd/get (customcolumn.go, sorter.go, get.go printGeneric).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from volsim.errors import VolsimError
from volsim.manifests import to_manifest
from volsim.objects import Object
from volsim.quantity import Quantity
from volsim.views.jsonpath import JsonPathError, Template, relaxed
from volsim.views.session import Session
from volsim.views.tables import aligned

__all__ = ["FORMATS", "as_json", "as_list", "as_yaml", "check_format", "print_data", "shown_object", "sort_by"]

FORMATS = (
    "custom-columns",
    "custom-columns-file",
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "name",
    "template",
    "templatefile",
    "wide",
    "yaml",
)
NOT_MODELLED = ("custom-columns-file", "go-template", "go-template-file", "jsonpath-file", "template", "templatefile")


class _Dumper(yaml.SafeDumper):
    """YAML as kubectl's library writes it: what could be read as something else than a text is in double quotes."""


# What YAML 1.1 reads as a number, a truth value or a merge, and PyYAML's resolver does not.
_NOT_PLAIN = re.compile(
    r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?|[-+]?0[xob][\da-fA-F_]+|[yYnN]|<<|=|[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?",
    re.ASCII,
)
_BREAKS = re.compile("[\x85\u2028\u2029]")  # line ends to YAML, not to Python
_NO_BLOCK = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]|[ \t](\n|$)|^\s")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = dumper.resolve(yaml.ScalarNode, text, (True, False)) == "tag:yaml.org,2002:str"  # type: ignore[no-untyped-call]
    style = None if plain and not _NOT_PLAIN.fullmatch(text) and not _BREAKS.search(text) else '"'
    if "\n" in text and not _NO_BLOCK.search(text):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]


def as_yaml(data: Any) -> str:
    """Data as `kubectl get -o yaml` prints it: keys sorted.

    >>> print(as_yaml({"kind": "Pod", "apiVersion": "v1", "items": [{"a": 1}]}), end="")
    apiVersion: v1
    items:
    - a: 1
    kind: Pod
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=2**31, default_flow_style=False)


def as_json(data: Any) -> str:
    """Data as `kubectl get -o json` prints it: four blanks, keys sorted."""
    return json.dumps(data, indent=4, sort_keys=True, ensure_ascii=False) + "\n"


def shown_object(obj: Object) -> dict[str, Any]:
    """An object as the API server answers."""
    return to_manifest(obj)


def as_list(session: Session, objects: Sequence[Object]) -> dict[str, Any]:
    """Several objects as one `List`."""
    metadata: dict[str, Any] = {"resourceVersion": ""}
    if session.dialect.list_self_link:
        metadata["selfLink"] = ""
    return {"apiVersion": "v1", "items": [shown_object(obj) for obj in objects], "kind": "List", "metadata": metadata}


def check_format(session: Session) -> tuple[str, str]:
    """The output format asked for, and its template. Raises for a format that there is not.

    `jsonpath=…` has the template behind the sign.
    """
    given: str = session.flags.get("output") or ""
    name, _, template = given.partition("=")
    if name not in FORMATS and name != "":
        raise VolsimError(
            f'error: unable to match a printer suitable for the output format "{given}", allowed formats are: '
            f"{','.join(FORMATS)}"
        )
    if name in NOT_MODELLED:
        raise VolsimError(f"error: -o {name} is not modelled; use -o jsonpath='{{…}}' or -o custom-columns=…")
    if name.startswith("jsonpath") and not template:
        raise VolsimError("error: template format specified but no template given")
    if name == "custom-columns" and not template:
        raise VolsimError("error: custom-columns format specified but no custom columns given")
    return name, template


def print_data(session: Session, data: Mapping[str, Any], objects: Sequence[Object]) -> str:
    """An object or a list in the format of ``-o``; `objects` are the same as `data` holds."""
    name, template = check_format(session)
    match name:
        case "yaml":
            return as_yaml(data)
        case "json":
            return as_json(data)
        case "name":
            return "".join(f"{session.name_of(obj)}\n" for obj in objects)
        case "jsonpath" | "jsonpath-as-json":
            return _jsonpath(template, data, whole=name == "jsonpath-as-json")
        case "custom-columns":
            items = [shown_object(obj) for obj in objects]
            return _custom_columns(template, items, headers=not session.flags.get("no-headers"))
    raise AssertionError(f"{name} is printed as a table")


def _jsonpath(template: str, data: Any, *, whole: bool) -> str:
    try:
        parsed = Template(template)
    except JsonPathError as error:
        raise VolsimError(f"error: error parsing jsonpath {template}, {error}") from None
    try:
        return "".join(map(as_json, parsed.results(data))) if whole else parsed.text(data)
    except JsonPathError as error:
        raise VolsimError(f'error: error executing jsonpath "{template}": Error executing template: {error}') from None


# -- custom columns ----------------------------------------------------------------------------------------------------
def _custom_columns(spec: str, items: Sequence[Any], *, headers: bool) -> str:
    titles, paths = [], []
    for part in spec.split(","):
        title, colon, path = part.partition(":")
        if not colon or not title:
            raise VolsimError(f"error: unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        titles.append(title)
        paths.append(_path(path))
    rows = [titles] if headers else []
    rows += [[",".join(map(_cell, path.values(item))) or "<none>" for path in paths] for item in items]
    return aligned("\t".join(row) for row in rows)


def _path(text: str) -> Template:
    try:
        return Template(relaxed(text))
    except JsonPathError as error:
        raise VolsimError(f"error: {error}") from None


def _cell(value: Any) -> str:
    if value is None:
        return "<none>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_cell(item)}" for key, item in sorted(value.items())) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_cell, value)) + "]"
    return str(value)


# -- order -------------------------------------------------------------------------------------------------------------
def sort_by(field: str, objects: Sequence[Any]) -> list[Any]:
    """The objects in the order of a field's values, as ``--sort-by`` sorts them; those without it come first.

    Raises `VolsimError` if the field cannot be read or no object has it.
    """
    try:
        path = Template(relaxed(field))
        found = [(_first(path, obj), obj) for obj in objects]
    except JsonPathError as error:
        raise VolsimError(f"error: {error}") from None
    if objects and all(value is None for value, _ in found):
        raise VolsimError(f'error: couldn\'t find any field with path "{relaxed(field)}" in the list of objects')
    ranked = sorted(found, key=lambda pair: _rank(pair[0]))
    return [obj for _, obj in ranked]


def _first(path: Template, obj: Object) -> Any:
    return next(iter(path.values(shown_object(obj))), None)


def _rank(value: Any) -> tuple[int, Any]:
    """A key by which values of one kind sort; what is not there comes first, quantities by their amount."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool | int | float):
        return (1, value)
    if isinstance(value, str):
        try:
            return (1, Quantity(value).nano / 10**9)
        except ValueError:
            return (2, _natural(value))
    return (3, json.dumps(value, sort_keys=True))


_natural: Callable[[str], Any] = lambda text: [  # noqa: E731 - digits by their number: pod-2 before pod-10
    (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part
]
