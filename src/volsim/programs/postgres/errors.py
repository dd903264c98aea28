"""PostgreSQL's errors: what, why, what to do, and where in the statement.

Source: PostgreSQL documentation, 56.2 (error message style guide), A (error codes).
"""

from __future__ import annotations

import errno

from volsim.errors import FileError

__all__ = ["PostgresError", "from_file_error"]


class PostgresError(Exception):
    """What the server answers to a statement that it cannot do; `near` is the word of the statement that it is about.

    >>> print(PostgresError('relation "t" does not exist', near="t").shown("select * from t"))
    ERROR:  relation "t" does not exist
    LINE 1: select * from t
                          ^
    """

    def __init__(self, text: str, *, detail: str = "", hint: str = "", near: str = "") -> None:
        super().__init__(text)
        self.text, self.detail, self.hint, self.near = text, detail, hint, near

    def shown(self, statement: str) -> str:
        """As the client prints it, without a line's end."""
        lines = [f"ERROR:  {self.text}", *self._place(statement)]
        lines += [f"DETAIL:  {self.detail}"] if self.detail else []
        lines += [f"HINT:  {self.hint}"] if self.hint else []
        return "\n".join(lines)

    def _place(self, statement: str) -> list[str]:
        """The line that is wrong, and a mark below it."""
        at = statement.lower().rfind(self.near.lower()) if self.near else -1
        if at < 0:
            return []
        number = statement.count("\n", 0, at) + 1
        start = statement.rfind("\n", 0, at) + 1
        head = f"LINE {number}: "
        line = statement[start:].partition("\n")[0]
        return [head + line, " " * (len(head) + at - start) + "^"]


def from_file_error(error: FileError, directory: str) -> PostgresError:
    """What the server says when it cannot read or write the files of a database.

    >>> from_file_error(FileError.of("ENOSPC", "/x"), "base/16384").text
    'could not extend file "base/16384/16385": No space left on device'
    """
    if error.errno == errno.ENOSPC:
        return PostgresError(
            f'could not extend file "{directory}/16385": {error.strerror}', hint="Check free disk space."
        )
    return PostgresError(f'could not open file "{directory}/16385": {error.strerror}')
