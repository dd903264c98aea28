"""What MySQL answers to statements, right ones and wrong ones.

Source: MySQL reference manual, 13 (SQL statements) and B.3 (error messages).
"""

from __future__ import annotations

import pytest

from tests.programs.database.server import Database

SETUP = """
create database shop;
use shop;
create table item (
  id int not null auto_increment primary key,
  name varchar(5) not null,
  price decimal(6,2) default 1.5,
  kind enum('new','old') default 'new',
  made timestamp default current_timestamp,
  n tinyint unsigned,
  key by_name (name),
  unique key once (price, kind)
) engine=InnoDB default charset=utf8 comment='x';
insert into item (name, price) values ('pen', 2), ('cup', 3), ('bag', 30);
create table part (item int, foreign key (item) references item(id));
"""


@pytest.fixture(scope="module")
def database() -> Database:
    made = Database()
    made.rows(SETUP)
    return made


QUERIES = [
    ("select name from item order by id", "name\npen\ncup\nbag\n"),
    ("select id, price from item where price >= 3 order by id desc limit 1", "id\tprice\n3\t30\n"),
    ("select name from item order by id limit 1, 2", "name\ncup\nbag\n"),
    ("select count(*), sum(price) total, max(name) as m from item", "count(*)\ttotal\tm\n3\t35\tpen\n"),
    ("select i.name from item i join item j on i.id = j.id where j.name = 'CUP'", "name\ncup\n"),
    ("select `name` from `shop`.`item` where id in (select 1 union select 3)", "name\npen\nbag\n"),
    ("select kind, count(*) from item group by kind having count(*) > 2", "kind\tcount(*)\nnew\t3\n"),
    ("select 'it''s', \"say \\\"hi\\\"\", 'a\\nb', 'c\\\\d'", "it's\tsay \"hi\"\ta\nb\tc\\d\n".replace("\t", "\t") + "it's\tsay \"hi\"\ta\\nb\tc\\\\d\n"),
    ("select 1 + 1, 7 / 2, 7 div 2, 7 % 4, 2 > 1, not 1, null <=> null, 1 && 0", None),
    ("select concat(name, '-', id) from item where id = 1", "concat(name, '-', id)\npen-1\n"),
    ("select if(price > 2, 'much', 'little') w from item where id = 2", "w\nmuch\n"),
    ("select ifnull(n, 'none'), coalesce(n, 5) from item where id = 1", "ifnull(n, 'none')\tcoalesce(n, 5)\nnone\t5\n"),
    ("select char_length('é'), length('é'), upper('a'), left('abc', 2), right('abc', 2), reverse('abc')", "char_length('é')\tlength('é')\tupper('a')\tleft('abc', 2)\tright('abc', 2)\treverse('abc')\n1\t2\tA\tab\tbc\tcba\n"),
    ("select now(), curdate(), unix_timestamp(), date_format(now(), '%d.%m.%Y %H:%i'), date(now()), current_timestamp", "now()\tcurdate()\tunix_timestamp()\tdate_format(now(), '%d.%m.%Y %H:%i')\tdate(now())\tcurrent_timestamp\n2026-01-01 00:00:00\t2026-01-01\t1767225600\t01.01.2026 00:00\t2026-01-01\t2026-01-01 00:00:00\n"),
    ("select database(), user(), version(), @@version, @@port, @never_set", "database()\tuser()\tversion()\t@@version\t@@port\t@never_set\nshop\troot@localhost\t5.7.44\t5.7.44\t3306\tNULL\n"),
    ("select md5('a'), sha1('a')", "md5('a')\tsha1('a')\n0cc175b9c0f1b6a831c399e269772661\t86f7e437faa5a7fce15d1ddcb9eaeaea377667b8\n"),
    ("select name from item where name like 'P%' or name regexp '^b' order by id", "name\npen\nbag\n"),
    ("select 0x4142", "0x4142\n0x4142\n"),
    ("show databases like 'sh%'", "Database\nshop\n"),
    ("show tables", "Tables_in_shop\nitem\npart\n"),
    ("show tables from mysql", "Tables_in_mysql\nuser\n"),
    ("show variables like 'datadir'", "Variable_name\tValue\ndatadir\t/var/lib/mysql/\n"),
    ("show variables like 'autocommit'", "Variable_name\tValue\nautocommit\tON\n"),
    ("show table status", "Name\tEngine\nitem\tInnoDB\npart\tInnoDB\n"),
    ("show create database shop", "Database\tCreate Database\nshop\tCREATE DATABASE `shop`\n"),
    ("show status like 'Threads_running'", "Variable_name\tValue\nThreads_running\t1\n"),
    ("show engines", None),
    ("show processlist", None),
    ("show grants", None),
    ("check table item", "Table\tOp\tMsg_type\tMsg_text\nshop.item\tcheck\tstatus\tOK\n"),
    ("select table_name from information_schema.tables where table_schema = 'shop' order by 1", "table_name\nitem\npart\n"),
    ("select column_name, is_nullable from information_schema.columns where table_name = 'item' and ordinal_position < 3", "column_name\tis_nullable\nid\tNO\nname\tNO\n"),
    ("select schema_name from information_schema.schemata where schema_name like 's%'", "schema_name\nshop\nsys\n"),
    ("(select 1) ", "1\n1\n"),
    ("with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select * from r", "n\n1\n2\n3\n"),
    ("select 1 /* a comment */ # another\n -- a third\n", "1\n1\n"),
    ("/*!40101 set names utf8 */", ""),
    ("set @x = 1; set names utf8; flush privileges; lock tables item read; unlock tables; do 1", ""),
    ("select name from item where 1 = 0", ""),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_is_answered(database: Database, query: str, expected: str | None) -> None:
    found = database.rows(f"use shop;\n{query}")
    assert found == expected or (expected is None and found)


def test_describe_shows_the_columns(database: Database) -> None:
    assert database.rows("desc shop.item; show columns from part from shop") == (
        "Field\tType\tNull\tKey\tDefault\tExtra\n"
        "id\tint(11)\tNO\tPRI\tNULL\tauto_increment\n"
        "name\tvarchar(5)\tNO\tMUL\tNULL\t\n"
        "price\tdecimal(6,2)\tYES\tMUL\t1.5\t\n"
        "kind\tenum('new','old')\tYES\t\tnew\t\n"
        "made\ttimestamp\tYES\t\tCURRENT_TIMESTAMP\t\n"
        "n\ttinyint(3) unsigned\tYES\t\tNULL\t\n"
        "Field\tType\tNull\tKey\tDefault\tExtra\n"
        "item\tint(11)\tYES\t\tNULL\t\n"
    )


def test_show_index_lists_the_keys(database: Database) -> None:
    lines = database.rows("show index from shop.item").splitlines()[1:]
    assert [line.split("\t")[1:5] for line in lines] == [
        ["0", "PRIMARY", "1", "id"],
        ["1", "by_name", "1", "name"],
        ["0", "once", "1", "price"],
        ["0", "once", "2", "kind"],
    ]


def test_a_table_is_made_again_from_what_show_create_table_says(database: Database) -> None:
    query = "use shop; show create table {};"
    for table in ("item", "part"):
        shown = database.rows(query.format(table)).splitlines()[1].split("\t")[1]
        made = Database()
        definition = shown.replace("\\n", "\n").replace("\\\\", "\\")
        made.rows(f"create database shop; use shop; {definition}")
        assert made.rows(query.format(table)).splitlines()[1].split("\t")[1] == shown


ERRORS = [
    ("select * from nope", "ERROR 1146 (42S02) at line 1: Table 'shop.nope' doesn't exist"),
    ("select * from none.t", "ERROR 1146 (42S02) at line 1: Table 'none.t' doesn't exist"),
    ("select nope from item", "ERROR 1054 (42S22) at line 1: Unknown column 'nope' in 'field list'"),
    ("select id from item, part where id = id and item.id = i.id", None),
    ("select nope(1)", "ERROR 1305 (42000) at line 1: FUNCTION shop.nope does not exist"),
    ("select random()", "ERROR 1305 (42000) at line 1: FUNCTION shop.random does not exist"),
    ("select md5()", "ERROR 1582 (42000) at line 1: Incorrect parameter count in the call to native function 'md5'"),
    ("select @@nope", "ERROR 1193 (HY000) at line 1: Unknown system variable 'nope'"),
    ("use none", "ERROR 1049 (42000) at line 1: Unknown database 'none'"),
    ("show tables from none", "ERROR 1049 (42000) at line 1: Unknown database 'none'"),
    ("desc nope", "ERROR 1146 (42S02) at line 1: Table 'shop.nope' doesn't exist"),
    ("create database shop", "ERROR 1007 (HY000) at line 1: Can't create database 'shop'; database exists"),
    ("drop database none", "ERROR 1008 (HY000) at line 1: Can't drop database 'none'; database doesn't exist"),
    ("create table item (x int)", "ERROR 1050 (42S01) at line 1: Table 'item' already exists"),
    ("drop table nope", "ERROR 1051 (42S02) at line 1: Unknown table 'shop.nope'"),
    ("create index by_name on item (name)", "ERROR 1061 (42000) at line 1: Duplicate key name 'by_name'"),
    ("drop index nope on item", "ERROR 1091 (42000) at line 1: Can't DROP 'nope'; check that column/key exists"),
    ("alter table item add column name int", "ERROR 1060 (42S21) at line 1: Duplicate column name 'name'"),
    ("create table t (a int, a int)", "ERROR 1060 (42S21) at line 1: Duplicate column name 'a'"),
    ("insert into item (id, name) values (1, 'x')", "ERROR 1062 (23000) at line 1: Duplicate entry '1' for key 'PRIMARY'"),
    ("insert into item (name, price) values ('x', 30)", "ERROR 1062 (23000) at line 1: Duplicate entry '30-new' for key 'once'"),
    ("update item set id = 2 where id = 1", "ERROR 1062 (23000) at line 1: Duplicate entry '2' for key 'PRIMARY'"),
    ("insert into item (name) values (null)", "ERROR 1048 (23000) at line 1: Column 'name' cannot be null"),
    ("insert into item (price) values (9)", "ERROR 1364 (HY000) at line 1: Field 'name' doesn't have a default value"),
    ("insert into item (name) values ('too long')", "ERROR 1406 (22001) at line 1: Data too long for column 'name' at row 1"),
    ("insert into item (name, n) values ('x', 300)", "ERROR 1264 (22003) at line 1: Out of range value for column 'n' at row 1"),
    ("insert into item (name, n) values ('x', 'y')", "ERROR 1366 (HY000) at line 1: Incorrect integer value for column 'n' at row 1"),
    ("insert into item (name, price) values ('x', 'y')", "ERROR 1366 (HY000) at line 1: Incorrect decimal value for column 'price' at row 1"),
    ("insert into item (name, kind) values ('x', 'y')", "ERROR 1265 (01000) at line 1: Data truncated for column 'kind' at row 1"),
    ("insert into item values (1, 2)", "ERROR 1136 (21S01) at line 1: Column count doesn't match value count at row 1"),
    ("insert into item (id, name) values (1)", "ERROR 1136 (21S01) at line 1: Column count doesn't match value count at row 1"),
    ("insert into part values (99)", "ERROR 1452 (23000) at line 1: Cannot add or update a child row: a foreign key constraint fails"),
    ("insert into part values (1); delete from item where id = 1", "ERROR 1451 (23000) at line 1: Cannot delete or update a parent row: a foreign key constraint fails"),
    ("create user 'root'@'localhost'", "ERROR 1396 (HY000) at line 1: Operation CREATE USER failed for 'root'@'localhost'"),
    ("alter user 'nobody'@'%' identified by 'x'", "ERROR 1396 (HY000) at line 1: Operation ALTER USER failed for 'nobody'@'%'"),
    ("drop user 'nobody'@'%'", "ERROR 1396 (HY000) at line 1: Operation DROP USER failed for 'nobody'@'%'"),
    ("grant all on *.* to 'nobody'@'%'", "ERROR 1410 (42000) at line 1: You are not allowed to create a user with GRANT"),
    ("with recursive r(n) as (select 1 union all select n + 1 from r) select count(*) from r", "ERROR 3024 (HY000) at line 1: Query execution was interrupted, maximum statement execution time exceeded"),
    ("explain select 1", "ERROR 1235 (42000) at line 1: not modelled: EXPLAIN of a statement"),
    ("create table t like item", "ERROR 1235 (42000) at line 1: not modelled: CREATE TABLE ... LIKE"),
    ("alter table item modify name int", "ERROR 1235 (42000) at line 1: not modelled: ALTER TABLE ... MODIFY"),
    ("check table nope", "ERROR 1146 (42S02) at line 1: Table 'shop.nope' doesn't exist"),
    ("create table t (x int check (x > 0)); insert into t values (-1)", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_a_wrong_statement_is_refused_in_mysqls_words(text: str, message: str | None) -> None:
    database = Database()
    database.rows(SETUP)
    found = database.error(f"use shop;{text}")
    assert found == message or (message is None and found.startswith("ERROR "))


NEAR = [
    ("selec 1", "selec 1"),
    ("select * from item where", ""),
    ("select * form item", "form item"),
    ("create table t (x nonsense)", "nonsense)"),
    ("create table t", ""),
    ("create nonsense x", "nonsense x"),
    ("drop nonsense x", "nonsense x"),
    ("insert into item values (", ""),
    ("update item set", ""),
    ("use", ""),
    ("show nonsense", "nonsense"),
    ("create table t (x int", "(x int"),
    ("rename table a b", "b"),
    ("vacuum", "vacuum"),
    ("attach database 'x' as y", "attach database 'x' as y"),
    ("pragma table_info(item)", "pragma table_info(item)"),
]


@pytest.mark.parametrize(("text", "near"), NEAR)
def test_a_syntax_error_says_near_what(text: str, near: str) -> None:
    database = Database()
    database.rows(SETUP)
    manual = "check the manual that corresponds to your MySQL server version for the right syntax to use"
    expected = f"ERROR 1064 (42000) at line 1: You have an error in your SQL syntax; {manual} near '{near}' at line 1"
    assert database.error(f"use shop;{text}") == expected


def test_without_a_database_tables_need_one() -> None:
    database = Database()
    for text in (
        "select * from t",
        "create table t (x int)",
        "show tables",
        "desc t",
        "drop table t",
        "insert into t values (1)",
    ):
        assert database.error(text) == "ERROR 1046 (3D000) at line 1: No database selected"


def test_rows_are_changed_in_all_of_mysqls_ways() -> None:
    database = Database()
    assert (
        database.rows(
            """
            create database d; use d;
            create table t (id int primary key, v varchar(10), unique (v));
            insert into t values (1, 'a'), (2, 'b');
            insert into t set id = 3, v = concat('c', 'c');
            insert ignore into t values (1, 'x'), (4, 'd');
            insert into t (id, v) values (2, 'new') on duplicate key update v = values(v);
            insert into t values row(5, 'e');
            replace into t values (4, 'r');
            insert into t select id + 10, concat(v, id) from t where id < 3;
            update t set v = 'u' where id = 3;
            delete from t where id = 5;
            select * from t order by id;
            """
        )
        == "id\tv\n1\ta\n2\tnew\n3\tu\n4\tr\n11\ta1\n12\tnew2\n"
    )


def test_numbers_are_given_and_begin_again_after_truncate() -> None:
    database = Database()
    numbered = "insert into t (v) values (1), (1); select last_insert_id(); truncate table t; insert into t (v) values (1); select id from t"
    assert database.rows(
        f"create database d; use d; create table t (id int auto_increment primary key, v int); {numbered}"
    ) == ("last_insert_id()\n2\nid\n1\n")


def test_a_transaction_is_all_or_nothing() -> None:
    database = Database()
    database.rows("create database d; create database e; use d; create table t (x int); create table e.t (x int)")
    database.rows("use d; begin; insert into t values (1); insert into e.t values (1); rollback")
    assert database.rows("select (select count(*) from d.t) + (select count(*) from e.t) n") == "n\n0\n"
    database.rows("use d; begin; insert into t values (1); insert into e.t values (1); commit")
    assert database.rows("select (select count(*) from d.t) + (select count(*) from e.t) n") == "n\n2\n"
    database.rows(
        "use d; start transaction; insert into t values (2); savepoint s; delete from t; rollback to s; commit"
    )
    assert database.rows("select x from d.t") == "x\n1\n2\n"
    database.rows("use d; begin; insert into t values (9)")  # the connection ends
    assert database.rows("select count(*) from d.t") == "count(*)\n2\n"
    database.rows("use d; begin; insert into t values (3); create table u (x int)")  # a definition commits
    assert database.rows("select count(*) from d.t") == "count(*)\n3\n"


def test_a_failed_statement_leaves_a_transaction_open() -> None:
    database = Database()
    database.rows("create database d; use d; create table t (x int primary key)")
    ran = database.sql(
        "use d; begin; insert into t values (1); insert into t values (1); insert into t values (2); commit", "-f"
    )
    assert ran.code == 1
    assert database.rows("select count(*) from d.t") == "count(*)\n2\n"


def test_definitions_change() -> None:
    database = Database()
    assert (
        database.rows(
            """
            create schema if not exists d; create database if not exists d; show warnings; use d;
            create table t (a int, b int default 5, key k (a));
            create table if not exists t (x int);
            alter table t add column c varchar(3) not null default 'x' after a, drop column b, add index ka (a, c), rename column a to z;
            alter table t engine=InnoDB; alter table t drop index k; alter table t disable keys;
            insert into t values (1, 'y');
            create table u as select z, c from t; create view v as select z from u;
            rename table u to w; create or replace view v as select z + 1 y from w;
            alter table t rename to tt; create unique index once on tt (z); drop index once on tt;
            drop table if exists nope, w; show warnings;
            select * from tt; show tables; drop view v; drop table tt; drop database d; show databases like 'd';
            """
        )
        == "Level\tCode\tMessage\nNote\t1007\tCan't create database 'd'; database exists\n"
        "Level\tCode\tMessage\nNote\t1051\tUnknown table 'd.nope'\nz\tc\n1\ty\nTables_in_d\ntt\nv\n"
    )


def test_two_databases_do_not_see_each_others_tables_without_a_name() -> None:
    database = Database()
    database.rows("create database d; create database e; create table e.t (x int); insert into e.t values (7)")
    assert database.error("use d; select * from t") == "ERROR 1146 (42S02) at line 1: Table 'd.t' doesn't exist"
    assert database.rows("use d; select x from e.t; use e; select e.t.x, t.x from e.t") == "x\n7\nx\tx\n7\t7\n"


@pytest.mark.parametrize(
    ("image", "key"), [("mysql:5.7", "PRIMARY"), ("mysql:8.0", "t.PRIMARY"), ("mariadb:10.6", "PRIMARY")]
)
def test_versions_differ_in_words(image: str, key: str) -> None:
    database = Database(image)
    text = "create database d; use d; create table t (x int primary key); insert into t values (1); insert into t values (1)"
    assert database.error(text) == f"ERROR 1062 (23000) at line 1: Duplicate entry '1' for key '{key}'"
    assert database.rows("desc d.t").splitlines()[1].split("\t")[1] == ("int" if image == "mysql:8.0" else "int(11)")
