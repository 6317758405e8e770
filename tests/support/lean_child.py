"""The process that evaluates an expression, with a quarter of the memory that the real one has: it is ended in the same way, and soon."""

from __future__ import annotations

from hullmark.app import expression_child

if __name__ == "__main__":
    expression_child.MEMORY_BYTES //= 4
    expression_child.main()
