"""Programs that keep data are the judges: what they make of their configuration is what is read from it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hullmark.facets.configuration.mysql import PARSER as MYSQL
from hullmark.facets.configuration.mysql_names import NAMED_SKIP, SWITCHES
from hullmark.facets.configuration.mysql_options import Option, read_options
from hullmark.facets.configuration.parser import Files, Parser
from hullmark.facets.configuration.postgresql import PARSER as POSTGRESQL
from hullmark.facets.configuration.redis import PARSER as REDIS
from hullmark.model.setting import Setting, Value
from tests.support.configuration import read_settings
from tests.support.configured import run_in, settings_of

pytestmark = pytest.mark.slow

odd = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def options_of(text: str) -> list[Option]:
    """The options of one option file."""
    found: list[Option] = []

    def collect(files: Files) -> Iterator[Setting]:
        found.extend(read_options(files))
        return iter(())

    read_settings(Parser(name="mysql", globs=MYSQL.globs, settings=collect), {"etc/my.cnf": text})
    return found


def as_argument(option: Option) -> str:
    return f"--{option.name}" + ("" if option.value is None else f"={option.value}")


def test_mariadb_starts_with_the_options_that_are_read(root: Path) -> None:
    said = run_in(root, "mariadbd", "--print-defaults").split("\n", 1)[1].split()
    read = settings_of(MYSQL, root)
    assert read.problems == []
    ours = {s.key: str(s.value) for s in read.settings if s.path and s.key.startswith("mysql.server.")}
    pairs = (argument.removeprefix("--").partition("=") for argument in said)
    assert ours == {f"mysql.server.{name.replace('-', '_')}": value for name, _, value in pairs}


@odd
@given(
    st.lists(st.text(alphabet="ab =#'\"\\;-ns\t", max_size=12).filter(lambda line: line.strip()[:1] != "="), max_size=6)
)
def test_mariadb_reads_lines_alike(root: Path, scratch: Path, lines: list[str]) -> None:
    text = "[mysqld]\n" + "\n".join(lines) + "\n"
    (scratch / "my.cnf").write_text(text)
    file = f"--defaults-file=/tmp/{scratch.name}/my.cnf"
    ours = [as_argument(option) for option in options_of(text) if option.name]
    assert run_in(root, "my_print_defaults", file, "mysqld") == "".join(f"{option}\n" for option in ours)


def test_mariadb_has_these_switches(root: Path) -> None:
    listed = run_in(root, "mariadbd", "--no-defaults", "--help", "--verbose", status=None)
    table = [line.split() for line in listed.split("\n---", 1)[1].splitlines()]
    switches = {row[0].replace("-", "_") for row in table if len(row) == 2 and row[1] in ("TRUE", "FALSE")}
    assert len(switches) > 150
    assert switches - SWITCHES <= {"help", "verbose", "console", "gdb", "debug_gdb"}
    assert {name for name in switches if name.startswith("skip_")} <= NAMED_SKIP


CLUSTER = "/etc/postgresql/17/main"
DATA = "/var/lib/postgresql/17/main"
AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
SHOWN = {"128MB": "16384", "1GB": "1024", "80MB": "80", "0777": "511"}


def postgres(root: Path, *arguments: str, status: int | None = 0) -> str:
    return run_in(root, *AS_POSTGRES, "/usr/lib/postgresql/17/bin/postgres", *arguments, status=status)


def test_postgres_has_the_settings_that_are_read(root: Path) -> None:
    read = settings_of(POSTGRESQL, root)
    assert read.problems == []
    ours = {s.key.rpartition(".")[2]: s.value for s in read.settings if ".hba[" not in s.key and ".ident[" not in s.key}
    assert len(ours) > 35
    for name, value in ours.items():
        said = postgres(root, "-D", DATA, "-c", f"config_file={CLUSTER}/postgresql.conf", "-C", name).rstrip("\n")
        if isinstance(value, bool):
            assert (name, said) == (name, "on" if value else "off")
        elif isinstance(value, tuple):
            assert (name, said.lower()) == (name, ", ".join(value).lower())
        else:
            assert (name, said) == (name, SHOWN.get(str(value), str(value)))


@odd
@given(st.text(alphabet="ab1 =#'\"\\-n.\t", max_size=12))
def test_postgres_reads_lines_alike(root: Path, scratch: Path, rest: str) -> None:
    line = f"x.y{rest}"
    read = read_settings(POSTGRESQL, {"etc/postgresql/17/main/postgresql.conf": line})
    (scratch / "postgresql.conf").write_text(line)
    file = f"config_file=/tmp/{scratch.name}/postgresql.conf"
    for setting in read.settings:
        if setting.path:
            name = setting.key.removeprefix("postgresql.cluster[17/main].")
            said = postgres(root, "-D", DATA, "-c", file, "-c", f"data_directory={DATA}", "-C", name, status=None)
            assert said == f"{setting.value}\n"
    if read.problems:
        said = postgres(root, "-D", DATA, "-c", file, "-c", f"data_directory={DATA}", "-C", "port", status=None)
        assert "syntax error" in said


ASK = (
    "select concat(type, '|', array_to_string(database, ','), '|', array_to_string(user_name, ','), '|', auth_method) as rule"
    " from pg_hba_file_rules\n"
)
FIELDS = ("type", "databases", "users", "method")
RULES = r"""
local   all             "all"                                   peer
host    a,b, "c d"      +admins,joe     10.0.0.0/8              scram-sha-256   # comment
host    a,b,"c""d"e     @more.conf      10.0.0.0/8              scram-sha-256
local a b , c trust
hostssl replication     "+x",y,         10.1.1.1  255.0.0.0     md5 clientcert=verify-full
host    sameuser        "a""b"          .example.org \
        trust
host    "a b#c"#d       all             samenet      reject
host all all 10.0.0.0 trust
hostx all all all trust
local all all
include_if_exists none.conf
include more_rules.conf
local   all "@all" trust
"""


def test_postgres_reads_rules_alike(root: Path, scratch: Path) -> None:
    """A server for one user on a copy of the cluster shows the rules as it has read them."""
    more = {"pg_hba.conf": RULES, "more.conf": "x y # z\nw,v\n", "more_rules.conf": "local q q peer\n"}
    shutil.copytree(root / DATA[1:], scratch / "data", symlinks=True)
    for name, text in more.items():
        (scratch / "data" / name).write_text(text)
    inside = f"/{scratch.relative_to(root)}"
    run_in(root, "chown", "-R", "postgres:postgres", f"{inside}/data")
    (scratch / "data/postgresql.conf").write_text("dynamic_shared_memory_type = mmap\n")
    (scratch / "ask").write_text(ASK)
    command = f"/usr/lib/postgresql/17/bin/postgres --single -D {inside}/data postgres < {inside}/ask"
    said = re.findall(r'rule = "(.*)"\t', run_in(root, *AS_POSTGRES, "sh", "-c", command))
    files = {f"var/lib/postgresql/{name}": text for name, text in more.items()}
    read = read_settings(POSTGRESQL, {"var/lib/postgresql/postgresql.conf": "", **files})
    assert len(read.problems) == said.count("|||") == 6
    prefix = "postgresql.cluster[/var/lib/postgresql].hba"
    rules = [[read.values[f"{prefix}[{i}].{name}"] for name in FIELDS] for i in range(len(said) - 6)]
    ours = ["|".join(",".join(v) if isinstance(v, tuple) else str(v) for v in rule) for rule in rules]
    assert [rule.replace('"all"', "all").replace('"@all"', "@all") for rule in ours] == [r for r in said if r != "|||"]


REDIS_CONF = r"""
protected-mode no
save 900 1 300 10
save 60 5
bind 127.0.0.1 -::1
rename-command DEBUG ""
proc-title-template "{title} \x41\t'q'"
client-output-buffer-limit slave 1gb 64mb 60 normal 1 2 3
slave-priority 7
syslog-ident 'it\'s\n'
oom-score-adj-values 1 2 3
repl-ping-replica-period 11
include /SCRATCH/more/*.conf
"""


def redis_says(root: Path, scratch: Path, conf: str) -> dict[str, str]:
    """The configuration that a server has, which was started with a file and goes away again."""
    inside = f"/{scratch.relative_to(root)}"
    arguments = ["--port", "0", "--unixsocket", f"{inside}/s", "--dir", inside, "--daemonize", "no", "--logfile", ""]
    server = subprocess.Popen(["chroot", root, "redis-server", conf, *arguments], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if (scratch / "s").exists():
                break
            time.sleep(0.1)
        lines = run_in(root, "redis-cli", "-s", f"{inside}/s", "--json", "CONFIG", "GET", "*")
    finally:
        server.terminate()
        server.wait(30)
    found: dict[str, str] = json.loads(lines)
    return found


def as_redis_shows(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, tuple) else str(value)


GIVEN = {"port", "unixsocket", "dir", "daemonize", "logfile"}
SIZES = {
    "64mb": str(64 << 20),
    "256mb": str(256 << 20),
    "8mb": str(8 << 20),
    "32mb": str(32 << 20),
    "1gb": str(1 << 30),
}


@pytest.mark.parametrize("text", [None, REDIS_CONF], ids=["packaged", "odd"])
def test_redis_has_the_settings_that_are_read(root: Path, scratch: Path, text: str | None) -> None:
    if text is None:
        conf, read = "/etc/redis/redis.conf", settings_of(REDIS, root)
    else:
        text = text.replace("SCRATCH", str(scratch.relative_to(root)))
        conf = f"/{scratch.relative_to(root)}/redis.conf"
        (scratch / "redis.conf").write_text(text)
        (scratch / "more").mkdir()
        more = {"a": "maxclients 99\nhz 5\n", "b": "maxclients 100\n"}
        for name, body in more.items():
            (scratch / f"more/{name}.conf").write_text(body)
        more = {f"{scratch.relative_to(root)}/more/{name}.conf": body for name, body in more.items()}
        read = read_settings(REDIS, {"etc/redis/redis.conf": text, **more})
    assert read.problems == []
    said = redis_says(root, scratch, conf)
    prefix = "redis.server[/etc/redis/redis.conf]."
    ours = {s.key.removeprefix(prefix): as_redis_shows(s.value) for s in read.settings}
    assert len(ours) > 15
    for name in ours.keys() - GIVEN - {"rename-command"}:
        shown = " ".join(SIZES.get(word, word) for word in ours[name].split(" "))
        expected = said[name].replace("slave", "replica")
        if name == "client-output-buffer-limit":
            assert set(re.findall(r"\w+ \d+ \d+ \d+", shown)) <= set(re.findall(r"\w+ \d+ \d+ \d+", expected))
        else:
            assert (name, shown) == (name, expected)
