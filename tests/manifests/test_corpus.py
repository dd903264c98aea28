"""Every file of the collection of real manifests gets the answer that it deserves.

`corpus_verdicts.json` holds one verdict for each file: what it loads as and what is not modelled in it, or exactly
which problems it is refused for. After a change that is meant, `python tests/manifests/test_corpus.py` writes it anew;
read the difference before it is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from volsim import objects
from volsim.errors import ManifestError
from volsim.manifests import read, to_manifest

CORPUS = Path(__file__).parents[2] / ".." / "shared" / "manifests"
VERDICTS = Path(__file__).with_name("corpus_verdicts.json")
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the collection of manifests lies beside the repository")


@cache
def index() -> list[dict[str, Any]]:
    if not CORPUS.is_dir():
        return []
    found: list[dict[str, Any]] = json.loads((CORPUS / "INDEX.json").read_text(encoding="utf-8"))
    return found


def files(*, loading: bool | None = None) -> list[str]:
    known = json.loads(VERDICTS.read_text(encoding="utf-8")) if VERDICTS.exists() else {}
    names = [entry["file"] for entry in index()]
    return [name for name in names if loading is None or ("objects" in known.get(name, {})) is loading]


def verdict(name: str) -> dict[str, Any]:
    """What comes of one file, with places but without its path."""
    path = CORPUS / name
    try:
        reading = read(path)
    except ManifestError as error:
        return {"refused": [str(problem).removeprefix(f"{path}:") for problem in error.problems]}
    said = [str(notice).removeprefix(f"{path}:") for notice in reading.notices]
    kinds = [f"{obj.api_version} {obj.kind}" for obj in reading.objects]
    return {"objects": kinds, **({"notices": said} if said else {})}


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def items(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if document["kind"].endswith("List"):
        for item in document.get("items") or []:
            yield from items(item)
    else:
        yield document


class PlainLoader(yaml.SafeLoader):
    """PyYAML as it is, except that dates are texts and keys are texts, as they are in JSON."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        self.flatten_mapping(node)
        pairs = ((self.construct_object(key), self.construct_object(item, deep=True)) for key, item in node.value)
        return {key if isinstance(key, str) else json.dumps(key): item for key, item in pairs}


def scalar(loader: PlainLoader, node: yaml.ScalarNode) -> Any:
    return loader.construct_scalar(node)


def mapping(loader: PlainLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", scalar)
PlainLoader.add_constructor("tag:yaml.org,2002:map", mapping)


@pytest.mark.parametrize("name", files())
def test_the_verdict_is_the_pinned_one(name: str) -> None:
    pinned = json.loads(VERDICTS.read_text(encoding="utf-8"))
    assert verdict(name) == pinned[name]


@pytest.mark.parametrize("name", files(loading=True))
def test_what_was_given_comes_back(name: str) -> None:
    text = (CORPUS / name).read_text(encoding="utf-8")
    given = [item for document in yaml.load_all(text, PlainLoader) if document for item in items(document)]
    shown = [to_manifest(obj) for obj in read(CORPUS / name).objects]
    assert shown == [without_nulls(item) for item in given]


@pytest.mark.parametrize("name", files(loading=True))
def test_manifest_and_repr_rebuild_the_object(name: str) -> None:
    for obj in read(CORPUS / name).objects:
        assert read(to_manifest(obj)).objects == (obj,)
        assert eval(repr(obj), dict(vars(objects))) == obj


def test_every_file_has_a_verdict() -> None:
    assert set(files()) == set(json.loads(VERDICTS.read_text(encoding="utf-8")))


def test_what_does_not_parse_is_refused_with_a_place() -> None:
    pinned = json.loads(VERDICTS.read_text(encoding="utf-8"))
    for entry in index():
        if not entry["parses"]:
            [first, *_] = pinned[entry["file"]]["refused"]
            line, column, _ = first.split(":", 2)
            assert int(line) >= 1
            assert int(column) >= 1


if __name__ == "__main__":
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(verdict(name), ensure_ascii=False)}" for name in files())
    VERDICTS.write_text("{\n" + lines + "\n}\n", encoding="utf-8")
