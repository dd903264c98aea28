"""What an answer is, before it runs: its text, which exercise it answers, and what it does that no answer should.

A property is about what a user of Kubernetes can see. One that asks the library which semantics it has tells mutants
from the truth, and knows nothing of Kubernetes; one that looks at a clock says something else tomorrow.
"""

from __future__ import annotations

import ast
import codecs
import io
import re
import sys
import tokenize
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import volsim
from volsim.errors import VolsimError
from volsim.exercises.notebooks import answer_in, answer_of_export
from volsim.exercises.report import Verdict

__all__ = ["exercise_of", "improper", "parsed", "read"]

MAX_BYTES = 1 << 20  # of a file: the longest reference solution has a thousandth of it

_PUBLIC = ("volsim", "volsim.testing", "volsim.objects", "volsim.errors", "volsim.quantity", "volsim.exercises.given")
"""What any answer may import of the library, with all that is below `volsim.testing` and `volsim.objects`."""
_BELOW = ("volsim.testing.", "volsim.objects.")
_OTHERS = frozenset({"testing", "objects", "errors", "quantity"})
"""Parts of the package that may be used as attributes of it, besides its public names."""
# fmt: off
_USEFUL = frozenset(
    (
        "__future__", "abc", "attr", "attrs", "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime",
        "decimal", "enum", "fractions", "functools", "heapq", "hypothesis", "itertools", "json", "math", "networkx",
        "numbers", "pprint", "pytest", "re", "statistics", "string", "textwrap", "typing", "warnings", "yaml",
    )
)
"""Modules that an answer may import besides the library's."""
_INSIDES = frozenset(
    (
        "builtins", "ctypes", "dis", "gc", "importlib", "inspect", "linecache", "marshal", "operator", "pickle",
        "pkgutil", "runpy", "sys", "traceback", "types",
    )
)
"""Modules with which one gets at the inside of others."""
_RESTLESS = {
    "time": "a test that looks at a clock does not do the same twice; the cluster's own is sim.now",
    **dict.fromkeys(
        ("random", "secrets", "uuid"),
        "a test that throws dice does not do the same twice; let @given draw, and what fails is found again and shrunk",
    ),
}
"""Modules that give something else each time."""
_BUILTINS = frozenset(
    (
        "__builtins__", "__import__", "compile", "delattr", "eval", "exec", "getattr", "globals", "id", "locals",
        "setattr", "vars",
    )
)
_OUTSIDE = frozenset(("breakpoint", "input", "open"))
_INSIDE = frozenset(("MUTANTS", "engine", "exercises", "state", "trace"))
# fmt: on
_NOW = frozenset({"now", "today", "utcnow"})
_FORMAT = re.compile(r"\{[^}]*\.(?:_|engine|state|trace)")

Found = tuple[Verdict, str]


# -- text --------------------------------------------------------------------------------------------------------------
def read(file: str | Path) -> str:
    """The text of an answer: of a Python file, or of a notebook that was handed in.

    Raises `VolsimError` if it cannot be read, and says what would help.
    """
    path = Path(file)
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise VolsimError(
                f"{file}: it is larger than {MAX_BYTES >> 20} MiB; an answer is a file of Python, or a notebook"
            )
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise VolsimError(f"{file}: {why}; give the path of an answer") from None
    text = _decoded(str(file), data)
    return answer_in(text) if path.suffix == ".ipynb" else answer_of_export(text)


def _decoded(file: str, data: bytes) -> str:
    """The text of a file as Python would read it; and as PowerShell writes what is redirected into a file: UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    else:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError:
            encoding = "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise VolsimError(f"{file}: line {line} is no UTF-8 text; let the editor save it as UTF-8") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parsed(text: str) -> ast.Module:
    """The tree of an answer. Raises `VolsimError` where it is no Python, and says in which line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is the answer's own affair
            return ast.parse(text)
    except SyntaxError as error:
        raise VolsimError(f"line {error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise VolsimError(f"it is no Python: {str(error) or type(error).__name__}") from None


def exercise_of(tree: ast.Module) -> str | None:
    """The exercise that the answer names: ``EXERCISE = "container-layer"``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            if any(isinstance(target, ast.Name) and target.id == "EXERCISE" for target in node.targets):
                return str(node.value.value)
    return None


# -- what it does ------------------------------------------------------------------------------------------------------
def improper(tree: ast.Module, opens: Sequence[str] = ()) -> list[Found]:
    """What an answer should not do, with the verdict on it, in order; `opens` are modules that it may import."""
    nodes = sorted((node for node in ast.walk(tree) if hasattr(node, "lineno")), key=lambda node: node.lineno)
    imported = [each for node in nodes if isinstance(node, ast.Import) for each in node.names]
    names = _Names(
        library={each.asname or "volsim" for each in imported if each.name.partition(".")[0] == "volsim"},
        own={"self", "cls", *(node.name for node in nodes if isinstance(node, ast.ClassDef))},
        opens=opens,
    )
    return [(verdict, f"line {node.lineno}: {what}") for node in nodes for verdict, what in _wrong(node, names)]


class _Names:
    """What the names in an answer stand for."""

    def __init__(self, library: Collection[str], own: Collection[str], opens: Sequence[str]) -> None:
        self.library = library
        """By which the answer calls the package itself."""
        self.own = own
        """Of the answer's own classes, which it may change."""
        self.opens = opens


def _wrong(node: ast.AST, names: _Names) -> Iterator[Found]:
    match node:
        case ast.Import():
            for each in node.names:
                yield from _imported(each.name, names.opens)
        case ast.ImportFrom():
            for each in node.names:
                yield from _imported_from(node.module or "", each.name, names.opens, node.level)
        case ast.Attribute():
            yield from _attribute(node, names)
        case ast.Name(id=name) if name in _BUILTINS:
            yield Verdict.READS_INTERNALS, f"uses {name}"
        case ast.Name(id=name) if name in _OUTSIDE:
            yield Verdict.REACHES_OUTSIDE, f"uses {name}"
        case ast.MatchClass(kwd_attrs=attributes):
            for name in attributes:
                if name.startswith("_") or name in _INSIDE:
                    yield Verdict.READS_INTERNALS, f"reads .{name}"
        case ast.Constant(value=str() as text) if _FORMAT.search(text):
            yield Verdict.READS_INTERNALS, "reads the inside of something by a format"


def _imported(module: str, opens: Sequence[str]) -> Iterator[Found]:
    first = module.partition(".")[0]
    if first == "volsim":
        if module not in _PUBLIC and module not in opens and not module.startswith(_BELOW):
            yield Verdict.READS_INTERNALS, f"imports {module}"
    elif first in _RESTLESS:
        yield Verdict.FLAKY, f"imports {first}: {_RESTLESS[first]}"
    elif first in _INSIDES:
        yield Verdict.READS_INTERNALS, f"imports {module}"
    elif module.startswith("unittest.mock") or module == "unittest":
        yield Verdict.PATCHES, f"imports {module}: an answer leaves Kubernetes as it is"
    elif first in sys.stdlib_module_names and first not in _USEFUL:
        yield Verdict.REACHES_OUTSIDE, f"imports {module}"
    elif first not in _USEFUL:
        yield (
            Verdict.UNREADABLE,
            f"imports {module}: an answer is one file, and nothing but Python, volsim, hypothesis and pytest",
        )


def _imported_from(module: str, name: str, opens: Sequence[str], level: int) -> Iterator[Found]:
    if level:
        yield from _imported("." * level + module, opens)
    elif module == "volsim" and name not in volsim.__all__ and name not in _OTHERS:
        yield from _imported(f"volsim.{name}", opens)
    elif (module, name) == ("volsim.testing", "plugin"):
        yield Verdict.READS_INTERNALS, "imports volsim.testing.plugin"
    elif (module, name) == ("unittest", "mock"):
        yield from _imported("unittest.mock", opens)
    elif f"{module}.{name}" not in _PUBLIC:
        yield from _imported(module, opens)


def _attribute(node: ast.Attribute, names: _Names) -> Iterator[Found]:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if isinstance(node.ctx, ast.Store | ast.Del):
        if owner not in names.own:
            yield Verdict.PATCHES, f"changes .{node.attr}"
    elif owner == "pytest" and node.attr == "MonkeyPatch":
        yield Verdict.PATCHES, "uses pytest.MonkeyPatch: an answer leaves Kubernetes as it is"
    elif owner in ("self", "cls") and not node.attr.startswith("__"):
        return
    elif owner in names.library and node.attr not in volsim.__all__ and node.attr not in _OTHERS:
        yield Verdict.READS_INTERNALS, f"reads {owner}.{node.attr}"
    elif node.attr.startswith("_") or (node.attr in _INSIDE and not names.opens):
        yield Verdict.READS_INTERNALS, f"reads .{node.attr}"
    elif owner in ("datetime", "date") or (isinstance(node.value, ast.Attribute) and node.value.attr == "datetime"):
        if node.attr in _NOW:
            yield Verdict.FLAKY, f"uses .{node.attr}: {_RESTLESS['time']}"
