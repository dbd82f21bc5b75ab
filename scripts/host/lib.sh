# Shared by the scripts of this folder: where things are, and how they speak.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/host

say() {
    echo "$(basename "$0"): $*"
}

die() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

# need COMMAND PACKAGE
need() {
    command -v "$1" >/dev/null 2>&1 ||
        die "$1 is not installed; on Debian: apt-get install $2"
}

# one_at_a_time FILE: of two that build the same at once, the second waits. FILE stays, empty.
one_at_a_time() {
    command -v flock >/dev/null 2>&1 || return 0
    mkdir -p "$(dirname "$1")"
    exec 8>"$1"
    flock 8
}
