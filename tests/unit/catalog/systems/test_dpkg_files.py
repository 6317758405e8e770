"""Which files dpkg's packages own, and what is known of each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.dpkg import CATALOGER
from hullmark.model.package import OwnedFile
from tests.support.views import FakeView

HOME = "var/lib/dpkg/"
INFO = HOME + "info/"
A, B, C = "0123456789abcdef0123456789abcdef", "f" * 32, "1" * 32
PURL = "pkg:deb/debian/bash@5.2?arch=amd64"


def stanza(name: str = "bash", more: str = "") -> bytes:
    text = f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2\n{more}"
    return text.encode() + b"\n"


def owned(files: dict[str, bytes], status: bytes = stanza()) -> list[OwnedFile]:
    return owned_in(FakeView({HOME + "status": status, **files}, CATALOGER))


def owned_in(view: FakeView) -> list[OwnedFile]:
    """What the packages brought: not dpkg's own records of them."""
    return [file for file in all_owned(view) if "/info/" not in file.path and "/status.d/" not in file.path]


def records(files: dict[str, bytes], status: bytes = stanza()) -> list[OwnedFile]:
    """dpkg's own records of the packages."""
    found = all_owned(FakeView({HOME + "status": status, **files}, CATALOGER))
    return [file for file in found if "/info/" in file.path or "/status.d/" in file.path]


def all_owned(view: FakeView) -> list[OwnedFile]:
    """Every file that is claimed; asked for by name, the same are found but for dpkg's own records."""
    assert CATALOGER.owned is not None
    assert CATALOGER.named is not None
    found = list(CATALOGER.owned(view))
    problems = list(view.problems)
    names = {file.path.rpartition("/")[2] for file in found if "/info/" not in file.path}
    for some in (names, set(sorted(names)[::2]), {"no such name"}):
        wanted = {(file.path, file.owner) for file in found if file.path.rpartition("/")[2] in some}
        told = {(file.path, file.owner) for file in CATALOGER.named(view, some)}
        assert told <= wanted
        assert all("/info/" in path or "/status.d/" in path for path, _ in wanted - told)
    view.problems[:] = problems
    return found


def test_listed_files_have_the_digests_of_md5sums() -> None:
    files = {
        INFO + "bash.list": b"/.\n/bin\n/bin/bash\n/usr/share/doc with space\n",
        INFO + "bash.md5sums": f"{A}  bin/bash\n{B}  usr/share/unlisted\n".encode(),
    }
    assert owned(files) == [
        OwnedFile("bin", PURL),
        OwnedFile("bin/bash", PURL, "md5", A, kind="f"),
        OwnedFile("usr/share/doc with space", PURL),
    ]


def test_the_record_named_after_the_architecture_comes_first() -> None:
    files = {INFO + "bash.list": b"/.\n/wrong\n", INFO + "bash:amd64.list": b"/.\n/right\n"}
    assert [file.path for file in owned(files)] == ["right"]


def test_two_architectures_of_a_package_have_lists_of_their_own() -> None:
    other = stanza().replace(b"amd64", b"i386")
    files = {INFO + "bash:amd64.list": b"/.\n/lib64\n", INFO + "bash:i386.list": b"/.\n/lib32\n"}
    assert [(file.path, file.owner[-5:]) for file in owned(files, stanza() + other)] == [
        ("lib64", "amd64"),
        ("lib32", "=i386"),
    ]


def test_conffiles_are_configuration_and_need_not_be_there_when_obsolete() -> None:
    conffiles = (
        f"Conffiles:\n /etc/bash.bashrc {A}\n /etc/old {B} obsolete\n /etc/my file {C}\n"
        f" /etc/gone {C} remove-on-upgrade\n /etc/both {C} obsolete remove-on-upgrade\n /etc/new newconffile\n"
    )
    files = {INFO + "bash.list": b"/.\n/etc\n/etc/bash.bashrc\n"}
    assert owned(files, stanza(more=conffiles)) == [
        OwnedFile("etc", PURL),
        OwnedFile("etc/bash.bashrc", PURL, "md5", A, config=True, kind="f"),
        OwnedFile("etc/old", PURL, "md5", B, config=True, ghost=True, kind="f"),
        OwnedFile("etc/my file", PURL, "md5", C, config=True, kind="f"),
        OwnedFile("etc/gone", PURL, "md5", C, config=True, ghost=True, kind="f"),
        OwnedFile("etc/both", PURL, "md5", C, config=True, ghost=True, kind="f"),
        OwnedFile("etc/new", PURL, config=True, kind="f"),
    ]


def test_diverted_files_stand_where_the_diversion_says_but_not_those_of_the_diverting_package() -> None:
    files = {
        INFO + "bash.list": b"/.\n/bin/sh\n/bin/local\n",
        INFO + "bash.md5sums": f"{A}  bin/sh\n".encode(),
        INFO + "dash.list": b"/.\n/bin/sh\n/bin/local\n",
        HOME + "diversions": b"/bin/sh\n/bin/sh.distrib\ndash\n/bin/local\n/bin/local.real\n:\n",
    }
    found = [(file.path, file.digest) for file in owned(files, stanza() + stanza("dash"))]
    assert found == [("bin/sh.distrib", A), ("bin/local.real", ""), ("bin/sh", ""), ("bin/local.real", "")]


def test_a_broken_diversion_is_reported() -> None:
    files = {HOME + "status": stanza(), HOME + "diversions": b"/a\n/b\n:\n/c\n", INFO + "bash.list": b"/a\n/c\n"}
    view = FakeView(files, CATALOGER)
    assert [file.path for file in owned_in(view)] == ["b", "c"]
    assert [path for path, _ in view.problems] == [HOME + "diversions"]


def test_without_a_list_md5sums_say_what_is_owned() -> None:
    record = HOME + "status.d/bash"
    files = {record: stanza(), record + ".md5sums": f"{A}  bin/bash\n{B} *./bin/rbash\n{C}  /bin/abs\n".encode()}
    found = [(file.path, file.digest) for file in owned_in(FakeView(files, CATALOGER))]
    assert found == [("bin/bash", A), ("bin/rbash", B), ("bin/abs", C)]


def test_md5sums_escape_backslashes_and_line_feeds() -> None:
    files = {INFO + "bash.md5sums": f"\\{A}  odd\\\\name\\nx\n{B}  plain\\name\n".encode()}
    assert [file.path for file in owned(files)] == ["odd\\name\nx", "plain\\name"]


def test_names_that_are_not_utf8_keep_their_bytes() -> None:
    (file,) = owned({INFO + "bash.list": b"/.\n/caf\xe9\n"})
    assert file.path.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_paths_that_leave_the_root_are_reported_and_left_out() -> None:
    view = FakeView({HOME + "status": stanza(), INFO + "bash.list": b"/../../etc/shadow\n/a..b\n/x/../y\n"}, CATALOGER)
    assert [file.path for file in owned_in(view)] == ["a..b"]
    assert view.problems == [(INFO + "bash:amd64.list", "2 path(s) of this package leave the root and were not read")]


def test_a_database_of_an_inner_root_owns_files_of_that_root() -> None:
    files = {"mnt/" + HOME + "status": stanza(), "mnt/" + INFO + "bash.list": b"/.\n/bin/bash\n"}
    assert [file.path for file in owned_in(FakeView(files, CATALOGER))] == ["mnt/bin/bash"]


def test_opkg_lists_have_modes_and_targets_after_the_path() -> None:
    files = {
        "usr/lib/opkg/status": stanza("busybox"),
        "usr/lib/opkg/info/busybox.list": b"/bin/busybox\t0100755\n/bin/sh\t0120777\tbusybox\n",
    }
    assert [file.path for file in owned_in(FakeView(files, CATALOGER))] == ["bin/busybox", "bin/sh"]


def test_packages_that_are_not_there_own_nothing() -> None:
    status = stanza().replace(b"install ok installed", b"deinstall ok config-files")
    assert owned({INFO + "bash.list": b"/.\n/etc/x\n"}, status) == []


def test_the_records_that_dpkg_keeps_of_a_package_are_its_own() -> None:
    there = [INFO + "bash" + kind for kind in (".list", ".md5sums", ".conffiles", ".preinst", ".postinst", ".shlibs")]
    others = dict.fromkeys([INFO + "format", INFO + "bash-doc.postinst", INFO + "bash.other"], b"")
    found = records(dict.fromkeys(there, b"") | others)
    assert sorted(found, key=lambda file: file.path) == [OwnedFile(path, PURL) for path in sorted(there)]


def test_records_of_several_architectures_have_its_name_in_theirs() -> None:
    files = dict.fromkeys([INFO + "bash:amd64.list", INFO + "bash:amd64.postrm", INFO + "bash.postrm"], b"")
    assert [file.path for file in records(files)] == [INFO + "bash:amd64.list", INFO + "bash:amd64.postrm"]


def test_a_stanza_of_its_own_is_a_record_of_its_package() -> None:
    record = HOME + "status.d/bash"
    files = {record: stanza(), record + ".md5sums": f"{A}  bin/bash\n".encode(), HOME + "status.d/bash.other": b""}
    assert [file.path for file in records(files, status=b"")] == [record + ".md5sums", record]


def test_opkgs_records_are_their_packages() -> None:
    info = "usr/lib/opkg/info/busybox"
    files = {
        "usr/lib/opkg/status": stanza("busybox"),
        info + ".list": b"/bin/busybox\n",
        info + ".control": stanza("busybox"),
    }
    assert [file.path for file in records(files)] == [info + ".list", info + ".control"]


@given(st.binary(max_size=200), st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes_are_survived(listed: bytes, sums: bytes, diverted: bytes) -> None:
    files = {INFO + "bash.list": listed, INFO + "bash.md5sums": sums, HOME + "diversions": diverted}
    for file in owned(files, stanza(more="Conffiles:\n") + sums):
        assert ".." not in file.path.split("/")
