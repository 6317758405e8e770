"""Looking packages up: all of an inventory at once."""

from __future__ import annotations

from hullmark.match.find import find
from hullmark.model.package import Package
from tests.support.books import TODAY, advisory, affected, book_of, inventory, package

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
        assert len(book.namespaces) == 6  # what is there is known once the snapshot is open
        statements: list[str] = []
        for connection in (book._db, book._look_up._db):
            connection.set_trace_callback(statements.append)
        result = find(inventory(there, "debian:12"), book, at=TODAY)
    assert len(result.matches) == 500
    assert len([each for each in statements if "span" in each]) == 1
    # What is known besides is one statement a kind: ratings, exploitation, scores, support, releases, data_at, licences.
    assert len(statements) <= 8
