"""`explore`: everything that can ever happen to a cluster, and the shortest way to anything bad."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from volsim.engine.actions import Step
from volsim.engine.simulation import Simulation
from volsim.errors import VolsimError
from volsim.exploration.faults import Faults
from volsim.exploration.moves import ALL_REDUCTIONS, Order, Reduction
from volsim.exploration.properties import Property
from volsim.exploration.search import Answer, Bounds, Exploration, Progress, Strategy, Verdict, search
from volsim.exploration.story import Story
from volsim.rules import Duration

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Report", "Violation", "explore"]


_ORDERS = {
    Order.ANY: "every order",
    Order.WAVES: "every order in waves",
    Order.SLOW: "every order, and whoever is slow",
}


@attrs.frozen(kw_only=True, eq=False)
class Violation:
    """A property that does not hold, and how that comes about."""

    name: str
    """The property's."""
    word: str
    story: Story
    error: str = ""
    """What the property raised, if it raised something."""
    _found: Exploration = attrs.field(repr=False)
    _front: type[Simulation] = attrs.field(repr=False)

    @property
    def trace(self) -> tuple[Step, ...]:
        """The steps from the start to where it shows."""
        return self.story.steps

    @cached_property
    def simulation(self) -> Simulation:
        """A simulation that stands where it shows."""
        return self._front.of(self._found.state(self.story.actions), self._found._engine)

    def __str__(self) -> str:
        what = f"{self.word} {self.name!r} does not hold"
        if self.error:
            what += f": it raised {self.error}"
        if self.word == "sometimes":
            return f"{what}: no state that was seen is one"
        return f"{what}:\n{self.story}"


@attrs.frozen(kw_only=True, eq=False)
class Report:
    """What an exploration found out."""

    answers: tuple[Answer, ...]
    violations: tuple[Violation, ...]
    explored: Exploration
    frontier: int = 0
    """Situations that were seen, but from which nothing was followed any more."""
    hints: tuple[str, ...] = ()
    """What would make it smaller, where a bound was hit."""

    @property
    def complete(self) -> bool:
        """Whether everything was seen that can happen."""
        return self.explored.complete

    @property
    def ok(self) -> bool:
        """Whether every property holds: all was seen, and nothing bad. What is unknown is not ok."""
        return self.explored.verdict is Verdict.HOLDS

    @property
    def verdict(self) -> Verdict:
        """`holds`, `violated` or `unknown`."""
        return self.explored.verdict

    @property
    def states(self) -> int:
        """Different situations that were seen."""
        return self.explored.states

    @property
    def vacuous(self) -> tuple[str, ...]:
        """The properties that hold of nothing: it never came to what they are about."""
        return tuple(answer.name for answer in self.answers if answer.vacuous)

    @cached_property
    def graph(self) -> nx.MultiDiGraph[int]:
        """The situations and the moves between them. Raises `VolsimError` if `explore` was not asked for it."""
        from volsim.exploration.graphs import state_graph

        return state_graph(self.explored)

    def __str__(self) -> str:
        seen = self.explored
        counts = f"{seen.states} states, {seen.transitions} transitions, depth {seen.depth}, {len(seen.terminal)} ends"
        orders = _ORDERS[seen.order]
        lines = [f"{self.verdict}: {counts}, {orders}, {seen.seconds:.1f} s"]
        if not self.complete:
            lines.append(f"stopped by {seen.stopped_by}: {self.frontier} situations were not followed any further")
            lines += [f"  smaller with {hint}" for hint in self.hints]
        lines += [f"  {answer}" for answer in self.answers]
        lines += [f"\n{violation}" for violation in self.violations]
        return "\n".join(lines)


def explore(
    sim: Simulation,
    *,
    faults: Faults | None = None,
    properties: Iterable[Property] = (),
    max_states: int = 100_000,
    max_depth: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | str | None = None,
    until: Duration | None = None,
    order: Order | str = Order.WAVES,
    reductions: Iterable[Reduction | str] = ALL_REDUCTIONS,
    strategy: Strategy | str = Strategy.BREADTH,
    seed: int = 0,
    graph: bool = False,
    progress: Callable[[Progress], None] | None = None,
    executor: Executor | None = None,
) -> Report:
    """Everything that can happen to `sim` from now on, and what that says of the properties. `sim` stays as it is.

    `faults` says what may go wrong and how often; without, only the cluster's own races and choices are explored. In
    *waves* whoever is ready comes before those whom he wakes; with ``order="any"`` a controller may be passed over for
    as long as others have something to do, which is far more to see, and with ``order="slow"`` for as long as anybody
    likes: the clock goes on to what is due although he is ready. `reductions` may be switched off; they keep the
    verdicts. `strategy` is ``"breadth"`` (shortest stories), ``"depth"`` (less waiting at a time) or ``"random"``
    (walks by `seed` that never claim to have seen everything). The search ends early at `max_states`, `max_depth`
    moves, `max_seconds` of real time, when the process has grown by `max_memory` (bytes, or ``"2Gi"``), or where
    nothing more is due within `until`: then what was not decided is *unknown*. With an `executor` its workers follow
    the moves (any of `concurrent.futures`, or Dask's ``client.get_executor()``): what is found is the same. Raises
    `VolsimError` for a property that cannot be sent to them, and when one of them is lost.

    >>> import volsim
    >>> sim = volsim.Simulation(nodes=2)
    >>> _ = sim.apply('''
    ... apiVersion: v1
    ... kind: Pod
    ... metadata: {name: p}
    ... spec: {containers: [{name: c, image: nginx}]}
    ... '''), sim.settle()
    >>> runs = volsim.properties.eventually("it runs", lambda sim: any(
    ...     pod.status.phase == "Running" and not pod.metadata.deletion_timestamp for pod in sim.list("pods")))
    >>> volsim.explore(sim, properties=[runs]).ok
    True
    >>> report = volsim.explore(sim, faults=volsim.Faults(node_failures=1, healing=False), properties=[runs])
    >>> report.ok, report.complete, report.violations[0].name
    (False, True, 'it runs')
    >>> print(report.violations[0].story.told()[0].strip())  # doctest: +ELLIPSIS
    0.000s  fault: power off node0...
    """
    asked = tuple(properties)
    budget = faults if faults is not None else Faults()
    chosen = frozenset(_known(Reduction, name) for name in reductions)
    bounds = Bounds(
        max_states=max_states, max_depth=max_depth, max_seconds=max_seconds, max_memory=max_memory, until=until
    )
    found = search(
        sim.state,
        sim.engine,
        faults=budget,
        properties=asked,
        bounds=bounds,
        reductions=chosen,
        order=_known(Order, order),
        strategy=_known(Strategy, strategy),
        seed=seed,
        keep_edges=graph,
        tell=progress,
        executor=executor,
    )
    return Report(
        answers=found.answers,
        violations=tuple(
            _violation(answer, found, type(sim)) for answer in found.answers if answer.verdict is Verdict.VIOLATED
        ),
        explored=found,
        frontier=found.frontier,
        hints=() if found.complete else tuple(_hints(budget, bounds, chosen, _known(Order, order))),
    )


def _known(kind: Any, name: Any) -> Any:
    try:
        return kind(name)
    except ValueError:
        names = ", ".join(repr(each.value) for each in kind)
        raise VolsimError(f"{name!r} is no {kind.__name__.lower()}; there are {names}") from None


def _violation(answer: Answer, found: Exploration, front: type[Simulation]) -> Violation:
    steps = found.replay((*(answer.path or ()), *answer.cycle))
    end = len(answer.path or ())
    return Violation(
        name=answer.name,
        word=answer.word,
        story=Story(steps[:end], steps[end:]),
        error=answer.error,
        found=found,
        front=front,
    )


def _hints(faults: Faults, bounds: Bounds, reductions: frozenset[Reduction], order: Order) -> Iterable[str]:
    """Which knobs would make it smaller."""
    missing = sorted(each.value for each in ALL_REDUCTIONS - reductions)
    if missing:
        yield f"reductions, of which {', '.join(missing)} are switched off"
    if order is not Order.WAVES:
        yield 'order="waves"'
    several = [f"{name}={budget}" for name, budget in faults.budgets if budget > 1]
    kinds = [name for name, budget in faults.budgets if budget]
    if several:
        yield f"smaller budgets ({', '.join(several)})"
    if len(kinds) > 1:
        yield f"one kind of fault at a time ({', '.join(kinds)})"
    if faults.healing and kinds:
        yield "Faults(healing=False)"
    if bounds.until is None:
        yield 'until="15m", if what comes later does not matter'
    yield "fewer replicas, nodes and workloads at once"
