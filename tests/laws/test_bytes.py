"""What a container reads follows from where the bytes are and what has power; and no path leads out of a volume."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from volsim.control.kubelet.places import MountError, Place
from volsim.control.kubelet.sub_paths import sub_path
from volsim.control.kubelet.work import DISK, PodWork
from volsim.engine.perform import Engine
from volsim.errors import FileError
from volsim.exercises.mutants import mutant
from volsim.objects import ObjectMeta, Pod
from volsim.state.runtime import Machine, Sandbox
from volsim.storage import tree
from volsim.storage.mounts import Mount, MountedFiles
from volsim.storage.node_disk import NODE_DISK
from volsim.storage.tree import Directory

# -- what is read ------------------------------------------------------------------------------------------------------
NODE_OF = {"a": "node01", "b": "node01", "c": "node02"}
VOLUMES: dict[str, dict[str, Any]] = {
    "e": {"emptyDir": {}},
    "m": {"emptyDir": {"medium": "Memory"}},
    "h": {"hostPath": {"path": "/srv/x", "type": "DirectoryOrCreate"}},
    "n": {"nfs": {"server": "nas", "path": "/x"}},
}
PLACES = ("layer", *VOLUMES)


def pod(name: str) -> dict[str, Any]:
    mounts = [{"name": volume, "mountPath": f"/{volume}"} for volume in VOLUMES]
    spec = {
        "nodeName": NODE_OF[name],
        "terminationGracePeriodSeconds": 0,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "main", "image": "nginx", "volumeMounts": mounts}],
        "volumes": [{"name": volume, **source} for volume, source in VOLUMES.items()],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def path_in(place: str) -> str:
    return "/f" if place == "layer" else f"/{place}/f"


class Cluster:
    """Three pods on two nodes beside a few lines that say where each file is."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.sim = volsim.Simulation(nodes=2, engine=engine)
        self.bytes: dict[tuple[str, str], bytes] = {}
        self.nas = True
        self.off: set[str] = set()
        for name in NODE_OF:
            self.sim.apply(pod(name))
        self.sim.run("1m")

    def where(self, name: str, place: str) -> tuple[str, str]:
        return {"h": ("h", NODE_OF[name]), "n": ("n", "nas")}.get(place, (place, name))

    def do(self, step: tuple[str, str, str]) -> None:
        what, name, place = step
        node = NODE_OF[name]
        if what == "write" and self.runs(name):
            self.write(name, place)
        elif what == "crash" and self.runs(name):
            self.sim.crash_container(name)
            self.lose(lambda kind, of: kind == "layer" and of == name)
        elif what == "recreate" and node not in self.off:
            self.sim.delete(f"pod/{name}")
            self.sim.run("10s")
            self.sim.apply(pod(name))
            self.lose(lambda kind, of: kind in ("layer", "e", "m") and of == name)
        elif what == "power":
            self.power(node)
        elif what == "nas":
            self.nas = not self.nas
            (self.sim.recover_backend if self.nas else self.sim.fail_backend)("nas")
        self.sim.run("6m")
        self.check()

    def write(self, name: str, place: str) -> None:
        data = f"{name} {place} {self.sim.now}".encode()
        if place == "n" and not self.nas:
            with pytest.raises(FileError):
                self.sim.write_file(name, path_in(place), data)
        else:
            self.sim.write_file(name, path_in(place), data)
            self.bytes[self.where(name, place)] = data

    def power(self, node: str) -> None:
        if node in self.off:
            self.off.remove(node)
            self.sim.recover_node(node)
            return
        self.off.add(node)
        self.sim.fail_node(node)
        here = {name for name, its in NODE_OF.items() if its == node}
        self.lose(lambda kind, of: kind in ("layer", "m") and of in here)

    def lose(self, lost: Callable[[str, str], bool]) -> None:
        self.bytes = {where: data for where, data in self.bytes.items() if not lost(*where)}

    def runs(self, name: str) -> bool:
        if NODE_OF[name] in self.off:
            return False
        (status,) = self.sim.get(f"pod/{name}").status.container_statuses or (None,)
        return status is not None and status.state.running is not None

    def read(self, name: str, place: str) -> bytes | None:
        try:
            return self.sim.read_file(name, path_in(place))
        except FileError as error:
            return None if error.strerror == "No such file or directory" else b"error"

    def check(self) -> None:
        for name in filter(self.runs, NODE_OF):
            for place in PLACES:
                expected = self.bytes.get(self.where(name, place))
                if place == "n" and not self.nas:
                    expected = b"error"
                assert self.read(name, place) == expected, (name, place)


WHAT = st.sampled_from(("write", "write", "write", "crash", "recreate", "power", "nas"))
STEPS = st.lists(st.tuples(WHAT, st.sampled_from(sorted(NODE_OF)), st.sampled_from(PLACES)), max_size=8)


def follow(steps: list[tuple[str, str, str]], engine: Engine | None = None) -> None:
    cluster = Cluster(engine)
    for step in steps:
        cluster.do(step)


@settings(max_examples=12)
@given(steps=STEPS)
def test_what_is_read_follows_from_where_the_bytes_are(steps: list[tuple[str, str, str]]) -> None:
    follow(steps)


def test_wrong_semantics_are_found() -> None:
    with pytest.raises(AssertionError):
        follow([("write", "a", "e"), ("crash", "a", "e")], mutant("empty-dir-dies-with-container").engine())


# -- no way out --------------------------------------------------------------------------------------------------------
BASE = "/srv/volume"
SECRET = b"not in the volume"
NAMES = st.sampled_from(("a", "b", "..", ".", "etc", "secret"))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
TARGETS = st.one_of(PATHS, PATHS.map("/".__add__), st.just(BASE), st.just("/srv/volume/../secret"))
CHANGES = st.lists(
    st.tuples(st.sampled_from(("write", "mkdir", "symlink", "rename", "remove")), PATHS, TARGETS), max_size=8
)


def outside() -> Directory:
    """A node's disk with an empty volume, and something beside it that is nobody's business."""
    root = tree.mkdir(NODE_DISK, BASE, parents=True)
    for path in ("/srv/secret", "/etc/secret", "/secret"):
        root = tree.write(root, path, SECRET)
    return root


def without_volume(root: Directory) -> Directory:
    return tree.rmtree(root, BASE)


def changed(files: MountedFiles, changes: list[tuple[str, str, str]], at: str) -> None:
    """Do what can be done of the changes, as a process in the container would."""
    for what, path, target in changes:
        with contextlib.suppress(FileError):
            if what == "write":
                files.write(f"{at}/{path}", b"mine")
            elif what == "mkdir":
                files.mkdir(f"{at}/{path}")
            elif what == "symlink":
                files.symlink(f"{at}/{path}", target)
            elif what == "rename":
                files.rename(f"{at}/{path}", f"{at}/{target}")
            else:
                files.remove(f"{at}/{path}")


def in_container(root: Directory, changes: list[tuple[str, str, str]], subpath: str = BASE) -> MountedFiles:
    """A container that has the volume at /v, after the changes."""
    mounts = [Mount("/", "layer"), Mount("/v", "disk", subpath)]
    backings: dict[Hashable, Directory] = {"layer": Directory(), "disk": root}
    files = MountedFiles(mounts, backings.__getitem__)
    changed(files, changes, "/v")
    return files


def seen(files: MountedFiles) -> Iterator[bytes]:
    """All that can be read through any name, links included."""
    for path, _ in files.walk("/"):
        with contextlib.suppress(FileError):
            yield files.read(path)


@given(changes=CHANGES)
def test_a_process_cannot_leave_a_volume(changes: list[tuple[str, str, str]]) -> None:
    before = outside()
    files = in_container(before, changes)
    after = files.changed().get("disk", before)
    assert without_volume(after) == without_volume(before)
    assert SECRET not in set(seen(files))


def test_a_mount_of_the_whole_disk_shows_what_is_beside_the_volume() -> None:
    """The law can fail: this is how it looks if the volume is not the root of what is mounted."""
    files = in_container(outside(), [("symlink", "srv/volume/a", "/v/secret")], "/")
    assert SECRET in set(seen(files))


def work_in(root: Directory) -> PodWork:
    """A pod in the hands of its kubelet, on a node with that disk."""
    view = volsim.Simulation(nodes=["node01"]).state
    known = Pod(metadata=ObjectMeta(name="p", namespace="default", uid="u"))
    sandbox = Sandbox(node="node01", pod=known, boot=1)
    return PodWork(view, "node01", Machine(disk=root), known, sandbox, gone=False)


def bound_to(root: Directory, sub: str, resolve: Callable[..., str] = sub_path) -> tuple[str, Directory] | None:
    """Where a subPath leads on the disk, and the disk then; None if the kubelet refuses it."""
    work = work_in(root)
    try:
        found = resolve(work, Place(kind=DISK, name="node01", path=BASE), sub, "v", "c")
    except MountError:
        return None
    return tree.real(work.disk, found), work.disk


def stays_inside(root: Directory, sub: str, resolve: Callable[..., str] = sub_path) -> None:
    bound = bound_to(root, sub, resolve)
    if bound is not None:
        path, after = bound
        assert path == BASE or path.startswith(f"{BASE}/")
        assert without_volume(after) == without_volume(root)


@given(changes=CHANGES, sub=PATHS)
def test_a_sub_path_never_leaves_its_volume(changes: list[tuple[str, str, str]], sub: str) -> None:
    root = in_container(outside(), changes).changed().get("disk", outside())
    stays_inside(root, sub)


def careless(work: PodWork, place: Place, sub: str, volume: str, container: str) -> str:
    """A kubelet that only puts two paths together."""
    path = f"{place.path}/{sub}"
    with contextlib.suppress(FileError):
        work.disk = tree.mkdir(work.disk, path, parents=True)
    return path


@pytest.mark.parametrize(("link", "sub"), [("/etc", "a"), ("../..", "a/etc"), ("/etc", "a/new")])
def test_a_careless_kubelet_is_found(link: str, sub: str) -> None:
    root = tree.symlink(outside(), f"{BASE}/a", link)
    stays_inside(root, sub)
    with pytest.raises(AssertionError):
        stays_inside(root, sub, careless)
