"""Runs of the program for tests: a fork server has the program's modules already, and forks for each run.

A run is a process of its own, with its own arguments, variables, folder and streams, and ends as `hullmark` ends; only the start of
the interpreter and the imports are spared, which take longer than most runs. Two fork servers with different hash seeds take turns,
so that two runs in a row still differ in the order of sets, as two starts of the program do. What happens at the start itself is
tested by runs of the program by its name.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import faulthandler
import gc
import itertools
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

_MOST = 100_000
_FORK_SECONDS = 120
"""How long a fork server may take to start and to say which process it forked; the time of a run is counted from then."""
NAMED = "hm-"
"""What the kernel's name of a process of a forked server begins with; its role follows."""
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_", "GLIBC_")
"""Prefixes of variables that matter while an interpreter starts: where they differ from the fork server's, a run is started by itself."""

CODE = "\0code"
"""In place of a verb: what follows is code that is run, and its arguments."""

_FOREIGN = ("hyperscan", "re2", "rich.console", "ssl", "urllib3", "yaml", "zstandard")
"""What is not ours and is imported by many runs, where it is there."""
_FOREIGN_TO_SERVERS = ("uvicorn.logging", "uvicorn.loops.auto", "uvicorn.lifespan.on", "uvicorn.protocols.http.auto")


@dataclass(frozen=True)
class RunRequest:
    """A run: arguments behind the program's name, all its variables, where it is, and its standard input."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    given: bytes = b""
    bounds: tuple[int, int] = (-1, -1)
    """What its address space and each file that it writes may have at most, in bytes; -1: no bound."""

    def at_start(self) -> dict[str, str]:
        """The variables that its interpreter reads as it starts."""
        return {name: text for name, text in self.environment.items() if name.startswith(_READ_AT_START)}


class EndedRun(subprocess.CompletedProcess[bytes]):
    """How a run ended. `peak_kib`: the memory that it took at most, in KiB, with all that it had as it was forked."""

    def __init__(self, request: RunRequest, status: int, streams: tuple[bytes, bytes], peak_kib: int) -> None:
        super().__init__([*request.arguments], status, *streams)
        self.peak_kib = peak_kib


@dataclass
class ForkServer:
    """A process that forks. It is started by the first run, and ends with this process. `of`: what is run, a package of `python`."""

    seed: int
    python: str = sys.executable
    of: str = "hullmark"
    process: subprocess.Popen[bytes] | None = None
    asking: socket.socket | None = None
    started_with: dict[str, str] = field(default_factory=dict)

    def run(self, request: RunRequest, seconds: float) -> EndedRun | None:
        """How it ended. None: it must be started by itself. Raises TimeoutExpired, and then it is killed."""
        given, out, err, answer = os.pipe(), os.pipe(), os.pipe(), os.pipe()
        if not self._ask(request, (given[0], out[1], err[1], answer[1])):
            for stream in (given[1], out[0], err[0], answer[0]):
                os.close(stream)
            return None
        heard = _Talk(given[1], request.given, (out[0], err[0], answer[0]))
        try:
            heard.until(time.monotonic() + _FORK_SECONDS, answer[0])
            in_time = heard.until(time.monotonic() + seconds)
            ended = heard.heard[answer[0]].split()
            if not in_time:
                os.kill(int(ended[0]), signal.SIGKILL)
                words = (*request.arguments,)
                raise subprocess.TimeoutExpired(words, seconds, bytes(heard.heard[out[0]]), bytes(heard.heard[err[0]]))
        finally:
            heard.close()
        streams = (bytes(heard.heard[out[0]]), bytes(heard.heard[err[0]]))
        return EndedRun(request, int(ended[1]), streams, int(ended[2]))

    def launch(self, request: RunRequest, output: int, given: int | None = None) -> Launched | None:
        """A run that goes on, with all that it says written to `output`. None: it must be started by itself.

        `given`: what it has as its standard input.
        """
        answer, theirs = os.pipe()
        given = os.open(os.devnull, os.O_RDONLY) if given is None else os.dup(given)
        asked = self._ask(request, (given, os.dup(output), os.dup(output), theirs))
        if not asked:
            os.close(answer)
            return None
        return Launched(answer)

    def _ask(self, request: RunRequest, theirs: Sequence[int]) -> bool:
        """Whether it forks, for what is at the other ends of these streams, which are closed here."""
        body = [list(request.arguments), dict(request.environment), request.folder, request.bounds]
        message = json.dumps(body).encode()
        try:
            asking = self.asking or self._start(request)
            if request.at_start() != self.started_with or len(message) > _MOST:
                return False
            socket.send_fds(asking, [message], theirs)
            return True
        finally:
            for stream in theirs:
                os.close(stream)

    def _start(self, request: RunRequest) -> socket.socket:
        self.started_with = request.at_start()
        self.asking, listener = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with listener:
            self.process = subprocess.Popen(
                [self.python, "-P", __file__, str(listener.fileno()), self.of],
                env={"PATH": os.environ["PATH"], **self.started_with, "PYTHONHASHSEED": str(self.seed)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
            )
        atexit.register(self._end)
        return self.asking

    def _end(self) -> None:
        if self.asking is not None and self.process is not None:
            self.asking.close()
            self.process.wait(20)


class Launched:
    """A run that goes on, as `subprocess.Popen` has it. `pid` is its number, `returncode` how it ended (None: it runs)."""

    def __init__(self, answer: int) -> None:
        self.returncode: int | None = None
        self._answer = answer
        self._told = b""
        deadline = time.monotonic() + _FORK_SECONDS
        while b"\n" not in self._told:
            assert self._hear(deadline - time.monotonic()), "the fork server does not fork"
        self.pid = int(self._told.split()[0])

    def poll(self) -> int | None:
        """How it ended, if it has."""
        while self.returncode is None and self._hear(0):
            pass
        return self.returncode

    def wait(self, seconds: float) -> int:
        """How it ended. Raises TimeoutExpired."""
        deadline = time.monotonic() + seconds
        while self.returncode is None:
            if not self._hear(max(deadline - time.monotonic(), 0)) and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), seconds)
        return self.returncode

    def terminate(self) -> None:
        """Have it end, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it, if it runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def _hear(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as watched:
            watched.register(self._answer, selectors.EVENT_READ)
            if not watched.select(seconds):
                return False
        piece = os.read(self._answer, 1 << 16)
        self._told += piece
        if not piece:
            os.close(self._answer)
            assert self._told, "the fork server has ended"
            # Who told nothing of the end was killed, and with it what it had forked.
            words = self._told.split()
            self.returncode = int(words[1]) if len(words) > 1 else -signal.SIGKILL
        return True


class ForkedRole:
    """A process of a server, as the one that had it forked has it."""

    def __init__(self, launched: Launched) -> None:
        self._launched = launched
        self.pid = launched.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, if it has."""
        return self._launched.poll()

    def terminate(self) -> None:
        """Have it end."""
        self._launched.terminate()

    def kill(self) -> None:
        """End it."""
        self._launched.kill()

    async def wait(self) -> None:
        """Until it has ended."""
        while self.returncode is None:
            await asyncio.sleep(0.02)


class _Talk:
    """Gives a run its standard input, and hears what it says."""

    def __init__(self, giving: int, given: bytes, hearing: Sequence[int]) -> None:
        self.heard = {stream: bytearray() for stream in hearing}
        self._given = memoryview(given)
        self._watched = selectors.DefaultSelector()
        os.set_blocking(giving, False)
        self._watched.register(giving, selectors.EVENT_WRITE, self._give)
        for stream in hearing:
            self._watched.register(stream, selectors.EVENT_READ, self._hear)

    def until(self, deadline: float, wanted: int | None = None) -> bool:
        """Until all that is to be heard has ended, or something is heard on a `wanted` stream; whether that is so in time."""
        while self._watched.get_map() and not (wanted is not None and self.heard[wanted]):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in self._watched.select(left):
                act: Callable[[int], bool] = key.data
                if not act(key.fd):
                    self._watched.unregister(key.fd)
                    os.close(key.fd)
        return True

    def _hear(self, stream: int) -> bool:
        piece = os.read(stream, 1 << 16)
        self.heard[stream] += piece
        return bool(piece)

    def _give(self, stream: int) -> bool:
        try:
            if self._given:
                self._given = self._given[os.write(stream, self._given) :]
        except BrokenPipeError:
            return False
        return bool(self._given)

    def close(self) -> None:
        """Let go of what is still open."""
        for key in list(self._watched.get_map().values()):
            os.close(key.fd)
        self._watched.close()


_SERVERS = itertools.cycle([ForkServer(1), ForkServer(2)])


def run(request: RunRequest, seconds: float) -> EndedRun | None:
    """Have one of the fork servers run it; see `ForkServer.run`."""
    return next(_SERVERS).run(request, seconds)


_OF_SERVERS = ForkServer(1, of="hullmark.server")


def launch(request: RunRequest, output: int, given: int | None = None) -> Launched | None:
    """Have `hullmark serve` forked, or code (`-c CODE …`) that works on a server's data; see `ForkServer.launch`."""
    return _OF_SERVERS.launch(_like_others(request), output, given)


def run_beside_servers(request: RunRequest, seconds: float) -> EndedRun | None:
    """Run what works on a server's data; see `ForkServer.run`."""
    return _OF_SERVERS.run(_like_others(request), seconds)


def _like_others(request: RunRequest) -> RunRequest:
    """The same with what an interpreter reads as it starts left out, but for where its modules are: one fork server forks all."""
    left = {name: text for name, text in request.environment.items() if not name.startswith(_READ_AT_START)}
    if path := os.environ.get("PYTHONPATH"):
        left["PYTHONPATH"] = path
    return replace(request, environment=left)


async def fork_task(*words: str, env: Mapping[str, str], **_: object) -> ForkedRole:
    """In place of `asyncio.create_subprocess_exec`, for a module of the server's that is run with `-m` in a session of its own."""
    assert words[1] == "-m", words
    launched = launch(RunRequest(["-c", _TASK, *words[2:]], env, str(Path.cwd())), 2)
    assert launched is not None
    return ForkedRole(launched)


_TASK = """
import importlib, os, sys
os.setsid()
os._exit(importlib.import_module(sys.argv[1]).main(sys.argv[2:]))
"""


# What follows is what the process does that forks.


def _learn(*, with_server: bool) -> None:
    """Import what runs import: without the server for those who ask it over the network."""
    import hullmark

    top = Path(hullmark.__path__[0])
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top.parent).with_suffix("").parts
        if (parts[1] != "server" or with_server) and "migrations" not in parts:
            import_module(".".join(parts).removesuffix(".__init__"))
    for name in (*_FOREIGN, *(_FOREIGN_TO_SERVERS if with_server else ())):
        if find_spec(name) is not None:
            import_module(name)
    if with_server:
        runpy.run_path(str(Path(__file__).with_name("ready_application.py")))["keep_application"]()


def _serve(listener: socket.socket) -> list[str]:
    """Fork for whoever asks. Comes back only in the process of a run, with its arguments. Ends with the one who started it."""
    _be_alone()
    gc.collect()
    gc.freeze()
    watched = selectors.DefaultSelector()
    watched.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in watched.select():
            if key.fileobj is not listener:
                watched.unregister(key.fileobj)
                _tell_end(key.fd, *key.data)
                continue
            message, streams, _, _ = socket.recv_fds(listener, 2 * _MOST, 4)
            if not message:
                os._exit(0)
            if (pid := os.fork()) == 0:
                watched.close()
                listener.close()
                return _become(message, streams)
            *theirs, answer = streams
            with contextlib.suppress(BrokenPipeError):
                os.write(answer, f"{pid}\n".encode())
            for stream in theirs:
                os.close(stream)
            watched.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, answer))


def _be_alone() -> None:
    """Wait for threads that have ended, which the kernel lists for a moment more: a process with threads cannot fork."""
    until = time.monotonic() + _FORK_SECONDS / 2
    while len(threads := [path.name for path in Path("/proc/self/task").iterdir()]) > 1:
        assert time.monotonic() < until, f"there are threads that do not end: {threads}"
        time.sleep(0.001)


def _tell_end(watched: int, pid: int, answer: int) -> None:
    """Of a run that has ended, tell how."""
    os.close(watched)
    _, status, usage = os.wait4(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(answer, f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}\n".encode())
    os.close(answer)


def _become(message: bytes, streams: Sequence[int]) -> list[str]:
    """Become the requested process; its arguments."""
    arguments, environment, folder, bounds = json.loads(message)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, stream in enumerate(streams[:3]):
        os.dup2(stream, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    time.tzset()
    for bound, kind in zip(bounds, (resource.RLIMIT_AS, resource.RLIMIT_FSIZE), strict=True):
        if bound >= 0:
            resource.setrlimit(kind, (bound, bound))
    return [str(word) for word in arguments]


def _run_hullmark() -> None:
    from hullmark.cli import program

    program()


def _spend_little() -> None:
    """Have servers open connections as they need them: one that is opened ahead costs as much as a small transaction. And have passwords
    hashed at the lowest cost, as those in a test's own process are."""
    from hullmark.server.stories.identity.passwords import Passwords
    from hullmark.server.tables import database

    database._READY = 1
    Passwords.__init__.__kwdefaults__ = {"time_cost": 1, "memory_kib": 64}


def _run_code(code: str, *arguments: str) -> NoReturn:
    """Run code with arguments as `python -c` does, which may import what lies in its folder."""
    sys.argv[:] = ["-c", *arguments]
    sys.path.insert(0, str(Path.cwd()))
    exec(code, {"__name__": "__main__"})  # noqa: S102 - a test's own
    sys.exit(0)


def _fork_roles() -> None:
    """Have the supervisor that this process becomes fork its roles, from a process that is as this one is now."""
    from hullmark.server.process import process, supervisor

    asking, listener = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (forking := os.fork()) == 0:
        asking.close()
        _be_named("roles")
        arguments = _serve(listener)
        os.setsid()
        _be_named(*arguments)
        gc.enable()
        os._exit(process.main(arguments))
    listener.close()
    _be_named("all")
    roles = ForkServer(0, asking=asking)

    async def start_role(role: str, environment: Mapping[str, str]) -> ForkedRole:
        mine = RunRequest([role], {**environment, process.PARENT: str(forking)}, str(Path.cwd()))
        roles.started_with = mine.at_start()
        launched = roles.launch(mine, sys.stderr.fileno())
        assert launched is not None
        return ForkedRole(launched)

    supervisor.start_role = start_role


def _practise() -> None:
    """See `tests.support.practice`, which lies beside this file; a copy of the program may have it nowhere else."""
    runpy.run_path(str(Path(__file__).with_name("practice.py")))["practise"]()


def _be_named(name: str) -> None:
    Path("/proc/self/comm").write_text(NAMED + name)


def _main() -> NoReturn:
    number, of = sys.argv[1:]
    gc.disable()  # until all is imported; runs that are forked look for garbage as they do
    if of in ("hullmark", "hullmark.server"):
        _learn(with_server=of == "hullmark.server")
        if of == "hullmark.server":
            _spend_little()
            faulthandler.register(signal.SIGUSR1)  # what is forked has it too: see Server.stacks
        else:
            _practise()
    else:
        import_module(f"{of}.cli")
    sys.argv[1:] = _serve(socket.socket(fileno=int(number)))
    gc.enable()
    try:
        if of in ("hullmark", "hullmark.server"):
            if sys.argv[1:2] == [CODE] or (of == "hullmark.server" and sys.argv[1] == "-c"):
                _run_code(*sys.argv[2:])
            if sys.argv[1:] == ["serve", "--role", "all"]:
                _fork_roles()
            _run_hullmark()
        else:
            runpy.run_module(of, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        # Help and wrong usage end so. There is no need to tear the interpreter down.
        if not isinstance(end.code, int):
            raise
        for stream in (sys.stdout, sys.stderr):
            if not stream.closed:
                stream.flush()
        os._exit(end.code)
    sys.exit(0)


if __name__ == "__main__":
    _main()
