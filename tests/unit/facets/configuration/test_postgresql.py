"""PostgreSQL: values, includes, what replaces what, who may log on, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.postgresql import PARSER as POSTGRESQL
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings

FOLDER = "etc/postgresql/17/main"
PREFIX = "postgresql.cluster[17/main]."


def read(text: str = "", hba: str | None = None, **more: str) -> ReadSettings:
    """The settings of a Debian cluster; further files are named `conf_d__a` for conf.d/a.conf."""
    files = {f"{FOLDER}/{name.replace('_d__', '.d/')}.conf": body for name, body in more.items()}
    if hba is not None:
        files[f"{FOLDER}/pg_hba.conf"] = hba
    return read_settings(POSTGRESQL, {f"{FOLDER}/postgresql.conf": text, **files})


def written(found: ReadSettings) -> dict[str, Value]:
    return {s.key.removeprefix(PREFIX): s.value for s in found.settings if s.path}


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("ssl = on", "ssl", True),
        ("SSL on # comment", "ssl", True),
        ("ssl 'FALSE'", "ssl", False),
        ("ssl = 0", "ssl", False),
        ("ssl = tr", "ssl", True),
        ("port=5433", "port", 5433),
        ("port='5433'", "port", 5433),
        ("port'5433'", "port", 5433),
        ("shared_buffers = 128MB", "shared_buffers", "128MB"),
        ("random_page_cost = 1.1", "random_page_cost", 1.1),
        ("log_min_duration_statement = -1", "log_min_duration_statement", -1),
        ("unix_socket_permissions = 0770", "unix_socket_permissions", "0770"),
        ("cluster_name = '5'", "cluster_name", "5"),
        ("log_line_prefix = '%m #''x'' \\'y\\' \\101\\n'", "log_line_prefix", "%m #'x' 'y' A\n"),
        ("listen_addresses = '*'", "listen_addresses", ("*",)),
        ("listen_addresses = '10.0.0.1, ::1'", "listen_addresses", ("10.0.0.1", "::1")),
        ("listen_addresses = ''", "listen_addresses", ()),
        ('search_path = \'"$user", "a,""b", public\'', "search_path", ("$user", 'a,"b', "public")),
        ("password_encryption = md5", "password_encryption", "md5"),
        ("pg_stat_statements.max = 10000", "pg_stat_statements.max", 10000),
        ("data_directory = '/srv/pg'", "data_directory", "/srv/pg"),
        ("primary_conninfo = 'host=a password=geheim user=b'", "primary_conninfo", "host=a password=*** user=b"),
        ("primary_conninfo = 'postgres://u:geheim@h/db'", "primary_conninfo", "postgres://u:***@h/db"),
    ],
)
def test_a_setting_is_read_as_the_server_reads_it(line: str, name: str, value: Value) -> None:
    found = read(line + "\n")
    assert written(found) == {name: value}
    assert found.problems == []


@pytest.mark.parametrize(
    "line", ["ssl", "ssl =", "= on", "ssl = on off", "ssl = 'on", "1a = b", "a = b, c", "a = /b", "ssl == on"]
)
def test_what_is_no_setting_is_a_problem_at_its_line(line: str) -> None:
    found = read(f"\n{line}\nport = 1\n")
    assert written(found) == {"port": 1}
    assert found.problems == [(f"/{FOLDER}/postgresql.conf", "line 2: it is not a setting as the server reads them")]


def test_defaults_hold_where_nothing_is_set() -> None:
    values = read().values
    assert values[f"{PREFIX}listen_addresses"] == ("localhost",)
    assert values[f"{PREFIX}ssl"] is False
    assert values[f"{PREFIX}password_encryption"] == "scram-sha-256"
    old = read_settings(POSTGRESQL, {"etc/postgresql/13/main/postgresql.conf": ""}).values
    assert old["postgresql.cluster[13/main].password_encryption"] == "md5"


def test_includes_stand_where_they_are_written() -> None:
    main = "port = 1\ninclude 'a.conf'\nssl = off\ninclude_dir = 'conf.d'\ninclude_if_exists = 'none.conf'\n"
    found = read(main, a="port = 2\nssl = on\n", conf_d__y="fsync = off\njit = on\n", conf_d__x="jit = off\n")
    assert written(found) == {"port": 2, "ssl": False, "fsync": False, "jit": True}
    assert found.problems == []
    assert {s.key: s.path for s in found.settings}[f"{PREFIX}jit"] == f"/{FOLDER}/conf.d/y.conf"


def test_what_alter_system_has_written_counts_before_all() -> None:
    files = {
        f"{FOLDER}/postgresql.conf": "data_directory = '/var/lib/postgresql/17/main'\nssl = on\n",
        "var/lib/postgresql/17/main/postgresql.auto.conf": "ssl = 'off'\n",
    }
    found = read_settings(POSTGRESQL, files)
    assert written(found)["ssl"] is False


@pytest.mark.parametrize("folder", ["var/lib/postgresql/data", "var/lib/pgsql/17/data", "var/lib/postgresql/18/docker"])
def test_other_clusters_are_named_by_their_folder(folder: str) -> None:
    found = read_settings(
        POSTGRESQL, {f"{folder}/postgresql.conf": "ssl = on", f"{folder}/pg_hba.conf": "local all all trust"}
    )
    assert found.values[f"postgresql.cluster[/{folder}].ssl"] is True
    assert found.values[f"postgresql.cluster[/{folder}].hba[0].method"] == "trust"


@pytest.mark.parametrize("text", ["include 'none.conf'\n", "include_dir 'none'\n", "include 'postgresql.conf'\n"])
def test_an_include_that_leads_nowhere_is_a_problem(text: str) -> None:
    [(path, reason)] = read(text).problems
    assert path == f"/{FOLDER}/postgresql.conf"
    assert reason.startswith("line 1: ")


HBA = r"""
# TYPE  DATABASE        USER            ADDRESS                 METHOD
local   all             "all"                                   peer
host    a,b, "c d"      +admins,joe     10.0.0.0/8              scram-sha-256   # comment
hostssl replication     @more.conf      ::1  ffff::             ldap ldapserver=h ldapbindpasswd="geheim x"
host    sameuser        "a""b"          .example.org \
        trust
host    all             all             10.1.1.1 255.0.0.0      reject
"""


def test_who_may_log_on() -> None:
    found = read(f"hba_file = '/{FOLDER}/pg_hba.conf'", HBA, more="x y # z\nw\n")
    assert found.problems == []
    values = {k.removeprefix(f"{PREFIX}hba"): v for k, v in found.values.items() if k.startswith(f"{PREFIX}hba[")}
    assert values == {
        "[0].type": "local",
        "[0].databases": ("all",),
        "[0].users": ('"all"',),
        "[0].method": "peer",
        "[1].type": "host",
        "[1].databases": ("a", "b", "c d"),
        "[1].users": ("+admins", "joe"),
        "[1].address": "10.0.0.0/8",
        "[1].method": "scram-sha-256",
        "[2].type": "hostssl",
        "[2].databases": ("replication",),
        "[2].users": ("x", "y", "w"),
        "[2].address": "::1",
        "[2].netmask": "ffff::",
        "[2].method": "ldap",
        "[2].options": ("ldapserver=h", "ldapbindpasswd=***"),
        "[3].type": "host",
        "[3].databases": ("sameuser",),
        "[3].users": ('a"b',),
        "[3].address": ".example.org",
        "[3].method": "trust",
        "[4].type": "host",
        "[4].databases": ("all",),
        "[4].users": ("all",),
        "[4].address": "10.1.1.1",
        "[4].netmask": "255.0.0.0",
        "[4].method": "reject",
    }
    assert [s.line for s in found.settings if s.key == f"{PREFIX}hba[3].type"] == [6]


@pytest.mark.parametrize(
    "line",
    ["locale all all trust", "local all all", "host all all trust", "local all all whatever", "host all all 1.2.3.4"],
)
def test_a_rule_that_is_not_understood_is_a_problem(line: str) -> None:
    found = read(f"hba_file = '/{FOLDER}/pg_hba.conf'", f"{line}\nlocal all all trust\n")
    [(path, reason)] = found.problems
    assert path == f"/{FOLDER}/pg_hba.conf"
    assert reason.startswith("line 1: ")
    assert found.values[f"{PREFIX}hba[0].method"] == "trust"


def test_rules_of_other_files_stand_in_their_place() -> None:
    main = "include more.conf\ninclude_if_exists none.conf\ninclude_dir hba.d\nlocal all all trust\n"
    more = {"more": "local a all peer\n", "hba_d__b": "local b all peer\n"}
    found = read(f"hba_file = '/{FOLDER}/pg_hba.conf'", main, **more)
    assert [found.values[f"{PREFIX}hba[{i}].databases"] for i in range(3)] == [("a",), ("b",), ("all",)]
    assert found.problems == []


def test_names_are_mapped() -> None:
    found = read(f"ident_file = '/{FOLDER}/pg_ident.conf'", pg_ident='m1 "root" postgres\nm1 /^(.*)@x$ \\1\n')
    assert found.values[f"{PREFIX}ident[0].system_user"] == "root"
    assert found.values[f"{PREFIX}ident[1].database_user"] == "\\1"


def test_a_file_that_names_itself_is_a_problem() -> None:
    found = read(f"hba_file = '/{FOLDER}/pg_hba.conf'", "local all @pg_hba.conf trust\n")
    assert any("includes itself" in reason for _, reason in found.problems)


@given(st.text(alphabet="a.b='\\#\n 10-,\"@includef_conf.d", max_size=150))
def test_no_text_is_too_odd(text: str) -> None:
    read(f"hba_file = '/{FOLDER}/pg_hba.conf'\n{text}", text, include=text)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=30))
def test_a_quoted_value_comes_back(value: str) -> None:
    inside = value.replace("\\", "\\\\").replace("'", "''")
    assert written(read(f"cluster_name = '{inside}'\n"))["cluster_name"] == value


@given(st.lists(st.text(alphabet='ab ,#"@', max_size=6), min_size=1, max_size=4))
def test_quoted_names_come_back(names: list[str]) -> None:
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    found = read(f"hba_file = '/{FOLDER}/pg_hba.conf'", f"local {quoted} all trust\n")
    assert found.values[f"{PREFIX}hba[0].databases"] == tuple(f'"{n}"' if n[:1] == "@" else n for n in names)


def test_a_value_that_is_refused_stays_a_word() -> None:
    found = read("ssl = o\n")
    assert written(found) == {"ssl": "o"}
    assert [reason for _, reason in found.problems] == ["line 1: postgres refuses to start: ssl is on or off"]


def test_lines_about_clients_that_cannot_be_read_are_problems_and_the_others_count() -> None:
    found = read(hba="host all,\nlocal all all trust\ninclude_dir none.d\n", pg_ident="a b\nmap al admin\n")
    assert found.problems == [
        (f"/{FOLDER}/pg_hba.conf", "line 1: it lacks fields"),
        (f"/{FOLDER}/pg_hba.conf", f"line 3: the folder /{FOLDER}/none.d is not there"),
        (f"/{FOLDER}/pg_ident.conf", "line 1: it lacks fields"),
    ]
    values = written(found)
    assert (values["hba[0].method"], values["ident[0].database_user"]) == ("trust", "admin")
