"""Which archives of Java's class path the classes that are started reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hullmark.model.package import Location, Package
from hullmark.model.reach import Minimality, PackageReach, Reach
from tests.support.java_classes import FOR_NAME, class_file, jar
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

SERVICE = "META-INF/services/"
GET = ("java/lang/Class", "getResource", "(Ljava/lang/String;)Ljava/net/URL;")
MAIN = "-cp", "/lib/app.jar:/lib/a.jar:/lib/b.jar", "shop.Main"


def run(app: bytes, others: Mapping[str, bytes], words: Sequence[str] = MAIN, **more: Any) -> Minimality:
    """What is reached of a program of Java: /lib/app.jar, and these beside it, each a package of its name."""
    files = {
        **BASE,
        "/usr/bin/java": program(),
        "/lib/app.jar": app,
        **{f"/lib/{name}": body for name, body in others.items()},
    }
    owners = {path: path.rpartition("/")[2].partition(".")[0] for path in files if path.endswith(".jar")}
    return walked(files, ("java", *words), owners=owners, **more)


def reaches(found: Minimality) -> dict[str, Reach]:
    return {package.name: package.reach for package in found.packages if package.name != "libc"}


def of(found: Minimality, name: str) -> PackageReach:
    return next(package for package in found.packages if package.name == name)


A, B = jar(class_file("org/a/One")), jar(class_file("org/b/Two"))


def test_an_archive_whose_classes_are_named_is_reached_and_another_on_the_class_path_is_not() -> None:
    found = run(jar(class_file("shop/Main", names=("org/a/One",))), {"a.jar": A, "b.jar": B})
    assert reaches(found) == {"app": "reachable", "a": "reachable", "b": "unreachable"}
    assert of(found, "a").witness[-1].why == "shop.Main names org.a.One"
    assert of(found, "app").witness[-1].why == "has a package of shop.Main, which the command names"
    assert "/lib/b.jar" not in found.kept


@pytest.mark.parametrize(
    ("app", "b", "reach", "why"),
    [
        (class_file("shop/Main", types=("[Lorg/b/Two;",)), B, "reachable", "shop.Main names org.b.Two"),
        (class_file("shop/Main", calls=((FOR_NAME, "org.b.Two"),)), B, "reachable", "shop.Main names org.b.Two"),
        (class_file("shop/Main", calls=((FOR_NAME, None),)), B, "unknown",
         "may be loaded: of shop.Main: it loads classes whose names it makes"),
        (class_file("shop/Main", texts=("org.b.Two",)), B, "unknown", "may be loaded: shop.Main holds the text org.b.Two"),
        (class_file("shop/Main", names=("org/a/One",)), jar(class_file("org/b/Two"), files={SERVICE + "org.a.S": b""}), "reachable",
         "offers the service org.a.S: shop.Main names org.a.One"),
        (class_file("shop/Main"), jar(class_file("org/b/Two"), files={SERVICE + "java.sql.Driver": b""}), "unknown",
         "may be loaded: it offers the service java.sql.Driver"),
        (class_file("shop/Main"), jar(class_file("org/b/Two"), files={SERVICE + "org.z.S": b""}), "unreachable", ""),
        (class_file("shop/Main", calls=((GET, "x"),)), jar(files={"x": b""}), "unknown",
         "may be read: shop.Main reads files of the class path"),
        (class_file("shop/Main", calls=((GET, "x"),)), B, "unreachable", ""),
        (class_file("shop/Main"), jar(files={"x": b""}), "unreachable", ""),
        (class_file("shop/Main"), jar(b"damaged"), "reachable", "is on the class path"),
        (class_file("shop/Main"), jar(class_file("org/b/Two"), manifest="Class-Path: a.jar"), "reachable", "is on the class path"),
        (class_file("shop/Main"), jar(class_file("org/b/Two"), files={SERVICE + "org.z.S": bytes(1 << 17)}), "reachable",
         "is on the class path"),
    ],
)  # fmt: skip
def test_what_classes_do_decides_what_is_reached(app: bytes, b: bytes, reach: Reach, why: str) -> None:
    found = of(run(jar(app), {"a.jar": A, "b.jar": b}), "b")
    assert found.reach == reach
    if why:
        assert found.witness[-1].why == why


def test_what_is_only_possibly_loaded_leads_only_to_what_is_possible() -> None:
    app = jar(class_file("shop/Main", texts=("org.a.One",)))
    found = run(app, {"a.jar": jar(class_file("org/a/One", names=("org/b/Two",))), "b.jar": B})
    assert reaches(found) == {"app": "reachable", "a": "unknown", "b": "unknown"}
    assert of(found, "b").reason == "may be loaded: shop.Main holds the text org.a.One"


def test_an_archive_that_is_first_possible_and_then_certain_is_certain_with_all_that_it_names() -> None:
    app = jar(class_file("shop/Main", texts=("org.a.One",), names=("org/c/Three",)))
    others = {
        "a.jar": jar(class_file("org/a/One", names=("org/b/Two",))),
        "b.jar": B,
        "c.jar": jar(class_file("org/c/Three", names=("org/a/One",))),
    }
    words = "-cp", "/lib/app.jar:/lib/*", "shop.Main"
    assert set(reaches(run(app, others, words)).values()) == {"reachable"}


def test_a_class_path_in_a_manifest_counts_as_one_of_a_command_does() -> None:
    app = jar(class_file("shop/Main", names=("org/a/One",)), manifest="Main-Class: shop.Main\nClass-Path: a.jar b.jar")
    found = run(app, {"a.jar": A, "b.jar": B}, ("-jar", "/lib/app.jar"))
    assert reaches(found) == {"app": "reachable", "a": "reachable", "b": "unreachable"}


@pytest.mark.parametrize(
    "words",
    [
        ("-cp", "/lib/app.jar:/lib/a.jar:/lib/b.jar", "elsewhere.Main"),
        ("-cp", "/lib/app.jar:/lib/a.jar:/lib/b.jar", "Main"),
        ("-cp", "/lib/app.jar:/lib/a.jar:/lib/b.jar"),
        ("-p", "/lib/app.jar:/lib/a.jar:/lib/b.jar", "-m", "shop/shop.Main"),
        ("--module-path=/lib/app.jar:/lib/a.jar:/lib/b.jar", "-m", "shop/shop.Main"),
    ],
)
def test_where_it_is_not_known_which_class_begins_all_of_the_path_is_reached(words: Sequence[str]) -> None:
    app = jar(class_file("shop/Main"), class_file("Plain"))
    assert set(reaches(run(app, {"a.jar": A, "b.jar": B}, words)).values()) == {"reachable"}


@pytest.mark.parametrize("words", ['java -cp "$1" shop.Main', 'java -jar "$1"', "java @/etc/arguments"])
def test_where_the_class_path_is_not_known_every_archive_is_unknown(words: str) -> None:
    files = {**BASE, "/usr/bin/java": program(), "/start": f"#!/bin/sh\n{words}\n".encode(), "/lib/a.jar": A}
    found = walked(files, ("/start",), owners={"/lib/a.jar": "a"})
    assert reaches(found) == {"a": "unknown"}


def test_archives_in_the_own_folder_count_by_the_class_path_where_they_are_on_it_and_are_reached_else() -> None:
    app = jar(class_file("shop/Main"), manifest="Class-Path: a.jar")
    files = {**BASE, "/usr/bin/java": program(), "/srv/shop/app.jar": app, "/srv/shop/a.jar": A, "/srv/shop/b.jar": B}
    kept = walked(files, ("java", "-jar", "/srv/shop/app.jar")).kept
    assert {path for path in kept if path.startswith("/srv")} == {"/srv/shop/app.jar", "/srv/shop/b.jar"}


def test_archives_in_an_archive_are_reached_where_they_are_named_and_unknown_else() -> None:
    inner = {
        "BOOT-INF/lib/a.jar": jar(class_file("org/a/One", names=("org/b/Two",))),
        "BOOT-INF/lib/b.jar": B,
        "BOOT-INF/lib/c.jar": jar(class_file("org/c/Three", names=("org/d/Four",))),
        "BOOT-INF/lib/d.jar": jar(class_file("org/d/Four")),
    }
    app = jar(class_file("shop/Main", names=("org/a/One",)), files=inner)
    packages = [
        Package(
            type="maven",
            name=member[-5],
            version="1",
            purl=f"pkg:maven/org/{member[-5]}@1",
            cataloger="java",
            locations=(Location(f"/lib/app.jar:{member}", 0),),
        )
        for member in inner
    ]
    found = run(app, {}, ("-jar", "/lib/app.jar"), packages=packages)
    assert reaches(found) == {"app": "reachable", "a": "reachable", "b": "reachable", "c": "unknown", "d": "unknown"}
    assert [step.path for step in of(found, "b").witness] == [
        "/usr/bin/java", "/lib/app.jar", "/lib/app.jar:BOOT-INF/lib/a.jar", "/lib/app.jar:BOOT-INF/lib/b.jar",
    ]  # fmt: skip
    assert of(found, "d").reason == "may be loaded: it lies in an archive that is reached"
    assert of(found, "b").bytes == len(B)
    assert set(reaches(run(app, {}, ("-version",), packages=packages)).values()) == {"unreachable"}


def test_where_a_word_is_too_long_to_look_for_names_in_all_of_the_path_is_reached() -> None:
    found = run(jar(class_file("shop/Main")), {"a.jar": A, "b.jar": B}, (*MAIN, "x" * 3000 + " org.b.Two"))
    assert reaches(found) == {"app": "reachable", "a": "reachable", "b": "reachable"}


def test_links_to_archives_that_are_reached_stay() -> None:
    links = {"/srv/a.jar": "/lib/a.jar", "/srv/b.jar": "/lib/b.jar"}
    app = jar(class_file("shop/Main", names=("org/a/One",)))
    found = run(app, {"a.jar": A, "b.jar": B}, ("-cp", "/lib/app.jar:/srv/a.jar:/srv/b.jar", "shop.Main"), links=links)
    assert {"/srv/a.jar", "/lib/a.jar"} < set(found.kept)
    assert not {"/srv/b.jar", "/lib/b.jar"} & set(found.kept)


def test_options_in_variables_count_too() -> None:
    env = ("JAVA_TOOL_OPTIONS=-javaagent:/lib/a.jar=x -Dx='y", "CLASSPATH=/lib/app.jar")
    found = run(jar(class_file("shop/Main")), {"a.jar": A, "b.jar": B}, ("shop.Main",), env=env)
    assert reaches(found) == {"app": "reachable", "a": "reachable", "b": "unreachable"}


def test_programs_paths_and_libraries_of_classes_are_reached() -> None:
    start = (("java/lang/ProcessBuilder", "start", "()V"), None)
    load = (("java/lang/System", "loadLibrary", "(Ljava/lang/String;)V"), "shop")
    app = jar(class_file("shop/Main", calls=(start, load), texts=("tool", "/etc/shop.conf")))
    more = {
        **BASE,
        "/usr/bin/java": program(),
        "/lib/app.jar": app,
        "/etc/shop.conf": b"",
        "/usr/lib/jni/libshop.so": program(),
    }
    found = walked(more, ("java", "-cp", "/lib/app.jar", "shop.Main"))
    assert {each.path: each.reach for each in found.programs}["/usr/bin/tool"] == "unknown"
    assert {"/etc/shop.conf", "/usr/lib/jni/libshop.so"} < set(found.kept)
    assert "/bin/mount" not in found.kept
