#!/usr/bin/env bash
# Builds a release: a static program that is started, and two with OpenSSL, PCRE2, the C++ library and cpp-httplib inside
# and the C library shared, which it goes on in. Ends by checking that, and that all three are hardened.
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
    # Once: what is patched does not take the patch again.
    patch --quiet --forward --reject-file=- --strip=1 --directory "$sources/cpp-httplib" <tools/cpp-httplib.patch >/dev/null ||
        grep --quiet read_status "$sources/cpp-httplib/httplib.h" ||
        say "tools/cpp-httplib.patch does not fit this cpp-httplib, so a check takes a sixth longer"
    options+=("-Dhttplib_source=$PWD/$sources/cpp-httplib")
else
    options+=("--force-fallback-for=cpp-httplib")
fi
[ -e "$folder/build.ninja" ] && options+=(--reconfigure)

meson setup "$folder" --native-file tools/release.ini -Dprograms=three -Dtool=enabled -Dhttplib=enabled "${options[@]}" "$@"
ninja -C "$folder"

programs=("$folder"/tools/cli/powerconsul{,-dynamic,-https})
for path in "${programs[@]}"; do
    # What is linked at run time: the C library and the loader, nothing else, and in the first one not even those.
    allowed='libc.so.* libm.so.* ld-linux*'
    [ "$(basename "$path")" = powerconsul ] && allowed=
    shared=$(readelf --dynamic --wide "$path" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    for library in $shared; do
        fits=false
        for pattern in $allowed; do
            # shellcheck disable=SC2053
            [[ $library == $pattern ]] && fits=true
        done
        $fits || die "$path needs $library at run time, which should be inside"
    done
    "$path" --version | sed "s|^|$(basename "$path"): |"
done
# These load libraries of the very C library that they were built with: tools/cli/stand_ins.cpp takes their place.
for name in __nss_lookup_function __nss_module_load _nss_files_getpwnam_r gaih_inet __res_context_query; do
    if nm "${programs[0]}" | grep --quiet --word-regexp "$name"; then die "${programs[0]} has $name inside"; fi
done
tools/hardening.sh "${programs[@]}" || die "a program is not hardened, see above"
