"""kubectl's template dialect (client-go, util/jsonpath: jsonpath_test.go and parser_test.go)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volsim.views.jsonpath import MAX_DEPTH, JsonPathError, Template, relaxed

DATA: dict[str, Any] = {
    "kind": "List",
    "items": [
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "127.0.0.1"}},
            "status": {
                "capacity": {"cpu": "4"},
                "ready": True,
                "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}],
            },
        },
        {
            "kind": "None",
            "metadata": {"name": "127.0.0.2", "labels": {"kubernetes.io/hostname": "127.0.0.2"}},
            "status": {
                "capacity": {"cpu": "8"},
                "ready": False,
                "addresses": [
                    {"type": "LegacyHostIP", "address": "127.0.0.2"},
                    {"type": "another", "address": "127.0.0.3"},
                ],
            },
        },
    ],
    "users": [
        {"name": "myself", "user": {}},
        {"name": "e2e", "user": {"username": "admin", "password": "secret"}, "age": 30},
    ],
    "none": None,
    "numbers": [0, 1, 2, 3, 4],
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("kind is {.kind}", "kind is List"),
        ("{.kind} {.kind}", "List List"),
        ("{@.kind}", "List"),
        ("{$.kind}", "List"),
        ("{['kind']}", "List"),
        ("{.items[0].kind}", "None"),
        ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[:].metadata.name}", "127.0.0.1 127.0.0.2"),
        ("{.items[-1].metadata.name}", "127.0.0.2"),
        ("{.items[-1:].metadata.name}", "127.0.0.2"),
        ("{.numbers[1:3]}", "1 2"),
        ("{.numbers[0:5:2]}", "0 2 4"),
        ("{.numbers[::2]}", "0 2 4"),
        ("{.numbers[:2]}", "0 1"),
        ("{.numbers[-2:]}", "3 4"),
        ("{.numbers[2:2]}", ""),
        ("{.numbers}", "[0,1,2,3,4]"),
        ("{.none}", "null"),
        ("{.none[0]}", ""),
        ("{.items[*].status.ready}", "true false"),
        ("{.items[0].status.capacity}", '{"cpu":"4"}'),
        ("{.users[*].user.*}", "secret admin"),
        ("{..address}", "127.0.0.1 127.0.0.2 127.0.0.3"),
        ("{.items..type}", "LegacyHostIP LegacyHostIP another"),
        (r"{.items[0].metadata.labels.kubernetes\.io/hostname}", "127.0.0.1"),
        ("{.users[?(@.name==\"e2e\")].user.password}", "secret"),
        ("{.users[?(@.name=='e2e')].user.password}", "secret"),
        ("{.users[?(@.age > 20)].name}", "e2e"),
        ("{.users[?(@.age)].name}", "e2e"),
        ("{.users[?(@.name!=\"e2e\")].name}", "myself"),
        ("{.items[?(@.status.ready==true)].metadata.name}", "127.0.0.1"),
        ("{.items[?(@.metadata.name == \"127.0.0.2\")].status.addresses[1].type}", "another"),
        ("{.items[*]['metadata.name', 'status.capacity']}", '127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}'),
        ((
            '{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}'
        ), '[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] '),
        ('{range .items[*]}{.metadata.name}{"\\t"}{end}', "127.0.0.1\t127.0.0.2\t"),
        ("{range .items[*]}{range .status.addresses[*]}{.type},{end}|{end}", "LegacyHostIP,|LegacyHostIP,another,|"),
        ("{range .nothing[*]}x{end}y", "y"),
        ("{range .users[*]}{.name} ", "myself e2e "),
        ('{"a\\u0041\\x42\\\\\\""}', 'aAB\\"'),
        ("{'it''s'}", "s"),
        ("{.users[0].name}{1}{-2.5}{true}", "myself1-2.5true"),
        ("{.missing.deeper}", ""),
        ("{.kind.deeper}", ""),
    ],
)  # fmt: skip
def test_template(template: str, text: str) -> None:
    assert Template(template).text(DATA) == text


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{.items", "unclosed action"),
        ("{.a\n}", "unclosed action"),
        ("{.items[0}", "unterminated array"),
        ("{.items[a]}", "invalid array index a"),
        ("{'x}", "unterminated quoted string"),
        ('{"\\q"}', 'unquote string "\\q" error invalid syntax'),
        ("{end}", "not in range, nothing to end"),
        ("{foo}", "unrecognized identifier foo"),
        ("{#}", "unrecognized character in action: U+0023 '#'"),
        ("{....}", "invalid multiple recursive descent"),
        ("{1.2.3}", "cannot parse number 1.2.3"),
        ("{+}", "cannot parse number +"),
        ("{.a[?(@.b==1}", "unterminated filter"),
        ("{.a[?(@.b==1)}", "unclosed array expect ]"),
        ("{.a[?(@.b<>1)]}", "unrecognized filter operator <>"),
        ("{.a[?(range)]}", "unrecognized identifier range"),
    ],
)
def test_template_that_cannot_be_read(template: str, complaint: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        Template(template)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{.items[5]}", "array index out of bounds: index 5, length 2"),
        ("{.numbers[0:9]}", "array index out of bounds: index 8, length 5"),
        ("{.numbers[3:1]}", "starting index 3 is greater than ending index 1"),
        ("{.numbers[0:5:0]}", "step must be > 0"),
        ("{.kind[0]}", "string is not array or slice"),
        ("{.items[0][0]}", "map[string]interface {} is not array or slice"),
        ("{.items[0].status.ready[0]}", "bool is not array or slice"),
        ("{.numbers[0][0]}", "int64 is not array or slice"),
        ("{.kind[?(@.a)]}", "List is not array or slice and cannot be filtered"),
        ("{.items[?(@.status.addresses[*].type==1)]}", "can only compare one element at a time"),
        ("{.users[?(@.name>1)]}", "incompatible types for comparison"),
    ],
)
def test_template_that_does_not_fit(template: str, complaint: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        Template(template).text(DATA)
    assert str(caught.value) == complaint


@pytest.mark.parametrize("path", ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"])
def test_relaxed_path_may_do_without_braces_and_dot(path: str) -> None:
    assert relaxed(path) == "{.metadata.name}"


def test_relaxed_path_may_be_empty_but_not_half() -> None:
    assert relaxed("") == ""
    with pytest.raises(JsonPathError, match="unexpected path string"):
        relaxed("{.a}{.b}")


def test_nesting_has_a_limit() -> None:
    with pytest.raises(JsonPathError, match="nested"):
        Template("{range .a}" * (MAX_DEPTH + 2))
    inner = "@.a"
    for _ in range(MAX_DEPTH + 2):
        inner = f"@.a[?({inner})]"
    with pytest.raises(JsonPathError):
        Template("{" + inner + "}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=3),
    max_leaves=8,
)
PIECES = [
    "{",
    "}",
    ".",
    "..",
    "a",
    "b",
    "[",
    "]",
    "*",
    "0",
    ":",
    ",",
    "'",
    '"',
    "?(",
    ")",
    "==",
    "@",
    "range ",
    "end",
    " ",
    "\\",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), JSON)
def test_any_template_is_filled_in_or_refused(template: str, data: Any) -> None:
    try:
        assert isinstance(Template(template).text(data), str)
    except JsonPathError as error:
        assert str(error)
