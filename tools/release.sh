#!/usr/bin/env bash
# Builds a release: OpenSSL, PCRE2, the C++ library and cpp-httplib inside, the C library shared. Ends by checking that, and
# that both programs are hardened.
#
# usage: tools/release.sh [folder] [meson option ...]       folder: build/release if none is given
#
# cpp-httplib comes as Debian's source package where apt has one, else (or with HTTPLIB=wrap) from its wrap, which needs
# the Internet.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'release.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

folder=build/release
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    folder=$1
    shift
fi
sources=build/sources
tools/setup.sh --for release

# Debian's package installs cpp-httplib as a shared library with half a header; its source has the whole one.
debian_source() {
    command -v apt-get dpkg-source >/dev/null || return 1
    local root
    root=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$root'" RETURN
    mkdir -p "$root/lists/partial"
    # The machine's own mirrors of this Debian, asked for source packages.
    local codename
    # shellcheck source=/dev/null
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    # shellcheck disable=SC2016
    apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v keyring=/usr/share/keyrings/debian-archive-keyring.gpg -v codename="$codename" \
            '$3 == "main" && index($2, codename) == 1 { print "deb-src [signed-by=" keyring "]", $1, $2, $3 }' |
        sort -u >"$root/sources.list"
    local apt=(apt-get -o "Dir::Etc::sourcelist=$root/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$root/lists"
        -o Acquire::Languages=none -o APT::Sandbox::User= -o "Dir::Cache::srcpkgcache=$root/s.bin" -o "Dir::Cache::pkgcache=$root/p.bin")
    (
        cd "$root"
        "${apt[@]}" update && "${apt[@]}" source --download-only cpp-httplib && dpkg-source -x ./*.dsc unpacked
    ) >"$root/log" 2>&1 </dev/null || {
        sed 's/^/    /' "$root/log" >&2
        return 1
    }
    mkdir -p "$sources"
    rm -rf "$sources/cpp-httplib"
    mv "$root/unpacked" "$sources/cpp-httplib"
}

options=()
if [ "${HTTPLIB:-debian}" = debian ]; then
    [ -r "$sources/cpp-httplib/httplib.h" ] || debian_source || say "no source package of cpp-httplib, so its wrap is taken"
fi
if [ "${HTTPLIB:-debian}" = debian ] && [ -r "$sources/cpp-httplib/httplib.h" ]; then
    options+=("-Dhttplib_source=$PWD/$sources/cpp-httplib")
else
    options+=("--force-fallback-for=cpp-httplib")
fi
[ -e "$folder/build.ninja" ] && options+=(--reconfigure)

meson setup "$folder" --native-file tools/release.ini -Dtool=enabled -Dhttplib=enabled "${options[@]}" "$@"
ninja -C "$folder"

for program in powerconsul powerconsul-https; do
    path=$folder/tools/cli/$program
    # What is linked at run time: the C library and the loader, nothing else.
    shared=$(readelf --dynamic --wide "$path" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    for library in $shared; do
        case $library in
        libc.so.* | libm.so.* | ld-linux*) ;;
        *) die "$path needs $library at run time, which should be inside" ;;
        esac
    done
    "$path" --version | sed "s|^|$program: |"
done
tools/hardening.sh "$folder"/tools/cli/powerconsul{,-https} || die "a program is not hardened, see above"
