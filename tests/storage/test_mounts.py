"""What a process may do with files: users and groups, sticky directories, mounts whose directory is gone.

Source: path_resolution(7), inode(7), mount_namespaces(7), nfs(5).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Hashable
from typing import Any

import pytest

from volsim.errors import FileError
from volsim.storage import tree
from volsim.storage.mounts import Credentials, Identity, Mount, MountedFiles
from volsim.storage.tree import Directory

USER = Credentials(1000, 1000, (2000,))


def files(root: Directory, who: Credentials = USER, *mounts: Mount) -> MountedFiles:
    backings: dict[Hashable, Directory] = {"root": root, "layer": Directory()}
    return MountedFiles(mounts or [Mount("/", "root")], backings.__getitem__, who=who)


def error(code: int, act: Callable[[], Any]) -> None:
    with pytest.raises(FileError) as caught:
        act()
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[code]


def disk(mode: int = 0o755, uid: int = 0, gid: int = 0) -> Directory:
    root = tree.mkdir(Directory(), "/d", mode=mode, uid=uid, gid=gid)
    return tree.write(root, "/d/f", b"x", mode=0o640)


class TestPermissions:
    def test_others_need_the_permissions_of_others(self) -> None:
        error(errno.EACCES, lambda: files(disk()).read("/d/f"))
        error(errno.EACCES, lambda: files(disk()).write("/d/g", b""))
        error(errno.EACCES, lambda: files(disk()).mkdir("/d/g"))
        error(errno.EACCES, lambda: files(disk()).remove("/d/f"))
        error(errno.EACCES, lambda: files(disk(0o700)).stat("/d/f"))
        error(errno.EACCES, lambda: files(disk(0o711)).listdir("/d"))

    def test_the_owner_comes_before_the_group_and_the_group_before_others(self) -> None:
        assert not Credentials(1, 2).may(Directory(mode=0o077, uid=1, gid=2), "r")
        assert not Credentials(3, 2).may(Directory(mode=0o707, uid=1, gid=2), "r")
        assert Credentials(3, 4, (2,)).may(Directory(mode=0o070, uid=1, gid=2), "r")

    def test_root_may_everything(self) -> None:
        root = files(disk(0o000), Credentials())
        root.write("/d/f", b"y")
        assert root.read("/d/f") == b"y"

    def test_what_is_made_belongs_to_who_made_it_and_to_a_group_that_is_handed_on(self) -> None:
        made = files(disk(0o2775, gid=2000))
        made.write("/d/g", b"")
        made.mkdir("/d/e")
        assert (made.stat("/d/g").uid, made.stat("/d/g").gid) == (1000, 2000)
        assert oct(made.stat("/d/e").mode) == "0o2755"
        own = files(disk(0o777))
        own.write("/d/g", b"")
        assert own.stat("/d/g").gid == 1000

    def test_in_a_sticky_directory_nobody_removes_what_others_own(self) -> None:
        sticky = files(disk(0o1777))
        error(errno.EPERM, lambda: sticky.remove("/d/f"))
        error(errno.EPERM, lambda: sticky.rename("/d/f", "/d/g"))
        sticky.write("/d/mine", b"")
        sticky.remove("/d/mine")

    def test_only_the_owner_changes_modes_and_groups(self) -> None:
        mine = files(tree.write(disk(0o777), "/d/mine", b"", uid=1000))
        mine.chmod("/d/mine", 0o600)
        mine.chown("/d/mine", None, 2000)
        error(errno.EPERM, lambda: mine.chown("/d/mine", 0, None))
        error(errno.EPERM, lambda: mine.chown("/d/mine", None, 3000))
        error(errno.EPERM, lambda: mine.chmod("/d/f", 0o777))


class TestMountsOfWhatIsGone:
    """A mount holds the directory that was there when it was made."""

    def mounted(self, *, remote: bool) -> MountedFiles:
        root = disk(0o777)
        numbers = tree.identity(root, "/d")
        assert numbers is not None
        again = tree.write(tree.mkdir(tree.rmtree(root, "/d"), "/d"), "/d/new", b"new")
        mount = Mount("/m", "root", "/d", identity=Identity(numbers), remote=remote)
        return files(again, Credentials(), Mount("/", "layer"), mount)

    def test_it_is_empty_and_nothing_can_be_made_in_it(self) -> None:
        gone = self.mounted(remote=False)
        assert gone.listdir("/m") == []
        error(errno.ENOENT, lambda: gone.read("/m/new"))
        error(errno.ENOENT, lambda: gone.write("/m/f", b""))
        error(errno.ENOENT, lambda: gone.mkdir("/m/f"))
        assert gone.changed() == {}

    def test_on_a_file_server_it_is_stale(self) -> None:
        gone = self.mounted(remote=True)
        error(errno.ESTALE, lambda: gone.listdir("/m"))
        error(errno.ESTALE, lambda: gone.write("/m/f", b""))

    def test_a_process_goes_on_reading_the_file_that_it_has_replaced(self) -> None:
        root = disk(0o777)
        numbers = tree.identity(root, "/d/f")
        assert numbers is not None
        one = Mount("/one", "root", "/d/f", identity=Identity(numbers))
        both = files(root, Credentials(), Mount("/", "layer"), Mount("/m", "root", "/d"), one)
        both.write("/m/g", b"new")
        both.rename("/m/g", "/m/f")
        assert (both.read("/m/f"), both.read("/one")) == (b"new", b"x")
