"""`getopts`: takes options from words, one at each call.

Source: POSIX.1-2017, XCU 4 (getopts); busybox, shell/ash.c (getopts).
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Option", "Place", "next_option"]


class Place(NamedTuple):
    """How far the words have been read: the next word, and the next letter in it (0: the word has not been begun)."""

    word: int = 0
    letter: int = 0


class Option(NamedTuple):
    """An option that was found."""

    letter: str
    argument: str | None
    problem: str
    """``unknown`` or ``argument`` (it lacks one); empty if all is well."""
    after: Place


def next_option(letters: str, words: list[str], place: Place) -> Option | Place:
    """The next option; or, if there is none, the place of the first word that is no option.

    >>> next_option("ab:", ["-a", "-bx", "file"], Place())
    Option(letter='a', argument=None, problem='', after=Place(word=1, letter=0))
    >>> next_option("ab:", ["-a", "-bx", "file"], Place(1)).argument
    'x'
    >>> next_option("ab:", ["-a", "-bx", "file"], Place(2))
    Place(word=2, letter=0)
    """
    at = place.word
    word = words[at] if at < len(words) else ""
    if not place.letter or place.letter >= len(word):
        if word == "--":
            return Place(at + 1)
        if not word.startswith("-") or word == "-":
            return Place(at)
        place = Place(at, 1)
    letter, rest = word[place.letter], word[place.letter + 1 :]
    after = Place(at, place.letter + 1) if rest else Place(at + 1)
    where = letters.find(letter) if letter != ":" else -1
    if where < 0:
        return Option(letter, None, "unknown", after)
    if letters[where + 1 : where + 2] != ":":
        return Option(letter, None, "", after)
    if rest:
        return Option(letter, rest, "", Place(at + 1))
    if at + 1 < len(words):
        return Option(letter, words[at + 1], "", Place(at + 2))
    return Option(letter, None, "argument", Place(at + 1))
