"""A search with an executor: others follow the moves, in threads, in processes, on other machines.

Any `concurrent.futures.Executor` will do. Where the workers are in this process, they get the situations themselves;
else a part of a search travels as bytes (`volsim.exploration.parcels`). What is the same for a whole search is sent to
a worker once. A worker says of no situation twice what comes to it: the first part that told of it is put together
before the later one is.

In Python one thread works at a time: threads take the work off the thread that asks, and gain no speed.
"""

from __future__ import annotations

import os
import pickle
import threading
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator
from concurrent import futures
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from hashlib import blake2b
from importlib import import_module
from typing import Any
from weakref import WeakValueDictionary

from volsim.errors import VolsimError
from volsim.exploration.commuting import Known, Lesson
from volsim.exploration.expanding import Arrival, Chunk, Expander, Followed, News
from volsim.exploration.moves import Standpoint
from volsim.exploration.parcels import Packer, Parcel, Row, Wire, received, wired
from volsim.exploration.seen import Seen
from volsim.exploration.strategies import Begun, Hands, Here
from volsim.programs import images
from volsim.rules import Rules
from volsim.state import State
from volsim.state.difference import Difference, difference, with_difference

__all__ = ["hands_of"]

_UNDER_WAY_MOST = 256  # parts that wait with the executor: enough for a hundred workers, and little to hold
_SITES_MOST = 4  # searches of which a worker remembers what it was sent once
_MET_MOST = 1_000_000  # situations of which a worker knows that it has told of them; forget all and start again

_turn = threading.Lock()
"""Who follows moves in this process: what controllers and the scheduler remember is for one at a time."""


def _new_turn() -> None:
    global _turn  # noqa: PLW0603 - a process that is forked while a thread works has no such thread
    _turn = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_turn)


def hands_of(executor: Executor | None, expander: Expander, seen: Seen, start: State) -> Hands:
    """Who follows the moves of a search. Raises `VolsimError` for what cannot be sent to an executor's workers."""
    if executor is None:
        return Here(expander, seen)
    elsewhere: Any = getattr(futures, "InterpreterPoolExecutor", ())
    if isinstance(executor, ThreadPoolExecutor) and not isinstance(executor, elsewhere):
        return Threads(executor, expander, seen)
    return Processes(executor, expander, seen, start)


# -- what is under way -------------------------------------------------------------------------------------------------
class _UnderWay:
    """The parts that an executor has, or will get when there are fewer."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._waiting: deque[tuple[Callable[[], Future[Any]], list[Future[Any]]]] = deque()
        self._begun: deque[Future[Any]] = deque()

    def add(self, *call: Any) -> list[Future[Any]]:
        """Have something called; the list gets its future, as soon as it is begun."""
        place: list[Future[Any]] = []
        self._waiting.append((partial(self._submit, *call), place))
        self._fill()
        return place

    def result(self, place: list[Future[Any]]) -> Any:
        """What a call gave: the oldest one first. Raises `VolsimError` if the executor failed."""
        self._begun.popleft()
        self._fill()
        return self._of(place[0])

    def now(self, *call: Any) -> Any:
        """What a call gives that is made before all the others that wait."""
        return self._of(self._submit(*call))

    def _of(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except VolsimError:
            raise
        except (Exception, CancelledError) as error:
            raise VolsimError(
                f"a worker of the executor was lost ({type(error).__name__}: {error}); it may have been killed, or have"
                " had too little memory: explore again with a new executor and fewer workers, or without one"
            ) from error

    def _submit(self, *call: Any) -> Future[Any]:
        try:
            return self._executor.submit(*call)
        except Exception as error:
            raise VolsimError(
                f"the executor takes no work ({error}); explore before it is shut down, inside of its `with`"
            ) from error

    def _fill(self) -> None:
        while self._waiting and len(self._begun) < _UNDER_WAY_MOST:
            begin, place = self._waiting.popleft()
            place.append(begin())
            self._begun.append(place[0])

    def stop(self) -> None:
        """Leave undone what is not done."""
        for future in self._begun:
            future.cancel()
        self._waiting.clear()
        self._begun.clear()


# -- threads -----------------------------------------------------------------------------------------------------------
class Threads:
    """Threads of this process follow the moves, one at a time."""

    def __init__(self, executor: Executor, expander: Expander, seen: Seen) -> None:
        self._under_way, self._expander, self._seen = _UnderWay(executor), expander, seen

    def begin(self, chunk: Chunk) -> Begun:
        """Have a part worked on."""
        commuting = self._expander.commuting
        lesson = None if commuting is None else Lesson(commuting, chunk.known)
        place = self._under_way.add(_in_turn, self._expander, chunk, lesson, self._seen.visited.__contains__)
        return Begun(self._results(place), lambda: None if lesson is None else lesson.learned)

    def _results(self, place: list[Future[Any]]) -> Iterator[Followed]:
        found, error = self._under_way.result(place)
        yield from found
        if error is not None:
            raise error

    def stop(self) -> None:
        """Leave undone what is not done."""
        self._under_way.stop()


def _in_turn(
    expander: Expander, chunk: Chunk, lesson: Lesson | None, is_known: Callable[[int], bool]
) -> tuple[list[Followed], Exception | None]:
    """What comes of a part, as far as nothing was raised; and what was."""
    found: list[Followed] = []
    try:
        with _turn:
            found.extend(expander.expand(chunk, lesson, is_known))
    except Exception as error:  # noqa: BLE001 - raised where the part is put together
        return found, error
    return found, None


# -- processes, on this machine or others ------------------------------------------------------------------------------
Told = tuple[list[tuple[list[tuple[Any, ...]], bool]], Wire, Any, Exception | None]
"""What a worker answers: by place its arrivals (news as a number and what is said) and whether it is cut; the parcels
with these numbers; what was learned; and what was raised, if something was."""


class Processes:
    """Workers follow the moves that see nothing of this process."""

    def __init__(self, executor: Executor, expander: Expander, seen: Seen, start: State) -> None:
        self._under_way, self._seen = _UnderWay(executor), seen
        self._dumps = _dumps()
        self._setup = _setup(expander, start, self._dumps)
        self._token = blake2b(self._setup, digest_size=16).digest()
        self._packer = Packer(start, expander.engine, self._dumps)
        self._rows: WeakValueDictionary[bytes, Row] = WeakValueDictionary()
        self._known: tuple[Known | None, bytes] = (None, b"")
        self._sent = 0

    def begin(self, chunk: Chunk) -> Begun:
        """Have a part worked on."""
        parcels = [self._packer.pack(here) if isinstance(here, Standpoint) else here for here in chunk.places]
        if self._known[0] is not chunk.known:
            self._known = (chunk.known, pickle.dumps(tuple(chunk.known), pickle.HIGHEST_PROTOCOL))
        self._sent += 1
        part = (self._seen.runs, self._sent, self._known[1], chunk.open_bits, wired(parcels))
        message = pickle.dumps(part, pickle.HIGHEST_PROTOCOL)
        place = self._under_way.add(_work, self._token, None, message)
        learned: list[Any] = []
        return Begun(self._results(place, message, parcels, learned), lambda: learned[0])

    def _results(
        self, place: list[Future[Any]], message: bytes, parcels: list[Parcel], learned: list[Any]
    ) -> Iterator[Followed]:
        answer = self._under_way.result(place)
        if not answer:  # a worker that was not told yet what the search is about
            answer = self._under_way.now(_work, self._token, self._setup, message)
        told: Told = pickle.loads(answer)  # noqa: S301 - made by a worker of this search
        found, wire, lesson, error = told
        for parcel in parcels:  # a worker says nothing of rows that he was sent; they are held until now
            self._rows.update((row.name, row) for row in parcel.rows)
        news = list(received(wire, self._rows))
        for arrivals, is_cut in found:
            yield Followed(tuple([_arrived(arrival, news) for arrival in arrivals]), is_cut)
        if error is not None:
            raise error
        learned.append(lesson)

    def stop(self) -> None:
        """Leave undone what is not done."""
        self._under_way.stop()


def _arrived(told: tuple[Any, ...], news: list[Parcel]) -> Arrival:
    number, how, is_strike, signature, said, new = told
    return Arrival(number, how, is_strike, signature, said, None if new is None else News(news[new[0]], *new[1:]))


# -- what is sent once -------------------------------------------------------------------------------------------------
def _dumps() -> Callable[[Any], bytes]:
    """What makes bytes of what a search is about: functions without a name, too, if that is installed."""
    try:
        made: Callable[[Any], bytes] = import_module("cloudpickle").dumps
    except ImportError:
        return pickle.dumps
    return made


def _setup(expander: Expander, start: State, dumps: Callable[[Any], bytes]) -> bytes:
    """What is the same for a whole search, as bytes. Raises `VolsimError` that says what cannot be sent."""
    for prop in expander.properties:
        _must_travel(f"property {prop.name!r}", prop, dumps)
    for controller in expander.engine.controllers:
        _must_travel(f"controller {controller.name!r}", controller, dumps)
    registry = images.registry()
    for name, given in registry.own.items():
        _must_travel(f"the program of image {name!r}", given, dumps)
    state = (start.rules, start.salt, difference(State.empty(start.rules, salt=start.salt), start))
    return dumps((os.getpid(), registry, state, expander.given))


def _must_travel(what: str, value: Any, dumps: Callable[[Any], bytes]) -> None:
    try:
        dumps(value)
    except Exception as error:
        more = "keep what cannot be sent out of it" if dumps is not pickle.dumps else "install volsim[parallel]"
        raise VolsimError(
            f"{what} cannot be sent to the executor's workers ({error}); make it of functions of a module, or {more};"
            " threads share it: ThreadPoolExecutor"
        ) from error


# -- in a worker -------------------------------------------------------------------------------------------------------
class _Site:
    """What a worker remembers of a search."""

    def __init__(self, setup: bytes) -> None:
        sent: tuple[int, images.Registry, tuple[Rules, int, Difference], tuple[Any, ...]] = pickle.loads(setup)  # noqa: S301
        process, registry, (rules, salt, found), given = sent
        if process != os.getpid():
            images.restore(registry)
        self._expander = Expander(*given)
        start = with_difference(State.empty(rules, salt=salt), found)
        self._packer = Packer(start, self._expander.engine, _dumps())
        self._known: tuple[bytes, Known | None] = (b"", None)
        self._met: dict[int, int] = {}
        """By situation: the first part in which this worker told of it."""
        self._run = 0

    def work(self, message: bytes) -> bytes:
        """What comes of a part, as bytes."""
        run, part, known, open_bits, wire = pickle.loads(message)  # noqa: S301 - made by the search
        if run != self._run or len(self._met) > _MET_MOST:
            self._run = run
            self._met.clear()
        if self._known[0] != known:
            self._known = (known, Known(*pickle.loads(known)))  # noqa: S301 - likewise
        assert self._known[1] is not None
        parcels = list(received(wire, self._packer.rows))
        chunk = Chunk(self._unpacked(parcels), self._known[1], open_bits)
        commuting = self._expander.commuting
        lesson = None if commuting is None else Lesson(commuting, chunk.known)
        followed, error = self._followed(chunk, lesson, part)
        names = frozenset(name for name, _ in wire[0])
        return _answer(followed, self._packer, names, lesson, error)

    def _unpacked(self, parcels: list[Parcel]) -> Any:
        """The standpoints, each when its turn comes: one is made from the one before it."""
        no_memories = (None,) * len(self._expander.properties)
        return (self._packer.unpack(parcel, no_memories) for parcel in parcels)

    def _followed(self, chunk: Chunk, lesson: Lesson | None, part: int) -> tuple[list[Followed], Exception | None]:
        met = self._met
        found: list[Followed] = []
        try:
            for each in self._expander.expand(chunk, lesson, lambda number: met.get(number, part) < part):
                for arrival in each.arrivals:
                    met[arrival.number] = min(part, met.get(arrival.number, part))
                found.append(each)
        except Exception as error:  # noqa: BLE001 - raised where the part is put together
            return found, _portable(error)
        return found, None


def _answer(
    followed: list[Followed], packer: Packer, known: frozenset[bytes], lesson: Lesson | None, error: Exception | None
) -> bytes:
    parcels: list[Parcel] = []
    told = []
    for each in followed:
        arrivals: list[tuple[Any, ...]] = []
        for arrival in each.arrivals:
            new = None
            if arrival.news is not None:
                new = (len(parcels), *arrival.news[1:])
                parcels.append(packer.pack(arrival.news.here))
            arrivals.append((*arrival[:-1], new))
        told.append((arrivals, each.is_cut))
    learned = None if lesson is None else lesson.learned
    answer: Told = (told, wired(parcels, known), learned, error)
    return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)


def _portable(error: Exception) -> Exception:
    """What was raised, if it can be sent."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made here
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return VolsimError(f"{type(error).__name__}: {error}")
    return error


_SITES: dict[bytes, _Site] = {}


def _work(token: bytes, setup: bytes | None, message: bytes) -> bytes:
    """What comes of a part of a search; nothing if this worker must be told first what the search is about."""
    with _turn:
        site = _SITES.get(token)
        if site is None:
            if setup is None:
                return b""
            while len(_SITES) >= _SITES_MOST:
                del _SITES[next(iter(_SITES))]
            try:
                site = _SITES[token] = _Site(setup)
            except Exception as error:
                raise VolsimError(
                    f"a worker cannot read what the search is about ({type(error).__name__}: {error}); what properties"
                    " and programs are made of must be installed there, too"
                ) from error
        return site.work(message)
