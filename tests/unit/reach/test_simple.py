"""Ruby, Perl and PHP: gems, compiled parts, and files that make the names of others."""

from __future__ import annotations

import pytest

from tests.support.dynamic import dynamic_elf
from tests.support.reach import walked
from tests.unit.reach.test_walk import BASE, program

GEMS = "/var/lib/gems/3.1.0"
SHOP = f"{GEMS}/gems/shop-1.0"
INTERPRETERS = {**BASE, **{f"/usr/bin/{name}": program() for name in ("ruby", "perl", "php")}}


def why_of(files: dict[str, bytes], command: tuple[str, ...], owners: dict[str, str] | None = None) -> dict[str, str]:
    """Of each file why it is reached, with a question mark before what is not certain; "" for one that is not."""
    found = walked({**INTERPRETERS, **files}, command, why=tuple(files), owners=owners)
    return {
        path: "" if not answer.witness else "?" * (answer.reach == "unknown") + answer.witness[-1].why
        for path, answer in zip(files, found.answers, strict=True)
    }


def test_ruby_reads_which_gems_there_are_and_a_gem_that_makes_names_may_load_its_own_files() -> None:
    """What was compiled of gems is marked as there; encodings are loaded by names that texts have."""
    built, folder = f"{GEMS}/extensions/x86_64-linux/3.1.0/shop-1.0/gem.build_complete", "/usr/lib/x86_64-linux-gnu"
    files = {
        "/srv/run.rb": b"require 'shop'\n",
        f"{SHOP}/lib/shop.rb": b"require name\nautoload :Till, x\n",
        f"{SHOP}/lib/shop/one.rb": b"",
        f"{SHOP}/bin/tool.rb": b"",
        f"{GEMS}/gems/till-1.0/lib/till.rb": b"",
        f"{GEMS}/specifications/shop-1.0.gemspec": b"",
        built: b"",
        f"{folder}/ruby/3.1.0/enc/big5.so": dynamic_elf(),
    }
    assert why_of(files, ("ruby", "/srv/run.rb")) == {
        "/srv/run.rb": "is run by Ruby",
        f"{SHOP}/lib/shop.rb": "loads shop",
        f"{SHOP}/lib/shop/one.rb": f"?may be loaded: {SHOP}/lib/shop.rb makes names of files",
        f"{SHOP}/bin/tool.rb": "",
        f"{GEMS}/gems/till-1.0/lib/till.rb": "",
        f"{GEMS}/specifications/shop-1.0.gemspec": "is read by RubyGems, which looks which gems there are",
        built: "says that what is compiled of a gem is there",
        f"{folder}/ruby/3.1.0/enc/big5.so": "is loaded for text in the encoding of its name",
    }


@pytest.mark.parametrize(
    ("program_of", "script", "source", "library", "reason"),
    [
        ("ruby", "/srv/run.rb", b"require File.basename(x)\n", "/usr/lib/ruby/vendor_ruby/shop.rb", "requires files"),
        ("perl", "/srv/run.pl", b"require $name;\n", "/usr/share/perl5/Shop.pm", "requires modules"),
        ("php", "/srv/run.php", b"<?php include $page;\n", "/usr/share/php/shop.php", "includes files"),
    ],
)
def test_an_application_that_makes_names_of_files_may_load_any_of_its_language_but_a_package_may_not(
    program_of: str, script: str, source: bytes, library: str, reason: str
) -> None:
    """What a package of the distribution makes names of is what its users tell it."""
    files = {script: source, library: b""}
    expected = f"it {reason} whose names it makes itself"
    assert why_of(files, (program_of, script))[library] == f"?may be run: {expected}"
    assert why_of(files, (program_of, script), {script: "tool"})[library] == ""


def test_perl_loads_the_compiled_parts_of_modules_and_the_files_that_configure_it() -> None:
    """Names in `auto` that are folders are parts of other modules."""
    base = "/usr/lib/x86_64-linux-gnu/perl/5.36"
    files = {
        "/srv/run.pl": b"use Shop::Cart;\n",
        f"{base}/Shop/Cart.pm": b"",
        f"{base}/auto/Shop/Cart/Cart.so": dynamic_elf(),
        f"{base}/auto/Shop/Cart/Deep/Deep.so": dynamic_elf(),
        f"{base}/Config.pm": b"",
        f"{base}/Config_heavy.pl": b"",
    }
    assert why_of(files, ("perl", "/srv/run.pl")) == {
        "/srv/run.pl": "is run by Perl",
        f"{base}/Shop/Cart.pm": "loads Shop::Cart",
        f"{base}/auto/Shop/Cart/Cart.so": "loads Shop::Cart",
        f"{base}/auto/Shop/Cart/Deep/Deep.so": "",
        f"{base}/Config.pm": "is loaded when Perl starts",
        f"{base}/Config_heavy.pl": "is loaded when Perl starts",
    }
