"""The `Simulation` that users hold: the engine's, with kubectl in front of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from volsim.engine import simulation as engine
from volsim.engine.actions import Action, Step

if TYPE_CHECKING:
    from volsim.analysis.explain import Explanation
    from volsim.programs import Pause, Process, Program

__all__ = ["Simulation"]


class Simulation(engine.Simulation):  # noqa: D101 - the engine's words
    __doc__ = engine.Simulation.__doc__

    def kubectl(self, line: str, stdin: bytes | str | None = None, cwd: Path | str | None = None) -> str:
        """What kubectl prints for a command line, with or without the word ``kubectl``.

        Paths behind ``-f`` are relative to `cwd`; ``-f -`` and ``exec -i`` read `stdin`. Raises `VolsimError` with what
        kubectl says when it fails.

        >>> print(Simulation(nodes=1, kubernetes="1.15").kubectl("get pods"))
        No resources found.
        <BLANKLINE>
        """
        from volsim.views import kubectl

        data = stdin.encode() if isinstance(stdin, str) else stdin
        return kubectl.run(self, line, stdin=data, cwd=Path(cwd) if cwd is not None else None)

    def perform(self, action: Action) -> Step:
        """Do one action of a path that `volsim.explore` found: a controller's work, a fault, what somebody does.

        If nothing is ready, a controller's work waits until the next is due. Raises `VolsimError` for work that is not
        to be done now.

        >>> from volsim import Fault
        >>> sim = Simulation(nodes=1)
        >>> print(sim.perform(Fault("power off", "node01")))
             0.000s  fault: power off node01
        """
        from volsim.exploration.search import perform

        state, step = perform(self.engine, self.state, action)
        self._draft = state.draft(self.engine.watches)
        self._note(step)
        return step

    def explain(self, ref: str, namespace: str = "default") -> Explanation:
        """Why an object is as it is, and what would change it: `str()` is for people, `.causes` for programs.

        Knows claims, volumes, pods, nodes and workloads; `.expected` is what comes next by itself, and when. Raises
        `NotFound`, and `VolsimError` for kinds that nobody explains yet.

        >>> pv = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": {
        ...     "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "nfs": {"server": "s", "path": "/"}}}
        >>> sim = Simulation(nodes=0)
        >>> _ = sim.create(pv), sim.settle()
        >>> print(sim.explain("pv/v"))
        pv/v is Available: no claim without a class waits for a volume.
        """
        from volsim.analysis.explain import explain

        return explain(self._draft, self.get(ref, namespace))

    def register_program(
        self,
        image: str,
        program: Program | Callable[[Process, Any], Pause],
        *,
        files: Mapping[str, bytes] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Have every container whose image has a name run your own program, with the usual shell and tools beside it.

        `image` has neither registry nor tag, and may be a pattern (``worker-*``). `program(process, memory)` does what
        is to be done up to its next pause, and returns that pause; `volsim.programs.function` makes one that takes
        signals and probes, too. Images are the same for all simulations, as a registry is. Raises `VolsimError` for
        another name, and for a generator.

        >>> from volsim.programs import Pause
        >>> def tick(process, memory):
        ...     process.print(f"tick {memory or 0}")
        ...     return Pause.sleeping(1_000_000, memory=(memory or 0) + 1)
        >>> sim = Simulation(nodes=1)
        >>> sim.register_program("tick", tick)
        >>> _ = sim.kubectl("run clock --image=example.com/tick:1"), sim.settle(), sim.run("1s")
        >>> print(sim.kubectl("logs clock --tail=1"), end="")
        tick 1
        """
        from volsim.programs import register

        register(image, program, files=files, env=env)

    def orphans(self) -> tuple[str, ...]:
        """The names of disks and servers that hold something, and of which no volume and no pod speaks any more.

        That is what a deleted volume with the policy Retain leaves behind, or one whose deletion went wrong.

        >>> Simulation(nodes=0).orphans()
        ()
        """
        from volsim.analysis.orphans import orphans

        return orphans(self._draft)
