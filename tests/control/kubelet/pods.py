"""Pods of shell scripts for the tests of the kubelet, and short questions about them."""

from __future__ import annotations

import json
from typing import Any

import volsim

WAIT = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done"
"""A script that waits to be told to stop, and then does."""
DEAF = "trap '' TERM; sleep 10000"
"""A script that ignores TERM."""


def container(script: str = WAIT, name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container that runs a script, with the pod's volume `data` at /data."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    return {"name": name, "image": "busybox:1", "command": ["sh", "-c", script], "volumeMounts": mounts, **fields}


def pod(
    *containers: dict[str, Any], name: str = "p", data: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod with an emptyDir, whose containers get ten seconds to end."""
    volumes = [{"name": "data", "emptyDir": {} if data is None else data}]
    given = {"containers": list(containers), "volumes": volumes, "terminationGracePeriodSeconds": 10, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": given}


def command(script: str) -> dict[str, Any]:
    """A hook's or probe's command."""
    return {"exec": {"command": ["sh", "-c", script]}}


def running(*pods: dict[str, Any], kubernetes: str = "1.36", for_: float = 1, **rules: Any) -> volsim.Simulation:
    """A cluster of one node in which the pods have been running for a while."""
    sim = volsim.Simulation(nodes=1, rules=volsim.Rules.for_version(kubernetes, **rules))
    for each in pods:
        sim.apply(json.dumps(each))
    sim.run(for_=for_)
    return sim


def status(sim: volsim.Simulation, container: str = "app", name: str = "p") -> Any:
    """What the API says of a container."""
    found = sim.get(f"pod/{name}").status
    statuses = (*found.init_container_statuses, *found.container_statuses)
    return next(each for each in statuses if each.name == container)


def said(sim: volsim.Simulation, *reasons: str) -> list[str]:
    """The texts of the events of these reasons, in order."""
    return [event.message or "" for event in sim.events if event.reason in reasons]


def told(sim: volsim.Simulation, path: str = "/data/log", name: str = "p", container: str | None = None) -> list[str]:
    """The lines of a file."""
    return sim.read_file(f"pod/{name}", path, container).decode().splitlines()


def wait(sim: volsim.Simulation, seconds: float) -> volsim.Simulation:
    """The simulation a while later."""
    sim.run(for_=seconds)
    return sim
