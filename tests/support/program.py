"""The program as a user runs it: another process, with a home, a temporary folder and a working folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import fork_server

_SCRIPT = Path(sys.executable).with_name("hullmark")
_CODE = "from hullmark.cli import program; program()"
HULLMARK = (str(_SCRIPT),) if _SCRIPT.exists() else (sys.executable, "-c", _CODE)
INTERRUPTIBLE = ("env", "--default-signal=INT")
"""In front of a command that is to be interrupted: whoever runs the tests in the background ignores interrupts, and so would it."""
BOUNDED = Path(__file__).with_name("bounded.py")

# Notes each file that is opened, and how many bytes are asked for and got through the calls that read stored layers.
_LISTENING = """\
import json, os, sys
path, got, preadv, pread = sys.argv.pop(1), {}, os.preadv, os.pread
def noted(read):
    def reading(fd, *rest):
        answer = read(fd, *rest)
        name = os.readlink(f"/proc/self/fd/{fd}")
        got[name] = got.get(name, 0) + (answer if isinstance(answer, int) else len(answer))
        return answer
    return reading
os.preadv, os.pread = noted(preadv), noted(pread)
def leave(status, leave=os._exit):
    with open(path, "w") as log:
        log.write(json.dumps(got))
    leave(status)
os._exit = leave
"""


@dataclass(frozen=True)
class Ran:
    """How a run ended: exit status, standard output, standard error."""

    status: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.out.decode()

    @property
    def document(self) -> Any:
        """Standard output as JSON, of a run that must have passed."""
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> tuple[str, str]:
        """(what is wrong, what to do, which may be empty) of a run that must have been refused, with nothing else said."""
        assert (self.status, self.out) == (2, b""), self
        what, *advice = self.err.splitlines()
        assert what.startswith("hullmark: "), self.err
        assert "bug" not in what
        assert len(advice) <= 1, self.err
        assert all(line.startswith("  ") and line.strip() for line in advice), self.err
        return what.removeprefix("hullmark: "), "".join(advice).strip()


@dataclass(frozen=True)
class Bounded(Ran):
    """A run within bounds, and what it took."""

    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Program:
    """Runs `hullmark`. `home` holds the cache and the settings, `temporary` is TMPDIR, `place` where it is started."""

    home: Path
    temporary: Path
    place: Path

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """All variables that a run sees; nothing of the machine's but the path."""
        mine = {"HOME": str(self.home), "TMPDIR": str(self.temporary), "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "error"}
        return {"PATH": os.environ["PATH"], **mine, **(more or {})}

    def __call__(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, seconds: float = 60, given: str = ""
    ) -> Ran:
        """Run it with these arguments; `given` is its standard input. It is forked (`tests.support.fork_server`)."""
        words = [*map(str, arguments)]
        ran = fork_server.run(
            fork_server.RunRequest(words, self.environment(env), str(self.place), given.encode()), seconds
        )
        if ran is None:
            return self.started(*words, env=env, seconds=seconds, given=given)
        return Ran(ran.returncode, ran.stdout, ran.stderr.decode())

    def started(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, seconds: float = 60, given: str = ""
    ) -> Ran:
        """The same, by its name, with an interpreter that starts: for tests of the start itself."""
        return self._run([*HULLMARK, *map(str, arguments)], env, seconds, given)

    def _run(self, command: Sequence[str], env: Mapping[str, str] | None, seconds: float = 60, given: str = "") -> Ran:
        ran = subprocess.run(
            command,
            env=self.environment(env),
            cwd=self.place,
            capture_output=True,
            input=given.encode(),
            timeout=seconds,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr.decode())

    def bounded(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        seconds: int = 60,
        memory: int = -1,
        file_bytes: int = -1,
        is_started: bool = False,
    ) -> Bounded:
        """Run it with bounds for time, for memory and for the files it writes, in bytes (-1: none).

        It is forked, where that can be, and then the peak counts what the process that forks had. `is_started`: an interpreter starts, so
        that the peak is what a user's run takes.
        """
        if is_started:
            return self._started(arguments, env, seconds, (memory, file_bytes))
        words, began = [*map(str, arguments)], time.monotonic()
        request = fork_server.RunRequest(words, self.environment(env), str(self.place), bounds=(memory, file_bytes))
        try:
            ran = fork_server.run(request, seconds)
        except subprocess.TimeoutExpired as late:
            return Bounded(-signal.SIGKILL, late.output, (late.stderr or b"").decode(), seconds, 0)
        if ran is not None:
            took = time.monotonic() - began
            return Bounded(ran.returncode, ran.stdout, ran.stderr.decode(), took, ran.peak_kib / 1024)
        return self._started(arguments, env, seconds, (memory, file_bytes))

    def _started(
        self, arguments: Sequence[str | Path], env: Mapping[str, str] | None, seconds: int, bounds: tuple[int, int]
    ) -> Bounded:
        report = self.place.parent / "took.json"
        runner = [sys.executable, "-S", "-E", str(BOUNDED), *map(str, (report, seconds, *bounds))]
        ran = self._run([*runner, *HULLMARK, *map(str, arguments)], env, seconds + 30)
        took = json.loads(report.read_bytes())
        return Bounded(took["status"], ran.out, ran.err, took["seconds"], took["peak_kib"] / 1024)

    def read(self, *arguments: str | Path) -> tuple[Ran, dict[str, int]]:
        """Run it, and answer as well how many bytes it read of each file that holds images."""
        log = self.place.parent / "read.json"
        words = [_LISTENING + _CODE, str(log), *map(str, arguments)]
        request = fork_server.RunRequest([fork_server.CODE, *words], self.environment(), str(self.place))
        forked = fork_server.run(request, 60)
        ran = (
            self._run([sys.executable, "-c", *words], None)
            if forked is None
            else Ran(forked.returncode, forked.stdout, forked.stderr.decode())
        )
        found: dict[str, int] = json.loads(log.read_bytes())
        return ran, found

    def powerless(self, *arguments: str | Path) -> Ran:
        """Run it as a user for whom the rights of files count. Skips the test where root cannot let go of its powers."""
        command = [*HULLMARK, *map(str, arguments)]
        if os.geteuid() != 0:
            return self._run(command, None)
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root needs setpriv to let go of its powers")
        return self._run([setpriv, "--bounding-set=-all", "--inh-caps=-all", *command], None)

    def on_terminal(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, out: bool = True, err: bool = True
    ) -> tuple[Ran, str]:
        """Run it with standard output, standard error or both on a terminal; also answers what the terminal got."""
        master, slave = pty.openpty()
        with contextlib.closing(os.fdopen(master, "rb", buffering=0)) as screen:
            process = subprocess.Popen(
                [*HULLMARK, *map(str, arguments)],
                env=self.environment({"TERM": "xterm-256color", **(env or {})}),
                cwd=self.place,
                stdin=subprocess.DEVNULL,
                stdout=slave if out else subprocess.PIPE,
                stderr=slave if err else subprocess.PIPE,
            )
            os.close(slave)
            shown = _until_closed(screen.fileno())
            rest, complaints = process.communicate(timeout=60)
        return Ran(process.returncode, rest or b"", (complaints or b"").decode()), shown

    def leftovers(self) -> list[str]:
        """Every file and folder in the home, the temporary folder and the working folder."""
        places = (self.home, self.temporary, self.place)
        return [str(path.relative_to(place.parent)) for place in places for path in sorted(place.rglob("*"))]


def _until_closed(terminal: int) -> str:
    shown = b""
    # A terminal whose last process is gone answers EIO, not an end.
    with contextlib.suppress(OSError):
        while piece := os.read(terminal, 65536):
            shown += piece
    return shown.decode("utf-8", "replace")


def program_in(folder: Path) -> Program:
    """The program with its three folders in this one."""
    made = Program(folder / "home", folder / "temporary", folder / "place")
    for path in (made.home, made.temporary, made.place):
        path.mkdir(parents=True)
    return made
