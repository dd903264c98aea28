"""Records mirror the API, compare by value, print as Python that rebuilds them, and copy fast."""

from __future__ import annotations

import gzip
import json
from importlib import resources
from typing import Any

import attrs
import pytest

from volsim import objects
from volsim.errors import NotFound, VolsimError
from volsim.objects import (
    KINDS,
    FrozenDict,
    GenericObject,
    LabelSelector,
    LabelSelectorRequirement,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeSpec,
    Pod,
    Quantity,
    Record,
    TopologySelectorLabelRequirement,
    TopologySelectorTerm,
    camel,
    parse_ref,
    resolve_kind,
    snake,
)

RECORDS = [
    cls
    for name in objects.__all__
    if isinstance(cls := getattr(objects, name), type) and issubclass(cls, Record) and attrs.has(cls)
]


def api_fields() -> set[str]:
    packed = resources.files("volsim.manifests").joinpath("schema.json.gz").read_bytes()
    types = json.loads(gzip.decompress(packed))["types"]
    return {field for fields in types.values() for field in fields}


def test_names_of_all_modelled_fields_translate_both_ways() -> None:
    known = api_fields()
    for cls in RECORDS:
        for field in attrs.fields(cls):
            if field.name not in ("carried", "body"):
                assert camel(field.name) in known, (cls, field.name)
                assert snake(camel(field.name)) == field.name


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_an_empty_record_prints_short_and_rebuilds(cls: type[Record]) -> None:
    empty: Any = cls()
    assert repr(empty) == f"{cls.__name__}()"
    assert eval(repr(empty), dict(vars(objects))) == empty
    assert hash(empty) == hash(cls())
    assert empty.replace() == empty


def test_plain_dicts_and_lists_become_frozen() -> None:
    spec = PersistentVolumeSpec(capacity={"storage": Quantity("1Gi")}, access_modes=["ReadWriteOnce"])  # type: ignore[arg-type]
    assert type(spec.capacity) is FrozenDict
    assert spec.access_modes == ("ReadWriteOnce",)
    with pytest.raises(TypeError, match="cannot be changed"):
        spec.capacity["storage"] = Quantity("2Gi")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        spec.access_modes = ()  # type: ignore[misc]


def test_replace_changes_the_copy_only() -> None:
    volume = PersistentVolume(metadata=ObjectMeta(name="a"))
    other = volume.replace(metadata=volume.metadata.replace(name="b"))
    assert (volume.key, other.key) == ("a", "b")
    with pytest.raises(AttributeError):
        volume.replace(nonsense=1)


def test_key_has_the_namespace_only_where_there_is_one() -> None:
    assert Pod(metadata=ObjectMeta(name="p", namespace="n")).key == "n/p"
    assert PersistentVolume(metadata=ObjectMeta(name="v", namespace="ignored")).key == "v"
    assert (
        GenericObject(kind="Backup", api_version="e.com/v1", metadata=ObjectMeta(name="b", namespace="n")).key == "n/b"
    )


class TestKinds:
    """kubectl: "TYPE is case-insensitive; singular, plural or abbreviated forms work"."""

    @pytest.mark.parametrize("cls", KINDS.values(), ids=lambda cls: cls.KIND)
    def test_every_way_to_name_a_kind_finds_it(self, cls: type[objects.Object]) -> None:
        words = [cls.KIND, cls.KIND.upper(), cls.PLURAL, cls.SINGULAR, *cls.SHORT_NAMES]
        assert {resolve_kind(word) for word in words} == {cls}
        if cls.GROUP:
            assert resolve_kind(f"{cls.PLURAL}.{cls.GROUP}") is cls
            assert resolve_kind(f"{cls.PLURAL}.v1.{cls.GROUP}") is cls

    def test_an_unknown_kind_is_answered_as_kubectl_does_and_with_a_remedy(self) -> None:
        with pytest.raises(NotFound) as caught:
            resolve_kind("persistentvolumeclam")
        said = "the server doesn't have a resource type \"persistentvolumeclam\"; did you mean 'persistentvolumeclaim'?"
        assert str(caught.value) == said

    def test_a_kind_is_not_found_in_the_wrong_group(self) -> None:
        with pytest.raises(NotFound):
            resolve_kind("pods.apps")

    def test_an_address_is_kind_and_name(self) -> None:
        assert parse_ref("deploy/mysql") == (objects.Deployment, "mysql")

    @pytest.mark.parametrize("ref", ["mysql", "deploy/", "/mysql", "deploy/a/b", ""])
    def test_a_text_that_is_no_address_is_refused(self, ref: str) -> None:
        with pytest.raises(VolsimError, match="write KIND/NAME"):
            parse_ref(ref)


class TestSelectors:
    """apimachinery, pkg/labels; component-helpers, scheduling/corev1/nodeaffinity."""

    @pytest.mark.parametrize(
        ("operator", "values", "labels", "matched"),
        [
            ("In", ("a", "b"), {"k": "a"}, True),
            ("In", ("a", "b"), {}, False),
            ("NotIn", ("a",), {}, True),
            ("NotIn", ("a",), {"k": "a"}, False),
            ("Exists", (), {"k": ""}, True),
            ("Exists", (), {}, False),
            ("DoesNotExist", (), {}, True),
            ("DoesNotExist", (), {"k": ""}, False),
            ("Nonsense", (), {"k": ""}, False),
        ],
    )
    def test_requirements(self, operator: str, values: tuple[str, ...], labels: dict[str, str], matched: bool) -> None:
        label = LabelSelectorRequirement(key="k", operator=operator, values=values)
        assert LabelSelector(match_expressions=(label,)).matches(labels) is matched
        node = NodeSelectorRequirement(key="k", operator=operator, values=values)
        assert NodeSelectorTerm(match_expressions=(node,)).matches(labels) is matched

    @pytest.mark.parametrize(
        ("operator", "bound", "value", "matched"),
        [
            ("Gt", "5", "6", True),
            ("Gt", "5", "5", False),
            ("Lt", "5", "4", True),
            ("Lt", "5", "x", False),
            ("Gt", "x", "6", False),
        ],
    )
    def test_nodes_compare_integers(self, operator: str, bound: str, value: str, matched: bool) -> None:
        assert NodeSelectorRequirement(key="k", operator=operator, values=(bound,)).matches({"k": value}) is matched

    def test_an_empty_label_selector_selects_all_but_an_empty_term_matches_no_node(self) -> None:
        assert LabelSelector().matches({"any": "thing"})
        assert not NodeSelectorTerm().matches({"any": "thing"})
        assert not NodeSelector().matches({})

    def test_fields_are_told_apart_from_labels(self) -> None:
        here = NodeSelectorRequirement(key="metadata.name", operator="In", values=("node01",))
        term = NodeSelectorTerm(match_fields=(here,))
        assert NodeSelector(node_selector_terms=(term,)).matches({}, {"metadata.name": "node01"})
        assert not term.matches({"metadata.name": "node01"})

    def test_topology_terms_need_every_label(self) -> None:
        zone = TopologySelectorLabelRequirement(key="zone", values=("a", "b"))
        term = TopologySelectorTerm(match_label_expressions=(zone,))
        assert (term.matches({"zone": "a"}), term.matches({"zone": "c"}), term.matches({})) == (True, False, False)
