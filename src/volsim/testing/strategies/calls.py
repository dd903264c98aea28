"""Strategies for what people do to a cluster and what the world does, as values that print as they would be typed."""

from __future__ import annotations

from itertools import chain
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from volsim.testing.calls import Call
from volsim.testing.strategies.api_objects import (
    CLAIMS,
    NODES,
    PODS,
    VOLUMES,
    claims,
    one_of,
    persistent_volumes,
    pods,
    storage_classes,
)
from volsim.testing.strategies.pod_owners import WORKLOADS, deployments, stateful_sets

__all__ = ["PAUSES", "action_sequences", "actions", "fault_schedules", "faults"]

PAUSES = ("1s", "15s", "1m", "10m", "1h")
"""How long one may wait: less and more than a resync, than a silent node is noticed, than its pods are evicted."""

_FAULTS = {"fail_node": "recover_node", "partition_node": "heal_node"}
"""What breaks a node, and its healing twin."""

_REFS = (
    *(f"pod/{name}" for name in PODS),
    *(f"pvc/{name}" for name in CLAIMS),
    *(f"pv/{name}" for name in VOLUMES),
)


def _calls(methods: SearchStrategy[str], arguments: SearchStrategy[Any]) -> SearchStrategy[Call]:
    """Calls of one argument; made by a map, so that they print as what they are."""
    return st.tuples(methods, arguments).map(lambda both: Call(*both))


def _scaled(name: str, kind: str, replicas: int) -> Call:
    return Call("scale", f"{kind}/{name}", (("replicas", replicas),))


def actions() -> SearchStrategy[Call]:
    """Calls of a simulation: letting time pass, deleting, breaking nodes and mending them, scaling, and creating.

    Some are refused, because what they mean is not there. Shrinks to letting a second pass.
    """
    return st.one_of(
        _calls(st.just("run"), st.sampled_from(PAUSES)),
        _calls(st.just("delete"), st.sampled_from(_REFS)),
        _calls(st.sampled_from([*chain(*_FAULTS.items()), "cordon", "uncordon"]), st.sampled_from(NODES)),
        _calls(st.just("crash_container"), st.sampled_from(PODS)),
        _calls(st.just("create"), persistent_volumes() | claims() | pods() | storage_classes()),
        st.tuples(st.sampled_from(WORKLOADS), st.sampled_from(["deployment", "statefulset"]), st.integers(0, 2)).map(
            lambda scaled: _scaled(*scaled)
        ),
        _calls(st.just("apply"), deployments() | stateful_sets()),
    )


def action_sequences(*, min_size: int = 0, max_size: int = 6) -> SearchStrategy[list[Call]]:
    """Lists of `actions`. Shrinks to none, or to the fewest and simplest that still show what is looked for."""
    return st.lists(actions(), min_size=min_size, max_size=max_size)


def faults(*, node_names: SearchStrategy[str] | None = None) -> SearchStrategy[Call]:
    """What breaks one node: its power goes, or its network; it can be destroyed.

    Shrinks to a power cut on node01.
    """
    return _calls(st.sampled_from([*_FAULTS, "destroy_node"]), one_of(node_names, NODES))


def _with_twin(call: Call, pause: str, *, heals: bool) -> list[Call]:
    schedule = [call, Call("run", pause)]
    twin: Any = _FAULTS.get(call.method)
    return [*schedule, Call(twin, call.argument)] if heals and twin else schedule


def fault_schedules(
    *, node_names: SearchStrategy[str] | None = None, max_faults: int = 2, healed: bool = False
) -> SearchStrategy[list[Call]]:
    """Faults one after the other, each with a pause after it, and perhaps its healing twin; with `healed`, always.

    Shrinks to none, or to a power cut and a second.
    """
    breaks = faults(node_names=node_names)
    if healed:
        breaks = breaks.filter(lambda call: call.method in _FAULTS)
    heals = st.just(True) if healed else st.booleans()
    each = st.builds(_with_twin, breaks, st.sampled_from(PAUSES), heals=heals)
    return st.lists(each, max_size=max_faults).map(lambda lists: list(chain(*lists)))
