"""Languages: interpreters, compilers, their libraries, and what comes with them."""

from __future__ import annotations

from hullmark.catalog.binaries.classifier import XYZ, Classifier, Rule, after, alone

_PRE = rb"(?:-(?:alpha|beta|rc)\.?\d{0,3})?"
_PYTHON = rb"[23]\.\d{1,2}\.\d{1,2}(?:a\d{1,2}|b\d{1,2}|rc\d{1,2})?\+?"
_JULIA = rb"\d\.\d{1,3}\.\d{1,3}" + _PRE
_GO = rb"1(?:\.\d{1,3}){1,2}(?:(?:alpha|beta|rc)\d{0,2})?"
_OTP = rb"\d{1,2}(?:\.\d{1,3}){1,4}"

SCRIPTS = (
    Classifier(
        key="python",
        name="python",
        purl="pkg:generic/python",
        files=("python*", "libpython*.so*", "libpython*.dylib"),
        rules=(
            Rule(rb"\x00(" + _PYTHON + rb")\x00{1,8}%\.80s \(%\.80s\)", b"%.80s (%.80s)"),
            Rule(rb"\x00(" + _PYTHON + rb")\x00[\x00-\xff]{0,200}?Python %s\n", b"Python %s\n"),
            after(b"/Python-", _PYTHON, rb"[/\x00]"),
        ),
        cpes=("python:python", "python_software_foundation:python"),
        minor_in_name=True,
        brings=("../lib/python{minor}/lib-dynload", "python{minor}/lib-dynload", "../bin/python{minor}"),
    ),
    Classifier(
        key="pypy",
        name="pypy",
        purl="pkg:generic/pypy",
        files=("libpypy*.so*",),
        rules=(after(b"[PyPy "),),
        cpes=("pypy:pypy",),
    ),
    Classifier(
        key="perl",
        name="perl",
        purl="pkg:generic/perl",
        files=("perl", "perl5*", "libperl.so*"),
        rules=(
            Rule(rb"/usr/local/lib/perl\d/(\d\.\d{1,2}\.\d{1,2})", b"/usr/local/lib/perl"),
            Rule(rb"/perl5?/(5\.\d{1,2}\.\d{1,2})\x00", b"/perl"),
        ),
        cpes=("perl:perl",),
        brings=("../lib/perl5",),
    ),
    Classifier(
        key="php",
        name="php-cli",
        purl="pkg:generic/php-cli",
        files=("php", "php[0-9]*"),
        rules=(after(b"X-Powered-By: PHP/", XYZ + rb"(?:(?:alpha|beta|RC)\d{1,2})?"),),
        cpes=("php:php",),
        aliases=("php",),
        brings=("../lib/php/extensions",),
    ),
    Classifier(
        key="php-fpm",
        name="php-fpm",
        purl="pkg:generic/php-fpm",
        files=("php-fpm*",),
        rules=(after(b"X-Powered-By: PHP/", XYZ + rb"(?:(?:alpha|beta|RC)\d{1,2})?"),),
        cpes=("php:php",),
        aliases=("php",),
        brings=("../lib/php/extensions",),
    ),
    Classifier(
        key="libphp",
        name="libphp",
        purl="pkg:generic/libphp",
        files=("libphp*.so*",),
        rules=(after(b"X-Powered-By: PHP/", XYZ + rb"(?:(?:alpha|beta|RC)\d{1,2})?"),),
        cpes=("php:php",),
        aliases=("php",),
    ),
    Classifier(
        key="composer",
        name="composer",
        purl="pkg:generic/composer",
        files=("composer*",),
        rules=(
            Rule(
                rb"'pretty_version' => '(" + XYZ + rb"(?:-(?:alpha|beta|RC)\d{1,2})?)'",
                b"'pretty_version' => '",
            ),
        ),
        cpes=("getcomposer:composer",),
        any_form=True,
    ),
    Classifier(
        key="wp-cli",
        name="wp-cli",
        purl="pkg:generic/wp-cli",
        files=("wp", "wp-cli.phar"),
        rules=(after(b"wp-cli/wp-cli "),),
        cpes=("wp-cli:wp-cli",),
        any_form=True,
    ),
    Classifier(
        key="ruby",
        name="ruby",
        purl="pkg:generic/ruby",
        files=("ruby", "ruby[0-9]*", "libruby*.so*"),
        rules=(Rule(rb"ruby (\d\.\d{1,2}\.\d{1,2}(?:(?:p|preview|rc|dev)\d{0,4})?) ", b"ruby "),),
        cpes=("ruby-lang:ruby",),
        brings=("../lib/ruby/{minor}.0",),
    ),
    Classifier(
        key="node",
        name="node",
        purl="pkg:generic/node",
        files=("node", "nodejs"),
        rules=(after(b"node.js/v"), Rule(rb"\x00v([0456]\.\d{1,3}\.\d{1,3})\x00")),
        cpes=("nodejs:node.js",),
    ),
    Classifier(
        key="deno",
        name="deno",
        purl="pkg:generic/deno",
        files=("deno",),
        rules=(
            after(b"Deno/"),
            Rule(rb"deno-canary/[0-9a-f]{40}(" + XYZ + b")", b"deno-canary/"),
            Rule(rb"deno-[0-9a-f]{40}(?:release/v)?(" + XYZ + b")", b"deno-"),
            Rule(rb"(?<![\d.])(\d{1,2}\.\d{1,3}\.\d{1,3}?)[0-9a-f]{40}DENO", b"DENO"),
        ),
        cpes=("deno:deno",),
        any_form=True,
    ),
    Classifier(
        key="bun",
        name="bun",
        purl="pkg:generic/bun",
        files=("bun",),
        rules=(after(b"Bun v"), after(b"bun-")),
        cpes=("oven:bun",),
        any_form=True,
    ),
    Classifier(
        key="dart",
        name="dart",
        purl="pkg:generic/dart",
        files=("dart",),
        rules=(Rule(rb"\x00(" + XYZ + rb"(?:-\d{1,4}(?:\.\d{1,3}){0,2}\.(?:beta|dev))?) "),),
        cpes=("dart:dart_software_development_kit",),
    ),
    Classifier(
        key="julia",
        name="julia",
        purl="pkg:generic/julia",
        files=("libjulia-internal.so*",),
        family="julia",
        rules=(
            alone(_JULIA, b"__init__|branch|verify_methods|BigInt|julia version", 32),
            alone(_JULIA, b"__init__|branch|verify_methods|BigInt|julia version", 128),
        ),
        cpes=("julialang:julia",),
        aliases=("libjulia",),
    ),
    Classifier(
        key="julia-launcher",
        name="julia",
        purl="pkg:generic/julia",
        files=("julia", "libjulia.so*"),
        family="julia",
        rules=(alone(_JULIA, b"julia version|#kw#|ObjectIdDict|require", 64),),
        cpes=("julialang:julia",),
        aliases=("libjulia",),
    ),
)

BUILT = (
    Classifier(
        key="go",
        name="go",
        purl="pkg:generic/go",
        files=("go", "go.exe"),
        rules=(
            Rule(rb"go(" + _GO + rb")\x00", b"go1."),
            Rule(rb"go(" + _GO + rb"[ +-][\w.+-]{1,40})\x00", b"go1."),
        ),
        cpes=("golang:go",),
        aliases=("golang",),
    ),
    *(
        Classifier(
            key=f"rust-{suffix}",
            name="rust",
            purl="pkg:generic/rust",
            files=(f"libstd-????????????????.{suffix}",),
            rules=(
                Rule(rb"clang LLVM \(rustc version (" + XYZ + rb") \([0-9a-f]{7,40} ", b"(rustc version "),
                Rule(rb"c (" + XYZ + rb") \([0-9a-f]{7,40} \d{4}-\d\d-\d\d\)", b" ("),
            ),
            cpes=("rust-lang:rust",),
            aliases=("rustc",),
        )
        for suffix in ("so", "dylib", "dll")
    ),
    Classifier(
        key="gcc",
        name="gcc",
        purl="pkg:generic/gcc",
        files=("gcc",),
        rules=(after(b"GCC: (GNU) "),),
        cpes=("gnu:gcc",),
    ),
    Classifier(
        key="ghc",
        name="haskell/ghc",
        purl="pkg:generic/haskell/ghc",
        files=("ghc*",),
        rules=(alone(before=b"GHC "), after(b"libHSghc-", XYZ, b"-")),
        cpes=("haskell:ghc",),
        aliases=("ghc",),
    ),
    Classifier(
        key="cabal",
        name="haskell/cabal",
        purl="pkg:generic/haskell/cabal",
        files=("cabal",),
        rules=(
            after(b"Cabal-", XYZ + rb"(?:\.\d{1,3})?", b"-"),
            after(b"cabal-install-", XYZ + rb"(?:\.\d{1,3})?", b"-"),
        ),
        cpes=("haskell:cabal",),
        aliases=("cabal",),
    ),
    Classifier(
        key="stack",
        name="haskell/stack",
        purl="pkg:generic/haskell/stack",
        files=("stack",),
        rules=(Rule(rb"Version (" + XYZ + rb"), Git", b", Git"),),
        cpes=("haskell:stack",),
        aliases=("haskell-stack",),
    ),
    Classifier(
        key="erlang",
        name="erlang",
        purl="pkg:generic/erlang",
        files=("erlexec", "beam.smp", "liberts_internal.a"),
        rules=(
            after(b"/src/otp_src_", _OTP, b"/erts/"),
            after(b"/usr/local/src/otp-", _OTP, b"/erts/"),
            Rule(rb"\x00(" + _OTP + rb")\x00{1,16}Erlang/OTP", b"Erlang/OTP"),
            Rule(rb"Erlang/OTP[^\x00]{0,300}\x00{1,16}(" + _OTP + rb")\x00", b"Erlang/OTP"),
        ),
        cpes=("erlang:erlang/otp",),
    ),
    Classifier(
        key="elixir",
        name="elixir",
        purl="pkg:generic/elixir",
        files=("elixir",),
        rules=(after(b"ELIXIR_VERSION=", XYZ + rb"(?:-[a-z]{1,8}\.?\d{0,3})?"),),
        cpes=("elixir-lang:elixir",),
        any_form=True,
    ),
    Classifier(
        key="elixir-library",
        name="elixir",
        purl="pkg:generic/elixir",
        files=("**/elixir/ebin/elixir.app",),
        rules=(Rule(rb'\{vsn, {0,8}"(' + XYZ + rb'(?:-[a-z]{1,8}\.?\d{0,3})?)"\}', b"{vsn,"),),
        cpes=("elixir-lang:elixir",),
        any_form=True,
    ),
    Classifier(
        key="swipl",
        name="swipl",
        purl="pkg:generic/swipl",
        files=("swipl",),
        rules=(after(b"swipl-", XYZ, b"/"),),
        cpes=("swi-prolog:swi-prolog",),
        aliases=("swi-prolog",),
    ),
)

CLASSIFIERS = (*SCRIPTS, *BUILT)
