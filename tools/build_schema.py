"""Builds src/volsim/manifests/schema.json.gz: which fields every API type of Kubernetes has, and of what type.

Only facts are kept (names, types, first and last version); no text. They come from two published sources:

* the OpenAPI description of the newest version (`api/openapi-spec/swagger.json` of Kubernetes), and
* the models of the official Python client, one release for each older minor version. They know the kinds,
  versions and fields that were removed since.

Usage::

    python -m pip install --no-deps --target clients/1.15 kubernetes==11.0.0    # and so on up to 1.35
    python tools/build_schema.py --newest 1.36 swagger.json [--later later.json] clients/* OUT.json.gz

`later.json` names fields that are newer than the newest swagger: {"core.v1.PodSpec": {"field": "JSON"}}.

The result is one JSON object:

* `types`: type name -> field -> `TYPE` or `TYPE|first|last`. TYPE is `str int bool float Quantity Time MicroTime
  IntOrString bytes JSON`, the name of another type, or one of these behind `list:` or `map:`;
* `kinds`: apiVersion -> kind -> [type name, plural, namespaced, last version].
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAVES = {"Quantity", "Time", "MicroTime", "IntOrString"}
PYTHON_LEAVES = {"str": "str", "int": "int", "bool": "bool", "float": "float", "datetime": "Time", "object": "JSON"}
MODEL = re.compile(r"^([A-Za-z]*?)V(\d+(?:(?:alpha|beta)\d+)?)([A-Z]\w*)$")
CALL = re.compile(r"call_api\(\s+'(/[^']+)', 'GET',.*?response_type='(\w+)'", re.DOTALL)

Fields = dict[str, str]


def short(name: str) -> str:
    """`io.k8s.api.core.v1.PodSpec` -> `core.v1.PodSpec`."""
    return ".".join(name.split(".")[-3:])


def swagger_type(shape: dict[str, Any]) -> str:
    """The TYPE of one property of the swagger."""
    if "$ref" in shape:
        name = short(shape["$ref"].rpartition("/")[2])
        simple = name.rpartition(".")[2]
        if simple in LEAVES:
            return simple
        if simple in {"RawExtension", "FieldsV1", "JSON", "Patch"} or simple.startswith("JSONSchemaPropsOr"):
            return "JSON"
        return name
    match shape.get("type"):
        case "string":
            return "bytes" if shape.get("format") == "byte" else "str"
        case "integer":
            return "int"
        case "boolean":
            return "bool"
        case "number":
            return "float"
        case "array":
            return "list:" + swagger_type(shape["items"])
        case "object" if "additionalProperties" in shape:
            return "map:" + swagger_type(shape["additionalProperties"])
    return "JSON"


def read_swagger(path: Path) -> tuple[dict[str, Fields], dict[str, dict[str, list[Any]]]]:
    """Types and kinds of the newest version."""
    swagger = json.loads(path.read_text())
    types = {
        short(name): {field: swagger_type(shape) for field, shape in sorted(body.get("properties", {}).items())}
        for name, body in swagger["definitions"].items()
        if short(name).rpartition(".")[2] not in LEAVES
    }
    places = paths_of((path, found) for path, found in swagger_reads(swagger))
    kinds: dict[str, dict[str, list[Any]]] = {}
    for name, body in swagger["definitions"].items():
        gvks = body.get("x-kubernetes-group-version-kind", [])
        if len(gvks) != 1:
            continue  # DeleteOptions and WatchEvent belong to every group
        gvk = gvks[0]
        api_version = f"{gvk['group']}/{gvk['version']}".lstrip("/")
        plural, namespaced = places.get((api_version, short(name)), ("", True))
        kinds.setdefault(api_version, {})[gvk["kind"]] = [short(name), plural, namespaced]
    return types, kinds


def swagger_reads(swagger: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The paths that are read with GET, and the type of the answer."""
    for path, methods in swagger["paths"].items():
        answer = methods.get("get", {}).get("responses", {}).get("200", {}).get("schema", {})
        if "$ref" in answer:
            yield path, short(answer["$ref"].rpartition("/")[2])


def paths_of(reads: Iterator[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, bool]]:
    """(apiVersion, type) -> (plural, namespaced), from the paths that read one object."""
    found = {}
    for path, answer in reads:
        match = re.fullmatch(r"/(?:api/(v\w+)|apis/([\w.-]+/v\w+))/(namespaces/\{namespace\}/)?(\w+)/\{name\}", path)
        if match:
            found[match[1] or match[2], answer] = (match[4], bool(match[3]))
    return found


def literal(source: str, name: str) -> dict[str, str]:
    """The dict that a class of the client assigns to `name`."""
    match = re.search(rf"    {name} = (\{{.*?\}})", source, re.DOTALL)
    return ast.literal_eval(match[1]) if match else {}


def read_client(root: Path) -> tuple[str, dict[str, Fields], dict[tuple[str, str], tuple[str, bool]]]:
    """Version, models (manifest field names, Python types) and kinds' paths of one release of the client."""
    models: dict[str, Fields] = {}
    version = ""
    for path in sorted((root / "kubernetes/client/models").glob("*.py")):
        source = path.read_text()
        name = re.search(r"^class (\w+)\(object\)", source, re.MULTILINE)
        if not name:
            continue
        if not version:
            version = re.search(r"release-([\d.]+)", source)[1]  # type: ignore[index]
        types, names = literal(source, "openapi_types"), literal(source, "attribute_map")
        models[name[1]] = {names[field]: types[field] for field in types}
    reads = [
        found.groups()
        for path in sorted((root / "kubernetes/client/api").glob("*_v*_api.py"))
        for found in CALL.finditer(path.read_text())
    ]
    return version, models, paths_of(iter(reads))  # type: ignore[arg-type]


class Merger:
    """Puts the older versions' types beside the newest ones."""

    def __init__(self, types: dict[str, Fields], newest: int) -> None:
        self.types = types
        self.newest = newest
        self.seen: dict[str, dict[str, set[int]]] = {
            name: {field: {newest} for field in fields} for name, fields in types.items()
        }
        self.by_simple: dict[tuple[str, str], list[str]] = {}
        for name in types:
            _, version, simple = name.split(".")
            self.by_simple.setdefault((version, simple), []).append(name)

    def name_of(self, model: str, fields: Fields) -> str:
        """The newest version's type that a client model is, or the model's own name if there is none any more."""
        match = MODEL.match(model)
        if match is None:
            return model
        group, version, simple = match[1].lower(), "v" + match[2], match[3]
        candidates = self.by_simple.get((version, simple), [])
        if group:
            candidates = [name for name in candidates if name.split(".")[0].replace("-", "") == group]
        if not candidates:
            return model
        return max(candidates, key=lambda name: len(self.types[name].keys() & fields.keys()))

    def field_type(self, python: str, names: dict[str, str], simple: str, field: str) -> str:
        """A field's type in our words; the newest type of the same name knows what the client does not say."""
        same = [fields[field] for name, fields in self.types.items() if name.endswith("." + simple) and field in fields]
        if match := re.fullmatch(r"list\[(.*)\]", python):
            return "list:" + self.field_type(match[1], names, simple, "")
        if match := re.fullmatch(r"dict\(str, (.*)\)", python):
            if same and same[0].startswith("map:"):
                return same[0]
            return "map:" + self.field_type(match[1], names, simple, "")
        if python in PYTHON_LEAVES:
            # The client writes quantities as str and int-or-string as object: the newest type of the name knows.
            return same[0] if same and ":" not in same[0] and "." not in same[0] else PYTHON_LEAVES[python]
        return names.get(python, "JSON")

    def add(self, minor: int, models: dict[str, Fields]) -> dict[str, str]:
        """Take in one older release; returns model -> type name."""
        names = {model: self.name_of(model, fields) for model, fields in models.items()}
        for model, fields in models.items():
            name = names[model]
            simple = MODEL.match(model)[3] if MODEL.match(model) else model  # type: ignore[index]
            known, seen = self.types.setdefault(name, {}), self.seen.setdefault(name, {})
            for field, python in fields.items():
                if field not in known:
                    known[field] = self.field_type(python, names, simple, field)
                seen.setdefault(field, set()).add(minor)
        return names

    def with_versions(self) -> dict[str, Fields]:
        """All types; a field that came later than its type, or is gone, carries its first and last version."""
        result: dict[str, Fields] = {}
        for name, fields in self.types.items():
            minors = {minor for seen in self.seen.get(name, {}).values() for minor in seen}
            first, last = min(minors, default=self.newest), max(minors, default=self.newest)
            result[name] = {}
            for field, type_ in sorted(fields.items()):
                seen = self.seen[name].get(field, {self.newest + 1})
                since = f"|1.{min(seen)}|1.{max(seen)}" if min(seen) > first or max(seen) != last else ""
                result[name][field] = type_ + since
        return result


def reachable(types: dict[str, Fields], kinds: dict[str, dict[str, list[Any]]]) -> dict[str, Fields]:
    """The types that some kind needs."""
    wanted = [entry[0] for entries in kinds.values() for entry in entries.values()]
    kept: dict[str, Fields] = {}
    while wanted:
        name = wanted.pop()
        if name in kept or name not in types:
            continue
        kept[name] = types[name]
        wanted += [field.split("|")[0].rpartition(":")[2] for field in types[name].values()]
    return dict(sorted(kept.items()))


def main() -> None:
    """Read the releases that are given, and write the schema."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--newest", default="1.36", help="version of the swagger")
    parser.add_argument("--later", type=Path, help="fields that are newer still")
    parser.add_argument("swagger", type=Path)
    parser.add_argument("clients", type=Path, nargs="+", help="folders with one release of the client each")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()

    newest = int(arguments.newest.split(".")[1])
    types, kinds = read_swagger(arguments.swagger)
    for entries in kinds.values():
        for entry in entries.values():
            entry.append(arguments.newest)
    merger = Merger(types, newest)
    clients = sorted((read_client(root) for root in arguments.clients), key=lambda c: -int(c[0].split(".")[1]))
    for version, models, places in clients:
        names = merger.add(int(version.split(".")[1]), models)
        for (api_version, model), (plural, namespaced) in sorted(places.items()):
            match = MODEL.match(model)
            if match and model in names:
                kinds.setdefault(api_version, {}).setdefault(match[3], [names[model], plural, namespaced, version])
    if arguments.later:
        for name, fields in json.loads(arguments.later.read_text()).items():
            merger.types[name].update(fields)
    facts: dict[str, dict[str, Any]] = {
        "kinds": {version: dict(sorted(entries.items())) for version, entries in sorted(kinds.items())},
        "types": reachable(merger.with_versions(), kinds),
    }
    text = json.dumps(facts, separators=(",", ":"))
    arguments.out.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(facts['types'])} types, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
