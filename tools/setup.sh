#!/usr/bin/env bash
# Installs the Debian packages that are missing here. Without root it prints the command that would do it.
#
# usage: tools/setup.sh --for build|release|tests|bench|analysis|coverage
set -euo pipefail

build_packages=(
    g++ meson ninja-build pkg-config
    rapidjson-dev libpcre2-dev libcpp-httplib-dev libcxxopts-dev # libcpp-httplib-dev brings OpenSSL, zlib and Brotli
    libsystemd-dev # its header: systemd is asked over its bus, if libsystemd is there at run time
)
release_packages=(
    "${build_packages[@]}"
    libssl-dev # its static libraries
    dpkg-dev   # unpacks cpp-httplib's source package
    lld        # puts first in a program what runs
    binutils debian-archive-keyring
)
tests_packages=(
    "${release_packages[@]}"
    clang libclang-rt-dev # the second compiler, and its sanitizers
    clang-format          # and how the code is set out
    doctest-dev cmake     # doctest is found through CMake
    python3 procps
    systemd sysvinit-utils util-linux mount # service managers and networks, each in namespaces of its own
    dbus-daemon dbus-system-bus-common # by which systemd is asked by those who are not root
    monitoring-plugins-basic # check_procs, which is wrapped, and which the process probe is compared with
    valgrind                 # counts instructions
    strace                   # kills a handler before any of its system calls
    cron-daemon-common       # cron's group and folders, without the daemon
)

bench_packages=(
    "${release_packages[@]}"
    libbenchmark-dev strace
    curl jq monitoring-plugins-basic # what a user would run instead
    python3 procps systemd sysvinit-utils util-linux mount
)

analysis_packages=("${tests_packages[@]}" cppcheck clang-tidy)

case "${*}" in
"--for build") packages=("${build_packages[@]}") ;;
"--for release") packages=("${release_packages[@]}") ;;
"--for bench") packages=("${bench_packages[@]}") ;;
"--for coverage") packages=("${tests_packages[@]}" llvm) ;; # llvm-profdata and llvm-cov
"--for tests") packages=("${tests_packages[@]}") ;;
"--for analysis") packages=("${analysis_packages[@]}") ;;
*)
    echo "usage: tools/setup.sh --for build|release|tests|bench|analysis|coverage" >&2
    exit 64
    ;;
esac

if ! { command -v dpkg-query && command -v apt-get; } >/dev/null; then
    echo "setup.sh: this is no Debian, so nothing is installed; what is needed, by Debian's names: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null) || state=none
    grep -qx installed <<<"$state" || missing+=("$package")
done
# The tests unpack further packages, for which apt must know its indexes.
if [ "$2" != build ] && [ -z "$(apt-cache madison cron)" ] && [ "$(id -u)" -eq 0 ]; then
    apt-get update >/dev/null
fi
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install --yes --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -ne 0 ]; then
    echo "setup.sh: packages are missing and this is not root. Run this, then start again:" >&2
    echo "    sudo apt-get update && sudo ${install[*]}" >&2
    exit 77
fi
echo "setup.sh: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && "${install[@]}"; } >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "setup.sh: apt-get failed, see above" >&2
    exit 1
fi
