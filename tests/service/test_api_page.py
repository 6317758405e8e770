"""docs/reference/api.md is what the server's description says. HULLMARK_GOLDEN=write writes it anew."""

from __future__ import annotations

import os
from pathlib import Path

from hullmark.server.api.app import create_app
from hullmark.server.api.contract import contract_of
from hullmark.server.stories.services import services_for
from hullmark.server.stories.settings import Settings
from tests.support.places import REPOSITORY
from tools.api_page import page_of

PAGE = REPOSITORY / "docs" / "reference" / "api.md"


def test_the_reference_page_is_as_the_description_has_it() -> None:
    services = services_for(Settings(data=Path("/nonexistent"), database_url="postgresql://nowhere/x"), {})
    contract = contract_of(create_app(services))
    made = page_of(contract)
    if os.environ.get("HULLMARK_GOLDEN") == "write":
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "HULLMARK_GOLDEN=write writes it anew"
    for path, item in contract["paths"].items():
        if not path.startswith("/v1"):
            assert all(f"`{method.upper()} {path}`" in made for method in item)
