"""What the walk knows of some programs and frameworks from their sources: names that stand in settings, calls that lead nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hullmark.model.image import HealthCheck
from hullmark.model.setting import Setting, Value
from hullmark.reach import elf
from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

SITE, LIB = "/usr/lib/python3/dist-packages", "/usr/lib/python3.13"
DJANGO = f"{SITE}/django"
SETTINGS = b"INSTALLED_APPS = [\n    'django.contrib.auth',\n    'basket',  # 'left'\n]\n"


def django(settings: bytes, *, is_late: bool = False) -> dict[str, str]:
    """What is reached of a small Django, and of modules beside it, by an application with these settings; by path."""
    files = {**BASE, "/usr/bin/python3": program(), f"{LIB}/os.py": b""}
    packages = (
        "utils",
        "conf",
        "conf/locale",
        "conf/locale/de",
        "contrib",
        "contrib/auth",
        "contrib/auth/templatetags",
    )
    for name in (*packages, "contrib/gis", "contrib/admin", "core"):
        files[f"{DJANGO}/{name}/__init__.py"] = b""
    for name in (
        "conf/locale/de/formats",
        "contrib/auth/models",
        "contrib/auth/admin",
        "contrib/auth/drop",
        "core/cache",
    ):
        files[f"{DJANGO}/{name}.py"] = b""
    for name in ("contrib/auth/templatetags/who", "contrib/gis/shape", "contrib/admin/site"):
        files[f"{DJANGO}/{name}.py"] = b""
    files |= {f"{DJANGO}/contrib/{name}/locale/de.mo": b"x" for name in ("auth", "gis")}
    files |= {f"{SITE}/{name}.py": b"" for name in ("basket", "left")}
    files[f"{DJANGO}/__init__.py"] = b"from django.utils import loading\n"
    files[f"{DJANGO}/utils/loading.py"] = (
        b"# 'django.contrib.admin'\nimport_module(name)\nX = 'django.conf.locale.%s'\n"
        b'"""As \'django.contrib.admin\'."""\nraise E(\'django.contrib.gis.shape.X() is gone\')\n'
    )
    owners = {path: "django" for path in files if path.startswith(SITE)}
    files |= {"/app/main.py": b"import django, settings\n", "/app/settings.py": settings}
    if is_late:  # Django makes names before it is known what the settings name
        files |= {"/app/main.py": b"import django, first\n", "/app/first.py": b"import second\n"}
        files |= {"/app/second.py": b"import third\n", "/app/third.py": b"import settings\n"}
    found = walked(files, ("python3", "/app/main.py"), owners=owners, why=tuple(files))
    return {
        answer.subject.removeprefix(f"{DJANGO}/").removeprefix(f"{SITE}/"): answer.reach for answer in found.answers
    }


def test_django_imports_what_its_settings_name_and_the_parts_of_applications() -> None:
    found = django(SETTINGS)
    certain = ("contrib/auth/__init__.py", "contrib/auth/models.py", "contrib/auth/templatetags/who.py", "basket.py")
    for path in (*certain, "contrib/auth/locale/de.mo", "conf/locale/de/formats.py"):
        assert found[path] == "reachable", path
    assert found["contrib/auth/drop.py"] == "unknown"
    for path in ("contrib/auth/admin.py", "contrib/admin/site.py", "contrib/gis/shape.py", "contrib/gis/locale/de.mo"):
        assert found[path] == "unreachable", path
    assert (found["left.py"], found["core/cache.py"]) == ("unreachable", "unreachable")


def test_modules_for_djangos_admin_count_where_that_is_an_application() -> None:
    found = django(SETTINGS.replace(b"[\n", b"[\n    'django.contrib.admin',\n"))
    assert (found["contrib/auth/admin.py"], found["contrib/admin/site.py"]) == ("unknown", "unknown")
    # Whichever of the two comes first.
    found = django(SETTINGS.replace(b"]", b"    'django.contrib.admin',\n]"))
    assert (found["contrib/auth/admin.py"], found["contrib/admin/site.py"]) == ("unknown", "unknown")


def test_settings_that_come_late_name_the_same() -> None:
    """In whichever order files are reached: what is named before and after Django makes names of it counts alike."""
    more = (
        SETTINGS.replace(b"]", b"    'django.contrib.admin',\n]")
        + b"AGAIN = 'django.conf.locale.de', 'django.contrib.gis.x'\n"
    )
    for settings in (SETTINGS, more, more + b"LAST = 'django.conf.locale.%s'\n"):
        assert django(settings, is_late=True) | _LATE == django(settings) | _LATE


_LATE = dict.fromkeys(("/app/main.py", "/app/first.py", "/app/second.py", "/app/third.py"), "")


def test_a_part_of_django_that_a_text_names_may_be_imported() -> None:
    found = django(
        SETTINGS + b"CACHES = {'default': {'BACKEND': 'django.core.cache.Local'}}\nMORE = f'django.contrib.gis.{x}'\n"
    )
    assert found["core/cache.py"] == "reachable"
    assert (found["contrib/gis/shape.py"], found["contrib/gis/locale/de.mo"]) == ("unknown", "unknown")


def mariadb(**more: Any) -> dict[str, str]:
    """What a server of SQL that holds the words `login` and `mount` reaches."""
    server = program(calls=more.pop("calls", ("execlp", "posix_spawnp")), constants=("login", "mount", "/usr/share/db"))
    files = {**BASE, "/usr/sbin/mariadbd": server, "/usr/bin/login": program(), "/usr/bin/addr2line": program()}
    files |= {"/usr/share/db/notify": b"#!/bin/sh\n", "/usr/share/db/errors": b"x", "/var/lib/mysql/ibdata1": b"x"}
    owners = more.pop("owners", {"/usr/sbin/mariadbd": "mariadb-server-core"})
    found = walked(files, more.pop("command", ("mariadbd",)), why=tuple(files), owners=owners, **more)
    return {answer.subject.rpartition("/")[2]: answer.reach for answer in found.answers}


def test_mariadb_starts_nothing_that_its_words_name() -> None:
    found = mariadb()
    assert (found["login"], found["mount"], found["notify"]) == ("unreachable",) * 3
    assert (found["addr2line"], found["errors"], found["ibdata1"]) == ("unknown", "unknown", "reachable")


@pytest.mark.parametrize(
    "more",
    [
        {"calls": ("execlp", "posix_spawnp", "system")},
        {"command": ("mariadbd", "--wsrep-on=1")},
        {"env": ("WSREP_CLUSTER=a",)},
        {"settings": (Setting(key="mysql.server.wsrep_on", value="ON", path="/etc/my.cnf"),)},
    ],
)
def test_mariadb_of_a_cluster_or_of_another_kind_may_start_what_its_words_name(more: Mapping[str, Any]) -> None:
    found = mariadb(**more)
    assert (found["login"], found["notify"]) == ("unknown", "unknown")


@pytest.mark.parametrize("more", [{"owners": {}}, {"changes": {"/usr/sbin/mariadbd": {"state": "changed"}}}])
def test_what_only_has_the_name_of_a_known_program_may_start_what_its_words_name(more: Mapping[str, Any]) -> None:
    found = mariadb(**more)
    assert (found["login"], found["notify"]) == ("unknown", "unknown")


def test_what_only_has_the_name_of_a_known_library_may_start_what_its_words_name() -> None:
    assert postgres(port=5432)["/usr/bin/tool"] == "unreachable"
    assert postgres(others={}, port=5432)["/usr/bin/tool"] == "unknown"


def test_a_setting_that_is_off_leaves_it_so_and_data_may_lie_elsewhere() -> None:
    off = Setting(key="mysql.server.wsrep_on", value=False, path="/etc/my.cnf")
    elsewhere = Setting(key="mysql.server.datadir", value="/srv/db", path="/etc/my.cnf")
    found = mariadb(settings=(off, elsewhere))
    assert (found["login"], found["ibdata1"]) == ("unreachable", "unreachable")


@pytest.mark.parametrize(("asked", "reach"), [("apr_dbd_get_driver", "unknown"), ("apr_hash_get", "unreachable")])
def test_drivers_of_apaches_library_count_if_somebody_asks_for_them(asked: str, reach: str) -> None:
    driver = "/usr/lib/x/apr-util-1/apr_dbd_x.so"
    library = dynamic_elf(soname="libaprutil-1.so.0", constants=("/usr/lib/x/apr-util-1",))
    files = {**BASE, "/d": program("libaprutil-1.so.0", calls=(asked,)), "/usr/lib/libaprutil-1.so.0": library}
    [answer] = walked({**files, driver: dynamic_elf(("libc.so.6",))}, ("/d",), why=(driver,)).answers
    assert answer.reach == reach


def test_pam_loads_what_its_configuration_names_and_not_its_folder() -> None:
    folder = "/usr/lib/x86_64-linux-gnu/security"
    library = dynamic_elf(soname="libpam.so.0", constants=(f"{folder}/",))
    files = {**BASE, "/d": program("libpam.so.0", calls=("pam_start",)), "/usr/lib/libpam.so.0": library}
    files |= {"/etc/pam.d/d": b"auth required pam_unix.so\n", f"{folder}/pam_unix.so": dynamic_elf()}
    modules = (f"{folder}/pam_unix.so", f"{folder}/pam_exec.so")
    found = walked({**files, modules[1]: dynamic_elf()}, ("/d",), why=modules).answers
    assert {each.subject: each.reach for each in found} == {modules[0]: "reachable", modules[1]: "unreachable"}


@pytest.mark.parametrize(
    ("exports", "kinds", "is_call"),
    [
        (("ap_hack_apr_xlate_open",), (1,), False),
        (("ap_hack_apr_xlate_open",), (1, 7), True),
        (("ap_hack_other",), (1,), True),
        ((), (1,), True),
    ],
)
def test_functions_that_apaches_server_only_holds_for_its_modules_are_not_called(
    exports: tuple[str, ...], kinds: tuple[int, ...], is_call: bool
) -> None:
    relocations = tuple(("apr_xlate_open", kind) for kind in kinds)
    body = dynamic_elf(calls=("apr_xlate_open",), exports=exports, relocations=relocations)
    assert ("apr_xlate_open" in elf.facts_of(memoryview(body)).calls) is is_call


def test_collections_whose_members_data_names_are_reached_as_a_whole() -> None:
    files = {**BASE, "/usr/bin/python3": program(), f"{LIB}/os.py": b"", "/app/a.py": b"import zoneinfo\n"}
    files |= {f"{LIB}/encodings/{name}.py": b"" for name in ("__init__", "big5")}
    files |= {f"{LIB}/zoneinfo/__init__.py": b"", "/usr/share/zoneinfo/Asia/Tokyo": b"x"}
    wanted = (f"{LIB}/encodings/big5.py", "/usr/share/zoneinfo/Asia/Tokyo")
    assert [answer.reach for answer in walked(files, ("python3", "/app/a.py"), why=wanted).answers] == ["reachable"] * 2


@pytest.mark.parametrize("test", [("CMD", "curl", "-f"), ("CMD-SHELL", "curl -f x")])
def test_a_healthcheck_that_is_not_there_leaves_the_rest_as_it_is(test: tuple[str, ...]) -> None:
    found = walked({**BASE, "/d": program()}, ("/d",), why=("/bin/mount", "/d"), healthcheck=HealthCheck(test=test))
    assert {answer.subject: answer.reach for answer in found.answers} == {
        "/bin/mount": "unreachable",
        "/d": "reachable",
    }
    absent = walked({**BASE, "/d": program()}, ("/absent",), why=("/bin/mount",), healthcheck=HealthCheck(test=test))
    assert [answer.reach for answer in absent.answers] == ["unknown"]


PG, PG_LIB, PG_SHARE = "/usr/lib/postgresql/17/bin/postgres", "/usr/lib/postgresql/17/lib", "/usr/share/postgresql/17"
CHARMAP = "/usr/share/i18n/charmaps/UTF-8.gz"


PACKAGED = {"/usr/lib/libpq.so.5": "libpq5", "/usr/bin/locale": "libc-bin"}


def postgres(
    command: tuple[str, ...] = (PG,),
    words: tuple[str, ...] = (),
    others: Mapping[str, str] = PACKAGED,
    **settings: Value,
) -> dict[str, str]:
    """What is reached of a small PostgreSQL with these settings; by path. `others`: which package each of other files is of."""
    server = program("libpq.so.5", calls=("popen", "system"), constants=("mount", PG_LIB, PG_SHARE))
    files = {
        **BASE,
        PG: server,
        "/usr/lib/libpq.so.5": dynamic_elf(soname="libpq.so.5", calls=("popen",), constants=("tool",)),
        f"{PG_LIB}/llvmjit.so": dynamic_elf(("libLLVM.so",)),
        f"{PG_LIB}/hstore.so": dynamic_elf(("libc.so.6",)),
        f"{PG_LIB}/bitcode/postgres/a.bc": b"BC",
        f"{PG_LIB}/pgxs/install.sh": b"#!/bin/sh\nmount\n",
        f"{PG_LIB}/pgxs/Makefile": b"all:\n",
        "/usr/lib/libLLVM.so": dynamic_elf(soname="libLLVM.so"),
        f"{PG_SHARE}/extension/hstore.control": b"x",
        f"{PG_SHARE}/man/man7/SELECT.7.gz": b"x",
        f"{PG_SHARE}/postgres.bki": b"x",
        "/usr/bin/locale": program(constants=("/usr/share/i18n/charmaps", *words)),
        CHARMAP: b"x",
        "/app/run": b"#!/bin/sh\nlocale -m\nexec " + PG.encode() + b"\n",
    }
    given = tuple(Setting(key=f"postgresql.cluster[17/main].{key}", value=value) for key, value in settings.items())
    owners = {path: "postgresql" for path in files if "/postgresql/" in path} | dict(others)
    found = walked(files, command, settings=given, why=tuple(files), owners=owners)
    return {answer.subject: answer.reach for answer in found.answers}


def test_postgresql_loads_its_compiler_and_modules_and_reads_what_statements_name() -> None:
    found = postgres(port=5432)
    for path in (f"{PG_LIB}/llvmjit.so", "/usr/lib/libLLVM.so", f"{PG_LIB}/bitcode/postgres/a.bc"):
        assert found[path] == "reachable"
    assert found[f"{PG_SHARE}/extension/hstore.control"] == "reachable"
    assert [found[f"{PG_LIB}/hstore.so"], found[f"{PG_SHARE}/postgres.bki"]] == ["unknown"] * 2
    for path in (f"{PG_LIB}/pgxs/install.sh", f"{PG_LIB}/pgxs/Makefile", f"{PG_SHARE}/man/man7/SELECT.7.gz"):
        assert found[path] == "unreachable"
    assert [found["/bin/mount"], found["/usr/bin/tool"], found["/bin/sh"]] == [
        "unreachable",
        "unreachable",
        "reachable",
    ]


@pytest.mark.parametrize("value", [False, "off"])
def test_a_compiler_that_is_off_may_still_be_loaded_as_every_module(value: bool | str) -> None:
    assert postgres(jit=value)["/usr/lib/libLLVM.so"] == "unknown"


@pytest.mark.parametrize(("value", "reach"), [("mount %p", "unknown"), ("", "unreachable")])
def test_a_command_to_archive_with_may_start_anything(value: str, reach: str) -> None:
    assert postgres(archive_command=value)["/bin/mount"] == reach


def test_locales_are_listed_without_character_maps_unless_somebody_else_asks() -> None:
    assert postgres(port=5432)["/usr/bin/locale"] == "unknown"
    assert postgres(port=5432)[CHARMAP] == "unreachable"
    assert postgres(("/app/run",), port=5432)[CHARMAP] != "unreachable"


@pytest.mark.parametrize(("asked", "reach"), [("sd_journal_get_catalog", "unknown"), ("sd_notify", "unreachable")])
def test_folders_of_systemd_count_if_somebody_asks_its_library_for_them(asked: str, reach: str) -> None:
    unit = "/usr/lib/systemd/system/a.timer"
    library = dynamic_elf(soname="libsystemd.so.0", constants=("/usr/lib/systemd",))
    files = {**BASE, "/d": program("libsystemd.so.0", calls=(asked,)), "/usr/lib/libsystemd.so.0": library, unit: b"x"}
    [answer] = walked(files, ("/d",), why=(unit,)).answers
    assert answer.reach == reach
