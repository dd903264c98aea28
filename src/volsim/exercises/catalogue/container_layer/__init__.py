"""Exercise: the container's own layer forgets."""

from __future__ import annotations

from volsim.exercises.exercise import Exercise
from volsim.exercises.judging import came_to
from volsim.exercises.mutants import MUTANTS

__all__ = ["EXERCISE"]

EXERCISE = Exercise(
    name="container-layer",
    title="A container forgets",
    minutes=20,
    goal=("What a container writes outside of its volumes is gone when it is started again, however it ended."),
    story=(
        "A team ran a wiki in a pod without volumes. For three weeks all was well. Then the process ran out "
        "of memory, the kubelet started the container again within a second, and the wiki was empty. The pod "
        "had never been away: same name, same node, same address."
    ),
    task=(
        "Write a test that holds of Kubernetes and of no mutant: what becomes of a file that a container has "
        "written into its own file system when the container is started again? Mind that a container can end "
        "in more than one way."
    ),
    hints=(
        (
            "sim.write_file('pod/wiki', path, data) writes as the container would; sim.read_file reads. A file "
            "that is not there raises volsim.FileError."
        ),
        (
            "sim.crash_container('pod/wiki') lets it die of a signal; sim.exit_container('pod/wiki', code=0) lets "
            "it end properly. Let a minute pass after that."
        ),
        ("Draw the exit code: @given(code=st.sampled_from([0, 1, 137])). One test for each code would do as well."),
    ),
    mutants=(
        MUTANTS["layer-survives-restart"],
        MUTANTS["layer-survives-clean-exit"],
    ),
    case="a container that had ended was started again",
    reached=lambda sim: came_to(sim, "fault: exit"),
)
