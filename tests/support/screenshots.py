"""Pictures of every page of the console, in both themes, on a wide screen and on a phone.

`python -m tests.support.screenshots --url http://127.0.0.1:8304 --only causes --into FOLDER` takes them of a company that
tests/support/console_world.py serves; without --url it makes one.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser

from tests.support.browser import NARROW, WIDE, Theme, chromium, opened
from tests.support.console_walk import addresses
from tests.support.console_world import ACCOUNT, World, console_world
from tests.support.database import database_in

SIZES = {"wide": WIDE, "phone": NARROW}
THEMES: tuple[Theme, ...] = ("light", "dark")


@contextlib.contextmanager
def company() -> Iterator[World]:
    """A company of its own."""
    with tempfile.TemporaryDirectory(prefix="hm-console-") as folder, database_in(Path(folder)) as database:
        place = Path(folder) / "server"
        place.mkdir()
        with console_world(database, place) as (world, _):
            yield world


def name_of(kind: str) -> str:
    """A page's name as a file's: `causes-NUMBER`."""
    return (
        re.sub(r"[^\w.]+", "-", kind.removeprefix(f"/console/{ACCOUNT}").removeprefix("/console")).strip("-") or "now"
    )


def take(
    browser: Browser, world: World, pages: dict[str, str], into: Path, person: str = "anna", *, small: bool = False
) -> list[Path]:
    """Take them; answers the files. What a page says is wrong is said on the way. `small`: what is seen first, at half the size."""
    made = []
    into.mkdir(parents=True, exist_ok=True)
    for theme in THEMES:
        for size, window in SIZES.items():
            context, watched = opened(
                browser,
                world.url,
                theme=theme,
                size=window,
                **world.login(person),
                **({"device_scale_factor": 0.5} if small else {}),
            )
            for kind, address in pages.items():
                watched.page.goto(address, wait_until="load")
                made.append(into / f"{name_of(kind)}.{theme}.{size}.{'jpg' if small else 'png'}")
                if small:
                    watched.page.screenshot(path=made[-1], type="jpeg", quality=60)
                else:
                    watched.page.screenshot(path=made[-1], full_page=True)
            context.close()
            for fault in watched.faults:
                print(f"{theme} {size}: {fault}")
    return made


def main() -> None:
    """Take pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="where a company is served")
    parser.add_argument("--only", default="", help="a pattern that a page's address has to contain")
    parser.add_argument("--into", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--person", default="anna")
    parser.add_argument("--small", action="store_true", help="for docs/console: what is seen first, at half the size")
    parser.add_argument(
        "--page", action="append", default=[], help="an address to take instead of all that links lead to"
    )
    options = parser.parse_args()
    made = contextlib.nullcontext(World(digests={}, url=options.url)) if options.url else company()
    with made as world, chromium() as browser:
        headers = world.login(options.person)["extra_http_headers"]
        pages = {each: each for each in options.page} or addresses(world.url, world.account, headers, broken=False)
        wanted = {kind: address for kind, address in pages.items() if re.search(options.only, address)}
        for path in take(browser, world, wanted, options.into, options.person, small=options.small):
            print(path)


if __name__ == "__main__":
    main()
