"""The images of Bitnami: the same servers with their data elsewhere.

Source: bitnami/containers.
"""

from __future__ import annotations

import pytest

from tests.programs.box import Box, Running
from volsim.programs.images import image_for
from volsim.storage import tree
from volsim.storage.tree import Directory

SERVERS = [
    ("bitnami/mysql:8.0", "/bitnami/mysql", {"MYSQL_ROOT_PASSWORD": "pw"}, "mysql -uroot -ppw -e 'create database d'", "data/d"),
    ("bitnami/mariadb", "/bitnami/mariadb", {"MARIADB_ROOT_PASSWORD": "pw", "MARIADB_DATABASE": "d"}, "true", "data/d"),
    ("bitnamilegacy/postgresql:16", "/bitnami/postgresql", {"POSTGRESQL_PASSWORD": "pw"}, "true", "data/PG_VERSION"),
    ("registry.example/bitnami/postgresql", "/bitnami/postgresql", {"POSTGRES_PASSWORD": "pw"}, "true", "data/PG_VERSION"),
    ("bitnami/redis:7.2", "/bitnami/redis", {"REDIS_PASSWORD": "pw"}, "redis-cli -a pw set a 1", "data/appendonlydir"),
    ("bitnami/redis", "/bitnami/redis", {"ALLOW_EMPTY_PASSWORD": "yes"}, "redis-cli save", "data/dump.rdb"),
]  # fmt: skip


def started(box: Box) -> Running:
    return box.started(*box.image.entrypoint, *box.image.arguments, pid1=True)


@pytest.mark.parametrize(("image", "path", "env", "command", "made"), SERVERS)
def test_the_data_lie_in_a_directory_within_the_volume(
    image: str, path: str, env: dict[str, str], command: str, made: str
) -> None:
    volume = tree.mkdir(Directory(), "/lost+found")
    box = Box(image, volumes={path: volume}, env=env)
    server = started(box)
    assert server.pause.exit_code is None, server.screen
    assert box.sh(command).code == 0
    assert box.sh(f"ls -d {path}/{made}").stdout == f"{path}/{made}\n"
    assert server.signal("TERM")
    assert server.pause.exit_code == 0
    assert started(Box(image, volumes={path: box.trees[path]}, env=env)).pause.exit_code is None


@pytest.mark.parametrize(
    ("image", "variable"),
    [
        ("bitnami/redis", "REDIS_PASSWORD"),
        ("bitnami/postgresql", "POSTGRESQL_PASSWORD"),
        ("bitnami/mysql", "MYSQL_ROOT_PASSWORD"),
    ],
)
def test_without_a_password_they_do_not_start(image: str, variable: str) -> None:
    server = started(Box(image))
    assert server.pause.exit_code == 1
    assert f"ERROR ==> The {variable} environment variable is empty or not set." in server.screen


def test_users_and_databases_of_the_environment_are_made() -> None:
    env = {"POSTGRESQL_PASSWORD": "pw", "POSTGRESQL_USERNAME": "me", "POSTGRESQL_DATABASE": "app"}
    box = Box("bitnami/postgresql", volumes={"/bitnami/postgresql": Directory()}, env=env)
    assert started(box).pause.exit_code is None
    assert box.run("psql", "-U", "me", "app", "-tAc", "select current_user").stdout == "me\n"


def test_a_volume_that_cannot_be_written_keeps_them_from_starting() -> None:
    box = Box(
        "bitnami/redis",
        volumes={"/bitnami/redis": Directory()},
        read_only=("/bitnami/redis",),
        env={"REDIS_PASSWORD": "x"},
    )
    server = started(box)
    assert (server.pause.exit_code, server.screen) == (
        1,
        "mkdir: cannot create directory '/bitnami/redis/data': Read-only file system\n",
    )


def test_another_command_runs_as_it_is_and_another_image_is_a_server() -> None:
    box = Box("bitnami/redis")
    assert box.run(*box.image.entrypoint, "echo", "hi").stdout == "hi\n"
    assert not image_for("bitnami/kafka").known
    assert image_for("other/redis").arguments == ("redis-server",)
