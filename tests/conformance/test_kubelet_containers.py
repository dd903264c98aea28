"""The kubelet's containers and pods do what a real kubelet of Kubernetes 1.36 did: the same steps, the same outcomes.

Compared are what files hold, phases, states, exit codes, events, and the delays that Kubernetes defines. What is left
out, with its reason, is `LEFT_OUT`; in which order states are shown is compared with `goes_through`.
Source: conformance/kubelet 01a-01e, 02-02c, 06, 06b, 08-08c, 09, 09b.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import pytest

from tests.conformance.kubelet import NODE, Ran, Replay, Said, fact, masked, needs_facts, outcome, state_of
from volsim.engine.actions import Fault
from volsim.engine.processes import lose_sandbox
from volsim.errors import Invalid
from volsim.programs import withhold

pytestmark = needs_facts

LEFT_OUT = {
    "01a: /proc/mounts": "the disk's device and ext4's options are the host's",
    "01c: noswap, used blocks of a tmpfs": "an option of the host's kernel",
    "02: plus4k-sparse": "a file has no holes here: it counts as if all of it had been written",
    "02b: state of container a of one-ignores": "the host lost the container: ContainerStatusUnknown",
    "01d: MountVolume.SetUp failed … not registered": "a race in the real kubelet between mounting and deletion",
    "01e: pod nfs": "the host had no NFS client",
    "06: mode of a pod's directory, etc-hosts, plugins, containers": "what the kubelet keeps there besides volumes",
    "06: the last turn of a crash loop": "back-offs are longer there by the kubelet's loop, so there may be one less",
    "09: bytes that fit before the kill": "what dd and the shell need themselves is the host's business",
    "a container that waits is shown as terminated until the kubelet looks again": "states are shown at once here",
}
"""What is not compared, and why."""


def goes_through(simulated: list[str], recorded: list[str]) -> bool:
    """Whether what was seen in the simulation was seen in the recording in this order, perhaps with more between."""
    rest = iter(recorded)
    return all(state in rest for state in simulated)


def told(ran: Ran) -> Ran:
    """What a command left; the bytes that dd counts are left out, as the recorded dd does not tell them."""
    return {**outcome(ran), "stderr": re.sub(r"\d+ bytes .*copied.*\n", "", ran["stderr"])}


def lines(ran: Ran) -> list[str]:
    found: list[str] = ran["stdout"].splitlines()
    return found


def kubelets(events: list[Said]) -> list[tuple[str, str, str]]:
    """The kubelet's events without those that every start has, as a sorted list."""
    usual = ("FailedScheduling", "Scheduled", "Pulled", "Created", "Started")
    return sorted((each.type, each.reason, each.message) for each in events if each.reason not in usual)


def starts(events: list[Said]) -> int:
    return sum(each.times for each in events if each.reason == "Started")


def phase_reason_message(pod: Any) -> tuple[Any, ...]:
    return pod.status.phase, pod.status.reason, pod.status.message


def recorded_phase(status: dict[str, Any]) -> tuple[Any, ...]:
    return status["phase"], status.get("reason"), status.get("message")


def containers_of(pod: Any) -> dict[str, tuple[str, int]]:
    """State and number of restarts of every container."""
    statuses = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    return {each.name: (state_of(each.state), each.restart_count) for each in statuses}


def recorded_containers(status: dict[str, Any]) -> dict[str, tuple[str, int]]:
    found = {}
    for each in (*status.get("initContainerStatuses", ()), *status["containerStatuses"]):
        ((kind, state),) = each["state"].items()
        told = f"terminated:{state['reason']}({state['exitCode']})" if kind == "terminated" else kind
        found[each["name"]] = (f"waiting:{state['reason']}" if kind == "waiting" else told, each["restartCount"])
    return found


def conditions_of(pod: Any) -> dict[str, tuple[Any, ...]]:
    return {each.type: (each.status, each.reason, each.message) for each in pod.status.conditions}


def recorded_conditions(status: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {each["type"]: (each["status"], each.get("reason"), each.get("message")) for each in status["conditions"]}


def assert_like(pod: Any, status: dict[str, Any]) -> None:
    """The pod is in the phase, for the reason, with the containers and conditions that were recorded."""
    assert phase_reason_message(pod) == recorded_phase(status)
    assert containers_of(pod) == recorded_containers(status)
    assert conditions_of(pod) == recorded_conditions(status)


@cache
def followed(number: str, until: float, leave_out: frozenset[str] = frozenset()) -> tuple[Replay, dict[str, Ran]]:
    """A replay that has come to a time, to be looked at only; and what its commands left."""
    replay = Replay(fact(number), leave_out)
    return replay, replay.follow(until=until)


# -- emptyDirs and restarts --------------------------------------------------------------------------------------------
class TestSharedEmptyDir:
    """01a: containers share an emptyDir that outlives them; what is in their own layers does not."""

    def test_both_containers_and_the_host_see_the_same_files(self) -> None:
        replay = Replay(fact("01a"))
        ran = replay.follow(until=1.745)
        first = "exec in p/reader: cat /mnt/file.txt; ls -la /mnt"
        assert lines(ran[first])[:2] == lines(outcome(replay.fact.observed("exec p/reader: cat")))[:2]
        assert {line.split()[-1] for line in lines(ran[first])[2:]} == {".", "..", "file.txt", "starts.log"}
        back = "exec in p/writer: cat /data/back.txt; grep ' /data ' /proc/mounts; stat -c '%a %u:%g %F' /data"
        recorded = outcome(replay.fact.observed("exec p/writer: cat /data/back.txt"))
        assert (lines(ran[back])[0], lines(ran[back])[-1]) == (lines(recorded)[0], lines(recorded)[-1])

        at = replay.directory("p", "d")
        seen = replay.on_host(f"stat -c '%a %u:%g %F' {at}; cat {at}/back.txt; ls {at}; grep -c {at} /proc/mounts")
        assert seen == outcome(replay.fact.observed("on the host: emptyDir"))
        replay.on_host(f"echo from-host > {at}/host.txt")
        heard = replay.execute("p/reader", "cat /mnt/host.txt")
        assert heard == outcome(replay.fact.observed("exec p/reader: cat /mnt/host.txt"))

    def test_what_is_killed_starts_again_over_the_same_emptydir_and_a_new_layer(self) -> None:
        replay = Replay(fact("01a"))
        replay.follow(until=1.745)
        replay.on_host(f"echo from-host > {replay.directory('p', 'd')}/host.txt")
        command = "exec in p/writer: cat /data/starts.log /data/file.txt; ls /data"
        for number, until in enumerate([4, 20, 50.657]):
            ran = replay.follow(until=until)[command]
            assert ran == outcome(replay.fact.observed("exec p/writer: cat /data/starts.log", number))
        assert goes_through(replay.states("p", "writer"), replay.fact.states("p", "writer"))
        assert kubelets(replay.events("Pod/p")) == kubelets(replay.fact.events("Pod/p", 50))
        assert starts(replay.events("Pod/p")) == starts(replay.fact.events("Pod/p", 50))

    def test_deletion_takes_the_directory_with_it(self) -> None:
        replay = Replay(fact("01a"))
        replay.follow(until=50)
        at = replay.directory("p", "d")
        assert replay.on_host(f"ls {at}")["rc"] == 0
        replay.follow()
        replay.at(52)
        assert not replay.exists("p")
        assert replay.on_host(f"ls {at}")["rc"] != 0
        assert kubelets(replay.events("Pod/p")) == kubelets(replay.fact.events("Pod/p"))


class TestCrashLoop:
    """01b: the first restart is at once, the next wait 10, 20, 40 and 80 s, and a little for the kubelet's loop."""

    def test_the_gaps_are_those_of_the_back_off(self) -> None:
        replay = Replay(fact("01b"))
        (ran,) = replay.follow(until=189.8).values()
        log = replay.sim.exec("pod/p", "cat /log/l", "ok", replay.namespace).stdout
        assert ran["stdout"] == masked(log)
        times = [float(each.split()[1]) for each in log.splitlines()]
        gaps = [round(start - end, 2) for end, start in zip(times[1::2], times[2::2], strict=False)]
        recorded = replay.fact.observed("delay end of run n")
        assert gaps == pytest.approx([0, 10, 20, 40, 80], abs=0.02)
        assert all(-0.1 <= late - gap < 18 for gap, late in zip(gaps, recorded, strict=True))

    def test_what_is_waited_for_is_told(self) -> None:
        replay = Replay(fact("01b"))
        replay.follow(until=189)
        said = [
            (each.state.waiting.reason, masked(each.state.waiting.message), each.restart_count)
            for status in replay.statuses("p")
            for each in status.container_statuses
            if each.state.waiting is not None and each.state.waiting.reason == "CrashLoopBackOff"
        ]
        for number in range(3):
            seen = replay.fact.observed("waiting state seen", number)
            assert (seen["reason"], masked(seen["message"]), seen["restartCount"]) in said
        assert kubelets(replay.events("Pod/p")) == kubelets(replay.fact.events("Pod/p"))


class TestMemory:
    """01c: an emptyDir in memory is as large as its limit, or as what its containers or the node may use."""

    def test_its_size_is_the_smallest_limit(self) -> None:
        replay = Replay(fact("01c"))
        ran = replay.follow(until=2.04)
        recorded = [outcome(replay.fact.observed("exec p/a: grep -E")), outcome(replay.fact.observed("pod without"))]
        for found, expected in zip(ran.values(), recorded, strict=True):
            sizes = re.findall(r"^tmpfs (/\S+) tmpfs rw,relatime,(size=\d+k)", expected["stdout"], re.MULTILINE)
            assert re.findall(r"^tmpfs (/\S+) tmpfs rw,relatime,(size=\d+k)", found["stdout"], re.MULTILINE) == sizes
            df = r"^tmpfs +(\d+) +(\d+) +(\d+) +(\d+%) (/\S+)"
            assert re.findall(df, found["stdout"], re.MULTILINE) == re.findall(df, expected["stdout"], re.MULTILINE)
        assert lines(next(iter(ran.values())))[-1] == lines(recorded[0])[-1] == "1777 0:0"

    def test_it_survives_a_crash_and_is_full_when_it_is_full(self) -> None:
        replay = Replay(fact("01c"))
        ran = list(replay.follow(until=79).values())[2:]
        expected = ["exec p/a: echo keep", "after kill -9", "write 20 MiB", "write exactly 16 MiB"]
        for found, what in zip(ran, expected, strict=True):
            assert told(found) == told(replay.fact.observed(what)), what
        assert phase_reason_message(replay.pod("p")) == recorded_phase(replay.fact.observed("75 s after"))
        assert kubelets(replay.events("Pod/p")) == []

    def test_deletion_frees_it(self) -> None:
        replay = Replay(fact("01c"))
        replay.follow(until=10)
        at = replay.directory("p", "lim")
        assert replay.on_host(f"ls {at}")["rc"] == 0
        replay.follow()
        replay.at(81)
        assert not replay.exists("p")
        assert replay.on_host(f"ls {at}")["rc"] != 0


@cache
def before_the_restart() -> Replay:
    replay = Replay(fact("01d"))
    replay.on_host("mkdir -p /srv/hp/reboot/hp /srv/hp/reboot/local")
    replay.follow(until=6.826)
    return replay


class TestRestartOfTheKubelet:
    """01d: B the kubelet alone, C everything as after a reboot, D the sandbox, E what happened while it was down."""

    NAMES = ("always", "never", "onfailure", "mixed-onfailure", "succeeded")

    def logs(self, replay: Replay) -> Ran:
        at = {name: replay.directory("always", name) for name in "dm"}
        places = [("d", at["d"]), ("m", at["m"]), ("hp", "/srv/hp/reboot/hp"), ("local", "/srv/hp/reboot/local")]
        return replay.on_host("; ".join(f"echo == {name}; cat {path}/log" for name, path in places))

    def recorded_logs(self, value: Ran) -> list[str]:
        found = []
        for line in lines(outcome(value)):
            if line.startswith("== "):
                found.append(f"== {line.rpartition('/')[2]}")
            elif line.startswith(("init", "app")):
                found.append(line)
        return found

    def assert_as_recorded(self, replay: Replay, what: str) -> None:
        """Every pod is as it was, and every file has what it had."""
        assert lines(self.logs(replay)) == self.recorded_logs(replay.fact.observed(what))
        for name in self.NAMES:
            assert_like(replay.pod(name), replay.fact.observed(f"{what}: status of {name}"))
        for name in ("never", "onfailure", "mixed-onfailure"):
            ran = replay.on_host(f"cat {replay.directory(name, 'd')}/log")
            recorded = outcome(replay.fact.observed(f"{what}: emptyDir of {name}"))
            assert (ran["rc"], ran["stdout"]) == (recorded["rc"], recorded["stdout"]), name

    @pytest.fixture
    def before(self) -> Replay:
        return before_the_restart()

    def parted(self, before: Replay) -> Replay:
        """A replay that goes its own way from here."""
        other = object.__new__(Replay)
        other.__dict__.update(before.__dict__, sim=before.sim.fork(), _made=dict(before._made))
        return other

    def ids(self, replay: Replay) -> dict[str, str]:
        return {
            f"{name}/{each.name}": each.container_id
            for name in self.NAMES
            for each in replay.pod(name).status.container_statuses
        }

    def test_all_runs_at_first(self, before: Replay) -> None:
        self.assert_as_recorded(before, "A before")

    def test_without_the_kubelet_all_goes_on_and_nothing_changes(self, before: Replay) -> None:
        replay = self.parted(before)
        ids = self.ids(replay)
        replay.follow(until=29.93)
        assert self.ids(replay) == ids
        self.assert_as_recorded(replay, "B after a restart of the kubelet alone (20 s)")

    def after_reboot(self, before: Replay) -> Replay:
        replay = self.parted(before)
        replay.follow(until=30)
        replay.sim.fail_node(NODE)
        replay.sim.recover_node(NODE)
        replay.follow(until=54.48)
        return replay

    def test_after_a_reboot_disks_are_kept_and_everything_starts_anew(self, before: Replay) -> None:
        replay = self.after_reboot(before)
        self.assert_as_recorded(replay, "C after kill of everything, umount, kubelet start (20 s)")
        ran = replay.execute("always/a", "cat /d/log /m/log; cat /c/k /s/k")
        recorded = outcome(replay.fact.observed("exec always/a: cat /d/log"))["stdout"]
        assert ran["stdout"] == re.sub(r"(?s)total.*log\n(v1s1).*", r"\1", recorded)
        for name in self.NAMES:
            about = f"Pod/{name}"
            assert kubelets(replay.events(about)) == kubelets(replay.fact.events(about, 54.5)), name

    def test_a_sandbox_that_dies_is_made_anew_and_the_back_off_applies(self, before: Replay) -> None:
        replay = self.after_reboot(before)
        replay.follow(until=54.6)
        for name in ("always", "onfailure"):
            replay.sim._act(Fault("kill the sandbox of", name), partial(lose_sandbox, pod=replay.pod(name)))
        replay.at(81.65)
        self.assert_as_recorded(replay, "D containers and sandboxes killed while the kubelet runs (25 s)")
        for name in ("always", "onfailure"):
            about = f"Pod/{name}"
            assert kubelets(replay.events(about)) == kubelets(replay.fact.events(about, 81.6)), name

    def test_what_is_deleted_while_the_kubelet_is_down_is_cleared_away_when_it_is_back(self, before: Replay) -> None:
        replay = self.parted(before)
        replay.sim.stop_kubelet(NODE)
        at = {name: replay.directory(name, "d") for name in ("onfailure", "always")}
        replay.sim.delete("pod/onfailure", replay.namespace, grace_period=0)
        replay.sim.delete("pod/always", replay.namespace)
        replay.sim.run(for_=5)
        waiting = replay.pod("always")
        assert waiting.metadata.deletion_timestamp is not None
        assert waiting.status.phase == replay.fact.observed("E gracefully deleted pod")["phase"]
        assert not replay.exists("onfailure")
        assert all(replay.on_host(f"ls {path}")["rc"] == 0 for path in at.values())
        replay.sim.start_kubelet(NODE)
        replay.sim.run(for_=3)
        assert not replay.exists("always")
        assert all(replay.on_host(f"ls {path}")["rc"] != 0 for path in at.values())
        assert lines(replay.on_host("cat /srv/hp/reboot/local/log")) == ["init UPTIME", "app UPTIME"]


class TestIdentity:
    """01e: an emptyDir belongs to one pod, not to a name; only volumes can be written if the root is read-only."""

    def test_a_pod_of_the_same_name_has_an_emptydir_of_its_own(self) -> None:
        replay = Replay(fact("01e"), leave_out={"nfs"})
        ran = replay.follow(until=5)
        other = ran["exec in q/a: ls /d; cat /d/log"]
        again = ran["exec in p/a: ls /d; cat /d/log"]
        assert [lines(each)[0] for each in (other, again)] == ["log", "log"]
        assert len(lines(other)) == len(lines(again)) == len(lines(replay.fact.observed("second pod with the same")))

    def test_a_read_only_root_refuses_what_lies_in_it(self) -> None:
        replay = Replay(fact("01e"), leave_out={"nfs"})
        ran = replay.follow(until=5)
        assert ran[next(do for do in ran if "rorootfs" in do)] == outcome(
            replay.fact.observed("readOnlyRootFilesystem")
        )


# -- what is too large -------------------------------------------------------------------------------------------------
class TestSizeLimit:
    """02: a volume on disk that is larger than its limit is no error; its pod is evicted after a while."""

    LEFT_OUT = frozenset({"plus4k-sparse"})

    @pytest.fixture
    def replay(self) -> Replay:
        return followed("02", 172, self.LEFT_OUT)[0]

    def names(self, replay: Replay) -> list[str]:
        return [
            each["metadata"]["name"] for each in replay.fact.manifests if each["metadata"]["name"] not in self.LEFT_OUT
        ]

    def test_writing_succeeds_and_usage_is_that_of_du(self) -> None:
        replay = Replay(fact("02"), leave_out=self.LEFT_OUT)
        replay.follow(until=2)
        for name in self.names(replay):
            recorded = replay.fact.observed(f"usage of the volume of {name} ")
            at = replay.directory(name, "d")
            assert lines(replay.on_host(f"du -s -k {at}"))[0].split()[0] == str(
                int(recorded["stdout"].split()[0]) // 1024
            )
        ran = next(iter(replay.follow(until=2.3).values()))
        assert ran["rc"] == 0
        assert lines(ran)[-1] == lines(outcome(replay.fact.observed("writing over the limit")))[-1]

    def test_who_is_evicted_and_in_which_words(self, replay: Replay) -> None:
        for name in self.names(replay):
            recorded = replay.fact.observed(f"status of pod {name}")
            assert_like(replay.pod(name), recorded)
            assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}")), name

    def test_when_it_is_noticed(self, replay: Replay) -> None:
        """Layers are counted every ten seconds, volumes every minute."""
        evicted = {}
        for step in replay.sim.trace:
            for each in step.events:
                if each.note.reason == "Evicted":
                    evicted[each.note.about.metadata.name] = step.time - replay.start
        assert evicted.pop("ephemeral-limit-layer") <= 10
        assert evicted.keys() == {"over", "equal", "ephemeral-limit-emptydir"}
        assert all(10 < seconds <= 70 for seconds in evicted.values())

    def test_the_volume_is_gone_though_the_pod_is_not(self, replay: Replay) -> None:
        for name in self.names(replay):
            running = name in replay.fact.observed("still running")
            assert (replay.on_host(f"ls {replay.directory(name, 'd')}")["rc"] == 0) is running, name


class TestEvictionAndExitCodes:
    """02b: an evicted pod has failed, unless all its containers exit with 0 when they are told to."""

    @pytest.fixture
    def replay(self) -> Replay:
        return followed("02b", 130.28)[0]

    def pods(self, replay: Replay) -> list[str]:
        return [each["metadata"]["name"] for each in replay.fact.manifests if each["kind"] == "Pod"]

    def test_phase_reason_and_message_follow_from_the_exit_codes(self, replay: Replay) -> None:
        for name in self.pods(replay):
            recorded = replay.fact.observed(f"status of pod {name}")
            if name == "one-ignores":  # see LEFT_OUT
                assert phase_reason_message(replay.pod(name)) == recorded_phase(recorded)
            else:
                assert_like(replay.pod(name), recorded)

    def test_the_events_are_those_that_were_recorded(self, replay: Replay) -> None:
        for name in self.pods(replay):
            assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}")), name

    def test_the_volumes_of_the_evicted_are_gone(self, replay: Replay) -> None:
        for name in replay.fact.observed("terminal phase"):
            assert replay.on_host(f"ls {replay.directory(name, 'd')}")["rc"] != 0

    def test_a_deployment_replaces_what_is_evicted_and_keeps_its_object(self, replay: Replay) -> None:
        pods = [pod for pod in replay.sim.list("pods", replay.namespace) if pod.metadata.name.startswith("dep-")]
        recorded = replay.fact.observed("pods of the Deployment")
        assert sorted(map(str, map(phase_reason_message, pods))) == sorted(
            str(recorded_phase(each)) for each in recorded
        )
        assert {containers_of(pod)["a"][0] for pod in pods} == {"running", "terminated:Error(137)"}


class TestOddLimits:
    """02c: a limit of 0 is none; one byte is less than an empty directory takes."""

    @pytest.fixture
    def replay(self) -> Replay:
        return followed("02c", 101.79, frozenset({"r-neg"}))[0]

    def test_what_each_pod_has_become(self, replay: Replay) -> None:
        for name in ("disk0", "mem0", "disk1byte", "r-med"):
            assert_like(replay.pod(name), replay.fact.observed(f"status of {name}"))
            assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}")), name

    def test_files_are_written(self, replay: Replay) -> None:
        ran = followed("02c", 101.79, frozenset({"r-neg"}))[1]
        assert ran["exec in disk0/a: cat /out; ls -l /d"] == outcome(replay.fact.observed("exec disk0/a"))
        memory = lines(ran["exec in mem0/a: cat /out; df -k /d; grep ' /d ' /proc/mounts"])
        assert memory[:3] == lines(outcome(replay.fact.observed("exec mem0/a")))[:3]

    def test_a_negative_limit_is_refused(self) -> None:
        replay = Replay(fact("02c"))
        with pytest.raises(Invalid) as refused:
            replay.create("Pod", "r-neg")
        assert str(refused.value) == replay.fact.observed("emptyDir sizeLimit -1")["message"]


# -- init containers, sidecars, restart policies -----------------------------------------------------------------------
class TestInitContainersAndRestartPolicies:
    """06: what runs again, in which order, and what a pod has become."""

    KILLED = ("rp-onfailure-kill/a", "chain/a", "sidecar-always/side", "never-onecont-ends/run")

    @pytest.fixture
    def replay(self) -> Replay:
        return followed("06", 85.45)[0]

    def test_every_pod_is_in_the_phase_that_was_recorded(self, replay: Replay) -> None:
        phases = replay.fact.observed("phases")
        assert {name: replay.pod(name).status.phase for name in phases} == phases

    def test_containers_are_in_the_states_that_were_recorded(self, replay: Replay) -> None:
        for name in replay.fact.observed("phases"):
            recorded = recorded_containers(replay.fact.observed(f"status of pod {name}"))
            for container, found in containers_of(replay.pod(name)).items():
                if found[0] != "waiting:CrashLoopBackOff":  # see LEFT_OUT
                    assert found == recorded[container], (name, container)
                else:
                    assert 0 <= found[1] - recorded[container][1] <= 1, (name, container)

    def test_conditions_are_those_that_were_recorded(self, replay: Replay) -> None:
        for name in replay.fact.observed("phases"):
            recorded = recorded_conditions(replay.fact.observed(f"status of pod {name}"))
            assert conditions_of(replay.pod(name)) == recorded, name

    def test_events_are_those_that_were_recorded(self, replay: Replay) -> None:
        for name in replay.fact.observed("phases"):
            about = f"Pod/{name}"
            assert kubelets(replay.events(about)) == kubelets(replay.fact.events(about)), name
            loops = any(each.reason == "BackOff" for each in replay.events(about))
            assert 0 <= starts(replay.events(about)) - starts(replay.fact.events(about)) <= loops, name

    def test_init_containers_run_in_order_and_not_again_after_a_crash(self) -> None:
        replay, ran = followed("06", 85.47)
        for name, what in [
            ("chain/a", "after kill -9 of the app"),
            ("sidecar-always/a", "after kill -9 of the sidecar"),
        ]:
            assert ran[f"exec in {name}: cat /d/log"] == outcome(replay.fact.observed(what))
        first = followed("06", 64.71)[1]
        for name in ("chain/a", "sidecar-always/a", "init-fail-always/a"):
            recorded = outcome(replay.fact.observed(f"exec {name}: cat /d/log"))
            assert first[f"exec in {name}: cat /d/log"] == recorded

    def test_a_sidecar_is_told_to_end_when_the_others_have(self) -> None:
        replay = Replay(fact("06"))
        replay.follow(until=5)
        log = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/d/log"
        replay.at(5.3)
        assert replay.pod("sidecar").status.phase == "Running"
        replay.at(12)
        ends = {each.name: each.state.terminated for each in replay.pod("sidecar").status.container_statuses}
        (side,) = (each for each in replay.pod("sidecar").status.init_container_statuses if each.name == "side")
        assert side.state.terminated.finished_at >= ends["a"].finished_at
        assert replay.on_host(f"grep -l side-term {log}")["rc"] != 0  # all is gone with the phase

    def test_the_volumes_of_a_pod_that_has_ended_are_gone_though_its_object_is_not(self) -> None:
        replay = Replay(fact("06"))
        replay.follow(until=30)
        before, after = replay.fact.observed("Succeeded pod (object kept")
        assert before["emptyDir dir"]
        assert not after["emptyDir dir"]
        assert replay.pod("succeeded").status.phase == "Succeeded"
        assert replay.on_host(f"ls {replay.directory('succeeded', 'd')}")["rc"] != 0
        assert replay.on_host(f"ls {replay.directory('succeeded', 'm')}")["rc"] != 0


class TestJobs:
    """06b: each pod of a Job has an emptyDir of its own; containers that are restarted share one."""

    def test_what_is_left_by_runs_that_failed(self) -> None:
        replay = Replay(fact("06b"))
        replay.on_host("mkdir -p /srv/hp/job")
        replay.follow()
        replay.at(45)
        ran = replay.on_host('cd /srv/hp/job; for x in *; do echo "$x: $(tr "\\n" " " < $x)"; done')
        assert ran == outcome(replay.fact.observed("never.N / onfailure.N"))
        pods = replay.sim.list("pods", replay.namespace)
        recorded = replay.fact.observed("pods")
        assert sorted((pod.status.phase, *containers_of(pod)["a"]) for pod in pods) == sorted(
            (each["phase"], each["containerStatuses"]["a"]["state"], each["containerStatuses"]["a"]["restartCount"])
            for each in recorded
        )
        assert replay.on_host("ls -d /var/lib/kubelet/pods/*/volumes/kubernetes.io~empty-dir/d")["rc"] != 0


# -- termination -------------------------------------------------------------------------------------------------------
def seconds_after(replay: Replay, name: str, at: float, number: int = 0) -> dict[str, Any]:
    """When, after `at`, the `number`-th pod of that name lost its processes, its emptyDirs and its object."""
    uids = [
        change.after.metadata.uid
        for step in replay.sim.trace
        for change in step.changes
        if change.table == "pods" and change.before is None and change.after.metadata.name == name
    ]
    uid = uids[number]
    dead: dict[str, float] = {}
    found: dict[str, Any] = {"main process dead": dead}
    for step in replay.sim.trace:
        after = round(step.time - replay.start - at, 2)
        for change in step.changes:
            mine = change.table == "pods" and change.before is not None and change.before.metadata.uid == uid
            if change.table == "containers" and change.key.startswith(uid) and change.before is not None:
                if change.before.running and (change.after is None or not change.after.running):
                    dead[change.key.partition("/")[2]] = after
            elif change.table == "sandboxes" and change.key == uid and (change.after is None or change.after.torn_down):
                found["emptyDir gone"] = after
            elif mine and change.after is None:
                found["API object gone"] = after
    return found


LATE = 1.2
"""How many seconds two busy cores and a kubelet's loops take at most for what is done at once here."""


@cache
def with_a_finalizer() -> Replay:
    """Fact 08, to the time when all but two pods are gone; the finalizer was not in the recorded manifest."""
    replay = Replay(fact("08"), TestTermination.LEFT_OUT)
    replay.follow(until=1)
    replay.sim.patch("pod/finalizer", {"metadata": {"finalizers": ["example.com/kept"]}}, replay.namespace)
    replay.follow(until=14)
    return replay


class TestTermination:
    """08: grace, TERM, KILL and preStop, told by what the containers wrote and when they died."""

    NAMES = (
        "graceful", "slow5", "ignores", "two", "prestop", "prestop-long", "prestop-fail", "spec0", "delete0", "delete1",
        "delete0-ok", "plain-sleep", "finalizer",
    )  # fmt: skip
    LEFT_OUT = frozenset({"shorten", "again"})  # the first is 08c, the second has a test of its own

    def deleted_at(self, name: str) -> float:
        steps = fact("08").steps
        return float(next(step["t"] for step in steps if re.match(f"delete Pod {name}( gr.*)?$", step["do"])))

    @pytest.fixture
    def replay(self) -> Replay:
        return with_a_finalizer()

    @pytest.mark.parametrize("name", NAMES)
    def test_what_the_containers_wrote_and_when(self, replay: Replay, name: str) -> None:
        recorded = replay.fact.observed(f"{name}: seconds after")["written by the container"]
        written = []
        for log in (f"/srv/hp/term/{name}.log", f"/srv/hp/term/{name}b.log"):
            found = replay.sim.host_files(NODE).get(log, b"").decode()
            written += [(line.split()[0], float(line.split()[1])) for line in found.splitlines()]
        assert [word for word, _ in written] == [each.split()[0] for each in recorded]
        for (word, uptime), each in zip(written, recorded, strict=True):
            late = float(each.split()[1]) - (uptime - replay.start - self.deleted_at(name))
            assert -0.15 <= late <= LATE, word

    @pytest.mark.parametrize("name", NAMES)
    def test_when_everything_was_gone(self, replay: Replay, name: str) -> None:
        recorded = replay.fact.observed(f"{name}: seconds after")
        found = seconds_after(replay, name, self.deleted_at(name))
        assert found["main process dead"].keys() == recorded["main process dead"].keys()
        for container, seconds in found["main process dead"].items():
            assert -0.15 <= recorded["main process dead"][container] - seconds <= LATE, container
        for what in ("emptyDir gone", "API object gone"):
            assert (what in found) is (what in recorded)
            assert what not in found or -0.15 <= recorded[what] - found[what] <= LATE, what

    @pytest.mark.parametrize("name", NAMES)
    def test_events_are_those_that_were_recorded(self, replay: Replay, name: str) -> None:
        assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}"))

    def test_a_finalizer_keeps_the_object_of_a_pod_of_which_nothing_is_left(self, replay: Replay) -> None:
        assert_like(replay.pod("finalizer"), replay.fact.observed("pod with a finalizer"))

    def test_after_a_forced_deletion_a_new_pod_of_the_name_runs_before_the_old_process_is_dead(self) -> None:
        others = {each["metadata"]["name"] for each in fact("08").manifests} - {"again"}
        replay = Replay(fact("08"), leave_out=others)
        replay.follow()
        replay.at(54)
        recorded = replay.fact.observed("force delete and create of the same name")
        old = seconds_after(replay, "again", 50.55)
        assert 0 <= recorded["old process dead"] - old["main process dead"]["a"] <= LATE
        assert 0 <= recorded["old emptyDir gone"] - old["emptyDir gone"] <= LATE
        assert replay.pod("again").status.phase == "Running"
        started = replay.pod("again").status.container_statuses[0].state.running.started_at / 1e6 - replay.start
        assert started - 50.55 < old["main process dead"]["a"]


class TestSecondDeletion:
    """08c: a second deletion with another grace changes the object, and nothing about the processes."""

    def test_the_first_grace_is_what_counts(self) -> None:
        replay = Replay(fact("08c"))
        replay.follow(until=5.745)
        recorded = replay.fact.observed("after the second delete")
        assert not replay.exists("then0")
        for name in ("then2", "then-longer"):
            seconds = replay.pod(name).metadata.deletion_grace_period_seconds
            assert abs(seconds - recorded[name]["deletionGracePeriodSeconds"]) <= 1
        replay.follow()
        replay.at(80)
        first = {
            step["do"].split()[2]: step["t"] for step in reversed(replay.fact.steps) if step["do"].startswith("delete")
        }
        for name, times in replay.fact.observed("seconds after the first delete").items():
            found = seconds_after(replay, name, first[name])
            assert 0 <= times["process dead"] - found["main process dead"]["a"] <= LATE, name
            assert 0 <= times["emptyDir gone"] - found["emptyDir gone"] <= LATE, name
            assert -0.1 <= times["object gone"] - found["API object gone"] <= LATE, name
        assert [kubelets(replay.events(f"Pod/{name}")) for name in first] == [
            kubelets(replay.fact.events(f"Pod/{name}")) for name in first
        ]


# -- probes, deadlines, images -----------------------------------------------------------------------------------------
class TestProbesDeadlinesAndImages:
    """08b: a liveness probe restarts in place; a deadline ends the pod; volumes wait for images."""

    @pytest.fixture(autouse=True)
    def images(self) -> Iterator[None]:
        """The machine of the recordings did not have these images, nor a registry."""
        nope = "127.0.0.1:1/nope:1"
        waiting = fact("08b").observed("status of pod image-pull-fails")["containerStatuses"][0]["state"]["waiting"]
        withhold(nope, waiting["message"])
        withhold("localhost/nope:1")
        yield
        withhold(nope, None)
        withhold("localhost/nope:1", None)

    @pytest.fixture
    def replay(self) -> Replay:
        return followed("08b", 38.59)[0]

    def test_a_container_that_fails_its_liveness_probe_is_restarted_over_its_emptydir(self, replay: Replay) -> None:
        ran = followed("08b", 38.59)[1]
        assert ran["exec in liveness/a: cat /d/log /d/keep"] == outcome(replay.fact.observed("exec liveness/a: cat"))
        assert_like(replay.pod("liveness"), replay.fact.observed("status of pod liveness"))
        assert kubelets(replay.events("Pod/liveness")) == kubelets(replay.fact.events("Pod/liveness"))

    @pytest.mark.parametrize("name", ["deadline", "deadline-always-plain"])
    def test_a_deadline_ends_a_pod(self, replay: Replay, name: str) -> None:
        assert_like(replay.pod(name), replay.fact.observed(f"status of pod {name}"))
        assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}"))
        assert replay.on_host(f"ls -ld {replay.directory(name, 'd')}")["rc"] != 0

    def test_an_image_that_may_not_be_pulled(self, replay: Replay) -> None:
        assert_like(replay.pod("image-never"), replay.fact.observed("status of pod image-never"))
        assert kubelets(replay.events("Pod/image-never")) == kubelets(replay.fact.events("Pod/image-never"))

    def test_an_image_that_cannot_be_pulled(self, replay: Replay) -> None:
        pod, recorded = replay.pod("image-pull-fails"), replay.fact.observed("status of pod image-pull-fails")
        assert phase_reason_message(pod) == recorded_phase(recorded)
        assert conditions_of(pod) == recorded_conditions(recorded)
        assert containers_of(pod)["i"] == recorded_containers(recorded)["i"]
        assert goes_through(
            replay.states("image-pull-fails", "a")[-2:], ["waiting:ErrImagePull", "waiting:ImagePullBackOff"] * 2
        )
        assert kubelets(replay.events("Pod/image-pull-fails")) == kubelets(replay.fact.events("Pod/image-pull-fails"))

    @pytest.mark.parametrize("name", ["image-never", "image-pull-fails"])
    def test_volumes_wait_for_the_image(self, replay: Replay, name: str) -> None:
        at = replay.directory(name, "d")
        ran = replay.on_host(f"cat {at}/log")
        recorded = outcome(replay.fact.observed(f"emptyDir of {name}"))
        assert ran["rc"] == recorded["rc"]
        assert lines(ran) == lines(recorded)[1:]
        assert replay.on_host(f"stat -c %a {at}")["stdout"] == "777\n"

    def test_a_command_that_is_not_there(self, replay: Replay) -> None:
        pod, recorded = replay.pod("no-such-command"), replay.fact.observed("status of pod no-such-command")
        assert phase_reason_message(pod) == recorded_phase(recorded)
        assert goes_through(replay.states("no-such-command", "a"), replay.fact.states("no-such-command", "a"))
        (told,) = (each for each in recorded["containerStatuses"] if each["name"] == "a")
        (found,) = (each for each in pod.status.container_statuses if each.name == "a")
        last, known = found.last_state.terminated, told["lastState"]["terminated"]
        assert (last.exit_code, last.reason, last.message) == (known["exitCode"], known["reason"], known["message"])
        assert kubelets(replay.events("Pod/no-such-command")) == kubelets(replay.fact.events("Pod/no-such-command"))


# -- memory ------------------------------------------------------------------------------------------------------------
class TestMemoryLimits:
    """09, 09b: what lies in a tmpfs is memory of the container that wrote it (cgroup v1: one process is killed)."""

    def test_a_child_that_fills_the_tmpfs_is_killed_before_it_is_full(self) -> None:
        replay = Replay(fact("09"), container_is_killed_whole=False)
        replay.follow()
        replay.at(25.8)
        for name in ("nolimit", "bigger"):
            assert_like(replay.pod(name), replay.fact.observed(f"status of pod {name}"))
            at = replay.directory(name, "m")
            recorded = outcome(replay.fact.observed(f"tmpfs of {name}"))
            assert lines(replay.on_host(f"cat {at}/started {at}/rc")) == lines(recorded)[-2:]
            size = int(replay.on_host(f"stat -c %s {at}/big")["stdout"])
            (known,) = (int(line.split()[4]) for line in lines(recorded) if line.endswith(" big"))
            assert abs(size - known) < 1024 * 1024
            assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}")) == []

    def test_a_first_process_that_fills_it_is_killed_again_and_again(self) -> None:
        replay = Replay(fact("09b"), container_is_killed_whole=False)
        ran = replay.follow()
        for name in ("tmpfs-pid1", "disk-pid1", "anon"):
            assert kubelets(replay.events(f"Pod/{name}")) == kubelets(replay.fact.events(f"Pod/{name}")), name
            command = f"exec in {name}/w: cat /d/log; ls -l /d /m; df -k /m | tail -1"
            recorded = outcome(replay.fact.observed(f"exec {name}/w"))
            assert [line for line in lines(ran[command]) if line == "start"] == [
                line for line in lines(recorded) if line == "start"
            ]
        (last,) = (
            each.last_state.terminated
            for each in replay.pod("tmpfs-pid1").status.container_statuses
            if each.name == "a"
        )
        assert (last.exit_code, last.reason) == (137, "OOMKilled")
        (done,) = (each.state for each in replay.pod("disk-pid1").status.container_statuses if each.name == "a")
        assert state_of(done) == "terminated:Completed(0)"
        anon = recorded_containers(replay.fact.observed("status of pod anon"))["a"]
        assert goes_through([anon[0]], replay.fact.states("anon", "a"))
        assert containers_of(replay.pod("anon"))["a"][1] == anon[1]
