"""The server: it makes its data directory once, refuses what it cannot use, and keeps everything in its volume.

Source: docker-library/postgres, docker-entrypoint.sh; PostgreSQL, src/bin/initdb/initdb.c.
"""

from __future__ import annotations

import pytest

import volsim
from tests.programs.box import Box
from tests.programs.postgres.server import DATA, Postgres
from volsim.storage import tree
from volsim.storage.tree import Directory


def test_an_empty_volume_is_initialised() -> None:
    database = Postgres()
    assert database.server.pause.exit_code is None
    assert {"PG_VERSION", "base", "global", "pg_wal", "postgresql.conf", "postmaster.pid"} <= set(database.ls(DATA))
    assert database.read(f"{DATA}/PG_VERSION") == "16\n"
    assert "PostgreSQL init process complete; ready for start up." in database.server.screen
    assert database.server.screen.endswith("LOG:  database system is ready to accept connections\n")


def test_a_restart_finds_everything_and_initialises_nothing() -> None:
    first = Postgres()
    first.rows("create table t (x int); insert into t values (7)")
    assert first.server.signal("TERM", after=60)
    assert first.server.pause.exit_code == 0
    again = Postgres(volume=first.trees[DATA], POSTGRES_PASSWORD="")
    assert "Skipping initialization" in again.server.screen
    assert "database system was shut down at 2026-01-01 00:01:00 UTC" in again.server.screen
    assert again.rows("select x from t") == "7\n"


def test_a_server_that_was_not_shut_down_leaves_its_lock_and_every_committed_row() -> None:
    first = Postgres()
    first.rows("create table t (x int); insert into t values (7)")
    again = Postgres(volume=first.trees[DATA])
    assert "database system was not properly shut down; automatic recovery in progress" in again.server.screen
    assert again.rows("select x from t") == "7\n"


def test_the_lock_file_does_not_keep_a_server_of_another_container_out() -> None:
    """Both are process 1, each of its own container: the file looks like one's own."""
    first = Postgres()
    assert first.read(f"{DATA}/postmaster.pid").startswith("1\n/var/lib/postgresql/data\n")
    second = Postgres(volume=first.trees[DATA])
    assert second.server.pause.exit_code is None


def test_a_clean_end_removes_lock_and_socket() -> None:
    database = Postgres()
    assert not database.server.signal("HUP")
    assert database.server.signal("INT")
    assert "received fast shutdown request" in database.server.screen
    assert "postmaster.pid" not in database.ls(DATA)
    ran = database.psql("-c", "select 1")
    assert ran.code == 2
    assert ran.stderr.startswith(
        'psql: error: connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: No such file'
    )
    assert database.run("pg_isready") == ("/var/run/postgresql:5432 - no response\n", "", 2, 0)


def test_without_a_password_it_does_not_start() -> None:
    database = Postgres(POSTGRES_PASSWORD="")
    assert database.server.pause.exit_code == 1
    assert "Error: Database is uninitialized and superuser password is not specified." in database.server.screen
    assert database.ls(DATA) == []
    assert Postgres(POSTGRES_PASSWORD="", POSTGRES_HOST_AUTH_METHOD="trust").server.pause.exit_code is None


def test_a_password_can_lie_in_a_file() -> None:
    box = Box(
        "postgres", files={"/secret": "pw\n"}, volumes={DATA: Directory()}, env={"POSTGRES_PASSWORD_FILE": "/secret"}
    )
    assert box.started("docker-entrypoint.sh", "postgres", pid1=True).pause.exit_code is None


LOST = tree.mkdir(Directory(), "/lost+found")
REFUSED = [
    (
        "postgres:16", LOST,
        ("initdb: detail: It contains a lost+found directory, perhaps due to it being a mount point.\n"
        "initdb: hint: Using a mount point directly as the data directory is not recommended.\n"
        "Create a subdirectory under the mount point.\n"),
    ),
    (
        "postgres:13", LOST,
        ("It contains a lost+found directory, perhaps due to it being a mount point.\n"
        "Using a mount point directly as the data directory is not recommended.\n"
        "Create a subdirectory under the mount point.\n"),
    ),
    (
        "postgres:16", tree.write(Directory(), "/.snapshot", b""),
        ("initdb: detail: It contains a dot-prefixed/invisible file, perhaps due to it being a mount point.\n"
        "initdb: hint: Using a mount point directly as the data directory is not recommended.\n"
        "Create a subdirectory under the mount point.\n"),
    ),
    (
        "postgres:16", tree.write(LOST, "/backup", b"x"),
        ("initdb: hint: If you want to create a new database system, either remove or empty the directory "
        '"/var/lib/postgresql/data" or run initdb with an argument other than "/var/lib/postgresql/data".\n'),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("image", "volume", "said"), REFUSED)
def test_a_directory_with_something_else_in_it_is_refused_and_left_alone(
    image: str, volume: Directory, said: str
) -> None:
    database = Postgres(image, volume)
    assert database.server.pause.exit_code == 1
    error = 'initdb: error: directory "/var/lib/postgresql/data" exists but is not empty\n'
    assert database.server.screen.endswith(error + said)
    assert database.trees[DATA] == volume


def test_a_subdirectory_of_the_mount_point_is_the_remedy() -> None:
    database = Postgres(volume=LOST, PGDATA=f"{DATA}/pgdata")
    assert database.server.pause.exit_code is None
    assert database.ls(DATA) == ["lost+found", "pgdata"]


def test_the_data_of_another_major_version_are_refused() -> None:
    database = Postgres("postgres:17", Postgres("postgres:16").trees[DATA])
    assert database.server.pause.exit_code == 1
    assert (
        "DETAIL:  The data directory was initialized by PostgreSQL version 16, which is not compatible with this version "
        "17.2." in database.server.screen
    )


def test_from_18_on_a_volume_in_the_old_place_would_be_left_unused_and_is_refused() -> None:
    database = Postgres("postgres:18")
    assert database.server.pause.exit_code == 1
    assert "         /var/lib/postgresql/data (unused mount/volume)\n" in database.server.screen
    box = Box("postgres:18", volumes={"/var/lib/postgresql": Directory()}, env={"POSTGRES_PASSWORD": "pw"})
    assert box.started("docker-entrypoint.sh", "postgres", pid1=True).pause.exit_code is None
    assert box.read("/var/lib/postgresql/18/docker/PG_VERSION") == "18\n"


def test_the_server_alone_does_not_initialise() -> None:
    box = Box("postgres:16", volumes={DATA: Directory()})
    server = box.started("postgres", pid1=True)
    assert server.pause.exit_code == 1
    assert f'FATAL:  "{DATA}" is not a valid data directory' in server.screen
    assert 'could not access directory "/nope"' in box.started("postgres", "-D", "/nope", pid1=True).screen


def test_the_entrypoint_runs_another_command_as_it_is() -> None:
    assert Box("postgres").run("docker-entrypoint.sh", "echo", "hi").stdout == "hi\n"


def test_role_database_and_scripts_of_the_environment_are_made() -> None:
    box = Box(
        "postgres:16",
        files={
            "/docker-entrypoint-initdb.d/1.sql": "create table t (x int);\ninsert into t values (1);",
            "/docker-entrypoint-initdb.d/notes.txt": "x",
        },
        volumes={DATA: Directory()},
        env={"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "pw", "POSTGRES_DB": "app"},
    )
    server = box.started("docker-entrypoint.sh", "postgres", pid1=True)
    assert "running /docker-entrypoint-initdb.d/1.sql\nCREATE TABLE\nINSERT 0 1\n" in server.screen
    assert "ignoring /docker-entrypoint-initdb.d/notes.txt" in server.screen
    assert box.run("psql", "-U", "me", "app", "-tAc", "select x from t").stdout == "1\n"
    assert 'role "postgres" does not exist' in box.run("psql", "-U", "postgres", "app").stderr


def test_a_script_that_fails_stops_it() -> None:
    box = Box(
        "postgres:16",
        files={"/docker-entrypoint-initdb.d/1.sql": "\ninsert into nope values (1);"},
        volumes={DATA: Directory()},
        env={"POSTGRES_PASSWORD": "pw"},
    )
    server = box.started("docker-entrypoint.sh", "postgres", pid1=True)
    assert server.pause.exit_code == 1
    assert 'psql:/docker-entrypoint-initdb.d/1.sql:2: ERROR:  relation "nope" does not exist' in server.screen


def test_a_volume_that_cannot_be_written_keeps_it_from_starting() -> None:
    box = Box("postgres:16", volumes={DATA: Directory()}, read_only=(DATA,), env={"POSTGRES_PASSWORD": "pw"})
    server = box.started("docker-entrypoint.sh", "postgres", pid1=True)
    assert server.pause.exit_code == 1
    assert "Read-only file system" in server.screen


# -- volumes that fail -------------------------------------------------------------------------------------------------
def test_an_unreachable_volume_is_an_error_of_its_files_and_comes_back_whole() -> None:
    database = Postgres()
    database.rows("create table t (x int); insert into t values (7)")
    database.broken.add(DATA)
    ran = database.psql("-c", "select 1")
    assert (ran.code, ran.stderr.partition("failed: ")[2]) == (
        2,
        'FATAL:  could not open file "global/pg_filenode.map": Input/output error\n',
    )
    assert database.server.signal("TERM")
    assert "PANIC:  could not write to file" in database.server.screen
    database.broken.clear()
    assert "automatic recovery" in database.start().screen
    assert database.rows("select x from t") == "7\n"


def test_a_full_volume_refuses_a_row_and_keeps_what_was_acknowledged() -> None:
    database = Postgres()
    database.rows("create table t (x text); insert into t values ('kept')")
    database.limits = {DATA: database.trees[DATA].size + 100}
    assert "could not extend file" in database.error("insert into t values (repeat('x', 9000))")
    assert "HINT:  Check free disk space." in database.error("insert into t values (repeat('x', 9000))")
    assert database.rows("select x from t") == "kept\n"


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  nfs: {server: nfs, path: /x}
---
apiVersion: v1
kind: Pod
metadata: {name: db}
spec:
  containers:
  - name: db
    image: postgres:16
    env: [{name: POSTGRES_PASSWORD, value: pw}]
    volumeMounts: [{name: d, mountPath: /var/lib/postgresql/data}]
  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
"""


def test_in_a_cluster_a_deleted_pod_leaves_its_rows_to_the_next() -> None:
    sim = volsim.Simulation(nodes=2)
    sim.apply(CLAIM)
    sim.settle()
    assert (
        sim.exec(
            "pod/db", ["psql", "-U", "postgres", "-qc", "create table t (x int); insert into t values (7)"]
        ).exit_code
        == 0
    )
    sim.delete("pod/db")
    sim.settle()
    sim.apply(CLAIM)
    sim.settle()
    assert sim.exec("pod/db", ["psql", "-U", "postgres", "-tAc", "select x from t"]).stdout == "7\n"
    assert "Skipping initialization" in sim.kubectl("logs db")
