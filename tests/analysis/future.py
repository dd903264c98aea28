"""Whether what an explanation says of the future comes true: a fork waits for it."""

from __future__ import annotations

import volsim
from volsim.analysis.explain import Expectation, Explanation
from volsim.state.runtime import Container

_A_MOMENT = 0.000_001  # a microsecond, the simulation's smallest unit of time


def codes(explanation: Explanation) -> list[str]:
    """The codes of its causes."""
    return [cause.code for cause in explanation.causes]


def expected(explanation: Explanation) -> list[str]:
    """The codes of what it expects, in order of time."""
    return [each.code for each in explanation.expected]


def check(sim: volsim.Simulation, explanation: Explanation) -> None:
    """Everything that is expected has not come yet a moment before its time, and has come then."""
    for each in explanation.expected:
        fork = sim.fork()
        if each.after > 0:
            assert not has_come(fork, each, sim), f"already there: {each}"
            fork.run(each.after - _A_MOMENT)
            assert not has_come(fork, each, sim), f"too early: {each}"
        fork.run(max(each.at - fork.now, 0))
        assert has_come(fork, each, sim), f"not there: {each}"


def has_come(fork: volsim.Simulation, each: Expectation, sim: volsim.Simulation) -> bool:
    """Whether what is expected has happened in the fork, which was taken from `sim`."""
    names = {kind: name for kind, _, name in (address.partition("/") for address in each.objects)}
    match each.code:
        case "noticed":
            return not _is_ready(fork, names["node"])
        case "tainted":
            return any(taint.effect == "NoExecute" for taint in fork.get(f"node/{names['node']}").spec.taints)
        case "evicted":
            return _is_gone(fork, sim, names["pod"]) or bool(
                fork.get(f"pod/{names['pod']}").metadata.deletion_timestamp
            )
        case "removed":
            return _is_gone(fork, sim, names["pod"])
        case "killed":
            return not any(row.running for row in _containers(fork, sim, names["pod"]))
        case "detached":
            node = [each for each in fork.list("nodes") if each.name == names["node"]]
            left = [row for row in fork.state.table("attach_detach").values() if row.node == names["node"]]
            held = [row for row in left if row.name == names["pv"] and row.holds]
            return not held and not any(names["pv"] in (disk.name or "") for disk in node[0].status.volumes_attached)
        case "attached":
            rows = [row for row in fork.state.table("attach_detach").values() if row.state == "attached"]
            return (names["node"], names["pv"]) in [(row.node, row.name) for row in rows]
        case "attach-complained":
            return _said(fork, "FailedAttachVolume") > _said(sim, "FailedAttachVolume")
        case "restarted":
            return any(row.started_us == fork.state.now_us for row in _containers(fork, sim, names["pod"]))
        case "mount-retried" | "volume-looked-up" | "image-pulled" | "probed":
            return any(step.time >= each.at and names["pod"] in str(step) for step in fork.trace[len(sim.trace) :])
    raise AssertionError(f"nobody knows what {each.code} looks like")


def _said(sim: volsim.Simulation, reason: str) -> int:
    return sum(event.reason == reason for event in sim.events)


def _is_ready(sim: volsim.Simulation, node: str) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in sim.get(f"node/{node}").status.conditions)


def _is_gone(fork: volsim.Simulation, sim: volsim.Simulation, pod: str) -> bool:
    """Whether the object that was called so is not there any more; another one of its name is another one."""
    uid = sim.get(f"pod/{pod}").metadata.uid
    return uid not in [each.metadata.uid for each in fork.list("pods")]


def _containers(fork: volsim.Simulation, sim: volsim.Simulation, pod: str) -> list[Container]:
    uid = sim.get(f"pod/{pod}").metadata.uid
    return [row for key, row in fork.state.table("containers").items() if key.startswith(f"{uid}/")]
