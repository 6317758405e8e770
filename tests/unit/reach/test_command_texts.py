"""Interpreters that are started with options, with a command in a text, or with nothing at all."""

from __future__ import annotations

import pytest

from hullmark.model.reach import Minimality
from hullmark.model.setting import Setting
from tests.support.reach import reach_of, walked
from tests.unit.reach.test_walk import BASE, program

PERL, RUBY, PYTHON = "/usr/share/perl5", "/usr/lib/ruby/vendor_ruby", "/usr/lib/python3/dist-packages"
FILES = {
    **BASE,
    **{f"/usr/bin/{name}": program() for name in ("node", "python3", "ruby", "perl", "php")},
    "/usr/lib/python3.13/os.py": b"",
    f"{PYTHON}/shop.py": b"",
    f"{RUBY}/shop.rb": b"",
    f"{PERL}/Shop/Cart.pm": b"",
    "/usr/share/php/shop.php": b"",
    "/app/node_modules/shop/index.js": b"",
    "/app/node_modules/shop/package.json": b"{}",
    "/srv/run": b"",
}
OWNERS = {
    f"{PYTHON}/shop.py": "python-shop",
    f"{RUBY}/shop.rb": "ruby-shop",
    f"{PERL}/Shop/Cart.pm": "perl-shop",
    "/usr/share/php/shop.php": "php-shop",
    "/app/node_modules/shop/index.js": "node-shop",
    "/bin/mount": "mount",
}


def started(*command: str) -> Minimality:
    """What this command leads to; PHP has settings, as it has in every image."""
    setting = Setting(key="php.expose_php", value="Off", path="/etc/php/php.ini")
    return walked(FILES, command, owners=OWNERS, folder="/app", settings=(setting,))


@pytest.mark.parametrize(
    ("command", "language", "mount"),
    [
        (("python3", "-c", "import shop"), "Python", "unreachable"),
        (("python3", "-uBc", "from subprocess import run; run(x)"), "Python", "unknown"),
        (("node", "-e", "require('shop')"), "Node", "unreachable"),
        (("node", "--eval=require('child_process').execSync(x)"), "Node", "unknown"),
        (("node", "-p", "require('shop').version"), "Node", "unreachable"),
        (("ruby", "-ne", "require 'shop'"), "Ruby", "unreachable"),
        (("ruby", "-rset", "-e", "puts `#{x}`"), "Ruby", "unknown"),
        (("perl", "-lne", "use Shop::Cart"), "Perl", "unreachable"),
        (("perl", "-E", 'open(my $f, "$x |")'), "Perl", "unknown"),
        (("php", "-r", "include 'shop.php';"), "PHP", "unreachable"),
        (("php", "-r", "passthru($x);"), "PHP", "unknown"),
    ],
)
def test_a_command_in_a_text_may_use_what_its_language_finds_and_start_what_it_has_words_for(
    command: tuple[str, ...], language: str, mount: str
) -> None:
    """Nothing says which module or program it is, so none of them is called unreachable."""
    found = started(*command)
    assert [(end.path, end.reason) for end in found.open_ends] == [
        (f"/usr/bin/{command[0]}", f"{language} runs a command that is given as a text")
    ]
    own = f"{language.lower()}-shop"
    verdicts = {package.name: package.reach for package in found.packages}
    assert (verdicts[own], verdicts["mount"]) == ("unknown", mount)
    others = {verdicts[f"{name}-shop"] for name in ("python", "node", "ruby", "perl", "php")} - {verdicts[own]}
    assert mount == "unknown" or others == {"unreachable"}


def test_a_text_that_a_variable_holds_may_start_anything() -> None:
    """A script puts the command together, so that nobody can read it."""
    found = walked({**FILES, "/start": b'#!/bin/sh\npython3 -c "$CODE"\n'}, ("/start",))
    assert reach_of(found)["/bin/mount"] == "unknown"


@pytest.mark.parametrize("name", ["node", "ruby", "perl", "python3"])
@pytest.mark.parametrize("more", [(), ("-",)])
def test_an_interpreter_without_a_script_runs_whatever_it_is_told(name: str, more: tuple[str, ...]) -> None:
    """It reads commands from somebody who may load any module and start any program."""
    found = started(name, *more)
    language = {"python3": "Python"}.get(name, name.capitalize())
    assert {end.reason for end in found.open_ends} == {f"{language} without a script runs whatever it is told"}
    verdicts = {package.name: package.reach for package in found.packages}
    assert (verdicts[f"{language.lower()}-shop"], verdicts["mount"]) == ("unknown", "unknown")


def test_a_server_of_php_is_told_by_requests_what_to_run() -> None:
    """Which scripts that is stands in its settings, which are followed; nothing else becomes uncertain."""
    found = started("php")
    assert [end.reason for end in found.open_ends] == ["which scripts PHP runs is told by each request"]
    assert reach_of(found)["/bin/mount"] == "unreachable"


@pytest.mark.parametrize(
    ("command", "path", "why"),
    [
        (("ruby", "-r", "shop", "/srv/run"), f"{RUBY}/shop.rb", "is loaded by -r"),
        (("ruby", "-rshop", "-W0", "/srv/run"), f"{RUBY}/shop.rb", "is loaded by -r"),
        (("perl", "-w", "-MShop::Cart=add,remove", "/srv/run"), f"{PERL}/Shop/Cart.pm", "is loaded by -M"),
        (("perl", "-m-Shop::Cart", "/srv/run"), f"{PERL}/Shop/Cart.pm", "is loaded by -m"),
        (("node", "-r", "shop", "/srv/run"), "/app/node_modules/shop/index.js", "is loaded by -r"),
        (
            ("node", "--import=shop", "-C", "dev", "/srv/run"),
            "/app/node_modules/shop/index.js",
            "is loaded by --import",
        ),
        (("python3", "-um", "shop"), f"{PYTHON}/shop.py", "is run by python -m shop"),
        (("python3", "-X", "dev", "-mshop"), f"{PYTHON}/shop.py", "is run by python -m shop"),
    ],
)
def test_options_load_modules_before_the_script(command: tuple[str, ...], path: str, why: str) -> None:
    """The script is found behind them, and what they load is reached by the interpreter."""
    found = walked(FILES, command, folder="/app", why=(path,))
    assert [step.why for answer in found.answers for step in answer.witness][-1] == why
    assert ("/srv/run" in found.kept) is ("/srv/run" in command)
    assert (found.open_ends, reach_of(found)["/bin/mount"]) == ((), "unreachable")


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("ruby", "gone.rb"), "there is no script /app/gone.rb"),
        (("perl", "-T", "/gone.pl"), "there is no script /gone.pl"),
        (("python3", "-m", "gone"), "the module that Python runs is not known"),
        (("python3", "-m"), "the module that Python runs is not known"),
    ],
)
def test_what_is_not_there_to_be_run_leaves_no_program_unreachable(command: tuple[str, ...], reason: str) -> None:
    """What it would have started nobody can tell."""
    found = started(*command)
    assert [end.reason for end in found.open_ends] == [reason]
    assert reach_of(found)["/bin/mount"] == "unknown"
