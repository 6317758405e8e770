"""Options that verbs share, and where their values come from: flag, then environment (HULLMARK_…), then file."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.setting_names import (
    ADVISORY_VALUES,
    CONFIG,
    CONFIG_HELP,
    CORRECTIONS,
    EVERY,
    KEEPING,
    POLICY_VALUES,
    SCANNER_VALUES,
    SECRET_VALUES,
    SWITCHES,
    VALUES,
)

if TYPE_CHECKING:
    from datetime import datetime

    from hullmark.advisories.database.shelf import Shelf
    from hullmark.advisories.database.snapshot import Snapshot
    from hullmark.app.kept_policies import PolicyShelf
    from hullmark.model.correction import Corrections
    from hullmark.model.jar import JarIndex
    from hullmark.scanning.request import ScanResources
    from hullmark.source import SourceOptions

_EXTENSIONS = "typing_extensions"


def add_common(parser: argparse.ArgumentParser) -> None:
    """The options that every verb has."""
    group = parser.add_argument_group("general options")
    group.add_argument("--config", metavar="FILE", help=CONFIG_HELP)
    group.add_argument("--debug", action="store_true", help="show where an error happened")


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """The options of verbs that read images."""
    group = parser.add_argument_group("reading images")
    for option in VALUES:
        group.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")
    for option in SWITCHES:
        flags = ("-q", option.flag) if option.flag == "--quiet" else (option.flag,)
        group.add_argument(*flags, action="store_const", const="true", help=f"{option.help} [{option.variable}]")


def add_corrections(parser: argparse.ArgumentParser) -> None:
    """The corrections alone, for verbs that read no image."""
    parser.add_argument(
        CORRECTIONS.flag, metavar=CORRECTIONS.metavar, help=f"{CORRECTIONS.help} [{CORRECTIONS.variable}]"
    )


def add_source(parser: argparse.ArgumentParser, *, or_workload: bool = False) -> None:
    """The SOURCE argument; it may be left out where a workload may name images."""
    more = "; none: the images that --workload names" if or_workload else ""
    count = "*" if or_workload else "+"
    parser.add_argument(
        "source", metavar="SOURCE", nargs=count, help=f"image reference, file or folder (see below){more}"
    )


SOURCES = """\
a SOURCE is one of
  NAME[:TAG][@DIGEST]       of a local Docker or podman, or its registry
  registry:NAME             from its registry
  docker:NAME, podman:NAME  from the local daemon
  docker-archive:FILE[:NAME:TAG]  what `docker save` writes
  oci-dir:DIR[:TAG]         an OCI image layout
  oci-archive:FILE[:TAG]    the same in a tar
  dir:PATH                  a folder as root file system
  sbom:FILE                 CycloneDX, SPDX, syft's JSON or our own
  PATH                      any of these, recognised by content
"""


def add_advisory_options(parser: argparse.ArgumentParser, *, only_folder: bool = False) -> None:
    """The options of verbs that use advisories."""
    group = parser.add_argument_group("advisories")
    for option in ADVISORY_VALUES[:1] if only_folder else ADVISORY_VALUES:
        group.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")


def add_scanner_options(parser: argparse.ArgumentParser) -> None:
    """Where malware scanners are."""
    group = parser.add_argument_group("malware scanners")
    for option in SCANNER_VALUES:
        group.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")


def add_secret_options(parser: argparse.ArgumentParser) -> None:
    """What else counts as a secret."""
    group = parser.add_argument_group("secrets")
    for option in SECRET_VALUES:
        group.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")


def add_keeping_options(parser: argparse.ArgumentParser) -> None:
    """How many snapshots are kept."""
    for option in KEEPING:
        parser.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """The options of verbs that use kept policies."""
    for option in POLICY_VALUES:
        parser.add_argument(option.flag, metavar=option.metavar, help=f"{option.help} [{option.variable}]")


def add_moments(parser: argparse.ArgumentParser, known: str) -> None:
    """The moment that counts as now, and the one whose knowledge counts; `known` says whose."""
    parser.add_argument(
        "--at",
        "--as-of",
        dest="at",
        metavar="TIME",
        help="the moment that counts as now, as 2026-03-01T12:00:00Z",
    )
    parser.add_argument("--known-at", metavar="TIME", help=f"judge by what was known at that moment: {known}")


class Settings:
    """The values of one run."""

    def __init__(self, arguments: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._environment = environment
        self._file = _config_file(arguments.config, environment)

    def get(self, name: str) -> Any:
        """A value by the precedence flag, environment, file; None where nothing sets it. Raises HullmarkError if it is wrong."""
        from hullmark.model.errors import HullmarkError

        option = next(o for o in EVERY if o.name == name)
        for origin, raw in (
            (option.flag, getattr(self._arguments, name, None)),
            (option.variable, self._environment.get(option.variable)),
            ("the settings file", self._file.get(name)),
        ):
            if raw is None:
                continue
            text = ("true" if raw else "false") if isinstance(raw, bool) else str(raw)
            try:
                return option.kind(text)
            except ValueError:
                raise HullmarkError(f"{origin}: {text!r} is not a value for {name}", advice=option.help) from None
        return None

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of this run."""
        return self._environment

    def server(self) -> str:
        """The server that is to be asked, as it was written; "" for none."""
        return str(self.get("server") or "").strip()

    def config_folder(self) -> Path:
        """Where settings are kept, as the XDG base directory specification has it."""
        return _config_folder(self._environment)

    def cache_folder(self) -> Path | None:
        """Where layer records are kept; None with --no-cache."""
        if self.get("no_cache"):
            return None
        return cache_folder(self.get("cache_dir"), self._environment)

    def means(self, watch: Any = None) -> ScanResources:
        """What a scan may use."""
        from msgspec.structs import replace

        from hullmark.scanning.request import ScannerPlaces, ScanResources

        database, rules = self.get("clamav_database"), self.get("yara_rules")
        scanners = ScannerPlaces(
            clamd=self.get("clamd"),
            clamav_database=Path(database) if database else None,
            yara_rules=Path(rules) if rules else None,
        )
        own, salt = self.get("secret_rules"), self.get("secret_salt")
        resources = ScanResources(
            cache_folder=self.cache_folder(),
            jobs=self.get("jobs"),
            watch=watch,
            scanners=scanners,
            keeping=self.get("keep_files") or "asked",
        )
        if own:
            resources = replace(resources, secret_rules=(Path(own),))
        resources = replace(resources, jars=self._jars)
        if self.get("corrections"):
            resources = replace(resources, corrections=self._corrections)
        return replace(resources, secret_salt=salt.encode("utf-8", "surrogateescape")) if salt else resources

    @cached_property
    def _jars(self) -> JarIndex | None:
        from hullmark.model.jar import KEPT_FILE

        chosen = self.get("jar_index")
        path = Path(chosen) if chosen else self._advisory_folder() / KEPT_FILE
        if not chosen and not path.is_file():
            return None
        from hullmark.advisories.database.jars import opened_jars

        return opened_jars(path)

    @cached_property
    def _corrections(self) -> Corrections:
        from hullmark.scanning.corrections import corrections_in

        return corrections_in(Path(self.get("corrections")))

    def source_options(self) -> SourceOptions:
        """How images are found."""
        from hullmark.source.options import source_options

        return source_options(
            self._environment,
            platform=self.get("platform"),
            insecure=bool(self.get("insecure")),
            ca_file=self.get("cacert"),
        )

    def shelf(self) -> Shelf:
        """Where advisories are kept."""
        from hullmark.advisories.database.shelf import KEPT_SNAPSHOTS, Shelf

        return Shelf(self._advisory_folder(), self.get("keep_snapshots") or KEPT_SNAPSHOTS)

    def _advisory_folder(self) -> Path:
        chosen = self.get("db_dir")
        return Path(chosen) if chosen else self._data_folder() / "advisories"

    def policies(self) -> PolicyShelf:
        """Where policies are kept."""
        from hullmark.app.kept_policies import PolicyShelf

        chosen = self.get("policy_dir")
        return PolicyShelf(Path(chosen) if chosen else self._data_folder() / "policies")

    def memory_of_verdicts(self) -> Path:
        """Where the newest verified verdict of each image is remembered."""
        return self._data_folder() / "verified-verdicts.json"

    def _data_folder(self) -> Path:
        base = self._environment.get("XDG_DATA_HOME")
        data = Path(base) if base else Path(self._environment.get("HOME") or "/") / ".local" / "share"
        return data / "hullmark"

    def open_snapshot(self, known_at: datetime | None = None) -> AbstractContextManager[Snapshot]:
        """The advisories of this run, opened; with `known_at` those in use then. Raises HullmarkError if there are none."""
        from hullmark.app.advisories import open_snapshot

        snapshot, folder = self.get("snapshot"), self.get("advisories")
        return open_snapshot(
            self.shelf(), Path(snapshot) if snapshot else None, Path(folder) if folder else None, known_at=known_at
        )

    def open_snapshot_if_any(self) -> AbstractContextManager[Snapshot | None]:
        """The advisories of this run; None where there are none, and nobody named any."""
        is_named = self.get("snapshot") or self.get("advisories")
        return self.open_snapshot() if is_named or self.shelf().current() is not None else nullcontext()

    def wants_progress(self) -> bool:
        """Progress is for people at a terminal."""
        return sys.stderr.isatty() and not self.get("quiet") and self._environment.get("TERM") != "dumb"

    def wants_color(self) -> bool:
        """Colour is for terminals whose owner does not mind (no-color.org)."""
        return sys.stdout.isatty() and not self._environment.get("NO_COLOR")


def cache_folder(chosen: str | None, environment: Mapping[str, str]) -> Path:
    """The cache folder: as chosen, else as the XDG base directory specification has it."""
    if chosen:
        return Path(chosen)
    base = environment.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path(environment.get("HOME") or "/") / ".cache") / "hullmark"


def _config_folder(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path(environment.get("HOME") or "/") / ".config") / "hullmark"


def _config_file(chosen: str | None, environment: Mapping[str, str]) -> dict[str, Any]:
    default = _config_folder(environment) / "hullmark.yaml"
    path = Path(chosen or environment.get(CONFIG.variable) or default)
    if path == default and not path.exists():
        return {}
    import yaml

    from hullmark.model.errors import HullmarkError

    try:
        document = yaml.safe_load(path.read_text("utf-8")) or {}
    except OSError as error:
        raise HullmarkError(
            f"cannot read the settings file {path}: {error.strerror}", advice="check the path"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HullmarkError(f"the settings file {path} is not YAML", advice=str(error).splitlines()[0]) from error
    known = {option.name for option in EVERY}
    if not isinstance(document, dict):
        raise HullmarkError(f"the settings file {path} is not a mapping", advice="write lines such as `jobs: 2`")
    settings = {str(key).replace("-", "_"): value for key, value in document.items()}
    if unknown := sorted(set(settings) - known):
        raise HullmarkError(
            f"the settings file {path} has an unknown setting {unknown[0]!r}",
            advice=f"known are {', '.join(sorted(known))}",
        )
    return settings


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of this process. Raises HullmarkError for a wrong one, whether or not this run needs it."""
    settings = Settings(arguments, os.environ)
    for option in EVERY:
        settings.get(option.name)
    _import_msgspec()
    return settings


def _import_msgspec() -> None:
    """Whoever has settings needs it. It takes typing_extensions where they are installed, though typing has what it takes of them from
    Python 3.11 on: to import them costs as much as all catalogers do together."""
    if "msgspec" in sys.modules or _EXTENSIONS in sys.modules:
        return
    sys.modules[_EXTENSIONS] = None  # type: ignore[assignment]  # what the import system has for a name that cannot be imported
    try:
        import_module("msgspec")
    finally:
        del sys.modules[_EXTENSIONS]


def moment(text: str | None, option: str = "--at") -> datetime:
    """The moment that an option says, else this one. Raises HullmarkError for what is not a time."""
    from datetime import UTC, datetime

    from hullmark.model.errors import HullmarkError

    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise HullmarkError(f"{option}: {text!r} is not a time", advice="write it as 2026-03-01T12:00:00Z") from None


def known_moment(text: str | None) -> datetime | None:
    """The moment that --known-at says, None if it is not given. Raises HullmarkError for what is not a time."""
    return moment(text, "--known-at") if text is not None else None
