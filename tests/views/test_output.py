"""YAML and JSON as kubectl's libraries write them, and the order of lists."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from volsim.manifests import from_manifest
from volsim.views.output import as_json, as_yaml, sort_by


class TestYaml:
    """go-yaml's habits."""

    def test_keys_are_sorted_and_lists_not_indented(self) -> None:
        assert as_yaml({"b": [{"z": 1, "x": [1]}], "a": {}}) == "a: {}\nb:\n- x:\n  - 1\n  z: 1\n"

    @pytest.mark.parametrize(
        "text", ["", "true", "no", "y", "N", "null", "~", "1", "1.5", "1e3", "0x1f", "1:30", (
            "2026-01-01T00:00:00Z"
        ), "<<", "="]
    )  # fmt: skip
    def test_text_that_could_be_something_else_is_in_double_quotes(self, text: str) -> None:
        assert as_yaml({"a": text}) == f'a: "{text}"\n'

    @pytest.mark.parametrize("text", ["* * * * *", "@x", "a: b", "- a", "{a}"])
    def test_text_that_is_no_plain_one_is_in_single_quotes(self, text: str) -> None:
        assert as_yaml({"a": text}) == f"a: '{text}'\n"

    @pytest.mark.parametrize("text", ["nginx:1.2", "10.0.0.1", "1Gi", "a b", "v1", "100m"])
    def test_plain_text(self, text: str) -> None:
        assert as_yaml({"a": text}) == f"a: {text}\n"

    def test_lines_are_a_block(self) -> None:
        assert as_yaml({"a": "one\n\ntwo\n"}) == "a: |\n  one\n\n  two\n"
        assert as_yaml({"a": "one\ntwo"}) == "a: |-\n  one\n  two\n"

    def test_lines_that_no_block_keeps(self) -> None:
        assert as_yaml({"a": "one \ntwo"}).startswith('a: "one \\')

    @given(
        st.dictionaries(
            st.text(max_size=8), st.text(max_size=20) | st.booleans() | st.integers() | st.none(), max_size=4
        )
    )
    def test_what_is_written_is_read_again(self, data: dict[str, Any]) -> None:
        assert yaml.safe_load(as_yaml(data)) == data


def test_json_has_four_blanks() -> None:
    assert as_json({"b": 1, "a": ["é"]}) == '{\n    "a": [\n        "é"\n    ],\n    "b": 1\n}\n'


class TestOrder:
    """--sort-by: numbers by size, quantities by amount, digits in texts by number."""

    def ordered(self, field: str, values: list[Any]) -> list[Any]:
        objects = [
            from_manifest({"apiVersion": "example.com/v1", "kind": "X", "metadata": {"name": f"n{at}"}, "v": value})
            for at, value in enumerate(values)
        ]
        return [values[int(obj.name[1:])] for obj in sort_by(field, objects)]

    @pytest.mark.parametrize(
        ("values", "ordered"),
        [
            ([3, 1, 2], [1, 2, 3]),
            (["10Gi", "9Gi", "500Mi"], ["500Mi", "9Gi", "10Gi"]),
            (["pod-10", "pod-2"], ["pod-2", "pod-10"]),
            ([True, False], [False, True]),
            (["2026-02-01T00:00:00Z", "2026-01-01T00:00:00Z"], ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
            ([{"b": 1}, {"a": 1}], [{"a": 1}, {"b": 1}]),
        ],
    )
    def test_order(self, values: list[Any], ordered: list[Any]) -> None:
        assert self.ordered(".v", values) == ordered

    def test_what_has_no_such_field_comes_first(self) -> None:
        assert self.ordered("{.v.w}", [{"w": 1}, {}]) == [{}, {"w": 1}]

    def test_empty_list_has_any_order(self) -> None:
        assert sort_by(".x", []) == []
