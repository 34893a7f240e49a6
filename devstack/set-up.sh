#!/bin/sh
# Set up this checkout: devstack/set-up.sh run|test|dev
# Makes .venv and installs what the purpose needs; does nothing when that is there already.
# One line per step with its time, on standard error; the log of a failed step is shown whole.
set -eu
cd "$(dirname "$0")/.."
purpose=${1:?usage: devstack/set-up.sh run|test|dev}
python=${PYTHON:-python3}
case $purpose in
run) extras= ;;
test) extras='[test,dev]' ;;
dev) extras='[test,dev]' ;;
*) echo "set-up: unknown purpose '$purpose'; there are: run, test, dev" >&2; exit 2 ;;
esac

fail() { echo "set-up: $*" >&2; exit 2; }

step() { # step NAME COMMAND…: run quietly, say how long it took, show the log if it fails
    name=$1; shift
    began=$(date +%s.%N)
    printf 'set-up: %s … ' "$name" >&2
    if "$@" >"$log" 2>&1; then
        echo "$(echo "$began $(date +%s.%N)" | awk '{printf "%.1f s", $2 - $1}')" >&2
    else
        echo failed >&2
        cat "$log" >&2
        fail "step '$name' failed; the lines above say why"
    fi
}

check_machine() {
    command -v "$python" >/dev/null ||
        fail "no $python found; install it with: apt-get install python3 python3-venv python3-dev"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "Python 3.11 or later is needed, $python is $("$python" -V 2>&1); set PYTHON=…"
    missing=
    "$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
        missing="$missing python3-dev"
    command -v g++ >/dev/null || missing="$missing g++"
    command -v make >/dev/null || missing="$missing make" # builds tests/native
    [ -z "$missing" ] || fail "this machine lacks:$missing; run: apt-get install$missing"
}

# Two at once in one checkout would take each other's half-made environment for a broken one.
if command -v flock >/dev/null; then
    exec 9>.set-up.lock
    flock 9
fi

if [ "$purpose" = test ]; then devstack/servers.sh; fi

want="$(cksum setup.cfg setup.py pyproject.toml policy/kernel/*.cpp policy/kernel/*.h | cksum) $PWD"
for done_purpose in $purpose test dev; do
    stamp=.venv/.set-up-$done_purpose
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then exit 0; fi
done

check_machine
log=$(mktemp)
trap 'rm -f "$log"' EXIT
unfinished=.venv/.set-up-unfinished # there while pip runs; left behind, nothing in .venv is trusted
[ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && [ ! -e "$unfinished" ] ||
    step "python environment in .venv" "$python" -m venv --clear .venv
: >"$unfinished"
step "packages for '$purpose' (about a minute the first time)" \
    .venv/bin/python -m pip install --disable-pip-version-check -q -e ".$extras"
printf '%s' "$want" >".venv/.set-up-$purpose"
rm -f "$unfinished"
