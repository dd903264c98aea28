"""MySQL's errors: number, SQLSTATE and words.

Source: MySQL 8.0 error reference, server error messages.
"""

from __future__ import annotations

import errno

from volsim.errors import FileError

__all__ = ["SqlError", "from_file_error", "is_modern", "syntax_error"]


class SqlError(Exception):
    """What the server answers to a statement that it cannot do.

    >>> str(SqlError(1049, "42000", "Unknown database 'x'"))
    "ERROR 1049 (42000): Unknown database 'x'"
    """

    def __init__(self, number: int, state: str, text: str) -> None:
        super().__init__(number, state, text)
        self.number, self.state, self.text = number, state, text

    def shown(self, line: int | None = None) -> str:
        """As the client prints it; in a batch with the line of the statement."""
        where = "" if line is None else f" at line {line}"
        return f"ERROR {self.number} ({self.state}){where}: {self.text}"

    def __str__(self) -> str:
        return self.shown()


def is_modern(version: str) -> bool:
    """Whether a server is MySQL 8.0 or newer, which shows some things otherwise.

    >>> is_modern("5.7.44"), is_modern("8.0.36"), is_modern("10.11.6-MariaDB")
    (False, True, False)
    """
    return int(version.partition(".")[0]) >= 8 and "MariaDB" not in version


def syntax_error(near: str, line: int = 1) -> SqlError:
    """A statement that is none."""
    return SqlError(
        1064,
        "42000",
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the "
        f"right syntax to use near '{near[:80]}' at line {line}",
    )


def from_file_error(error: FileError, table: str) -> SqlError:
    """What the server says when it cannot read or write its files."""
    match error.errno:
        case errno.EROFS:
            option = "--read-only"
            text = f"The MySQL server is running with the {option} option so it cannot execute this statement"
            return SqlError(1290, "HY000", text)
        case errno.ENOSPC:
            return SqlError(1114, "HY000", f"The table '{table}' is full")
    return SqlError(1030, "HY000", f"Got error {error.errno} - '{error.strerror}' from storage engine")
