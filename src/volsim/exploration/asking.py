"""What people do, as values that an exploration can choose: kubectl command lines, manifests, functions of a module.

>>> print(asked("kubectl scale deploy/web --replicas=0"))
user: kubectl scale deploy/web --replicas=0
>>> print(asked({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}))
user: kubectl apply -f - (namespace/team)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from volsim.engine.actions import Ask, Step, Sync
from volsim.engine.perform import Engine
from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError
from volsim.manifests import load, to_manifest
from volsim.state import State

__all__ = ["asked", "carry_out"]

_CALL = "call "


def asked(wish: Any) -> Ask:
    """What somebody does, of a line that begins with ``kubectl``, a function that gets a simulation, or manifests.

    Raises `VolsimError` for a function that cannot be found again by its name, and `ManifestError`.
    """
    if isinstance(wish, Ask):
        return wish
    if isinstance(wish, str) and wish.startswith("kubectl "):
        return Ask(wish)
    if callable(wish):
        return Ask(_CALL + _name_of(wish))
    objects = load(wish)
    names = ", ".join(f"{obj.kind.lower()}/{obj.metadata.name}" for obj in objects)
    items = {"apiVersion": "v1", "kind": "List", "items": [to_manifest(obj) for obj in objects]}
    return Ask("kubectl apply -f -", json.dumps(items, sort_keys=True), names)


def _name_of(function: Callable[..., Any]) -> str:
    name = f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', repr(function))}"
    if "<" in name:
        raise VolsimError(f"{name}: a path has to find it again by its name; give a function of a module")
    return name


def _function(name: str) -> Callable[[Simulation], Any]:
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


def carry_out(engine: Engine, state: State, ask: Ask) -> tuple[State, Step]:
    """The state after what somebody does, and what that did. What is refused changes nothing.

    Raises `VolsimError` if he waits for something: meanwhile everything may happen, and the exploration chooses what.
    """
    front = import_module("volsim.simulation").Simulation  # the only one that knows kubectl stands above this room
    sim = front.of(state, engine)
    says = ""
    try:
        if ask.line.startswith(_CALL):
            _function(ask.line.removeprefix(_CALL))(sim)
        else:
            sim.kubectl(ask.line, stdin=ask.stdin)
    except VolsimError as error:
        says = f"{ask.line}: refused: {error}"
    if any(isinstance(step.action, Sync) for step in sim.trace) or sim.state.now_us != state.now_us:
        raise VolsimError(f"{ask.line}: it waits, and what happens meanwhile is to be chosen; add --wait=false")
    changes = tuple(change for step in sim.trace for change in step.changes)
    return sim.state, Step(state.now_us, ask, changes, (), says)
