"""What a gate counts, for Prometheus: requests by answer, how long answers take, how old its verdicts are.

Where several processes answer, each counts in a folder that PROMETHEUS_MULTIPROC_DIR names, and any of them tells the sum
(https://prometheus.github.io/client_python/multiprocess/).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Meters:
    """Counters of one process. `age` answers how old the verdicts are, in seconds (None: there are none)."""

    def __init__(self, age: Callable[[], float | None]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram
        from prometheus_client.multiprocess import MultiProcessCollector

        is_shared = bool(os.environ.get("PROMETHEUS_MULTIPROC_DIR"))
        own = CollectorRegistry()
        self._registry = CollectorRegistry() if is_shared else own
        if is_shared:
            MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]
        self._age = age
        self._answers = Counter(
            "hullmark_gate_answers", "What the gate answered.", ("endpoint", "answer"), registry=own
        )
        self._seconds = Histogram(
            "hullmark_gate_seconds", "How long answers took.", ("endpoint",), registry=own, buckets=_BUCKETS
        )

    def count(self, endpoint: str, answer: str) -> None:
        """Count an answer."""
        self._answers.labels(endpoint, answer).inc()

    def measure_time(self, endpoint: str) -> AbstractContextManager[object]:
        """Measure how long an answer takes."""
        return self._seconds.labels(endpoint).time()

    def exposition(self) -> bytes:
        """All of it, as Prometheus reads it."""
        from prometheus_client import generate_latest

        age = self._age()
        shown = "NaN" if age is None else f"{age:.3f}"
        head = (
            "# HELP hullmark_gate_verdicts_age_seconds How old the verdicts are.\n"
            f"# TYPE hullmark_gate_verdicts_age_seconds gauge\nhullmark_gate_verdicts_age_seconds {shown}\n"
        )
        return head.encode() + generate_latest(self._registry)
