"""`hullmark db update`: fetch what changed and make a snapshot."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.cli.rows import plain, print_json, print_line
from hullmark.cli.settings import moment

if TYPE_CHECKING:
    from hullmark.advisories.feeds.feed import Feed
    from hullmark.app.origins import Origin
    from hullmark.app.update import FeedOutcome, Watch
    from hullmark.cli.settings import Settings


def update(arguments: argparse.Namespace, settings: Settings) -> int:
    """Update, and say what came of each feed. Status 3 where one failed or is held, 2 where nothing could be had."""
    import os

    from hullmark.advisories.feeds import load
    from hullmark.app.update import UpdateRequest, update

    every = load()
    shelf = settings.shelf()
    request = UpdateRequest(
        now=moment(None).strftime("%Y-%m-%dT%H:%M:%SZ"),
        accepts_shrinking=arguments.accept_shrinking,
        is_anew=arguments.anew,
        environment=os.environ,
    )
    origin = _origin(arguments, settings, every)
    with _bars(wanted=settings.wants_progress()) as watch:
        result = update(
            shelf,
            _select_feeds(every, arguments.feeds, from_mirror=bool(arguments.origin)),
            every,
            origin,
            request,
            watch,
        )
    if arguments.output == "json":
        print_json(
            {
                "digest": result.digest,
                "previous": result.previous,
                "feeds": [plain(outcome) for outcome in result.outcomes],
            }
        )
    else:
        for outcome in result.outcomes:
            _print_outcome(outcome)
        word = "the same as before" if result.digest == result.previous else "in use now"
        print_line(f"{result.digest}, {word}", "snapshot ", 2)
    tried = [outcome for outcome in result.outcomes if outcome.status not in ("absent", "left-out")]
    if any(outcome.status in ("failed", "held") for outcome in tried):
        return 2 if all(outcome.status == "failed" for outcome in tried) else 3
    return 0


def _select_feeds(every: tuple[Feed, ...], names: str | None, *, from_mirror: bool) -> tuple[Feed, ...]:
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

    from hullmark.app.origins import Folder, Upstreams
    from hullmark.net.http import Client
    from hullmark.source.distribution import http_settings

    chosen = arguments.origin or ""
    if chosen and not chosen.startswith(("http://", "https://")):
        return Folder(Path(chosen.removeprefix("file://")))
    needs = {feed.name: feed.needs for feed in every if feed.needs}
    client = Client(http_settings(settings.source_options()))
    return Upstreams(client, chosen, lambda name: os.environ.get(needs[name], "") if name in needs else "")


def _print_outcome(outcome: FeedOutcome) -> None:
    note = f": {outcome.reason}" if outcome.reason else ""
    if outcome.problem_count:
        place, reason = outcome.problems[0]
        note += f" ({outcome.problem_count:,} problem(s), as {place}: {reason})"
    print_line(f"{outcome.status:<10} {outcome.records:>9,} records{note}", f"{outcome.feed:<18} ")


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
