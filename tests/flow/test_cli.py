"""The command line: help, exit statuses, errors, settings, outputs, terminals, and the shapes that an image comes in."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from hullmark.cli.main import parse, verbs
from tests.support.images import (
    Blobs,
    docker_files,
    small_layout,
    tagged,
    with_platform,
    write_docker_archive,
    write_layout,
)
from tests.support.program import HULLMARK, INTERRUPTIBLE, Program, program_in
from tests.support.shop import shop_layout

STOP = """\
schema: hullmark-policy/1
name: none of it
rules: [{id: no-tool, gate: packages, trigger: forbidden, action: stop, params: {names: [tool]}}]
"""
CANNOT_TELL = """\
schema: hullmark-policy/1
name: needs the age
rules: [{id: age, gate: image, trigger: age, action: stop, params: {max_days: 90}}]
"""
PLATFORMS = ("linux/amd64", "linux/arm64", "linux/arm/v7")


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_layout(tmp_path / "shop")


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """An OCI layout with an image for each platform."""
    blobs = Blobs()
    index = blobs.index([with_platform(blobs.image(platform=platform), platform) for platform in PLATFORMS])
    return write_layout(tmp_path / "many", blobs, [tagged(index, "latest")])


def test_runs_that_are_forked_end_as_the_program_ends_that_is_started(hullmark: Program, shop: Path) -> None:
    for words in ((), ("--version",), ("scan", "--help"), ("scan", "missing"), ("scan", "-o", "json", shop)):
        for _ in range(2):  # each fork server
            assert hullmark(*words) == hullmark.started(*words), words
    many = "deb\t1\t2\n" * 10_000  # more than a pipe holds, both ways
    assert hullmark("compare", "--stdin", given=many) == hullmark.started("compare", "--stdin", given=many)


def test_a_run_that_is_forked_has_its_own_variables_folder_and_time(hullmark: Program, shop: Path) -> None:
    assert hullmark("scan", "-o", "json=out", shop, env={"HULLMARK_CACHE_DIR": "elsewhere"}).status == 0
    assert {"place/out", "place/elsewhere"} <= set(hullmark.leftovers())
    assert hullmark("--version", env={"LC_ALL": "C"}).status == 0  # an interpreter reads that as it starts
    with pytest.raises(subprocess.TimeoutExpired):
        hullmark("scan", shop, seconds=0)


@pytest.mark.parametrize("verb", [verb.NAME for verb in verbs()])
def test_every_verb_explains_itself(hullmark: Program, verb: str) -> None:
    ran = hullmark(verb, "--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith(f"usage: hullmark {verb}")


def test_the_help_names_every_verb_and_exit_status(hullmark: Program) -> None:
    ran = hullmark("--help")
    assert (ran.status, ran.err) == (0, "")
    shown = re.findall(r"^    ([a-z][a-z-]*)\b", ran.text, re.MULTILINE)
    assert [verb.NAME for verb in verbs() if verb.NAME not in shown] == []
    assert [status for status in (0, 1, 2, 3, 10) if f"  {status} " not in ran.text] == []
    assert hullmark("--version").text.startswith("hullmark 0.")


@pytest.mark.parametrize("verb", ["catalogers", "facets", "schemes", "formats"])
def test_a_list_names_each_thing_and_its_module(hullmark: Program, verb: str) -> None:
    lines = hullmark(verb).text.splitlines()
    assert lines != []
    for line in lines:
        import_module(line.split()[-1])


def test_the_exit_status_says_how_it_went(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    policies = {}
    for name, text in {"stop": STOP, "unknown": CANNOT_TELL, "go": STOP.replace("[tool]", "[telnet]")}.items():
        policies[name] = tmp_path / f"{name}.yaml"
        policies[name].write_text(text)
    blobs = Blobs()
    undated = write_layout(
        tmp_path / "undated", blobs, [tagged(blobs.image(config=lambda c: {**c, "created": ""}), "1")]
    )
    assert hullmark("scan", shop).status == 0
    assert hullmark("check", "--policy", policies["go"], shop).status == 0
    assert hullmark("check", "--policy", policies["stop"], shop).status == 1
    assert hullmark("check", "--policy", tmp_path / "none.yaml", shop).status == 2
    assert hullmark("check", "--policy", policies["unknown"], undated).status == 3


REFUSED = {
    "no command": (),
    "an unknown command": ("scam",),
    "no image": ("scan",),
    "an unknown option": ("scan", "--fast", "SHOP"),
    "an option cut short": ("scan", "--all", "SHOP"),
    "an unknown format": ("scan", "-o", "jsno", "SHOP"),
    "a verdict's format for an inventory": ("check", "--policy", "x", "-o", "purls", "SHOP"),
    "a format that goes to no file": ("scan", "-o", "json=", "SHOP"),
    "two formats on standard output": ("scan", "-o", "json", "-o", "table", "SHOP"),
    "a file in a folder that is not there": ("scan", "-o", "json=no/such/file", "SHOP"),
    "a full disk": ("scan", "-o", "json=/dev/full", "SHOP"),
    "a path that is not there": ("scan", "./missing"),
    "an archive that is not there": ("scan", "docker-archive:missing.tar"),
    "an OCI archive that is not there": ("scan", "oci-archive:missing.tar"),
    "a layout that is not there": ("scan", "oci-dir:missing"),
    "a folder that is not there": ("scan", "dir:missing"),
    "a tag that is not there": ("scan", "SHOP:other"),
    "a source that is not supported": ("scan", "containerd:shop"),
    "no reference at all": ("scan", "!!"),
    "an empty reference": ("scan", ""),
    "a platform that is none": ("scan", "--platform", "linux/", "SHOP"),
    "no threads": ("scan", "--jobs", "0", "SHOP"),
    "threads that are no number": ("scan", "--jobs", "many", "SHOP"),
    "settings that are not there": ("scan", "--config", "missing.yaml", "SHOP"),
    "certificates that are not there": ("scan", "--cacert", "missing.pem", "registry:127.0.0.1:1/shop"),
    "a registry that does not answer": ("scan", "registry:127.0.0.1:1/shop"),
    "a policy that is not there": ("check", "--policy", "missing.yaml", "SHOP"),
    "no policy": ("check", "SHOP"),
    "a time that is none": ("check", "--policy", "POLICY", "--at", "soon", "SHOP"),
    "a time before all times": ("check", "--policy", "POLICY", "--at", "0001-01-01T00:00:00+14:00", "SHOP"),
    "an age that is none": ("cache", "prune", "--older-than", "a while"),
    "a size that is none": ("cache", "prune", "--max-size", "\u00b2"),
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED)
def test_options_that_cannot_be_used_are_refused_in_a_line(
    hullmark: Program, shop: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(STOP)
    words = (word.replace("SHOP", str(shop)).replace("POLICY", str(policy)) for word in arguments)
    what, advice = hullmark(*words).refusal
    assert 10 < len(what) < 250
    assert advice != ""


def test_a_mistyped_format_is_noticed_before_any_work(hullmark: Program, tmp_path: Path) -> None:
    what, advice = hullmark("scan", "-o", f"json={tmp_path}/out", "-o", "jsno", "./missing").refusal
    assert "'jsno'" in what
    assert "cyclonedx-json" in advice
    assert not (tmp_path / "out").exists()


def test_an_error_is_shown_in_full_when_asked(hullmark: Program) -> None:
    ran = hullmark("scan", "--debug", "./missing")
    assert ran.status not in (0, 10)
    assert "Traceback" in ran.err


def test_control_characters_in_an_error_are_written_out(hullmark: Program) -> None:
    what, _ = hullmark("scan", "./no\x1b[2J\u202esuch\nfile").refusal
    assert "no\\x1b[2J\\u202esuch\\nfile" in what


def test_control_characters_in_an_images_tags_are_written_out(hullmark: Program, tmp_path: Path) -> None:
    path = tmp_path / "two.tar"
    write_docker_archive(path, [docker_files(("a\x1b[31m:1",)), docker_files(("b:2",), platform="linux/arm64")])
    ran = hullmark("scan", path)
    assert ran.refusal[0].endswith("several images in the archive")
    assert "b:2" in ran.refusal[1]
    assert "\x1b" not in ran.err


def test_several_formats_go_to_several_files(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    ran = hullmark("scan", "-o", "table", "-o", f"json={tmp_path}/a.json", "-o", f"purls={tmp_path}/p.txt", shop)
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith("NAME")
    purls = [package["purl"] for package in json.loads((tmp_path / "a.json").read_bytes())["packages"]]
    assert (tmp_path / "p.txt").read_text().splitlines() == purls


def test_a_document_carries_the_time_that_the_environment_sets(hullmark: Program, shop: Path) -> None:
    words = ("scan", "-o", "cyclonedx-json", shop)
    dated = hullmark(*words, env={"SOURCE_DATE_EPOCH": "1767225600"}).document
    assert dated["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    assert "timestamp" not in hullmark(*words).document["metadata"]
    for wrong in ("yesterday", "9" * 30):
        assert "SOURCE_DATE_EPOCH" in hullmark(*words, env={"SOURCE_DATE_EPOCH": wrong}).refusal[0]


# Where settings come from.


def test_a_flag_counts_before_the_environment_and_that_before_the_file(
    hullmark: Program, many: Path, tmp_path: Path
) -> None:
    folder = hullmark.home / ".config" / "hullmark"
    folder.mkdir(parents=True)
    (folder / "hullmark.yaml").write_text("platform: linux/arm64\nno-cache: true\n")
    environment = {"HULLMARK_PLATFORM": "linux/arm/v7"}
    words = ("scan", "-o", "json", many)
    assert hullmark(*words).document["source"]["platform"] == "linux/arm64"
    assert hullmark(*words, env=environment).document["source"]["platform"] == "linux/arm/v7"
    flag = hullmark(*words, "--platform", "linux/amd64", env=environment)
    assert flag.document["source"]["platform"] == "linux/amd64"
    assert not (hullmark.home / ".cache").exists()

    other = tmp_path / "other.yaml"
    other.write_text("platform: linux/amd64\n")
    for named in ({"HULLMARK_CONFIG": str(other)}, {"XDG_CONFIG_HOME": str(tmp_path)}):
        (tmp_path / "hullmark").mkdir(exist_ok=True)
        (tmp_path / "hullmark" / "hullmark.yaml").write_text("platform: linux/amd64\n")
        assert hullmark(*words, env=named).document["source"]["platform"] == "linux/amd64"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: true", "unknown setting 'colour'"),
        ("jobs: many", "'many' is not a value for jobs"),
        ("[jobs, 2]", "is not a mapping"),
        ("jobs: [", "is not YAML"),
        ("quiet: perhaps", "'perhaps' is not a value for quiet"),
    ],
)
def test_a_mistake_in_the_settings_is_named(hullmark: Program, many: Path, text: str, said: str) -> None:
    (hullmark.place / "settings.yaml").write_text(text)
    ran = hullmark("scan", "--quiet" if "quiet" not in text else "--no-cache", "--config", "settings.yaml", many)
    assert said in ran.refusal[0]


def test_the_cache_stands_where_it_is_told_to(hullmark: Program, many: Path, tmp_path: Path) -> None:
    hullmark("scan", many)
    assert (hullmark.home / ".cache" / "hullmark" / "records").is_dir()
    hullmark("scan", many, env={"XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert (tmp_path / "xdg" / "hullmark" / "records").is_dir()
    hullmark("scan", many, env={"HULLMARK_CACHE_DIR": str(tmp_path / "own")})
    assert (tmp_path / "own" / "records").is_dir()


# Terminals and pipes.


def test_progress_is_for_people_at_a_terminal(hullmark: Program, shop: Path) -> None:
    ran, shown = hullmark.on_terminal("scan", "--no-cache", "-o", "purls", shop, out=False)
    assert ran.status == 0
    assert str(shop)[:20] in shown
    assert ran.out.startswith(b"pkg:deb/")
    assert hullmark("scan", "--no-cache", shop).err == ""


@pytest.mark.parametrize(
    ("flags", "environment"),
    [(("--quiet",), {}), ((), {"HULLMARK_QUIET": "1"}), ((), {"TERM": "dumb"})],
    ids=["flag", "environment", "a terminal that cannot"],
)
def test_progress_can_be_turned_off(
    hullmark: Program, shop: Path, flags: tuple[str, ...], environment: dict[str, str]
) -> None:
    ran, shown = hullmark.on_terminal("scan", "--no-cache", "-o", "purls", *flags, shop, env=environment, out=False)
    assert (ran.status, shown) == (0, "")


def test_colour_is_for_terminals_whose_owner_does_not_mind(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    words = ("scan", "--quiet", "-o", "table", shop)
    assert "\x1b[" in hullmark.on_terminal(*words)[1]
    assert "\x1b[" not in hullmark.on_terminal(*words, env={"NO_COLOR": "1"})[1]
    assert b"\x1b[" not in hullmark(*words).out
    table = tmp_path / "table.txt"
    hullmark.on_terminal("scan", "--quiet", "-o", f"table={table}", shop)
    assert "\x1b[" not in table.read_text()


def test_a_reader_that_has_seen_enough_is_no_error(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(STOP)
    for words, status in ((("scan", "-o", "json", "--files", shop), 0), (("check", "--policy", policy, shop), 1)):
        reading, writing = os.pipe()
        os.close(reading)
        process = subprocess.Popen(
            [*HULLMARK, *map(str, words)], env=hullmark.environment(), stdout=writing, stderr=subprocess.PIPE
        )
        os.close(writing)
        _, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (status, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_parent_may_have_closed_the_streams(hullmark: Program, shop: Path, tmp_path: Path, closed: str) -> None:
    script = f'"$@" {closed}; echo $? > "{tmp_path}/status"'
    words = ["sh", "-c", script, "sh", *HULLMARK, "scan", "-o", f"json={tmp_path}/out", str(shop)]
    subprocess.run(words, env=hullmark.environment(), check=True, timeout=60)
    assert (tmp_path / "status").read_text() == "0\n"
    assert json.loads((tmp_path / "out").read_bytes())["schema"] == "hullmark-inventory/1"


def test_what_cannot_be_written_is_an_error(hullmark: Program, shop: Path) -> None:
    for words in (("scan", "-o", "json", shop), ("cache",)):
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(
                [*HULLMARK, *map(str, words)],
                env=hullmark.environment(),
                stdout=full,
                stderr=subprocess.PIPE,
                check=False,
                timeout=60,
            )
        assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 2)
        assert b"No space left" in ran.stderr


def test_an_interrupt_ends_it_without_a_word(hullmark: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reference = f"registry:127.0.0.1:{silent.getsockname()[1]}/shop"
        process = subprocess.Popen(
            [*INTERRUPTIBLE, *HULLMARK, "scan", "--insecure", reference],
            env=hullmark.environment({"PYTHONWARNINGS": "ignore"}),  # what is left open is meant to be
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        asked, _ = silent.accept()
        with asked:
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 130


# The shapes that an image comes in.


@pytest.mark.parametrize("wanted", PLATFORMS)
def test_a_platform_chooses_an_image(hullmark: Program, many: Path, wanted: str) -> None:
    assert hullmark("scan", "--platform", wanted, "-o", "json", many).document["source"]["platform"] == wanted


def test_without_a_matching_platform_those_there_are_listed(hullmark: Program, many: Path) -> None:
    what, advice = hullmark("scan", "--platform", "linux/s390x", many).refusal
    assert "linux/s390x" in what
    assert [platform for platform in PLATFORMS if platform not in advice] == []


def test_a_bare_path_is_recognised_by_content(hullmark: Program, tmp_path: Path) -> None:
    layout = small_layout(tmp_path / "layout", "1.0")
    write_docker_archive(tmp_path / "image", [docker_files()])
    kinds = {
        path: hullmark("scan", "-o", "json", path).document["source"]["kind"] for path in (layout, tmp_path / "image")
    }
    assert list(kinds.values()) == ["oci-dir", "docker-archive"]
    assert hullmark("scan", "-o", "json", f"{layout}:1.0").document["source"]["reference"] == f"{layout}:1.0"


@pytest.mark.parametrize(
    ("words", "name", "wanted"),
    [
        (["scan", "one", "--quiet", "two"], "source", ["one", "two"]),
        (["db", "export", "--key", "key.pem", "bundle"], "arguments", ["bundle"]),
        (["db", "search", "one", "-o", "json", "two"], "arguments", ["one", "two"]),
    ],
)
def test_arguments_may_stand_before_and_behind_options(words: list[str], name: str, wanted: list[str]) -> None:
    assert getattr(parse(words), name) == wanted
