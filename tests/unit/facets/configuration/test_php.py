"""PHP: the scanner of ini files, layouts of distributions, types, pools, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.php import PARSER as PHP
from hullmark.facets.configuration.php_ini import Entry, IniReader
from tests.support.configuration import read_settings

INI = "etc/php/8.4/cli/php.ini"
CONSTANTS = {"E_ALL": "32767", "E_NOTICE": "8", "E_STRICT": "2048"}


def parsed(text: str, **variables: str) -> tuple[list[Entry], list[tuple[str, int]]]:
    problems: list[tuple[str, int]] = []
    reader = IniReader(text, CONSTANTS, variables.get, lambda reason, line: problems.append((reason, line)))
    return list(reader.entries()), problems


VALUES = [
    ("x", "x"),
    ("  x y  ", "x y"),
    ("", ""),
    ("; c", ""),
    ("x;c", "x"),
    ('"x;y" ; c', "x;y"),
    ('"a" "b"', "ab"),
    ('x "y" z', "xyz"),
    ("x 'y' z", "x y z"),
    (r'"a\"b\\c\n"', r'a"b\c\n'),
    (r"'a\nb'", r"a\nb"),
    ("On", "1"),
    ("yes", "1"),
    ("None", ""),
    ("null", ""),
    ('"On"', "On"),
    ("E_ALL", "32767"),
    ('"E_ALL"', "E_ALL"),
    ("E_ALLX", "E_ALLX"),
    ("E_ALL & ~E_NOTICE", "32759"),
    ("E_ALL & ~E_NOTICE & ~E_STRICT", "30711"),
    ("E_ALL & ~(E_NOTICE | E_STRICT)", "30711"),
    ("6 & ~2 | 8 ^ 1", "13"),
    ("!1", "0"),
    ("!x", "1"),
    ("~0", "-1"),
    ("9999999999 | 1", "1410065407"),
    ("c:\\d", "c:\\d"),
    ("/a:/b", "/a:/b"),
    ("$x", "$x"),
    ("{x}", "{x}"),
    ("x # y", "x # y"),
    ("-1M", "-1M"),
]


@pytest.mark.parametrize(("written", "value"), VALUES)
def test_values(written: str, value: str) -> None:
    (entry, after), problems = parsed(f"a = {written}\nb = 1")
    assert (entry.name, entry.value, after.line, problems) == ("a", value, 2, [])


@pytest.mark.parametrize(
    ("text", "count", "line"),
    [
        ("a = 1\nb = c=d\ne = 2", 1, 2),
        ('a = 1\nb = "c\nd', 1, 2),
        ("a = 1\nb = 'c\nd", 1, 2),
        ("a = 1\n}", 1, 2),
        ("a = 1\n[x\n]\nb = 1", 1, 2),
        ("yes = 1", 0, 1),
        ("a = foo(bar)", 0, 1),
        ("a = on off", 0, 1),
        ("a = 1 |", 0, 1),
        ("a = (1", 0, 1),
        ("a = " + "(" * 100_000, 0, 1),
        ("a = " + "~" * 100_000, 0, 1),
        ("a = ${x", 0, 1),
        ("a[1", 0, 1),
        ("a[1] b", 0, 1),
    ],
)
def test_at_a_mistake_the_file_ends(text: str, count: int, line: int) -> None:
    entries, problems = parsed(text)
    assert len(entries) == count
    assert [where for _, where in problems] == [line]
    assert problems[0][0].endswith("; the rest of the file is not read")


def test_sections_arrays_and_variables() -> None:
    entries, problems = parsed('[S t]\na[] = 1\na[k] = "x${V}"\n[PATH=/x] ; c\nb = ${V}/${W:-w}${U}\n', V="v")
    assert [(one.section, one.name, one.offset, one.value, one.line) for one in entries] == [
        ("S t", "a", "", "1", 2),
        ("S t", "a", "k", "xv", 3),
        ("PATH=/x", "b", None, "v/w", 5),
    ]
    assert problems == [("the variable U has no value here; it may come from the environment", 5)]


QUOTED = st.text(st.characters(exclude_characters='"\\$\r', codec="utf-8"), max_size=30)


@given(st.lists(QUOTED, min_size=1, max_size=5))
def test_written_words_are_read_back(words: list[str]) -> None:
    entries, problems = parsed("\n".join(f'a{i} = "{word}"' for i, word in enumerate(words)))
    assert [entry.value for entry in entries] == words
    assert problems == []


POOL = "listen = 9000\npm = ondemand\npm.max_children = 3\n"
TWO = "[two]\nsecurity.limit_extensions = .php .php5\n" + POOL
PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            "=",
            " ",
            "\n",
            '"',
            "'",
            ";",
            "|",
            "&",
            "~",
            "!",
            "(",
            ")",
            "[",
            "]",
            "${",
            "}",
            "\\",
            "$",
            "E_ALL",
            "on",
            "1",
        ]
    ),
    max_size=40,
)


@given(st.one_of(st.text(max_size=100), PIECES.map("".join)))
def test_any_text_is_read(text: str) -> None:
    read_settings(PHP, {INI: text, "etc/php/8.4/fpm/php-fpm.conf": text, "etc/php/8.4/fpm/php.ini": ""})


def test_the_scan_folder_is_read_after_the_file() -> None:
    found = read_settings(
        PHP,
        {
            INI: "expose_php = On\nmemory_limit = 1G\ndisable_functions = exec, passthru,system\nopen_basedir=/a:/b\n[PATH=/x]\nx=1",
            "etc/php/8.4/cli/conf.d/10-a.ini": "extension=a.so\nexpose_php = Off\n#extension=x",
            "etc/php/8.4/cli/conf.d/20-b.ini": "zend_extension=b.so\nextension=c\nerror_reporting = E_ALL",
            "etc/php/8.4/mods-available/d.ini": "extension=d",
        },
    )
    assert found.problems == []
    values = found.values
    assert values["php.cli.expose_php"] is False
    assert values["php.cli.memory_limit"] == "1G"
    assert values["php.cli.disable_functions"] == ("exec", "passthru", "system")
    assert values["php.cli.open_basedir"] == ("/a", "/b")
    assert values["php.cli.extension"] == ("a.so", "c")
    assert values["php.cli.zend_extension"] == ("b.so",)
    assert values["php.cli.error_reporting"] == 30719
    assert values["php.cli.allow_url_include"] is False
    assert values["php.cli.display_errors"] == "1"
    assert values["php.cli.max_execution_time"] == 0
    assert "php.cli.x" not in values
    places = {setting.key: (setting.path, setting.line) for setting in found.settings}
    assert places["php.cli.expose_php"] == ("/etc/php/8.4/cli/conf.d/10-a.ini", 2)
    assert places["php.cli.allow_url_include"] == ("", 0)


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("expose_php", "Off", False),
        ("expose_php", "1", True),
        ("expose_php", '"on"', True),
        ("expose_php", "x", False),
        ("allow_url_include", "2", True),
        ("display_errors", "On", "1"),
        ("display_errors", "Off", ""),
        ("display_errors", "stderr", "stderr"),
        ("max_input_vars", "10", 10),
        ("max_input_vars", "10M", "10M"),
        ("disable_functions", "", ()),
        ("memory_limit", "-1", "-1"),
        ("error_reporting", "E_ALL & ~E_DEPRECATED", 24575),
    ],
)
def test_types(name: str, written: str, value: object) -> None:
    found = read_settings(PHP, {"etc/php/8.2/apache2/php.ini": f"{name} = {written}\n"})
    assert found.values[f"php.apache2.{name}"] == value
    assert type(found.values[f"php.apache2.{name}"]) is type(value)


def test_pools() -> None:
    found = read_settings(
        PHP,
        {
            "etc/php/8.4/fpm/php.ini": "[PATH=/srv]\nmemory_limit = 1M\n[Date]\nprecision = 3\n[HOST=a.example]\nprecision = 4",
            "etc/php/8.4/fpm/php-fpm.conf": "[global]\npid = /p\ndaemonize = no\ninclude=/etc/php/8.4/fpm/pool.d/*.conf\n",
            "etc/php/8.4/fpm/pool.d/a.conf": (
                "[www]\nuser = w\nlisten = /run/$pool.sock\npm.max_children = 5\nclear_env = no\nenv[PATH] = /bin\n"
                "php_admin_value[memory_limit] = 32M\nphp_admin_flag[log_errors] = on\nlisten.allowed_clients = 127.0.0.1,::1\n"
            ),
            "etc/php/8.4/fpm/pool.d/b.conf": "[www]\nuser = v\npm = static\n" + TWO,
        },
    )
    assert found.problems == []
    values = found.values
    assert values["php.fpm.global.daemonize"] is False
    assert values["php.fpm.pool[www].user"] == "v"
    assert values["php.fpm.pool[www].listen"] == "/run/www.sock"
    assert values["php.fpm.pool[www].pm.max_children"] == 5
    assert values["php.fpm.pool[www].clear_env"] is False
    assert values["php.fpm.pool[www].env[PATH]"] == "/bin"
    assert values["php.fpm.pool[www].php_admin_value[memory_limit]"] == "32M"
    assert values["php.fpm.pool[www].php_admin_flag[log_errors]"] is True
    assert values["php.fpm.pool[www].listen.allowed_clients"] == ("127.0.0.1", "::1")
    assert values["php.fpm.pool[www].security.limit_extensions"] == (".php", ".phar")
    assert values["php.fpm.pool[two].security.limit_extensions"] == (".php", ".php5")
    assert values["php.fpm.pool[two].clear_env"] is True
    assert values["php.fpm.path[/srv].memory_limit"] == "1M"
    assert values["php.fpm.host[a.example].precision"] == 4
    assert values["php.fpm.precision"] == 3


@pytest.mark.parametrize(
    ("files", "keys"),
    [
        ({"etc/php.ini": "x=1", "etc/php.d/a.ini": "y=2"}, {"php.cli.x": "1", "php.cli.y": "2"}),
        (
            {
                "etc/php.ini": "x=1",
                "etc/php-fpm.conf": "include=/etc/php-fpm.d/*.conf",
                "etc/php-fpm.d/www.conf": "[www]\nuser = apache\n" + POOL,
            },
            {"php.cli.x": "1", "php.fpm.x": "1", "php.fpm.pool[www].user": "apache"},
        ),
        ({"etc/php83/php.ini": "x=1", "etc/php83/conf.d/a.ini": "x=2"}, {"php.cli.x": "2"}),
        ({"etc/php84/php.ini": "error_reporting=E_ALL"}, {"php.cli.error_reporting": 30719}),
        (
            {"etc/php8/cli/php.ini": "x=1", "etc/php8/conf.d/a.ini": "y=2", "etc/php8/fpm/php.ini": "x=3"},
            {"php.cli.y": "2", "php.fpm.x": "3"},
        ),
        ({"usr/local/etc/php/conf.d/a.ini": "x=1"}, {"php.cli.x": "1", "php.cli.expose_php": True}),
        ({"usr/local/etc/php/php.ini": "x=1", "usr/local/etc/php/php-cli.ini": "x=2"}, {"php.cli.x": "2"}),
        (
            {
                "usr/local/etc/php/php.ini": "x=1",
                "usr/local/etc/php-fpm.conf": "include=etc/php-fpm.d/*.conf",
                "usr/local/etc/php-fpm.d/www.conf": "[www]\nuser=w\n" + POOL,
                "usr/local/lib/php/extensions/no-debug-non-zts-20240924/opcache.so": "",
            },
            {"php.fpm.pool[www].user": "w", "php.fpm.x": "1"},
        ),
        (
            {"etc/php/8.2/cli/php.ini": "x=2", "etc/php/8.10/cli/php.ini": "x=10"},
            {"php.cli.x": "10", "php[8.2].cli.x": "2"},
        ),
        ({"opt/bitnami/php/etc/php.ini": "x=1"}, {"php.cli.x": "1"}),
    ],
)
def test_layouts(files: dict[str, str], keys: dict[str, object]) -> None:
    found = read_settings(PHP, files)
    assert {key: found.values.get(key) for key in keys} == keys
    assert found.problems == []


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({INI: "a = 1\nx y = 1"}, (f"/{INI}", "line 2: this is not a setting, and is left out")),
        (
            {"etc/php/8.4/fpm/php.ini": "", "etc/php/8.4/fpm/php-fpm.conf": "\ninclude=/etc/none.conf\n[w]\n" + POOL},
            ("/etc/php/8.4/fpm/php-fpm.conf", "line 2: /etc/none.conf is not there"),
        ),
        (
            {
                "etc/php/8.4/fpm/php.ini": "",
                "etc/php/8.4/fpm/php-fpm.conf": "include=/etc/php/8.4/fpm/*.conf\n[w]\n" + POOL,
            },
            ("/etc/php/8.4/fpm/php-fpm.conf", "line 1: /etc/php/8.4/fpm/php-fpm.conf includes itself"),
        ),
        (
            {"etc/php/8.4/fpm/php.ini": "", "etc/php/8.4/fpm/php-fpm.conf": f"[{'p' * 300}]\nuser = a\n[w]\n{POOL}"},
            ("/etc/php/8.4/fpm/php-fpm.conf", "line 2: a pool's name is too long; it is left out"),
        ),
    ],
)
def test_problems(files: dict[str, str], problem: tuple[str, str]) -> None:
    assert read_settings(PHP, files).problems == [problem]


@pytest.mark.parametrize(
    "text",
    ['a="' + "${" * 30_000 + '"', 'a="' + '\\"' * 100_000, "[" * 200_000, "a=" + "${b:-" * 40_000, "x[]=1\n" * 40_000],
)
def test_text_that_repeats_itself_is_read(text: str) -> None:
    assert read_settings(PHP, {INI: text}).values["php.cli.expose_php"] is True


def _fpm(pools: str, ini: str = "") -> dict[str, object]:
    files = {"etc/php/8.4/fpm/php.ini": ini, "etc/php/8.4/fpm/php-fpm.conf": "[global]\ndaemonize = no\n" + pools}
    return dict(read_settings(PHP, files).values)


def test_what_a_pool_changes_of_php_is_in_effect_there() -> None:
    found = _fpm(
        "[www]\nphp_admin_value[memory_limit] = 1G\nphp_value[memory_limit] = 32M\nphp_flag[display_errors] = on\n"
        "php_admin_flag[allow_url_include] = on\n[b]\nphp_admin_flag[allow_url_include] = off\n",
        "memory_limit = 8M\n",
    )
    assert found["php.fpm.pool[www].memory_limit"] == "1G"
    assert found["php.fpm.memory_limit"] == "8M"
    assert "php.fpm.pool[b].memory_limit" not in found
    assert (found["php.fpm.pool[www].allow_url_include"], found["php.fpm.pool[b].allow_url_include"]) == (True, False)


def test_what_every_pool_changes_is_in_effect_everywhere() -> None:
    found = _fpm("[www]\nphp_admin_flag[expose_php] = off\n", "expose_php = On\n")
    assert found["php.fpm.expose_php"] is False


def test_functions_that_pools_disable_are_added() -> None:
    found = _fpm("[www]\nphp_admin_value[disable_functions] = exec,system\n", "disable_functions = phpinfo,exec\n")
    assert found["php.fpm.pool[www].disable_functions"] == ("phpinfo", "exec", "system")


FPM = "usr/local/etc/php-fpm.conf"


def test_what_apache_brings_reads_the_same_file() -> None:
    files = {"usr/local/etc/php/php.ini": "x=1", "usr/lib/apache2/modules/libphp.so": ""}
    assert read_settings(PHP, files).values["php.apache2.x"] == "1"


def test_folders_with_odd_names_are_none_of_php_s() -> None:
    files = {"etc/php/8.4/cli/php.ini": "x=1", "etc/php/o d/cli/php.ini": "x=2", "etc/php/8.4/x y/php.ini": "y=1"}
    found = read_settings(PHP, {**files, "etc/php8/cli/php.ini": "x=3", "etc/php8/x y/php.ini": "y=1"})
    assert sorted(key for key in found.values if key.endswith((".x", ".y"))) == ["php.cli.x", "php[/etc/php8].cli.x"]


def test_entries_of_pools_that_are_none_are_left_out_and_a_pool_without_a_manager_is_refused() -> None:
    text = "[global]\nerror_log[a]=b\n[www]\nuser=w\nlisten=9000\npm.x/y=1\nphp_value[a b]=1\nenv[A B]=x\n"
    found = read_settings(PHP, {"usr/local/etc/php/php.ini": "", FPM: text})
    assert {s.key: s.value for s in found.settings if ".pool[" in s.key and s.path} == {
        "php.fpm.pool[www].user": "w",
        "php.fpm.pool[www].listen": "9000",
    }
    assert found.problems == [
        *((f"/{FPM}", f"line {line}: this is not a setting, and is left out") for line in (6, 7, 8)),
        (f"/{FPM}", "php-fpm refuses to start: pool www: its process manager (pm) is not given"),
    ]
