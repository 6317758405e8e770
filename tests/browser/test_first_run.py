"""From nothing to the first verdict by clicks alone; an archive by upload with its progress; and what a session is to a browser."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Look
from tests.support.browser import sign_in
from tests.support.console_world import World
from tests.support.desk import status_file
from tests.support.images import tar_of
from tests.support.standing import Standing

WORDS = "fiona's own long words"


def fresh_account(server: Standing, name: str) -> str:
    """An account without anything but its admin; answers who that is."""
    server.run(server.at.post("/accounts", {"name": name}))
    person = f"fiona-of-{name}"
    body = {"name": person, "password": WORDS, "role": "admin"}
    server.run(server.at.post(f"/accounts/{name}/persons", body))
    host = server.at.registry.host
    assert server.run(server.at.ask("PUT", f"/registries/{host}", {"verify": False}, name)).is_success
    return person


def archive(folder: Path) -> Path:
    """An archive as `docker save` writes it."""
    layer = tar_of({"etc/os-release": b'ID=debian\nVERSION_ID="13"\n', **status_file(("libc6", "2.41-12"))})
    layers = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": layers}).encode()
    manifest = b'[{"Config":"config.json","RepoTags":["shop:1"],"Layers":["layer.tar"]}]'
    path = folder / "shop.tar"
    with tarfile.open(path, "w") as out:
        for name, content in (("manifest.json", manifest), ("config.json", config), ("layer.tar", layer)):
            told = tarfile.TarInfo(name)
            told.size = len(content)
            out.addfile(told, io.BytesIO(content))
    return path


def _verdict(page: Page, server: Standing) -> None:
    """Wait at the page of an image that was added until it is judged: it goes on by itself where htmx is there, else by a click."""
    server.run(server.at.work())
    judged = page.get_by_role("heading", name="May it be deployed?")
    if not page.evaluate("'htmx' in window"):
        page.get_by_role("link", name="Look again").click()
    expect(judged).to_be_visible()


def test_the_first_run_leads_to_the_first_verdict_by_clicks(look: Look, server: Standing) -> None:
    person = fresh_account(server, "fresh")
    server.at.push("first", {**status_file(("libc6", "2.41-12"))}, User="0")
    watched = look("")
    page = watched.page
    sign_in(page, person, WORDS)
    page.wait_for_url("**/console/fresh/add")
    expect(page.get_by_role("heading", name="Your first verdict")).to_be_visible()
    page.get_by_role("button", name="Use the policy baseline").click()
    expect(page.get_by_text("The policy is in force")).to_be_visible()
    page.get_by_label("Reference", exact=True).fill(server.at.reference("first"))
    page.get_by_role("button", name="Add the image").click()
    page.wait_for_url(re.compile("/console/fresh/add/sha256"))
    _verdict(page, server)
    expect(page.locator(".mark.verdict").first).to_have_text(re.compile("go|warn|stop|unknown"))
    expect(page.get_by_role("link", name="See why")).to_have_attribute(
        "href", re.compile("/console/fresh/images/sha256")
    )


def test_an_archive_is_uploaded_with_or_without_scripts(
    browser: Browser, look: Look, server: Standing, world: World, tmp_path: Path
) -> None:
    person = fresh_account(server, "uploads")
    for scripts in (True, False):
        page = look("", java_script_enabled=scripts).page
        sign_in(page, person, WORDS, "/console/uploads/add")
        page.get_by_role("link", name="Upload an archive").click()
        page.get_by_label("The tag that it goes by").fill(f"registry.example.org/shop:{scripts}".lower())
        page.get_by_label("Archive").set_input_files(archive(tmp_path))
        page.get_by_role("button", name="Upload it").click()
        page.wait_for_url(re.compile("/console/uploads/add/sha256"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("shop")


def test_signing_out_in_one_window_ends_the_other(look: Look, server: Standing) -> None:
    person = fresh_account(server, "windows")
    page = look("").page
    sign_in(page, person, WORDS, "/console/windows/profile")
    other = page.context.new_page()
    other.goto("/console/windows/profile")
    page.get_by_role("button", name="Sign out").first.click()
    page.wait_for_url("**/console/signin")
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert not [
        cooky for cooky in page.context.cookies() if cooky["name"].endswith("hullmark-session") and cooky["value"]
    ]
