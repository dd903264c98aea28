"""The graph of situations: for networkx, and small ones as Mermaid and DOT."""

from __future__ import annotations

import networkx as nx

from volsim.engine.actions import Sync
from volsim.errors import VolsimError
from volsim.exploration.search import Exploration, Path

__all__ = ["dot", "mermaid", "state_graph"]

_DRAWN_MOST = 200


def state_graph(found: Exploration) -> nx.MultiDiGraph[int]:
    """The situations by their index (0 is the start), with `terminal`; moves have `actions`, a `label` and `is_fault`.

    Raises `VolsimError` if the search did not keep its moves. O(moves).
    """
    if found._edges is None:
        raise VolsimError("the moves between situations were not kept; explore with graph=True")
    graph: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    ends = set(found.terminal)
    for at, number in enumerate(found.numbers):
        graph.add_node(at, number=number, terminal=number in ends)
    for edge in found._edges:
        if edge.target >= 0:
            actions = found._visited.ways[edge.way]
            graph.add_edge(edge.source, edge.target, actions=actions, label=_label(actions), is_fault=edge.is_fault)
    return graph


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
        lines.append(f"  s{at} [shape={'doublecircle' if data['terminal'] else 'circle'}, label={at}];")
    for source, target, data in graph.edges(data=True):
        label = data["label"].replace('"', "'")
        lines.append(f'  s{source} -> s{target} [label="{label}"{", color=red" if data["is_fault"] else ""}];')
    return "\n".join([*lines, "}"]) + "\n"
