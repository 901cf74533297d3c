#!/usr/bin/env bash
# Uses powerconsul as others would: as a Meson subproject, and by pkg-config after an installation.
#
# usage: tests/consumer/run.sh subproject|pkg-config SOURCE_DIRECTORY
# CXX is the compiler, MESON the meson to use.
set -euo pipefail

way=$1
source=$2
here=$(cd "$(dirname "$0")" && pwd)
: "${CXX:=c++}" "${MESON:=meson}"
export CXX
read -ra compiler <<<"$CXX"
read -ra meson <<<"$MESON"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Only what a release of the library must have: no tests, no executable, no examples.
copy_release() {
    mkdir -p "$1/subprojects"
    cp -r "$source"/meson.build "$source"/meson_options.txt "$source"/include "$1"
    mkdir -p "$1/tools"
    cp -r "$source"/tools/library "$1/tools"
    cp -r "$source"/subprojects/*.wrap "$source"/subprojects/packagefiles "$1/subprojects"
}

case $way in
subproject)
    cp -r "$here/project" consumer
    copy_release consumer/subprojects/powerconsul
    "${meson[@]}" setup --force-fallback-for=powerconsul,powerconsul-httplib build consumer
    "${meson[@]}" test -C build --print-errorlogs
    ;;
pkg-config)
    copy_release release
    "${meson[@]}" setup --prefix="$work/prefix" -Dtool=disabled -Dtests=disabled -Dexamples=disabled \
        -Dhttplib=enabled -Dposix=enabled build release
    "${meson[@]}" install -C build --quiet
    diff <(cd release/include && find . -name '*.hpp' | sort) <(cd prefix/include && find . -type f | sort)

    # The copy is gone: only the installation is left to be found.
    rm -rf release build
    # powerconsul-posix belongs to an architecture, so its file stands elsewhere than the others.
    PKG_CONFIG_PATH=$(find "$work/prefix" -name '*.pc' -printf '%h:')
    export PKG_CONFIG_PATH
    pkg-config --exact-version="$(sed -n 's/^#define POWERCONSUL_VERSION "\(.*\)"$/\1/p' \
        prefix/include/powerconsul/version.hpp)" powerconsul
    compile() {
        local package=$1 program=$2 flags
        shift 2
        read -ra flags <<<"$(pkg-config --cflags --libs "$package")"
        "${compiler[@]}" -std=c++20 -o "$program" "$@" "${flags[@]}"
        "./$program"
    }
    compile powerconsul core "$here/project/core.cpp" "$here/project/core_role.cpp"
    # The same source in both ways. Nobody answers on that port, so the check must be unknown (1).
    for package in powerconsul-httplib powerconsul-posix; do
        status=0
        compile "$package" "ten_lines_$package" "$here/project/ten_lines.cpp" | tee said || status=$?
        [ "$status" = 1 ]
        grep -q '^UNKNOWN - cron cannot be judged (cannot reach Consul' said
    done
    compile powerconsul-httplib over_httplib "$here/project/over_httplib.cpp"
    # libsystemd is loaded when it is used: its header may be needed, the library must not be linked.
    if pkg-config --exists libsystemd; then
        compile powerconsul-systemd over_systemd "$here/project/over_systemd.cpp"
        pkg-config --libs powerconsul-systemd | grep -e -lsystemd && exit 1
    fi
    ;;
*)
    echo "run.sh: unknown way '$way', expected subproject or pkg-config" >&2
    exit 64
    ;;
esac
echo "$way: ok"
