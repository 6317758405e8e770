"""MySQL and MariaDB: option files, groups, what a server makes of its options, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.mysql import PARSER as MYSQL
from hullmark.facets.configuration.mysql import convert_option
from hullmark.facets.configuration.mysql_options import Option
from hullmark.model.setting import Value
from tests.support.configuration import ReadSettings, read_settings
from tests.unit.policy.building import package

MAIN = "etc/mysql/my.cnf"


def read(text: str, **more: str) -> ReadSettings:
    """The settings of a main file; others stand in /etc/mysql/conf.d."""
    return read_settings(MYSQL, {MAIN: text, **{f"etc/mysql/conf.d/{name}.cnf": body for name, body in more.items()}})


def written(read: ReadSettings) -> dict[str, Value]:
    return {setting.key: setting.value for setting in read.settings if setting.path}


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("bind-address = 127.0.0.1", "bind_address", "127.0.0.1"),
        ("bind_address=::", "bind_address", "::"),
        ("port=3307", "port", 3307),
        ("max_allowed_packet\t= 16M", "max_allowed_packet", "16M"),
        ("long_query_time = 0.5", "long_query_time", 0.5),
        ("local-infile", "local_infile", True),
        ("local-infile=OFF", "local_infile", False),
        ("local_infile=0", "local_infile", False),
        ("skip-networking", "skip_networking", True),
        ("skip-networking=0", "skip_networking", False),
        ("skip-log-bin", "log_bin", False),
        ("disable-log-bin", "log_bin", False),
        ("skip-ssl", "ssl", False),
        ("enable-general-log", "general_log", True),
        ("loose-skip-name-resolve=on", "skip_name_resolve", True),
        ("loose_local_infile = 1", "local_infile", True),
        ("log-bin", "log_bin", None),
        ("log_bin=", "log_bin", ""),
        ("local_infile=perhaps", "local_infile", False),
        ("local_infile=yes", "local_infile", False),
        ("LOCAL-Infile=1", "local_infile", True),
        (
            "init_connect = 'SET NAMES \"utf8\" # no comment'  # a comment",
            "init_connect",
            'SET NAMES "utf8" # no comment',
        ),
        (r"init_file=/a\sb\\c\td\q", "init_file", "/a b\\c\td\\q"),
        ("init_file=it's # not a comment", "init_file", "it's # not a comment"),
        ("tmpdir=/a#b", "tmpdir", "/a"),
        ('x="a"b"', "x", 'a"b'),
        ("x='a\"", "x", "'a\""),
        ("wsrep_provider=http://u:secret@h/", "wsrep_provider", "http://u:***@h/"),
    ],
)
def test_an_option_is_read_as_the_server_reads_it(line: str, key: str, value: Value) -> None:
    found = read(f"[mysqld]\n{line}\n")
    assert written(found) == {f"mysql.server.{key}": value}
    assert found.problems == []
    assert [s.line for s in found.settings if s.path] == [2]


@pytest.mark.parametrize("group", ["mysqld", "server", "mariadb", "mariadbd", "mariadb-11.8", "mysqld-8.0", "galera"])
def test_groups_that_a_server_reads(group: str) -> None:
    assert read(f"[{group}]\nport=1\n").values["mysql.server.port"] == 1


@pytest.mark.parametrize("group", ["client", "mysqldump", "mysqld_safe", "mysqld1", "mariadb-client"])
def test_other_groups_keep_their_names_and_bring_no_defaults(group: str) -> None:
    assert read(f"[{group}]\nport=1\n").values == {f"mysql.client[{group}].port": 1}


def test_a_group_for_both_counts_for_both() -> None:
    values = read("[client-server]\nsocket=/s\n").values
    assert values == {"mysql.server.socket": "/s", "mysql.client[client-server].socket": "/s"}


def test_the_last_value_counts_whatever_the_group() -> None:
    found = read("[mariadbd]\nport=1\n[mysqld]\nport=2\n[server]\nport=3\n[client]\nport=4\n")
    assert found.values["mysql.server.port"] == 3
    assert found.values["mysql.client[client].port"] == 4


def test_options_that_add_up_are_lists() -> None:
    found = read("[mysqld]\nbinlog-do-db=a\nbinlog_do_db=b\n[client]\nbinlog-do-db=c\n")
    assert found.values["mysql.server.binlog_do_db"] == ("a", "b")
    assert found.values["mysql.client[client].binlog_do_db"] == ("c",)


def test_defaults_hold_where_a_server_is_configured() -> None:
    values = read("[mysqld]\n").values
    assert values["mysql.server.bind_address"] == "*"
    assert values["mysql.server.skip_grant_tables"] is False
    assert read("[client]\n").values == {}


def test_files_are_read_where_they_are_included_in_order_of_their_names() -> None:
    main = "[mysqld]\nport=1\n!includedir /etc/mysql/conf.d/\nuser=after\n"
    found = read(main, b="[mysqld]\nport=3\nuser=b\n", a="[mysqld]\nport=2\n")
    assert found.problems == []
    assert found.values["mysql.server.port"] == 3
    assert found.values["mysql.server.user"] == "after"
    where = {s.key: (s.path, s.line) for s in found.settings}
    assert where["mysql.server.port"] == ("/etc/mysql/conf.d/b.cnf", 2)


def test_alternatives_are_followed() -> None:
    links = {"etc/mysql/my.cnf": "/etc/alternatives/my.cnf", "etc/alternatives/my.cnf": "/etc/mysql/mariadb.cnf"}
    found = read_settings(MYSQL, {"etc/mysql/mariadb.cnf": "[mysqld]\nport=5\n"}, links=links)
    assert found.values["mysql.server.port"] == 5
    assert found.problems == []


def test_a_file_that_everyone_may_write_is_not_read() -> None:
    found = read_settings(MYSQL, {"etc/my.cnf": "[mysqld]\nport=1\n"}, modes={"etc/my.cnf": 0o666})
    assert found.values == {}
    assert found.problems == [("/etc/my.cnf", "everyone may write to it, so the programs ignore it")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("port=1\n", 1),
        ("[mysqld\nport=1\n", 1),
        ("[mysqld]\n!include\n", 2),
        ("[mysqld]\n!nonsense /a\n", 2),
        ("[mysqld]\n!includedir /not/there\n", 2),
        ("[mysqld]\n!include /etc/mysql/my.cnf\n", 2),
        ("[mysqld-8.0]\nzz=1\n[mariadb-10.6]\n\nport=1\n", 5),
    ],
)
def test_what_is_not_understood_is_a_problem_at_its_line(text: str, line: int) -> None:
    problems = read(text).problems
    assert problems
    assert f"line {line}: " in problems[0][1]


def test_a_file_that_includes_very_many_is_bounded() -> None:
    found = read("[mysqld]\n" + "!include /etc/mysql/conf.d/a.cnf\n" * 2000, a="[mysqld]\nport=1\n")
    assert [reason for _, reason in found.problems] == [
        "line 1001: more is included than is read; the rest is left out"
    ]


@given(st.text(alphabet="[]!#;='\"\\ \nabmysqld-_1", max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    read(text, a=text)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=30))
def test_a_value_that_is_written_in_quotes_comes_back(value: str) -> None:
    inside = value.replace("\\", "\\\\").replace('"', '\\"')
    found = read(f'[mysqld]\nname = "{inside}" # comment\n')
    option = Option("mysqld", "name", value, "/", 1)
    assert found.values["mysql.server.name"] == convert_option(option)[1]


def test_a_shortened_name_is_the_option_that_it_means_where_all_names_are_known() -> None:
    text = {MAIN: "[mysqld]\nlocal_inf=0\nskip-name-res\n"}
    known = read_settings(MYSQL, text, packages=[package("deb", "mariadb-server", "1:11.8.9-0+deb13u1")])
    assert known.problems == []
    assert known.values["mysql.server.local_infile"] is False
    assert known.values["mysql.server.skip_name_resolve"] is True
    unknown = read_settings(MYSQL, text, packages=[package("deb", "mysql-server", "8.0.40")])
    assert [reason.partition(": ")[2] for _, reason in unknown.problems][:1] == [
        "local_inf may be a shortened name, and is not taken for one"
    ]


def test_names_are_not_judged_where_plugins_are_loaded_or_another_release_is_meant() -> None:
    mariadb = [package("deb", "mariadb-server", "1:11.8.9-0+deb13u1")]
    for text in ("[mysqld]\nplugin-load-add=x\nx_foo=1\n", "[mariadb-10.5]\nx_foo=1\n", "[mysql_cluster]\nx_foo=1\n"):
        assert read_settings(MYSQL, {MAIN: text}, packages=mariadb).problems == [], text
    assert read_settings(MYSQL, {MAIN: "[mysqld]\nx_foo=1\n"}).problems == []


def test_comments_in_and_behind_quotes_and_files_that_are_no_files() -> None:
    text = "[client]\nloose-port=1\n[mysqld]\ninit_connect = 'a # b' # c\nslow_query_log_file = 'a#b'\n"
    text += 'log_error = "a # b\n!include /etc/d\nmaximum-max_connections = 5\n'
    found = read_settings(MYSQL, {"etc/my.cnf": text, "etc/d/x": ""}, links={"etc/mysql/my.cnf": "/etc/d"})
    written = {s.key.removeprefix("mysql.server."): s.value for s in found.settings if s.path}
    assert found.values["mysql.client[client].port"] == 1
    del written["mysql.client[client].port"]
    assert written == {
        "init_connect": "a # b",
        "slow_query_log_file": "a#b",
        "log_error": '"a # b',
        "maximum_max_connections": 5,
    }
    assert found.problems == []
