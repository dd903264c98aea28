"""A process's files: relative names, devices, what the kernel makes up.

Source: null(4), full(4), random(4), proc(5).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.programs.box import Box
from volsim.errors import FileError
from volsim.programs.files import Files, file_system, noise
from volsim.storage import tree
from volsim.storage.mounts import Mount
from volsim.storage.tree import Directory, Special


def files(box: Box | None = None, **given: str) -> Files:
    return Files((box or Box(files={"/d/f": "x"})).process(("sh",), **given))


def test_names_begin_in_the_working_directory() -> None:
    inside = files(cwd="/d")
    assert inside.read("f") == b"x"
    assert inside.read("../d/f") == b"x"
    inside.write("g", b"y")
    assert inside.listdir("/d") == ["f", "g"]


@pytest.mark.parametrize(("name", "error"), [("", "ENOENT"), ("a\0b", "EINVAL")])
def test_a_name_that_is_none_is_an_error(name: str, error: str) -> None:
    with pytest.raises(FileError) as caught:
        files().read(name)
    assert caught.value.errno == FileError.of(error, name).errno


def test_devices_give_and_take() -> None:
    made = files()
    assert made.read("/dev/null") == b""
    made.write("/dev/null", b"gone")
    with pytest.raises(FileError, match="Cannot allocate memory"):
        made.read("/dev/zero")
    with pytest.raises(FileError, match="No space left on device"):
        made.write("/dev/full", b"x")
    source = made.endless("/dev/zero")
    assert source is not None
    assert source(3) == b"\0\0\0"
    assert {made.kind(name) for name in ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/stdout")} == {"char"}
    assert made.endless("/d/f") is None


def test_random_bytes_follow_from_the_host_and_the_time() -> None:
    box = Box()
    early = box.sh("head -c 8 /dev/urandom | md5sum").stdout
    assert box.sh("head -c 8 /dev/urandom | md5sum").stdout == early
    box.now_us = 1
    assert box.sh("head -c 8 /dev/urandom | md5sum").stdout != early


def test_the_kernel_makes_files_up() -> None:
    made = files(Box(volumes={"/v": Directory()}, read_only=("/v",)))
    assert made.read("/proc/sys/kernel/hostname") == b"box\n"
    assert b"volume /v volume ro,relatime 0 0\n" in made.read("/proc/mounts")
    assert made.stat("/proc/uptime").kind == "file"


def test_links_are_followed_to_the_end() -> None:
    box = Box(files={"/d/f": "x"})
    box.trees["/"] = tree.symlink(tree.symlink(box.trees["/"], "/a", "d"), "/b", "/a/../a")
    made = files(box)
    assert made.resolved("/b/f") == "/d/f"
    assert made.resolved("/") == "/"
    box.trees["/"] = tree.symlink(box.trees["/"], "/loop", "loop")
    with pytest.raises(FileError, match="Too many levels of symbolic links"):
        files(box).resolved("/loop")


def test_a_mount_has_the_type_of_its_backing() -> None:
    for backing, kind in (
        (("layer", "c"), "overlay"),
        (("disk", "x"), "ext4"),
        (("memory", "x"), "tmpfs"),
        ("nfs", "volume"),
    ):
        assert file_system(Mount(path="/", backing=backing)) == kind


def test_what_is_no_file_is_told_apart() -> None:
    box = Box()
    box.trees["/"] = tree.put(box.trees["/"], "/s", Special(kind="socket"))
    assert box.sh("[ -S /s ] && [ ! -f /s ] && ls -l /s | cut -c1; cat /s").stdout == "s\n"


@given(st.text(max_size=5), st.integers(0, 300), st.integers(0, 300))
def test_noise_is_a_prefix_of_longer_noise(seed: str, short: int, more: int) -> None:
    assert noise(seed, short + more)[:short] == noise(seed, short)
