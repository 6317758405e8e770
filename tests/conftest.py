"""How tests run: where changes are judged, the same examples every time; elsewhere new ones with each run."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("judged", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("judged" if os.environ.get("CI") else "exploring")
