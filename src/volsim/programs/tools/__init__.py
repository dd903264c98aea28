"""The programs that every ordinary image holds, by name: those of busybox.

>>> "cat" in TOOLS, "mysqld" in TOOLS
(True, False)

Modelled: what scripts in containers use, with busybox' options and messages.
Not modelled: GNU's own options and wording, editors, compilers, archives, `awk`, networks.
Source: busybox; POSIX.1-2017, XCU 4.
"""

from __future__ import annotations

from volsim.programs.process import Program
from volsim.programs.tools import (
    changing,
    clock,
    conditions,
    data,
    editing,
    finding,
    lines,
    looking,
    printing,
    running,
    system,
    text,
)
from volsim.programs.tools.applet import Applet

__all__ = ["TOOLS"]

TOOLS: dict[str, Program] = {
    "[": Applet(conditions.test), "[[": Applet(conditions.test), "echo": Applet(printing.echo),
    "printf": Applet(printing.printf), "test": Applet(conditions.test),
    **changing.TOOLS, **clock.TOOLS, **data.TOOLS, **editing.TOOLS, **finding.TOOLS, **lines.TOOLS, **looking.TOOLS,
    **running.TOOLS, **system.TOOLS, **text.TOOLS,
}  # fmt: skip
"""Name and program."""
