"""Java itself as the oracle: the archives that its loader takes classes from, beside those that are reached; javap's names of classes."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from hullmark.reach.java_class import class_names
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

pytestmark = pytest.mark.skipif(shutil.which("javac") is None, reason="no javac is installed")

SOURCES = {
    "app": {
        "shop.Main": """
            public class Main {
                interface Job { Object run(String name) throws Exception; }
                static Object made(String name) throws Exception { return Class.forName(name).getDeclaredConstructor().newInstance(); }
                static String kind(int n) {
                    switch (n) { case 1: return "one"; case 2: return "two"; case 900: return "many"; default: return ""; }
                }
                public static void main(String[] words) throws Exception {
                    java.util.function.Supplier<direct.Thing> maker = direct.Thing::new;
                    Object[] found = {maker.get(), Class.forName("constant.Thing"), new array.Thing[1]};
                    for (service.Api each : java.util.ServiceLoader.load(service.Api.class)) { System.out.println(each.name()); }
                    if (words.length > 0) { Job job = Main::made; System.out.println(job.run(words[0].replace('-', '.'))); }
                    System.out.println(found.length + kind(words.length));
                }
            }""",
    },
    "direct": {"direct.Thing": "public class Thing extends above.Thing { }"},
    "above": {"above.Thing": "public class Thing { }"},
    "constant": {"constant.Thing": "public class Thing { }"},
    "array": {"array.Thing": "public class Thing { }"},
    "service": {"service.Api": "public interface Api { String name(); }"},
    "provider": {"provider.Own": 'public class Own implements service.Api { public String name() { return "own"; } }'},
    "computed": {"computed.Thing": "public class Thing { }"},
    "idle": {"idle.Thing": "public class Thing { }"},
}  # fmt: skip
_LOADED = re.compile(r"source: (?:file|jar):(\S+?)(?:!\S*)?$", re.MULTILINE).findall


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive for each of the sources."""
    folder = tmp_path_factory.mktemp("java")
    files = []
    for classes in SOURCES.values():
        for name, text in classes.items():
            file = folder / "src" / f"{name.replace('.', '/')}.java"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"package {name.rpartition('.')[0]};\n{text}\n")
            files.append(str(file))
    subprocess.run(["javac", "-d", str(folder / "classes"), *files], check=True)
    for archive, classes in SOURCES.items():
        with zipfile.ZipFile(folder / f"{archive}.jar", "w") as made:
            for package in {name.rpartition(".")[0] for name in classes}:
                for file in sorted((folder / "classes" / package).iterdir()):
                    made.write(file, f"{package}/{file.name}")
            if archive == "provider":
                made.writestr("META-INF/services/service.Api", "provider.Own\n")
    return folder


def loaded(archives: Path, words: Sequence[str]) -> set[str]:
    """The archives that a run takes classes from."""
    path = ":".join(str(archives / f"{name}.jar") for name in SOURCES)
    done = subprocess.run(
        ["java", "-Xshare:auto", "-verbose:class", "-cp", path, "shop.Main", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return {Path(file).stem for file in _LOADED(done.stdout)}


@pytest.mark.parametrize("words", [(), ("computed-Thing",)])
def test_archives_that_java_takes_classes_from_are_reached(archives: Path, words: tuple[str, ...]) -> None:
    files = {f"/lib/{name}.jar": (archives / f"{name}.jar").read_bytes() for name in SOURCES}
    path = ":".join(files)
    owners = {file: Path(file).stem for file in files}
    found = walked(
        {**BASE, "/usr/bin/java": program(), **files}, ("java", "-cp", path, "shop.Main", *words), owners=owners
    )
    reaches = {package.name: package.reach for package in found.packages}
    taken = loaded(archives, words)
    assert {"app", "direct", "above", "constant", "array", "service", "provider"} <= taken
    assert "idle" not in taken
    assert {name for name in taken if reaches[name] == "unreachable"} == set()
    assert {name for name in SOURCES if reaches[name] == "reachable"} == {
        "app", "direct", "above", "constant", "array", "service", "provider",
    }  # fmt: skip
    assert (reaches["computed"], reaches["idle"]) == ("unknown", "unknown")
    assert ("computed" in taken) == bool(words)


def test_classes_are_named_as_javap_names_them(archives: Path) -> None:
    files = sorted((archives / "classes").rglob("*.class"))
    told = subprocess.run(["javap", "-v", "-p", *map(str, files)], capture_output=True, text=True, check=True).stdout
    for file, text in zip(files, told.split("Classfile ")[1:], strict=True):
        names = {name.strip('"') for name in re.findall(r"= Class\s+#\d+\s+// (\S+)", text)}
        wanted = {name for name in names if not name.startswith("[")}
        found = class_names(file.read_bytes())
        assert wanted <= found.classes
        assert found.name == str(file.relative_to(archives / "classes")).removesuffix(".class")
