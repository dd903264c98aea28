"""What a real kubelet did with volumes and mounts, step by step, and the same steps in a simulation.

The order of what happens and the defined delays are compared, not how long a start took.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from tests.conformance.kubelet import NODE, Replay, fact, masked, needs_facts, outcome, state_of
from volsim.engine.actions import Fault
from volsim.errors import Invalid
from volsim.programs import images
from volsim.programs.images import image_for
from volsim.storage import tree
from volsim.storage.tree import Directory, Special

pytestmark = needs_facts

OUT_OF_SCOPE = {
    "04a absent-ro, host view": "the mount table of the host (bind mounts below volume-subpaths)",
    "04a r-colon": "containerd 1.6 refuses a colon in a path of its own accord",
    "04b nested-ro, over-root": "what runc says; that the container cannot start is compared",
    "04b over-etc": "hosts, hostname and resolv.conf that the runtime mounts into /etc",
    "05a mounts": "ext4 and tmpfs options in /proc/mounts, which are the host's",
    "07e fs1": "what mkfs.ext4 puts on a device (lost+found, its own blocks), and its exact size",
    "07e wrongfs": "file systems other than the one that is on a device",
    "all": "dates, sizes of directories in memory, link counts of overlay directories",
}
"""What the recordings have and this test does not compare, with the reason."""

_NUMBER = re.compile(r"\b[0-9a-f]{64}\b")


def on_disk(replay: Replay, change: Callable[[Directory], Directory]) -> None:
    """Change the disk of the node as its administrator would."""

    def act(draft: Any) -> None:
        machine = draft.get("machines", NODE)
        draft.put("machines", NODE, machine.replace(disk=change(machine.disk)))

    replay.sim._act(Fault("on the host", "disk"), act)


def disk(replay: Replay) -> Directory:
    found: Directory = replay.sim.state.get("machines", NODE).disk
    return found


def warnings(replay: Replay, pod: str) -> list[tuple[str, str]]:
    return [
        (said.reason, _NUMBER.sub("ID", said.message)) for said in replay.events(f"Pod/{pod}") if said.type == "Warning"
    ]


def recorded_warnings(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = [
        (each["reason"], _NUMBER.sub("ID", masked(each["message"]))) for each in events if each["type"] == "Warning"
    ]
    return list(dict.fromkeys(found))


def matrix() -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = fact("03a").observed("matrix")
    except AssertionError:  # the recordings are not there: the tests are skipped
        rows = []
    return rows


def _described(root: Directory, path: str) -> str:
    """What `stat` says of a path, in the words of the recording."""
    node = tree.lookup(root, path, follow=False)
    if node is None:
        return "absent"
    if isinstance(node, tree.Directory):
        kind = "directory"
    elif isinstance(node, tree.File):
        kind = "regular file" if node.data else "regular empty file"
    elif isinstance(node, tree.Symlink):
        return "symbolic link"
    else:
        kind = {"socket": "socket", "char": "character special file", "block": "block special file"}[node.kind]
    return f"{kind} mode={node.mode:o} uid={node.uid} gid={node.gid}"


def _as_described(text: str) -> str:
    if text.startswith("stat: cannot statx"):
        return "absent"
    line = text.splitlines()[0].rpartition(" size=")[0]
    return "symbolic link" if line.startswith("symbolic link") else line


def _states(base: str) -> Callable[[Directory], Directory]:
    """The ten things that the recording has put at a path."""

    def make(root: Directory) -> Directory:
        root = tree.mkdir(root, f"{base}/dir", parents=True)
        root = tree.write(root, f"{base}/dir/inside", b"x")
        root = tree.write(root, f"{base}/file", b"content\n")
        root = tree.put(root, f"{base}/socket", Special(kind="socket", mode=0o755))
        root = tree.put(root, f"{base}/chardev", Special(kind="char", mode=0o644))
        root = tree.put(root, f"{base}/blockdev", Special(kind="block", mode=0o600))
        root = tree.mkdir(root, f"{base}/real-dir")
        root = tree.write(root, f"{base}/real-file", b"t\n")
        root = tree.symlink(root, f"{base}/link-to-dir", f"{base}/real-dir")
        root = tree.symlink(root, f"{base}/link-to-file", f"{base}/real-file")
        return tree.symlink(root, f"{base}/dangling-link", f"{base}/nowhere")

    return make


@pytest.mark.parametrize("type_", dict.fromkeys(row["type"] for row in matrix()), ids=lambda type_: type_ or "none")
def test_each_type_of_host_path_with_each_thing_that_can_be_there(type_: str) -> None:
    """03a: one pod for each state of the path."""
    replay = Replay(fact("03a"))
    base = f"/srv/hp/matrix-{type_ or 'empty'}"
    on_disk(replay, _states(base))
    rows = {f"p{number}": row for number, row in enumerate(matrix()) if row["type"] == type_}
    paths = {name: _path(base, row) for name, row in rows.items()}
    assert {name: _described(disk(replay), path) for name, path in paths.items()} == {
        name: _as_described(row["before"]) for name, row in rows.items()
    }
    for name, path in paths.items():
        replay.sim.create(_host_path_pod(replay, name, path, type_))
    replay.sim.run("3s")
    for name, row in rows.items():
        assert _seen(replay, name, paths[name]) == _recorded(row, base), row["pathBefore"]
        if row.get("inContainer"):
            _looks_the_same_inside(replay, name, row, paths[name])


def _path(base: str, row: dict[str, Any]) -> str:
    return f"{base}/{row['pathBefore']}" + ("/sub" if row["pathBefore"] == "parent-absent" else "")


def _host_path_pod(replay: Replay, name: str, path: str, type_: str) -> dict[str, Any]:
    template = replay.fact.manifests[0]["pod template"]
    volumes = [{"name": "h", "hostPath": {"path": path, "type": type_}}]
    return {
        **template,
        "metadata": {"name": name, "namespace": replay.namespace},
        "spec": {**template["spec"], "volumes": volumes},
    }


def _seen(replay: Replay, name: str, path: str) -> dict[str, Any]:
    status = replay.pod(name).status
    state = status.container_statuses[0].state
    return {
        "phase": status.phase,
        "state": state_of(state),
        "message": _NUMBER.sub("ID", state.waiting.message or "") if state.waiting is not None else "",
        "warnings": warnings(replay, name),
        "after": _described(disk(replay), path),
    }


def _recorded(row: dict[str, Any], base: str) -> dict[str, Any]:
    waiting = row["containerState"].get("waiting", {})
    events = [{**each, "message": each["message"].replace("<base>", base)} for each in row["events"]]
    return {
        "phase": row["phase"],
        "state": f"waiting:{waiting['reason']}" if waiting else "running",
        "message": _NUMBER.sub("ID", waiting.get("message", "")),
        "warnings": recorded_warnings(events),
        "after": _as_described(row["after"]),
    }


def _looks_the_same_inside(replay: Replay, name: str, row: dict[str, Any], path: str) -> None:
    ran = replay.execute(f"{name}/a", "stat -c '%F mode=%a uid=%u gid=%g' /mnt/h")
    seen = row["inContainer"]["stdout"].splitlines()
    assert ran["stdout"].splitlines()[0] == seen[0]
    if "write rc 0" in seen:
        target = "/mnt/h/w" if seen[0].startswith("directory") else "/mnt/h"
        assert replay.execute(f"{name}/a", f"echo w > {target}")["rc"] == 0
        assert _described(disk(replay), path) == _as_described(row["onHostAfterWrite"])


# -- subPath -----------------------------------------------------------------------------------------------------------
_ENTRY = re.compile(r"^([dlbcs-][rwxsStT-]{9}) +\d+ (.*)$")
_DIRECTORY_SIZE = re.compile(r"^(d.* )\d+( DATE)")
_GENERATION = re.compile(r"\.\.\d{4}_\d\d_\d\d_\d\d_\d\d_\d\d\.\d+")
_LINK_SIZE = re.compile(r"^(l.* )\d+( DATE .* -> \.\.GENERATION)")
_SEEN = re.compile(r'seen="[^"]*"')
_HOST = re.compile(r"^(\S+ \S+ (ext4|tmpfs|volume) r[ow],.*|total \d+)$")


def plain(ran: dict[str, Any]) -> dict[str, Any]:
    """What a command left, sorted, without what is the host's: sizes of directories, link counts, mount options."""
    lines = []
    for line in outcome(ran)["stdout"].splitlines():
        text = _ENTRY.sub(r"\1 \2", _GENERATION.sub("..GENERATION", _SEEN.sub("seen=TIME", line)))
        text = _LINK_SIZE.sub(r"\1N\2", _DIRECTORY_SIZE.sub(r"\1N\2", text))
        if not _HOST.match(text) and not text.endswith(" .."):
            lines.append(text)
    return {"rc": ran["rc"], "stdout": sorted(lines), "stderr": sorted(ran["stderr"].splitlines())}


def compare(replay: Replay, name: str, number: int = 0) -> None:
    """A pod's phase, the state of its containers with reason and message, and its warnings are as recorded."""
    recorded = replay.fact.observed(f"status of pod {name}", number)
    status = replay.pod(name).status
    assert status.phase == recorded["phase"], name
    for each, other in zip(status.container_statuses, recorded.get("containerStatuses", ()), strict=True):
        waiting = other["state"].get("waiting")
        assert state_of(each.state) == (f"waiting:{waiting['reason']}" if waiting else "running"), name
        if waiting and "message" in waiting:
            assert _NUMBER.sub("ID", masked(each.state.waiting.message)) == _NUMBER.sub(
                "ID", masked(waiting["message"])
            )
    seen = [said.message for said in replay.events(f"Pod/{name}") if said.type == "Warning"]
    expected = [
        each["message"] for each in replay.fact.observed(f"events of {name}", number) if each["type"] == "Warning"
    ]
    assert [masked(text) for text in dict.fromkeys(seen)] == [masked(text) for text in dict.fromkeys(expected)], name


SUB_PATH_PODS = (
    "existing", "file", "absent", "absent-ro", "symlink-out", "symlink-relout", "symlink-in", "symlink-dangling",
    "through-file", "below-symlink-out", "expr", "expr-undefined", "expr-dotdot", "expr-empty", "hp-absent",
    "hp-file", "hp-out", "r-relmount", "r-dup-slash",
)  # fmt: skip
SUB_PATH_SEEN = (
    "existing", "file", "absent", "absent-ro", "symlink-in", "expr", "hp-absent", "hp-file", "r-relmount",
    "r-dup-slash",
)  # fmt: skip


@pytest.fixture(scope="module")
def sub_paths() -> Replay:
    """04a after 25 s: pods whose subPaths exist, are made, or lead astray; what the server refuses is refused."""
    replay = Replay(fact("04a"))

    def prepare(root: Directory) -> Directory:
        root = tree.write(tree.mkdir(root, "/srv/hp/subpath-hp", parents=True), "/srv/hp/subpath-hp/f1", b"f1\n")
        return tree.symlink(root, "/srv/hp/subpath-hp/out", "/etc")

    on_disk(replay, prepare)
    for step in replay.fact.steps:
        made = re.fullmatch(r"create Pod (\S+)(?: \((.*)\))?", step["do"])
        if made is not None and made[1] != "r-colon":
            _create_or_be_refused(replay, made[1], made[2])
    replay.sim.run("25s")
    return replay


def _create_or_be_refused(replay: Replay, name: str, what: str | None) -> None:
    answer = replay.fact.observed(what) if what else {"accepted": True}
    if answer.get("accepted"):
        replay.create("Pod", name)
        return
    with pytest.raises(Invalid) as refused:
        replay.create("Pod", name)
    assert str(refused.value).removeprefix("The ") == answer["message"]


class TestSubPath:
    """04a: the kubelet makes what is missing, follows links inside of the volume, and never leaves it."""

    @pytest.mark.parametrize("name", SUB_PATH_PODS)
    def test_the_pod_runs_or_says_why_not(self, sub_paths: Replay, name: str) -> None:
        compare(sub_paths, name)

    @pytest.mark.parametrize("name", SUB_PATH_SEEN)
    def test_what_the_container_sees(self, sub_paths: Replay, name: str) -> None:
        do = next(step["do"] for step in sub_paths.fact.steps if step["do"].startswith(f"exec in {name}/a: stat"))
        ran = sub_paths.execute(f"{name}/a", do.partition(": ")[2])
        assert plain(ran) == plain(sub_paths.fact.observed(f"exec {name}/a: stat"))

    def test_what_was_made_on_the_node(self, sub_paths: Replay) -> None:
        ran = sub_paths.on_host("stat -c '%n %F %a' /srv/hp/subpath-hp/*")
        assert ran == sub_paths.fact.observed("hostPath with subPath, on the host")

    def test_a_file_that_is_renamed_over_is_seen_after_a_restart(self, sub_paths: Replay) -> None:
        text = "echo new > /whole/n; mv /whole/n /whole/file.txt; cat /m /whole/file.txt"
        observed = sub_paths.fact.observed
        assert sub_paths.execute("file/a", text) == observed("file subPath after rename")
        sub_paths.sim.crash_container("pod/file", "a", sub_paths.namespace)
        sub_paths.sim.run("5s")
        assert sub_paths.execute("file/a", "cat /m /whole/file.txt") == observed("after a restart of the container")

    def test_a_directory_that_is_removed_is_empty_and_made_again_at_a_restart(self, sub_paths: Replay) -> None:
        text = (
            "echo 2 > /whole/existing/g; ls /m; rm -rf /whole/existing; ls -la /m /whole; echo x > /m/new; echo rc $?"
        )
        ran = plain(sub_paths.execute("existing/a", text))
        recorded = plain(sub_paths.fact.observed("subPath directory removed through"))
        ran["stdout"] = [line for line in ran["stdout"] if not line.endswith(" .")]
        recorded["stdout"] = [line for line in recorded["stdout"] if not line.endswith(" .")]
        assert ran == recorded
        sub_paths.sim.crash_container("pod/existing", "a", sub_paths.namespace)
        sub_paths.sim.run("5s")
        again = sub_paths.execute("existing/a", "ls -la /m /whole")
        assert plain(again) == plain(sub_paths.fact.observed("after a restart: the removed subPath directory"))


class TestSubPathOfAClaim:
    """04c: the root of a hostPath is never made for a subPath; two pods share a claim by their names."""

    def test_it_waits_for_the_root_and_heals_when_that_is_made(self) -> None:
        replay = Replay(fact("04c"))
        on_disk(replay, lambda root: tree.mkdir(root, "/srv/hp/subpv", parents=True))
        for kind, name in (("PersistentVolume", "k-subpv"), ("PersistentVolumeClaim", "c")):
            replay.create(kind, name)
        replay.sim.run("0.3s")
        for name in ("p1", "plain-hostpath", "dirorcreate"):
            replay.create("Pod", name)
        replay.sim.run("16s")
        for name in ("p1", "plain-hostpath", "dirorcreate"):
            recorded = replay.fact.observed(f"{name}: subPath in a hostPath")
            assert replay.pod(name).status.phase == recorded["phase"]
            state = replay.pod(name).status.container_statuses[0].state
            waiting = recorded["containerStatuses"][0]["state"].get("waiting")
            assert (state.waiting and state.waiting.message) == (waiting and waiting["message"])
            assert warnings(replay, name) == recorded_warnings(replay.fact.observed(f"events of {name}"))
        assert tree.listdir(disk(replay), "/srv/hp/subpv") == ["vol3"]
        on_disk(replay, lambda root: tree.mkdir(tree.mkdir(root, "/srv/hp/subpv/vol"), "/srv/hp/subpv/vol2"))
        waited = replay.sim.run(until=lambda sim: replay.pod("p1").status.phase == "Running")
        assert waited <= 15, "the pod is synced every 10 to 15 s"
        replay.sim.run("15s")
        replay.create("Pod", "p2")
        replay.sim.run("2s")
        command = "ls -laR /srv/hp/subpv; stat -c '%n %a' /srv/hp/subpv/vol /srv/hp/subpv/vol/*"
        ran, recorded = replay.on_host(command), replay.fact.observed("two pods, one claim")
        assert squeezed(ran) == squeezed(recorded)
        assert replay.execute("p1/a", "ls /v; cat /v/log") == replay.fact.observed("exec p1/a")
        replay.sim.delete("pod/p1", replay.namespace)
        replay.sim.run("5s")
        assert replay.on_host("ls -R /srv/hp/subpv")["stdout"] == replay.fact.observed("after p1 was deleted")["stdout"]
        assert replay.pod("p2").status.phase == "Running"


def squeezed(ran: dict[str, Any]) -> list[str]:
    """The lines that a command printed, plain, whoever wrote them: coreutils and busybox put blanks differently."""
    return sorted(re.sub(" +", " ", line) for line in plain(ran)["stdout"])


# -- host paths --------------------------------------------------------------------------------------------------------
def mount_times(replay: Replay, pod: str) -> list[float]:
    """When the mounting of a pod's volumes failed, in seconds after the first time."""
    found = [
        event.time_us / 1e6
        for event in replay.sim._recorded
        if event.note.reason == "FailedMount" and event.note.about.metadata.name == pod
    ]
    return [round(time - found[0], 3) for time in found]


class TestHostPathThatHeals:
    """03b: what is not there is looked for again after 0.5 s, 1 s, 2 s … up to 2 min 2 s."""

    def test_it_is_mounted_when_it_is_there(self) -> None:
        replay = Replay(fact("03b"))
        for name in ("d", "f", "s"):
            replay.create("Pod", name)
        replay.at(20.482)
        for name in ("d", "f", "s"):
            recorded = replay.fact.observed(f"events of {name}")
            assert warnings(replay, name) == recorded_warnings(recorded)
            assert mount_times(replay, name) == [0, 0.5, 1.5, 3.5, 7.5, 15.5]
            assert len(recorded[1]["seenAgainAt"]) == 5
        compare_phase = replay.fact.observed("status of pod d")["phase"]
        assert replay.pod("d").status.phase == compare_phase
        replay.on_host("mkdir -p /srv/hp/heal/d; echo x > /srv/hp/heal/f")
        on_disk(replay, lambda root: tree.put(root, "/srv/hp/heal/s", Special(kind="socket")))
        replay.at(31)
        assert replay.pod("d").status.phase == "Pending"
        replay.at(32.5)
        assert {name: replay.pod(name).status.phase for name in "dfs"} == dict.fromkeys("dfs", "Running")

    def test_what_never_comes_is_not_waited_for_aloud(self) -> None:
        replay = Replay(fact("03b"))
        replay.create("Pod", "never")
        replay.sim.run("200s")
        assert warnings(replay, "never") == recorded_warnings(replay.fact.observed("events of never"))
        assert mount_times(replay, "never") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5]
        assert replay.pod("never").status.phase == "Pending"
        directory = replay.directory("never", "e")
        assert _described(disk(replay), directory) == "directory mode=777 uid=0 gid=0"
        replay.sim.delete("pod/never", replay.namespace)
        replay.sim.run("3s")
        assert not replay.exists("never")
        assert not tree.exists(disk(replay), directory)


class TestSharedHostPath:
    """03c: one directory of the node for several pods, read-only or as another user, removed and made again."""

    def test_the_recorded_steps(self) -> None:
        replay = Replay(fact("03c"))
        observed = replay.fact.observed
        on_disk(replay, lambda root: tree.mkdir(root, "/srv/hp/shared", parents=True))
        for name in ("w", "r", "nonroot", "fsgroup"):
            replay.create("Pod", name)
        replay.sim.run("2s")
        assert replay.execute("w/a", "echo one > /h/f")["rc"] == 0
        steps = {step["do"].partition(": ")[0]: step["do"].partition(": ")[2] for step in replay.fact.steps[::-1]}
        read_only = steps["exec in r/a"]
        assert plain(replay.execute("r/a", read_only)) == plain(observed("exec r/a: cat /h/f; echo two"))
        assert replay.execute("nonroot/a", steps["exec in nonroot/a"]) == observed("runAsUser 1000 on a root-owned")
        assert replay.execute("fsgroup/a", steps["exec in fsgroup/a"]) == observed("runAsUser 1000, fsGroup 2000")
        replay.on_host("echo from-host > /srv/hp/shared/host")
        assert replay.execute("r/a", "cat /h/host") == observed("exec r/a: cat /h/host")
        replay.on_host("rm -rf /srv/hp/shared; mkdir /srv/hp/shared; echo reborn > /srv/hp/shared/f")
        gone = plain(replay.execute("r/a", "ls -la /h; cat /h/f"))
        assert gone["stderr"] == observed("pod after the directory was replaced")["stderr"].splitlines()
        assert replay.execute("w/a", "echo lost > /h/x; echo rc $?") == observed("exec w/a: echo lost")
        replay.sim.crash_container("pod/r", "a", replay.namespace)
        replay.sim.run("2s")
        assert replay.execute("r/a", "ls /h; cat /h/f") == observed("after a restart of the container")
        replay.sim.delete("pod/w", replay.namespace)
        replay.sim.run("3s")
        assert squeezed(replay.on_host("ls -la /srv/hp/shared")) == squeezed(observed("hostPath after the writer"))


class TestGroups:
    """03d: fsGroup hands over local volumes and what the kubelet makes itself, not hostPaths."""

    def test_the_recorded_steps(self) -> None:
        replay = Replay(fact("03d"))
        observed = replay.fact.observed
        on_disk(replay, _fs_group_directories)
        stat = (
            "stat -c '%n %a %u:%g' /srv/hp/fsgroup/*/ /srv/hp/fsgroup/*/f /srv/hp/fsgroup/*/sub /srv/hp/fsgroup/*/sub/g"
        )
        assert replay.on_host(stat)["stdout"] == observed("before")["stdout"]
        for step in replay.fact.steps:
            if step["do"].startswith("create ") and "Pod" not in step["do"]:
                replay.create(*step["do"].split(" ")[1:])
        replay.sim.run("0.3s")
        for name in ("p", "onroot"):
            replay.create("Pod", name)
        replay.sim.run("2s")
        text = {step["do"].partition(": ")[0]: step["do"].partition(": ")[2] for step in replay.fact.steps}
        assert replay.execute("p/a", text["exec in p/a"]) == observed("fsGroup 2000, user 1000")
        assert replay.execute("onroot/a", text["exec in onroot/a"]) == observed("fsGroupChangePolicy OnRootMismatch")


def _fs_group_directories(root: Directory) -> Directory:
    for name in ("h", "l", "r"):
        base = f"/srv/hp/fsgroup/{name}"
        root = tree.mkdir(root, f"{base}/sub", parents=True)
        root = tree.write(root, f"{base}/f", b"x\n", mode=0o600)
        root = tree.write(root, f"{base}/sub/g", b"y\n", mode=0o640)
    there = tree.lookup(root, "/srv/hp/fsgroup/r")
    assert isinstance(there, Directory)
    return tree.put(root, "/srv/hp/fsgroup/r", there.replace(mode=0o2775, gid=2000))


# -- mounts over and in each other -------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def nested() -> Iterator[Replay]:
    """04b after 15 s, with the image of the recording."""
    busybox = image_for("busybox")
    files = tree.mkdir(busybox.files, "/imgdata")
    files = tree.write(files, "/imgdata/from-image.txt", b"from the image\n")
    files = tree.write(files, "/imgdata/second.txt", b"second\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(images._OWN, "busybox", attrs.evolve(busybox, files=files))
        replay = Replay(fact("04b"))
        for each in replay.fact.manifests:
            replay.create(each["kind"], each["metadata"]["name"])
        replay.sim.run("15s")
        yield replay


def _text_of(replay: Replay, where: str) -> str:
    """The command that the recording runs in a container."""
    do: str = next(step["do"] for step in replay.fact.steps if step["do"].startswith(f"exec in {where}: "))
    return do.partition(": ")[2]


class TestMountsInEachOther:
    """04b: a volume hides what the image has; mount points are made in what lies below."""

    @pytest.mark.parametrize(
        "name", ["nested", "nested-rev", "nested-in-cm", "cm-in-nested", "same-twice", "deep", "workdir", "over-etc"]
    )
    def test_the_pod_runs(self, nested: Replay, name: str) -> None:
        assert nested.pod(name).status.phase == nested.fact.observed(f"status of pod {name}")["phase"] == "Running"
        assert nested.states(name, "a")[-1] == "running"
        assert warnings(nested, name) == []

    @pytest.mark.parametrize("name", ["nested-ro", "over-root"])
    def test_the_runtime_cannot_start_it(self, nested: Replay, name: str) -> None:
        state = nested.fact.observed(f"status of pod {name}")["containerStatuses"][0]["state"]["waiting"]
        seen = nested.states(name, "a")
        assert state["reason"] in ("RunContainerError", "CrashLoopBackOff")  # one after the other
        assert set(seen) <= {"waiting:ContainerCreating", "waiting:RunContainerError", "waiting:CrashLoopBackOff"}
        assert nested.pod(name).status.container_statuses[0].restart_count >= 1
        assert {reason for reason, _ in warnings(nested, name)} == {"Failed", "BackOff"}
        if name == "nested-ro":
            assert all(
                text in warnings(nested, name)[0][1] for text in ('rootfs at "/data/sub"', "read-only file system")
            )

    @pytest.mark.parametrize(
        ("where", "what"),
        [
            ("shadow/a", "emptyDir over the non-empty image directory"),
            ("shadow/plain", "exec shadow/plain"),
            ("shadow/sub", "file subPath over one image file"),
            ("nested/a", "exec nested/a"),
            ("nested-rev/a", "exec nested-rev/a"),
            ("nested-in-cm/a", "exec nested-in-cm/a"),
            ("cm-in-nested/a", "exec cm-in-nested/a"),
        ],
    )
    def test_what_the_container_sees(self, nested: Replay, where: str, what: str) -> None:
        assert plain(nested.execute(where, _text_of(nested, where))) == plain(nested.fact.observed(what))

    @pytest.mark.parametrize("name", ["same-twice", "deep", "workdir"])
    def test_mount_points_and_the_working_directory_are_made(self, nested: Replay, name: str) -> None:
        ran = nested.execute(f"{name}/a", _text_of(nested, f"{name}/a"))
        recorded = nested.fact.observed(f"exec {name}/a")
        assert _without_etc(ran) == _without_etc(recorded)
        assert (ran["rc"], ran["stderr"]) == (recorded["rc"], recorded["stderr"])

    @pytest.mark.parametrize("name", ["nested", "nested-rev", "nested-ro", "nested-in-cm"])
    def test_the_mount_point_stays_in_the_outer_volume(self, nested: Replay, name: str) -> None:
        """Run after the container has written its files (the tests of a class run in their order)."""
        ran = nested.on_host(f"ls -laR {nested.directory(name, 'd')} {nested.directory(name, 'e')}")
        recorded = nested.fact.observed(f"{name}: both volumes on the host")
        assert squeezed(ran) == squeezed(recorded)


def _without_etc(ran: dict[str, Any]) -> list[str]:
    """What was printed, without the listing of /etc."""
    text = re.sub(r"^/etc:\n(.+\n)*", "", ran["stdout"])
    return squeezed({**ran, "stdout": text})


# -- configuration -----------------------------------------------------------------------------------------------------
class TestConfigurationThatChanges:
    """05a: what a container sees of a ConfigMap and a Secret, while they change and after they are gone."""

    def test_the_recorded_steps(self) -> None:
        replay = Replay(fact("05a"))
        observed = replay.fact.observed
        ran = replay.follow(until=3.3)
        looks, stats = [what for what in ran if what.startswith("exec in p/a")]
        assert squeezed(ran[looks]) == squeezed(observed("exec p/a: ls -la /c /c/..data"))
        assert squeezed(ran[stats]) == squeezed(observed("exec p/a: grep -E"))
        for source, name in (("configMap", "c"), ("secret", "s"), ("projected", "proj"), ("downwardAPI", "da")):
            directory = replay.directory("p", name, source)
            assert replay.on_host(f"ls -d {directory}")["stdout"].splitlines() == [masked(directory)]
        (writing,) = replay.follow(until=3.36).values()
        assert writing == observed("write attempts")
        self._after_an_update(replay)
        self._after_a_restart(replay)
        self._after_deletion(replay)

    @staticmethod
    def _after_an_update(replay: Replay) -> None:
        """The ConfigMap was patched at 3.4 s: directories follow within the sync period, subPath and env do not."""
        delay = replay.sim.rules.config_sync_delay
        assert delay <= replay.fact.observed("configMap k v1->v2")["whole-dir /c/k"] <= delay * 1.5
        text = "cat /c/k /sub/k; cat /proj/cm/k; ls /c"
        replay.at(3.36 + delay - 1)
        assert replay.execute("p/a", text)["stdout"] == "v1v1v1k\nother\n"
        replay.at(3.36 + delay)
        assert replay.execute("p/a", text)["stdout"] == "v2v1v2added\nk\n"

    @staticmethod
    def _after_a_restart(replay: Replay) -> None:
        ran = replay.follow(until=134.1)
        assert [squeezed(each) for each in ran.values()] == [
            squeezed(replay.fact.observed("after the configMap update"))
        ]
        seen = replay.execute("p/a", "cat /s/k /proj/sec/k /da/labels /proj/da/labels /da/annotations")["stdout"]
        assert seen.startswith("s2s2"), "the patched pod is synced at once"
        assert seen.count('v="2"') == 2
        assert 'an="1"' in seen
        (after,) = replay.follow(until=135.577).values()
        assert after == replay.fact.observed("after a restart of the container")

    @staticmethod
    def _after_deletion(replay: Replay) -> None:
        (ran,) = replay.follow(until=230.65).values()
        assert squeezed(ran) == squeezed(replay.fact.observed("95 s after configMap and secret were deleted"))
        assert replay.pod("p").status.phase == "Running"
        told = [said.message for said in replay.events("Pod/p") if said.reason == "FailedMount"]
        recorded = replay.fact.observed("events after deletion")
        assert sorted(set(told)) == sorted({each["message"] for each in recorded if each["reason"] == "FailedMount"})
        replay.follow(until=260)
        waiting = replay.pod("p").status.container_statuses[0].state.waiting
        last = replay.fact.observed("container killed after the configMap was deleted")["containerStatuses"][0]["state"]
        assert (waiting.reason, waiting.message) == tuple(last["waiting"].values())


CONFIGURED = (
    "missing-cm", "missing-secret", "optional-cm", "optional-secret", "missing-key", "missing-key-secret",
    "optional-missing-key", "mode", "mode-secret", "projected-missing", "projected-overlap", "binary", "env-missing",
    "env-missing-key", "subpath-missing-key", "subpath-optional-absent",
)  # fmt: skip
CONFIGURED_SEEN = (
    "optional-cm", "optional-secret", "optional-missing-key", "mode", "mode-secret", "projected-overlap", "binary",
    "subpath-missing-key", "subpath-optional-absent",
)  # fmt: skip


@pytest.fixture(scope="module")
def configured() -> Replay:
    """05b after 25 s: what is missing, optional, chosen, or there twice."""
    replay = Replay(fact("05b"))
    for name in ("ConfigMap have", "ConfigMap have2", "Secret haves", "ConfigMap bin"):
        replay.create(*name.split(" "))
    for name in CONFIGURED:
        replay.create("Pod", name)
    replay.sim.run("25s")
    return replay


class TestConfigurationThatIsMissing:
    """05b: a missing object, key or optional one; modes; what heals."""

    @pytest.mark.parametrize("name", CONFIGURED)
    def test_the_pod_runs_or_says_why_not(self, configured: Replay, name: str) -> None:
        compare(configured, name)

    @pytest.mark.parametrize("name", CONFIGURED_SEEN)
    def test_what_the_container_sees(self, configured: Replay, name: str) -> None:
        text = _text_of(configured, f"{name}/a").replace("od -c $x | head -3; ", "")
        ran, recorded = configured.execute(f"{name}/a", text), configured.fact.observed(f"exec {name}/a")
        lines = [line for line in squeezed(recorded) if not re.match(r"0[0-7]{6}\b", line)]
        assert squeezed(ran) == lines
        assert (ran["rc"], ran["stderr"]) == (recorded["rc"], recorded["stderr"])

    def test_bytes_are_bytes(self, configured: Replay) -> None:
        recorded = configured.fact.observed("exec binary/a")["stdout"]
        assert "0000000  \\0 001 377" in recorded
        raw = configured.sim.read_file("binary", "/v/raw", namespace=configured.namespace)
        assert raw == bytes([0o0, 0o1, 0o377])

    def test_what_is_made_later_heals_the_pods_that_wait(self, configured: Replay) -> None:
        replay = Replay.__new__(Replay)
        replay.__dict__.update(configured.__dict__, sim=configured.sim.fork())
        for name in ("ConfigMap nope", "ConfigMap later", "Secret later", "Secret nope"):
            replay.create(*name.split(" "))
        waiting = ("missing-cm", "missing-secret", "env-missing", "projected-missing")
        replay.sim.run("15s")
        assert {name: replay.pod(name).status.phase for name in waiting} == dict.fromkeys(waiting, "Running")
        assert replay.execute("optional-cm/a", "ls /v")["stdout"] == ""
        replay.sim.run("46s")
        for name in ("optional-cm", "optional-secret"):
            assert replay.execute(f"{name}/a", "cat /v/k")["stdout"] == "later"


def test_configuration_follows_within_the_sync_period() -> None:
    """05c: ConfigMap and Secret at the same moment in a pod, 21 to 73 s after they changed."""
    replay = Replay(fact("05c"))
    replay.follow(until=42.3)
    delay = replay.sim.rules.config_sync_delay
    for each in ("update 1", "update 2"):
        times = [time for pair in replay.fact.observed(each).values() for time in pair]
        assert min(times) < delay < max(times)
    replay.at(42.2 + delay - 1)
    assert replay.execute("p0/a", "cat /c/k /s/k")["stdout"] == "v0v0"
    replay.at(42.21 + delay)
    assert {replay.execute(f"p{number}/a", "cat /c/k /s/k")["stdout"] for number in range(6)} == {"v1v1"}


# -- claims ------------------------------------------------------------------------------------------------------------
CLAIMED = (
    "local-absent", "local-ok", "hp", "hp-absent", "hp-absent-dir", "localfile", "ro-access", "hp-2nd", "hp-volro",
    "hp-mountro", "local-2nd", "local-volro",
)  # fmt: skip


class TestClaims:
    """07a: claims of local and hostPath volumes: absent paths, sharing, read-only in three places, what stays."""

    @pytest.fixture(scope="class")
    @classmethod
    def replay(cls) -> Replay:
        replay = Replay(fact("07a"), local_paths_are_prepared=False)
        made = ("local-ok", "hp-ok", "ro", "eph", "rwop")
        for name in made:
            on_disk(replay, lambda root, name=name: tree.mkdir(root, f"/srv/hp/pv/{name}", parents=True))  # type: ignore[misc]
        on_disk(replay, lambda root: tree.write(root, "/srv/hp/pv/afile", b"x"))
        replay.follow(until=20.5)
        return replay

    def test_the_recorded_steps(self, replay: Replay) -> None:
        for name in CLAIMED:
            recorded = replay.fact.observed(f"status of pod {name}")
            assert replay.pod(name).status.phase == recorded["phase"], name
            assert warnings(replay, name) == recorded_warnings(replay.fact.observed(f"warnings of {name}")), name
        for do, ran in replay.follow(until=20.91).items():
            where = do.removeprefix("exec in ").partition(": ")[0]
            assert plain(ran) == plain(replay.fact.observed(f"exec {where}")), where
        assert squeezed(replay.on_host("ls -laR /srv/hp/pv; stat -c '%n %a' /srv/hp/pv/*")) == squeezed(
            replay.fact.observed("on the host: paths of the volumes")
        )
        replay.on_host("mkdir /srv/hp/pv/local-absent /srv/hp/pv/hp-absent-dir")
        replay.at(32.7)
        for name in ("local-absent", "hp-absent-dir"):
            assert replay.pod(name).status.phase == "Running"
        replay.follow(until=34.6)
        assert replay.on_host("cat /srv/hp/pv/local-ok/log") == replay.fact.observed("data of the local PV after")
        (again,) = replay.follow(until=36.174).values()
        assert again == replay.fact.observed("next pod on the same claim")
        self._ephemeral(replay)

    @staticmethod
    def _ephemeral(replay: Replay) -> None:
        (ran,) = replay.follow(until=37.744).values()
        assert ran == replay.fact.observed("exec eph/a")
        claim = replay.sim.get("pvc/eph-v", replay.namespace)
        recorded = replay.fact.observed("claim of the generic ephemeral volume")
        owner = claim.metadata.owner_references[0]
        seen = {"kind": owner.kind, "name": owner.name, "controller": owner.controller}
        assert seen == {key: recorded["ownerReferences"][0][key] for key in seen}
        assert claim.status.phase == recorded["status"]["phase"]
        replay.follow(until=41.72)
        assert "eph-v" not in {
            each.metadata.name for each in replay.sim.list("persistentvolumeclaims", replay.namespace)
        }
        assert replay.sim.get("pv/k-eph").status.phase == replay.fact.observed("PV afterwards")["phase"]
        assert replay.on_host("cat /srv/hp/pv/eph/log") == replay.fact.observed("data of the ephemeral volume's PV")


def test_a_volume_of_one_pod() -> None:
    """07b: the kubelet turns a second pod away from a local volume, and cannot from a hostPath; the scheduler does."""
    replay = Replay(fact("07b"))
    on_disk(replay, lambda root: tree.mkdir(root, "/srv/hp/rwop/local", parents=True))
    replay.follow(until=152.6)
    for name in ("hp-1", "hp-2-nodename", "hp-3-scheduler", "local-1", "local-2-nodename", "local-3-scheduler"):
        recorded = replay.fact.observed(f"status of {name} after 150 s")
        assert replay.pod(name).status.phase == recorded["phase"], name
        seen = [text for reason, text in warnings(replay, name) if reason == "FailedMount"]
        events = recorded_warnings(replay.fact.observed(f"events of {name}"))
        assert seen == [text for reason, text in events if reason == "FailedMount"], name
    assert mount_times(replay, "local-2-nodename") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 63.5, 127.5]
    logs = "cat /srv/hp/rwop/log /srv/hp/rwop/local/log"
    assert replay.on_host(logs) == replay.fact.observed(f"host: {logs}")
    replay.follow(until=152.64)
    replay.at(155)  # unmounting for the first pod ends the wait of the second
    for name in ("hp-2-nodename", "hp-3-scheduler", "local-2-nodename", "local-3-scheduler"):
        assert replay.pod(name).status.phase == replay.fact.observed(f"status of {name} at the end")["phase"], name


class TestUnboundClaims:
    """07c: a pod on a node whose claim is not bound, or not there: said at once, and with every sync."""

    def test_the_recorded_steps(self) -> None:
        replay = Replay(fact("07c"))
        on_disk(replay, lambda root: tree.mkdir(root, "/srv/hp/unbound", parents=True))
        replay.follow(until=280.1)
        for name in ("unbound-nodename", "unbound-scheduler", "noclaim-nodename", "noclaim-scheduler", "two-volumes"):
            recorded = replay.fact.observed(f"status of {name} after 280 s")
            assert replay.pod(name).status.phase == recorded["phase"], name
            events = replay.fact.observed(f"events of {name}")
            expected = [text for reason, text in recorded_warnings(events) if reason == "FailedMount"]
            assert [text for reason, text in warnings(replay, name) if reason == "FailedMount"] == expected, name
        times = mount_times(replay, "unbound-nodename")
        gaps = {after - before for before, after in itertools.pairwise(times)}
        assert gaps == {replay.sim.rules.pod_sync_backoff}
        replay.follow(until=280.2)
        replay.at(296)
        for name in ("unbound-nodename", "unbound-scheduler", "two-volumes"):
            assert replay.pod(name).status.phase == "Running", name


def test_drivers_that_are_not_there() -> None:
    """07d: CSI volumes whose driver is not registered with the kubelet; nobody attaches them."""
    replay = Replay(fact("07d"))
    for name, required in (("noattach.example", False), ("attach.example", True)):
        driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": name}}
        replay.sim.create({**driver, "spec": {"attachRequired": required}})
    replay.follow(until=150)
    replay.at(150)
    for name in ("noattach", "attach", "noobject", "inline"):
        assert replay.pod(name).status.phase == replay.fact.observed(f"status of {name} after 150 s")["phase"]
        assert warnings(replay, name) == recorded_warnings(replay.fact.observed(f"events of {name}")), name
    attachments = [
        {
            "attacher": each.spec.attacher,
            "source": {"persistentVolumeName": each.spec.source.persistent_volume_name},
            "status": {"attached": bool(each.status.attached)},
        }
        for each in replay.sim.list("volumeattachments")
    ]
    recorded = replay.fact.observed("VolumeAttachments")
    assert sorted(attachments, key=str) == sorted(recorded, key=str)


class TestDevices:
    """07e: local volumes on block devices, bare and with a file system."""

    def test_the_recorded_steps(self) -> None:
        replay = Replay(fact("07e"))
        for number in range(3):
            device = Special(kind="block", mode=0o600, capacity=64 * 1024 * 1024)
            on_disk(replay, lambda root, device=device, number=number: tree.put(root, f"/dev/loop{number}", device))  # type: ignore[misc]
        replay.follow(until=13)
        for name in ("blk1", "fs1", "blk-as-fs", "fs-as-blk"):
            assert replay.pod(name).status.phase == replay.fact.observed(f"status of pod {name}")["phase"], name
            assert warnings(replay, name) == recorded_warnings(replay.fact.observed(f"events of {name}")), name
        events = [said.message for said in replay.events("Pod/blk1") if said.reason == "SuccessfulMountVolume"]
        recorded = [each["message"] for each in replay.fact.observed("events of blk1")]
        assert events == [masked(text) for text in recorded if text.startswith("MapVolume")]
        bare, files = replay.follow(until=13.31).values()
        expected = replay.fact.observed("exec blk1/a")
        assert bare["rc"] == expected["rc"]
        assert bare["stdout"].splitlines()[-1] == expected["stdout"].splitlines()[-1] == "hello-block"
        assert bare["stderr"].startswith(expected["stderr"])
        assert "755 0:0\nstart\n" in files["stdout"]
        assert files["stderr"].splitlines()[0] == replay.fact.observed("exec fs1/a")["stderr"].splitlines()[0]
        replay.follow(until=13.5)
        replay.at(15.4)
        assert replay.on_host("head -c 11 /dev/loop0")["stdout"] == "hello-block"
        replay.follow(until=15.5)
        replay.at(17)
        assert replay.execute("fs2/a", "cat /v/log") == replay.fact.observed("next pod on the formatted volume")
        assert replay.execute("blk2/a", "head -c 11 /dev/xvda") == replay.fact.observed("next pod on the block volume")


def test_pods_of_a_stateful_set() -> None:
    """07f: a pod that is made again has its claim's data, and nothing of its emptyDir."""
    replay = Replay(fact("07f"))
    for number in (0, 1):
        on_disk(replay, lambda root, number=number: tree.mkdir(root, f"/srv/hp/sts/{number}", parents=True))  # type: ignore[misc]
    ran = replay.follow(until=2.49)
    for do, each in ran.items():
        where = do.removeprefix("exec in ").partition(": ")[0]
        assert each == replay.fact.observed(f"exec {where}"), where
    replay.at(5)
    (again,) = replay.follow(until=4.295).values()
    assert again == replay.fact.observed("s-0 deleted and made again")
    claims = {each.metadata.name: each.spec.volume_name for each in replay.sim.list("pvc", replay.namespace)}
    recorded = replay.fact.observed("claims")
    assert (sorted(claims), sorted(claims.values())) == (sorted(recorded), sorted(recorded.values()))
    replay.follow(until=4.3)
    replay.at(9)
    heads = replay.fact.observed("scaled to 0: data of the PVs")["stdout"].split("==> /srv/hp/sts/")[1:]
    logs = [head.partition("\n")[2].strip() for head in heads]
    seen = [replay.on_host(f"cat /srv/hp/sts/{number}/log")["stdout"].strip() for number in (0, 1)]
    assert sorted(seen) == sorted(logs), "which volume a claim gets is open: they are equal"
    names = sorted(each.metadata.name for each in replay.sim.list("pvc", replay.namespace))
    assert names == replay.fact.observed("claims after scaling to 0")
