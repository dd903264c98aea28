"""What the tests of workload controllers share: manifests, a small engine, and how to drive it by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import chain, repeat
from typing import Any, TypeVar

import volsim
from volsim.engine import simulation as engine
from volsim.engine.cluster import default_engine
from volsim.engine.perform import Engine
from volsim.objects import Pod
from volsim.state import State

Manifest = dict[str, Any]
CONTAINER = {"name": "c", "image": "app:1"}


def template(app: str = "web", image: str = "nginx:1", **spec: Any) -> Manifest:
    """A pod template whose pods run at once: they say themselves on which node."""
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"nodeName": "node01", "containers": [{"name": "c", "image": image}], **spec},
    }


def workload(
    kind: str, name: str = "web", *, image: str = "nginx:1", pod: Manifest | None = None, **spec: Any
) -> Manifest:
    """A workload of the group apps that selects its own pods."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": template(name, image, **(pod or {})),
            **spec,
        },
    }


def deployment(name: str = "web", **spec: Any) -> Manifest:
    return workload("Deployment", name, **spec)


def job_spec(pod: Manifest | None = None, **spec: Any) -> Manifest:
    """The spec of a job whose pods run until they are told to exit."""
    return {"template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER], **(pod or {})}}, **spec}


def job(name: str = "work", **spec: Any) -> Manifest:
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": job_spec(**spec)}


def engine_of(*names: str) -> Engine:
    """An engine with some of the controllers only: a test of them is quicker and clearer."""
    return Engine(tuple(each for each in default_engine().controllers if each.name in names))


def messages(sim: volsim.Simulation, reason: str) -> list[str]:
    """The texts of the events of one reason, in order."""
    return [event.message or "" for event in sim.events if event.reason == reason]


def sizes(sim: volsim.Simulation) -> list[int]:
    """The sizes of the replica sets, the oldest revision first."""
    sets = sorted(sim.list("rs"), key=lambda each: int(each.metadata.annotations["deployment.kubernetes.io/revision"]))
    return [each.spec.replicas for each in sets]


def condition(obj: Any, name: str) -> Any:
    return next(each for each in obj.status.conditions if each.type == name)


def active(state: State) -> list[Pod]:
    """The pods that count as replicas."""
    return [
        pod
        for pod in state.pods.values()
        if pod.metadata.deletion_timestamp is None and pod.status.phase not in ("Succeeded", "Failed")
    ]


def ready(pods: list[Pod]) -> int:
    return sum(any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions) for pod in pods)


def objects(state: State) -> dict[str, Any]:
    """Every object of the API, without what only counts writes."""
    return {
        f"{table}/{key}": obj.replace(metadata=obj.metadata.replace(resource_version=None))
        for table in state.api_tables
        for key, obj in state.table(table).items()
    }


def walk(engine: Engine, state: State, choices: Iterator[int], limit: int = 2_000) -> Iterator[State]:
    """The states on a way to rest: at each step the piece of work that `choices` says, timers if nothing is ready."""
    for _ in range(limit):
        actions = list(engine.enabled(state))
        if not actions:
            return
        state, _ = engine.perform(state, actions[next(choices) % len(actions)])
        yield state
    raise AssertionError(f"no rest after {limit} steps")


def choices(drawn: list[int]) -> Iterator[int]:
    """What was drawn, then first come, first served."""
    return chain(drawn, repeat(0))


def last(states: Iterable[State], default: State) -> State:
    return reduce(lambda _, state: state, states, default)


S = TypeVar("S", bound="engine.Simulation")


def come_to(sim: S, state: State) -> S:
    """The simulation as it would be had it come to `state`."""
    new = sim.fork()
    new._draft = state.draft(sim.engine.watches)
    return new
