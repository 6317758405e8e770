"""The page of `hullmark minimize -o html`, opened in a browser: it is drawn as it says, and asks nobody for anything."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from hullmark.model.reach import REACHES
from hullmark.report import load
from tests.unit.report.reach_samples import MINIMALITIES
from tests.unit.report.samples import PLAIN

BROWSER = os.environ.get("HULLMARK_BROWSER") or next(
    (found for name in ("chromium-headless-shell", "chromium", "google-chrome") if (found := shutil.which(name))), ""
)
WIDTH, HEIGHT = 1000, 900
FILLS = {
    "light": {"reachable": b"\x0f\x6e\x66", "unknown": b"\xa3\x4a\x07", "unreachable": b"\xdc\xe1\xe9"},
    "dark": {"reachable": b"\x14\x66\x5f", "unknown": b"\x8a\x42\x08", "unreachable": b"\x2a\x34\x42"},
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="Chromium is needed"),
]


def drawn(page: Path, *options: str) -> tuple[str, bytes]:
    """What the browser says while it draws a page, and the pixels, three bytes each."""
    picture = page.with_suffix(".png")
    command = [
        BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr", "--log-level=0",
        f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}", f"--user-data-dir={page.parent / 'profile'}", *options, page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stderr, pixels(picture.read_bytes())


def pixels(png: bytes) -> bytes:
    """The pixels of a PNG of 8 bits a colour (https://www.w3.org/TR/png-3/, filters: section 9)."""
    at, body, step = 8, b"", 0
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        if kind == b"IHDR":
            assert struct.unpack_from(">II", png, at + 8) == (WIDTH, HEIGHT)
            step = {2: 3, 6: 4}[png[at + 17]]
        body += png[at + 8 : at + 8 + size] if kind == b"IDAT" else b""
        at += size + 12
    data, line, found = zlib.decompress(body), WIDTH * step, []
    before = bytearray(line)
    for row in range(HEIGHT):
        start = row * (line + 1)
        kind, now = data[start], bytearray(data[start + 1 : start + 1 + line])
        for i in range(line) if kind else ():
            left, corner = (now[i - step], before[i - step]) if i >= step else (0, 0)
            now[i] = (now[i] + _foreseen(kind, left, before[i], corner)) & 255
        found.append(bytes(now) if step == 3 else b"".join(now[i : i + 3] for i in range(0, line, 4)))
        before = now
    return b"".join(found)


def _foreseen(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_draws_the_map_as_the_bytes_are(scheme: str, tmp_path: Path) -> None:
    found = MINIMALITIES["plain"]
    page = tmp_path / "page.html"
    page.write_bytes(load("minimality", "html").render(found, PLAIN))
    said, image = drawn(page, *(["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []))
    assert "CONSOLE" not in said
    points = [image[i : i + 3] for i in range(0, len(image), 3)]
    count = {reach: points.count(FILLS[scheme][reach]) for reach in REACHES}
    total = sum(count.bytes for count in found.counts.values())
    assert sum(count.values()) > 200_000  # of some 380,000 of the map
    for reach in REACHES:
        assert abs(count[reach] / sum(count.values()) - found.counts[reach].bytes / total) < 0.04, count


def test_a_browser_finds_nothing_to_obey_in_hostile_names(tmp_path: Path) -> None:
    text = load("minimality", "html").render(MINIMALITIES["hostile"], PLAIN)
    (page := tmp_path / "page.html").write_bytes(text)
    assert "CONSOLE" not in drawn(page)[0]
    page.write_bytes(text.replace(b"</main>", b"<script>document.title = 1</script></main>"))
    assert "Content Security Policy" in drawn(page)[0]
