# Shared by the scripts of this folder: where things are, and how to run coqc.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
spec=$root/spec
out=$root/build/spec
limit=${CORDON_COQ_LIMIT:-300}   # seconds for one file

die() {
    echo "$(basename "$0"): $*" >&2
    exit 2
}

need() {
    command -v "$1" >/dev/null 2>&1 ||
        die "$1 is not installed; on Debian: apt-get install $2"
}

# stage: copy the sources that changed to where they are compiled. One script at a time works there.
stage() {
    mkdir -p "$out"
    exec 9>"$out/lock"
    flock 9
    for f in "$spec"/*.v; do
        cmp -s "$f" "$out/$(basename "$f")" || cp "$f" "$out/"
    done
}

# compile NAME: one file under a time limit; the output goes to NAME.log.
compile() {
    (
        cd "$out"
        timeout "$limit" coqc -q -Q . Cordon "$1.v" >"$1.log" 2>&1
    )
}

# stale NAME: is its result missing, or older than any source before it, or was
# anything before it compiled just now?
dirty=
stale() {
    [ -n "$dirty" ] && return 0
    [ -e "$out/$1.vo" ] || { dirty=1; return 0; }
    for f in $built "$1"; do
        if [ "$out/$f.v" -nt "$out/$1.vo" ]; then
            dirty=1
            return 0
        fi
    done
    return 1
}
