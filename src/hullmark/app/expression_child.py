"""A process that evaluates one expression in CEL and ends: limits that the system keeps hold for all that it does.

It reads `{"source": …, "variables": {…}}` and writes `{"value": …}` or `{"error": …}`, both in JSON, with the processor time that it
took (`seconds`).
"""

from __future__ import annotations

import json
import resource
import sys
import time

from hullmark.model.guard import guard_call
from hullmark.model.limit import Limit
from hullmark.policy.cel_engine import cel_engine

CPU_SECONDS = 10
MEMORY_BYTES = 2 << 30
MAX_ANSWER_BYTES = Limit(4 << 20, "bytes of the value of an expression")


def main() -> None:
    """Answer one request."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    engine = cel_engine()
    request = json.load(sys.stdin)

    def value() -> str:
        return json.dumps(engine.compile(request["source"]).execute(request["variables"]), default=str)

    def describe_failure(error: Exception) -> str:
        return _error(f"{type(error).__name__}: {error}"[:1000])

    answer = guard_call(
        lambda: f'{{"value": {value()}, "seconds": {time.process_time()}}}', describe_failure, passing=MemoryError
    )
    if len(answer) > MAX_ANSWER_BYTES:
        answer = _error(f"the value is larger than {MAX_ANSWER_BYTES >> 20} MiB")
    sys.stdout.write(answer)


def _error(reason: str) -> str:
    return json.dumps({"error": reason, "seconds": time.process_time()})


if __name__ == "__main__":
    main()
