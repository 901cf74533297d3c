#!/usr/bin/env bash
# Looks at the code and at the running program with tools that take too long for every test run.
#
# usage: tools/analyze.sh [cppcheck] [tidy] [paths] [threads]       all of them if none is named
#
#   cppcheck   with what .cppcheck leaves out of its warnings
#   tidy       clang-tidy with the checks in .clang-tidy: the program, and each header
#   paths      clang's static analyzer, which follows the paths through each function of the same (ten minutes)
#   threads    clang's ThreadSanitizer: the tests that start threads, and the program against a real Consul
#
# valgrind's memcheck is one of the tests (tests/memcheck).
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    sed -n 's/^# usage: /usage: /p' "$0" >&2
    exit 64
}
parts=("$@")
[ $# -gt 0 ] || parts=(cppcheck tidy paths threads)
for part in "${parts[@]}"; do
    case $part in
    cppcheck | tidy | paths | threads) ;;
    *) usage ;;
    esac
done

tools/setup.sh --for analysis
step() { printf '\n== %s\n' "$*"; }
jobs=$(nproc)

part_cppcheck() {
    cppcheck --std=c++20 --language=c++ --enable=warning,performance,portability --suppressions-list=.cppcheck \
        -I include -j "$jobs" --error-exitcode=1 --quiet tools include
}

# configured FOLDER COMPILER MESON_OPTION...
configured() {
    local folder=$1 compiler=$2 again=()
    shift 2
    [ -e "$folder/build.ninja" ] && again=(--reconfigure)
    CXX=$compiler meson setup "${again[@]}" "$folder" -Dauto_features=enabled -Dexamples=disabled "$@" >/dev/null
}

# clang_tidy OPTION... looks at the program, and at one file that includes every header. Joined, since a header then is
# looked at once or twice, not with each file that includes it.
clang_tidy() {
    configured build/tidy clang++ -Dtest_parts=structure -Djoined=true
    sed -n 's/.*"file": "\(.*\)".*/\1/p' build/tidy/compile_commands.json |
        grep -E '(^|/)tools/.*\.cpp$|check_last\.cpp$' | sort -u |
        (cd build/tidy && xargs --max-procs="$jobs" --max-args=1 clang-tidy --quiet -p . "$@")
}
part_tidy() { clang_tidy --checks=-clang-analyzer-*,-bugprone-suspicious-include; }
# Without the argument it begins in the functions of the main file only.
part_paths() { clang_tidy --checks=-*,clang-analyzer-* --extra-arg=-Xclang --extra-arg=-analyzer-opt-analyze-headers; }

# What starts threads, or is called by several.
threaded=(thread_runner httplib_transport httplib_client posix_files posix_log posix_supervisor systemd_bus)

part_threads() {
    configured build/threads clang++ -Db_sanitize=thread -Db_lundef=false -Doptimization=1
    ninja -C build/threads tools/cli/powerconsul tests/test_probes_side_by_side tests/test_testing_recording_log \
        "${threaded[@]/#/tests/test_adapters_}"
    export TSAN_OPTIONS="halt_on_error=1 exitcode=66"
    local program
    for program in probes_side_by_side testing_recording_log "${threaded[@]/#/adapters_}"; do
        step "threads: $program"
        "build/threads/tests/test_$program"
    done
    CONSUL=$(tools/consul.sh build/consul)
    export CONSUL POWERCONSUL=$PWD/build/threads/tools/cli/powerconsul
    for program in checks watch connection; do
        step "threads: against a real Consul: $program"
        python3 "tests/integration/consul/test_$program.py"
    done
}

bad=()
for part in "${parts[@]}"; do
    step "$part"
    # In a shell of its own, where a step that goes wrong ends the part.
    if ! bash -c "$(declare -f); $(declare -p jobs threaded); set -euo pipefail; part_$part"; then bad+=("$part"); fi
done
step "result"
if [ ${#bad[@]} -gt 0 ]; then
    echo "not clean: ${bad[*]}"
    exit 1
fi
echo "clean: ${parts[*]}"
