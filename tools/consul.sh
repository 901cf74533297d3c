#!/bin/sh
# Prints the path of a usable consul executable: $CONSUL, else the one on the PATH, else Debian's package of the
# release before this one, taken with apt from the machine's own mirror and unpacked (not installed) below a folder.
#
# usage: tools/consul.sh [folder]        folder: build/consul if none is given
set -eu

say() { printf 'consul.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
works() { "$1" version >/dev/null 2>&1; }

suite=bullseye # the last Debian release that has Consul under its free licence: 1.8.7
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
folder=${1:-build/consul}

if [ -n "${CONSUL:-}" ]; then
    works "$CONSUL" || die "\$CONSUL is '$CONSUL', which does not run; set it to a consul executable or unset it"
    printf '%s\n' "$CONSUL"
    exit 0
fi
if found=$(command -v consul) && works "$found"; then
    printf '%s\n' "$found"
    exit 0
fi

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
consul=$folder/usr/bin/consul
if works "$consul"; then
    printf '%s\n' "$consul"
    exit 0
fi

hint="put consul on the PATH or set CONSUL to the path of an executable"
for needed in apt-get dpkg-deb; do
    command -v "$needed" >/dev/null || die "no $needed here; $hint"
done
[ -r "$keyring" ] || die "$keyring is missing (package debian-archive-keyring); $hint"

# apt itself reads the machine's sources, so that one-line and deb822 files, options and included files all count.
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    awk '$3 == "main" && $2 !~ /[-\/](security|updates|backports|debug|proposed)/ && $1 !~ /security/ { print $1; exit }')
[ -n "$mirror" ] || die "apt knows no source with the component main; $hint"

root=$(mktemp -d "$folder/apt.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial" "$root/unpacked" "$root/preferences.d"
: >"$root/status"
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$root/sources.list"
# The machine's own apt.conf stays in force (proxies, credentials); only its hooks and its places are put aside.
cat >"$root/apt.conf" <<CONF
#clear APT::Update;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
APT::Sandbox::User "";
APT::Get::List-Cleanup "false";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::State "$root/state";
Dir::State::status "$root/status";
Dir::Cache "$root/cache";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "-";
Dir::Etc::preferencesparts "$root/preferences.d";
CONF

quietly() {
    "$@" >"$root/log" 2>&1 && return
    sed 's/^/    /' "$root/log" >&2
    return 1
}
say "getting consul from Debian $suite"
quietly apt-get -c "$root/apt.conf" --error-on=any update ||
    die "the machine's mirror does not give the index of $suite; $hint"
(cd "$root" && quietly apt-get -c "$root/apt.conf" download consul) ||
    die "the package consul of $suite could not be downloaded; $hint"
quietly dpkg-deb -x "$root"/consul_*.deb "$root/unpacked" || die "the package consul could not be unpacked"
works "$root/unpacked/usr/bin/consul" || die "the consul of $suite does not run on this machine; $hint"

# A rename, so that of two runs at the same time neither sees half a file.
mkdir -p "$folder/usr/bin"
mv -f "$root/unpacked/usr/bin/consul" "$consul"
printf '%s\n' "$consul"
