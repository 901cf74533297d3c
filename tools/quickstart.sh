#!/usr/bin/env bash
# Installs what is missing, builds powerconsul, and shows its main job without a Consul: a JSON file stands in for it.
#
# usage: tools/quickstart.sh                      everything
#        tools/quickstart.sh --with EXECUTABLE    only the demonstration, with a powerconsul that is built already
set -euo pipefail
here=$PWD
cd "$(dirname "$0")/.."
top=$PWD

prepare() {
    tools/setup.sh --for build
    local build=build/quickstart log=build/quickstart.log again=()
    mkdir -p build
    [ -e "$build/build.ninja" ] && again=(--reconfigure)
    echo "Building powerconsul in $build, which takes about a minute..."
    if ! { meson setup "${again[@]}" "$build" --buildtype=release -Dtool=enabled -Dtests=disabled -Dexamples=disabled &&
        ninja -C "$build"; } >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "quickstart.sh: the build failed, see above or $log" >&2
        exit 1
    fi
    powerconsul=$top/$build/tools/cli/powerconsul
}

case "$#:${1:-}" in
0:) prepare ;;
2:--with) powerconsul=$(cd "$here" && realpath "$2") ;;
*)
    echo "usage: tools/quickstart.sh [--with EXECUTABLE]" >&2
    exit 64
    ;;
esac

demo=$(mktemp -d)
finish() {
    local init
    for init in "$demo"/*/init.d/*; do
        if [ -x "$init" ]; then "$init" stop >/dev/null 2>&1 || true; fi
    done
    rm -rf "$demo"
}
trap finish EXIT
cd "$demo"

say() { printf '%s\n' "$@"; }
title() { printf '\n--- %s\n\n' "$*"; }

# A machine is a directory here: init scripts, and the settings of powerconsul as environment variables.
make_machine() {
    local machine=$1 service
    shift
    mkdir -p "$machine/init.d"
    cat >"$machine/environment" <<EOF
POWERCONSUL_NODE=production-$machine
POWERCONSUL_STORE=$demo/consul.json
POWERCONSUL_STATE_DIR=$demo/$machine/state
POWERCONSUL_SERVICE_MANAGER=sysv
POWERCONSUL_STOP_FILE=$demo/powerconsul.stop
POWERCONSUL_FORMAT=text
EOF
    for service in "$@"; do
        cat >"$machine/init.d/$service" <<'EOF'
#!/bin/sh
# A service that only sleeps, but is a real process: start, stop, status.
pidfile=$0.pid
alive() { [ -f "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case $1 in
start) alive || { sleep 600 </dev/null >/dev/null 2>&1 & echo $! >"$pidfile"; } ;;
stop) alive && kill "$(cat "$pidfile")"; rm -f "$pidfile" ;;
status) if alive; then echo "it is running"; else echo "it is not running"; exit 3; fi ;;
esac
EOF
        chmod +x "$machine/init.d/$service"
    done
}

# on MACHINE EXIT_CODE TEXT MEANING COMMAND
# Shows the command as typed on that machine, its output and its exit code, and insists on both.
on() {
    local machine=$1 wanted=$2 text=$3 meaning=$4 command=$5 output status=0
    printf 'production-%s$ %s\n' "$machine" "$command"
    output=$(
        set -a
        # shellcheck disable=SC1090
        . "$demo/$machine/environment"
        set +a
        PATH=$(dirname "$powerconsul"):$PATH
        cd "$machine"
        bash -c "$command" 2>&1
    ) || status=$?
    [ -n "$output" ] && say "$output"
    if [ "$status" -ne "$wanted" ] || [[ $output != *"$text"* ]]; then
        say "quickstart.sh: expected exit code $wanted and \"$text\", got $status: this is a fault of powerconsul" >&2
        exit 1
    fi
    printf '  exit code %s: %s\n\n' "$status" "$meaning"
}

# What the user has set for powerconsul must not change what is shown.
unset "${!POWERCONSUL_@}" "${!CONSUL_@}"
(umask 022 && echo '{"takeoverAfter": "2s"}' >powerconsul.conf)  # 20 s by default
export POWERCONSUL_CONFIG=$demo/powerconsul.conf

make_machine web1 web mail
make_machine web2 web
cat >consul.json <<EOF
{
  "agent": {"node": "production-web1", "datacenter": "hq"},
  "datacenters": {
    "hq": {
      "kv": {
        "cluster/production/web": {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]},
        "triggers/production/mail/standalone/critical": "$demo/web1/init.d/mail start"
      },
      "services": [
        {"service": "web", "node": "production-web1", "checks": {"service:web": "passing"}},
        {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}},
        {"service": "mail", "node": "production-web1", "checks": {"service:mail": "passing"}}
      ]
    }
  }
}
EOF

title "What you are about to see"
say "Consul runs a command every few seconds and asks: is this service well? Exit code 0 means passing, 1 warning, 2" \
    "critical. For a service that runs on one machine while another waits, \"is it running?\" is the wrong question:" \
    "on the machine that waits, stopped is well. powerconsul asks whether the service is what it should be HERE, NOW." \
    "" \
    "Two machines, production-web1 and production-web2, are played by two directories. The service \"web\" is a real" \
    "process with a real init script. What Consul would answer stands in a file, consul.json:" ""
sed 's/^/    /' consul.json
say "" "Each machine has its settings in environment variables, each of which is an option, too. Those of" \
    "production-web2:" ""
sed 's/^/    /' web2/environment

# The commands are shown as they are typed and run as they are shown.
# shellcheck disable=SC2016
check_web='powerconsul check service -s web -S web --init-directory $PWD/init.d'
check_mail=${check_web//web/mail}

title "1. The primary: it must run, and it does"
on web1 0 "" "started, as an operator would." "init.d/web start"
on web1 0 "OK - web is running, primary" \
    "passing. production-web1 is an active node of the document, so web must run here." "$check_web"

title "2. The standby: passing because it is stopped"
on web2 3 "not running" "the init script says: stopped." "init.d/web status"
on web2 0 "OK - web is stopped, secondary" "passing. production-web1 serves, so this node must not." "$check_web"

title "3. The active dies: now the standby is needed"
on web1 0 "" "web is dead on production-web1..." "init.d/web stop"
on web1 2 "CRITICAL - web is stopped, primary" \
    "critical. It should run here. Consul notes that; here we do:" "$check_web"
on web1 0 "" "the file now says what Consul would." \
    "sed -i '/\"web\".*production-web1/s/passing/critical/' ../consul.json"
on web2 0 "takes over once that has lasted 2 s" \
    "passing for now: what is healed in a moment starts nobody else. The time is 20 s by default, and 2 s here." "$check_web"
on web2 0 "" "two seconds later:" "sleep 2"
on web2 2 "CRITICAL - web is stopped, secondary expects running" \
    "critical. Nothing changed on this machine, but no active serves any more: it should take over." "$check_web"
on web2 0 "" "an operator, or a handler of the check, starts it..." "init.d/web start"
on web2 0 "OK - web is running, secondary" "passing. It runs where it is needed." "$check_web"
on web2 0 "secondary" "and this is why." "powerconsul role -S web"

title "4. A standalone: no document, no question"
on web1 2 "CRITICAL - mail is stopped, standalone" \
    "critical. There is no key cluster/production/mail, so mail must run wherever it is checked." "$check_mail"
on web1 0 "" "started." "init.d/mail start"
on web1 0 "OK - mail is running, standalone" "passing." "$check_mail"

title "5. An incident, healed"
say "Consul hands the checks in a bad state to a handler, powerconsul watch. The action to take stands in KV, too: see the" \
    "key triggers/... above. mail dies, its check becomes critical, and the handler is called:" ""
on web1 0 "" "mail is dead." "init.d/mail stop"
on web1 0 "" "Consul's check finds that out; here the file says so." \
    "sed -i '/\"mail\"/s/\"passing\"/{\"status\": \"critical\", \"output\": \"mail is stopped\"}/' ../consul.json"
cat >critical.json <<'EOF'
[{"Node": "production-web1", "CheckID": "service:mail", "Name": "mail", "Status": "critical", "Output": "mail is stopped",
  "ServiceID": "mail", "ServiceName": "mail", "CreateIndex": 20, "ModifyIndex": 31}]
EOF
on web1 0 "would run" "what would be done; nothing is done yet." "powerconsul watch critical --dry-run <../critical.json"
on web1 0 "trigger ended" "the trigger ran; each event is a line of the log." "powerconsul watch critical <../critical.json"
on web1 0 "it is running" "mail is back." "init.d/mail status"
on web1 0 "" "called again with the same checks: nothing, while the service has its time to come up." \
    "powerconsul watch critical <../critical.json"
on web1 0 "open, 1 attempt" "the journal knows what was done." "powerconsul incidents"
on web1 0 "" "Consul's check passes again..." \
    "sed -i '/\"mail\"/s/{\"status\": \"critical\", \"output\": \"mail is stopped\"}/\"passing\"/' ../consul.json"
on web1 0 "outcome=healed" "...and with the next call the incident closes." "echo '[]' | powerconsul watch critical"
on web1 0 "healed after" "healed." "powerconsul incidents"

title "What next"
say "Everything was as it should be. The executable is $powerconsul" \
    "  README.md                         the first check against your own Consul, the decision table, exit codes" \
    "  powerconsul check service --help  all options" \
    "  tools/test.sh                     the tests, with a real Consul"
