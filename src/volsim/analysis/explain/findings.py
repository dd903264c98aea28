"""What is gathered about pods and nodes before it is said: causes, what comes next, what would help."""

from __future__ import annotations

from volsim.analysis.explain.explanation import Cause, Expectation, Explanation
from volsim.engine.components import API_SERVER, CONTROLLER_MANAGER, runs
from volsim.state import View

__all__ = ["Findings"]

_KUBELETS = frozenset({"image-pulled", "killed", "mount-retried", "probed", "restarted", "volume-looked-up"})
"""What a kubelet does by itself, whether there is a control plane or not."""


class Findings:
    """A page of notes about one object.

    >>> from volsim import Simulation
    >>> found = Findings(Simulation(nodes=0).state, "pod/web")
    >>> found.cause("node-off", "node node01 is off", "node/node01")
    >>> print(found.explanation("pod/web is Terminating."))
    pod/web is Terminating.
    - node-off: node node01 is off
    """

    def __init__(self, view: View, about: str) -> None:
        self.view, self.about = view, about
        self._causes: dict[Cause, None] = {}
        self._expected: list[Expectation] = []
        self._remedies: dict[str, None] = {}

    def cause(self, code: str, text: str, *objects: str) -> None:
        """Note a reason, once."""
        self._causes[Cause(code, text, objects)] = None

    def expect(self, code: str, text: str, at_us: int, *objects: str) -> None:
        """Note what happens by itself at a time."""
        at_us = max(at_us, self.view.now_us)
        after = (at_us - self.view.now_us) / 1_000_000
        self._expected.append(Expectation(code, text, at_us / 1_000_000, after, objects))

    def remedy(self, text: str) -> None:
        """Note what somebody could do, once."""
        self._remedies[text] = None

    def explanation(self, summary: str) -> Explanation:
        """All of it. What a process of the control plane would do that is down is left out: it does not come."""
        expected = sorted(self._expected, key=lambda each: (each.at, each.code, each.text))
        down = [name for name in (API_SERVER, CONTROLLER_MANAGER) if not runs(self.view, name)]
        if down:
            kept = [each for each in expected if each.code in _KUBELETS]
            if kept != expected:
                self.cause("control-plane-down", f"the {down[0]} is down, and nobody does the rest until it is back")
            expected = kept
        return Explanation(self.about, summary, tuple(self._causes), tuple(self._remedies), tuple(expected))
