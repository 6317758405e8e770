"""What programs start that have only few calls which start others, each of them known from their sources.

Elsewhere every word among a program's constants may be the name of a program that it starts. Of these that would be wrong, as a server of
SQL has thousands of words. Where one of them calls a function that is not listed here, its words count as everybody's do. So do those of
a file that only has the name: what is listed here holds for what the system's own packages installed, as they installed it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from hullmark.reach.scene import Scene


class KnownStart(NamedTuple):
    """What one function is called for: the programs that it starts, with their options, what its `users` name (those whom it trusts as
    it does itself), or anything, but only where one of these settings is on, each the beginning of a name."""

    programs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    users: str = ""


# mysys/my_addr_resolve.c: how a crash is told; sql/wsrep_utils.cc: the scripts of a Galera cluster (MariaDB 10.4 to 12).
_MARIADB = {"execlp": KnownStart(("addr2line",)), "posix_spawnp": KnownStart(settings=("wsrep",))}
# Apache's library starts what its callers name (threadproc/unix/proc.c), and its server the programs of logs, which settings name
# (server/log.c).
_APR = {name: KnownStart() for name in ("execv", "execve", "execvp")}
_HTTPD = {"apr_proc_create": KnownStart()}
# Java's debugger starts what its option `launch` names (jdk.jdwp.agent, exec_md.c).
_JDWP = {"execvp": KnownStart(settings=("launch",))}
# PostgreSQL lists the system's locales (commands/collationcmds.c), asks for the passphrase of a key (libpq/be-secure-common.c), copies from
# and to programs for superusers (COPY … PROGRAM), and archives (archive/shell_archive.c, access/transam/xlogarchive.c; 13 to 18).
_POSTGRES = {
    "popen": KnownStart(("locale -a",), ("ssl_passphrase_command",), "COPY … PROGRAM"),
    "system": KnownStart(
        settings=("archive_command", "archive_cleanup_command", "restore_command", "recovery_end_command")
    ),
}
# Its library for clients has the code to ask another program of PostgreSQL for its version (common/exec.c), and nothing in it calls that.
_LIBPQ = {"popen": KnownStart()}
_PROGRAMS: Mapping[str, Mapping[str, KnownStart]] = {
    "postgres": _POSTGRES,
    "libpq.so": _LIBPQ,
    "mariadbd": _MARIADB, "mysqld": _MARIADB, "apache2": _HTTPD, "httpd": _HTTPD, "libapr-1.so": _APR, "libjdwp.so": _JDWP,
}  # fmt: skip
_BY_OPTIONS = {"locale": ("/i18n/charmaps", ("-m", "--charmaps"))}
"""Programs, and how a folder ends that they read for one of these options alone."""

_MODULES = {"postgres": re.compile(r".*/lib(?:/postgresql)?").fullmatch}
"""Programs that take from a folder that they name libraries alone. Of PostgreSQL that is $libdir (utils/fmgr/dfmgr.c): what else lies there
is to build extensions with (pgxs), or for its compiler."""

_OFF = ("", "0", "off", "false", "none")
_OF_THE_SYSTEM = ("pkg:deb/", "pkg:rpm/", "pkg:apk/", "pkg:alpm/")


def known_programs(scene: Scene, path: str, called: frozenset[str]) -> tuple[str, ...] | None:
    """The programs that a program can start by the functions that it calls; None where that is not known."""
    known = _find_known_starts(scene, path)
    if not called <= known.keys():
        return None
    if any(_is_on(scene, setting) for name in called for setting in known[name].settings):
        return None
    return tuple(program for name in sorted(called) for program in known[name].programs)


def for_users(scene: Scene, path: str, called: frozenset[str]) -> tuple[str, ...]:
    """By which of its own words the users of a program start others, whatever these are."""
    known = _find_known_starts(scene, path)
    return tuple(known[name].users for name in sorted(called) if name in known and known[name].users)


def reads_by_option(scene: Scene, path: str, folder: str, options: str) -> bool:
    """Whether a program that is started with these options may read a folder that it names."""
    ending, asking = _BY_OPTIONS.get(path.rpartition("/")[2], ("/", ()))
    if not _is_packaged(scene, path):
        return True
    return not folder.rstrip("/").endswith(ending) or any(option in asking for option in options.split())


def loads_alone(scene: Scene, path: str, folder: str) -> bool:
    """Whether a program takes from a folder that it names nothing but libraries."""
    fits = _MODULES.get(path.rpartition("/")[2])
    return fits is not None and fits(folder.rstrip("/")) is not None and _is_packaged(scene, path)


def _is_packaged(scene: Scene, path: str) -> bool:
    """Whether a package of the system installed a program, and it is as that package installed it, as far as that can be told."""
    record = scene.tree.files.get(path)
    if record is None or record.owner is None or record.state == "changed":
        return False
    return record.owner.startswith(_OF_THE_SYSTEM)


def _find_known_starts(scene: Scene, path: str) -> Mapping[str, KnownStart]:
    if not _is_packaged(scene, path):
        return {}
    name = path.rpartition("/")[2]
    return _PROGRAMS.get(name.partition(".so")[0] + ".so" if ".so" in name else name, {})


def _is_on(scene: Scene, beginning: str) -> bool:
    """Whether a setting of a service, a variable or a word of what is started asks for something."""
    config = scene.facts.config
    started = (*config.entrypoint, *config.cmd, *config.env) if config is not None else ()
    if any(beginning in word.lower().replace("-", "_") for word in started):
        return True
    return any(
        setting.key.rpartition(".")[2].startswith(beginning) and not _is_off(setting.value)
        for settings in scene.settings.values()
        for setting in settings
    )


def _is_off(value: Any) -> bool:
    return value in (None, False) or str(value).strip().lower() in _OFF
