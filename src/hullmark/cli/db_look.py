"""`hullmark db status`, `search`, `diff` and `use`: what there is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.rows import plain, print_json, print_line, print_rows
from hullmark.cli.settings import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hullmark.advisories.database.schema import FeedInfo
    from hullmark.advisories.database.shelf import FeedState, Shelf
    from hullmark.advisories.database.snapshot import Snapshot
    from hullmark.cli.settings import Settings
    from hullmark.model.advisory import Advisory, AffectedPackage

_ALIASES, _PACKAGES, _RANGES = 8, 40, 8


def status(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show what the snapshot in use holds."""
    shelf = settings.shelf()
    with settings.open_snapshot() as snapshot:
        document = {
            "digest": snapshot.digest,
            "path": str(snapshot.path),
            "data_at": snapshot.data_at,
            "feeds": _feeds(snapshot, shelf),
            "namespaces": _namespaces(snapshot),
        }
    if arguments.output == "json":
        print_json(document)
    else:
        _print_status(document)
    return 0


def _feeds(snapshot: Snapshot, shelf: Shelf) -> list[dict[str, Any]]:
    """The feeds in the snapshot, and those that failed before they ever gave anything, by name."""
    from hullmark.advisories.database.schema import FeedInfo

    known = {feed.name: _feed(feed, shelf.state(feed.name)) for feed in snapshot.feeds}
    for name in shelf.tried():
        state = shelf.state(name)
        if name not in known and state.error:
            known[name] = _feed(FeedInfo(name=name, title="", homepage="", licence=""), state)
    return [known[name] for name in sorted(known)]


def _feed(feed: FeedInfo, state: FeedState) -> dict[str, Any]:
    from hullmark.advisories.database.wholeness import why_partial

    return {
        "name": feed.name,
        "title": feed.title,
        "homepage": feed.homepage,
        "licence": feed.licence,
        "records": feed.records,
        "data_at": feed.data_at,
        "age_days": _age(feed.data_at),
        "fresh_days": feed.fresh_days,
        "checked_at": state.checked_at,
        "error": state.error or state.held,
        "state": "failed" if state.error else "held" if state.held else "good",
        "failing_since": state.failing_since,
        "is_partial": bool(why_partial(feed)),
        "partial_because": why_partial(feed),
        "unread": feed.unread,
    }


def _namespaces(snapshot: Snapshot) -> list[dict[str, Any]]:
    licences, today = snapshot.licences, moment(None).date().isoformat()
    return [
        {
            "namespace": row.namespace,
            "feed": row.feed,
            "count": row.advisories,
            "data_at": row.data_at,
            "age_days": _age(row.data_at),
            "licence": licences[row.feed],
            "whole_at": row.whole_at,
            "is_known": snapshot.namespaces[row.namespace].is_known(today),
        }
        for row in snapshot.coverage
    ]


def _print_status(document: dict[str, Any]) -> None:
    print_line(document["digest"], "snapshot  ", 2)
    print_line(document["path"], "file      ", 2)
    sys.stdout.write(f"data of   {document['data_at']}\n\n")
    print_rows(
        ("FEED", "RECORDS", "DATA OF", "CHECKED", "LICENCE", ""),
        [
            (
                row["name"],
                f"{row['records']:,}",
                row["data_at"],
                row["checked_at"][:10],
                row["licence"],
                _trouble(row),
            )
            for row in document["feeds"]
        ],
        ("LICENCE", "CHECKED"),
    )
    sys.stdout.write("\n")
    print_rows(
        ("NAMESPACE", "FEED", "ADVISORIES", "DATA OF", "WHOLE", "LICENCE"),
        [
            (
                row["namespace"],
                row["feed"],
                f"{row['count']:,}",
                row["data_at"],
                row["whole_at"] or ("in part" if row["is_known"] else "in part: unknown"),
                row["licence"],
            )
            for row in document["namespaces"]
        ],
        ("LICENCE",),
    )


def _trouble(row: dict[str, Any]) -> str:
    """What is wrong with a feed, and since when."""
    if row["state"] != "good":
        since = f" since {row['failing_since'][:10]}" if row["failing_since"] else ""
        return f"{row['state'].upper()}{since}: {row['error']}"
    if row["is_partial"]:
        return f"in part, it covers nothing: {row['partial_because']}"
    return f"{row['unread']:,} record(s) could not be read: what they name is unknown" if row["unread"] else ""


def _age(day: str) -> int | None:
    from datetime import date

    try:
        return (moment(None).date() - date.fromisoformat(day)).days
    except ValueError:
        return None


def search(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show what is known of vulnerabilities or packages."""
    from hullmark.model.errors import HullmarkError

    if not arguments.arguments:
        raise HullmarkError(
            "what is to be searched?",
            advice="hullmark db search CVE-2021-44228, or a package: pypi:django, openssl, pkg:npm/express",
        )
    found: list[Advisory] = []
    with settings.open_snapshot() as snapshot:
        for text in arguments.arguments:
            found += _find_advisories(snapshot, text)
    if arguments.output == "json":
        print_json([plain(advisory) for advisory in found])
        return 0
    for advisory in found:
        _print_advisory(advisory)
    if not found:
        sys.stdout.write("nothing is known of that\n")
    return 0


def _find_advisories(snapshot: Snapshot, text: str) -> tuple[Advisory, ...]:
    if text.startswith("pkg:"):
        return _of_purl(snapshot, text)
    by_id = snapshot.complete(text) or snapshot.complete(text.upper())
    if by_id:
        return by_id
    namespace, colon, name = text.rpartition(":")
    exact = snapshot.about(namespace, name) if colon else ()
    if exact := exact or snapshot.about("", text):
        return exact
    # The last part of a name is what people know of it: log4j-core, or the module's own name.
    return tuple(advisory for where, whole in snapshot.ending(text) for advisory in snapshot.about(where, whole))


def _of_purl(snapshot: Snapshot, purl: str) -> tuple[Advisory, ...]:
    """The advisories about a purl's package, whatever its version: of its type where there are any, else of its name."""
    from hullmark.model.purl import namespace_of, unquote

    type, _, rest = purl.removeprefix("pkg:").partition("/")
    path = rest.partition("?")[0].partition("#")[0]
    # A version begins at the last @ of the last segment: npm's scopes begin with one, too.
    name = unquote(path.rpartition("/")[2].partition("@")[0])
    scope = namespace_of(purl)
    whole = f"{scope}{':' if type == 'maven' else '/'}{name}" if scope else name
    return snapshot.about(type, whole) or snapshot.about("", whole) or snapshot.about("", name)


def _print_advisory(advisory: Advisory) -> None:
    from hullmark.report.terminal import safe

    head = f"{advisory.id}  {advisory.source}  {advisory.severity}  {advisory.published[:10]}"
    print_line(safe(f"{head}{'  withdrawn' if advisory.withdrawn else ''}"), hang=2)
    print_line(safe(advisory.summary), "  ")
    if advisory.aliases:
        print_line(safe(_format_names(advisory.aliases, ", ", _ALIASES)), "  also ")
    for affected in advisory.affected[:_PACKAGES]:
        word = " is not affected" if affected.kind == "unaffected" else ""
        open_note = f": nobody can tell whether it is affected: {affected.note}" if affected.kind == "unknown" else ""
        print_line(safe(f"{affected.namespace} {affected.name}{word} {_versions(affected)}{open_note}"), "    ", 6)
    if len(advisory.affected) > _PACKAGES:
        sys.stdout.write(f"    and {len(advisory.affected) - _PACKAGES} more, all of them with -o json\n")


def _versions(affected: AffectedPackage) -> str:
    from hullmark.advisories.match.why import condition

    spans = [condition(span) for span in affected.ranges]
    return _format_names([*spans, *(f"= {version}" for version in affected.versions)], "; ", _RANGES)


def _format_names(names: Sequence[str], between: str, most: int) -> str:
    """The first names, and how many more there are."""
    more = f"{between}and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def diff(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show what changed between two snapshots."""
    from hullmark.advisories.database.compare import compare
    from hullmark.model.errors import HullmarkError

    if len(arguments.arguments) not in (1, 2):
        raise HullmarkError("diff takes one or two snapshots", advice="hullmark db diff OLDER [NEWER]")
    shelf = settings.shelf()
    older = _snapshot(shelf, arguments.arguments[0])
    newer = _snapshot(shelf, arguments.arguments[1]) if len(arguments.arguments) == 2 else settings.open_snapshot()
    with older, newer as after:
        difference = compare(older, after)
        digests = {"before": older.digest, "after": after.digest}
    listed = [
        {
            "op": "added" if change.before is None else "removed" if change.after is None else "changed",
            "cve": change.cve,
        }
        for change in difference.kev
    ]
    crossed = [{"cve": change.cve, "before": change.before, "after": change.after} for change in difference.epss]
    if arguments.output == "json":
        advisories = [
            {"op": advisory.op, "feed": advisory.feed, "id": advisory.id} for advisory in difference.advisories
        ]
        keys = [f"{namespace} {name}" for namespace, name in sorted(difference.keys)]
        print_json({**digests, "advisories": advisories, "packages": keys, "kev": listed, "epss": crossed})
        return 0
    rows: list[tuple[str, ...]] = [(advisory.op, advisory.feed, advisory.id) for advisory in difference.advisories]
    rows += [(change["op"], "kev", change["cve"]) for change in listed]
    rows += [
        ("changed", "epss", f"{change['cve']} {change['before']:.2f} to {change['after']:.2f}") for change in crossed
    ]
    if rows:
        print_rows(("CHANGE", "FEED", "WHAT"), rows)
    sys.stdout.write(f"{len(difference.advisories):,} advisories, of {len(difference.keys):,} packages\n")
    return 0


def _snapshot(shelf: Shelf, text: str) -> Snapshot:
    from hullmark.advisories.database.build import digest_of
    from hullmark.advisories.database.snapshot import Snapshot
    from hullmark.model.errors import HullmarkError

    known = [
        digest for digest in shelf.digests() if digest.removeprefix("sha256:").startswith(text.removeprefix("sha256:"))
    ]
    if len(known) == 1 and len(text) >= 6:
        return Snapshot(shelf.path_of(known[0]), known[0])
    if Path(text).is_file():
        return Snapshot(Path(text), digest_of(Path(text)))
    raise HullmarkError(f"there is no snapshot {text}", advice=f"kept are {', '.join(shelf.digests()) or 'none'}")


def use(arguments: argparse.Namespace, settings: Settings) -> int:
    """Take an earlier snapshot into use."""
    from hullmark.model.errors import HullmarkError

    shelf = settings.shelf()
    if len(arguments.arguments) != 1:
        raise HullmarkError("which snapshot?", advice=f"kept are {', '.join(shelf.digests()) or 'none'}")
    with _snapshot(shelf, arguments.arguments[0]) as snapshot, shelf.lock():
        shelf.use(snapshot.digest)
    sys.stdout.write(f"snapshot {snapshot.digest}, in use now\n")
    return 0
