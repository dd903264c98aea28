"""Laws of reading and writing, over manifests made from the API's own description."""

from __future__ import annotations

import gzip
import json
from importlib import resources
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from volsim import objects
from volsim.errors import ManifestError
from volsim.manifests import read, to_manifest
from volsim.manifests.writing import is_answer
from volsim.objects import KINDS

FACTS = json.loads(gzip.decompress(resources.files("volsim.manifests").joinpath("schema.json.gz").read_bytes()))
TYPES: dict[str, dict[str, str]] = FACTS["types"]
IDENTITIES = [
    (api_version, kind, entry[0])
    for api_version, kinds in FACTS["kinds"].items()
    for kind, entry in kinds.items()
    if kind in KINDS and api_version.rpartition("/")[0] in (KINDS[kind].GROUP, "extensions")
]
DEPTH = 7  # deep enough for a container's probe inside of a cron job's template

words = st.text("abyn019.-_/ :é", max_size=6)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "str": words,
    "bytes": st.sampled_from(["", "aGVsbG8="]),
    "int": st.integers(-5, 2**40),
    "float": st.floats(-5, 5).filter(lambda x: not x.is_integer()),
    "bool": st.booleans(),
    "Quantity": st.one_of(
        st.sampled_from(["1Gi", "1024Mi", "0.5", "1e3", "0", "1.50k"]), st.integers(0, 9), st.just(0.5)
    ),
    "Time": st.sampled_from(["2026-01-01T00:00:00Z", "1999-12-31T23:59:59+02:00", "2031-01-01T00:00:00.25Z"]),
    "MicroTime": st.sampled_from(["2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00Z"]),
    "IntOrString": st.one_of(st.integers(0, 9), st.just("25%")),
    "JSON": st.recursive(
        st.one_of(words, st.integers(0, 9), st.booleans()),
        lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(words, inner, max_size=2)),
        max_leaves=4,
    ),
}


@st.composite
def values(draw: st.DrawFn, type_: str, depth: int = DEPTH) -> Any:
    """A value of an API type, empty ones included."""
    outer, _, inner = type_.partition(":")
    if outer == "list":
        return [draw(values(inner, depth)) for _ in range(draw(st.integers(0, 2)) if depth else 0)]
    if outer == "map":
        return draw(st.dictionaries(words, values(inner, depth), max_size=2))
    if type_ in SCALARS:
        return draw(SCALARS[type_])
    fields = TYPES[type_]
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=4, unique=True)) if depth and fields else []
    return {name: draw(values(fields[name].partition("|")[0], depth - 1)) for name in chosen}


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """A manifest of a modelled kind in any of its versions: right in form, most often senseless."""
    api_version, kind, type_ = draw(st.sampled_from(IDENTITIES))
    return {**draw(values(type_)), "apiVersion": api_version, "kind": kind}


class QuotingDumper(yaml.SafeDumper):
    """Quotes every text: PyYAML leaves `y`, `n` and `09` bare, which are no texts to go-yaml."""


QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


laws = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@laws
@given(manifests())
def test_what_goes_in_comes_out(manifest: dict[str, Any]) -> None:
    [made] = read(manifest).objects
    shown = to_manifest(made)
    if is_answer(made.metadata):  # what a server would add to it
        shown = {key: item for key, item in shown.items() if item or key in manifest}
    assert shown == manifest


@laws
@given(manifests())
def test_yaml_and_json_say_the_same_as_a_dict(manifest: dict[str, Any]) -> None:
    made = read(manifest).objects
    assert read(json.dumps(manifest)).objects == made
    assert read("# text\n" + yaml.dump(manifest, Dumper=QuotingDumper, allow_unicode=True)).objects == made


@laws
@given(manifests())
def test_repr_and_replace_rebuild_the_object(manifest: dict[str, Any]) -> None:
    [made] = read(manifest).objects
    rebuilt = eval(repr(made), dict(vars(objects)))
    assert rebuilt == made
    assert hash(rebuilt) == hash(made)
    assert made.replace() == made


@laws
@given(manifests(), st.data())
def test_an_unknown_field_anywhere_is_told_at_its_path(manifest: dict[str, Any], data: st.DataObject) -> None:
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    here, type_, path = manifest, FACTS["kinds"][api_version][kind][0], ""
    while True:
        inner = sorted(
            name
            for name, value in here.items()
            if type_ in TYPES and isinstance(value, dict) and TYPES[type_].get(name, "JSON").partition("|")[0] in TYPES
        )
        if not inner or data.draw(st.booleans()):
            break
        name = data.draw(st.sampled_from(inner))
        here, type_, path = here[name], TYPES[type_][name].partition("|")[0], f"{path}{name}."
    assume(type_ in TYPES)
    here["noSuchThing"] = 1
    with pytest.raises(ManifestError) as caught:
        read(manifest)
    assert [problem.path for problem in caught.value.problems] == [f"{path}noSuchThing"]


@laws
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_makes_anything_but_objects_or_a_manifest_error(text: str) -> None:
    try:
        reading = read(text + "\n")
    except ManifestError as error:
        assert error.problems
    else:
        assert reading.objects == ()


@laws
@given(SCALARS["JSON"])
def test_no_data_makes_anything_but_objects_or_a_manifest_error(value: Any) -> None:
    source = {"apiVersion": "v1", "kind": "Pod", "metadata": value, "spec": {"containers": value, "volumes": [value]}}
    try:
        read(source)
    except ManifestError as error:
        assert error.problems
