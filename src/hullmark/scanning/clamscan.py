"""ClamAV without its daemon: bodies are put aside under numbers, and `clamscan` looks at many of them at once.

Starting it costs seconds, which is why it is not started for each file. The folder is private and is removed; nothing in it
has the name or the rights that it has in the image.
"""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from threading import Lock

import msgspec

from hullmark.facets.malware.clamav import engine_of, verdict
from hullmark.facets.malware.scanner import IN_MEMORY, Scan
from hullmark.facets.malware.unopened import ArchiveWatch, with_reason
from hullmark.facets.unpacking.archives import Allowance
from hullmark.model.errors import HullmarkError
from hullmark.model.malware import Engine

BATCH_BYTES = 512 << 20
TIMEOUT_SECONDS = 3600

SIGNATURES = frozenset((".cvd", ".cld", ".hdb", ".hsb", ".ldb", ".ndb", ".mdb", ".msb", ".db", ".cdb", ".yar", ".yara"))
"""How the names of files with signatures end."""

_OPTIONS = (
    "--alert-encrypted=yes",
    "--stdout",
    "--alert-exceeds-max=yes",
    "--max-filesize=1000M",
    "--max-scansize=2000M",
)


_IN_ORDER = (0, 1)
"""With these it ends where all went well: nothing was found, or something was."""

_OK, _ERROR = ": OK", " ERROR"
_NO_SIGNATURES = "Known viruses: 0"


class ClamscanScanner:
    """Implements facets.malware.scanner.Scanner with the program `clamscan`.

    `folder` is an empty, private folder for the bodies, `database` a folder of signatures, or a file of them. Raises HullmarkError
    where the program does not run, or there are no signatures.
    """

    limit = IN_MEMORY

    def __init__(self, program: str, folder: Path, database: Path) -> None:
        self.engine = _engine(program, database)
        temporary = folder / "temporary"
        temporary.mkdir()
        self._list = folder / "list"
        self._command = [program, *_OPTIONS, f"--database={database}", f"--tempdir={temporary}"]
        self._command.append(f"--file-list={self._list}")
        self._folder = folder
        self._numbers = itertools.count(1)
        self._lock, self._running = Lock(), Lock()
        self._waiting: list[Path] = []
        self._waiting_bytes = 0
        self._answers: dict[str, Scan] = {}
        self._closed: dict[str, str] = {}
        self._allowance = Allowance()
        self._process: subprocess.Popen[str] | None = None
        self._is_closed = False

    def scan(self, body: memoryview) -> Scan:
        """Put one file aside; the answer comes later."""
        stream = self.stream(len(body))
        stream.write(body)
        return stream.finish()

    def stream(self, size: int) -> ClamscanStream:
        """Put a file aside as it comes."""
        return ClamscanStream(self, self._folder / str(next(self._numbers)), ArchiveWatch(size, self._allowance))

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be put aside any more."""
        return self._is_closed

    def put(self, path: Path, size: int, closed: str = "") -> None:
        """A file was put aside to its end; once there are many they are looked at. `closed`: what is not looked into of it."""
        with self._lock:
            if closed:
                self._closed[path.name] = closed
            self._waiting.append(path)
            self._waiting_bytes += size
            is_due = self._waiting_bytes >= BATCH_BYTES
        if is_due:
            self._look()

    def settle(self) -> Mapping[str, Scan]:
        """The answers for all files that were put aside, by their numbers."""
        self._look()
        return self._answers

    def close(self) -> None:
        """Stop: the folder is about to be removed."""
        self._is_closed = True
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def _look(self) -> None:
        """Have the program look at what waits: one at a time, for it holds all its signatures in memory."""
        with self._running:
            with self._lock:
                files, self._waiting, self._waiting_bytes = self._waiting, [], 0
            if not files or self._is_closed:
                return
            try:
                lines, reason = self._output_for(files)
            except OSError as error:
                lines, reason = [], f"clamscan did not run ({error.strerror})"
            answers = _answers(self._folder, files, lines, reason)
            self._answers |= {name: with_reason(scan, self._closed.pop(name, "")) for name, scan in answers.items()}
            for file in files:
                file.unlink(missing_ok=True)

    def _output_for(self, files: Sequence[Path]) -> tuple[list[str], str]:
        """The lines that the program writes, and what is to be said of files that no line is about."""
        self._list.write_text("".join(f"{file}\n" for file in files))
        with subprocess.Popen(  # noqa: S603 - the program that was found
            self._command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as self._process:
            try:
                output, complaints = self._process.communicate(timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                return [], "clamscan did not end in time"
            except BaseException:
                self._process.kill()
                raise
        first = next((line for line in complaints.splitlines() if line.strip()), "")[:200]
        status, lines = self._process.returncode, output.splitlines()
        if status in _IN_ORDER and _NO_SIGNATURES in lines:
            return [], "clamscan found no signatures"
        if status not in _IN_ORDER and not any(line.endswith(_ERROR) for line in lines):
            lines = [line for line in lines if not line.endswith(_OK)] if status > 0 else lines
        ended = f"clamscan ended with status {status} and did not speak of it"
        return lines, f"{ended} ({first})" if first else ended


def _answers(folder: Path, files: Sequence[Path], lines: Sequence[str], reason: str) -> dict[str, Scan]:
    """What lines such as `/folder/12: NAME FOUND` say, by number. A file that no line is about was not looked at."""
    unspoken = Scan(failed=reason, is_passing=True)
    answers = {file.name: unspoken for file in files}
    for line in lines:
        number, colon, answer = line.removeprefix(f"{folder}/").partition(": ")
        if colon and number in answers:
            known, scan = answers[number], verdict(answer)
            answers[number] = scan if known is unspoken else Scan(known.hits + scan.hits, known.failed or scan.failed)
    return answers


class ClamscanStream:
    """One file on its way to the folder."""

    def __init__(self, scanner: ClamscanScanner, path: Path, watch: ArchiveWatch) -> None:
        self._scanner = scanner
        self._watch = watch
        self._path = path
        self._size = 0
        self._failed = "the scan was stopped" if scanner.is_closed else ""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        if self._failed:
            return
        self._watch.write(piece)
        try:
            # Opened for each piece, of a mebibyte, so that nothing stays open where the reading of a layer breaks off.
            with self._path.open("ab") as file:
                file.write(piece)
            self._size += len(piece)
        except OSError as error:
            self._failed = f"it could not be put aside ({error.strerror})"
            self._path.unlink(missing_ok=True)

    def finish(self) -> Scan:
        """The answer comes later, under the file's number."""
        if self._failed:
            return Scan(failed=self._failed, is_passing=True)
        self._scanner.put(self._path, self._size, self._watch.finish())
        return Scan(pending=self._path.name)


def _engine(program: str, database: Path) -> Engine:
    """The program's version, and which signatures these are: told by the main ones, and by the files that are there."""
    engine = engine_of_program(program, f"--database={database}")
    files = signature_files(database)
    if not files:
        raise HullmarkError(f"there are no signatures of ClamAV in {database}", advice="fetch some with freshclam")
    stats = [(file.name, file.stat()) for file in files]
    digest = sha256("\n".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats).encode()).hexdigest()
    newest = datetime.fromtimestamp(max(stat.st_mtime for _, stat in stats), UTC)
    return msgspec.structs.replace(
        engine,
        signatures=f"{engine.signatures or 'files'}-{digest[:12]}",
        signatures_at=engine.signatures_at or newest,
    )


def signature_files(database: Path) -> list[Path]:
    """The files with signatures in a folder, or the one file itself; none where they cannot be seen."""
    try:
        files = sorted(database.iterdir()) if database.is_dir() else [database]
        return [file for file in files if file.suffix in SIGNATURES and file.is_file()]
    except OSError:
        return []


def engine_of_program(program: str, *options: str) -> Engine:
    """The program's version, and the number of its main signatures if it has some. Raises HullmarkError where it does not run."""
    try:
        answer = subprocess.run(  # noqa: S603 - as above
            [program, *options, "--version"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise HullmarkError(f"{program} does not run: {error}", advice="install ClamAV, or use clamd") from error
    engine = engine_of(answer)
    if engine is None:
        raise HullmarkError(f"{program} is not a clamscan", advice="install ClamAV, or use clamd")
    return engine
