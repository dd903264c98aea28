"""What containers do: a small shell, the usual tools, databases, your own functions; an image's name says which.

A program runs until it ends or pauses, and keeps nothing meanwhile but a value (`process`): so a simulation can be
forked, compared and saved in the middle of ``while true; do date >> /data/log; sleep 5; done``. What it reads and
writes are the files of its container, nothing else.

Your own program is a function; `register` makes an image of it:

>>> from volsim.programs import Pause, register
>>> def tick(process, memory):
...     process.print(f"tick {memory or 0}")
...     return Pause.sleeping(1_000_000, memory=(memory or 0) + 1)
>>> image = register("ticker", tick)

Any container with ``image: ticker`` now runs it. `function` makes a program that takes signals and probes, too.
"""

from __future__ import annotations

from volsim.programs.images import Image, command, image_for, register, withhold
from volsim.programs.process import Pause, Process, Program, function

__all__ = ["Image", "Pause", "Process", "Program", "command", "function", "image_for", "register", "withhold"]
