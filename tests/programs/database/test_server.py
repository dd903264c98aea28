"""The server: it makes its data directory once, refuses what it cannot use, and keeps everything in its volume.

Source: docker-library/mysql, docker-entrypoint.sh; MySQL reference manual, 2.9.1.
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box
from tests.programs.database.server import DATA, Database
from volsim.storage import tree
from volsim.storage.tree import Directory


def test_an_empty_volume_is_initialised() -> None:
    database = Database()
    assert database.server.pause.exit_code is None
    assert {"auto.cnf", "ibdata1", "mysql"} <= set(database.ls(DATA))
    assert "ready for connections" in database.server.screen
    assert "MySQL init process done" in database.server.screen


def test_a_restart_finds_everything_and_initialises_nothing() -> None:
    first = Database()
    first.rows("create database d; create table d.t (x int); insert into d.t values (7)")
    again = Database(volume=first.trees[DATA], MYSQL_ROOT_PASSWORD="another")
    assert "init process" not in again.server.screen
    assert again.rows("select x from d.t") == "x\n7\n", "and the password is the one of the first start"
    assert "Access denied" in again.sql("select 1", password="another").stderr


def test_the_rows_are_in_the_volume_and_nowhere_else() -> None:
    database = Database()
    before = database.trees["/"]
    database.rows("create database d; create table d.t (x varchar(20)); insert into d.t values ('find me')")
    assert database.trees["/"] == before
    assert any(b"find me" in node.data for _, node in tree.walk(database.trees[DATA]) if isinstance(node, tree.File))


def test_without_a_password_it_does_not_start() -> None:
    database = Database(MYSQL_ROOT_PASSWORD="")
    assert database.server.pause.exit_code == 1
    assert "Database is uninitialized and password option is not specified" in database.server.screen
    assert database.ls(DATA) == []


def test_an_empty_password_must_be_asked_for() -> None:
    database = Database(MYSQL_ROOT_PASSWORD="", MYSQL_ALLOW_EMPTY_PASSWORD="yes")
    assert database.run("mysql", "-uroot", stdin="select 1").stdout == "1\n1\n"


def test_a_random_password_is_told_once() -> None:
    database = Database(MYSQL_ROOT_PASSWORD="", MYSQL_RANDOM_ROOT_PASSWORD="yes")
    password = database.server.screen.partition("GENERATED ROOT PASSWORD: ")[2].splitlines()[0]
    assert database.sql("select 1", password=password).stdout == "1\n1\n"


def test_a_password_can_lie_in_a_file() -> None:
    box = Box(
        "mysql:8",
        volumes={DATA: Directory()},
        files={"/secret": "fromfile\n"},
        env={"MYSQL_ROOT_PASSWORD_FILE": "/secret"},
    )
    box.started("docker-entrypoint.sh", "mysqld", pid1=True)
    assert box.run("mysql", "-uroot", "-pfromfile", stdin="select 1").stdout == "1\n1\n"


def test_a_password_may_hold_any_sign() -> None:
    database = Database(MYSQL_ROOT_PASSWORD="a\\b'c")
    assert database.sql("select 1", password="a\\b'c").stdout == "1\n1\n"


def test_the_environment_names_a_database_and_a_user() -> None:
    database = Database(MYSQL_DATABASE="wp", MYSQL_USER="u", MYSQL_PASSWORD="secret")
    assert "wp" in database.rows("show databases")
    assert database.run("mysql", "-u", "u", "-psecret", "wp", stdin="select database(), user()").stdout.endswith(
        "wp\tu@localhost\n"
    )


def test_mariadb_has_its_own_names() -> None:
    box = Box("mariadb:11", volumes={DATA: Directory()}, env={"MARIADB_ROOT_PASSWORD": "m"})
    box.started("docker-entrypoint.sh", "mariadbd", pid1=True)
    assert "MariaDB" in box.run("mariadb", "-uroot", "-pm", stdin="select version()").stdout


@pytest.mark.parametrize("left", ["lost+found", "someone.txt"])
def test_a_volume_that_holds_something_else_is_refused(left: str) -> None:
    volume = tree.mkdir(Directory(), left)
    database = Database(volume=volume)
    assert database.server.pause.exit_code == 1
    assert "--initialize specified but the data directory has files in it. Aborting." in database.server.screen
    assert database.ls(DATA) == [left]
    told = Database("mysql:5.7", volume, f"--ignore-db-dir={left}")
    assert told.server.pause.exit_code is None


def test_a_read_only_volume_is_refused() -> None:
    made = Database().trees[DATA]
    for volume in (Directory(), made):
        box = Box("mysql:5.7", volumes={DATA: volume}, read_only=(DATA,), env={"MYSQL_ROOT_PASSWORD": "pw"})
        server = box.started("docker-entrypoint.sh", "mysqld", pid1=True)
        assert server.pause.exit_code == 1
        assert "(Errcode: 30 - Read-only file system)" in server.screen


def test_mysqld_alone_initialises_nothing() -> None:
    box = Box("mysql:5.7", volumes={DATA: Directory()})
    server = box.started("mysqld", pid1=True)
    assert server.pause.exit_code == 1
    assert "Table 'mysql.user' doesn't exist" in server.screen


def test_another_data_directory_is_used_by_server_and_client() -> None:
    box = Box("mysql:5.7", volumes={"/data": Directory()}, env={"MYSQL_ROOT_PASSWORD": "pw"})
    box.started("docker-entrypoint.sh", "--datadir=/data", pid1=True)
    assert box.run("mysql", "-uroot", "-ppw", "-e", "create database d").code == 0
    assert "d" in box.ls("/data")


def test_the_entrypoint_becomes_another_command() -> None:
    box = Box("mysql:5.7", volumes={DATA: Directory()})
    assert box.run("docker-entrypoint.sh", "sh", "-c", "sleep 1; echo hi", pid1=True).stdout == "hi\n"
    assert box.ls(DATA) == []
    waiting = box.started("docker-entrypoint.sh", "sh", "-c", "trap 'exit 3' TERM; sleep 9 & wait", pid1=True)
    waiting.signal("TERM")
    assert waiting.ran.code == 3


def test_scripts_beside_the_entrypoint_are_run_once() -> None:
    scripts = {
        "/docker-entrypoint-initdb.d/1.sql": "create table a (x int);\ninsert into a values (1);",
        "/docker-entrypoint-initdb.d/2.txt": "no",
    }
    box = Box(
        "mysql:5.7",
        volumes={DATA: Directory()},
        files=scripts,
        env={"MYSQL_ROOT_PASSWORD": "pw", "MYSQL_DATABASE": "d"},
    )
    screen = box.started("docker-entrypoint.sh", "mysqld", pid1=True).screen
    assert "running /docker-entrypoint-initdb.d/1.sql" in screen
    assert "ignoring /docker-entrypoint-initdb.d/2.txt" in screen
    assert box.run("mysql", "-uroot", "-ppw", "-Ne", "select x from d.a").stdout == "1\n"


def test_a_script_that_fails_ends_the_start() -> None:
    scripts = {"/docker-entrypoint-initdb.d/1.sql": "create database x;\nselec 1;\n"}
    box = Box("mysql:5.7", volumes={DATA: Directory()}, files=scripts, env={"MYSQL_ROOT_PASSWORD": "pw"})
    server = box.started("docker-entrypoint.sh", "mysqld", pid1=True)
    assert server.pause.exit_code == 1
    assert "ERROR 1064 (42000) at line 2" in server.screen


def test_term_ends_it_in_order_and_a_client_finds_nobody() -> None:
    database = Database()
    assert not database.server.signal("HUP")
    assert database.server.signal("TERM", after=60)
    assert database.server.pause.exit_code == 0
    assert "Shutdown complete" in database.server.screen
    assert "ibtmp1" not in database.ls(DATA)
    assert database.sql("select 1").stderr == (
        "ERROR 2002 (HY000): Can't connect to local MySQL server through socket '/var/run/mysqld/mysqld.sock' (2)\n"
    )


def test_it_stops_even_if_its_volume_is_gone() -> None:
    database = Database()
    database.broken.add(DATA)
    assert database.server.signal("TERM")
    assert database.server.pause.exit_code == 0


# -- volumes that fail -------------------------------------------------------------------------------------------------
def test_an_unreachable_volume_is_an_error_of_the_storage_engine() -> None:
    database = Database()
    database.rows("create database d; create table d.t (x int)")
    database.broken.add(DATA)
    assert (
        database.sql("select 1").stderr
        == "ERROR 1030 (HY000): Got error 5 - 'Input/output error' from storage engine\n"
    )
    database.broken.clear()
    assert database.rows("select count(*) from d.t") == "count(*)\n0\n"


def test_a_full_volume_is_a_full_table_and_loses_nothing_acknowledged() -> None:
    database = Database()
    database.rows("create database d; create table d.t (x text); insert into d.t values ('kept')")
    database.limits = {DATA: database.trees[DATA].size + 100}
    assert (
        database.error("insert into d.t values (repeat('x', 9000))")
        == "ERROR 1114 (HY000) at line 1: The table 't' is full"
    )
    assert database.error("create database e") == (
        "ERROR 1006 (HY000) at line 1: Can't create database 'e' (errno: 28 - No space left on device)"
    )
    database.limits = {}
    assert database.rows("select x from d.t") == "x\nkept\n"


def test_a_volume_that_becomes_read_only_refuses_writes_and_answers_queries() -> None:
    database = Database()
    database.rows("create database d; create table d.t (x int); insert into d.t values (1)")
    database.mounts = [mount._replace(read_only=mount.path == DATA) for mount in database.mounts]
    refused = "The MySQL server is running with the --read-only option so it cannot execute this statement"
    for text in ("insert into d.t values (2)", "create database e", "drop database d"):
        assert database.error(text) == f"ERROR 1290 (HY000) at line 1: {refused}"
    assert database.rows("select x from d.t") == "x\n1\n"


def test_an_emptied_volume_has_no_rows_and_no_users() -> None:
    database = Database()
    database.rows("create database d; create table d.t (x int)")
    database.sh(f"rm -rf {DATA}/*")
    assert "Access denied" in database.sql("select 1").stderr


def test_a_damaged_file_is_an_input_output_error() -> None:
    database = Database()
    database.rows("create database d; create table d.t (x int)")
    database.sh(f"echo nonsense > {DATA}/d/tables.sqlite")
    assert "ERROR 1030 (HY000)" in database.error("select * from d.t")
