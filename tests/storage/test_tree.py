"""File trees: links, devices, and what tells a file from another of the same name.

Source: path_resolution(7), mkdir(2), rename(2), inode(7).
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volsim.errors import FileError
from volsim.storage import tree
from volsim.storage.node_disk import NODE_DISK
from volsim.storage.tree import Directory, File, Special


def error(code: int, act: Callable[[], Any]) -> None:
    with pytest.raises(FileError) as caught:
        act()
    assert caught.value.errno == code


def with_files(*paths: str) -> Directory:
    root = Directory()
    for path in paths:
        above = path.rpartition("/")[0]
        root = tree.write(tree.mkdir(root, above, parents=True) if above else root, path, b"x")
    return root


class TestIdentity:
    """An inode number says which file it is; the name may go to another."""

    def test_writing_in_place_keeps_it(self) -> None:
        root = with_files("/a/f")
        assert tree.identity(tree.write(root, "/a/f", b"y"), "/a/f") == tree.identity(root, "/a/f")

    def test_a_file_that_is_made_again_is_another(self) -> None:
        root = with_files("/a/f")
        again = tree.write(tree.remove(root, "/a/f"), "/a/f", b"x")
        assert again == root
        assert tree.identity(again, "/a/f") != tree.identity(root, "/a/f")

    def test_a_file_that_is_renamed_over_is_another(self) -> None:
        root = with_files("/a/f", "/a/g")
        assert tree.identity(tree.rename(root, "/a/g", "/a/f"), "/a/f") != tree.identity(root, "/a/f")

    def test_all_below_a_directory_that_is_made_again_is_another(self) -> None:
        root = with_files("/a/b/f")
        again = tree.write(tree.mkdir(tree.rmtree(root, "/a"), "/a/b", parents=True), "/a/b/f", b"x")
        assert tree.identity(again, "/a/b/f") != tree.identity(root, "/a/b/f")

    def test_what_is_not_there_has_none(self) -> None:
        assert tree.identity(Directory(), "/a") is None

    @given(times=st.integers(1, 5))
    def test_it_is_no_part_of_the_value(self, times: int) -> None:
        root = with_files("/f")
        again = root
        for _ in range(times):
            again = tree.write(tree.remove(again, "/f"), "/f", b"x")
        assert (again, again.fingerprint, repr(again.entries)) == (root, root.fingerprint, repr(root.entries))


class TestLinks:
    def test_a_directory_cannot_be_made_where_a_link_leads_nowhere(self) -> None:
        root = tree.symlink(Directory(), "/l", "nowhere")
        error(errno.EEXIST, lambda: tree.mkdir(root, "/l"))
        error(errno.EEXIST, lambda: tree.mkdir(root, "/l", parents=True))

    def test_a_file_is_made_where_the_link_leads(self) -> None:
        root = tree.write(tree.symlink(Directory(), "/l", "there"), "/l", b"x")
        assert tree.read(root, "/there") == b"x"

    def test_a_link_to_a_directory_is_one_for_those_who_make_parents(self) -> None:
        root = tree.symlink(tree.mkdir(Directory(), "/d"), "/l", "d")
        assert tree.mkdir(root, "/l", parents=True) is root

    def test_the_real_path_has_no_links(self) -> None:
        root = tree.symlink(with_files("/d/e/f"), "/l", "/d/../d/e")
        assert tree.real(root, "/l/f") == "/d/e/f"
        error(errno.ENOENT, lambda: tree.real(root, "/l/g"))


class TestBlockDevices:
    DISK = Special(kind="block", capacity=4)

    def test_what_lies_behind_the_written_bytes_stays(self) -> None:
        root = tree.write(tree.put(Directory(), "/disk", self.DISK), "/disk", b"abcd")
        assert tree.read(tree.write(root, "/disk", b"x"), "/disk") == b"xbcd"

    def test_it_has_an_end(self) -> None:
        root = tree.put(Directory(), "/disk", self.DISK)
        error(errno.ENOSPC, lambda: tree.write(root, "/disk", b"abcde"))

    def test_other_special_files_hold_nothing(self) -> None:
        root = tree.put(Directory(), "/socket", Special(kind="socket"))
        error(errno.ENXIO, lambda: tree.read(root, "/socket"))
        error(errno.ENXIO, lambda: tree.write(root, "/socket", b"x"))

    def test_its_bytes_are_part_of_the_value(self) -> None:
        disks = [Special(kind="block"), Special(kind="block", data=b"x"), Special(kind="block", files=Directory())]
        assert len({each.fingerprint for each in disks}) == 3


def test_a_new_node_has_the_usual_directories_and_no_files() -> None:
    for path in ("/etc", "/tmp", "/var/log", "/var/lib/kubelet/pods"):
        assert isinstance(tree.lookup(NODE_DISK, path), Directory)
    assert not [path for path, node in tree.walk(NODE_DISK) if isinstance(node, File)]
