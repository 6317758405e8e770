"""Hooks: what registries send when an image is pushed, read and proven. Pure: headers and a body in, names of tags out.

To add a kind, write a module with a constant `HOOK = Hook(…)` and put it into HOOKS.
"""

from __future__ import annotations

from hullmark.source.hooks import distribution, dockerhub, ecr, ghcr, harbor, quay
from hullmark.source.hooks.hook import Hook

HOOKS: dict[str, Hook] = {
    hook.name: hook for hook in (dockerhub.HOOK, harbor.HOOK, ghcr.HOOK, quay.HOOK, ecr.HOOK, distribution.HOOK)
}
"""Every kind by its name."""
