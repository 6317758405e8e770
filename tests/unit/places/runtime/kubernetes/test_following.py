"""Lists and watches against the fake API server, and against one that says whatever a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.errors import HullmarkError
from hullmark.net.errors import AnswerTooLarge, Cut
from hullmark.net.http import HttpSettings
from hullmark.places.runtime.kubernetes import api as api_module
from hullmark.places.runtime.kubernetes import following
from hullmark.places.runtime.kubernetes.access import ClusterAccess
from hullmark.places.runtime.kubernetes.api import (
    EVERYWHERE,
    ApiRefused,
    ExpiredVersion,
    ForbiddenRequest,
    KubernetesApi,
    Scope,
    partial,
)
from hullmark.places.runtime.kubernetes.following import (
    ApiUnavailable,
    Follower,
    ListedKind,
    ResourceChange,
    ResourceList,
    Streams,
    list_all,
)
from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from hullmark.places.runtime.kubernetes.objects import PartialObject
from tests.support.kubernetes import manifests
from tests.support.kubernetes.server import FakeCluster

PODS = partial("", "v1", "pods")


def name_of(found: PartialObject) -> str:
    """What is kept of an object in these tests."""
    return found.metadata.name


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[FakeCluster]:
    """Plain HTTP, anybody."""
    fake = FakeCluster(tmp_path, has_tls=False, bookmark_seconds=0.05)
    with fake.running():
        yield fake


def client(cluster: FakeCluster) -> KubernetesApi:
    """One that never waits."""
    return KubernetesApi(Kubeconfig([cluster.kubeconfig()]).access(), HttpSettings(sleep=lambda _: None))


class NeverWaiting(threading.Event):
    """A stop that is waited for in no time, and keeps what it was waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Note it."""
        if timeout is not None and threading.current_thread() is threading.main_thread():
            self.waits.append(timeout)
            return self.is_set()
        return super().wait(timeout)


def follower(
    api: KubernetesApi, stop: threading.Event, scope: Scope = EVERYWHERE, read: Callable[[PartialObject], str] = name_of
) -> Follower[PartialObject, str]:
    """One that follows the names of pods."""
    return Follower(api, ListedKind(PODS, scope), read, Streams(stop))


def flat(said: Iterator[Any], count: int) -> list[Any]:
    """So many things that were said, empty lists left out."""
    return list(islice((one for each in said for one in (each if isinstance(each, list) else [each])), count))


def test_pages_are_one_moment_whatever_happens_between_them(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "_PAGE", 2)
    for name in "abcde":
        cluster.store.create(manifests.pod(name))
    found: list[str] = []
    for page in client(cluster).pages(PODS):
        found += [each.metadata.name for each in page.items or ()]
        cluster.store.create(manifests.pod(f"later-{len(found)}"))
    assert found == list("abcde")
    assert [asked.query["limit"] for asked in cluster.asked] == ["2", "2", "2"]


def test_a_list_that_takes_too_long_expires(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_PAGE", 2)
    for name in "abc":
        cluster.store.create(manifests.pod(name))
    pages = client(cluster).pages(PODS)
    next(pages)
    cluster.store.compact()
    with pytest.raises(ExpiredVersion) as raised:
        next(pages)
    assert (raised.value.status, raised.value.reason) == (410, "Expired")


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "_PAGE", 9)
    monkeypatch.setattr(api_module, "_LIST_LIMIT", 3000)
    for number in range(9):
        cluster.store.create(manifests.pod(f"p{number}"))
    found, _ = list_all(client(cluster), PODS, name_of)
    assert found == [f"p{number}" for number in range(9)]
    monkeypatch.setattr(api_module, "_LIST_LIMIT", 100)
    with pytest.raises(AnswerTooLarge):
        list_all(client(cluster), PODS, name_of)


def test_what_happens_after_the_list_is_told_and_a_scope_is_kept(cluster: FakeCluster) -> None:
    stop, store = threading.Event(), cluster.store
    store.create(manifests.namespace("shop"))
    store.create(manifests.pod("a"))
    store.create(manifests.pod("x", namespace="shop"))
    said = follower(client(cluster), stop, Scope("default", "app=web")).said()
    assert next(said) == ResourceList(["a"])
    store.create(manifests.pod("b"))
    store.create(manifests.pod("other", labels={"app": "db"}))
    store.create(manifests.pod("y", namespace="shop"))
    store.change("Pod", "b", status={"phase": "Failed"})
    store.change("Pod", "a", metadata={**store.get("Pod", "a")["metadata"], "labels": {"app": "db"}})
    store.delete("Pod", "b")
    assert flat(said, 4) == [
        ResourceChange("ADDED", "b"),
        ResourceChange("MODIFIED", "b"),
        ResourceChange("DELETED", "a"),
        ResourceChange("DELETED", "b"),
    ]
    stop.set()


def test_a_watch_that_breaks_goes_on_where_it_was(cluster: FakeCluster) -> None:
    stop = NeverWaiting()
    said = follower(client(cluster), stop).said()
    assert next(said) == ResourceList([])
    for name in "abc":
        cluster.store.create(manifests.pod(name))
        assert flat(said, 1) == [ResourceChange("ADDED", name)]
        cluster.cut_watches()
    stop.set()
    assert [asked.verb for asked in cluster.asked].count("list") == 1


@pytest.mark.parametrize("at_once", [True, False])
def test_after_410_everything_is_listed_again(cluster: FakeCluster, *, at_once: bool) -> None:
    cluster.tells_410_at_once = at_once
    stop = NeverWaiting()
    said = follower(client(cluster), stop).said()
    assert next(said) == ResourceList([])
    cluster.store.create(manifests.pod("a"))
    assert flat(said, 1) == [ResourceChange("ADDED", "a")]
    cluster.cut_watches()
    cluster.store.delete("Pod", "a")
    cluster.store.create(manifests.pod("b"))
    cluster.store.compact()
    assert flat(said, 1) == [ResourceList(["b"])]
    assert cluster.expired >= 1
    assert [asked.verb for asked in cluster.asked].count("list") == 2
    stop.set()


def test_bookmarks_keep_a_quiet_watch_young(cluster: FakeCluster) -> None:
    stop = NeverWaiting()
    pods = follower(client(cluster), stop)
    said = pods.said()
    assert next(said) == ResourceList([])
    cluster.store.create(manifests.namespace("shop"))  # which is not about pods
    while pods._version != str(cluster.store.number):
        assert next(said) == []
    cluster.store.compact()
    cluster.cut_watches()
    cluster.store.create(manifests.pod("a"))
    assert flat(said, 1) == [ResourceChange("ADDED", "a")]
    assert [asked.verb for asked in cluster.asked].count("list") == 1
    stop.set()


@pytest.mark.parametrize("has_tls", [True, False])
def test_stop_ends_a_watch_that_waits(tmp_path: Path, *, has_tls: bool) -> None:
    silent = FakeCluster(tmp_path, has_tls=has_tls, bookmark_seconds=3600)
    stop = threading.Event()

    def stopped() -> None:
        while not silent.watches():
            pass
        stop.set()

    with silent.running():
        said = follower(client(silent), stop).said()
        assert next(said) == ResourceList([])
        thread = threading.Thread(target=stopped)
        thread.start()
        assert list(said) == []
        thread.join()


def test_what_stands_before_an_event_that_cannot_be_taken_is_told_first(cluster: FakeCluster) -> None:
    stop, failing = NeverWaiting(), {"b"}

    def read(found: PartialObject) -> str:
        if found.metadata.name in failing:
            failing.clear()
            raise Cut("a look-up broke", advice="")
        return found.metadata.name

    said = follower(client(cluster), stop, read=read).said()
    next(said)
    for name in "abc":
        cluster.store.create(manifests.pod(name))
    assert flat(said, 3) == [ResourceChange("ADDED", name) for name in "abc"]
    stop.set()


def test_a_server_that_is_away_is_asked_again_and_told_of_once(cluster: FakeCluster) -> None:
    stop = NeverWaiting()
    cluster.failures = [(503, {}, b"")] * 20
    said = follower(client(cluster), stop).said()
    away = next(said)
    assert isinstance(away, ApiUnavailable)
    assert "503" in away.reason
    assert next(said) == ResourceList([])
    assert sorted(stop.waits) == stop.waits
    assert all(0 < wait < 11 for wait in stop.waits)
    stop.set()


def test_what_waiting_cannot_mend_is_raised(cluster: FakeCluster) -> None:
    body = b'{"kind":"Status","message":"pods is forbidden: User \\"x\\" cannot list","reason":"Forbidden","code":403}'
    cluster.failures = [(403, {}, body)]
    with pytest.raises(ForbiddenRequest, match="cannot list"):
        next(follower(client(cluster), NeverWaiting()).said())
    cluster.failures = [(401, {}, b"")] * 40
    with pytest.raises(ApiRefused) as raised:
        list(follower(client(cluster), NeverWaiting()).said())
    assert raised.value.status == 401


def canned(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, *streams: bytes) -> Follower[PartialObject, str]:
    """A follower of which each watch gives the bytes of a stream; one more is cut."""
    left = list(streams)

    class Stream:
        def __init__(self) -> None:
            self.parts = [left.pop(0)] if left else None

        def read_available(self, limit: int) -> bytes:
            if self.parts is None:
                raise Cut("no more", advice="")
            return self.parts.pop(0) if self.parts else b""

        def close(self) -> None:
            pass

        def interrupt(self) -> None:
            pass

    api = client(cluster)
    monkeypatch.setattr(api, "watch", lambda *_: Stream())
    return follower(api, NeverWaiting())


def line(type: str, name: str = "a", version: str = "6") -> bytes:
    """A line of a watch."""
    return (
        json.dumps({"type": type, "object": {"metadata": {"name": name, "resourceVersion": version}}}).encode() + b"\n"
    )


def test_an_error_in_a_stream_ends_it_and_nothing_before_it_is_lost(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd is away"}}
    broken = line("ADDED") + json.dumps(error).encode() + b"\n" + line("ADDED", "never")
    said = canned(cluster, monkeypatch, broken, line("ADDED", "b", "7")).said()
    assert flat(said, 3) == [ResourceList([]), ResourceChange("ADDED", "a"), ResourceChange("ADDED", "b")]


def test_unknown_kinds_of_events_are_passed_by(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    said = canned(cluster, monkeypatch, line("BOOKMARK", "") + line("SURPRISE") + b"\n\n" + line("ADDED")).said()
    assert flat(said, 2) == [ResourceList([]), ResourceChange("ADDED", "a")]


@pytest.mark.parametrize(
    "stream",
    [
        b"<html>\n",
        b'{"type":"ADDED"}\n',
        b'{"type":"ADDED","object":{}}\n',
        b'{"type":"ADDED","object":{"metadata":{"name":5}}}\n',
        b'{"type":"ADDED","object":' + b"[" * 100_000 + b"\n",
        b'{"type":"ADDED","object":{"metadata":{"name":"\xff"}}}\n',
    ],
)
def test_what_no_kubernetes_says_is_an_error(
    stream: bytes, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HullmarkError, match="does not answer as Kubernetes"):
        flat(canned(cluster, monkeypatch, stream).said(), 2)


def test_an_event_without_end_is_refused(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_EVENT_LIMIT", 100)
    with pytest.raises(HullmarkError, match="has no end"):
        flat(canned(cluster, monkeypatch, b'{"type":"ADDED","object":' + b" " * 200).said(), 2)


def test_a_list_without_end_is_refused(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    page = json.dumps({"metadata": {"resourceVersion": "1", "continue": "x"}, "items": []}).encode()
    cluster.failures = [(200, {}, page)] * 3
    with pytest.raises(HullmarkError, match="has no end"):
        list(client(cluster).pages(PODS))
    monkeypatch.setattr(api_module, "_MOST_OBJECTS", 3)
    pages = [
        json.dumps({"metadata": {"continue": str(number)}, "items": [{"metadata": {}}] * 2}).encode()
        for number in range(9)
    ]
    cluster.failures = [(200, {}, page) for page in pages]
    with pytest.raises(HullmarkError, match="has no end"):
        list(client(cluster).pages(PODS))


def test_a_redirect_is_not_followed_since_the_token_would_go_along(cluster: FakeCluster) -> None:
    cluster.failures = [(302, {"Location": "http://elsewhere.example/"}, b"")]
    with pytest.raises(ApiRefused) as raised:
        list(client(cluster).pages(PODS))
    assert raised.value.status == 302


def test_a_server_may_stand_below_a_path_and_behind_a_proxy(tmp_path: Path) -> None:
    fake = FakeCluster(tmp_path, has_tls=False, prefix="/k8s/clusters/c-1")
    fake.store.create(manifests.pod("a"))
    with fake.running():
        assert list_all(client(fake), PODS, name_of)[0] == ["a"]
        access = ClusterAccess(name="c", server="http://kubernetes.invalid/k8s/clusters/c-1")
        proxied = replace(access, proxy=fake.url.removesuffix(fake.prefix))
        settings = HttpSettings(environment={"no_proxy": "*"}, sleep=lambda _: None)
        # The fake takes the whole address of a request to a proxy for a path of its own.
        found, _ = list_all(KubernetesApi(proxied, settings), PODS, name_of)
        assert found == ["a"]
