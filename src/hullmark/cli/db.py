"""`hullmark db`: the advisories that images are matched with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hullmark.cli.settings import add_advisory_options, moment, settings_of

if TYPE_CHECKING:
    from hullmark.advisorydb.shelf import Shelf
    from hullmark.advisorydb.snapshot import Snapshot
    from hullmark.app.origins import Origin
    from hullmark.app.update import Outcome, Watch
    from hullmark.cli.settings import Settings
    from hullmark.feeds.feed import Feed
    from hullmark.model.advisory import Advisory

NAME = "db"
HELP = "fetch, show, search, compare and share the advisories"

EPILOG = """\
actions
  update                     fetch what changed and make a snapshot
  status                     what there is: each namespace's count, age and licence
  search ID|PACKAGE          what is known of a vulnerability or package
  diff DIGEST|FILE [DIGEST|FILE]   what changed between two snapshots
  use DIGEST                 take an earlier snapshot into use
  export FILE                write the snapshot into a bundle, for machines without a network
  import FILE                take a bundle's snapshot into use
  push NAME                  put the snapshot into a registry, as an OCI artifact
  pull NAME                  take a registry's snapshot into use
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("action", metavar="ACTION", choices=tuple(_ACTIONS), help="see below")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs="*")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FORMAT",
        default="table",
        choices=("table", "json"),
        help="table or json (default: table)",
    )
    group = parser.add_argument_group("update")
    group.add_argument(
        "--from",
        dest="origin",
        metavar="DIR|URL",
        help="a mirror: a folder or address with HOST/PATH as the upstreams have them",
    )
    group.add_argument("--feeds", metavar="NAMES", help="only these feeds, with commas (hullmark feeds lists them)")
    group.add_argument("--anew", action="store_true", help="fetch and read everything again")
    group.add_argument(
        "--accept-shrinking", action="store_true", help="take a feed's data even if it gives much less than before"
    )
    group = parser.add_argument_group("export, import, push, pull")
    group.add_argument("--since", metavar="DIGEST", help="export only what changed since this snapshot")
    group.add_argument("--key", metavar="FILE", help="sign with this private key (Ed25519, PEM)")
    group.add_argument("--trust", metavar="FILE", help="accept only what one of these public keys signed (PEM)")
    group.add_argument("--allow-unsigned", action="store_true", help="accept what nobody signed")
    group.add_argument("--insecure", action="store_const", const="true", help="plain HTTP, unverified certificates")
    group.add_argument("--cacert", metavar="FILE", help="certificates to trust besides the system's")
    parser.add_argument("--quiet", action="store_const", const="true", help="no progress, only the result")
    add_advisory_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action](arguments, settings_of(arguments))


def _update(arguments: argparse.Namespace, settings: Settings) -> int:
    import os

    from hullmark.app.update import UpdateWish, update
    from hullmark.feeds import load

    every = load()
    shelf = settings.shelf()
    wish = UpdateWish(
        now=moment(None).strftime("%Y-%m-%dT%H:%M:%SZ"),
        accepts_shrinking=arguments.accept_shrinking,
        is_anew=arguments.anew,
        environment=os.environ,
    )
    origin = _origin(arguments, settings, every)
    with _bars(wanted=settings.wants_progress()) as watch:
        result = update(shelf, _chosen(every, arguments.feeds, from_mirror=bool(arguments.origin)), every, origin, wish, watch)
    if arguments.output == "json":
        _print_json(
            {"digest": result.digest, "previous": result.previous, "feeds": [_plain(each) for each in result.outcomes]}
        )
    else:
        for outcome in result.outcomes:
            _print_outcome(outcome)
        word = "the same as before" if result.digest == result.previous else "in use now"
        sys.stdout.write(f"snapshot {result.digest}, {word}\n")
    tried = [each for each in result.outcomes if each.status not in ("absent", "left-out")]
    return 2 if tried and all(each.status == "failed" for each in tried) else 0


def _chosen(every: tuple[Feed, ...], names: str | None, *, from_mirror: bool) -> tuple[Feed, ...]:
    """The feeds by name; else those that are fetched by default, and of a mirror all that it may have."""
    from hullmark.model.errors import HullmarkError

    if not names:
        return tuple(feed for feed in every if feed.is_default or from_mirror)
    by_name = {feed.name: feed for feed in every}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            raise HullmarkError(f"there is no feed {name!r}", advice="hullmark feeds lists them")
    return tuple(by_name[name] for name in wanted)


def _origin(arguments: argparse.Namespace, settings: Settings, every: tuple[Feed, ...]) -> Origin:
    import os

    from hullmark.app.origins import Folder, Web
    from hullmark.net.http import Client
    from hullmark.source.distribution import http_settings

    chosen = arguments.origin or ""
    if chosen and not chosen.startswith(("http://", "https://")):
        return Folder(Path(chosen.removeprefix("file://")))
    needs = {feed.name: feed.needs for feed in every if feed.needs}
    client = Client(http_settings(settings.source_options()))
    return Web(client, chosen, lambda name: os.environ.get(needs[name], "") if name in needs else "")


def _print_outcome(outcome: Outcome) -> None:
    note = f": {outcome.reason}" if outcome.reason else ""
    if outcome.problem_count:
        place, reason = outcome.problems[0]
        note += f" ({outcome.problem_count:,} could not be read: {place}: {reason})"
    sys.stdout.write(f"{outcome.feed:<18} {outcome.status:<10} {outcome.records:>9,} records{note}\n")


@contextmanager
def _bars(*, wanted: bool) -> Iterator[Watch | None]:
    """One bar for each feed that is at work, for people at a terminal."""
    if not wanted:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def watch(feed: str, stage: str, done: int, total: int) -> None:
            task = tasks.get(feed)
            if task is None:
                for old in tasks.values():
                    bars.remove_task(old)
                tasks.clear()
                task = tasks[feed] = bars.add_task(feed)
            bars.update(task, description=f"{feed or 'snapshot'} {stage}", completed=done, total=total or None)

        yield watch


def _status(arguments: argparse.Namespace, settings: Settings) -> int:
    shelf = settings.shelf()
    with settings.book() as book:
        states = {feed.name: shelf.state(feed.name) for feed in book.feeds}
        licences = book.licences
        namespaces = [
            {
                "namespace": row.namespace,
                "feed": row.feed,
                "count": row.advisories,
                "data_at": row.data_at,
                "age_days": _age(row.data_at),
                "licence": licences[row.feed],
            }
            for row in book.coverage
        ]
        feeds = [
            {
                "name": feed.name,
                "title": feed.title,
                "homepage": feed.homepage,
                "licence": feed.licence,
                "records": feed.records,
                "data_at": feed.data_at,
                "age_days": _age(feed.data_at),
                "fresh_days": feed.fresh_days,
                "checked_at": states[feed.name].checked_at,
                "error": states[feed.name].error or states[feed.name].held,
            }
            for feed in book.feeds
        ]
        document = {
            "digest": book.digest,
            "path": str(book.path),
            "data_at": book.data_at,
            "feeds": feeds,
            "namespaces": namespaces,
        }
    if arguments.output == "json":
        _print_json(document)
        return 0
    sys.stdout.write(
        f"snapshot  {document['digest']}\nfile      {document['path']}\ndata of   {document['data_at']}\n\n"
    )
    _print_rows(
        ("FEED", "RECORDS", "DATA OF", "CHECKED", "LICENCE", ""),
        [
            (
                str(row["name"]),
                f"{row['records']:,}",
                str(row["data_at"]),
                str(row["checked_at"])[:10],
                str(row["licence"])[:40],
                str(row["error"]),
            )
            for row in feeds
        ],
    )
    sys.stdout.write("\n")
    _print_rows(
        ("NAMESPACE", "FEED", "ADVISORIES", "DATA OF", "LICENCE"),
        [
            (
                str(row["namespace"]),
                str(row["feed"]),
                f"{row['count']:,}",
                str(row["data_at"]),
                str(row["licence"])[:40],
            )
            for row in namespaces
        ],
    )
    return 0


def _age(day: str) -> int | None:
    from datetime import date

    try:
        return (moment(None).date() - date.fromisoformat(day)).days
    except ValueError:
        return None


def _search(arguments: argparse.Namespace, settings: Settings) -> int:
    from hullmark.model.errors import HullmarkError

    if not arguments.arguments:
        raise HullmarkError(
            "what is to be searched?", advice="hullmark db search CVE-2021-44228, or a package: pypi:django, openssl"
        )
    found: list[Advisory] = []
    with settings.book() as book:
        for text in arguments.arguments:
            found += _found(book, text)
    if arguments.output == "json":
        _print_json([_plain(each) for each in found])
        return 0
    for advisory in found:
        _print_advisory(advisory, arguments.arguments)
    if not found:
        sys.stdout.write("nothing is known of that\n")
    return 0


def _found(book: Snapshot, text: str) -> tuple[Advisory, ...]:
    by_id = book.complete(text) or book.complete(text.upper())
    if by_id:
        return by_id
    namespace, colon, name = text.rpartition(":")
    exact = book.about(namespace, name) if colon else ()
    return exact or book.about("", text)


def _print_advisory(advisory: Advisory, asked: list[str]) -> None:
    from hullmark.match.why import condition

    head = f"{advisory.id}  {advisory.source}  {advisory.severity}  {advisory.published[:10]}"
    sys.stdout.write(f"{head}{'  withdrawn' if advisory.withdrawn else ''}\n  {advisory.summary}\n")
    if advisory.aliases:
        sys.stdout.write(f"  also {', '.join(advisory.aliases[:8])}\n")
    for affected in advisory.affected[:40]:
        ranges = "; ".join(
            [condition(span) for span in affected.ranges[:4]] + [f"= {version}" for version in affected.versions[:4]]
        )
        word = "" if affected.kind == "affected" else " is not affected"
        sys.stdout.write(f"    {affected.namespace} {affected.name}{word} {ranges}\n")
    if len(advisory.affected) > 40:
        sys.stdout.write(f"    and {len(advisory.affected) - 40} more\n")


def _diff(arguments: argparse.Namespace, settings: Settings) -> int:
    from hullmark.advisorydb.compare import compare
    from hullmark.model.errors import HullmarkError

    if len(arguments.arguments) not in (1, 2):
        raise HullmarkError("diff takes one or two snapshots", advice="hullmark db diff OLDER [NEWER]")
    shelf = settings.shelf()
    older = _snapshot(shelf, arguments.arguments[0])
    newer = _snapshot(shelf, arguments.arguments[1]) if len(arguments.arguments) == 2 else settings.book()
    with older, newer as after:
        difference = compare(older, after)
        digests = {"before": older.digest, "after": after.digest}
    listed = [
        {"op": "added" if each.before is None else "removed" if each.after is None else "changed", "cve": each.cve}
        for each in difference.kev
    ]
    crossed = [{"cve": each.cve, "before": each.before, "after": each.after} for each in difference.epss]
    if arguments.output == "json":
        advisories = [{"op": each.op, "feed": each.feed, "id": each.id} for each in difference.advisories]
        keys = [f"{namespace} {name}" for namespace, name in sorted(difference.keys)]
        _print_json({**digests, "advisories": advisories, "packages": keys, "kev": listed, "epss": crossed})
        return 0
    rows: list[tuple[str, ...]] = [(each.op, each.feed, each.id) for each in difference.advisories]
    rows += [(each["op"], "kev", each["cve"]) for each in listed]
    rows += [("changed", "epss", f"{each['cve']} {each['before']:.2f} to {each['after']:.2f}") for each in crossed]
    if rows:
        _print_rows(("CHANGE", "FEED", "WHAT"), rows)
    sys.stdout.write(f"{len(difference.advisories):,} advisories, of {len(difference.keys):,} packages\n")
    return 0


def _snapshot(shelf: Shelf, text: str) -> Snapshot:
    from hullmark.advisorydb.build import digest_of
    from hullmark.advisorydb.snapshot import Snapshot
    from hullmark.model.errors import HullmarkError

    known = [
        digest for digest in shelf.digests() if digest.removeprefix("sha256:").startswith(text.removeprefix("sha256:"))
    ]
    if len(known) == 1 and len(text) >= 6:
        return Snapshot(shelf.path_of(known[0]), known[0])
    if Path(text).is_file():
        return Snapshot(Path(text), digest_of(Path(text)))
    raise HullmarkError(f"there is no snapshot {text}", advice=f"kept are {', '.join(shelf.digests()) or 'none'}")


def _use(arguments: argparse.Namespace, settings: Settings) -> int:
    from hullmark.model.errors import HullmarkError

    shelf = settings.shelf()
    if len(arguments.arguments) != 1:
        raise HullmarkError("which snapshot?", advice=f"kept are {', '.join(shelf.digests()) or 'none'}")
    with _snapshot(shelf, arguments.arguments[0]) as book, shelf.locked():
        shelf.use(book.digest)
    sys.stdout.write(f"snapshot {book.digest}, in use now\n")
    return 0


def _print_rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        sys.stdout.write("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def _plain(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value)


def _print_json(document: Any) -> None:
    import json

    sys.stdout.write(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


_ACTIONS: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
    "update": _update,
    "status": _status,
    "search": _search,
    "diff": _diff,
    "use": _use,
}
