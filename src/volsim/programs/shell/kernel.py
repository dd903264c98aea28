"""The little kernel under a shell: which of its processes runs next, what flows through pipes, what signals do.

Tasks run one after the other, in the order of their numbers, each until it waits or has had its turn. When all wait,
the whole pauses until the first of them wants to go on.

Modelled: pipes with their end and SIGPIPE, waiting for children, signals and their defaults, process 1 that gets only
signals it has a handler for.
Not modelled: process groups and sessions, stopped processes, files that are removed while they are open (what is
written goes to the path), the size of a pipe for programs that write all at once.
Source: fork(2), pipe(7), signal(7), wait(2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from volsim.errors import FileError, OutOfMemory
from volsim.programs.files import BLOCK, Files
from volsim.programs.process import SIGNALS, Pause, Process, default_signal
from volsim.programs.scripts import again
from volsim.programs.shell.state import Channel, Processes, Task, Wait

__all__ = ["STEPS_MOST", "Kernel"]

_TASK_BYTES = 512 * 1024  # what a small program takes in memory, beside the shell that started it
STEPS_MOST = 50_000  # instructions between two pauses: more a script runs only by mistake
ENDLESS_MOST = 64 * BLOCK  # what a process reads from a device that never ends: more it reads only by mistake
PIPE_MOST = 64 * 1024  # what a pipe holds while somebody writes without end
TURN = 500  # instructions that a task runs before others have their turn
TASKS_MOST = 200  # processes at a time, so that a script that forks without end is found out
CHANNELS_MOST = 50  # channels that are kept before those that nobody holds are looked for
ENDED_MOST = 10  # statuses of ended background tasks that a shell remembers
_DESCRIPTIONS = {
    "HUP": "Hangup", "QUIT": "Quit", "KILL": "Killed", "TERM": "Terminated", "USR1": "User defined signal 1",
    "USR2": "User defined signal 2", "ALRM": "Alarm clock", "ABRT": "Aborted", "SEGV": "Segmentation fault",
}  # fmt: skip


class Kernel:
    """Runs the tasks of one shell, from one pause to the next. `step` runs one instruction of a shell."""

    def __init__(self, process: Process, state: Processes, step: Callable[[Kernel, Task], None]) -> None:
        self.process, self._step = process, step
        self.files = Files(process)
        self.tasks = {task.pid: task for task in state.tasks}
        self._channels = {channel.number: channel for channel in state.channels}
        self.root = min(self.tasks)
        self._steps = 0
        self._resume(state.elapsed_us if process.remaining_us is None else state.elapsed_us - process.remaining_us)

    # -- time ---------------------------------------------------------------------------------------------------------
    def _resume(self, elapsed_us: int) -> None:
        """Let time have passed for those who sleep."""
        for task in list(self.tasks.values()):
            wait = task.wait
            if wait is not None and wait.left_us is not None:
                left = wait.left_us - elapsed_us
                over = left <= 0 and wait.kind in ("time", "input")
                self.put(task.replace(wait=None if over else wait.replace(left_us=left)))

    def run(self) -> Pause:
        """Run until everything waits or the first task has ended."""
        while self.tasks[self.root].status is None:
            self._wake()
            ready = [pid for pid, task in self.tasks.items() if task.wait is None and task.status is None]
            if not ready:
                return self._pause()
            for pid in sorted(ready):
                self._turn(pid)
            if self._steps > STEPS_MOST:
                name = self.process.name
                self.process.complain(f"{name}: killed: {STEPS_MOST} commands without a pause are an endless loop")
                return Pause.exited(128 + SIGNALS["KILL"])
        return Pause.exited(self.tasks[self.root].status or 0)

    def _pause(self) -> Pause:
        times = [task.wait.left_us for task in self.tasks.values() if task.wait and task.wait.left_us is not None]
        wake_us = min(times, default=None)
        tasks = tuple(self.tasks[pid] for pid in sorted(self.tasks))
        self._forget_channels()
        channels = tuple(self._channels[number] for number in sorted(self._channels))
        return Pause(wake_after_us=wake_us, memory=Processes(tasks=tasks, channels=channels, elapsed_us=wake_us or 0))

    def _turn(self, pid: int) -> None:
        """Let a task run until it waits, has ended, or others want to run, too."""
        if len(self._channels) > CHANNELS_MOST:
            self._forget_channels()
        for _ in range(TURN):
            task = self.tasks.get(pid)
            if task is None or task.wait is not None or task.status is not None:
                return
            if self.tasks[self.root].status is not None or self._steps > STEPS_MOST:
                return
            self._steps += 1
            if task.shell is None:
                self._run_program(task)
                return
            self._step(self, task)

    def _wake(self) -> None:
        """Let those go on whose children have ended or whose input has come."""
        for task in list(self.tasks.values()):
            wait = task.wait
            if wait is None or task.status is not None:
                continue
            if (wait.kind == "input" and self.readable(wait)) or (wait.kind == "room" and not self._full(wait.channel)):
                self.put(task.replace(wait=None))
            elif wait.kind == "children" and all(self.tasks[pid].status is not None for pid in wait.children):
                self._reap(task, wait)

    def _reap(self, task: Task, wait: Wait) -> None:
        """Children that were waited for have ended: their statuses count, and they are forgotten."""
        shell = task.shell
        assert shell is not None, "only a shell has children"
        ended = [self.tasks.pop(pid) for pid in wait.children]
        last = ended[-1]
        status = last.status or 0
        if wait.then != "output" and last.killed in _DESCRIPTIONS:
            self.write(task, 2, f"{_DESCRIPTIONS[last.killed]}\n".encode())
        if shell.pipefail:
            status = next((each.status for each in reversed(ended) if each.status), 0) or status
        if wait.then == "output":
            data = self._channels.pop(wait.channel).data
            text = data.replace(b"\0", b"").decode(errors="surrogateescape").rstrip("\n")
            shell = shell.replace(results=(*shell.results, (text, status)))
        else:
            shell = shell.replace(status=0 if wait.then == "all" else status)
        self.put(task.replace(shell=shell, wait=None))

    # -- tasks --------------------------------------------------------------------------------------------------------
    def put(self, task: Task) -> None:
        """Note how a task is now."""
        self.tasks[task.pid] = task

    def spawn(self, parent: Task, child: Task) -> int:
        """Add a task under `parent`; its number, which is the smallest that is free."""
        self._forget_ended(parent)
        pid = self.root + 1
        while pid in self.tasks:
            pid += 1
        self.put(child.replace(pid=pid, parent=parent.pid))
        return pid

    def _forget_ended(self, parent: Task) -> None:
        """A shell remembers only so many statuses that nobody asked for."""
        ended = [pid for pid, task in self.tasks.items() if task.parent == parent.pid and task.status is not None]
        for pid in sorted(ended)[:-ENDED_MOST]:
            del self.tasks[pid]

    @property
    def full(self) -> bool:
        """Whether there are as many tasks as there may be."""
        return len(self.tasks) >= TASKS_MOST

    def end(self, pid: int, status: int, killed: str = "") -> None:
        """A task has ended. Its children go on without it."""
        for task in list(self.tasks.values()):
            if task.parent == pid and task.pid != pid:
                self._adopt(task)
        task = self.tasks[pid]
        self.put(task.replace(status=status & 255, killed=killed, wait=None, descriptors=(), shell=None, memory=None))
        parent = self.tasks.get(task.parent)
        if pid != self.root and (parent is None or parent.status is not None or parent.shell is None):
            del self.tasks[pid]

    def _adopt(self, task: Task) -> None:
        """An orphan belongs to the first task; if it has ended already, nobody asks for its status."""
        if task.status is not None:
            del self.tasks[task.pid]
        else:
            self.put(task.replace(parent=self.root))

    def knows(self, pid: int) -> bool:
        """Whether a signal can be sent to a process: a task that has not ended, or the container's first process."""
        task = self.tasks.get(pid)
        return pid == 1 if task is None else task.status is None

    def send(self, signals: Iterable[tuple[int, str]]) -> None:
        """Send signals to tasks; those for other processes are the business of whoever runs this one."""
        for pid, name in signals:
            if not self.deliver(pid, name):
                self.process.sent.append((pid, name))

    def deliver(self, pid: int, name: str) -> bool:
        """Send a signal to a task; whether there is such a task."""
        task = self.tasks.get(pid)
        if task is None or task.status is not None:
            return False
        first = self.process.pid1 and pid == self.root
        if name == "KILL":
            if not first:
                self.end(pid, 128 + SIGNALS[name], name)
        elif task.shell is not None:
            self._signal_shell(task, name, first)
        else:
            self._signal_program(task, name)
        return True

    def _signal_shell(self, task: Task, name: str, first: bool) -> None:
        shell = task.shell
        assert shell is not None
        if name in shell.traps:
            if shell.traps[name] == "":
                return
            wait = task.wait
            shell = shell.replace(pending=(*shell.pending, name))
            if wait is not None and (wait.then in ("wait", "all") or wait.kind in ("input", "ever")):
                shell, wait = shell.replace(status=128 + SIGNALS[name]), None
            self.put(task.replace(shell=shell, wait=wait))
        elif not first and default_signal(self.plain(task), name) is not None:
            self.end(task.pid, 128 + SIGNALS[name], name)

    def _signal_program(self, task: Task, name: str) -> None:
        process = self._process(task)
        if task.wait is not None:
            process.remaining_us = task.wait.left_us
        pause = (
            again(process, task.memory).signal(task.memory, process, name)
            if task.started
            else default_signal(process, name)
        )
        if pause is not None:
            self._after(task, process, pause, killed=name if pause.exit_code == 128 + SIGNALS[name] else "")

    # -- programs -----------------------------------------------------------------------------------------------------
    def plain(self, task: Task) -> Process:
        """A process of a task that reads nothing."""
        process = self.process
        made = Process(
            argv=task.argv,
            env=task.env,
            files=process.files,
            now_us=process.now_us,
            hostname=process.hostname,
            tty=process.tty,
            pid1=process.pid1 and task.pid == self.root,
            cwd=task.cwd,
            stdin_open=False,
            waited_for=not task.background and (task.pid != self.root or process.waited_for),
            main=process.main,
        )
        made.find = process.find
        return made

    def files_of(self, task: Task) -> Files:
        """The files as a task names them."""
        return Files(self.plain(task))

    def _process(self, task: Task) -> Process:
        """A process of a task, with what it can read now."""
        made = self.plain(task)
        number = self.channel(task, 0)
        if number is not None:
            made.stdin, made.stdin_open = self.peek(number)
        return made

    def _run_program(self, task: Task) -> None:
        process = self._process(task)
        program = again(process, task.memory)
        files = process.files
        files.reserved = 0 if task.pid == self.root else _TASK_BYTES
        try:
            pause = program.resume(task.memory, process) if task.started else program.start(process)
        except OutOfMemory as error:
            if error.whole:
                raise
            self.process.starved = error
            pause = Pause.exited(128 + SIGNALS["KILL"])
        files.reserved = 0
        self._after(task.replace(started=True), process, pause)

    def _after(self, task: Task, process: Process, pause: Pause, killed: str = "") -> None:
        """Note what a program has read and written, and what it waits for."""
        number = self.channel(task, 0)
        if number is not None:
            self.consume(number, process.consumed)
        self.put(task.replace(memory=pause.memory))
        failed = self.pass_on(task, process.output, process.name)
        self.send(process.sent)
        if self.tasks[task.pid].status is not None:  # it has written into a pipe that nobody reads
            return
        if pause.exit_code is not None:
            self.end(task.pid, pause.exit_code or failed, killed)
        elif failed:
            self.end(task.pid, 1)
        elif pause.reads and number is not None and self._is_too_much(number, process.consumed):
            self.write(task, 2, f"{process.name}: killed: it reads a device that never ends\n".encode())
            self.end(task.pid, 128 + SIGNALS["KILL"])
        elif pause.reads:
            seen = len(process.stdin) - process.consumed
            self.put(self.tasks[task.pid].replace(wait=Wait(kind="input", channel=number or 0, seen=seen)))
        elif pause.wake_after_us is None:
            self.put(self.tasks[task.pid].replace(wait=Wait(kind="ever")))
        elif pause.wake_after_us > 0:
            self.put(self.tasks[task.pid].replace(wait=Wait(kind="time", left_us=pause.wake_after_us)))
        else:
            self._hold_back(self.tasks[task.pid])

    def _hold_back(self, task: Task) -> None:
        """Let a task that writes without end wait until somebody has read."""
        number = self.channel(task, 1)
        channel = self._channels.get(number or 0)
        if channel is not None and channel.kind == "into" and self._full(channel.target):
            self.put(task.replace(wait=Wait(kind="room", channel=channel.target)))

    def _full(self, number: int) -> bool:
        """Whether a pipe has no room, and a reader who could make some."""
        channel = self._channels.get(number)
        return channel is not None and len(channel.data) >= PIPE_MOST and self._holders(number)

    def _is_too_much(self, number: int, consumed: int) -> bool:
        """Whether a task waits for the end of a device that has none."""
        channel = self._channels[number]
        return channel.kind == "endless" and (consumed == 0 or channel.offset >= ENDLESS_MOST)

    def pass_on(self, task: Task, output: Iterable[tuple[int, bytes]], name: str) -> int:
        """Write what a program wrote to where its descriptors lead; 1 if that failed, with a word about it."""
        for descriptor, data in output:
            error = self.write(task, descriptor, data)
            if error:
                self.write(task, 2, f"{name}: write error: {error}\n".encode())
                return 1
        return 0

    # -- channels -----------------------------------------------------------------------------------------------------
    def channel(self, task: Task, descriptor: int) -> int | None:
        """The number of the channel that a descriptor leads to; None if it is closed."""
        return dict(task.descriptors).get(descriptor)

    def add_channel(self, channel: Channel) -> int:
        """Keep a channel; its number."""
        number = max(self._channels, default=0) + 1
        self._channels[number] = channel.replace(number=number)
        return number

    def _forget_channels(self) -> None:
        """Drop the channels that nobody holds."""
        used = {number for task in self.tasks.values() for number in _held(task)}
        used |= {task.wait.channel for task in self.tasks.values() if task.wait is not None}
        used |= {self._channels[number].target for number in used if number in self._channels}
        self._channels = {number: channel for number, channel in self._channels.items() if number in used}

    def kind(self, number: int) -> str:
        """What sort of channel it is."""
        return self._channels[number].kind

    def pipe(self) -> tuple[int, int]:
        """A new pipe: its end to read from and its end to write to."""
        reading = self.add_channel(Channel(number=0, kind="pipe"))
        return reading, self.add_channel(Channel(number=0, kind="into", target=reading))

    def _holders(self, number: int) -> bool:
        return any(number == each for task in self.tasks.values() for each in _held(task))

    def _written_to(self, number: int) -> bool:
        """Whether somebody can still write into the pipe that is read from `number`."""
        return any(each.target == number and self._holders(each.number) for each in self._channels.values())

    def peek(self, number: int) -> tuple[bytes, bool]:
        """What can be read now, and whether more may come."""
        channel = self._channels[number]
        match channel.kind:
            case "input":
                return channel.data, channel.open
            case "pipe":
                return channel.data, self._written_to(number)
            case "file":
                return self._content(channel)[channel.offset :], False
            case "endless":
                source = self.files.endless(channel.path)
                return (source(BLOCK) if source is not None else b""), True
        return b"", False

    def _content(self, channel: Channel) -> bytes:
        try:
            return self.files.read(channel.path)
        except FileError:
            return b""

    def readable(self, wait: Wait) -> bool:
        """Whether there is more to read than there was, or will never be."""
        if wait.channel not in self._channels:
            return True
        data, more = self.peek(wait.channel)
        return len(data) > wait.seen or not more

    def consume(self, number: int, length: int) -> None:
        """Note that so many bytes have been read."""
        if not length:
            return
        channel = self._channels[number]
        if channel.kind in ("file", "endless"):
            self._channels[number] = channel.replace(offset=channel.offset + length)
        else:
            self._channels[number] = channel.replace(data=channel.data[length:])

    def write(self, task: Task, descriptor: int, data: bytes) -> str:
        """Write to a descriptor; what went wrong, or an empty text. A pipe that nobody reads ends the task."""
        number = self.channel(task, descriptor)
        if number is None:
            return "Bad file descriptor"
        channel = self._channels[number]
        match channel.kind:
            case "out" | "err":
                self.process.write(data, 1 if channel.kind == "out" else 2)
            case "file":
                try:
                    self.files.write(channel.path, data, append=True)
                except FileError as error:
                    return error.strerror or "error"
            case "into":
                return self._write_pipe(task, channel.target, data)
            case "input" | "pipe":
                return "Bad file descriptor"
        return ""

    def _write_pipe(self, task: Task, number: int, data: bytes) -> str:
        waited_for = any(each.wait is not None and each.wait.channel == number for each in self.tasks.values())
        if not waited_for and not self._holders(number):
            self.end(task.pid, 128 + SIGNALS["PIPE"], "PIPE")
            return ""
        channel = self._channels[number]
        self._channels[number] = channel.replace(data=channel.data + data)
        return ""

    # -- the beginning ------------------------------------------------------------------------------------------------
    @staticmethod
    def first(process: Process, task: Task) -> Processes:
        """The state in which a shell starts: one task, connected to the process's input and output."""
        channels = (
            Channel(number=1, kind="input", data=process.stdin, open=process.stdin_open),
            Channel(number=2, kind="out"),
            Channel(number=3, kind="err"),
        )
        pid = 1 if process.pid1 else 7
        connected = task.replace(pid=pid, parent=pid - 1, descriptors=((0, 1), (1, 2), (2, 3)))
        return Processes(tasks=(connected,), channels=channels)


def _held(task: Task) -> Iterable[int]:
    """The channels that a task's descriptors lead to, now or after the redirections that are open."""
    yield from (number for _, number in task.descriptors)
    for frame in task.shell.frames if task.shell is not None else ():
        for descriptors in (*frame.opened, frame.restored or ()):
            yield from (number for _, number in descriptors)
