#!/bin/sh
# Install the servers that tests start for themselves: devstack/servers.sh
# Does nothing when they are there. Nothing is started: not by this script, and not by the packages.
# Who may not install gets the line to run, and the tests that need a server are skipped.
set -eu

missing=
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing="$missing rabbitmq-server"
command -v openssl >/dev/null || missing="$missing openssl"
command -v ip >/dev/null || missing="$missing iproute2" # network namespaces, to cut links
[ -n "$missing" ] || exit 0

line="apt-get install --no-install-recommends$missing"
tell() { echo "set-up: $*" >&2; }
if ! command -v apt-get >/dev/null; then
    tell "this machine lacks$missing, and has no apt-get; tests that need them are skipped"
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    tell "this machine lacks$missing; tests that need them are skipped. As root run: $line"
    exit 0
fi

# While it is there and says 101, no package starts its system service.
guard=/usr/sbin/policy-rc.d
log=$(mktemp)
ours=
tidy() {
    [ -z "$ours" ] || rm -f "$guard"
    rm -f "$log"
}
trap tidy EXIT
trap 'exit 130' INT TERM
if [ ! -e "$guard" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod +x "$guard"
fi
began=$(date +%s)
printf 'set-up: servers for tests:%s … ' "$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # the names are words
if { apt-get update -q && apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
    echo "$(($(date +%s) - began)) s" >&2
else
    echo failed >&2
    tail -n 20 "$log" >&2
    tell "tests that need$missing are skipped. What was tried: $line"
fi
