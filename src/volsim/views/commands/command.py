"""What a command is, and the flags that many have."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from volsim.views.arguments import Flag, UsageError
from volsim.views.session import Session

__all__ = [
    "ALL_NAMESPACES",
    "DRY_RUN",
    "FILES",
    "GLOBAL",
    "OUTPUT",
    "SAVE_CONFIG",
    "SELECTORS",
    "WRITES",
    "Command",
    "usage_error",
]

ONE_CLUSTER = "there is one cluster, the simulation; leave it out"


@attrs.frozen
class Command:
    """One of kubectl's commands: what it is called, its flags, what it does with a session."""

    name: str
    run: Callable[[Session], None]
    flags: tuple[Flag, ...] = ()
    about: str = ""
    rule: str = ""
    """The `Dialect` rule that must hold for there to be such a command."""
    aliases: tuple[str, ...] = ()


GLOBAL = (
    Flag("namespace", "n"),
    Flag("help", "h", "switch"),
    Flag("v", "v", default="0"),
    Flag("request-timeout"),
    Flag("match-server-version", kind="switch"),
    Flag("warnings-as-errors", kind="switch", refusal="warnings are printed; look for `Warning:` in the output"),
    *(
        Flag(name, short, refusal=ONE_CLUSTER)
        for name, short in (
            ("as", ""),
            ("as-group", ""),
            ("cache-dir", ""),
            ("certificate-authority", ""),
            ("client-certificate", ""),
            ("client-key", ""),
            ("cluster", ""),
            ("context", ""),
            ("kubeconfig", ""),
            ("password", ""),
            ("server", "s"),
            ("token", ""),
            ("user", ""),
            ("username", ""),
        )
    ),
)
"""The flags that every command takes, anywhere on the line."""

OUTPUT = (
    Flag("output", "o"),
    Flag("template", refusal="use -o jsonpath='{…}'"),
    Flag("show-managed-fields", kind="switch"),
    Flag("allow-missing-template-keys", kind="switch", default=True),
)
SELECTORS = (Flag("selector", "l"), Flag("field-selector"))
ALL_NAMESPACES = Flag("all-namespaces", "A", "switch")
SAVE_CONFIG = Flag("save-config", kind="switch")
FILES = (
    Flag("filename", "f", "texts"),
    Flag("recursive", "R", "switch"),
    Flag("kustomize", "k", refusal="build the manifests first and give them with -f"),
)
DRY_RUN = (
    Flag("dry-run", default="none", implied="unchanged", rule="dry_run_strategies"),
    Flag("dry-run", kind="switch", default=False, rule="dry_run_switch"),
)
WRITES = (
    *DRY_RUN,
    Flag("field-manager"),
    Flag("record", kind="switch"),
    Flag("validate", default="strict", implied="strict"),
)


def usage_error(session: Session, text: str) -> UsageError:
    """A complaint about how a command was used, with where to look."""
    return UsageError(f"error: {text}\nSee '{session.path} -h' for help and examples")
