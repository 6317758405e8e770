"""A cluster in which much happens, watches that break, versions that expire: what is told is what runs."""

from __future__ import annotations

import threading
from pathlib import Path

from hullmark.places.runtime.kubernetes.kubeconfig import Kubeconfig
from tests.support.kubernetes.access import User
from tests.support.kubernetes.churn import MARKER, Churn
from tests.support.kubernetes.hearing import Hearer, collector_of, heard
from tests.support.kubernetes.server import FakeCluster

_PODS, _CHANGES = 150, 600


def trouble(cluster: FakeCluster, churn: Churn) -> None:
    """Change things, cut each watch six times, and three times forget what happened meanwhile."""
    for number in range(_CHANGES):
        churn.step()
        if number % 100 == 99:
            cluster.cut_watches()
        if number % 200 == 150:
            cluster.cut_watches()
            churn.step()
            cluster.store.compact()
            churn.step()
            cluster.store.compact()
    churn.mark()


def test_what_is_told_is_what_runs_whatever_breaks(tmp_path: Path) -> None:
    cluster = FakeCluster(tmp_path, tokens={"t": User("agent")}, bookmark_seconds=0.1)
    churn, hearer, stop = Churn(cluster, 7), Hearer(), threading.Event()
    churn.fill(_PODS)
    with cluster.running():
        collector = collector_of(Kubeconfig([cluster.kubeconfig(bearer="t")]).access())
        doer = threading.Thread(target=trouble, args=(cluster, churn))
        for _ in heard(collector, hearer, stop):
            if hearer.lists == 1 and not doer.is_alive() and doer.ident is None:
                doer.start()
            if hearer.has_pod(MARKER):
                stop.set()
        doer.join()
        listed = sorted(collector.containers(), key=lambda each: each.id)
    assert hearer.rows(MARKER) == sorted(churn.record.values())
    assert listed == sorted(hearer.running.values(), key=lambda each: each.id)
    assert hearer.strange == []
    assert cluster.expired >= 1
    assert hearer.lists >= 2
