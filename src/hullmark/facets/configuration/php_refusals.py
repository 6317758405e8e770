"""What php-fpm refuses to start with: entries that it does not know, values of another type, and pools that lack something.

As PHP 8.4 answers to `php-fpm -t`. Whether users, groups and folders are there is not said: that is found out on the machine it is
started on. PHP itself refuses nothing that stands in php.ini: what it cannot read ends the file, and the rest is as if it were not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from hullmark.facets.configuration.php_ini import Entry
from hullmark.facets.configuration.php_settings import POOL_FLAGS, POOL_NUMBERS
from hullmark.facets.configuration.release_defaults import Release

_GLOBAL_NAMES = """
    daemonize emergency_restart_interval emergency_restart_threshold error_log events.mechanism include log_buffering log_level
    log_limit pid process.max process.priority process_control_timeout rlimit_core rlimit_files syslog.facility syslog.ident
    systemd_interval
"""
_GLOBAL = frozenset(_GLOBAL_NAMES.split())
_POOL_NAMES = """
    access.format access.log apparmor_hat catch_workers_output chdir chroot clear_env decorate_workers_output group include listen
    listen.acl_groups listen.acl_users listen.allowed_clients listen.backlog listen.group listen.mode listen.owner
    ping.path ping.response pm pm.max_children pm.max_requests pm.max_spare_servers pm.max_spawn_rate pm.min_spare_servers
    pm.process_idle_timeout pm.start_servers pm.status_listen pm.status_path prefix process.dumpable process.priority
    request_slowlog_timeout request_slowlog_trace_depth request_terminate_timeout request_terminate_timeout_track_finished
    rlimit_core rlimit_files security.limit_extensions slowlog user
"""
_POOL = frozenset(_POOL_NAMES.split())
_KEYED_NAMES = "access.suppress_path env php_admin_flag php_admin_value php_flag php_value"
_KEYED = frozenset(_KEYED_NAMES.split())
_TIME_NAMES = """
    emergency_restart_interval pm.process_idle_timeout process_control_timeout request_slowlog_timeout request_terminate_timeout
    systemd_interval
"""
_TIMES = frozenset(_TIME_NAMES.split())
_FLAGS = frozenset(("php_admin_flag", "php_flag"))
_WORDS: Mapping[str, frozenset[str]] = {
    "events.mechanism": frozenset(("epoll", "poll", "select")),
    "log_level": frozenset(("alert", "debug", "error", "notice", "warning")),
    "pm": frozenset(("dynamic", "ondemand", "static")),
    "syslog.facility": frozenset((
        *("auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"),
        *(f"local{number}" for number in range(8)),
    )),
}  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]*").fullmatch
_TIME = re.compile(r"(?s:.*)[0-9smhd]").fullmatch
_PATHS = frozenset(("ping.path", "pm.status_path"))
_PATH = re.compile(r"/[A-Za-z0-9/_.~-]+").fullmatch
_SMALLEST_LINE = 512
_PRIORITIES = range(-19, 21)
_NEWER = (8, 5)
"""A release that may have further entries."""


def entry_refusal(entry: Entry, *, is_global: bool, release: Release | None) -> str:
    """Why php-fpm refuses an entry of its own or of a pool (its name in small letters), as far as that is sure; "" if it does not."""
    name = entry.name
    if entry.offset is not None and name in _KEYED and not is_global:
        return _check_key(name, entry.offset, entry.value)
    if entry.offset is None and name in (_GLOBAL if is_global else _POOL):
        return _value(name, entry.value)
    is_known = release is not None and release < _NEWER
    return f"{name[:100]} is not an entry of {'php-fpm itself' if is_global else 'a pool'}" if is_known else ""


def _check_key(name: str, offset: str, value: str) -> str:
    if not offset and name != "access.suppress_path":
        return f"{name} needs a name in its brackets"
    if name in _FLAGS:
        return "" if value in ("", "0", "1") else f"{name} is on or off"
    return "" if value or name != "env" else f"{name} needs a value"


def _value(name: str, value: str) -> str:
    words = _WORDS.get(name)
    if words is not None:
        return "" if value.lower() in words else f"{name} is one of {', '.join(sorted(words))}"
    if name in POOL_FLAGS:
        return "" if value in ("", "0", "1") else f"{name} is on or off"
    if name in _TIMES:
        return "" if _TIME(value) else f"{name} is a number of seconds, or one with s, m, h or d"
    if name == "rlimit_core" and value == "unlimited":
        return ""
    if name not in POOL_NUMBERS:
        return ""
    if not _NUMBER(value):
        return f"{name} is a whole number"
    return _out_of_range(name, int(value) if value.strip("-") else 0)


def _out_of_range(name: str, number: int) -> str:
    if name == "process.priority" and number not in _PRIORITIES:
        return f"{name} is from {_PRIORITIES[0]} to {_PRIORITIES[-1]}"
    if name == "log_limit" and number < _SMALLEST_LINE:
        return f"{name} is at least {_SMALLEST_LINE}"
    return f"{name} is not negative" if name == "rlimit_core" and number < 0 else ""


def pool_refusal(values: Mapping[str, str]) -> str:
    """Why php-fpm refuses a pool with these entries, as far as that is sure; "" if it does not."""
    if not values.get("listen"):
        return "it does not say where it listens"
    manager = values.get("pm", "").lower()
    if not manager:
        return "its process manager (pm) is not given"
    most = _number(values, "pm.max_children")
    if most < 1:
        return "pm.max_children is not a positive number"
    if manager == "dynamic" and (reason := _spare(values, most)):
        return reason
    for name in sorted(_PATHS & values.keys()):
        if values[name] and not _PATH(values[name]):
            return f"{name} is not a path of letters, digits and /_-.~"
    is_slow = values.get("request_slowlog_timeout", "0").strip("0smhd")
    return "it lacks slowlog, which request_slowlog_timeout needs" if is_slow and not values.get("slowlog") else ""


def _spare(values: Mapping[str, str], most: int) -> str:
    """What is wrong with the numbers of processes of a dynamic pool."""
    fewest, idle = _number(values, "pm.min_spare_servers"), _number(values, "pm.max_spare_servers")
    if fewest < 1 or idle < 1:
        return "pm.min_spare_servers and pm.max_spare_servers are not both positive numbers"
    if fewest > most or idle > most:
        return "pm.min_spare_servers or pm.max_spare_servers is more than pm.max_children"
    if idle < fewest:
        return "pm.max_spare_servers is less than pm.min_spare_servers"
    begun = _number(values, "pm.start_servers")
    if begun and not fewest <= begun <= idle:
        return "pm.start_servers is not between pm.min_spare_servers and pm.max_spare_servers"
    return ""


def _number(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "")
    return int(text[:18]) if text.isdecimal() else 0
