"""The graph of situations: for networkx, and small ones as Mermaid and DOT."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from volsim.engine.actions import Sync
from volsim.errors import VolsimError
from volsim.exploration.search import Exploration, Path
from volsim.state import State

__all__ = ["dot", "mermaid", "state_graph", "waiting"]

_DRAWN_MOST = 200
_WORDS = {"pods": "pod", "persistentvolumeclaims": "pvc", "persistentvolumes": "pv", "namespaces": "namespace"}


def state_graph(found: Exploration) -> nx.MultiDiGraph[int]:
    """The situations by their index (0 is the start), and the moves between them.

    A situation has its `number`, its `distance` from the start in moves, whether it is `terminal`, and `waits`: where
    it is, the objects that wait there for what never comes by itself (a deadlock, if there are any). A move has its
    `actions`, a `label` and `is_fault`. Cycles are networkx' (`networkx.simple_cycles`).

    Raises `VolsimError` if the search did not keep its moves. O(moves), and the way to each terminal situation.

    >>> import volsim
    >>> sim = volsim.Simulation(nodes=0)
    >>> _ = sim.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
    ...                "spec": {"containers": [{"name": "c", "image": "nginx"}]}})
    >>> graph = volsim.explore(sim, graph=True).graph
    >>> [graph.nodes[1][name] for name in ("distance", "terminal", "waits")]
    [1, True, ('pod/p: Pending',)]
    """
    if found._edges is None:
        raise VolsimError("the moves between situations were not kept; explore with graph=True")
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    ends = set(found.terminal)
    for at, number in enumerate(found.numbers):
        is_terminal = number in ends
        waits = tuple(waiting(found.state(found._visited.path(at)))) if is_terminal else ()
        graph.add_node(at, number=number, terminal=is_terminal, waits=waits)
    for edge in found._edges:
        if edge.target >= 0:
            actions = found._visited.ways[edge.way]
            graph.add_edge(edge.source, edge.target, actions=actions, label=_label(actions), is_fault=edge.is_fault)
    nx.set_node_attributes(graph, nx.single_source_shortest_path_length(graph, 0), "distance")
    return graph


def waiting(state: State) -> Iterator[str]:
    """The pods and claims that are pending, and the objects that are being deleted."""
    for table, word in (("pods", "pod"), ("persistentvolumeclaims", "pvc")):
        for obj in state.table(table).values():
            if obj.status.phase == "Pending" and obj.metadata.deletion_timestamp is None:
                yield f"{word}/{obj.key.removeprefix('default/')}: Pending"
    for table in state.api_tables:
        for obj in state.table(table).values():
            if obj.metadata.deletion_timestamp is not None:
                yield f"{_WORDS.get(table, table)}/{obj.key.removeprefix('default/')}: Terminating"


def _label(actions: Path) -> str:
    """The move itself; looks that changed nothing are not told."""
    for action in actions:
        if not isinstance(action, Sync):
            return str(action)
    return str(actions[0])


def _drawable(graph: nx.MultiDiGraph[int]) -> None:
    if len(graph) > _DRAWN_MOST:
        raise VolsimError(f"a graph of {len(graph)} situations cannot be read; at most {_DRAWN_MOST} are drawn")


def mermaid(graph: nx.MultiDiGraph[int]) -> str:
    """The graph as a Mermaid state diagram. Raises `VolsimError` for more than 200 situations."""
    _drawable(graph)
    lines = ["stateDiagram-v2", "    [*] --> s0"]
    for source, target, data in graph.edges(data=True):
        label = data["label"].replace(":", " -").replace('"', "'")
        lines.append(f"    s{source} --> s{target}: {label}")
    lines += [f"    s{at} --> [*]" for at, data in graph.nodes(data=True) if data["terminal"]]
    return "\n".join(lines) + "\n"


def dot(graph: nx.MultiDiGraph[int]) -> str:
    """The graph as DOT, for Graphviz. Raises `VolsimError` for more than 200 situations."""
    _drawable(graph)
    lines = ["digraph situations {", "  rankdir=LR;"]
    for at, data in graph.nodes(data=True):
        colour = ", color=orange" if data["waits"] else ""
        lines.append(f"  s{at} [shape={'doublecircle' if data['terminal'] else 'circle'}, label={at}{colour}];")
    for source, target, data in graph.edges(data=True):
        label = data["label"].replace('"', "'")
        lines.append(f'  s{source} -> s{target} [label="{label}"{", color=red" if data["is_fault"] else ""}];')
    return "\n".join([*lines, "}"]) + "\n"
