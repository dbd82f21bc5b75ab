# Shared by the scripts of this folder: where things are, and how they speak.

set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/host
own_suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)

# What belongs to one kernel, with the modules that are built for it: of the default one below $build itself; of another, that
# CORDON_KERNEL names (scripts/host/kernels), below a folder of its own.
CORDON_KERNEL=${CORDON_KERNEL:-}
[ "$CORDON_KERNEL" != "$own_suite" ] || CORDON_KERNEL=
kernel=$build${CORDON_KERNEL:+/kernels/$CORDON_KERNEL}
export CORDON_KERNEL

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

# of_kernel NUMBER: a column of scripts/host/kernels for the kernel that is chosen; nothing for the default one
of_kernel() {
    [ -n "$CORDON_KERNEL" ] || return 0
    awk -v name="$CORDON_KERNEL" -v column="$1" '$1 == name { print $column }' "$root/scripts/host/kernels"
}

# build_modules FOLDER: what Kbuild says there, against the headers of the kernel that is chosen, with the tools of its suite. Without what is for a
# debugger, which takes a fifth of the time and is most of a module's size; a back trace has names all the same.
build_modules() {
    headers=$kernel/headers/usr/src/linux-headers-$(cat "$kernel/release")
    [ -e "$headers/Makefile" ] || die "the headers of $(cat "$kernel/release") are not there; run scripts/host/fetch --again"
    tools=$(of_kernel 4)
    set -- make -s -C "$headers" "M=$1" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- KCFLAGS=-g0 modules
    if [ -n "$tools" ] && [ "$tools" != "$own_suite" ]; then
        set -- "$root/scripts/suite" tool "kbuild-$tools" "$@"
    fi
    "$@"
}

# needed FILE: the libraries that a program of arm64 names
needed() {
    aarch64-linux-gnu-readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

# with_libraries FILE: each of them comes from the packages unpacked in $out/all to $out/root/lib once, with those that it needs itself
with_libraries() {
    for library in $(needed "$1"); do
        [ ! -e "$out/root/lib/$library" ] || continue
        found=$(find -L "$out/all/lib" "$out/all/usr/lib" -name "$library" -type f 2>/dev/null | head -n 1)
        [ -n "$found" ] || die "no package has $library"
        cp -L "$found" "$out/root/lib/$library"
        with_libraries "$found"
    done
}
