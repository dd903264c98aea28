"""The properties that come with the library: each holds where it should, and fails where its story says so."""

from __future__ import annotations

from typing import Any

import pytest

import volsim
from volsim import Faults, properties

PRECIOUS = "row 1"
PATH = "/data/rows"


def mounting(volume: dict[str, Any]) -> dict[str, Any]:
    mounts = [{"name": "data", "mountPath": "/data"}]
    return {
        "containers": [{"name": "db", "image": "nginx", "volumeMounts": mounts}],
        "volumes": [{"name": "data", **volume}],
    }


def deployment(volume: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "db"}}, "spec": mounting(volume)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "db"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "db"}}, "template": template},
    }


NFS: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "rows"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "nfs": {"server": "10.0.0.1", "path": "/rows"},
        },
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "rows"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    },
]
CLAIM = {"persistentVolumeClaim": {"claimName": "rows"}}
EMPTY_DIR: dict[str, Any] = {"emptyDir": {}}
IN_MEMORY = {"emptyDir": {"medium": "Memory"}}
HOST_PATH = {"hostPath": {"path": "/srv/rows", "type": "DirectoryOrCreate"}}


def written(volume: dict[str, Any], nodes: int = 2) -> volsim.Simulation:
    """A Deployment of one pod that has written its row."""
    sim = volsim.Simulation(nodes=nodes)
    sim.apply([*(NFS if volume is CLAIM else []), deployment(volume)])
    sim.settle()
    [pod] = sim.list("pods")
    sim.write_file(f"pod/{pod.name}", PATH, PRECIOUS)
    return sim


CRASH, DELETION, REBOOT, LOSS = (
    Faults(container_crashes=1),
    Faults(pod_deletions=1),
    Faults(reboots=1),
    Faults(node_losses=1),
)


@pytest.mark.parametrize(
    ("volume", "faults", "kept", "found"),
    [
        (EMPTY_DIR, CRASH, True, True),
        (EMPTY_DIR, DELETION, False, False),
        (IN_MEMORY, CRASH, True, True),
        (IN_MEMORY, REBOOT, False, False),
        (HOST_PATH, DELETION, True, False),
        (HOST_PATH, LOSS, False, False),
        (CLAIM, DELETION, True, True),
        (CLAIM, LOSS, True, True),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_lost_and_what_is_not_found_again(
    volume: dict[str, Any], faults: Faults, kept: bool, found: bool
) -> None:
    report = volsim.explore(
        written(volume),
        faults=faults,
        properties=[properties.never_lost(PRECIOUS), properties.finds_again("deploy/db", PATH, PRECIOUS)],
    )
    assert report.complete
    failed = [violation.word for violation in report.violations]
    assert failed == [word for word, holds in (("always", kept), ("eventually", found)) if not holds]
    assert not report.vacuous


def test_what_was_never_written_cannot_be_lost_and_that_is_said() -> None:
    report = volsim.explore(written(EMPTY_DIR), properties=[properties.never_lost("row 2")])
    assert report.vacuous == ("'row 2' is never lost",)


def test_what_somebody_writes_on_the_way_counts_from_then_on() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"}, "spec": mounting(EMPTY_DIR)})
    sim.settle()
    write = 'kubectl exec db -- sh -c "echo row 1 > /data/rows"'
    report = volsim.explore(
        sim,
        faults=Faults(user_actions=[write, "kubectl delete pod db --wait=false"]),
        properties=[properties.never_lost(PRECIOUS)],
    )
    [violation] = report.violations
    told = "\n".join(violation.story.told())
    assert "exec db" in told
    assert "delete pod db" in told


def test_nothing_is_no_data() -> None:
    with pytest.raises(volsim.VolsimError, match="give the bytes"):
        properties.never_lost(b"")


def test_a_pod_that_is_gone_for_a_while_does_not_run_for_a_while() -> None:
    sim = volsim.Simulation(nodes=1)
    stateful_set = {**deployment(EMPTY_DIR), "kind": "StatefulSet"}
    stateful_set["spec"] = {**stateful_set["spec"], "serviceName": "db"}
    sim.apply(stateful_set)
    sim.settle()
    report = volsim.explore(sim, faults=DELETION, properties=[properties.runs("pod/db-0")])
    assert report.ok
