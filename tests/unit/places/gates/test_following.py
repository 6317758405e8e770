"""How a gate keeps up: pages of verdicts, unknown images that are told to the server, what runs in a cluster, and failures that pass."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hullmark.model.admission import AdmissibleImage, AdmissionPage
from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiClient, ApiRefused
from hullmark.net.errors import NetError, Unreachable
from hullmark.net.http import Answer
from hullmark.places.gates.follow import (
    RunningImages,
    VerdictFollower,
    follow_cluster,
    follow_server,
    sync,
    tell_unknown,
)
from hullmark.places.gates.verdicts import LocalVerdicts
from hullmark.places.runtime.collector import Changes, Listing
from tests.support.clocks import ImpatientStop
from tests.support.gate import BAD, GOOD, HOST, NOON
from tests.support.kubernetes.manifests import digest
from tests.unit.places.gates.test_verdicts import running


class Server(ApiClient):
    """Answers pages and errors in their order, and then has who follows it stop; refuses some references."""

    def __init__(self, *answers: AdmissionPage | bytes | HullmarkError, refusing: dict[str, int] | None = None) -> None:
        self.answers, self.refusing = list(answers), refusing or {}
        self.stop = ImpatientStop()
        self.asked: list[Any] = []

    def raw(self, path: str, query: Any = None, limit: int = 0) -> Answer:
        self.asked.append(query["after"])
        found = self.answers.pop(0)
        if not self.answers:
            self.stop.set()
        if isinstance(found, HullmarkError):
            raise found
        return Answer(200, {}, found if isinstance(found, bytes) else msgspec.json.encode(found), "")

    def json(self, method: str, path: str, query: Any = None, document: Any = None) -> Any:
        self.asked.append(document["reference"])
        if status := self.refusing.get(document["reference"]):
            raise ApiRefused(f"status {status}", status=status)
        return {}


def page(cursor: str, *images: AdmissibleImage, is_last: bool = True) -> AdmissionPage:
    return AdmissionPage(images=images, cursor=cursor, is_last=is_last, begins=cursor == "1")


@pytest.fixture
def verdicts(tmp_path: Path) -> Iterator[LocalVerdicts]:
    found = LocalVerdicts(tmp_path / "v.db")
    yield found
    found.close()


def test_pages_are_kept_as_they_come_until_the_last(verdicts: LocalVerdicts) -> None:
    assert sync(Server(page("")), verdicts, NOON) == 0  # the server is not ready yet
    assert verdicts.age_seconds(NOON) is None
    server = Server(page("1", GOOD, is_last=False), page("2", BAD))
    assert sync(server, verdicts, NOON) == 2
    assert (server.asked, verdicts.count(), verdicts.age_seconds(NOON)) == (["", "1"], 2, 0.0)


def test_a_server_that_turns_in_circles_or_is_another_is_an_error(verdicts: LocalVerdicts) -> None:
    circling = Server(page("1", GOOD, is_last=False), page("1", GOOD, is_last=False))
    with pytest.raises(HullmarkError, match="the server hands out the same page again and again"):
        sync(circling, verdicts, NOON)
    for body in (b"<html>", b"\xff", b'{"images": 5}', b"[" * 100_000):
        with pytest.raises(HullmarkError, match="the server does not answer with verdicts"):
            sync(Server(body), verdicts, NOON)


def test_an_image_that_the_server_cannot_add_does_not_hold_up_others(verdicts: LocalVerdicts) -> None:
    for number in range(3):
        verdicts.queue(f"{HOST}/x:{number}", NOON)
    said: list[str] = []
    tell_unknown(Server(refusing={f"{HOST}/x:0": 400, f"{HOST}/x:1": 502}), verdicts, NOON, said.append)
    assert said == [
        f"the server cannot add {HOST}/x:0: status 400",
        f"the server cannot add {HOST}/x:1: status 502",
    ]
    assert verdicts.queued() == ()


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_what_a_server_cannot_take_now_is_told_later(verdicts: LocalVerdicts, status: int) -> None:
    verdicts.queue(f"{HOST}/x:0", NOON)
    with pytest.raises(ApiRefused):
        tell_unknown(Server(refusing={f"{HOST}/x:0": status}), verdicts, NOON, print)
    assert verdicts.queued() == (f"{HOST}/x:0",)


def test_a_server_that_is_away_is_said_to_be_once_and_once_that_it_is_back(tmp_path: Path) -> None:
    away = Unreachable("hullmark.example cannot be reached", advice="")
    server = Server(away, away, page("1", GOOD), page("2"), away)
    said: list[str] = []
    following = VerdictFollower(path=tmp_path / "v.db", clock=lambda: NOON, say=said.append, seconds=0.25)
    follow_server(server, following, RunningImages(), server.stop)
    failed = "the server's verdicts cannot be fetched, those that are here are used: hullmark.example cannot be reached"
    assert said == [failed, "the server answers again", failed]
    first, second, third, fourth, last = server.stop.pauses
    assert (third, fourth) == (0.25, 0.25)
    assert min(first, second, last) >= 0.25
    kept = LocalVerdicts(tmp_path / "v.db")
    assert (kept.count(), kept.cursor) == (1, "2")
    kept.close()


def test_a_list_of_a_cluster_that_breaks_off_is_said_and_the_next_counts(tmp_path: Path) -> None:
    def broken() -> Iterator[Any]:
        yield running("1", "a")
        raise NetError("the connection broke", advice="")

    class Cluster:
        """Tells two lists, of which the first breaks off, and would tell more."""

        name, platform, is_blind = "c", "kubernetes", False

        def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
            yield Listing(broken())
            yield Listing(iter([running("2", "b")]))
            stop.set()
            yield Changes()
            raise AssertionError("it is asked although it was told to end")

    said: list[str] = []
    following = VerdictFollower(path=tmp_path / "v.db", clock=lambda: NOON, say=said.append)
    follow_cluster(Cluster(), following, RunningImages(), threading.Event())  # type: ignore[arg-type]
    assert said == ["the list of what runs broke off, another follows: the connection broke"]
    kept = LocalVerdicts(tmp_path / "v.db")
    assert (kept.ran_at("shop", [digest("a")]), kept.ran_at("shop", [digest("b")])) == (None, NOON)
    kept.close()
