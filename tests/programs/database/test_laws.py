"""What holds for any statements: same bytes, nothing lost, nothing broken."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs.database.server import DATA, Database
from volsim.programs.database.lexer import tokens
from volsim.storage.tree import Directory

PIECES = [
    "select",
    "insert",
    "into",
    "values",
    "(",
    ")",
    ",",
    ";",
    "*",
    "from",
    "where",
    "=",
    "t",
    "a",
    "b",
    "'x'",
    '"y"',
    "`t`",
    "1",
    "2.5",
    "null",
    "drop",
    "create",
    "table",
    "database",
    "if",
    "not",
    "exists",
    "int",
    "varchar(3)",
    "primary",
    "key",
    "update",
    "set",
    "delete",
    "and",
    "or",
    "union",
    "order",
    "by",
    "limit",
    "join",
    "on",
    "as",
    "desc",
    "show",
    "tables",
    "use",
    "d",
    "begin",
    "commit",
    "rollback",
    "alter",
    "add",
    "column",
    "index",
    "replace",
    "duplicate",
    "\\G",
    "--",
    "#",
    "/*",
    "*/",
    "@x",
    "@@version",
    "concat",
    "count",
    "now()",
    "like",
    "div",
    "/",
    "user",
    "grant",
    "to",
]

TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=15).map(" ".join)


@given(TEXTS)
@settings(max_examples=60)
def test_any_text_is_answered(text: str) -> None:
    database = Database(volume=PREPARED)
    ran = database.sql(text, "-f")
    assert ran.code in (0, 1)
    shown = database.started("mysql", "-uroot", "-ppw", stdin=text, tty=True)
    assert shown.pause.exit_code == 0


@given(TEXTS)
def test_tokens_cover_the_text(text: str) -> None:
    plain = text.replace("/*!", "/* ")
    assert all(plain.startswith(token.raw, token.start) for token in tokens(plain) if token.kind != "space")
    assert [token.start for token in tokens(plain)] == sorted(token.start for token in tokens(plain))


CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("insert into d.t values ({}, '{}')"), st.integers(0, 5), st.sampled_from("abc")),
        st.tuples(st.just("replace into d.t values ({}, '{}')"), st.integers(0, 5), st.sampled_from("abc")),
        st.tuples(st.just("update d.t set v = '{1}' where id = {0}"), st.integers(0, 5), st.sampled_from("abc")),
        st.tuples(st.just("delete from d.t where id = {0}"), st.integers(0, 5), st.just("")),
    ).map(lambda parts: parts[0].format(*parts[1:])),
    max_size=8,
)
CREATE = "create database d; create table d.t (id int primary key, v char(1));"


def prepared() -> Directory:
    database = Database()
    database.rows(CREATE)
    return database.trees[DATA]


PREPARED = prepared()


@given(CHANGES)
@settings(max_examples=30)
def test_the_same_statements_leave_the_same_bytes(changes: list[str]) -> None:
    text = ";".join(changes)
    volumes = []
    for _ in range(2):
        database = Database(volume=PREPARED)
        database.sql(text, "-f")
        volumes.append(database.trees[DATA])
    assert volumes[0] == volumes[1]


@given(CHANGES, st.integers(0, 8))
@settings(max_examples=30)
def test_what_was_acknowledged_survives_a_restart_at_any_time(changes: list[str], at: int) -> None:
    """A table is a dict that only a volume remembers."""
    model: dict[int, str] = {}
    database = Database(volume=PREPARED)
    for number, change in enumerate(changes):
        if number == at:  # the container is killed, and another one gets the volume
            database = Database(volume=database.trees[DATA])
        done = database.sql(change).code == 0
        key = int("".join(sign for sign in change if sign.isdigit()))
        value = change.rpartition("'")[0][-1:] if "'" in change else ""
        assert done == (not change.startswith("insert") or key not in model)
        if change.startswith("delete"):
            model.pop(key, None)
        elif done and (not change.startswith("update") or key in model):
            model[key] = value
    rows = database.rows("select * from d.t order by id").splitlines()[1:]
    assert rows == [f"{key}\t{model[key]}" for key in sorted(model)]


VALUES = st.text(st.characters(codec="utf-8"), max_size=30)


@given(VALUES)
@settings(max_examples=40)
def test_a_text_comes_out_as_it_went_in(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace("'", "''").replace("\0", "\\0")
    database = Database(volume=PREPARED)
    hexadecimal = value.encode().hex().upper()
    found = database.rows(f"create table d.s (v text); insert into d.s values ('{escaped}'); select hex(v) from d.s")
    assert found.splitlines()[-1:] == ([hexadecimal] if hexadecimal else [""])
