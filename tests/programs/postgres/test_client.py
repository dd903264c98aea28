"""The client: how it connects, and how rows look.

Source: PostgreSQL, src/bin/psql; src/fe_utils/print.c.
"""

from __future__ import annotations

import pytest

from tests.programs.postgres.server import Postgres


@pytest.fixture(scope="module")
def database() -> Postgres:
    made = Postgres(POSTGRES_DB="app")
    made.rows(
        "create table t (id int primary key, name text, n numeric); insert into t values (1, 'a', 1.5), (20, null, null)",
        "app",
    )
    made.rows("create index by_name on t (name)", "app")
    return made


LOOKS = [
    (("-c", "select * from t"), " id | name |  n  \n----+------+-----\n  1 | a    | 1.5\n 20 |      |    \n(2 rows)\n\n"),
    (("-tc", "select * from t where id = 1"), "  1 | a    | 1.5\n\n"),
    (("-Ac", "select id, name from t"), "id|name\n1|a\n20|\n(2 rows)\n"),
    (("-tAc", "select id from t"), "1\n20\n"),
    (("-AtF,", "-c", "select 1, 2"), "1,2\n"),
    (("-xc", "select id, name from t where id = 1"), "-[ RECORD 1 ]\nid   | 1\nname | a\n\n"),
    (("-xc", "select 1 where false"), "(0 rows)\n\n"),
    (("-c", "select 1 as one where 1 = 2"), " one \n-----\n(0 rows)\n\n"),
    (("-qc", "update t set n = 1 where id = 1", "-c", "select 'x'::text"), " ?column? \n----------\n x\n(1 row)\n\n"),
    (
        ("-c", "\\d t"),
        ('                  Table "public.t"\n'
        " Column |  Type   | Collation | Nullable | Default \n"
        "--------+---------+-----------+----------+---------\n"
        " id     | integer |           | not null | \n"
        " name   | text    |           |          | \n"
        " n      | numeric |           |          | \n"
        'Indexes:\n    "t_pkey" PRIMARY KEY, btree (id)\n    "by_name" btree (name)\n\n'),
    ),
    (
        ("-c", "\\dt"),
        ("        List of relations\n Schema | Name | Type  |  Owner   \n--------+------+-------+----------\n"
        " public | t    | table | postgres\n(1 row)\n\n"),
    ),
    (("-c", "\\du"), "     List of roles\n Role name | Attributes \n-----------+------------\n postgres  | Superuser\n(1 row)\n\n"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), LOOKS)
def test_rows_look_as_in_psql(database: Postgres, arguments: tuple[str, ...], expected: str) -> None:
    assert database.psql("-d", "app", *arguments).stdout == expected


def test_databases_are_listed(database: Postgres) -> None:
    assert " app       | postgres | UTF8     | en_US.utf8 | en_US.utf8\n" in database.psql("-l").stdout


SOCKET = 'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: '
REFUSED: list[tuple[tuple[str, ...], str]] = [
    ((), SOCKET + 'FATAL:  role "root" does not exist\n'),
    (("-U", "postgres", "-d", "nope"), SOCKET + 'FATAL:  database "nope" does not exist\n'),
    (("-U", "postgres", "-h", "db"), 'psql: error: could not translate host name "db" to address: Name or service not known\n'),
    (("-U", "postgres", "-h", "box"), 'psql: error: connection to server at "box", port 5432 failed: FATAL:  password authentication failed for user "postgres"\n'),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "said"), REFUSED)
def test_who_cannot_connect_is_told_why(database: Postgres, arguments: tuple[str, ...], said: str) -> None:
    ran = database.run("psql", *arguments, "-c", "select 1")
    assert (ran.code, ran.stderr) == (2, said)


def test_from_afar_a_password_opens_the_door(database: Postgres) -> None:
    ran = database.sh("PGPASSWORD=pw PGUSER=postgres psql -h box -tAc 'select 1'")
    assert ran.stdout == "1\n"
    assert database.sh("psql postgresql://postgres@localhost:5432/app -tAc 'select count(*) from t'").stdout == "2\n"
    assert database.run("pg_isready", "-h", "localhost").stdout == "localhost:5432 - accepting connections\n"


def test_a_wrong_option_is_told(database: Postgres) -> None:
    assert database.run("psql", "--nope").stderr == "psql: unrecognized option '--nope'\n"
    assert database.run("psql", "--version").stdout == "psql (PostgreSQL) 16.6\n"


def test_a_script_goes_on_after_an_error_unless_it_is_told_to_stop(database: Postgres) -> None:
    text = "select 1;\nselect x;\nselect 3;\n"
    assert database.psql("-tA", stdin=text)[:1] == ("1\n3\n",)
    stopped = database.psql("-tA", "-v", "ON_ERROR_STOP=1", stdin=text)
    assert (stopped.stdout, stopped.code) == ("1\n", 3)
    assert stopped.stderr.startswith('psql:<stdin>:2: ERROR:  column "x" does not exist\nLINE 1: select x\n')


def test_a_file_is_read(database: Postgres) -> None:
    database.put("/s.sql", "\\c app\nselect count(*) from t;\n\\q\nselect 2;")
    ran = database.psql("-tA", "--file=/s.sql")
    assert ran.stdout == 'You are now connected to database "app" as user "postgres".\n2\n'


def test_a_person_sees_prompts(database: Postgres) -> None:
    typed = "\\c nope\nselect 1\nas x;\nbegin;\n\\x\n\\foo\n"
    screen = database.psql(stdin=typed, tty=True)
    assert screen.stdout == (
        'psql (16.6)\nType "help" for help.\n\npostgres=# \\c nope\npostgres=# select 1\npostgres-# as x;\n'
        " x \n---\n 1\n(1 row)\n\npostgres=# begin;\nBEGIN\npostgres=*# \\x\nExpanded display is on.\n"
        "postgres=*# \\foo\npostgres=*# \\q\n"
    )
    assert "Previous connection kept" in screen.stderr
    assert "invalid command \\foo\nTry \\? for help." in screen.stderr


def test_nothing_to_describe_is_told(database: Postgres) -> None:
    assert database.psql("-c", "\\dt").stderr == "Did not find any relations.\n"
    assert database.psql("-c", "\\d nope").stderr == 'Did not find any relation named "nope".\n'
