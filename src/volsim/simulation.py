"""The `Simulation` that users hold: the engine's, with kubectl in front of it."""

from __future__ import annotations

from pathlib import Path

from volsim.engine import simulation as engine

__all__ = ["Simulation"]


class Simulation(engine.Simulation):
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
