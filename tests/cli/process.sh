#!/bin/sh
# What the parent leaves to the program: closed descriptors, a pipe that nobody reads, ignored signals.
# Then a name service that does not answer.
# usage: process.sh <powerconsul> <the same with a loader> <library of slow_names.cpp>
set -u
powerconsul=$1
dynamic=$2
slow_names=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -m 700 "$folder/init" "$folder/state"
printf '{"agent": {"node": "production-web1"}, "datacenters": {"dc1": {}}}\n' >"$folder/store.json"
printf '#!/bin/sh\necho "web is running"\n' >"$folder/init/web"
chmod +x "$folder/init/web"
wrong=0

check() {
    "$@" "$powerconsul" check service -s web -S web --node production-web1 --store "$folder/store.json" \
        --state-dir "$folder/state" --service-manager sysv --init-directory "$folder/init"
}
expect() { # name, wanted status, status
    [ "$2" = "$3" ] && return
    printf '%s: expected status %s, got %s\n' "$1" "$2" "$3" >&2
    wrong=1
}

check >"$folder/out" 2>"$folder/err"
expect 'as usual' 0 $?
[ -s "$folder/err" ] && { printf 'as usual: standard error is not empty\n' >&2; wrong=1; }
check <&- >"$folder/again"
expect 'without standard input' 0 $?
cmp "$folder/out" "$folder/again" || wrong=1
check 2>&- >"$folder/again"
expect 'without standard error' 0 $?
cmp "$folder/out" "$folder/again" || wrong=1
check >&- 2>"$folder/err"
expect 'without standard output' 1 $?
check <&- >&- 2>&-
expect 'without any' 1 $?
check env --ignore-signal=CHLD >"$folder/again"
expect 'with SIGCHLD ignored' 0 $?
cmp "$folder/out" "$folder/again" || wrong=1
mkfifo "$folder/pipe"
: <"$folder/pipe" &
check >"$folder/pipe" # opens when the reader does, who then leaves
status=$?
wait
[ "$status" = 0 ] || [ "$status" = 1 ] || expect 'into a pipe that nobody reads' 1 "$status"
grep -q '"role":"standalone","expects":"running"' "$folder/state/last-known/web.json" || wrong=1

# Whatever waits, the check ends in time and prints its line.
slowly() { # option...
    env -u HOME LD_PRELOAD="$slow_names" "$dynamic" check "$@" -S web --node production-web1 --timeout 1s \
        --store "$folder/store.json" --state-dir "$folder/state" >"$folder/out" 2>"$folder/err"
    expect "$1 with a name service that does not answer" 1 $?
    grep -q '^{"type":"'"$1"'".*"state":"unknown".*did not end within 1 s' "$folder/out" || {
        cat "$folder/out" "$folder/err" >&2
        wrong=1
    }
}
slowly crontab -u daemon
slowly process --user daemon
slowly process --name web
slowly service -s web -R no-such-process
exit "$wrong"
