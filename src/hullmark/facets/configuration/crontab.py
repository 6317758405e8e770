"""cron: what runs when and as whom, crontab(5), run-parts(8) and anacrontab(5)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from hullmark.facets.configuration.bracketed import escape_brackets
from hullmark.facets.configuration.collected import SettingCollector
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.written import without_password
from hullmark.model.setting import Setting

_CRONTAB, _ANACRONTAB = "/etc/crontab", "/etc/anacrontab"
_OF_USERS = ("/var/spool/cron/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/tabs/*", "/etc/crontabs/*")
_SCRIPTS = {
    "/etc/cron.hourly": "@hourly",
    "/etc/cron.daily": "@daily",
    "/etc/cron.weekly": "@weekly",
    "/etc/cron.monthly": "@monthly",
    "/etc/cron.yearly": "@yearly",
    "/etc/periodic/15min": "*/15 * * * *",
    "/etc/periodic/hourly": "@hourly",
    "/etc/periodic/daily": "@daily",
    "/etc/periodic/weekly": "@weekly",
    "/etc/periodic/monthly": "@monthly",
}
_NICKNAMES = ("@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_ANACRON_NICKNAMES = ("@daily", "@weekly", "@monthly", "@yearly", "@annually")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_NOT_CRONIE = re.compile(r"(?s:.*)(?:~|,|\.rpmsave|\.rpmorig|\.rpmnew|\.swp|\.cfsaved|\.dpkg-\w+|\.orig)").fullmatch
_VARIABLE = re.compile(r"[ \t]*(?:\"([^\"]*)\"|'([^']*)'|([A-Za-z_][^\s='\"]*))[ \t]*=[ \t]*(.*)", re.DOTALL).fullmatch
_WORDS = re.compile(r"[ \t]*(\S+)").match

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Bounds(NamedTuple):
    """The numbers that a field of a schedule may have, and names for them from the lowest up."""

    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (_Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31), _Bounds(1, 12, _MONTHS), _Bounds(0, 7, _DAYS))
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,9}))?").fullmatch
_RANDOM = re.compile(r"(\w+)~(\w+)|~").fullmatch


class _Job(msgspec.Struct, frozen=True):
    schedule: str
    user: str
    command: str
    path: str
    line: int


class _Variable(msgspec.Struct, frozen=True):
    name: str
    value: str
    path: str
    line: int


def _crontab(files: Files, path: str, user: str | None) -> Iterator[_Job | _Variable]:
    """The lines of a crontab; in those of the system (`user` is None) each line says as whom it runs."""
    for number, line in enumerate((files.text(path) or "").split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        variable = _VARIABLE(line)
        if variable is not None:
            name = variable[1] or variable[2] or variable[3] or ""
            yield _Variable(name, _unquote(variable[4]), path, number)
            continue
        job = _job(line, user, path, number)
        if isinstance(job, str):
            files.problem(path, job, number)
        else:
            yield job


def _unquote(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _job(line: str, user: str | None, path: str, number: int) -> _Job | str:
    """The job that a line is, or what is wrong with it."""
    # cronie's and SUSE's mark that the job is not logged.
    line = line.removeprefix("-") if user is None else line
    is_nickname = line.startswith("@")
    wanted = (1 if is_nickname else 5) + (user is None)
    words: list[str] = []
    end = 0
    while len(words) < wanted and (found := _WORDS(line, end)):
        words.append(found[1])
        end = found.end()
    command = line[end:].strip()
    if len(words) < wanted or not command:
        return "a line that is neither a variable nor a job"
    schedule = words[: 1 if is_nickname else 5]
    if is_nickname and schedule[0].lower() not in _NICKNAMES:
        return f"cron knows no time {schedule[0][:100]}"
    if not is_nickname:
        wrong = next(
            (field for field, bounds in zip(schedule, _FIELDS, strict=True) if not _is_time(field, bounds)), None
        )
        if wrong is not None:
            return f"cron knows no time {wrong[:100]}"
    shown = without_password(command)
    return _Job(" ".join(schedule), words[-1] if user is None else user, shown, path, number)


def _is_time(field: str, bounds: _Bounds) -> bool:
    """Whether a field of a schedule can be read: numbers, names, ranges and steps, with commas."""
    for part in field.split(","):
        random = _RANDOM(part)
        found = _PART(part)
        if random is not None:
            ends = [word for word in random.groups() if word]
        elif found is not None and found[3] not in ("0", "00"):
            ends = [word for word in found.groups()[:2] if word]
        else:
            return False
        numbers = [_number(word, bounds) for word in ends]
        if None in numbers:
            return False
    return True


def _number(word: str, bounds: _Bounds) -> int | None:
    if word.lower() in bounds.names:
        return bounds.names.index(word.lower()) + bounds.low
    number = int(word) if word.isascii() and word.isdigit() and len(word) < 10 else -1
    return number if bounds.low <= number <= bounds.high else None


def _anacrontab(files: Files) -> Iterator[_Job | _Variable]:
    """Lines of: days (or a name as @monthly), minutes of delay, the job's name, the command. They run as root."""
    for number, line in enumerate((files.text(_ANACRONTAB) or "").split("\n"), 1):
        line = line.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        variable = _VARIABLE(line)
        words = line.split(None, 3)
        if variable is not None:
            yield _Variable(variable[3] or "", variable[4], _ANACRONTAB, number)
        elif len(words) < 4 or not (words[0].isdecimal() or words[0] in _ANACRON_NICKNAMES) or not words[1].isdecimal():
            files.problem(_ANACRONTAB, "a line that is neither a variable nor a job", number)
        else:
            schedule = f"every {words[0]} days" if words[0].isdecimal() else words[0]
            yield _Job(schedule, "root", without_password(words[3]), _ANACRONTAB, number)


def _is_debian(files: Files) -> bool:
    """Whether names of files must be plain, as cron on Debian and busybox want it; cronie is freer."""
    distro = files.distro
    return distro is not None and bool({"debian", "ubuntu", "alpine"} & {distro.id, *distro.id_like})


def _runs(files: Files, path: str) -> bool:
    """Whether the file has a name that cron does not pass over."""
    name = posixpath.basename(path)
    return _PLAIN_NAME(name) is not None if _is_debian(files) else _NOT_CRONIE(name) is None


def _scripts(files: Files) -> Iterator[_Job]:
    for folder, schedule in _SCRIPTS.items():
        for path in files.matching(f"{folder}/*"):
            status = files.status(path)
            if status is not None and status.mode & 0o111 and _runs(files, path):
                yield _Job(schedule, "root", path, path, 1)


def _everything(files: Files) -> Iterator[_Job | _Variable]:
    if files.status(_CRONTAB) is not None:
        yield from _crontab(files, _CRONTAB, None)
    for path in files.matching("/etc/cron.d/*"):
        if _runs(files, path):
            yield from _crontab(files, path, None)
    for glob in _OF_USERS:
        for path in files.matching(glob):
            yield from _crontab(files, path, posixpath.basename(path))
    yield from _scripts(files)
    if files.status(_ANACRONTAB) is not None:
        yield from _anacrontab(files)


def settings(files: Files) -> list[Setting]:
    """Every job, numbered, and the variables of each file."""
    collected = SettingCollector(files, _CRONTAB)
    count = 0
    for statement in _everything(files):
        if collected.is_full:
            break
        if isinstance(statement, _Variable):
            key = f"cron.environment[{escape_brackets(statement.path)}].{escape_brackets(statement.name)}"
            collected.add(key, without_password(statement.value), statement.path, statement.line)
            continue
        for name, value in (("schedule", statement.schedule), ("user", statement.user), ("command", statement.command)):
            collected.add(f"cron.job[{count}].{name}", value, statement.path, statement.line)
        count += 1
    return collected.settings()


PARSER = Parser(
    name="cron",
    globs=(
        "etc/crontab",
        "etc/anacrontab",
        "etc/cron.d/*",
        "etc/crontabs/*",
        "etc/cron.hourly/*",
        "etc/cron.daily/*",
        "etc/cron.weekly/*",
        "etc/cron.monthly/*",
        "etc/cron.yearly/*",
        "etc/periodic/**",
        "var/spool/cron/**",
    ),
    settings=settings,
)
"""Jobs, also the scripts in folders that cron runs; `schedule` is five fields with a blank between, or a word as @daily."""
