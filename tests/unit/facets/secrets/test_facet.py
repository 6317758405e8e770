"""The facet: large files in pieces, files of every layer, settings, and what is kept of all that."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.facets.secrets.facet import secrets_facet
from hullmark.facets.secrets.search import HELD, LEAD, OVERLAP, Pieces
from hullmark.facets.view import ImageView
from hullmark.model.image import HealthCheck, HistoryEntry, ImageConfig
from hullmark.model.secret import Secret
from hullmark.rootfs.squash import squash
from tests.support.layers import TarBuilder, records
from tests.unit.facets.secrets.samples import ALNUM, SAMPLES, pem, some

FACET = secrets_facet()
TOKEN = SAMPLES["sonar-token"][0]
SLACK = SAMPLES["slack-token"][0]


def secrets_of(*tars: bytes, config: ImageConfig | None = None) -> tuple[Secret, ...]:
    """The secrets of an image of these layers."""
    layers = records(tars, FACET.reads)
    found: tuple[Secret, ...] = FACET.assemble(ImageView(squash(layers, keep_ghosts=True), layers, None, config, "x"))
    return found


def in_pieces(body: bytes, size: int, path: str = "opt/file") -> tuple[Any, list[str]]:
    """What is found in a large file that comes in pieces of this size, and what is reported of it."""
    (read,) = FACET.reads
    assert read.oversize_at is not None
    sink, reports = read.oversize_at(path, len(body)), list[str]()
    for start in range(0, len(body), size):
        sink.write(memoryview(body)[start : start + size])
    return sink.finish(reports.append), reports


@pytest.mark.parametrize("offset", [-OVERLAP - LEAD, -OVERLAP - 20, -OVERLAP, -20, 0])
def test_a_secret_at_the_end_of_a_piece_is_found_once(offset: int) -> None:
    filler = b"-" * 79 + b"\n"
    body = bytearray(filler * (HELD * 2 // len(filler)))
    secrets = [TOKEN.encode(), SLACK.encode(), pem("EC PRIVATE KEY", lines=40).encode()]
    for number, secret in enumerate(secrets):
        at = HELD + offset + 4096 * number
        body[at : at + len(secret) + 2] = b"\n" + secret + b"\n"
    found, reports = in_pieces(bytes(body), 1 << 16)
    lines = [bytes(body)[: body.index(secret)].count(b"\n") + 1 for secret in secrets]
    assert [(each.kind, each.line) for each in found] == [
        ("sonar-token", lines[0]),
        ("slack-token", lines[1]),
        ("private-key", lines[2]),
    ]
    assert reports == []


@settings(max_examples=40, deadline=None)
@given(
    gaps=st.lists(st.integers(-OVERLAP - LEAD - 100, 100) | st.integers(0, 200), min_size=1, max_size=3),
    mibs=st.integers(1, 4),
    size=st.sampled_from([1 << 12, (1 << 16) - 1, 1 << 16, 1 << 20]),
    front=st.sampled_from([b"", b"a\nb\n"]),
)
def test_what_stands_behind_zeros_is_found_wherever_pieces_end(
    gaps: list[int], mibs: int, size: int, front: bytes
) -> None:
    """Zeros of about so many MiB, a token, zeros again …: each is found once, in its line, as in a body that is looked at as a whole."""
    body, lines = bytearray(front), []
    for gap in gaps:
        body += bytes(max(mibs * HELD + gap, 0))
        lines.append(body.count(b"\n") + 2)
        body += b"\n" + TOKEN.encode() + b"\n"
    body += bytes(HELD + 7)
    found, reports = in_pieces(bytes(body), size)
    assert [(each.kind, each.line) for each in found] == [("sonar-token", line) for line in lines]
    assert reports == []


def test_zeros_that_follow_zeros_are_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = [], Pieces._look

    def counted(self: Pieces, stop: int) -> None:
        looks.append(stop)
        look(self, stop)

    monkeypatch.setattr(Pieces, "_look", counted)
    found, _ = in_pieces(bytes(8 * HELD) + TOKEN.encode(), 1 << 16)
    assert (len(looks), [each.kind for each in found]) == (2, ["sonar-token"])


def test_what_is_no_text_is_searched_too() -> None:
    (found,), reports = in_pieces(b"\0" + TOKEN.encode(), 10)
    assert (found.kind, reports) == ("sonar-token", [])
    (secret,) = secrets_of(TarBuilder().add("a", b"\x7fELF\0" + TOKEN.encode()).done())
    assert (secret.kind, secret.path) == ("sonar-token", "/a")


@pytest.mark.parametrize("path", ["root/.netrc", "etc/app.conf"])
def test_a_large_file_is_searched_for_what_goes_by_its_name(path: str) -> None:
    netrc = b"machine example.com login me password Kq8vXz2mPw\n"
    found, _ = in_pieces(netrc + b"#\n" * HELD, 1 << 16, path)
    assert [each.kind for each in found or ()] == (["netrc-password"] if path == "root/.netrc" else [])


def test_very_many_secrets_in_a_large_file_are_said_to_be_cut() -> None:
    found, reports = in_pieces(f"{TOKEN}\n".encode() * 2000, 1 << 16)
    assert len(found) == 1000
    assert len(reports) == 1


def test_files_of_every_layer_are_told_and_what_is_deleted_too() -> None:
    low = TarBuilder().add("a", TOKEN.encode()).add("b", f"x\n{TOKEN}".encode()).done()
    high = TarBuilder().add(".wh.a").done()
    assert [(each.path, each.line, each.layer, each.is_ghost) for each in secrets_of(low, high)] == [
        ("/a", 1, 0, True),
        ("/b", 2, 0, False),
    ]


def test_settings_hold_secrets_by_form_and_by_name() -> None:
    config = ImageConfig(
        env=(f"X={TOKEN}", "DB_PASSWORD=hunter2", "PATH=/bin", "TOKEN=${TOKEN}", "SECRET_FILE=/run/x"),
        labels={"l": SLACK},
        history=(
            HistoryEntry(created_by="RUN true"),
            HistoryEntry(created_by=f"RUN API_KEY=abcdefg curl -H {TOKEN}"),
        ),
        entrypoint=("run", "--token", TOKEN),
        on_build=(f"RUN x {TOKEN}",),
        healthcheck=HealthCheck(test=("CMD", "curl", TOKEN)),
    )
    found = secrets_of(TarBuilder().done(), config=config)
    assert sorted((each.place, each.name, each.kind) for each in found) == [
        ("command", "entrypoint", "sonar-token"),
        ("command", "healthcheck", "sonar-token"),
        ("command", "onbuild 1", "sonar-token"),
        ("env", "DB_PASSWORD", "setting-secret"),
        ("env", "X", "sonar-token"),
        ("history", "step 2", "setting-secret"),
        ("history", "step 2", "sonar-token"),
        ("label", "l", "slack-token"),
    ]


def test_what_is_kept_of_a_layer_holds_no_secret() -> None:
    secret = some(ALNUM, 86)
    body = f"{TOKEN}\n{SLACK}\na:$6$salt${secret}\nurl=https://user:Tr0ub4dor@host/\n".encode()
    (layer,) = records([TarBuilder().add("a", body).done()], FACET.reads)
    kept = msgspec.msgpack.encode(layer)
    assert len(next(iter(layer.facts.values()))[0][1]) == 4
    for part in (TOKEN, SLACK, secret, "Tr0ub4dor"):
        assert part.encode() not in kept
        assert part.encode()[-12:] not in kept


def test_the_salt_decides_the_digest_and_what_facts_are_kept_under() -> None:
    other = secrets_facet(salt=b"pepper")
    assert other.reads[0].name != FACET.reads[0].name
    tar = TarBuilder().add("a", TOKEN.encode()).done()
    (layer,) = records([tar], other.reads)
    (fact,) = layer.facts[other.reads[0].name]
    (mine,) = secrets_of(tar)
    assert fact[1][0].digest != mine.digest


def test_tests_and_documentation_do_not_count_and_say_why() -> None:
    key = pem("RSA PRIVATE KEY").encode()
    names = ("srv/app/server.key", "usr/share/doc/x/server.key", "usr/lib/x/tests/server.key")
    tar = TarBuilder()
    for name in names:
        tar.add(name, key)
    assert {each.path: each.allowed.partition(":")[0] for each in secrets_of(tar.done())} == {
        "/srv/app/server.key": "",
        "/usr/share/doc/x/server.key": "documentation",
        "/usr/lib/x/tests/server.key": "tests",
    }
