"""Package managers of languages, that install packages made here."""

from __future__ import annotations

import json
import re

from tests.support.ecosystems.recipe import Listed, Recipe, Workshop

_DESCRIPTION = (
    "Package: {name}\nVersion: {version}\nTitle: T\nDescription: D.\nAuthor: A\nMaintainer: A <a@e.org>\nLicense: MIT\n"
)


def r(shop: Workshop) -> Listed:
    """Two packages of R."""
    library = shop.in_root("usr/local/lib/R/site-library")
    for name, version in (("first", "1.2-3"), ("second.one", "0.9.1")):
        shop.write({f"{name}/DESCRIPTION": _DESCRIPTION.format(name=name, version=version), f"{name}/NAMESPACE": ""})
        shop.run("R", "CMD", "INSTALL", "--no-docs", f"--library={library}", name)
    listing = "write.table(installed.packages(lib.loc=commandArgs(TRUE))[,c(1,3)],col.names=F,row.names=F,quote=F)"
    lines = shop.run("Rscript", "-e", listing, library).splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


_MAKEFILE = (
    "use ExtUtils::MakeMaker; WriteMakefile(NAME => '{name}', VERSION_FROM => 'lib/{path}.pm', LICENSE => 'mit');\n"
)


def perl(shop: Workshop) -> Listed:
    """Two distributions of Perl."""
    for name, version in (("First::One", "1.02"), ("Second", "v2.3.4")):
        path, folder = name.replace("::", "/"), name.replace("::", "-")
        shop.write(
            {
                f"{folder}/Makefile.PL": _MAKEFILE.format(name=name, path=path),
                f"{folder}/lib/{path}.pm": f"package {name};\nour $VERSION = '{version}';\n1;\n",
                f"{folder}/MANIFEST": f"Makefile.PL\nlib/{path}.pm\nMANIFEST\n",
            }
        )
        shop.run("cpanm", "--notest", "--quiet", "-L", shop.in_root("usr/local/perl"), f"./{folder}")
    listing = (
        "use ExtUtils::Installed; my $i = ExtUtils::Installed->new(inc_override => [@ARGV], skip_cwd => 1);"
        "print join(q( ), $_, $i->version($_)), qq(\\n) for grep { $_ ne 'Perl' } $i->modules"
    )
    library = shop.root / "usr/local/perl/lib/perl5"
    lines = shop.run("perl", "-e", listing, library, *library.glob("*-linux-*")).splitlines()
    return {(name.replace("::", "-"), version) for name, version in map(str.split, lines)}


_ROCKSPEC = """rockspec_format = "3.0"
package = "{name}"
version = "{version}"
source = {{ url = "git://example.org/x" }}
description = {{ license = "MIT" }}
build = {{ type = "builtin", modules = {{ {name} = "{name}.lua" }} }}
"""


def lua(shop: Workshop) -> Listed:
    """Two rocks."""
    tree = shop.in_root("usr/local")
    for name, version in (("first", "1.2-1"), ("second", "scm-3")):
        shop.write(
            {f"{name}-{version}.rockspec": _ROCKSPEC.format(name=name, version=version), f"{name}.lua": "return 1\n"}
        )
        shop.run("luarocks", "make", "--tree", tree, "--deps-mode=none", f"{name}-{version}.rockspec")
    lines = shop.run("luarocks", "list", "--tree", tree, "--porcelain").splitlines()
    return {(fields[0], fields[1]) for fields in map(str.split, lines)}


def composer(shop: Workshop) -> Listed:
    """Two packages of PHP from folders."""
    for name, version in (("first", "1.2.3"), ("second", "v2.0.0-beta1")):
        about = {"name": f"maker/{name}", "version": version, "license": "MIT"}
        shop.write({f"{name}/composer.json": json.dumps(about)})
    wanted = {
        "name": "maker/shop",
        "repositories": [{"type": "path", "url": "./*", "options": {"symlink": False}}, {"packagist.org": False}],
        "require": {"maker/first": "*"},
        "require-dev": {"maker/second": "*"},
        "minimum-stability": "dev",
        "config": {"vendor-dir": str(shop.in_root("srv/shop/vendor"))},
    }
    shop.write({"composer.json": json.dumps(wanted)})
    env = {"COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_DISABLE_NETWORK": "1", "COMPOSER_HOME": str(shop.folder / "home")}
    shop.run("composer", "install", "--no-interaction", "--no-plugins", env=env)
    listed = json.loads(shop.run("composer", "show", "--format=json", "--no-plugins", env=env))
    return {(each["name"], each["version"]) for each in listed["installed"]}


_PACKAGE_XML = """<?xml version="1.0"?>
<package version="2.0" xmlns="http://pear.php.net/dtd/package-2.0">
<name>{name}</name><channel>pear.php.net</channel><summary>s</summary><description>d</description>
<lead><name>A</name><user>a</user><email>a@e.org</email><active>yes</active></lead>
<date>2024-01-01</date><version><release>{version}</release><api>1.0.0</api></version>
<stability><release>stable</release><api>stable</api></stability><license>MIT</license><notes>n</notes>
<contents><dir name="/"><file name="{name}.php" role="php"/></dir></contents>
<dependencies><required><php><min>5.0.0</min></php><pearinstaller><min>1.4.0</min></pearinstaller></required></dependencies>
<phprelease/></package>
"""


def pear(shop: Workshop) -> Listed:
    """Two packages of PEAR."""
    config = ("-c", shop.folder / "pearrc")
    for key in ("php_dir", "doc_dir", "data_dir", "cache_dir", "temp_dir", "download_dir", "test_dir", "bin_dir"):
        where = shop.in_root("usr/share/php") if key == "php_dir" else shop.folder / key
        shop.run("pear", *config, "config-set", key, where)
    for name, version in (("First_One", "1.2.3"), ("Second", "0.9.0")):
        shop.write({"package.xml": _PACKAGE_XML.format(name=name, version=version), f"{name}.php": "<?php\n"})
        shop.run("pear", *config, "install", "--offline", "--nodeps", "--force", "package.xml")
    lines = shop.run("pear", *config, "list").splitlines()
    rows = (re.fullmatch(r"(\w+)\s+(\d\S*)\s+(?:stable|beta|alpha)", line.strip()) for line in lines)
    return {(row[1], row[2]) for row in rows if row is not None}


_OPAM = """opam-version: "2.0"
maintainer: "a@e.org"
authors: "A"
homepage: "https://e.org"
bug-reports: "https://e.org"
license: "MIT"
synopsis: "s"
"""


def opam(shop: Workshop) -> Listed:
    """Two packages of OCaml in a switch, from a repository in a folder."""
    shop.write(
        {
            "repo/repo": 'opam-version: "2.0"\n',
            "repo/packages/first/first.1.2/opam": _OPAM,
            "repo/packages/second/second.0.9~beta1/opam": _OPAM + 'depends: [ "first" ]\n',
        }
    )
    more = {"OPAMROOT": str(shop.in_root("root/.opam")), "OPAMROOTISOK": "1", "OPAMNOENVNOTICE": "1"}
    shop.run(
        "opam", "init", "--bare", "--no-setup", "--disable-sandboxing", "--yes", "here", shop.folder / "repo", env=more
    )
    shop.run("opam", "switch", "create", "plain", "--empty", "--yes", env=more)
    shop.run("opam", "install", "--switch=plain", "--yes", "second", env=more)
    lines = shop.run(
        "opam", "list", "--switch=plain", "--installed", "--short", "--columns=name,version", env=more
    ).splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


def prolog(shop: Workshop) -> Listed:
    """A pack of SWI-Prolog."""
    shop.write(
        {
            "first-1.2.3/pack.pl": "name(first).\nversion('1.2.3').\ntitle('T').\nauthor('A','a@e.org').\n",
            "first-1.2.3/prolog/first.pl": ":- module(first, []).\n",
        }
    )
    packs = shop.in_root("usr/lib/swi-prolog/pack")
    shop.run("tar", "-czf", "first-1.2.3.tgz", "first-1.2.3")
    options = f"[interactive(false), silent(true), pack_directory('{packs}'), register(false)]"
    install = f"pack_install('{shop.folder}/first-1.2.3.tgz', {options})"
    shop.run("swipl", "-g", install, "-t", "halt")
    listing = f"attach_packs('{packs}'), forall(pack_property(P, version(V)), format('~w ~w~n', [P, V]))"
    lines = shop.run("swipl", "-g", listing, "-t", "halt").splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


_MIX = """defmodule Shop.MixProject do
  use Mix.Project
  def project, do: [app: :shop, version: "1.2.3", elixir: "~> 1.0", deps: [{:first, path: "first"}]]
  def application, do: [extra_applications: [:logger]]
end
"""


def otp(shop: Workshop) -> Listed:
    """A release of Elixir, with what it needs of Erlang and Elixir."""
    library = _MIX.replace("Shop", "First").replace(":shop", ":first").replace("1.2.3", "0.4.0")
    shop.write(
        {
            "mix.exs": _MIX,
            "lib/shop.ex": "defmodule Shop do\nend\n",
            "first/mix.exs": library.replace(', deps: [{:first, path: "first"}]', ""),
            "first/lib/first.ex": "defmodule First do\nend\n",
        }
    )
    release = shop.in_root("opt/shop")
    env = {"MIX_ENV": "prod", "MIX_HOME": str(shop.folder / "mix"), "HEX_OFFLINE": "1"}
    shop.run("mix", "release", "--path", release, "--overwrite", "--quiet", env=env)
    (names,) = release.glob("releases/*/shop.rel")
    expression = (
        f'{{ok, [{{release, _, _, All}}]}} = file:consult("{names}"), '
        '[io:format("~s ~s~n", [element(1, A), element(2, A)]) || A <- All], halt().'
    )
    lines = shop.run("erl", "-noshell", "-eval", expression).splitlines()
    return {(name, version) for name, version in map(str.split, lines)}


_CONANFILE = """from conan import ConanFile
class Recipe(ConanFile):
    name = "{name}"
    version = "{version}"
    license = "MIT"
    {requires}
"""


def conan(shop: Workshop) -> Listed:
    """Two packages of Conan, in its cache and put into a folder."""
    env = {"CONAN_HOME": str(shop.in_root("root/.conan2"))}
    tool = shop.tool("conan")
    shop.run(tool, "profile", "detect", env=env)
    for name, version, requires in (("first", "1.2", ""), ("second", "0.9", 'requires = "first/1.2"')):
        shop.write({f"{name}/conanfile.py": _CONANFILE.format(name=name, version=version, requires=requires)})
        shop.run(tool, "create", name, "--no-remote", env=env)
    listed = json.loads(shop.run(tool, "list", "*:*", "--format=json", env=env))
    return {
        (reference.partition("/")[0], reference.partition("/")[2].partition("#")[0])
        for reference in listed["Local Cache"]
    }


RECIPES = (
    Recipe("r", "cran", "installed.packages()", r),
    Recipe("perl", "cpan", "ExtUtils::Installed", perl),
    Recipe("lua", "luarocks", "luarocks list", lua),
    Recipe("composer", "composer", "composer show", composer),
    Recipe("pear", "pear", "pear list", pear),
    Recipe("opam", "opam", "opam list", opam),
    Recipe("prolog", "swiplpack", "pack_property/2", prolog),
    Recipe("otp", "otp", "the release's own list, read by Erlang", otp),
    Recipe("conan", "conan", "conan list", conan),
)
