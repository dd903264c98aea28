"""The scheduling cycle: one attempt to place one pod, and what comes of it.

Modelled: the choice among the nodes with the best score, Reserve and PreBind (volumes are bound before the pod is),
Bind, PostFilter (preemption); the condition PodScheduled, nominatedNodeName, the events Scheduled and FailedScheduling;
back-off, the flush of pods that have waited for long.
Not modelled: extenders, pod groups, several profiles, Permit plugins.
Source: kube-scheduler, pkg/scheduler/schedule_one.go, backend/queue/scheduling_queue.go.
"""

from __future__ import annotations

from functools import partial

from volsim.apiserver.writes import Bind, Put, UpdateStatus, Write
from volsim.control.contract import NOTHING, Choose, EventNote, Outcome, normal, warning
from volsim.control.scheduler import pre_bind
from volsim.control.scheduler.fit_error import NO_NODES, fit_error, turned_away
from volsim.control.scheduler.framework import Attempt, Code, asks
from volsim.control.scheduler.memory import Memory
from volsim.control.scheduler.preemption import Candidate, Preemption, preempt, removal, with_condition
from volsim.control.scheduler.queue import must_wait, next_backoff_us, wants_a_node
from volsim.control.scheduler.search import Found, ask, best, search
from volsim.control.scheduler.volume_binding import Decision, common_decision, ways
from volsim.control.scheduler.volume_candidates import MOST_EQUAL
from volsim.objects import Condition, ObjectMeta, Pod
from volsim.rules import microseconds
from volsim.state import View

__all__ = ["sync"]

_SINCE_NEVER = Memory()
_MANY = 4_096  # Kubernetes takes any of the equally good volumes: up to so many places all are offered


def sync(view: View, key: str) -> Outcome | Choose:
    """Find a node for one pod, go on binding it, or say why it cannot be placed."""
    pod = view.pods.get(key)
    memory: Memory | None = view.get("scheduling", key)
    if pod is None or not wants_a_node(pod):
        return _forget(view, key, memory) if memory is not None else NOTHING
    if memory is None or memory.uid != pod.metadata.uid:
        memory = _SINCE_NEVER
    if memory.is_binding:
        return _go_on_binding(view, pod, memory)
    if must_wait(view, memory):
        return Outcome(requeue_after_us=memory.until_us - view.now_us)
    attempt = Attempt(view, pod)
    found = search(attempt)
    if not found.nodes:
        return _not_placed(attempt, memory, found)
    return _placed(attempt, memory, found)


def _forget(view: View, key: str, memory: Memory) -> Outcome:
    """A pod that is gone or on its way out, or that somebody else has given a node."""
    pod: Pod | None = view.pods.get(key)
    namespace, _, name = key.partition("/")
    about = pod if pod is not None else Pod(metadata=ObjectMeta(namespace=namespace, name=name, uid=memory.uid))
    says = []
    if memory.is_binding:
        says.append(pre_bind.failure(f'pod does not exist any more: pod "{name}" not found'))
    deleted = pod is None or pod.metadata.deletion_timestamp is not None
    waits = memory.until_us > view.now_us and not view.rules.pod_update_ends_backoff
    if deleted and view.rules.deleted_pod_is_mentioned and not waits:
        says.append(f"skip schedule deleting pod: {key}")
    notes = tuple(warning(about, "FailedScheduling", text) for text in says)
    return Outcome((Put("scheduling", key, None),), notes)


# -- placed ------------------------------------------------------------------------------------------------------------
def _placed(attempt: Attempt, memory: Memory, found: Found) -> Outcome | Choose:
    """Bind the pod to one of the best nodes."""
    rotation = (found.rotation,) if found.rotation is not None else ()
    bound = partial(_bound, attempt, memory, rotation)
    names = best(attempt, found.nodes)
    common = common_decision(attempt)
    if common is not None:
        options = [(node, partial(bound, node, common)) for node in names]
    else:
        most = max(MOST_EQUAL, _MANY // len(names))
        each_way = ((node, label, way) for node in names for label, way in _labelled(attempt, node, most))
        options = [(label, partial(bound, node, way)) for node, label, way in each_way]
    if len(options) == 1:
        return options[0][1]()
    return Choose(f"one of {len(options)} equally good places for pod {attempt.pod.key}", tuple(options))


def _labelled(attempt: Attempt, node: str, most: int) -> list[tuple[str, Decision]]:
    """The ways to serve the pod's claims on the node, each with its label."""
    possible = ways(attempt, node, most)
    return [(node if len(possible) == 1 else f"{node} with {_named(way)}", way) for way in possible]


def _named(way: Decision) -> str:
    return ", ".join(f"{volume.metadata.name} for {claim.metadata.name}" for claim, volume in way.bindings)


def _bound(attempt: Attempt, memory: Memory, rotation: tuple[Write, ...], node: str, way: Decision) -> Outcome:
    """The pod bound to the node, or the node reserved and the binding of volumes begun."""
    pod, view = attempt.pod, attempt.view
    if not way.bindings and not way.provisions:
        return _assigned(view, pod, node, rotation)
    wait_us = microseconds(view.rules.scheduler_bind_timeout)
    reserved = Memory(
        uid=pod.metadata.uid or "",
        backoff_us=memory.backoff_us,
        node=node,
        asks=asks(pod),
        deadline_us=view.now_us + wait_us,
        bindings=tuple((claim.key, volume.metadata.name or "") for claim, volume in way.bindings),
        provisions=tuple(claim.key for claim in way.provisions),
    )
    writes: list[Write] = [*rotation, *pre_bind.requests(way, node), Put("scheduling", pod.key, reserved)]
    if view.rules.nominated_node_while_binding:
        writes += _nominated(pod, node)
    says = f"reserve {node} for pod {pod.key}, bind its volumes"
    return Outcome(tuple(writes), requeue_after_us=wait_us, background=True, says=says)


def _assigned(view: View, pod: Pod, node: str, more: tuple[Write, ...]) -> Outcome:
    writes: list[Write] = [Bind(pod.key, pod.metadata.uid, node), *more]
    if view.get("scheduling", pod.key) is not None:
        writes.append(Put("scheduling", pod.key, None))
    note = normal(pod, "Scheduled", f"Successfully assigned {pod.metadata.namespace}/{pod.metadata.name} to {node}")
    return Outcome(tuple(writes), (note,), says=f"assign pod {pod.key} to {node}")


def _go_on_binding(view: View, pod: Pod, memory: Memory) -> Outcome:
    """Bind the pod if its volumes are bound; give up if that cannot come to a good end."""
    state = pre_bind.check(view, memory)
    if state is True:
        return _assigned(view, pod, memory.node, ())
    if state is False and view.now_us < memory.deadline_us:
        return Outcome(requeue_after_us=memory.deadline_us - view.now_us, background=True)
    text = pre_bind.failure(state if isinstance(state, str) else pre_bind.timed_out(view.rules))
    fresh = memory.replace(node="", deadline_us=0, bindings=(), provisions=())
    after_us = next_backoff_us(view.rules, memory.backoff_us)
    return _failed(view, pod, fresh, text, "SchedulerError", after_us=after_us, nomination="")


# -- not placed --------------------------------------------------------------------------------------------------------
def _not_placed(attempt: Attempt, memory: Memory, found: Found) -> Outcome | Choose:
    """Say why, and see whether less important pods can make room."""
    view, pod, rules = attempt.view, attempt.pod, attempt.rules
    count = attempt.node_count
    flush_us = microseconds(rules.scheduler_unschedulable_flush)
    rejected_by = {each.plugin for each in found.refused} | set(found.narrowed_by)
    if not count:
        return _failed(view, pod, memory, NO_NODES, "Unschedulable", after_us=flush_us, rejected_by=(_ANY_NODE,))
    if found.whole is not None:
        plugin, status = found.whole
        text = _joined(turned_away(pod, status, count, rules), _after_pre_filter(attempt), attempt)
        error = status.code is Code.ERROR and rules.missing_claim_is_counted
        reason = "SchedulerError" if error else "Unschedulable"
        return _failed(view, pod, memory, text, reason, after_us=flush_us, rejected_by=(plugin,))
    refused = [(each.status, each.nodes) for each in found.refused]
    elsewhere = f"node(s) didn't satisfy plugin(s) [{' '.join(found.narrowed_by)}]" if found.narrowed_by else ""
    text = fit_error(count, [(status, nodes.bit_count()) for status, nodes in refused], elsewhere)
    answer = preempt(attempt, refused, ask)
    if not answer.candidates:
        text = _joined(text, _after_filter(answer, attempt), attempt)
        nomination = None if answer.keeps_nomination else ""
        return _failed(
            view, pod, memory, text, "Unschedulable",
            after_us=flush_us, rejected_by=tuple(sorted(rejected_by)), nomination=nomination,
        )  # fmt: skip
    options = tuple(
        (each.node, partial(_room_made, attempt, memory, each, text, tuple(sorted(rejected_by))))
        for each in answer.candidates
    )
    if len(options) == 1:
        return options[0][1]()
    return Choose(f"one of {len(options)} nodes on which pod {pod.key} can take the place of others", options)


_ANY_NODE = "NodeUnschedulable"
"""Whom a pod waits for that found no node at all: the plugin that every new node helps."""


def _after_pre_filter(attempt: Attempt) -> str:
    """What PostFilter plugins add where a PreFilter plugin has turned the pod away."""
    if attempt.rules.dynamic_resource_allocation:
        return "not found"  # the dynamic resources' plugin does not find what it did not prepare
    return _after_filter(preempt(attempt, (), ask), attempt)


def _after_filter(answer: Preemption, attempt: Attempt) -> str:
    """What PostFilter plugins add where no node was found and preemption does not help."""
    told = f"preemption: {answer.text}"
    return f"no new claims to deallocate, {told}" if attempt.rules.dynamic_resource_allocation else told


def _joined(text: str, after: str, attempt: Attempt) -> str:
    if not attempt.rules.preemption_in_reason:
        return text
    return f"{text} {after}" + ("." if attempt.rules.preemption_period_doubled else "")


def _room_made(
    attempt: Attempt, memory: Memory, candidate: Candidate, text: str, rejected_by: tuple[str, ...]
) -> Outcome:
    """Remove the victims and nominate the node: the pod is tried again when they are gone."""
    view, pod = attempt.view, attempt.pod
    writes, notes = removal(view, pod, candidate)
    flush_us = microseconds(view.rules.scheduler_unschedulable_flush)
    failed = _failed(
        view, pod, memory, text, "Unschedulable",
        after_us=flush_us, rejected_by=rejected_by, nomination=candidate.node,
    )  # fmt: skip
    says = f"remove {len(candidate.victims)} less important pods from {candidate.node} for pod {pod.key}"
    return failed._replace(writes=(*failed.writes, *writes), events=(*notes, *failed.events), says=says)


def _failed(
    view: View,
    pod: Pod,
    memory: Memory,
    text: str,
    reason: str,
    *,
    after_us: int,
    rejected_by: tuple[str, ...] = (),
    nomination: str | None = "",
) -> Outcome:
    """Remember the attempt, set the condition, record the event; `nomination` None leaves it as it is."""
    told = _told(view, pod, reason, text, nomination)
    if memory.until_us > view.now_us and told is pod and memory.rejected_by == rejected_by:
        return Outcome(requeue_after_us=after_us, background=True)  # tried early, with the same answer
    backoff_us = next_backoff_us(view.rules, memory.backoff_us)
    new = memory.replace(
        uid=pod.metadata.uid or "",
        backoff_us=backoff_us,
        until_us=view.now_us + backoff_us,
        rejected_by=rejected_by,
    )
    writes: list[Write] = [Put("scheduling", pod.key, new)]
    if told is not pod:
        writes.append(UpdateStatus(told))
    note: EventNote = warning(pod, "FailedScheduling", text)
    says = f"pod {pod.key} cannot be placed: {text}"
    return Outcome(tuple(writes), (note,), requeue_after_us=after_us, background=True, says=says)


def _nominated(pod: Pod, node: str) -> list[Write]:
    if pod.status.nominated_node_name == node:
        return []
    return [UpdateStatus(pod.replace(status=pod.status.replace(nominated_node_name=node)))]


def _told(view: View, pod: Pod, reason: str, text: str, nomination: str | None) -> Pod:
    """The pod with the condition and the nomination; the very same pod if it says so already."""
    condition = Condition(
        type="PodScheduled", status="False", reason=reason, message=text, last_transition_time=view.now_us
    )
    told = with_condition(pod, condition)
    if nomination is None or (told.status.nominated_node_name or "") == nomination:
        return told
    return told.replace(status=told.status.replace(nominated_node_name=nomination or None))
