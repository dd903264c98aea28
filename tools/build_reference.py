"""Writes the generated pages of `docs/reference/` from the code: `python tools/build_reference.py`.

`tests/repo/test_reference_is_fresh.py` fails when a page is older than what it tells of.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

import volsim
from volsim import errors
from volsim.analysis import lifetimes
from volsim.checking.kinds import KINDS as FINDINGS
from volsim.checking.plans import DEFAULT_FAULTS, FAULT_NAMES, FAULTS_MEAN
from volsim.engine import actions
from volsim.engine.cluster import default_engine
from volsim.engine.faults import KINDS as FAULT_KINDS
from volsim.objects.kinds import KINDS
from volsim.rules import NEWEST, OLDEST, Rules
from volsim.state import RUNTIME
from volsim.state.indexes import INDEXES
from volsim.state.totals import TOTALS
from volsim.storage.sources import SOURCES

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
PACKAGE = Path(volsim.__file__).parent
ROOMS = (
    "control",
    "apiserver",
    "programs",
    "storage",
    "manifests",
    "engine",
    "explore",
    "analysis",
    "views",
    "testing",
)
WORDS = ("Modelled", "Not modelled", "Source")
FAULTS = (
    ("fail_node", "recover_node"),
    ("reboot_node", ""),
    ("partition_node", "heal_node"),
    ("destroy_node", ""),
    ("stop_kubelet", "start_kubelet"),
    ("fail_zone", "recover_zone"),
    ("fail_backend", "recover_backend"),
    ("fail_driver", "recover_driver"),
    ("stop_component", "start_component"),
    ("drain", "uncordon"),
    ("crash_container", ""),
    ("exit_container", ""),
)
"""The faults of a simulation and their healing twins; a process that has ended is started again by the kubelet."""


def pages() -> dict[str, str]:
    """The generated pages, by file name."""
    made = {
        "actions.md": actions_page(),
        "api.md": api_page(),
        "errors.md": errors_page(),
        "fidelity.md": fidelity_page(),
        "findings.md": findings_page(),
        "kinds.md": kinds_page(),
        "lifetimes.md": lifetimes_page(),
        "rules.md": rules_page(),
        "state.md": state_page(),
        "volumes.md": volumes_page(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


# -- parts of pages ----------------------------------------------------------------------------------------------------
def head(title: str, *text: str) -> list[str]:
    """A page's first lines."""
    return [
        "<!-- Written by tools/build_reference.py. Change the code that it tells of, then run it again. -->",
        "",
        f"# {title}",
        *(line for paragraph in text for line in ("", paragraph)),
        "",
    ]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") or " " for cell in row) + " |" for row in lines] + [""]


def first_line(thing: Any) -> str:
    """The first sentence or line of a docstring."""
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def code(text: str) -> str:
    """`text` as code; nothing for nothing."""
    return f"`{text}`" if text else ""


# -- the pages ---------------------------------------------------------------------------------------------------------
def rules_page() -> list[str]:
    """Every clock and gate, with its value in each version."""
    fields = [field for field in attrs.fields(Rules) if field.name != "version"]
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
    return [
        *head(
            "Rules",
            f"`Rules.for_version(version, **changes)` gives the rules of Kubernetes {oldest} to {newest}, any of them "
            "changed by name; `Simulation(rules=…)` takes them. A difference between versions is a rule here, never a "
            "condition in a controller.",
        ),
        *section("Clocks", "Durations in seconds, rates in nodes a second."),
        *table(
            ("rule", "default", "source"),
            [
                (code(field.name), _by_version(field.name), field.metadata["source"])
                for field in fields
                if field.metadata["what"] == "clock"
            ],
        ),
        *section("Gates", "What a version does or does not do."),
        *table(
            ("rule", "on", "source"),
            [
                (code(field.name), _by_version(field.name), field.metadata["source"])
                for field in fields
                if field.metadata["what"] == "gate"
            ],
        ),
    ]


def section(title: str, text: str) -> list[str]:
    """The head of a part of a page."""
    return [f"## {title}", "", text, ""]


def _by_version(name: str) -> str:
    """What a rule is from version to version: ``40, since 1.32: 50``; ``since 1.31``; ``until 1.32``."""
    versions = [(OLDEST[0], minor) for minor in range(OLDEST[1], NEWEST[1] + 1)]
    spans: list[tuple[tuple[int, int], Any]] = []
    for version in versions:
        value = getattr(Rules(version=version), name)
        if not spans or spans[-1][1] != value:
            spans.append((version, value))
    if isinstance(spans[0][1], bool):
        return _span_of_gate(spans)
    first, *later = (f"{value:g}" for _, value in spans)
    return ", ".join(
        [first, *(f"since {at[0]}.{at[1]}: {value}" for (at, _), value in zip(spans[1:], later, strict=True))]
    )


def _span_of_gate(spans: list[tuple[tuple[int, int], Any]]) -> str:
    if len(spans) == 1:
        return "always" if spans[0][1] else "only if asked for"
    on = [at for at, value in spans if value]
    off = [at for at, value in spans if not value and at > on[0]]
    parts = [f"since {on[0][0]}.{on[0][1]}"] if on[0] != OLDEST else []
    parts += [f"until {off[0][0]}.{off[0][1] - 1}"] if off else []
    return ", ".join(parts)


def actions_page() -> list[str]:
    """Actions, faults, and who acts."""
    return [
        *head(
            "Actions, faults and controllers",
            "Everything that happens to a cluster is an action. `str(action)` is a line of English; `Simulation.trace` "
            "is the list of the steps that they made.",
        ),
        *section("Actions", "An action is a choice not yet made."),
        *table(
            ("action", "fields", "what it is"),
            [
                (code(f"volsim.{each.__name__}"), ", ".join(map(code, each._fields)), first_line(each))
                for each in (actions.Sync, actions.Request, actions.Fault, actions.Ask, actions.Lapse, actions.Crash)
            ],
        ),
        *section("Faults", "The world intervenes; each fault has its healing twin, where it can be healed."),
        *table(("method of a simulation", "what it does", "healed by"), _fault_rows()),
        "A search chooses among them as often as `volsim.exploration.Faults` allows:",
        "",
        *table(
            ("budget", "in a trace", "healed by"),
            [
                *((code(kind.budget), f"fault: {kind.what} …", kind.healing) for kind in FAULT_KINDS),
                (code("controller_crashes"), "fault: … crashes after the first of … writes of …", "itself"),
            ],
        ),
        *section(
            "Controllers",
            "In the order in which they break ties. Each watches tables of the state, and looks at one key at a time.",
        ),
        *table(
            ("controller", "component in events", "watches"),
            [
                (code(each.name), code(each.component), ", ".join(map(code, sorted(each.watches))))
                for each in default_engine().controllers
            ],
        ),
    ]


def _fault_rows() -> Iterator[tuple[str, str, str]]:
    for fault, healing in FAULTS:
        method = getattr(volsim.Simulation, fault)
        names = [name for name in inspect.signature(method).parameters if name not in ("self", "namespace")]
        yield code(f"{fault}({', '.join(names)})"), first_line(method), code(healing)


def errors_page() -> list[str]:
    """Every error, what it is, and what an API server would answer."""
    found = [getattr(errors, name) for name in errors.__all__]
    classes = [each for each in found if isinstance(each, type) and issubclass(each, errors.VolsimError)]
    return [
        *head(
            "Errors",
            "All are `volsim.VolsimError`. The text of an error says what was wrong, where, why, and what would work; "
            "where Kubernetes has words of its own, it is those. A refused call changes nothing.",
        ),
        *table(
            ("error", "also a", "answer of an API server", "when"),
            [
                (code(f"volsim.{each.__name__}"), _other_bases(each), _answer(each), _paragraph(each))
                for each in sorted(classes, key=lambda each: each.__name__)
            ],
        ),
        *section("Warnings", "Python warnings, so that a program can turn them into errors or be quiet about them."),
        *table(
            ("warning", "when"),
            [
                (code(f"volsim.{each.__name__}"), _paragraph(each))
                for each in (volsim.ApiWarning, volsim.NotModelledWarning)
            ],
        ),
    ]


def _other_bases(error: type) -> str:
    return ", ".join(code(base.__name__) for base in error.__mro__ if base is OSError)


def _answer(error: type) -> str:
    status = getattr(error, "code", None)
    return f"{status} {error.reason}" if isinstance(status, int) else ""  # type: ignore[attr-defined]


def _paragraph(thing: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def volumes_page() -> list[str]:
    """How faithful each volume type is."""
    families = {
        "node-directory": "a directory that the kubelet makes on the node for the pod",
        "host-path": "a directory of the node itself",
        "configuration": "files that the kubelet writes from objects of the API",
        "claim": "whatever volume the claim is bound to",
        "export": "a directory on a server, mounted by any number of nodes",
        "disk": "a disk behind the network",
        "image": "the files of a container image",
        "stand-in": "nothing of its own yet",
    }
    return [
        *head(
            "Volume types",
            "All volume sources that the API has or had since 1.15. *Until* is the last version whose kubelet has a "
            "plugin of its own for the type.",
        ),
        *table(
            ("type", "where its bytes are", "access modes", "attached", "until", "modelled", "not yet"),
            [
                (
                    code(kind.name),
                    kind.family,
                    kind.modes,
                    "yes" if kind.attachable else "",
                    kind.until,
                    kind.modelled,
                    kind.not_yet,
                )
                for kind in SOURCES
            ],
        ),
        *section("Where the bytes are", "What survives follows from it; no table says so."),
        *table(
            ("word", "meaning"), [(each, families[each]) for each in dict.fromkeys(kind.family for kind in SOURCES)]
        ),
    ]


def lifetimes_page() -> list[str]:
    """What is left of each volume's bytes after each thing that can happen."""
    cells: dict[str, list[str]] = {}
    for volume, _, left in lifetimes.lifetimes():
        cells.setdefault(volume, [volume]).append(left or "–")
    return [
        *head(
            "How long bytes live",
            "A pod writes a file, something happens, and a pod like it is started where the volume is used next. Each "
            "cell was run by `volsim.analysis.lifetimes`; none was written by hand. A deleted pod is made again on the "
            "same node, a moved one on another; the pod of a destroyed node, too.",
        ),
        *table(("volume", *lifetimes.ENDINGS), cells.values()),
        *section("What the words mean", "Of the bytes, not of the pod."),
        *table(("word", "meaning"), [(word or "–", meaning) for word, meaning in lifetimes.OUTCOMES.items()]),
    ]


def fidelity_page() -> list[str]:
    """What each module models, what it does not, and after which source."""
    lines = head(
        "Fidelity",
        "What each part models, what it leaves out, and after which part of Kubernetes it is made: the three words of "
        "its docstring. Volume types have [a page of their own](volumes.md).",
    )
    for room in ROOMS:
        docstrings = {path: docstring(path) for path in sorted((PACKAGE / room).rglob("*.py"))}
        told = {path: words for path, text in docstrings.items() if (words := three_words(text))}
        if told:
            lines += section(f"`{room}`", docstrings[PACKAGE / room / "__init__.py"].partition("\n")[0])
        for path, words in told.items():
            name = ".".join(path.relative_to(PACKAGE / room).with_suffix("").parts).removesuffix(".__init__")
            lines += [f"### {docstrings[path].partition(chr(10))[0]}", "", code(name), ""]
            lines += [f"* **{word}**: {text}" for word, text in words.items()] + [""]
    return lines


def docstring(path: Path) -> str:
    """What a module says of itself."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def three_words(text: str) -> dict[str, str]:
    """What a docstring says behind `Modelled:`, `Not modelled:` and `Source:`; nothing if one of them is missing."""
    found: dict[str, list[str]] = {}
    word = ""
    for line in text.splitlines():
        start, colon, rest = line.partition(": ")
        if colon and start in WORDS:
            word = start
            found[word] = [rest]
        elif not line.strip():
            word = ""
        elif word:
            found[word].append(line.strip())
    return {word: " ".join(found[word]) for word in WORDS} if set(found) == set(WORDS) else {}


def findings_page() -> list[str]:
    """Every kind of finding, and the faults under which they are looked for."""
    lines = [
        *head(
            "Findings",
            "What `volsim check` ([how to](../howto/check-a-design.md)) can find in a design. Each comes with the "
            "shortest story that proves it; `volsim check --explain CODE` prints what stands here.",
        ),
        *table(
            ("code", "kind", "severity", "what it means"),
            [(code(each.code), each.name, each.severity, each.means) for each in FINDINGS.values()],
        ),
    ]
    for each in FINDINGS.values():
        lines += [f"## {each.code} {each.name}", "", each.means, "", f"* **Surprise**: {each.surprise}"]
        lines += [f"* **Mechanism**: {each.mechanism}", f"* **What helps**: {each.helps}", ""]
    lines += section("Faults", "`--faults` and `faults=` name them; each strikes once, at any time.")
    rows = [(code(name), FAULTS_MEAN[name], "yes" if name in DEFAULT_FAULTS else "") for name in FAULT_NAMES]
    return lines + table(("fault", "what happens", "by default"), rows)


def kinds_page() -> list[str]:
    """Every kind that is modelled."""
    return [
        *head(
            "Kinds",
            "These kinds are records in `volsim.objects`, with every field that volsim acts on; the other fields of "
            "Kubernetes are kept as they are and come back with `to_manifest`. Any other kind of Kubernetes and any "
            "custom resource is kept as a `GenericObject`.",
        ),
        *table(
            ("kind", "group", "namespaced", "kubectl's words", "what volsim acts on"),
            [
                (
                    code(cls.KIND),
                    cls.GROUP,
                    "yes" if cls.NAMESPACED else "",
                    ", ".join(map(code, dict.fromkeys((cls.PLURAL, cls.SINGULAR, *cls.SHORT_NAMES)))),
                    ", ".join(map(code, _parts(cls))),
                )
                for cls in KINDS.values()
            ],
        ),
    ]


def _parts(cls: type) -> list[str]:
    """The fields of a kind besides those that every kind has."""
    known = ("api_version", "kind", "metadata", "carried")
    return [field.name for field in attrs.fields(cls) if field.name not in known]


def state_page() -> list[str]:
    """Tables, indexes and totals of a state."""
    return [
        *head(
            "State",
            "`Simulation.state` is a value. Objects of the API lie in tables that are named by the API's plural "
            '(`state.table("pods")`); what no API shows lies in the tables below.',
        ),
        *section("Tables that no API shows", '`state.get("machines", "node01")` reads a row.'),
        *table(("table", "a row is"), [(code(name), what) for name, what in RUNTIME.items()]),
        *section("Indexes", '`state.group("pods_by_node", "node01")` gives the entries of a group without a scan.'),
        *table(
            ("index", "of table", "entries"), [(code(i.name), code(i.table or "") or "all", i.what) for i in INDEXES]
        ),
        *section("Totals", "Sums over groups of rows."),
        *table(("total", "of table", "what"), [(code(each.name), code(each.table), each.what) for each in TOTALS]),
    ]


def api_page() -> list[str]:
    """The public names, in the groups of `volsim.__all__`."""
    lines = head(
        "Public names",
        "What `volsim` itself offers; everything else is the library's own business and may change. The records of "
        "Kubernetes' kinds are in `volsim.objects` ([kinds](kinds.md)).",
    )
    for group, names in groups():
        lines += [f"## {group[0].upper()}{group[1:]}", ""]
        for name in names:
            lines += ["```{eval-rst}", *_directive(name), "```", ""]
    return lines


def groups() -> list[tuple[str, list[str]]]:
    """The public names by the comments between which they stand in `volsim/__init__.py`."""
    source = (PACKAGE / "__init__.py").read_text(encoding="utf-8")
    [listed] = [
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    ]
    found: list[tuple[str, list[str]]] = []
    for line in source.splitlines()[listed.lineno : listed.end_lineno]:
        text = line.strip().rstrip(",")
        if text.startswith("# "):
            found.append((text[2:], []))
        elif text.startswith('"'):
            found[-1][1].append(text.strip('"'))
    return found


def _directive(name: str) -> list[str]:
    value = getattr(volsim, name)
    if isinstance(value, ModuleType):
        return [f".. automodule:: volsim.{name}", "   :members:"]
    if not isinstance(value, type):
        return [f".. autofunction:: volsim.{name}"]
    if issubclass(value, Exception):
        return [f".. autoexception:: volsim.{name}"]
    members = {"Rules": ["members: for_version"], "Simulation": ["members:", "inherited-members:"]}
    members["State"] = members["Simulation"]
    return [f".. autoclass:: volsim.{name}", *(f"   :{option}" for option in members.get(name, ["members:"]))]


def main() -> int:
    """Write the pages that have changed; the exit code."""
    for name, text in pages().items():
        path = REFERENCE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
