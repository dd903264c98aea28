"""What a real kubelet did, read from `conformance/kubelet`, and a simulation that takes the same steps.

A fact is one recording: manifests, timed steps, what was observed. `Replay` takes its steps at their times in a cluster
of one node like the recorded one. Numbers that no two clusters share (uids, dates) are masked in what is compared.

    replay = Replay(fact("01a"))
    ran = replay.follow(until=1.7)          # {"exec in p/reader: …": {"rc": 0, "stdout": …, "stderr": …}}
    assert ran[…] == replay.fact.observed("exec p/reader: …")
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Hashable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import volsim
from tests.conformance.tables import DEFAULT, Chosen
from volsim.control.kubelet.volumes import Place, volume_directory
from volsim.engine.actions import Fault
from volsim.programs.images import command, image_for
from volsim.programs.process import Process
from volsim.state import Draft
from volsim.state.runtime import Machine, Sandbox
from volsim.storage.mounts import Mount, MountedFiles
from volsim.storage.sources import source_of
from volsim.storage.tree import Directory

NODE = "node-1"
VERSION = "1.36"
MEMORY = {"capacity": "24683656Ki", "allocatable": "24581256Ki"}  # of the machine on which the facts were recorded

needs_facts = pytest.mark.skipif(
    not (DEFAULT / "kubelet").is_dir(), reason="the recordings of a real kubelet lie beside the repository"
)
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"\b[A-Z][a-z]{2} [ \d]\d (\d\d:\d\d|[ \d]\d{4})\b")
_UPTIME = re.compile(r"\b\d+\.\d\d\b")
Ran = dict[str, Any]


class Said(NamedTuple):
    """An event: about what (`Pod/p`), type, reason, message, how often it was recorded."""

    about: str
    type: str
    reason: str
    message: str
    times: int = 1


def masked(text: str) -> str:
    """Text without what no two clusters share: uids, the dates of files, the seconds since the boot.

    >>> masked("-rw-r--r-- 1 root root 5 Nov 23 08:31 f")
    '-rw-r--r-- 1 root root 5 DATE f'
    """
    return _UPTIME.sub("UPTIME", _DATE.sub("DATE", _UID.sub("UID", text)))


def outcome(ran: Ran) -> Ran:
    """What a command left, masked."""
    return {key: masked(value) if isinstance(value, str) else value for key, value in ran.items()}


# -- recordings --------------------------------------------------------------------------------------------------------
class Fact(NamedTuple):
    """One recording."""

    name: str
    manifests: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    observations: list[dict[str, Any]]
    timeline: list[dict[str, Any]]
    all_events: list[dict[str, Any]]

    def observed(self, what: str, number: int = 0) -> Any:
        """What was observed under a heading that begins so; the `number`-th of them."""
        found = [each["value"] for each in self.observations if each["what"].startswith(what)]
        assert len(found) > number, f"{self.name}: nothing was observed as {what!r} ({number})"
        return found[number]

    def manifest(self, kind: str, name: str, number: int = 0) -> dict[str, Any]:
        """The `number`-th manifest of that name; the last one if there are fewer."""
        found = [each for each in self.manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)]
        assert found, f"{self.name}: there is no manifest of {kind} {name}"
        return found[min(number, len(found) - 1)]

    def events(self, about: str, until: float = 1e9) -> list[Said]:
        """The events about `Pod/p` up to a time, masked, each once, in the order in which they first came."""
        counts: dict[Said, int] = {}
        for each in self.all_events:
            if each["object"] == about and each["t"] <= until:
                said = Said(about, each["type"], each["reason"], masked(each["message"]), 0)
                times = [each["t"], *each.get("seenAgainAt", [])]
                counts[said] = counts.get(said, 0) + sum(time <= until for time in times)
        return [said._replace(times=count) for said, count in counts.items()]

    def states(self, pod: str, container: str, inits: bool = False) -> list[str]:
        """The states that a container went through, without repetitions: `waiting:CrashLoopBackOff`, `running`, …"""
        kind = "initContainerStatuses" if inits else "containerStatuses"
        seen: list[str] = []
        for each in self.timeline:
            status = each["status"]
            if each["pod"] == pod and isinstance(status, dict) and container in status.get(kind, {}):
                state = status[kind][container]["state"]
                if seen[-1:] != [state]:
                    seen.append(state)
        return seen

    def phases(self, pod: str) -> list[str]:
        """The phases that a pod went through, without repetitions."""
        found = [each["status"] for each in self.timeline if each["pod"] == pod]
        phases = [status["phase"] for status in found if isinstance(status, dict)]
        return [phase for number, phase in enumerate(phases) if phases[number - 1 : number] != [phase]]


@cache
def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def fact(number: str) -> Fact:
    """The recording whose name begins with `number` and a hyphen (`01a`)."""
    paths = sorted((Chosen.directory / "kubelet").glob(f"{number}-*.json"))
    assert len(paths) == 1, f"there is no single recording {number}: {[path.name for path in paths]}"
    raw = _read(paths[0])
    return Fact(raw["name"], raw["manifest"], raw["steps"], raw["observed"], raw["timeline"], raw["allEvents"])


# -- taking the same steps ---------------------------------------------------------------------------------------------
class Replay:
    """A simulation that takes the steps of a fact, but for those with objects that are left out.

    What is done on the host a test does itself, with `on_host`.
    """

    def __init__(self, fact: Fact, leave_out: Collection[str] = (), **rules: Any) -> None:
        self.fact, self.namespace, self.left_out = fact, fact.name, leave_out
        self.sim = volsim.Simulation(nodes=[_node()], rules=volsim.Rules.for_version(VERSION, **rules))
        self.sim.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": fact.name}})
        self.start = self.sim.now
        self._next = 0
        self._made: dict[tuple[str, str], int] = {}

    # -- steps --------------------------------------------------------------------------------------------------------
    def follow(self, until: float = 1e9) -> dict[str, Ran]:
        """Take the steps up to a time of the recording, and let that time come; what the commands in pods left."""
        ran: dict[str, Ran] = {}
        while self._next < len(self.fact.steps) and self.fact.steps[self._next]["t"] <= until:
            step = self.fact.steps[self._next]
            self._next += 1
            self.at(step["t"])
            self._take(step["do"], ran)
        if until < 1e9:
            self.at(until)
        return ran

    def at(self, seconds: float) -> None:
        """Let the time of the recording come, unless it is past."""
        if self.start + seconds > self.sim.now:
            self.sim.run(for_=self.start + seconds - self.sim.now)

    def _take(self, do: str, ran: dict[str, Ran]) -> None:
        verb, _, rest = do.partition(" ")
        words = rest.split(" ")
        if len(words) > 1 and words[1] in self.left_out:
            return
        if verb == "create":
            self.create(words[0], words[1])
        elif verb == "delete":
            grace = re.search(r"gracePeriodSeconds=(\d+)", rest)
            self.sim.delete(f"{words[0].lower()}/{words[1]}", self.namespace, int(grace[1]) if grace else None)
        elif verb == "patch":
            address, _, patch = rest.partition(": ")
            kind, _, name = address.partition(" ")
            self.sim.patch(f"{kind.lower()}/{name}", json.loads(patch), self.namespace)
        elif do.startswith("exec in "):
            where, _, text = do.removeprefix("exec in ").partition(": ")
            ran[do] = self.execute(where, text)
        elif do.startswith(("stop the kubelet", "start the kubelet")):
            (self.sim.stop_kubelet if verb == "stop" else self.sim.start_kubelet)(NODE)
        elif (kill := re.search(r"kill -9 of the main process of container (\S+)/(\S+)", do)) is not None:
            self.sim.crash_container(f"pod/{kill[1]}", kill[2], self.namespace)

    def create(self, kind: str, name: str) -> None:
        """Make an object of the fact; the next of several manifests of one name. Raises what the server refuses."""
        number = self._made.get((kind, name), 0)
        self._made[kind, name] = number + 1
        self.sim.create(self.fact.manifest(kind, name, number))

    def execute(self, where: str, text: str) -> Ran:
        """Run a shell command in `pod/container`; masked."""
        pod, _, container = where.partition("/")
        result = self.sim.exec(f"pod/{pod}", ["sh", "-c", text], container, self.namespace)
        return outcome({"rc": result.exit_code, "stdout": result.stdout, "stderr": result.stderr})

    # -- the host -----------------------------------------------------------------------------------------------------
    def directory(self, pod: str, volume: str, source: str = "emptyDir") -> str:
        """Where a volume of a pod lies on the host."""
        return volume_directory(self.sim.get(f"pod/{pod}", self.namespace).metadata.uid, source, volume)

    def on_host(self, text: str) -> Ran:
        """Run a shell command on the host, as root; what it writes to the disk stays."""
        ran: list[Ran] = []
        self.sim._act(Fault("on the host", text), lambda draft: ran.append(_on_host(draft, text)))
        return outcome(ran[0])

    # -- what can be seen ---------------------------------------------------------------------------------------------
    def pod(self, name: str) -> Any:
        """A pod as it is now."""
        return self.sim.get(f"pod/{name}", self.namespace)

    def exists(self, name: str) -> bool:
        """Whether there is a pod of that name."""
        return any(pod.metadata.name == name for pod in self.sim.list("pods", self.namespace))

    def events(self, about: str) -> list[Said]:
        """The events about `Pod/p` so far, masked, each once, in the order in which they first came."""
        counts: dict[Said, int] = {}
        for event in self.sim.events:
            ref = event.involved_object
            assert ref is not None, "every event is about something"
            if (f"{ref.kind}/{ref.name}", ref.namespace) == (about, self.namespace):
                said = Said(about, event.type or "", event.reason or "", masked(event.message or ""), 0)
                counts[said] = counts.get(said, 0) + 1
        return [said._replace(times=count) for said, count in counts.items()]

    def states(self, pod: str, container: str) -> list[str]:
        """The states that an app or init container went through so far, without repetitions."""
        seen: list[str] = []
        for status in self.statuses(pod):
            for each in (*status.init_container_statuses, *status.container_statuses):
                if each.name == container and seen[-1:] != [state_of(each.state)]:
                    seen.append(state_of(each.state))
        return seen

    def statuses(self, pod: str) -> Iterator[Any]:
        """Every status that pods of that name had, in order."""
        for step in self.sim.trace:
            for change in step.changes:
                after = change.after
                if change.table == "pods" and after is not None and after.metadata.name == pod:
                    yield after.status


def state_of(state: Any) -> str:
    """A container's state in a few words, as the recordings have it.

    >>> from volsim.objects import ContainerState, ContainerStateTerminated
    >>> state_of(ContainerState(terminated=ContainerStateTerminated(exit_code=3, reason="Error")))
    'terminated:Error(3)'
    """
    if state.running is not None:
        return "running"
    if state.waiting is not None:
        return f"waiting:{state.waiting.reason}"
    if state.terminated is not None:
        return f"terminated:{state.terminated.reason}({state.terminated.exit_code})"
    return "none"


def _node() -> dict[str, Any]:
    status = {kind: {"memory": amount} for kind, amount in MEMORY.items()}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "status": status}


def _on_host(draft: Draft, text: str) -> Ran:
    machine: Machine = draft.get("machines", NODE)
    disk = ("disk", NODE)
    trees: dict[Hashable, Directory] = {disk: machine.disk}
    mounts = [Mount("/", disk)]
    for path, root in _in_memory(draft).items():
        trees["memory", path] = root
        mounts.append(Mount(path, ("memory", path)))
    files = MountedFiles(mounts, trees.__getitem__, now_us=draft.now_us)
    image = image_for("busybox")
    process = Process(argv=("sh", "-c", text), env=image.env, files=files, now_us=draft.now_us, hostname=NODE)
    program = command(image, process.argv)
    assert program is not None, "busybox has a shell"
    pause = program.start(process)
    assert pause.exit_code is not None, "what is done on the host takes no time"
    for backing, root in files.changed().items():
        assert backing == disk, f"{text!r} writes into memory, which is not supported here"
        draft.put("machines", NODE, machine.replace(disk=root))
    return {"rc": pause.exit_code, "stdout": process.stdout.decode(), "stderr": process.stderr.decode()}


def _in_memory(draft: Draft) -> dict[str, Directory]:
    """What the host has in memory, by the place where it is mounted."""
    found: dict[str, Directory] = {}
    for uid in draft.group("sandboxes_by_node", NODE):
        sandbox: Sandbox = draft.get("sandboxes", uid)
        for volume in sandbox.pod.spec.volumes:
            place: Place | None = sandbox.mounted.get(volume.name or "")
            if place is not None and place.kind == "memory" and place.name in sandbox.memory:
                path = volume_directory(uid, source_of(volume)[0] or "", volume.name or "")
                found[path] = sandbox.memory[place.name]
    return found
