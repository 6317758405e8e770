"""The Python API: typed results, no printing, no state."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

import hullmark
from hullmark import check, scan
from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.model.image import Platform
from hullmark.model.inventory import Inventory
from hullmark.model.verdict import Action, Outcome, Verdict
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.source import SourceOptions
from tests.support.images import Blobs, layout_of, tagged, with_platform, write_layout
from tests.support.shop import INSTRUCTIONS, PACKAGES, shop_layout
from tests.unit.catalog.languages.test_java import CLASS, make_jar, sha1_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = """\
schema: hullmark-policy/1
name: test
rules:
  - {id: setuid, gate: files, trigger: setuid, action: warn}
  - {id: key, gate: integrity, trigger: ghosts, action: stop, params: {paths: ["*.key"]}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"oci-dir:{shop_layout(tmp_path_factory.mktemp('shop') / 'shop')}"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def quiet(capfd: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """What was printed, even by other means than print."""
    return capfd


def test_a_scan_answers_an_inventory_and_prints_nothing(shop: str, quiet: pytest.CaptureFixture[str]) -> None:
    inventory = scan(shop)
    assert isinstance(inventory, Inventory)
    assert [(package.type, package.name, package.version) for package in inventory.packages] == PACKAGES
    assert (inventory.files, inventory.problems) == (None, ())
    assert inventory.distro is not None
    assert inventory.distro.codename == "trixie"
    assert inventory.config is not None
    assert (inventory.config.user, inventory.config.exposed_ports) == ("1000", ("8080/tcp",))
    assert tuple(layer.created_by for layer in inventory.source.layers) == INSTRUCTIONS
    assert quiet.readouterr() == ("", "")


def test_files_and_all_layers_are_there_where_asked_for(shop: str) -> None:
    files = scan(shop, files=True).files
    assert files is not None
    assert {file.path: file.state for file in files}["/usr/lib/libshop.so.1"] == "changed"
    assert "curl" in [package.name for package in scan(shop, all_layers=True).packages]
    ghosts = scan(shop, all_layers=True, files=True).files or ()
    assert ("/app/server.key", "ghost") in [(file.path, file.state) for file in ghosts]


def test_a_check_answers_a_verdict_and_prints_nothing(
    shop: str, policy: Path, quiet: pytest.CaptureFixture[str]
) -> None:
    verdict = check(shop, policy=policy, at=AT)
    assert isinstance(verdict, Verdict)
    assert verdict.verdict is Outcome.STOP
    assert [(finding.rule_id, finding.action, finding.subject) for finding in verdict.findings] == [
        ("key", Action.STOP, "/app/server.key"),
        ("setuid", Action.WARN, "/usr/bin/su"),
    ]
    assert verdict.inputs.at == "2026-03-01T12:00:00Z"
    assert verdict == check(shop, policy=str(policy), at=AT)
    assert quiet.readouterr() == ("", "")


def test_results_are_values(shop: str) -> None:
    inventory = scan(shop, files=True)
    assert inventory == scan(shop, files=True, jobs=3)
    with pytest.raises(AttributeError):
        inventory.packages = ()  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(inventory), type=Inventory) == inventory


def test_a_cache_is_kept_only_where_one_is_given(shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    plain = scan(shop)
    assert not (tmp_path / "home").exists()
    assert scan(shop, cache_dir=tmp_path / "cache") == plain
    assert (tmp_path / "cache" / "records").is_dir()
    assert scan(shop, cache_dir=tmp_path / "cache") == plain


def test_the_command_lines_settings_do_not_count(shop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HULLMARK_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HULLMARK_PLATFORM", "linux/s390x")
    assert scan(shop).source.platform == "linux/amd64"
    assert not (tmp_path / "cache").exists()


def test_options_say_how_images_are_found(tmp_path: Path) -> None:
    blobs = Blobs()
    platforms = ("linux/amd64", "linux/arm64")
    index = blobs.index([with_platform(blobs.image(platform=platform), platform) for platform in platforms])
    layout = str(write_layout(tmp_path / "many", blobs, [tagged(index, "latest")]))
    options = SourceOptions(platform=Platform("linux", "arm64"))
    assert scan(layout, options=options).source.platform == "linux/arm64"
    with pytest.raises(HullmarkError, match="no image for linux/riscv64"):
        scan(layout, options=replace(options, platform=Platform("linux", "riscv64")))


@pytest.mark.parametrize(
    "reference", ["./missing", "oci-dir:missing", "dir:missing", "docker-archive:missing", "sbom:x", "!!"]
)
def test_what_cannot_be_done_is_an_error_with_advice(reference: str, quiet: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HullmarkError) as caught:
        scan(reference)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.advice != ""
    assert quiet.readouterr() == ("", "")


def test_a_broken_image_is_an_error_of_its_own(tmp_path: Path) -> None:
    layout = shop_layout(tmp_path / "broken")
    largest = max((layout / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    body = largest.read_bytes()
    largest.write_bytes(body[:4] + b"\1" + body[5:])
    for jobs in (1, 3):
        with pytest.raises(BrokenImage):
            scan(str(layout), jobs=jobs)


def test_a_broken_policy_is_an_error(shop: str, policy: Path) -> None:
    policy.write_text(POLICY.replace("setuid, action", "setuit, action"))
    with pytest.raises(HullmarkError, match="setuit"):
        check(shop, policy=policy)
    with pytest.raises(HullmarkError, match=r"cannot read .*missing\.yaml"):
        check(shop, policy=policy.with_name("missing.yaml"))


def test_nothing_is_left_open_or_running(shop: str, policy: Path) -> None:
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    scan(shop, files=True, jobs=3)
    check(shop, policy=policy)
    with pytest.raises(HullmarkError):
        scan("./missing")
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208


def test_threads_may_scan_at_the_same_time(shop: str) -> None:
    expected = scan(shop, files=True)
    found: list[Inventory] = []
    threads = [threading.Thread(target=lambda: found.append(scan(shop, files=True))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_two_verdicts_are_compared_as_values_and_as_files(shop: str, policy: Path, tmp_path: Path) -> None:
    before = check(shop, policy=policy)
    policy.write_text("schema: hullmark-policy/1\nname: other\nrules:\n"
                      "  - {id: denied, gate: always, trigger: always, action: stop}\n")  # fmt: skip
    after = check(shop, policy=policy)
    difference = hullmark.diff(before, after)
    assert (difference.cause.value, difference.after) == ("policy", "stop")
    files = []
    for name, verdict in (("before", before), ("after", after)):
        files.append(tmp_path / name)
        files[-1].write_bytes(load("verdict", "json").render(verdict, RenderContext(tool_version="1")))
    assert hullmark.diff(*files, db_dir=tmp_path).cause is difference.cause
    assert hullmark.diff(before, before).cause.value == "nothing"


def test_the_package_offers_what_it_says() -> None:
    assert set(hullmark.__all__) == {"__version__", "check", "diff", "scan", "vulns"}
    assert (hullmark.scan, hullmark.check) == (scan, check)
    with pytest.raises(AttributeError, match="no attribute 'vulnerabilities'"):
        _ = hullmark.vulnerabilities


def test_importing_the_package_imports_none_of_the_rooms() -> None:
    code = "import sys, hullmark; print([name for name in sys.modules if name.startswith('hullmark.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['hullmark._version']\n"


def test_corrections_and_an_index_of_archives_are_heeded(tmp_path: Path) -> None:
    jar = make_jar(CLASS)
    image = f"oci-dir:{layout_of(tmp_path / 'app', {'srv/lib.jar': jar})}"
    (tmp_path / "jars.txt").write_text(f"{sha1_of(jar)} org.example:payments:2.4.1\n", "utf-8")
    (tmp_path / "c.yaml").write_text(
        "corrections:\n  - match: {name: 'org.example:payments'}\n    set: {version: 2.4.2}\n    owner: me\n    reason: so\n",
        "utf-8",
    )
    inventory = scan(image, corrections=tmp_path / "c.yaml", jar_index=tmp_path / "jars.txt")
    assert [package.purl for package in inventory.packages] == ["pkg:maven/org.example/payments@2.4.2"]
