"""`python -m volsim` is the command `volsim`."""

from __future__ import annotations

import sys

from volsim.cli import main

sys.exit(main())
