#!/usr/bin/env bash
# Installs what the tests need, builds with g++ and with clang++ and its sanitizers, runs all tests on both, and ends
# with one line: N passed, N failed
#
# usage: tools/test.sh            everything
#        tools/test.sh --quick    the unit tests on one compiler, nothing is installed
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
case "${*}" in
"") ;;
"--quick") quick=true ;;
*)
    echo "usage: tools/test.sh [--quick]" >&2
    exit 64
    ;;
esac

# What count_tests.py counts: a build directory, or a step that went wrong.
counted=()
step() { printf '\n== %s\n' "$*"; }

# build NAME COMPILER MESON_OPTION...
build() {
    local name=$1 compiler=$2
    shift 2
    step "build/$name: $compiler $*"
    rm -f "build/$name/meson-logs/testlog.json"
    local again=()
    [ -e "build/$name/build.ninja" ] && again=(--reconfigure)
    if { CXX=$compiler meson setup "${again[@]}" "build/$name" -Dwerror=true -Dauto_features=enabled \
        -Djoined_tests=true "$@" &&
        ninja -C "build/$name"; } >"build/$name.log" 2>&1; then
        return 0
    fi
    tail -n 60 "build/$name.log"
    counted+=("--failed" "build/$name does not build")
    return 1
}

# run_tests NAME MESON_TEST_OPTION...
run_tests() {
    local name=$1 status=0
    shift
    # More than there are processors, since those against real parts wait most of the time.
    meson test -C "build/$name" --no-rebuild --print-errorlogs --num-processes 4 "$@" || status=$?
    counted+=("--build" "build/$name" "$status")
}

mkdir -p build
if $quick; then
    build quick "${CXX:-c++}" && run_tests quick --suite unit
else
    step "packages"
    tools/setup.sh --for tests
    step "Consul"
    # An empty CONSUL lets the tests that need it fail.
    if ! CONSUL=$(tools/consul.sh build/consul); then
        CONSUL=
        counted+=("--failed" "tools/consul.sh gives no Consul to test against")
    fi
    export CONSUL
    echo "${CONSUL:-none}"
    # What is tested is what is shipped.
    build_release() {
        step "build/gcc: a release, by g++"
        rm -f build/gcc/meson-logs/testlog.json
        CXX=g++ tools/release.sh build/gcc -Dwerror=true -Dauto_features=enabled -Djoined_tests=true >build/gcc.log 2>&1 && return
        tail -n 60 build/gcc.log
        counted+=("--failed" "build/gcc does not build")
        return 1
    }
    build_clang() {
        # Undefined behaviour ends the test. lundef would ask for the sanitizers' own symbols. Unoptimized, since clang
        # then compiles sanitized code four times as fast, and what the optimizer would have removed is checked too.
        build clang clang++ -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=0 \
            -Dexamples=disabled \
            -Dcpp_args="['-fno-sanitize-recover=all', '-fsanitize-ignorelist=$PWD/tests/ubsan_ignore.txt']"
    }
    gcc_builds=true
    build_release || gcc_builds=false
    # Tests against real parts mostly wait: meanwhile the other compiler takes what they leave of the machine.
    {
        renice -n 19 "$BASHPID" >/dev/null
        build_clang
    } &
    clang=$!
    if $gcc_builds; then run_tests gcc; fi
    if wait "$clang"; then
        # Other projects that use ours are built by one compiler only.
        run_tests clang --no-suite slow --no-suite consumer
    else
        counted+=("--failed" "build/clang does not build")
    fi
fi

step "result"
python3 tests/count_tests.py "${counted[@]}"
