"""What programs start that have only few calls which start others, each of them known from their sources.

Elsewhere every word among a program's constants may be the name of a program that it starts. Of these that would be wrong, as a server of
SQL has thousands of words. Where one of them calls a function that is not listed here, its words count as everybody's do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hullmark.reach.scene import Scene


class KnownStart(NamedTuple):
    """What one function is called for: the programs that it starts, or anything, but only where a setting of this beginning is on."""

    programs: tuple[str, ...] = ()
    setting: str = ""


# mysys/my_addr_resolve.c: how a crash is told; sql/wsrep_utils.cc: the scripts of a Galera cluster (MariaDB 10.4 to 12).
_MARIADB = {"execlp": KnownStart(("addr2line",)), "posix_spawnp": KnownStart(setting="wsrep")}
# Apache's library starts what its callers name (threadproc/unix/proc.c), and its server the programs of logs, which settings name
# (server/log.c).
_APR = {name: KnownStart() for name in ("execv", "execve", "execvp")}
_HTTPD = {"apr_proc_create": KnownStart()}
# Java's debugger starts what its option `launch` names (jdk.jdwp.agent, exec_md.c).
_JDWP = {"execvp": KnownStart(setting="launch")}
_PROGRAMS = {
    "mariadbd": _MARIADB, "mysqld": _MARIADB, "apache2": _HTTPD, "httpd": _HTTPD, "libapr-1.so": _APR, "libjdwp.so": _JDWP,
}  # fmt: skip
_OFF = ("", "0", "off", "false", "none")


def known_programs(scene: Scene, path: str, called: frozenset[str]) -> tuple[str, ...] | None:
    """The programs that a program can start by the functions that it calls; None where that is not known."""
    name = path.rpartition("/")[2]
    known = _PROGRAMS.get(name.partition(".so")[0] + ".so" if ".so" in name else name)
    if known is None or not called <= known.keys():
        return None
    if any(known[name].setting and _is_on(scene, known[name].setting) for name in called):
        return None
    return tuple(program for name in sorted(called) for program in known[name].programs)


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
