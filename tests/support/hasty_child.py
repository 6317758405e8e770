"""The process that evaluates an expression, with a tenth of the time that the real one has: it is ended in the same way, and soon."""

from __future__ import annotations

from hullmark.app import expression_child

if __name__ == "__main__":
    expression_child.CPU_SECONDS //= 10
    expression_child.main()
