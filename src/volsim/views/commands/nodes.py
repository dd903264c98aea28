"""`kubectl cordon`, `uncordon`, `drain` and `taint`.

Source: kubectl, pkg/cmd/drain/drain.go, pkg/cmd/taint (taint.go, utils.go).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from volsim.errors import NotFound, VolsimError
from volsim.manifests import timestamp
from volsim.objects import Node
from volsim.views.arguments import Flag
from volsim.views.commands.changes import announce, start_dry_run
from volsim.views.commands.command import OUTPUT, SELECTORS, WRITES, Command, usage_error
from volsim.views.drain import Drain
from volsim.views.resources import find, kind_called, objects_of
from volsim.views.session import Session, server_error

__all__ = ["CORDON", "DRAIN", "TAINT", "UNCORDON"]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _nodes(session: Session) -> list[Node]:
    """The nodes that a command names or selects; an unknown one is noted and left out."""
    if session.flags["selector"]:
        if session.arguments:
            raise usage_error(session, "error: cannot specify both a node name and a --selector option")
        return objects_of(session, kind_called(session, "nodes"))
    if not session.arguments:
        raise usage_error(session, f"USAGE: {session.path.split()[-1]} NODE [flags]")
    found = []
    for name in session.arguments:
        kind, slash, bare = name.rpartition("/")
        if slash and kind_called(session, kind).name != "Node":
            raise VolsimError(f'error: error: expected resource of type node, got "{kind}"')
        found.append(find(session, kind_called(session, "nodes"), bare))
    return found


def _mark(session: Session, *, unschedulable: bool) -> None:
    start_dry_run(session)
    for node in _nodes(session):
        cordon(session, node, unschedulable=unschedulable)


def cordon(session: Session, node: Node, *, unschedulable: bool) -> None:
    """Mark one node, and say so."""
    word = "cordoned" if unschedulable else "uncordoned"
    if bool(node.spec.unschedulable) is unschedulable:
        announce(session, node, f"already {word}")
        return
    (session.sim.cordon if unschedulable else session.sim.uncordon)(node.name)
    announce(session, session.get(node), word)


def _cordon(session: Session) -> None:
    _mark(session, unschedulable=True)


def _uncordon(session: Session) -> None:
    _mark(session, unschedulable=False)


CORDON = Command("cordon", _cordon, (*SELECTORS[:1], *WRITES), about="Mark node as unschedulable")
UNCORDON = Command("uncordon", _uncordon, (*SELECTORS[:1], *WRITES), about="Mark node as schedulable")


# -- drain -------------------------------------------------------------------------------------------------------------
def _drain(session: Session) -> None:
    start_dry_run(session)
    nodes = _nodes(session)
    for node in nodes:
        cordon(session, node, unschedulable=True)
    drained: set[str] = set()
    for node in nodes:
        problems = Drain(session, node.name).run()
        if not problems:
            announce(session, session.get(node), "drained")
            drained.add(node.name)
            continue
        for problem in problems:
            session.failed(VolsimError(f"error: {problem}"))
        if not session.dialect.drain_continues:
            session.say(f'error: unable to drain node "{node.name}", aborting command...\n')
            break
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        session.say(f'error: unable to drain node "{node.name}" due to error: {text}, continuing command...')
    _pending(session, [node.name for node in nodes if node.name not in drained])


def _pending(session: Session, names: list[str]) -> None:
    if names:
        session.say("There are pending nodes to be drained:")
    for name in names:
        session.say(f" {name}")


DRAIN = Command(
    "drain",
    _drain,
    (
        *SELECTORS[:1],
        *WRITES,
        Flag("delete-emptydir-data", kind="switch", rule="delete_empty_dir_data"),
        Flag("delete-local-data", kind="switch"),
        Flag("disable-eviction", kind="switch"),
        Flag("force", kind="switch"),
        Flag("grace-period", kind="number", default=-1),
        Flag("ignore-daemonsets", kind="switch"),
        Flag("pod-selector"),
        Flag("skip-wait-for-delete-timeout", kind="number", default=0),
        Flag("timeout", kind="duration", default=0.0),
        Flag("chunk-size", kind="number"),
    ),
    about="Drain node in preparation for maintenance",
)


# -- taint -------------------------------------------------------------------------------------------------------------
class _Taint(NamedTuple):
    """A taint as the command line writes it; without an effect, all taints of the key are meant."""

    key: str
    value: str = ""
    effect: str = ""

    def same(self, taint: Any) -> bool:
        return taint.key == self.key and self.effect in ("", taint.effect)


NAME = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?", re.ASCII)
VALUE = re.compile(r"([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?", re.ASCII)


def _parse_taint(session: Session, spec: str) -> _Taint:
    head, colon, effect = spec.partition(":")
    if colon and effect not in EFFECTS:
        raise usage_error(session, f"invalid taint effect: {effect}, unsupported taint effect")
    key, _, value = head.partition("=")
    if not NAME.fullmatch(key) or not VALUE.fullmatch(value) or (not colon and head != key):
        raise usage_error(session, f"invalid taint spec: {spec}")
    return _Taint(key, value, effect)


def _taint(session: Session) -> None:
    words, specs = _taint_words(session)
    removed = [_parse_taint(session, spec[:-1]) for spec in specs if spec.endswith("-")]
    added = [_parse_taint(session, spec) for spec in specs if not spec.endswith("-")]
    for taint, spec in zip(added, (spec for spec in specs if not spec.endswith("-")), strict=True):
        if not taint.effect:
            raise usage_error(session, f"invalid taint spec: {spec}")
    both = [f"{old.key}={old.effect}" for new in added for old in removed if old.same(new)]
    if both:
        raise VolsimError(
            "error: can not both modify and remove the following taint(s) in the same command: " + ", ".join(both)
        )
    start_dry_run(session)
    for node in _tainted_nodes(session, words):
        try:
            _change_taints(session, node, added, removed)
        except VolsimError as error:
            session.failed(server_error(error))


def _taint_words(session: Session) -> tuple[list[str], list[str]]:
    """The words that name nodes, and the taints behind them."""
    words: list[str] = []
    specs: list[str] = []
    for word in session.arguments:
        if "=" in word or ":" in word or word.endswith("-"):
            specs.append(word)
        elif specs:
            raise VolsimError(f"error: all resources must be specified before taint changes: {word}")
        else:
            words.append(word)
    if not words:
        raise VolsimError("error: one or more resources must be specified as <resource> <name>")
    if not specs:
        raise VolsimError("error: at least one taint update is required")
    return words, specs


def _tainted_nodes(session: Session, words: list[str]) -> list[Node]:
    kind = kind_called(session, words[0].partition("/")[0])
    if kind.name != "Node":
        raise VolsimError(f"error: invalid resource type {words[0]}, only node types are supported")
    if session.flags["all"] and session.flags["selector"]:
        raise VolsimError("error: setting 'all' parameter with a non empty selector is prohibited")
    if session.flags["all"] or session.flags["selector"]:
        return objects_of(session, kind)
    names = [word.partition("/")[2] for word in words if "/" in word] or words[1:]
    if not names:
        raise VolsimError("error: at least one resource name must be specified since 'all' parameter is not set")
    found = []
    for name in names:
        try:
            found.append(find(session, kind, name))
        except NotFound as error:
            session.failed(error)
    return found


def _change_taints(session: Session, node: Node, added: list[_Taint], removed: list[_Taint]) -> None:
    old = node.spec.taints
    if not session.flags["overwrite"]:
        present = [new.key for new in added for taint in old if new.same(taint)]
        if present:
            keys = ",".join(present)
            raise VolsimError(
                f"node {node.name} already has {keys} taint(s) with same effect(s) and --overwrite is false"
            )
    kept = [taint for taint in old if not any(new.same(taint) for new in added)]
    grown = len(old) != len(kept) + len(added)
    remaining = [taint for taint in kept if not any(gone.same(taint) for gone in removed)]
    missing = [gone for gone in removed if not any(gone.same(taint) for taint in kept)]
    if missing:
        named = [f'taint "{gone.key}{":" if gone.effect else ""}{gone.effect}" not found' for gone in missing]
        raise VolsimError("error: " + "\n".join(named))
    new = [{"key": each.key, **({"value": each.value} if each.value else {}), "effect": each.effect} for each in added]
    new += [_as_patch(taint) for taint in remaining]
    shrunk = len(remaining) < len(kept)
    changed = session.sim.patch(f"node/{node.name}", {"spec": {"taints": new or None}})
    both = (grown and shrunk) or session.flags["overwrite"]
    announce(session, changed, "modified" if both else "tainted" if grown else "untainted")


def _as_patch(taint: Any) -> dict[str, Any]:
    shown = {"key": taint.key, "effect": taint.effect}
    if taint.value:
        shown["value"] = taint.value
    if taint.time_added is not None:
        shown["timeAdded"] = timestamp(taint.time_added)
    return shown


TAINT = Command(
    "taint",
    _taint,
    (*OUTPUT, *SELECTORS[:1], *WRITES, Flag("all", kind="switch"), Flag("overwrite", kind="switch")),
    about="Update the taints on one or more nodes",
)
