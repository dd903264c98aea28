"""Simulations to look at, and a kubectl that says what it printed whether it failed or not."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest

from volsim import Simulation, VolsimError
from volsim.engine.perform import Engine

Terminal = Callable[..., str]

PAIR = """
apiVersion: v1
kind: Pod
metadata: {name: pair, labels: {app: pair}}
spec:
  nodeName: node01
  containers: [{name: one, image: nginx}, {name: two, image: nginx}]
  volumes: [{name: scratch, emptyDir: {}}]
"""

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec: {nodeName: node01, containers: [{name: web, image: nginx}]}
"""

VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs-pv}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: nfs
  nfs: {server: 172.16.1.30, path: /nfsdata}
"""

STATEFUL = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: nginx}]}}
"""

DAEMON = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: collector}
spec:
  selector: {matchLabels: {app: collector}}
  template: {metadata: {labels: {app: collector}}, spec: {containers: [{name: c, image: nginx}]}}
"""

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""

CLASS = """
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: csi.example.com
"""


def terminal_of(sim: Simulation) -> Terminal:
    """A function that runs a command line against `sim` and returns all that a terminal would show."""

    def terminal(line: str, stdin: str | None = None) -> str:
        try:
            return sim.kubectl(line, stdin=stdin)
        except VolsimError as error:
            return f"{error}\n"

    return terminal


@pytest.fixture
def kubelets() -> Simulation:
    """Two nodes, and nobody else at work: no controller that removes, adopts or replaces what a test makes."""
    names = ("kubelet.node", "kubelet.pods")
    modules = [import_module(f"volsim.control.{name}") for name in names]
    found = [getattr(module, "CONTROLLERS", None) or (module.CONTROLLER,) for module in modules]
    return Simulation(nodes=2, engine=Engine(tuple(each for several in found for each in several)))


@pytest.fixture
def sim() -> Simulation:
    """Two nodes of the newest Kubernetes."""
    return Simulation(nodes=2)


@pytest.fixture
def kubectl(sim: Simulation) -> Terminal:
    """A terminal for `sim`."""
    return terminal_of(sim)
