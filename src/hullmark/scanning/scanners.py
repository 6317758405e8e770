"""Which malware scanners there are on this machine, and their beginning and end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from hullmark.facets.malware.scanner import EngineWithoutSignatures, Scanner
from hullmark.facets.malware.yara import MAX_RULES_BYTES, BadRules, YaraScanner
from hullmark.model.errors import HullmarkError
from hullmark.scanning.clamd import ClamdScanner
from hullmark.scanning.clamscan import ClamscanScanner, engine_of_program, signature_files
from hullmark.scanning.documents import read_bounded
from hullmark.scanning.request import ScannerPlaces

SOCKETS = ("/run/clamav/clamd.ctl", "/var/run/clamav/clamd.ctl", "/run/clamd.scan/clamd.sock", "/run/clamd/clamd.sock")
DATABASES = ("/var/lib/clamav", "/usr/local/share/clamav", "/opt/homebrew/var/lib/clamav")
_RULES = (".yar", ".yara")


@contextmanager
def open_scanners(places: ScannerPlaces) -> Iterator[tuple[Scanner, ...]]:
    """The available scanners, maybe none. Raises HullmarkError for one that was requested and is not
    available."""
    with ExitStack() as stack:
        clamav = _clamav(places, stack)
        yara = _yara(places.yara_rules) if places.yara_rules is not None else None
        if isinstance(clamav, EngineWithoutSignatures) and yara is not None:
            clamav = None  # another one looks, and nobody asked for this one
        yield tuple(scanner for scanner in (clamav, yara) if scanner is not None)


def _clamav(places: ScannerPlaces, stack: ExitStack) -> Scanner | None:
    if places.clamd:
        return ClamdScanner(places.clamd)
    program = shutil.which("clamscan")
    if places.clamav_database is not None:
        if program is None:
            raise HullmarkError("clamscan is not installed", advice="install ClamAV, or leave --clamav-database out")
        return _clamscan(program, places.clamav_database, stack)
    database = next((Path(folder) for folder in DATABASES if signature_files(Path(folder))), None)
    try:
        daemon = _daemon()
        if daemon is not None or program is None:
            return daemon
        if database is None:
            return EngineWithoutSignatures(replace(engine_of_program(program), has_signatures=False))
        return _clamscan(program, database, stack)
    except HullmarkError:
        return None  # nobody asked for it


def _daemon() -> Scanner | None:
    """The daemon at one of the usual sockets. Those that may not be used, or that nobody listens at, are as if there were none."""
    for path in SOCKETS:
        try:
            if Path(path).is_socket():
                return ClamdScanner(f"unix://{path}")
        except (OSError, HullmarkError):
            continue
    return None


def _clamscan(program: str, database: Path, stack: ExitStack) -> Scanner:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="hullmark-"))
    scanner = ClamscanScanner(program, Path(folder), database)
    stack.callback(scanner.close)
    return scanner


def _yara(path: Path) -> YaraScanner:
    files = sorted(file for file in path.rglob("*") if file.suffix in _RULES) if path.is_dir() else [path]
    if not files:
        raise HullmarkError(
            f"there are no YARA rules in {path}", advice="rules stand in files that end in .yar or .yara"
        )
    root = path if path.is_dir() else path.parent
    sources = [
        (str(file.relative_to(root)), read_bounded(file, MAX_RULES_BYTES).decode("utf-8", "replace")) for file in files
    ]
    newest = max(datetime.fromtimestamp(file.stat().st_mtime, UTC) for file in files)
    try:
        return YaraScanner(sources, newest)
    except BadRules as error:
        raise HullmarkError(f"the YARA rules cannot be used: {error}", advice="correct them") from error
    except ImportError as error:
        raise HullmarkError("YARA rules need yara-x", advice="install hullmark[malware]") from error
