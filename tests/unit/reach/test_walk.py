"""What the start of an image reaches, from its command to its packages."""

from __future__ import annotations

import io
import zipfile

import pytest

from hullmark.facets.kept import KeptContent
from hullmark.model.errors import HullmarkError
from hullmark.model.setting import Setting
from tests.support.dynamic import dynamic_elf
from tests.support.reach import reach_of, walked

LD = "/lib64/ld.so"
LOADER = {LD: dynamic_elf(soname="ld-linux-x86-64.so.2")}
LIBC = {"/lib/libc.so.6": dynamic_elf(soname="libc.so.6", constants=("/bin/sh",))}


def program(*needed: str, calls: tuple[str, ...] = (), constants: tuple[str, ...] = (), runpath: str = "") -> bytes:
    return dynamic_elf((*needed, "libc.so.6"), interpreter=LD, calls=calls, constants=constants, runpath=runpath)


BASE = {**LOADER, **LIBC, "/bin/sh": program(), "/bin/mount": program(), "/usr/bin/tool": program()}


def test_a_program_reaches_its_libraries_and_nothing_else() -> None:
    files = {
        **BASE,
        "/srv/d": program("liba.so.1", runpath="$ORIGIN/lib"),
        "/srv/lib/liba.so.1.0": dynamic_elf(("libb.so",)),
    }
    files |= {"/usr/lib/libb.so": dynamic_elf(), "/usr/lib/liba.so.1": dynamic_elf()}
    owners = {"/usr/lib/libb.so": "b", "/bin/mount": "mount", "/srv/d": "d", "/lib/libc.so.6": "libc"}
    found = walked(files, ("/srv/d",), links={"/srv/lib/liba.so.1": "liba.so.1.0"}, owners=owners, why=("b", "mount"))
    assert {package.name: package.reach for package in found.packages} == {
        "b": "reachable", "d": "reachable", "libc": "reachable", "mount": "unreachable",
    }  # fmt: skip
    b, mount = found.answers
    assert [step.path for step in b.witness] == ["/srv/d", "/srv/lib/liba.so.1.0", "/usr/lib/libb.so"]
    assert (mount.reach, mount.witness) == ("unreachable", ())
    assert "/usr/lib/liba.so.1" not in found.kept
    assert "/srv/lib/liba.so.1" in found.kept


@pytest.mark.parametrize(
    ("calls", "reach"), [(("system",), "reachable"), (("execve",), "unreachable"), ((), "unreachable")]
)
def test_the_shell_is_reached_by_whoever_calls_for_it(calls: tuple[str, ...], reach: str) -> None:
    assert reach_of(walked({**BASE, "/d": program(calls=calls)}, ("/d",)))["/bin/sh"] == reach


def test_a_path_in_a_program_counts_if_it_can_start_programs_and_a_word_may_be_one() -> None:
    files = {
        **BASE,
        "/etc/d/conf": b"",
        "/d": program(calls=("execvp",), constants=("/usr/bin/tool", "mount", "/etc/d/conf")),
    }
    found = walked(files, ("/d",))
    assert reach_of(found) | {"/lib/libc.so.6": ""} | {LD: ""} == {
        "/d": "reachable", "/usr/bin/tool": "reachable", "/bin/mount": "unknown", "/bin/sh": "unreachable", "/lib/libc.so.6": "", LD: "",
    }  # fmt: skip
    assert "/etc/d/conf" in found.kept
    [mount] = [each for each in found.programs if each.path == "/bin/mount"]
    assert "holds the word mount" in mount.reason
    silent = walked({**BASE, "/d": program(constants=("/usr/bin/tool",))}, ("/d",))
    assert reach_of(silent)["/usr/bin/tool"] == "unreachable"


def test_a_script_reaches_its_interpreter_and_the_programs_in_it() -> None:
    files = {**BASE, "/entry.sh": b'#!/bin/sh\n[ -x x ] && mount /x\nexec "$@"\n'}
    assert set(reach_of(walked(files, ("/entry.sh", "tool"))).values()) == {"reachable"}
    assert reach_of(walked(files, ("/entry.sh",)))["/usr/bin/tool"] == "unreachable"


@pytest.mark.parametrize("command", [("sh",), ("sh", "-c", "$X"), ("/strange",), ("gone",), ("env", "-S", "a b"), ()])
def test_what_cannot_be_followed_makes_programs_unknown(command: tuple[str, ...]) -> None:
    found = walked({**BASE, "/strange": b"#!\nx", "/usr/bin/env": program()}, command)
    assert reach_of(found)["/bin/mount"] == "unknown"
    assert found.open_ends


def test_a_damaged_program_leaves_nothing_unreachable_that_it_might_use() -> None:
    found = walked({**BASE, "/d": b"\x7fELF\2\1" + bytes(9)}, ("/d",))
    assert set(reach_of(found).values()) == {"reachable", "unknown"}


def test_python_reaches_what_modules_import_and_their_data() -> None:
    site, lib = "/usr/lib/python3/dist-packages", "/usr/lib/python3.13"
    files = {**BASE, "/usr/bin/python3": program(), f"{lib}/os.py": b"", f"{lib}/json/__init__.py": b""}
    files |= {
        f"{lib}/encodings/__init__.py": b"",
        f"{lib}/lib-dynload/_x.cpython-313-x86_64-linux-gnu.so": dynamic_elf(),
    }
    files |= {f"{site}/shop/__init__.py": b"from .cart import a\n", f"{site}/shop/cart.py": b"import _x\n"}
    files |= {f"{site}/shop/unused.py": b"", f"{site}/shop/data.pem": b"", f"{site}/other.py": b""}
    files |= {"/app/main.py": b"if 1:\n  import shop\n", "/app/page.html": b""}
    kept = walked(files, ("python3", "main.py"), folder="/app").kept
    for path in (f"{site}/shop/cart.py", f"{site}/shop/data.pem", "/app/page.html", f"{lib}/os.py"):
        assert path in kept
    assert f"{lib}/lib-dynload/_x.cpython-313-x86_64-linux-gnu.so" in kept
    assert not {f"{site}/other.py", f"{site}/shop/unused.py", f"{lib}/json/__init__.py"}.intersection(kept)


def test_code_reaches_data_whose_path_stands_in_it_alone() -> None:
    code = b"KNOWN = ['/etc/mime.types', '/usr/bin/tool', '/etc/none']\nTEXT = 'see /etc/other'\n"
    files = {**BASE, "/usr/bin/python3": program(), "/usr/lib/python3.13/os.py": b"", "/app/a.py": code}
    found = walked({**files, "/etc/mime.types": b"x", "/etc/other": b"x"}, ("python3", "/app/a.py"))
    assert {path for path in found.kept if path.startswith("/etc")} == {"/etc/mime.types"}
    assert reach_of(found)["/usr/bin/tool"] == "unreachable"


def test_a_script_shares_variables_with_the_scripts_that_it_reads() -> None:
    entry = b'#!/bin/sh\nKIND=tool\n. /etc/default/shop\n${RUN:-/bin/mount} "$@"\n'
    files = {**BASE, "/entry.sh": entry, "/etc/default/shop": b"RUN=/usr/bin/$KIND\n. /etc/default/more\n"}
    found = reach_of(walked({**files, "/etc/default/more": b"$1\n"}, ("/entry.sh", "mount")))
    assert [found[path] for path in ("/bin/mount", "/usr/bin/tool", "/entry.sh")] == ["reachable"] * 3


@pytest.mark.parametrize(
    ("words", "reach"),
    [
        ("awk -F: '$1 || /mount/ { print }' /etc/passwd", "unreachable"),
        ("awk -v a=$X '{ system(a) }'", "unknown"),
        ("mawk '{ print | a }'", "unknown"),
        ("awk $X", "unknown"),
        ("awk -f /x.awk data|tail", "unknown"),
        ("awk -f /none.awk", "unknown"),
    ],
)
def test_a_program_of_awk_may_start_others(words: str, reach: str) -> None:
    files = {**BASE, "/usr/bin/awk": program(calls=("system",), constants=("mount",)), "/usr/bin/mawk": program()}
    kept = {"/x.awk": KeptContent(b'BEGIN{"date" | getline}')}
    entry = f"#!/bin/sh\n{words}\n".encode()
    found = walked({**files, "/entry.sh": entry, "/x.awk": b"x"}, ("/entry.sh",), kept=kept)
    assert reach_of(found)["/bin/mount"] == reach


@pytest.mark.parametrize(("forced", "reach"), [("none", "unknown"), ("/usr/bin/tool", "unreachable")])
def test_a_login_reaches_shells_and_what_they_begin_with(forced: str, reach: str) -> None:
    files = {
        **BASE,
        "/usr/sbin/sshd": program(calls=("pam_start",)),
        "/bin/bash": program(),
        "/etc/pam.d/sshd": b"session optional pam_motd.so\n",
        "/lib/x/security/pam_motd.so": dynamic_elf(),
        "/etc/update-motd.d/10-mount": b"#!/bin/sh\n/usr/bin/tool\n",
        "/usr/bin/run-parts": program(),
        "/home/shop/.bashrc": b"",
        "/home/shop/.ssh/authorized_keys": b"",
        "/home/shop/letter": b"",
        "/etc/ssh/key": b"",
        "/etc/ssh/key.pub": b"",
    }
    told: dict[str, str | tuple[str, ...]] = {
        "passwd.user[shop].shell": "/bin/bash", "passwd.user[shop].home": "/home/shop", "passwd.user[www].shell": "/usr/sbin/nologin",
        "sshd.ForceCommand": forced, "sshd.HostKey": ("/etc/ssh/key",),
    }  # fmt: skip
    settings = [Setting(key=key, value=value) for key, value in told.items()]
    found = walked(files, ("/usr/sbin/sshd",), settings=settings)
    assert set(files) - set(found.kept) == {"/home/shop/letter"} | (set() if forced == "none" else {"/bin/mount"})
    assert reach_of(found)["/bin/mount"] == reach
    assert reach_of(found)["/usr/bin/tool"] == "reachable"


def test_apache_loads_what_its_files_include_and_name() -> None:
    files = {
        **BASE,
        "/usr/sbin/apache2": program(),
        "/etc/apache2/apache2.conf": b'# Include none/*\nIncludeOptional mods-enabled/*.load\n Include "/etc/more"\n',
        "/etc/apache2/mods-enabled/a.load": b"<IfModule !a>\nLoadModule a_module /usr/lib/apache2/a.so\n</IfModule>\n",
        "/etc/more/b.conf": b"LoadFile lib/b.so lib/d.so\nInclude apache2.conf\n",
        "/etc/apache2/lib/d.so": dynamic_elf(),
        "/etc/none/c.conf": b"LoadFile lib/c.so\n",
        "/usr/lib/apache2/a.so": dynamic_elf(),
        "/etc/apache2/lib/b.so": dynamic_elf(),
        "/etc/apache2/lib/c.so": dynamic_elf(),
    }
    setting = Setting(key="apache.User", value="www", path="/etc/apache2/apache2.conf")
    found = walked(files, ("apache2",), settings=(setting,))
    assert set(files) - set(found.kept) == {
        "/bin/mount", "/bin/sh", "/usr/bin/tool", "/etc/none/c.conf", "/etc/apache2/lib/c.so",
    }  # fmt: skip
    files["/etc/more/b.conf"] += b"LoadModule x_module ${MODULES}/x.so\n"
    assert "unreachable" not in reach_of(walked(files, ("apache2",), settings=(setting,))).values()


def test_mariadb_reads_all_option_files_that_includes_lead_to() -> None:
    files = {
        **BASE,
        "/usr/sbin/mariadbd": program(),
        "/etc/mysql/my.cnf": b"!includedir /etc/mysql/conf.d\n!include /etc/mysql/one.cnf\n",
        "/etc/mysql/one.cnf": b"!include /etc/mysql/my.cnf\n",
        "/etc/mysql/conf.d/client.cnf": b"[client]\n",
        "/etc/mysql/other.cnf": b"",
    }
    kept = walked(files, ("mariadbd",)).kept
    assert {path for path in kept if path.startswith("/etc")} == set(files) & {
        "/etc/mysql/my.cnf", "/etc/mysql/one.cnf", "/etc/mysql/conf.d/client.cnf",
    }  # fmt: skip


def test_java_reaches_its_runtime_however_it_is_started_and_folders_of_properties() -> None:
    files = {
        **BASE,
        "/opt/jdk/bin/java": program(),
        "/opt/jdk/lib/modules": b"x",
        "/etc/java/security": b"x",
        "/srv/cat/lib/a.jar": b"x",
        "/srv/other/b.jar": b"x",
    }
    links = {"/opt/jdk/conf": "/etc/java", "/usr/bin/java": "/opt/jdk/bin/java"}
    asked = walked(files, ("java", "-Dcat.home=/srv/cat", "Main"), links=links)
    assert set(files) - set(asked.kept) == {"/bin/mount", "/bin/sh", "/usr/bin/tool", "/srv/other/b.jar"}
    unknown = walked(files, ("sh", "-c", "$X"), links=links)
    assert {"/opt/jdk/lib/modules", "/etc/java/security", "/srv/other/b.jar"} < set(unknown.kept)
    start = b"#!/bin/sh\nH=/none; H=/srv/cat; eval exec java $(opts) -Dcat.home=$H Main\n"
    put_together = walked({**files, "/start": start}, ("/start",), links=links)
    assert {"/srv/cat/lib/a.jar", "/bin/mount"} < set(put_together.kept)
    assert "/srv/other/b.jar" not in put_together.kept


@pytest.mark.parametrize("calls", [(), ("execv",)])
def test_all_that_lies_in_a_folder_that_a_program_names_may_be_read_and_started_where_it_starts_programs(
    calls: tuple[str, ...],
) -> None:
    lib = "/usr/lib/d/lib"
    files = {
        **BASE,
        "/d": program(constants=(lib,), calls=calls),
        **{f"{lib}/code/{number}/a.bc": b"" for number in range(700)},
        f"{lib}/plugin.so": dynamic_elf(soname="plugin.so"),
        f"{lib}/tool": program(),
    }
    found = walked(
        files,
        ("/d",),
        owners={path: path.rpartition("/")[2].replace(".", "-") for path in files if path.startswith(lib)},
    )
    by_name = {package.name: package.reach for package in found.packages}
    assert by_name == {"a-bc": "unknown", "plugin-so": "unknown", "tool": "unknown" if calls else "unreachable"}


BRANCHES = b'#!/bin/sh\n[ -z "$HOME_OF" ] && exec tool\nif [ "$1" = stop ]; then mount; fi\n'
SCRIPT = {**BASE, "/opt/start.sh": BRANCHES, "/sbin/tini": program(), "/usr/bin/env": program()}


@pytest.mark.parametrize(
    ("more", "command", "reached"),
    [
        ({}, ("/opt/start.sh", "run"), set()),
        ({}, ("/sbin/tini", "--", "/opt/start.sh", "run"), set()),
        ({}, ("sh", "-c", "exec /opt/start.sh run"), set()),
        ({}, ("/opt/start.sh", "stop"), {"/bin/mount"}),
        ({}, ("sh", "-c", "unset HOME_OF; exec /opt/start.sh run"), {"/usr/bin/tool"}),
        ({}, ("env", "-i", "/opt/start.sh", "run"), {"/usr/bin/tool", "/bin/mount"}),
        (
            {"/d": program(calls=("execv",), constants=("/opt/start.sh",))},
            ("sh", "-c", "/opt/start.sh run; /d"),
            {"/usr/bin/tool", "/bin/mount"},
        ),
        ({"/d.sh": b"#!/bin/sh\n. /opt/start.sh\n"}, ("/d.sh", "run"), set()),
        ({"/d.sh": b"#!/bin/sh\nHOME_OF=\n. /opt/start.sh\n"}, ("/d.sh", "run"), {"/usr/bin/tool"}),
    ],
)
def test_branches_of_scripts_are_left_out_where_the_image_itself_starts_them(
    more: dict[str, bytes], command: tuple[str, ...], reached: set[str]
) -> None:
    found = walked({**SCRIPT, **more}, command, env=("HOME_OF=/opt/x",), changes={"/opt/start.sh": {"mode": 0o755}})
    assert set(found.kept) & {"/usr/bin/tool", "/bin/mount"} == reached


def test_scripts_in_a_folder_of_a_property_are_read_and_not_run_unless_somebody_runs_them() -> None:
    files = {**BASE, "/usr/bin/java": program(), "/srv/cat/bin/a.sh": b"#!/bin/sh\ntool\n"}
    start = "java", "-Dcat.home=/srv/cat", "Main"
    assert "/usr/bin/tool" not in walked(files, start).kept
    assert "/srv/cat/bin/a.sh" in walked(files, start).kept
    started = {**files, "/d": program(calls=("execv",), constants=("/srv/cat/bin/a.sh",))}
    assert "/usr/bin/tool" in walked(started, ("sh", "-c", "/d & exec java -Dcat.home=/srv/cat Main")).kept


def _jar(class_path: str) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\r\nClass-Path: {class_path}\r\n\r\n")
        return file.getvalue()


def test_archives_that_the_manifest_of_an_archive_names_are_reached_where_it_is_and_where_links_say_it_is() -> None:
    files = {
        **BASE,
        "/usr/bin/java": program(),
        "/srv/app/app.jar": _jar(
            "lib/a.jar lib/b%20c.jar classes/ ../out.jar file:/opt/d.jar https://example.org/e.jar gone.jar"
        ),
        "/srv/app/lib/a.jar": _jar("f.jar app.jar"),
        "/srv/app/lib/b c.jar": b"x",
        "/srv/app/lib/f.jar": b"x",
        "/srv/app/lib/other.jar": b"x",
        "/srv/app/classes/M.class": b"x",
        "/srv/out.jar": b"x",
        "/opt/d.jar": b"x",
        "/opt/e.jar": b"x",
        "/srv/run/lib/a.jar": b"x",
    }
    unowned = {path: "app" for path in files if path.startswith(("/srv", "/opt"))}
    found = walked(
        files, ("java", "-jar", "/srv/run/app.jar"), owners=unowned, links={"/srv/run/app.jar": "../app/app.jar"}
    )
    assert set(files) - set(found.kept) == {
        "/bin/mount",
        "/bin/sh",
        "/usr/bin/tool",
        "/srv/app/lib/other.jar",
        "/opt/e.jar",
    }


def test_a_class_path_that_was_not_kept_whole_leaves_nothing_unreachable() -> None:
    files = {**BASE, "/usr/bin/java": program(), "/srv/a.jar": _jar(" ".join(["x" * 60] * 1200)), "/srv/b.jar": b"x"}
    found = walked(files, ("java", "-jar", "/srv/a.jar"), owners={"/srv/a.jar": "a", "/srv/b.jar": "b"})
    assert {package.reach for package in found.packages} == {"reachable", "unknown"}


def test_ruby_reaches_gems_and_the_application_in_the_working_folder() -> None:
    gems = "/usr/share/rubygems-integration/all"
    files = {
        **BASE,
        "/usr/bin/ruby": program(),
        "/usr/lib/ruby/vendor_ruby/rubygems.rb": b"autoload :A, File.join(__dir__, 'rubygems/a.rb')\n",
        "/usr/lib/ruby/vendor_ruby/rubygems/a.rb": b"",
        "/usr/lib/ruby/vendor_ruby/rubygems/b.rb": b"",
        "/usr/lib/ruby/vendor_ruby/rubygems/commands/install.rb": b"",
        f"{gems}/specifications/puma-6.0.gemspec": b"",
        f"{gems}/gems/puma-6.0/bin/puma": b"#!/usr/bin/ruby\nrequire 'puma'\n",
        f"{gems}/gems/puma-6.0/lib/puma.rb": b"",
        f"{gems}/gems/other-1/lib/other.rb": b"",
        "/app/config.ru": b"require_relative 'shop'\n",
        "/app/shop.rb": b"require 'other'\n",
        "/app/notes.txt": b"",
        "/usr/bin/puma": b"#!/usr/bin/ruby\nload Gem.activate_bin_path('puma', 'puma', 1)\n",
    }
    named = walked(files, ("puma", "config.ru"), folder="/app")
    assert set(files) - set(named.kept) == {
        "/bin/mount", "/bin/sh", "/usr/bin/tool", "/usr/lib/ruby/vendor_ruby/rubygems/commands/install.rb",
    }  # fmt: skip
    assert set(named.kept) - set(walked(files, ("puma",)).kept) >= {"/app/shop.rb", f"{gems}/gems/other-1/lib/other.rb"}


def test_a_service_that_may_be_started_may_read_its_settings() -> None:
    files = {**BASE, "/usr/sbin/nginx": program(), "/etc/nginx/nginx.conf": b"x"}
    setting = Setting(key="nginx.user", value="shop", path="/etc/nginx/nginx.conf")
    found = walked(files, ("sh", "-c", "$X"), settings=(setting,))
    assert reach_of(found)["/usr/sbin/nginx"] == "unknown"
    assert "/etc/nginx/nginx.conf" in found.kept


@pytest.mark.parametrize(
    ("asking", "soname", "locale", "is_kept"),
    [
        ("u8_strconv_from_encoding", "libidn2.so.0", "C.UTF-8", False),
        ("u8_strconv_from_encoding", "libidn2.so.0", "de_DE.ISO-8859-1", True),
        ("u8_strconv_from_encoding", "libmail.so.1", "C.UTF-8", True),
        ("u8_strlen", "libmail.so.1", "C.UTF-8", False),
    ],
)
def test_conversions_that_a_library_makes_for_others_count_if_these_ask(
    asking: str, soname: str, locale: str, is_kept: bool
) -> None:
    files = {
        **BASE,
        "/d": program(soname),
        "/usr/lib/x/gconv/BIG5.so": dynamic_elf(soname="BIG5.so"),
        f"/usr/lib/{soname}": dynamic_elf(("libunistring.so.5",), soname=soname, calls=(asking,)),
        "/usr/lib/libunistring.so.5": dynamic_elf(soname="libunistring.so.5", calls=("iconv_open",)),
    }
    found = walked(files, ("/d",), env=(f"LANG={locale}",))
    assert ("/usr/lib/x/gconv/BIG5.so" in found.kept) is is_kept


def test_node_reaches_what_packages_export() -> None:
    files = {**BASE, "/usr/bin/node": program(), "/app/main.js": b"require('a'); require('b/x'); require('fs')\n"}
    files |= {
        "/app/node_modules/a/package.json": b'{"main": "lib"}',
        "/app/node_modules/a/lib/index.js": b"require('./c')\n",
    }
    files |= {"/app/node_modules/a/lib/c.js": b"", "/app/node_modules/a/old.js": b""}
    files |= {"/app/node_modules/b/package.json": b'{"exports": {"./x": {"node": "./y.js"}, ".": "./z.js"}}'}
    files |= {"/app/node_modules/b/y.js": b"", "/app/node_modules/b/z.js": b"", "/app/node_modules/c/index.js": b""}
    kept = walked(files, ("node", "main.js"), folder="/app").kept
    assert {"/app/node_modules/a/lib/c.js", "/app/node_modules/b/y.js"} <= set(kept)
    assert not {"/app/node_modules/a/old.js", "/app/node_modules/b/z.js", "/app/node_modules/c/index.js"}.intersection(
        kept
    )


def test_a_service_reaches_what_its_settings_name() -> None:
    files = {**BASE, "/usr/sbin/nginx": program(), "/etc/nginx/nginx.conf": b"", "/srv/www/pages/a.html": b""}
    files |= {"/usr/lib/nginx/modules/ngx_m.so": dynamic_elf(), "/usr/lib/nginx/modules/ngx_n.so": dynamic_elf()}
    settings = (
        Setting(key="nginx.load_module", value=("modules/ngx_m.so",), path="/etc/nginx/nginx.conf"),
        Setting(key="nginx.http.server[0].root", value="/srv/www/pages", path="/etc/nginx/nginx.conf"),
    )
    kept = walked(files, ("nginx",), settings=settings).kept
    assert {"/etc/nginx/nginx.conf", "/srv/www/pages/a.html", "/usr/lib/nginx/modules/ngx_m.so"} <= set(kept)
    assert "/usr/lib/nginx/modules/ngx_n.so" not in kept


def test_links_in_a_circle_and_scripts_that_start_each_other_come_to_an_end() -> None:
    files = {**BASE, "/a": b"#!/bin/sh\n/b\n/x\n", "/b": b"#!/bin/sh\n/a\n. /b\n"}
    found = walked(files, ("/a",), links={"/x": "/y", "/y": "/x"})
    assert {"/a", "/b"} <= {path for path, reach in reach_of(found).items() if reach == "reachable"}


def test_cron_starts_what_its_tables_say() -> None:
    files = {**BASE, "/usr/sbin/cron": program(), "/etc/crontab": b""}
    settings = (Setting(key="crontab.job[0].command", value="mount -a >x", path="/etc/crontab"),)
    assert reach_of(walked(files, ("cron",), settings=settings))["/bin/mount"] == "reachable"
    assert reach_of(walked(files, ("tool",), settings=settings))["/bin/mount"] == "unreachable"


def test_a_path_among_constants_that_nothing_parts_is_found() -> None:
    joined = "/etc/shop/a.confunexpected/etc/shop/b.conf/rustc/" + "0" * 40 + "/x"
    files = {
        **BASE,
        "/d": program(calls=("execvp",), constants=(joined,)),
        "/etc/shop/a.conf": b"",
        "/etc/shop/b.conf": b"",
    }
    found = walked({**files, "/etc/shop/c.conf": b""}, ("/d",))
    assert {"/etc/shop/a.conf", "/etc/shop/b.conf"} <= set(found.kept)
    assert "/etc/shop/c.conf" not in found.kept
    assert reach_of(found)["/bin/mount"] == "unknown"


@pytest.mark.parametrize("command", [("python3", "/gone.py"), ("node", "/gone.js"), ("/usr/bin/gone",)])
def test_a_start_that_is_not_in_the_image_leaves_nothing_unreachable(command: tuple[str, ...]) -> None:
    found = walked({**BASE, "/usr/bin/python3": program(), "/usr/bin/node": program()}, command)
    assert "unreachable" not in reach_of(found).values()


def test_another_root_is_started_too() -> None:
    found = walked({**BASE, "/d": program()}, ("/d",), roots=("mount -a",))
    assert reach_of(found)["/bin/mount"] == "reachable"
    assert found.roots == ("CMD /d", "--root mount -a")


def test_what_is_not_there_cannot_be_asked_for() -> None:
    for subject in ("/nothing", "nothing"):
        with pytest.raises(HullmarkError):
            walked(BASE, ("mount",), why=(subject,))
