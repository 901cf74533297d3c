#!/usr/bin/env bash
# Installs what the tests need, builds, runs the tests, and ends with one line: N passed, N failed
#
# usage: tools/test.sh            a release by g++, against all that is real: enough to trust a build
#        tools/test.sh --all      also the slow tests, and both compilers' sanitizers
#        tools/test.sh --quick    the unit tests on one compiler, nothing is installed
set -euo pipefail
cd "$(dirname "$0")/.."

case "${*}" in
"") mode=default ;;
"--all") mode=all ;;
"--quick") mode=quick ;;
*)
    echo "usage: tools/test.sh [--all|--quick]" >&2
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
        -Djoined=true "$@" &&
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
    meson test -C "build/$name" --no-rebuild --print-errorlogs --num-processes 6 "$@" || status=$?
    counted+=("--build" "build/$name" "$status")
}

mkdir -p build
if [ $mode = quick ]; then
    # clang takes half of g++'s time where nothing is optimized.
    build quick "${CXX:-$(command -v clang++ || echo c++)}" -Dtest_parts=unit -Dexamples=disabled -Doptimization=0 \
        -Ddebug=false && run_tests quick --suite unit
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
    # The release, against all that is real: what is tested is what is shipped.
    build_release() {
        step "build/release-tests: a release, by g++"
        rm -f build/release-tests/meson-logs/testlog.json
        CXX=g++ tools/release.sh build/release-tests -Dwerror=true -Dauto_features=enabled -Djoined=true \
            -Dtest_parts=unit,structure,real >build/release-tests.log 2>&1 && return
        tail -n 60 build/release-tests.log
        counted+=("--failed" "build/release-tests does not build")
        return 1
    }
    # Undefined behaviour ends the test. Unoptimized, since sanitized code then compiles four times as fast, and what the
    # optimizer would have removed is checked too.
    sanitized=("-Db_sanitize=address,undefined" -Doptimization=0 -Dexamples=disabled)
    # The headers one by one, and the tool's files, with g++'s sanitizers; static, since a test preloads a library of its
    # own. To look for null and unaligned pointers takes a quarter of the time, and clang's does it.
    build_gcc() {
        build gcc g++ "${sanitized[@]}" -Dtest_parts=unit -Dcpp_link_args=-static-libasan \
            -Dcpp_args="['-fno-sanitize-recover=all', '-fno-sanitize=null,alignment']"
    }
    # Everything once more, with clang's. lundef would ask for the sanitizers' own symbols.
    build_clang() {
        build clang clang++ "${sanitized[@]}" -Db_lundef=false \
            -Dcpp_args="['-fno-sanitize-recover=all', '-fsanitize-ignorelist=$PWD/tests/ubsan_ignore.txt']"
    }
    # Tests against real parts mostly wait: meanwhile the compilers take what they leave of the machine.
    aside() {
        renice -n 19 "$BASHPID" >/dev/null
        "$@"
    }
    release_builds=true
    build_release || release_builds=false
    if [ $mode = all ]; then
        aside build_clang &
        clang=$!
        # One after the other: each takes all processors.
        {
            while kill -0 "$clang" 2>/dev/null; do sleep 1; done
            aside build_gcc
        } &
        gcc=$!
        if $release_builds; then run_tests release-tests; fi
        clang_builds=true
        wait "$clang" || clang_builds=false
        # Other projects that use ours are built by one compiler only.
        if $clang_builds; then
            run_tests clang --no-suite slow --no-suite consumer
        else
            counted+=("--failed" "build/clang does not build")
        fi
        if wait "$gcc"; then
            run_tests gcc
        else
            counted+=("--failed" "build/gcc does not build")
        fi
    elif $release_builds; then
        run_tests release-tests --no-suite slow
    fi
fi

step "result"
python3 tests/count_tests.py "${counted[@]}"
