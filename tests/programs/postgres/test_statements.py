"""Statements, and what is said of those that cannot be done.

Source: PostgreSQL documentation, VI.I (SQL commands), A (error codes).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs.postgres.server import DATA, Postgres

TABLE = "create table t (id serial primary key, name varchar(5) not null unique, n int, ok boolean default true);"


@pytest.fixture(scope="module")
def prepared() -> Postgres:
    database = Postgres()
    database.rows(TABLE + "insert into t (name, n) values ('a', 1), ('b', 2); create table u (x int references t(id))")
    return database


@pytest.fixture
def database(prepared: Postgres) -> Postgres:
    return Postgres(volume=prepared.trees[DATA])


ROWS = [
    ("select * from t where n > 1", "2|b|2|t\n"),
    ("select Name AS \"Nick\" from public.t order by n desc limit 1", "b\n"),
    ("insert into t (name) values ('c') returning id", "3\n"),
    ("update t set n = n + 1 where name = 'a'; select n from t order by id", "2\n2\n"),
    ("delete from t where id = 2; insert into t (name) values ('z'); select max(id) from t", "3\n"),
    ("insert into t (name, n) values ('a', 9) on conflict (name) do update set n = excluded.n; select n from t where id = 1", "9\n"),
    ("select count(*) from t where name ilike 'A%' and name not like 'A%'", "1\n"),
    ("select 'it''s', E'a\\tb', $$x'y$$, '5'::int, now()::text", "it's|a\tb|x'y|5|2026-01-01 00:00:00+00\n"),
    ("select name from t where name ~ '^[ab]$' and ok is true order by 1", "a\nb\n"),
    ("select current_database(), current_user, md5('a')", "postgres|postgres|0cc175b9c0f1b6a831c399e269772661\n"),
    ("create table v as select id from t; select * from v", "1\n2\n"),
    ("create view w as select n from t; create or replace view w as select name from t; select * from w", "a\nb\n"),
    ("truncate t; select count(*) from t", "0\n"),
    ("truncate table u restart identity cascade; select count(*) from u", "0\n"),
    ("create index on_n on t (n); drop index on_n; drop table u; select 1", "1\n"),
    ("alter table t add column more text; alter table t rename to s; select count(more) from s", "0\n"),
    ("create database app; select datname from pg_database where datname like 'a%'", "app\n"),
    ("create user bob with password 'x'; alter user bob password 'y'; select rolname from pg_roles order by 1", "bob\npostgres\n"),
    ("select tablename from pg_tables order by 1", "t\nu\n"),
    ("show data_directory", "/var/lib/postgresql/data\n"),
    ("grant all on t to public; vacuum; set work_mem = '1MB'; checkpoint; create extension pgcrypto", ""),
    ("with x as (select 1 as one) select one from x; values (2)", "1\n2\n"),
    ("select random() < 1, repeat('ab', 2), concat('a', null, 1)", "1|abab|a1\n"),
    ("insert into t values (3 + 4, upper('x')), (8, 'Y'); select id, n, ok from t where id > 6", "7||t\n8||t\n"),
    ("insert into u values (1); insert into u select id from t; table u", "1\n1\n2\n"),
    ("create table g (i int); insert into g select generate_series(1, 3); select sum(i) from g", "6\n"),
    ("select i * 2 from generate_series(2, 3) as i where i > 2", "6\n"),
    ("select * from generate_series(3, 1)", ""),
    ("select exists(select 1 from u), 1 = 1, n > 1, null is null from t where id = 1", "f|t|f|t\n"),
    ("create table s (a int, at timestamp default now()); insert into s values (1); select at from s", "2026-01-01 00:00:00\n"),
    ("select pg_is_in_recovery()", "f\n"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), ROWS)
def test_a_statement_gives_its_rows(database: Postgres, sql: str, expected: str) -> None:
    *first, last = sql.split(";")
    if "create database" in sql or "create user" in sql:  # these are no part of a transaction
        for each in first:
            database.psql("-qc", each)
        sql = last
    assert database.rows(sql) == expected


ERRORS = [
    ("select * from nope", 'relation "nope" does not exist\nLINE 1: select * from nope\n                      ^'),
    ("select nope from t", 'column "nope" does not exist\nLINE 1: select nope from t\n               ^'),
    ("insert into t (nope) values (1)", 'column "nope" of relation "t" does not exist\nLINE 1: insert into t (nope) values (1)\n                       ^'),
    ("selec 1", 'syntax error at or near "selec"\nLINE 1: selec 1\n        ^'),
    ("select 1 from", "syntax error at end of input"),
    ("create table", "syntax error at end of input"),
    ("create table x (a whatever)", 'type "whatever" does not exist\nLINE 1: create table x (a whatever)\n                          ^'),
    ("create table t (a int)", 'relation "t" already exists'),
    ("create table x (a int, a int)", 'column "a" specified more than once'),
    ("drop table nope", 'table "nope" does not exist'),
    ("create database postgres", 'database "postgres" already exists'),
    ("drop database nope", 'database "nope" does not exist'),
    ("drop database postgres", "cannot drop the currently open database"),
    ("create role postgres", 'role "postgres" already exists'),
    ("alter user nobody password 'x'", 'role "nobody" does not exist'),
    ("insert into t (id, name) values (1, 'x')", 'duplicate key value violates unique constraint "t_pkey"\nDETAIL:  Key (id)=(1) already exists.'),
    ("insert into t (name) values ('a')", 'duplicate key value violates unique constraint "t_name_key"\nDETAIL:  Key (name)=(a) already exists.'),
    ("insert into t (n) values (1)", 'null value in column "name" of relation "t" violates not-null constraint'),
    ("insert into t (name) values ('toolong')", "value too long for type character varying(5)"),
    ("insert into t (name, n) values ('x', 'y')", "invalid input syntax for type integer"),
    ("insert into t (name, n) values ('x', 3000000000)", "integer out of range"),
    ("insert into u values (9)", "insert or update on table violates foreign key constraint"),
    ("insert into u values (1, 2)", "INSERT has more expressions than target columns"),
    ("create table x (a int check (a > 0)); insert into x values (-1)", 'new row for relation "x" violates check constraint "a > 0"'),
    ("select nofunction(1)", "function nofunction does not exist\nLINE 1: select nofunction(1)\n               ^"),
    ("select date('now')", "function date does not exist\nLINE 1: select date('now')\n               ^"),
    ("show nothing", 'unrecognized configuration parameter "nothing"'),
    ("create table x (n serial)", 'not modelled: column "n" has a sequence and is no primary key'),
    ("create schema x", "not modelled: CREATE SCHEMA"),
    ("explain select 1", "not modelled: EXPLAIN"),
    ("select 1; create database x", "CREATE DATABASE cannot run inside a transaction block"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "said"), ERRORS)
def test_what_cannot_be_done_is_refused_in_postgresqls_words(database: Postgres, sql: str, said: str) -> None:
    assert database.error(sql) == f"ERROR:  {said}"


def test_statements_of_one_command_are_done_all_or_none(database: Postgres) -> None:
    database.error("insert into t (name) values ('c'); select * from nope")
    assert database.rows("select count(*) from t") == "2\n"


def test_a_transaction_is_stored_when_it_is_committed_and_not_before(database: Postgres) -> None:
    before = database.trees[DATA]
    database.psql(stdin="begin; insert into t (name) values ('c'); rollback; begin; insert into t (name) values ('d');")
    assert database.trees[DATA] == before
    database.psql(stdin="begin; insert into t (name) values ('e'); commit;")
    assert database.rows("select name from t order by id desc limit 1") == "e\n"


def test_a_transaction_that_failed_takes_nothing_but_its_end(database: Postgres) -> None:
    ran = database.psql(
        "-q",
        "-tA",
        stdin="begin; insert into t (name) values ('c');\nselect x;\nselect 1;\ncommit;\nselect count(*) from t;",
    )
    assert ran.stdout == "2\n"
    assert "psql:<stdin>:3: ERROR:  current transaction is aborted, commands ignored until end of" in ran.stderr


def test_begin_and_commit_out_of_place_are_warned_of(database: Postgres) -> None:
    ran = database.psql("-c", "commit")
    assert (ran.stdout, ran.stderr) == ("COMMIT\n", "WARNING:  there is no transaction in progress\n")
    assert "already a transaction in progress" in database.psql(stdin="begin; begin; end;").stderr


def test_what_is_not_there_to_be_dropped_may_be_noticed_only(database: Postgres) -> None:
    ran = database.psql("-c", "drop table if exists nope")
    assert (ran.stdout, ran.stderr) == ("DROP TABLE\n", 'NOTICE:  table "nope" does not exist, skipping\n')
    assert "skipping" in database.psql("-c", "create table if not exists t (a int)").stderr


def test_a_database_is_a_directory_of_its_own(database: Postgres) -> None:
    before = set(database.ls(f"{DATA}/base"))
    database.rows("create database app")
    (made,) = set(database.ls(f"{DATA}/base")) - before
    database.rows("create table only (x int)", "-d", "app")
    assert database.ls(f"{DATA}/base/{made}") == ["tables.sqlite"]
    assert 'relation "only" does not exist' in database.error("select * from only")
    database.rows("drop database app")
    assert set(database.ls(f"{DATA}/base")) == before


PIECES = ["select", "insert into", "values", "(", ")", ",", "*", "from", "t", "u", "'x'", '"y"', "1", "null", "drop", "create",
          "table", "int", "serial", "primary key", "update", "set", "=", "::int", "begin", "commit", "rollback", "view", "$$", ";",
          "alter", "user", "database", "as", "if not exists", "truncate", "show", "or replace", "index", "on", "\\d", "\n"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join))
@settings(max_examples=60)
def test_any_text_is_done_or_refused_and_never_breaks_python(text: str) -> None:
    database = Postgres.__new__(Postgres)
    database.__dict__.update(SHARED.__dict__)
    database.trees = dict(SHARED.trees)
    assert database.psql(stdin=text).code in (0, 1)
    assert database.psql("-c", text).code in (0, 1)


SHARED = Postgres()


@given(st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10), max_size=4))
@settings(max_examples=30)
def test_texts_come_out_as_they_went_in_and_the_same_rows_are_the_same_bytes(texts: list[str]) -> None:
    def stored() -> Postgres:
        database = Postgres(volume=SHARED.trees[DATA])
        values = "".join(f"insert into t values ('{text.replace(chr(39), chr(39) * 2)}');" for text in texts)
        database.rows(f"create table t (x text);{values}")
        return database

    one = stored()
    assert one.rows("select x from t order by x") == "".join(f"{text}\n" for text in sorted(texts, key=str.encode))
    assert one.trees[DATA] == stored().trees[DATA]
