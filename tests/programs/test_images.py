"""Images: what runs, what it is called with, and what there is beside it.

Source: docker-library's Dockerfiles; OCI image specification, config.md; execve(2).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.programs.box import Box
from volsim.errors import FileError, VolsimError
from volsim.programs import Image, Pause, Process, command, function, image_for, register
from volsim.programs.images import name_of

NAMES = [
    ("busybox", ("busybox", "latest")),
    ("busybox:1.28", ("busybox", "1.28")),
    ("docker.io/library/busybox:1.28", ("busybox", "1.28")),
    ("localhost:5000/team/app", ("app", "latest")),
    ("k8s.gcr.io/pause@sha256:abc", ("pause", "latest")),
]


@pytest.mark.parametrize(("given", "expected"), NAMES)
def test_registry_and_tag_are_told_from_the_name(given: str, expected: tuple[str, str]) -> None:
    assert name_of(given) == expected


COMMANDS = [
    ("busybox", ("sh",)),
    ("alpine:3", ("/bin/sh",)),
    ("debian", ("bash",)),
    ("ubuntu:24.04", ("/bin/bash",)),
    ("nginx:1.27", ("/docker-entrypoint.sh", "nginx", "-g", "daemon off;")),
    ("httpd", ("httpd-foreground",)),
    ("mysql:5.7", ("docker-entrypoint.sh", "mysqld")),
    ("postgres", ("docker-entrypoint.sh", "postgres")),
    ("redis:7", ("docker-entrypoint.sh", "redis-server")),
    ("registry.k8s.io/pause:3.9", ("/pause",)),
    ("hello-world", ("/hello",)),
    ("example.com/whatever", ("server",)),
]


def argv_of(image: Image) -> tuple[str, ...]:
    return (*image.entrypoint, *image.arguments)


@pytest.mark.parametrize(("name", "expected"), COMMANDS)
def test_an_image_runs_what_its_dockerfile_says(name: str, expected: tuple[str, ...]) -> None:
    assert argv_of(image_for(name)) == expected


SERVERS = [
    "nginx",
    "httpd",
    "mongo",
    "registry.k8s.io/pause",
    "example.com/app",
    "k8s.gcr.io/kube-apiserver",
]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_runs_until_it_is_told_to_stop(name: str) -> None:
    box = Box(name)
    running = box.started(*argv_of(box.image), pid1=True)
    assert running.pause == Pause.serving(running.pause.memory)
    assert running.program.resume(running.pause.memory, box.process(running.argv, pid1=True)).exit_code is None
    assert not running.signal("HUP")
    assert running.signal("TERM")
    assert running.pause.exit_code == 0


def test_hello_world_says_hello_and_ends() -> None:
    ran = Box("hello-world").run("/hello", pid1=True)
    assert (ran.code, "Hello from Docker!" in ran.stdout) == (0, True)


def test_a_bare_shell_ends_at_once_without_a_terminal_and_waits_with_one() -> None:
    assert Box("busybox").run("sh", pid1=True, stdin_open=False).code == 0
    assert Box("busybox").started("sh", pid1=True, tty=True).pause.exit_code is None


def test_an_image_that_is_known_has_nothing_else() -> None:
    assert command(image_for("busybox"), ("mysqld",)) is None
    assert command(image_for("busybox"), ("bash",)) is None
    assert command(image_for("debian"), ("bash",)) is not None
    assert command(image_for("pause"), ("sh",)) is None
    assert Box("busybox").sh("python x.py").stderr == "sh: python: not found\n"
    assert Box("alpine").sh("apk add curl").stderr == "apk: not modelled: nothing can be installed here\n"


def test_in_an_image_that_is_not_known_any_command_is_a_server() -> None:
    box = Box("example.com/app")
    for argv in (("kube-apiserver", "--x"), ("/opt/run", "y"), ("sh", "-c", "prepare=1; exec app-server $prepare")):
        running = box.started(*argv, pid1=True)
        assert running.pause.exit_code is None
        assert running.signal("TERM")
        assert running.pause.exit_code == 0


def test_but_nobody_can_run_in_it_what_is_not_known() -> None:
    box = Box("example.com/app")
    program, process = command(box.image, ("psql",)), box.process(("psql",))
    assert program is not None
    assert program.start(process).exit_code == 127
    assert process.stderr == b'exec: "psql": executable file not found in $PATH\n'
    assert Box("example.com/app").sh("cat /etc/passwd | head -c 4").stdout == "root"


def test_a_path_means_a_program_by_its_last_name() -> None:
    assert Box("busybox").run("/bin/echo", "hi").stdout == "hi\n"
    assert command(image_for("mysql"), ("/usr/local/bin/docker-entrypoint.sh", "mysqld")) is not None
    assert command(image_for("busybox"), ("/opt/echo", "hi"), Box().process(("/opt/echo",))) is None


# -- scripts -----------------------------------------------------------------------------------------------------------
def test_a_script_in_a_volume_is_a_program() -> None:
    box = Box()
    box.put("/scripts/run", "#!/bin/sh\necho $0 $1; sleep 2; echo end\n", mode=0o755)
    assert box.run("/scripts/run", "x") == ("/scripts/run x\nend\n", "", 0, 2)


def test_a_script_that_may_not_be_executed_is_refused() -> None:
    box = Box(files={"/run": "#!/bin/sh\n"})
    with pytest.raises(FileError, match="/run: Permission denied"):
        command(box.image, ("/run",), box.process(("/run",)))
    program = command(box.image, ("/run",))
    assert program is not None
    process = box.process(("/run",))
    assert program.start(process).exit_code == 126
    assert process.stderr == b'exec: "/run": permission denied\n'


def test_a_path_that_leads_nowhere_is_found_out_at_the_start() -> None:
    box = Box()
    program = command(box.image, ("/nope",))
    assert program is not None
    process = box.process(("/nope",))
    assert program.start(process).exit_code == 127
    assert process.stderr == b'exec: "/nope": executable file not found in $PATH\n'


def test_a_script_goes_on_when_its_file_is_gone() -> None:
    box = Box()
    box.put("/run", "#!/bin/sh\ntrap 'echo bye; exit 0' TERM\nwhile :; do sleep 3; echo tick; done\n", mode=0o755)
    running = box.started("/run", pid1=True)
    box.sh("rm /run")
    running.go_on()
    assert running.signal("TERM", after=1)
    running.go_on()
    assert running.ran == ("tick\nbye\n", "", 0, 6)


def test_a_script_is_found_along_the_path() -> None:
    box = Box(env={"PATH": "/tools:/bin"})
    box.put("/tools/mine", "echo mine\n", mode=0o755)
    box.put("/tools/text", "echo no\n")
    assert box.sh("mine; text").stdout == "mine\n"


def test_an_interpreter_that_is_not_there_is_named() -> None:
    box = Box()
    box.put("/x", "#!/usr/bin/perl\n", mode=0o755)
    ran = box.sh("/x; echo $?")
    assert ran == ("127\n", "/x: /usr/bin/perl: bad interpreter: No such file or directory\n", 0, 0)


def test_env_finds_an_interpreter() -> None:
    box = Box("debian")
    box.put("/x", "#!/usr/bin/env bash\necho bash $1\n", mode=0o755)
    assert box.sh("/x y").stdout == "bash y\n"


# -- your own programs -------------------------------------------------------------------------------------------------
def count(process: Process, memory: Any) -> Pause:
    ticks = (memory or 0) + 1
    process.files.write("/ticks", str(ticks).encode())
    return Pause.exited(0) if ticks == 3 else Pause.sleeping(60_000_000, memory=ticks)


def test_your_own_function_is_a_program() -> None:
    box = Box(register("counter", function(count), files={"/conf/a": b"x"}, env={"MODE": "test"}))
    ran = box.run("counter", pid1=True)
    assert (ran.code, ran.seconds, box.read("/ticks"), box.read("/conf/a"), box.env["MODE"]) == (
        0,
        120,
        "3",
        "x",
        "test",
    )
    assert image_for("registry.example/team/counter:2") is box.image
    assert box.sh("cat /ticks").stdout == "3"


def test_a_function_stops_as_a_server_does_unless_it_says_otherwise() -> None:
    polite = Box(register("polite", function(count))).started("polite", pid1=True)
    assert polite.signal("TERM")
    assert polite.pause.exit_code == 0
    stubborn = function(count, on_signal=lambda process, memory, name: None)
    assert not Box(register("stubborn", stubborn)).started("stubborn", pid1=True).signal("TERM")
    assert repr(stubborn) == "function(count)"


def test_a_function_needs_no_wrapping_and_a_pattern_stands_for_many_names() -> None:
    register("job-*", count, env={"MODE": "job"})
    register("job-special", function(count))
    box = Box("example.com/job-night:3")
    assert argv_of(box.image) == ("job-night",)
    assert (box.run("job-night", pid1=True).code, box.env["MODE"], box.sh("cat /ticks").stdout) == (0, "job", "3")
    assert "MODE" not in image_for("job-special").env
    register("job-n*", count)
    assert "MODE" not in image_for("job-night").env, "the one that was registered last"
    assert not image_for("jobs").known


def test_what_is_no_function_of_process_and_memory_is_refused() -> None:
    def generator(process: Process, memory: Any) -> Any:
        yield 1

    async def coroutine(process: Process, memory: Any) -> Any: ...

    wrong: Any
    for wrong in (generator, coroutine):
        with pytest.raises(VolsimError, match="is a generator or coroutine: it cannot be forked, compared or saved"):
            register("wrong", wrong)
    with pytest.raises(VolsimError, match="'wrong' is no program; give a function of"):
        register("wrong", "wrong")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "a/b", "a:1", "a@b"])
def test_a_registered_name_has_neither_registry_nor_tag(name: str) -> None:
    with pytest.raises(VolsimError, match="is no image's name without registry and tag; did you mean"):
        register(name, function(count))
