"""cron: lines of crontabs, whose they are, scripts in folders, anacron, and bad lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.crontab import PARSER as CRONTAB
from hullmark.model.inventory import Distro
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

DEBIAN = Distro(id="debian", version_id="13")


def job(found: ReadSettings, number: int = 0) -> list[Value]:
    return [found.values.get(f"cron.job[{number}].{name}") for name in ("schedule", "user", "command")]


def jobs(found: ReadSettings) -> list[Value]:
    return [value for key, value in found.values.items() if key.endswith(".command")]


@pytest.mark.parametrize(
    ("line", "schedule", "user", "command"),
    [
        ("17 *\t* * *  root  cd / && x", "17 * * * *", "root", "cd / && x"),
        ("*/5,10-20/2 0-23 1,2 jan-Mar sun,7 www-data a  b", "*/5,10-20/2 0-23 1,2 jan-Mar sun,7", "www-data", "a  b"),
        ("@reboot root /bin/x # y", "@reboot", "root", "/bin/x # y"),
        ("0~30 3 * * * root x", "0~30 3 * * *", "root", "x"),
        ("-0 3 * * * root x", "0 3 * * *", "root", "x"),
        ("0 0 * * * root curl https://me:secret@host/", "0 0 * * *", "root", "curl https://me:***@host/"),
    ],
)
def test_a_line_of_the_system(line: str, schedule: str, user: str, command: str) -> None:
    found = read_settings(CRONTAB, {"etc/crontab": f"# x\n{line}\n"})
    assert found.problems == []
    assert job(found) == [schedule, user, command]
    assert {(setting.path, setting.line) for setting in found.settings} == {("/etc/crontab", 2)}


@pytest.mark.parametrize("folder", ["var/spool/cron", "var/spool/cron/crontabs", "var/spool/cron/tabs", "etc/crontabs"])
def test_a_line_of_a_user(folder: str) -> None:
    found = read_settings(CRONTAB, {f"{folder}/alice": 'MAILTO=""\n0 1 * * * root command\n@daily x\n'})
    assert found.problems == []
    assert job(found) == ["0 1 * * *", "alice", "root command"]
    assert job(found, 1) == ["@daily", "alice", "x"]
    assert found.values[f"cron.environment[/{folder}/alice].MAILTO"] == ""


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("PATH=/bin:/sbin", "PATH", "/bin:/sbin"),
        ("A = 'b c'", "A", "b c"),
        ('"A B" = c d ', "A B", "c d"),
        ("A=", "A", ""),
    ],
)
def test_variables(line: str, name: str, value: str) -> None:
    found = read_settings(CRONTAB, {"etc/crontab": f"{line}\n"})
    assert found.values == {f"cron.environment[/etc/crontab].{name}": value}


@pytest.mark.parametrize(
    "line",
    [
        "* * * *",
        "* * * * * root",
        "60 * * * * root x",
        "* * 0 * * root x",
        "* * * foo * root x",
        "@never root x",
        "*/0 * * * * root x",
        "word",
    ],
)
def test_what_is_no_job_is_a_problem(line: str) -> None:
    found = read_settings(CRONTAB, {"etc/crontab": f"\n{line}\n@daily root x\n"})
    assert [(path, reason.split(":")[0]) for path, reason in found.problems] == [("/etc/crontab", "line 2")]
    assert jobs(found) == ["x"]


def test_names_of_files_that_cron_passes_over() -> None:
    files = {
        f"etc/cron.d/{name}": f"@daily root {name}\n" for name in ("a", "b.c", "d~", "e.rpmsave", "F-_1", ".hidden")
    }
    assert jobs(read_settings(CRONTAB, files, distro=DEBIAN)) == ["F-_1", "a"]
    assert jobs(read_settings(CRONTAB, files)) == ["F-_1", "a", "b.c"]


def test_scripts_in_folders() -> None:
    files = {
        "etc/cron.daily/a": "#!/bin/sh\n",
        "etc/cron.daily/b": "",
        "etc/cron.daily/c.sh": "",
        "etc/periodic/15min/d": "",
    }
    modes = {"etc/cron.daily/a": 0o755, "etc/cron.daily/c.sh": 0o755, "etc/periodic/15min/d": 0o755}
    found = read_settings(CRONTAB, files, modes=modes, distro=DEBIAN)
    assert job(found) == ["@daily", "root", "/etc/cron.daily/a"]
    assert job(found, 1) == ["*/15 * * * *", "root", "/etc/periodic/15min/d"]
    assert len(jobs(found)) == 2


def test_anacron() -> None:
    found = read_settings(
        CRONTAB, {"etc/anacrontab": "START_HOURS_RANGE=3-22\n1 5 cron.daily nice x y\n@monthly 45 m z\n1 x y\n"}
    )
    assert job(found) == ["every 1 days", "root", "nice x y"]
    assert job(found, 1) == ["@monthly", "root", "z"]
    assert found.problems == [("/etc/anacrontab", "line 4: a line that is neither a variable nor a job")]


@given(st.text(max_size=150), st.text(max_size=150))
def test_any_text_is_read(first: str, second: str) -> None:
    found = read_settings(CRONTAB, {"etc/crontab": first, "var/spool/cron/a": second, "etc/anacrontab": second})
    assert all(path in ("/etc/crontab", "/var/spool/cron/a", "/etc/anacrontab") for path, _ in found.problems)


FIELD = st.one_of(
    st.just("*"),
    st.integers(1, 7).map(str),
    st.tuples(st.integers(1, 5), st.integers(6, 7)).map(lambda ends: f"{ends[0]}-{ends[1]}"),
    st.integers(1, 99).map(lambda step: f"*/{step}"),
)


@given(
    st.lists(FIELD, min_size=5, max_size=5),
    st.text("abc %/", min_size=1, max_size=10).filter(lambda text: text.strip() == text),
)
def test_jobs_come_back_as_they_were_written(fields: list[str], command: str) -> None:
    found = read_settings(CRONTAB, {"etc/crontab": f"{'  '.join(fields)} root\t{command}\n"})
    assert job(found) == [" ".join(fields), "root", command]
