"""The clients: what they print on a terminal and in a batch, and whom they let in.

Source: MySQL, client/mysql.cc, client/mysqladmin.cc, client/mysqldump.cc.
"""

from __future__ import annotations

import pytest

from tests.programs.database.server import Database

TUTORIAL = """\
create database volumes_db;
use volumes_db;
create table my_id(
id int primary key,
name varchar(25)
);
insert into my_id values(1,'zhangsan');
select * from my_id;
"""

SCREEN = """\
Type 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.

mysql> create database volumes_db;
Query OK, 1 row affected (0.00 sec)

mysql> use volumes_db;
Database changed
mysql> create table my_id(
    -> id int primary key,
    -> name varchar(25)
    -> );
Query OK, 0 rows affected (0.00 sec)

mysql> insert into my_id values(1,'zhangsan');
Query OK, 1 row affected (0.00 sec)

mysql> select * from my_id;
+----+----------+
| id | name     |
+----+----------+
|  1 | zhangsan |
+----+----------+
1 row in set (0.00 sec)

mysql> exit
Bye
"""


def screen(database: Database, typed: str, *arguments: str) -> str:
    return database.started("mysql", "-uroot", "-ppw", *arguments, stdin=typed, tty=True).screen


def conversation(typed: str) -> str:
    """What follows the greeting."""
    return screen(Database(), typed).partition("statement.\n\n")[2]


def test_the_tutorial_looks_as_on_a_terminal() -> None:
    assert screen(Database(), TUTORIAL).endswith(SCREEN)


def test_the_tutorial_as_a_batch() -> None:
    ran = Database().sql(TUTORIAL)
    assert ran == ("id\tname\n1\tzhangsan\n", "", 0, 0)


def test_the_greeting_names_the_server() -> None:
    assert "Server version: 5.7.44 MySQL Community Server (GPL)" in screen(Database(), "")


CONVERSATIONS = [
    ("select 1;select 2\n;\n", "mysql> select 1;select 2\n+---+\n| 1 |\n+---+\n| 1 |\n+---+\n1 row in set (0.00 sec)\n\n    -> ;\n+---+\n| 2 |\n+---+\n| 2 |\n+---+\n1 row in set (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("selec 1;\n", "mysql> selec 1;\nERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'selec 1' at line 1\nmysql> exit\nBye\n"),
    ("select 'a\nb';\n", "mysql> select 'a\n    '> b';\n+-----+\n| a\nb |\n+-----+\n| a\nb |\n+-----+\n1 row in set (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("select 1\\G\n", "mysql> select 1\\G\n*************************** 1. row ***************************\n1: 1\n1 row in set (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("select 1 from dual\\c\nexit\n", "mysql> select 1 from dual\\c\nmysql> exit\nBye\n"),
    ("\\q\nselect 1;\n", "mysql> \\q\nBye\n"),
    ("use mysql\nselect count(*) from user where 1=0\\g\nselect User from user where 1=0;\n", "mysql> use mysql\nDatabase changed\nmysql> select count(*) from user where 1=0\\g\n+----------+\n| count(*) |\n+----------+\n|        0 |\n+----------+\n1 row in set (0.00 sec)\n\nmysql> select User from user where 1=0;\nEmpty set (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("drop database if exists x;\n", "mysql> drop database if exists x;\nQuery OK, 0 rows affected, 1 warning (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("delimiter //\nselect ';'//\n", "mysql> delimiter //\nmysql> select ';'//\n+---+\n| ; |\n+---+\n| ; |\n+---+\n1 row in set (0.00 sec)\n\nmysql> exit\nBye\n"),
    ("create database d; create table d.t (x int); insert into d.t values (1),(1),(2); update d.t set x = 1; delete from d.t;\n",
     "mysql> create database d; create table d.t (x int); insert into d.t values (1),(1),(2); update d.t set x = 1; delete from d.t;\nQuery OK, 1 row affected (0.00 sec)\n\nQuery OK, 0 rows affected (0.00 sec)\n\nQuery OK, 3 rows affected (0.00 sec)\nRecords: 3  Duplicates: 0  Warnings: 0\n\nQuery OK, 1 row affected (0.00 sec)\nRows matched: 3  Changed: 1  Warnings: 0\n\nQuery OK, 3 rows affected (0.00 sec)\n\nmysql> exit\nBye\n"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "expected"), CONVERSATIONS)
def test_a_conversation_looks_as_on_a_terminal(typed: str, expected: str) -> None:
    assert conversation(typed) == expected


def test_help_and_status_speak() -> None:
    assert "List of all MySQL commands" in conversation("help\n")
    assert "Current database:\tmysql" in conversation("use mysql\nstatus\n")


def test_wide_signs_take_two_columns() -> None:
    assert "| 张三 |\n" in conversation("select '张三' n;\n")


def test_a_batch_ends_at_the_first_error_and_names_its_line() -> None:
    ran = Database().sql("select 1;\n\nselect nope;\nselect 2;")
    assert (ran.stdout, ran.code) == ("1\n1\n", 1)
    assert ran.stderr == "ERROR 1054 (42S22) at line 3: Unknown column 'nope' in 'field list'\n"
    assert Database().sql("selec 1; select 2", "-f").stdout == "2\n2\n"


def test_options_change_the_form() -> None:
    database = Database()
    assert database.sql("select 1 a", "-N").stdout == "1\n"
    assert database.sql("select 1 a", "--table").stdout == "+---+\n| a |\n+---+\n| 1 |\n+---+\n"
    assert (
        database.sql("select 1 a", "-E").stdout
        == "*************************** 1. row ***************************\na: 1\n"
    )
    assert database.run("mysql", "-uroot", "--password=pw", "-e", "select 1 a", "mysql").stdout == "a\n1\n"
    on_a_terminal = database.started(
        "mysql", "-uroot", "-ppw", "--database=mysql", "-Ne", "select database()", tty=True
    )
    assert on_a_terminal.ran.stdout == "mysql\n", "-e is a batch even there"
    assert database.sql("select 'a\tb\nc\\\\'", "-N").stdout == "a\\tb\\nc\\\\\n"
    assert "Ver 5.7.44" in database.run("mysql", "--version").stdout


def test_source_reads_a_file() -> None:
    database = Database()
    database.put("/s.sql", "create database d;\nuse d\nselect database();\n")
    assert database.sql("source /s.sql;\nselect database() x;").stdout == "database()\nd\nx\nd\n"
    assert "Failed to open file '/nope', error: 2" in database.sql("source /nope").stderr
    database.put("/loop.sql", "source /loop.sql\n")
    assert "too deep" in database.sql("source /loop.sql").stderr


REFUSED = [
    (("-uroot",), "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)"),
    (("-uroot", "-pwrong"), "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)"),
    (("-unobody", "-ppw"), "ERROR 1045 (28000): Access denied for user 'nobody'@'localhost' (using password: YES)"),
    (("-uroot", "-ppw", "nope"), "ERROR 1049 (42000): Unknown database 'nope'"),
    (("-uroot", "-ppw", "-h", "elsewhere"), "ERROR 2005 (HY000): Unknown MySQL server host 'elsewhere' (0)"),
]


@pytest.mark.parametrize(("arguments", "error"), REFUSED)
def test_who_is_not_known_is_not_let_in(arguments: tuple[str, ...], error: str) -> None:
    ran = Database().run("mysql", *arguments, stdin="select 1")
    assert ran.code == 1
    assert ran.stderr.splitlines()[-1] == error


def test_users_come_go_and_change_their_passwords() -> None:
    database = Database()
    database.rows(
        "create user a identified by 'one', 'b'@'localhost'; create user if not exists a; grant select on *.* to a"
    )

    def enters(user: str, *password: str) -> bool:
        return database.run("mysql", "-u", user, *password, stdin="select 1").code == 0

    assert enters("a", "-pone")
    assert enters("b")
    database.rows("alter user a identified by 'two'; set password for 'b'@'localhost' = 'x'; set password = 'new'")
    assert enters("a", "-ptwo")
    assert not enters("a", "-pone")
    assert enters("b", "-px")
    assert enters("root", "-pnew")
    assert (
        database.sql(
            "drop user a; drop user if exists a; grant all on *.* to c@'%' identified by 'c'", password="new"
        ).code
        == 0
    )
    assert not enters("a", "-ptwo")
    assert enters("c", "-pc")
    assert database.run("mysql", "-uc", stdin="select 1").code == 1
    assert Database.run(database, "sh", "-c", "MYSQL_PWD=c mysql -uc -e 'select 5 x'").stdout == "x\n5\n"


# -- mysqladmin and mysqldump ------------------------------------------------------------------------------------------
def test_mysqladmin_asks_and_acts() -> None:
    database = Database()

    def admin(*words: str) -> tuple[str, int | None]:
        ran = database.run("mysqladmin", "-uroot", *words)
        return ran.stdout + ran.stderr, ran.code

    assert admin("-ppw", "ping") == ("mysqld is alive\n", 0)
    assert admin("-pwrong", "ping") == ("mysqld is alive\n", 0), "it answers, if only to refuse"
    assert admin("-ppw", "create", "d") == ("", 0)
    assert admin("-ppw", "drop", "d") == ('Database "d" dropped\n', 0)
    assert admin("-ppw", "password", "new") == ("", 0)
    assert admin("-pnew", "status")[0].startswith("Uptime: 1")
    assert "5.7.44" in admin("-pnew", "version")[0]
    assert admin("-pnew", "fly") == ("mysqladmin: Unknown command: 'fly'\n", 1)
    assert admin("-pnew") == ("mysqladmin: a command is needed, such as ping or status\n", 1)
    assert "Access denied" in admin("-pwrong", "status")[0]
    database.server.signal("TERM")
    assert "Can't connect" in admin("-pnew", "ping")[0]


def test_mysqladmin_shutdown_tells_the_first_process() -> None:
    database = Database()
    process = database.process(("mysqladmin", "-uroot", "-ppw", "shutdown"))
    database.started("sh", "-c", "true").program.start(process)
    assert process.sent == [(1, "TERM")]


def test_a_dump_makes_the_same_databases_again() -> None:
    first = Database()
    first.rows(
        """
        create database d; use d;
        create table child (id int, p int, foreign key (p) references parent (id));
        create table parent (id int primary key, b blob, v varchar(40) default 'it''s', f double);
        insert into parent values (1, 0x00ff, 'tab\\there \\'q\\' \\\\', 1.5), (2, null, null, null), (3, '', '', 0);
        insert into child values (1, 1), (2, null);
        """
    )
    dump = first.run("mysqldump", "-uroot", "-ppw", "--all-databases").stdout
    second = Database()
    second.rows(dump)
    assert second.run("mysqldump", "-uroot", "-ppw", "--all-databases").stdout == dump
    assert second.rows("select * from d.parent; select * from d.child") == first.rows(
        "select * from d.parent; select * from d.child"
    )


def test_parts_are_dumped_by_name() -> None:
    database = Database()
    database.rows("create database d; create table d.a (x int); create table d.b (x int); create database e")

    def dump(*words: str) -> str:
        ran = database.run("mysqldump", "-uroot", "-ppw", *words)
        return ran.stdout + ran.stderr

    assert "`a`" in dump("d", "a")
    assert "`b`" not in dump("d", "a")
    assert "CREATE DATABASE" not in dump("d")
    assert dump("--databases", "d", "e").count("CREATE DATABASE") == 2
    assert dump() == "mysqldump: name a database, or use --all-databases\n"
    assert "Unknown database 'nope'" in dump("nope")
