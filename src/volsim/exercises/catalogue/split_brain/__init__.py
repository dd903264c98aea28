"""Exercise: a partition and two writers."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="split-brain",
    title="Split brain",
    minutes=45,
    goal=(
        "A node that is cut off goes on running its pods: while its replacement runs, two pods write to one "
        "NFS volume, until the network is back."
    ),
    story=(
        "A switch failed. Six minutes later the pods of the cut-off node ran elsewhere, and all was green. "
        "But on the node behind the switch nobody had told anybody anything: two instances wrote to the same "
        "files for an hour. When the switch was replaced, one of them vanished."
    ),
    task=(
        "WRITER appends its host name to /data/log every ten seconds. Let the node of its pod be cut off. Who "
        "writes to the log after ten minutes, and who a while after the node is back?"
    ),
    hints=(
        (
            "Read the log through the new pod: sim.read_file(f'pod/{name}', '/data/log'); the names in its last "
            "lines say who writes."
        ),
        (
            "A pod that is deleted gets thirty seconds after its kubelet hears of it; sim.heal_node(node) and two "
            "minutes."
        ),
        (
            "One mutant stops the old pod at once, one never: during the partition both names must be in the last "
            "lines, long after it only one."
        ),
    ),
    mutants=(
        MUTANTS["partition-stops-containers"],
        MUTANTS["healing-stops-nobody"],
    ),
    case="a node was cut off long enough for its pods to be replaced",
    reached=lambda sim: came_to(sim, "cut off") and sim.now > 360,
)
