"""Exercise: a layout that survives any single failure of a node, shown by going through all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError
from volsim.exercises.exercise import Case, Exercise

__all__ = ["EXERCISE"]

NODES = 3
ORDER = "/data/order"
LABEL = "app=shop"
RECOVERY = "15m"  # 40 s until the node is NotReady, 300 s of patience, and as much again for what comes after


def _shops(sim: Simulation) -> list[Any]:
    return [
        pod
        for pod in sim.list("pods", selector=LABEL)
        if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None
    ]


def _has_the_order(sim: Simulation) -> bool:
    """Whether a shop that runs can read the order: as somebody would find who asked it."""
    for pod in _shops(sim):
        try:
            if sim.read_file(f"pod/{pod.name}", ORDER) == b"two pears":
                return True
        except (VolsimError, OSError):
            continue
    return False


def _open(design: Any, clusters: Callable[..., Simulation]) -> Simulation:
    """A cluster with the design in it, and an order in the shop."""
    sim = clusters(design, nodes=NODES)
    sim.run("2m")
    shops = _shops(sim)
    assert shops, f"two minutes after it was applied no pod with the label {LABEL} runs"
    sim.write_file(f"pod/{shops[0].name}", ORDER, "two pears")
    return sim


def _opens(design: Any, clusters: Callable[..., Simulation]) -> None:
    assert _has_the_order(_open(design, clusters)), "the shop has lost the order at once"


def _after(what: str, *calls: tuple[str, str]) -> Callable[[Any, Callable[..., Simulation]], None]:
    """A case: whichever node it hits, the order is there again in time."""

    def check(design: Any, clusters: Callable[..., Simulation]) -> None:
        opened = _open(design, clusters)
        for node in (each.name for each in opened.list("nodes")):
            sim = opened.fork()
            for method, pause in calls:
                getattr(sim, method)(node)
                sim.run(pause)
            sim.run(RECOVERY)
            assert _has_the_order(sim), f"{RECOVERY} after {node} {what}, no shop has the order"

    return check


def _explored(design: Any, clusters: Callable[..., Simulation]) -> None:
    """A case: a node is lost for ever, at any moment at which anything happens; on every path the order comes back."""
    from volsim.exploration import Faults, explore  # heavy, and no other exercise needs it
    from volsim.properties import eventually

    opened = _open(design, clusters)
    opened.settle()
    report = explore(
        opened,
        faults=Faults(node_failures=1, healing=False),
        properties=[eventually("a shop has the order", _has_the_order)],
        max_states=20_000,
    )
    told = [text for violation in report.violations for text in violation.story.told()]
    story = "; ".join(line.strip() for text in told for line in text.splitlines())
    assert not report.violations, f"there is a path on which the order does not come back: {story}"
    assert report.complete, f"it is unknown whether the order always comes back: {report}"


EXERCISE = Exercise(
    name="any-single-failure",
    title="Survive any single failure",
    minutes=60,
    goal="Where bytes and pods have to be so that no single node matters, and why a StatefulSet alone does not do it.",
    story=(
        "'Highly available', said the offer: three nodes, a StatefulSet, a disk in each. The order of two "
        "pears was accepted on Friday and was on the node that burnt out on Saturday. On Sunday two nodes "
        "were fine and the shop was closed."
    ),
    task=(
        "Write DESIGN: manifests (YAML text, or what volsim.exercises.given makes) of a shop on three nodes, "
        "node01 to node03. Its pods have the label app=shop. An order is written to /data/order in one of "
        "them; then some node is switched off, rebooted, destroyed or cut off. A quarter of an hour later, a "
        "shop that runs must have the order. There is a file server outside of the cluster: nfs.example.com."
    ),
    hints=(
        "Bytes on a node's disk go with the node: neither emptyDir, hostPath nor local volumes will do.",
        "A StatefulSet does not replace a pod whose node is silent. What does?",
        "A volume with {'nfs': {'server': 'nfs.example.com', 'path': '/shop'}}, a claim for it, and a Deployment.",
    ),
    cases=(
        Case(name="opens", title="two minutes after it was applied, a shop runs and takes an order", check=_opens),
        Case(name="power", title="a node is switched off", check=_after("is off", ("fail_node", "0s"))),
        Case(
            name="reboot",
            title="a node is rebooted",
            check=_after("was rebooted", ("fail_node", "1m"), ("recover_node", "0s")),
        ),
        Case(name="fire", title="a node is destroyed, with its disk", check=_after("burnt", ("destroy_node", "0s"))),
        Case(name="partition", title="a node is cut off", check=_after("is cut off", ("partition_node", "0s"))),
        Case(name="explored", title="a node is lost for ever, at whatever moment", check=_explored),
    ),
    defines="DESIGN",
)
