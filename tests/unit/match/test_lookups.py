"""Looking packages up: all of an inventory at once."""

from __future__ import annotations

from hullmark.match.find import find
from hullmark.model.package import Package
from tests.support.matching import TODAY, advisory, affected, book_of, counted, inventory, matched, package

TYPES = {"deb": "deb", "npm": "npm", "pypi": "pep440", "gem": "gem", "golang": "golang", "cargo": "cargo"}


def packages(count: int) -> list[Package]:
    """Packages of all types in turn."""
    types = list(TYPES)
    return [package(types[n % 6], f"p{n}", "1.0.0") for n in range(count)]


def test_an_inventory_of_five_hundred_packages_of_several_ecosystems_is_looked_up_in_one_statement() -> None:
    there = packages(500)
    namespaces = {type: "debian:12" if type == "deb" else type for type in TYPES}
    records = [
        advisory(f"CVE-2024-{n}", affected(namespaces[each.type], each.name, TYPES[each.type], "2.0.0"), severity="low")
        for n, each in enumerate(there)
    ]
    with book_of(*records) as book:
        assert len(book.namespaces) == 7  # what is there is known once the snapshot is open
        statements: list[str] = []
        for connection in (book._db, book._look_up._db):
            connection.set_trace_callback(statements.append)
        result = find(inventory(there, "debian:12"), book, at=TODAY)
    assert len(result.matches) == 500
    # One statement looks all of them up, one asks whether better databases speak of what lesser ones say.
    assert len([each for each in statements if "span" in each]) == 2
    # What is known besides is one statement a kind: ratings, exploitation, scores, support, releases, data_at, licences.
    assert len(statements) <= 9


def test_an_archive_is_looked_up_under_what_its_pom_and_what_its_manifest_say() -> None:
    book = book_of(
        advisory("CVE-1-1", affected("maven", "org.x:thing", "maven", "2")),
        advisory("CVE-1-2", affected("maven", "org.x:thing-osgi", "maven", "2")),
        advisory("CVE-1-3", affected("maven", "org.y:thing", "maven", "2")),
    )
    named = {"space": "org.x", "notes": {"manifest_name": "thing"}}
    both, fixed = (package("maven", "thing-osgi", version, **named) for version in ("1", "2"))
    assert counted(matched(book, [both])) == {("thing-osgi", "CVE-1-1"): "2", ("thing-osgi", "CVE-1-2"): "2"}
    assert counted(matched(book, [package("maven", "thing-osgi", "1", space="org.x")])) == {
        ("thing-osgi", "CVE-1-2"): "2"
    }
    assert matched(book, [fixed]).matches == ()


def test_what_is_said_of_both_names_of_an_archive_is_one_match() -> None:
    parts = [affected("maven", f"org.x:{name}", "maven", "2") for name in ("thing", "thing-osgi")]
    found = package("maven", "thing-osgi", "1", space="org.x", notes={"manifest_name": "thing"})
    assert len(matched(book_of(advisory("CVE-1-1", *parts)), [found]).matches) == 1
