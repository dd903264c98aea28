"""What an answer is, before it runs: which exercise it answers, and whether it reads or changes what it should not.

A property is about what a user of Kubernetes can see. One that asks the library which semantics it has tells mutants
from the truth, and knows nothing of Kubernetes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

import volsim

__all__ = ["exercise_of", "improper"]

_PUBLIC = ("volsim", "volsim.testing", "volsim.objects", "volsim.errors", "volsim.quantity", "volsim.exercises.given")
"""What any answer may import of the library, with all that is below `volsim.testing` and `volsim.objects`."""
_BELOW = ("volsim.testing.", "volsim.objects.")
_OTHERS = frozenset({"testing", "objects", "errors", "quantity"})
"""Parts of the package that may be used as attributes of it, besides its public names."""
# fmt: off
_FOREIGN = frozenset(
    (
        "asyncio", "builtins", "concurrent", "ctypes", "gc", "importlib", "inspect", "io", "multiprocessing",
        "operator", "os", "pathlib", "pickle", "shutil", "signal", "socket", "subprocess", "sys", "tempfile",
        "threading", "types", "unittest",
    )
)
"""Modules with which one gets at the inside of others, or out of the process."""
_BUILTINS = frozenset(
    (
        "__builtins__", "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "input",
        "locals", "open", "setattr", "vars",
    )
)
# fmt: on
_INSIDE = frozenset({"engine", "state", "trace"})
"""Of a simulation, what shows more than a cluster would."""
_FORMAT = re.compile(r"\{[^}]*\.(?:_|engine|state|trace)")


def exercise_of(tree: ast.Module) -> str | None:
    """The exercise that the answer names: ``EXERCISE = "container-layer"``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if any(isinstance(target, ast.Name) and target.id == "EXERCISE" for target in node.targets):
                return str(node.value.value)
    return None


def _may_import(module: str, opens: Sequence[str]) -> bool:
    first = module.partition(".")[0]
    if first in _FOREIGN or first == "pytest":
        return first == "pytest"
    return first != "volsim" or module in _PUBLIC or module in opens or module.startswith(_BELOW)


def _imports(node: ast.Import | ast.ImportFrom, opens: Sequence[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names if not _may_import(each.name, opens))
    elif node.module is not None and not _may_import(node.module, opens):
        yield node.module
    elif node.module == "volsim.testing" and any(each.name == "plugin" for each in node.names):
        yield "volsim.testing.plugin"


def improper(tree: ast.Module, opens: Sequence[str] = ()) -> list[str]:
    """Where an answer reads the library's inside or changes it, a line each; `opens` are modules that it may import."""
    nodes = list(ast.walk(tree))
    imported = [each for node in nodes if isinstance(node, ast.Import) for each in node.names]
    library = {each.asname or "volsim" for each in imported if each.name.partition(".")[0] == "volsim"}
    return [f"line {getattr(node, 'lineno', 0)}: {what}" for node in nodes for what in _wrong(node, library, opens)]


def _wrong(node: ast.AST, library: set[str], opens: Sequence[str]) -> Iterator[str]:
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from (f"imports {name}" for name in _imports(node, opens))
        case ast.Attribute():
            yield from _wrong_attribute(node, library, opens)
        case ast.Name(id=name) if name in _BUILTINS:
            yield f"uses {name}"
        case ast.MatchClass(kwd_attrs=names):
            yield from (f"reads .{name}" for name in names if name.startswith("_") or name in _INSIDE)
        case ast.Constant(value=str() as text) if _FORMAT.search(text):
            yield "reads the inside of something by a format"


def _wrong_attribute(node: ast.Attribute, library: set[str], opens: Sequence[str]) -> Iterator[str]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if isinstance(node.ctx, ast.Store | ast.Del) and owner != "self":
        yield f"changes .{node.attr}"
    elif node.attr.startswith("_") or (node.attr in _INSIDE and not opens):
        yield f"reads .{node.attr}"
    elif owner in library and node.attr not in volsim.__all__ and node.attr not in _OTHERS:
        yield f"reads {owner}.{node.attr}"
