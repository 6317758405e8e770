"""What programs refuse to start with is told, and nothing of what they take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.facets.configuration.apache import PARSER as APACHE
from hullmark.facets.configuration.mysql import PARSER as MYSQL
from hullmark.facets.configuration.nginx import PARSER as NGINX
from hullmark.facets.configuration.nginx_grammar import FORMS
from hullmark.facets.configuration.parser import Parser
from hullmark.facets.configuration.php import PARSER as PHP
from hullmark.facets.configuration.postgresql import PARSER as POSTGRESQL
from hullmark.facets.configuration.redis import PARSER as REDIS
from hullmark.facets.configuration.sshd import PARSER as SSHD
from hullmark.model.inventory import Distro
from tests.support.configuration import read_settings
from tests.traps.refusals import MAIN, POSTGRES_REFUSALS, REFUSALS, Refusal
from tests.unit.policy.building import package

PARSERS = {
    "nginx": NGINX,
    "apache": APACHE,
    "sshd": SSHD,
    "postgresql": POSTGRESQL,
    "redis": REDIS,
    "mysql": MYSQL,
    "php-fpm": PHP,
}
MARIADB = package("deb", "mariadb-server", "1:11.8.9-0+deb13u1")


@pytest.mark.parametrize(
    "refusal", [*REFUSALS, *POSTGRES_REFUSALS], ids=lambda refusal: f"{refusal.program} {refusal.text[-60:]!r}"
)
def test_a_file_that_is_refused_has_a_problem_and_no_other_has(refusal: Refusal) -> None:
    trixie = Distro(id="debian", version_id="13")
    found = read_settings(
        PARSERS[refusal.program], {MAIN[refusal.program]: refusal.text}, distro=trixie, packages=[MARIADB]
    )
    assert bool(found.problems) is refusal.is_refused, found.problems


@pytest.mark.parametrize(
    ("parser", "program", "text"),
    [
        (NGINX, "nginx", "events {}\n" + "nothing a;\n" * 100),
        (APACHE, "apache", "LoadModule mpm_event_module x\n" + "Nothing a\n" * 60),
    ],
)
def test_many_refusals_are_told_in_part(parser: Parser, program: str, text: str) -> None:
    found = read_settings(parser, {MAIN[program]: text})
    assert len(found.problems) == 50
    assert found.problems[-1][1].startswith("line 51: ")


@pytest.mark.parametrize("release", ["1.29.0-1", "2.0-1"])
def test_what_a_newer_nginx_takes_is_not_known(release: str) -> None:
    found = read_settings(NGINX, {MAIN["nginx"]: "nothing a;\n"}, packages=[package("deb", "nginx", release)])
    assert found.problems == []


def test_names_of_other_releases_of_postgresql_are_not_known() -> None:
    for release in ("9.6", "17"):
        main = f"etc/postgresql/{release}/main/postgresql.conf"
        assert read_settings(POSTGRESQL, {main: "nothing = 1\n"}).problems == []
        assert len(read_settings(POSTGRESQL, {main: "fsync = maybe\n"}).problems) == 1


def test_what_modules_of_others_add_is_not_known() -> None:
    text = "load_module modules/ngx_x_module.so;\nnothing a;\n"
    assert read_settings(NGINX, {MAIN["nginx"]: text}).problems == []


@given(
    st.lists(st.sampled_from((*sorted(FORMS)[:60], "{", "}", ";", "on", "x", "http", "server")), max_size=20).map(
        " ".join
    )
)
def test_any_directives_are_checked(text: str) -> None:
    read_settings(NGINX, {MAIN["nginx"]: text})
