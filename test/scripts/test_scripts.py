#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of what brings the tools and counts the tests: scripts/packages, scripts/apt.sh, scripts/suite, scripts/test, scripts/prove.

usage: test_scripts.py [WORD...]     only the tests whose name has one of the words

Debian's commands are small stand-ins that know the packages of a test and write down what they were asked: nothing is
installed, and no network is needed. Prints a line for each test and closes with `N passed, N failed`.
"""
import glob
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = os.path.join(ROOT, "scripts")
TESTS = []


class Failure(Exception):
    pass


def test(f):
    TESTS.append(f)
    return f


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, want, what="result"):
    check(got == want, f"{what} is {got!r}, expected {want!r}")


def contains(text, part):
    check(part in text, f"{part!r} is not in {text[:900]!r}")


def lacks(text, part):
    check(part not in text, f"{part!r} is in {text[:900]!r}")


# ---- a Debian that a test describes ----

# $DEBIAN/installed/NAME, $DEBIAN/known/NAME: the fields of a package, as `apt-cache show` prints them.
STAND_INS = {
    "dpkg-query": """
        file=$DEBIAN/installed/$4
        [ -e "$file" ] || exit 1
        version=$(sed -n 's/^Version: //p' "$file")
        depends=$(sed -n 's/^Depends: //p' "$file")
        printf "$(echo "$3" | sed "s/[$]{Status}/install ok installed/; s/[$]{Version}/$version/; s/[$]{Depends}/$depends/")"
        """,
    "apt-cache": """
        case $1 in
        show) cat "$DEBIAN/known/$3" ;;
        policy) [ ! -e "$DEBIAN/known/$2" ] || sed -n 's/^Version: /  Candidate: /p' "$DEBIAN/known/$2" ;;
        esac
        """,
    # The machine's sources, what an update does, and packages that a test has put into $DEBIAN/archive
    "apt-get": """
        echo "apt-get $*" >>"$DEBIAN/asked"
        case " $* " in
        *" indextargets "*) cat "$DEBIAN/sources" 2>/dev/null; exit 0 ;;
        *" update "*)
            [ ! -d "$DEBIAN/mirror" ] || cp -r "$DEBIAN/mirror" "$DEBIAN/known"
            exit "$(cat "$DEBIAN/update" 2>/dev/null || echo 0)" ;;
        *" --print-uris "*)
            for wanted in "$@"; do last=$wanted; done
            ls "$DEBIAN/archive/${last}"_* >/dev/null 2>&1 || { echo "E: Unable to locate package $last" >&2; exit 100; }
            cd "$DEBIAN/archive" && for deb in *; do echo "'http://archive/$deb' $deb 1000 SHA256:0"; done ;;
        *" --download-only "*)
            for word in "$@"; do case $word in Dir::Cache=*) cp "$DEBIAN"/archive/* "${word#*=}/archives/" ;; esac; done ;;
        esac
        """,
    "id": 'echo "$(cat "$DEBIAN/id" 2>/dev/null || echo 0)"\n',
    "sudo": "exit 1\n",
    "dpkg": "echo amd64\n",
}

DEBIAN_SOURCES = """http://archive/debian bookworm main
http://archive/debian bookworm main
http://archive/debian bookworm-updates main
http://archive/debian bookworm-backports main
http://archive/debian-security bookworm-security main
"""

# As the suites have it: what the package replaced long ago stands above what it depends on.
CLANG = """Package: clang
Version: 1:{0}.0-1
Replaces: clang (<< 3.2-1~exp2), clang-3.2, clang-3.5 (<< 1:3.5~+rc1-3~exp1)
Depends: clang-{0} (>= {0}~)
Breaks: clang-3.2, clang-3.5 (<< 1:3.5~+rc1-3~exp1)
"""


class Debian:
    """One Debian for one test, in a folder of its own. Each command that is asked for is written down."""

    def __init__(self, folder):
        self.folder = folder
        self.commands = os.path.join(folder, "commands")
        for name, text in STAND_INS.items():
            self.command(name, text)
        self.write("sources", DEBIAN_SOURCES)
        os.makedirs(os.path.join(folder, "scripts"))

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self, name, text, folder="commands"):
        os.chmod(self.write(os.path.join(folder, name), "#!/bin/sh\n" + text), 0o755)

    def package(self, name, version, installed=False):
        self.write(os.path.join("installed" if installed else "known", name), f"Package: {name}\nVersion: {version}\n")

    def archive(self, name, version, command=""):
        """A package that can be fetched, with a command and a setting in it."""
        source = os.path.join(self.folder, "source", name)
        self.write(os.path.join(source, "DEBIAN", "control"), f"Package: {name}\nVersion: {version}\nArchitecture: amd64\n"
                   "Maintainer: nobody <nobody@example.org>\nDescription: a test\n")
        self.command(command or name, "true\n", os.path.join(source, "usr", "bin"))
        self.write(os.path.join(source, "etc", name), "")
        os.makedirs(os.path.join(self.folder, "archive"), exist_ok=True)
        file = f"{name}_{version.replace(':', '%3a')}_amd64.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", source, os.path.join(self.folder, "archive", file)],
                       check=True, stdout=subprocess.DEVNULL)

    def run(self, *command, path=None):
        environment = {"PATH": path or self.commands + os.pathsep + os.environ["PATH"], "DEBIAN": self.folder, "HOME": self.folder,
                       "CORDON_CACHE": os.path.join(self.folder, "cache")}
        return subprocess.run(command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, encoding="utf-8", timeout=100, check=False)

    def script(self, name, *arguments, **more):
        return self.run(os.path.join(SCRIPTS, name), *arguments, **more)

    def asked(self):
        try:
            with open(os.path.join(self.folder, "asked"), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def installs(self):
        """The packages that apt-get was told to install, in any call."""
        return " ".join(re.findall(r"^apt-get install -y --no-install-recommends(.*)", self.asked(), re.M)).split()


# ---- scripts/packages ----

def with_suite(debian, made=1, path_of=0):
    """A scripts/suite that writes down what it was asked, and answers so."""
    debian.command("suite", f'echo "suite $*" >>"$DEBIAN/asked"\n[ "$1" = made ] && exit {made}\nexit {path_of}\n', "scripts")


@test
def clang_has_the_version_of_the_suite(debian):
    with_suite(debian)
    for version in ("14", "19"):
        debian.write("known/clang", CLANG.format(version))
        debian.write("asked", "")
        equal(debian.script("packages", "test").returncode, 0, "exit status")
        names = debian.installs()
        for name in ("clang", f"libclang-rt-{version}-dev", f"llvm-{version}"):
            check(name in names, f"{name} is not among {names}")
        equal([n for n in names if n.startswith("libclang-rt")], [f"libclang-rt-{version}-dev"], "its runtime")


@test
def names_are_looked_up_again_when_the_lists_are_there(debian):
    with_suite(debian)
    debian.write("mirror/clang", CLANG.format("19"))
    debian.write("mirror/frama-c-base", "Package: frama-c-base\nVersion: 20220511-manganese-3+b4\n")
    debian.script("packages", "test")
    names = debian.installs()
    check("llvm-19" in names and "frama-c-base" in names, f"it installs {names}")


@test
def clang_that_is_installed_counts_more_than_the_lists(debian):
    with_suite(debian)
    debian.write("known/clang", CLANG.format("19"))
    debian.write("installed/clang", CLANG.format("16"))
    debian.script("packages", "test")
    check("llvm-16" in debian.installs() and "clang" not in debian.installs(), f"it installs {debian.installs()}")


@test
def frama_c_of_the_suite_is_installed(debian):
    with_suite(debian)
    debian.package("frama-c-base", "20220511-manganese-3+b4")
    equal(debian.script("packages", "prove").returncode, 0, "exit status")
    check("frama-c-base" in debian.installs(), f"it installs {debian.installs()}")
    lacks(debian.asked(), "suite")


@test
def another_frama_c_comes_from_another_suite(debian):
    with_suite(debian)
    for version in (None, "20250522-gallium-1", "2:20250522-gallium-1"):
        if version:
            debian.package("frama-c-base", version)
        debian.write("asked", "")
        equal(debian.script("packages", "prove").returncode, 0, "exit status")
        check("frama-c-base" not in debian.installs() and "meson" in debian.installs(), f"it installs {debian.installs()}")
        contains(debian.asked(), "suite path-of frama-c")


@test
def what_cannot_be_had_is_not_checked(debian):
    with_suite(debian, path_of=2)
    done = debian.script("packages", "prove")
    equal(done.returncode, 0, "exit status")
    contains(done.stderr, "without frama-c its tests are not checked")


@test
def who_may_not_install_is_told_the_one_line(debian):
    with_suite(debian)
    debian.write("id", "1000")
    debian.package("gcc", "4:12", installed=True)
    done = debian.script("packages", "build")
    equal(done.returncode, 2, "exit status")
    found = re.search(r"^ +apt-get update && apt-get install -y --no-install-recommends( .*)$", done.stderr, re.M)
    check(found, f"no such line in {done.stderr!r}")
    check(" meson" in found.group(1) and " gcc" not in found.group(1), f"it names{found.group(1)}")
    equal(debian.asked(), "", "what apt-get was asked")


@test
def nothing_missing_nothing_asked(debian):
    with_suite(debian, made=0)
    for name in ("gcc libc6-dev make meson ninja-build pkg-config python3 libbearssl-dev libcbor-dev libcmocka-dev libfdt-dev "
                 "libsodium-dev valgrind").split():
        debian.package(name, "1", installed=True)
    equal(debian.script("packages", "build").returncode, 0, "exit status")
    equal(debian.asked(), "", "what was asked")


@test
def a_package_that_is_nowhere_ends_it(debian):
    debian.command("apt-get", 'case $1 in install) echo "E: Unable to locate package" >&2; exit 100 ;; esac\n')
    done = debian.script("packages", "build")
    equal(done.returncode, 2, "exit status")
    contains(done.stderr, "Unable to locate package")


@test
def unknown_jobs_and_no_debian(debian):
    equal(debian.script("packages", "frobnicate").returncode, 2, "exit status of an unknown job")
    empty = os.path.join(debian.folder, "empty")
    os.makedirs(empty)
    equal(debian.script("packages", "build", path=empty).returncode, 0, "exit status without dpkg")


# ---- scripts/apt.sh ----

def own_apt(debian, suite, what):
    return debian.run("sh", "-c", """set -eu
        say() { echo "test: $*"; }
        die() { echo "test: $*" >&2; exit 2; }
        . "$1/apt.sh"
        apt_open "$DEBIAN/apt" "$2" arm64 amd64
        """ + what, "sh", SCRIPTS, suite)


def suites_of(debian, suite):
    text = own_apt(debian, suite, "apt_sources").stdout
    return sorted(re.findall(r"^URIs: http://archive/(\S+)\nSuites: (.*)$", text, re.M))


@test
def sources_are_those_of_the_suite(debian):
    for suite in ("trixie", "bookworm"):
        equal(suites_of(debian, suite), [("debian", suite), ("debian", suite + "-updates"), ("debian-security", suite + "-security")],
              "sources of " + suite)
    equal(suites_of(debian, "trixie-backports"),
          [("debian", "trixie trixie-backports"), ("debian", "trixie-updates"), ("debian-security", "trixie-security")], "backports")
    equal(suites_of(debian, "sid"), [("debian", "sid")], "sources of sid")
    equal(suites_of(debian, ""), [("debian", "bookworm"), ("debian", "bookworm-backports"), ("debian", "bookworm-updates"),
                                  ("debian-security", "bookworm-security")], "the machine's own")


@test
def signatures_are_checked_for_each_source(debian):
    text = own_apt(debian, "trixie", "apt_sources").stdout
    equal(text.count("Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg"), text.count("Types: deb"), "signed sources")
    equal(text.count("Architectures: arm64 amd64"), text.count("Types: deb"), "sources with both architectures")


@test
def no_debian_source_is_said(debian):
    debian.write("sources", "")
    done = own_apt(debian, "trixie", "apt_update")
    equal(done.returncode, 2, "exit status")
    contains(done.stderr, "knows no Debian source")


@test
def backports_go_first_and_no_release_before_its_updates(debian):
    own_apt(debian, "trixie-backports", "apt_private apt-get download x")
    contains(debian.asked(), "APT::Default-Release=trixie-backports")
    debian.write("asked", "")
    own_apt(debian, "trixie", "apt_private apt-get download x")
    lacks(debian.asked(), "Default-Release")
    contains(debian.asked(), "APT::Architecture=arm64")


# ---- scripts/suite ----

@test
def a_tool_of_another_suite(debian):
    debian.archive("z3", "4.8.12-3")
    debian.archive("frama-c-base", "20220511-manganese-3+b4", "frama-c")
    equal(debian.script("suite", "made", "frama-c").returncode, 1, "made, before")
    done = debian.script("suite", "path-of", "frama-c")
    equal(done.returncode, 0, "exit status of path-of: " + done.stderr)
    for name in ("frama-c", "why3", "cvc4", "z3"):
        check(os.access(os.path.join(done.stdout.strip(), name), os.X_OK), f"no {name} in {done.stdout!r}")
    equal(debian.script("suite", "made", "frama-c").returncode, 0, "made, after")
    debian.write("asked", "")
    equal(debian.script("suite", "path-of", "frama-c").stdout, done.stdout, "the folder, asked twice")
    equal(debian.asked(), "", "what apt-get was asked the second time")


@test
def a_tool_of_another_version_is_refused_and_named(debian):
    debian.archive("z3", "4.8.12-3")
    debian.archive("frama-c-base", "1:20250522-gallium-1", "frama-c")
    done = debian.script("suite", "path-of", "frama-c")
    equal((done.returncode, done.stdout), (2, ""), "exit status and output")
    contains(done.stderr, "bookworm has version 20250522-gallium-1, wanted is 20220511")
    done = debian.script("suite", "can", "frama-c")
    equal((done.returncode, len(done.stdout.splitlines())), (1, 1), "exit status and lines of can")


@test
def half_a_root_is_none(debian):
    debian.archive("frama-c-base", "20220511-manganese-3+b4", "frama-c")      # and no provers
    done = debian.script("suite", "path-of", "frama-c")
    equal(done.returncode, 2, "exit status without all packages")
    contains(done.stderr, "bookworm has not all of")
    equal(debian.script("suite", "made", "frama-c").returncode, 1, "made")
    debian.archive("z3", "4.8.12-3")
    with open(os.path.join(debian.folder, "archive", "z3_4.8.12-3_amd64.deb"), "w", encoding="utf-8") as file:
        file.write("not a package")
    equal(debian.script("suite", "path-of", "frama-c").returncode, 2, "exit status with a package that is broken")
    equal(debian.script("suite", "made", "frama-c").returncode, 1, "made")
    equal(glob.glob(os.path.join(debian.folder, "cache", "suites", "*", ".whole")), [], "stamps")


@test
def no_network_is_a_reason(debian):
    debian.write("update", "100")
    done = debian.script("suite", "can", "qemu-11")
    equal((done.returncode, done.stdout), (1, "suite: trixie-backports: cannot read its lists of packages\n"), "exit status, reason")


@test
def where_no_installation_can_be_made_it_is_said(debian):
    debian.command("unshare", 'shift 3; exec "$@"\n')
    equal(debian.script("suite", "able", "trixie").returncode, 0, "exit status where it can")
    debian.command("unshare", "exit 1\n")
    done = debian.script("suite", "able", "trixie")
    equal(done.returncode, 2, "exit status without a namespace")
    contains(done.stderr, "no mount namespace here")
    debian.write("id", "1000")
    done = debian.script("suite", "able", "trixie")
    equal(done.returncode, 2, "exit status of a user who gets none")
    contains(done.stderr, "as root it works")


@test
def unknown_tools_and_folders(debian):
    for arguments in (["frobnicate"], ["path-of", "frobnicate"], ["made", "frobnicate"], ["path", "trixie"], ["run", "trixie", "x", "y"],
                      []):
        equal(debian.script("suite", *arguments).returncode, 2, f"exit status of {arguments}")
    mine = debian.write("mine/file", "precious")
    for arguments in (["drop", "mine"], ["enter", "mine", "true"], ["alone", "mine", "true"], ["fresh", "trixie", "git", "mine"]):
        debian.archive("git", "1")
        equal(debian.script("suite", *arguments).returncode, 2, f"exit status of {arguments}")
    check(os.path.exists(mine), "a folder that is no root was removed")


# ---- scripts/host/run-host: disks and networks ----

def run_host(debian, *settings):
    """What it does with settings, with a QEMU that only says what it was asked."""
    debian.command("qemu", 'echo "$@"\n')
    with open(os.path.join(debian.folder, "Image"), "wb") as file:
        file.write(bytes(56) + b"ARMd")
    debian.write("initrd", "")
    return debian.script(os.path.join("host", "run-host"), "BARE=1", "QEMU=qemu", "KERNEL=Image", "INITRD=initrd", *settings)


def qemu_img(debian, kind):
    debian.command("qemu-img", f"""echo '{{\n    "format": "{kind}",\n    "virtual-size": 1\n}}'\n""" if kind else "exit 1\n")


@test
def a_disk_and_a_network_are_behind_the_smmu(debian):
    disk = debian.write("a,disk", "contents")
    for kind in ("raw", "qcow2"):
        qemu_img(debian, kind)
        done = run_host(debian, "DISK=" + disk, "NET=user", "SMP=4", "MEM=2G", "CPU=max", "EXTRA=-device one", "APPEND=two three")
        equal(done.returncode, 0, "exit status: " + done.stderr)
        contains(done.stdout, ",iommu=smmuv3 ")
        contains(done.stdout, f"format={kind},file={disk.replace(',', ',,')} ")
        contains(done.stdout, "-device virtio-blk-pci,drive=disk,iommu_platform=on,disable-legacy=on ")
        contains(done.stdout, "-netdev user,id=net -device virtio-net-pci,netdev=net,iommu_platform=on,disable-legacy=on,romfile= ")
        for setting in ("-smp 4 ", "-m 2G ", "-cpu max,", "-device one", "two three"):
            contains(done.stdout, setting)
        lacks(done.stdout, "root=")         # an initrd of the user's own knows where to go on


@test
def a_disk_for_a_guest_is_behind_a_port_of_its_own(debian):
    disk = debian.write("a,disk", "contents")
    qemu_img(debian, "qcow2")
    done = run_host(debian, "GUEST_DISK=" + disk)
    equal(done.returncode, 0, "exit status: " + done.stderr)
    contains(done.stdout, ",iommu=smmuv3 ")
    contains(done.stdout, f"-drive if=none,id=given,format=qcow2,file={disk.replace(',', ',,')} ")
    contains(done.stdout, "-device pcie-root-port,id=own,chassis=1,slot=1 ")
    contains(done.stdout, "-device virtio-blk-pci,bus=own,drive=given,iommu_platform=on,disable-legacy=on")
    done = run_host(debian, "GUEST_DISK=nowhere")
    equal((done.returncode, done.stdout), (2, ""), "exit status and output without a file")
    contains(done.stderr, "there is no file nowhere")


@test
def without_a_disk_or_a_network_nothing_is_new(debian):
    done = run_host(debian, "MACHINE=its=off")
    equal(done.returncode, 0, "exit status: " + done.stderr)
    for word in ("iommu", "virtio", "-drive", "-netdev"):
        lacks(done.stdout, word)
    qemu_img(debian, "raw")
    done = run_host(debian, "MACHINE=its=off", "NET=user")
    contains(done.stdout, "iommu=smmuv3,its=off ")      # what the user says comes last
    lacks(done.stdout, "-drive")


@test
def what_is_no_disk_is_refused_and_what_to_do_is_said(debian):
    disk = debian.write("disk", "contents")
    empty = debian.write("empty", "")
    for kind, settings, words in (("raw", ["DISK=nowhere"], "there is no file nowhere"), ("raw", ["DISK=/"], "there is no file /"),
                                  ("raw", ["DISK=" + empty], "is empty; truncate -s"), ("vmdk", ["DISK=" + disk], "qemu-img convert -O qcow2"),
                                  ("", ["DISK=" + disk], "qemu-img does not know"), ("raw", ["NET=tap"], "NET=tap is not known"),
                                  ("raw", ["DISK"], "usage:")):
        qemu_img(debian, kind)
        done = run_host(debian, *settings)
        equal((done.returncode, done.stdout), (2, ""), f"exit status and output with {settings}")
        contains(done.stderr, words)


@test
def a_port_of_this_machine_leads_to_ssh_where_it_is_wanted(debian):
    done = run_host(debian, "NET=user", "SSH=2200")
    contains(done.stdout, "-netdev user,id=net,hostfwd=tcp:127.0.0.1:2200-:22 -device ")


@test
def an_image_that_is_none_is_refused_before_anything_is_built(debian):
    for settings, words in (([], "no image: IMAGE=debian, or a file"), (["IMAGE=nowhere"], "there is no file nowhere; IMAGE=debian is one"), (["IMAGE"], "usage:")):
        done = debian.script(os.path.join("host", "run-image"), *settings)
        equal((done.returncode, done.stdout), (2, ""), f"exit status and output with {settings}")
        contains(done.stderr, words)


@test
def a_debian_that_is_made_is_not_made_again(debian):
    suite = re.search(r"^VERSION_CODENAME=(\w*)", open("/etc/os-release", encoding="utf-8").read(), re.M).group(1)
    image = debian.write(f"cache/debian-{suite}-arm64.img", "contents")
    qemu_img(debian, "raw")
    done = run_host(debian, "DISK=debian")
    equal(done.returncode, 0, "exit status: " + done.stderr)
    contains(done.stdout, f"file={image} ")


@test
def a_debian_that_cannot_be_made_is_none(debian):
    for tool in ("debootstrap", "fakeroot", "mke2fs"):
        debian.command(tool, 'exec "$@"\n' if tool == "fakeroot" else "echo E: no such suite >&2\nexit 1\n")
    done = run_host(debian, "DISK=debian")
    equal((done.returncode, done.stdout), (2, ""), "exit status and output")
    contains(done.stderr, "the first stage failed; the whole log is")
    equal(glob.glob(os.path.join(debian.folder, "cache", "*.img")), [], "images")


# ---- scripts/test, scripts/prove: what is not checked is neither passed nor failed ----

def suite_runner():
    loader = importlib.machinery.SourceFileLoader("suite_runner", os.path.join(SCRIPTS, "test"))
    sys.dont_write_bytecode = True
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("suite_runner", loader))
    loader.exec_module(module)
    return module


def ran(debian, shell):
    """Passed, failed, not checked; and what is printed of it."""
    module = suite_runner()
    module.LOGS = debian.folder
    printed = []
    module.print = lambda *text, **_: printed.append(" ".join(text))
    return module.run(("trial", ["sh", "-c", shell], 20, "a trial")), "\n".join(printed)


@test
def exit_status_77_is_not_checked(debian):
    counts, printed = ran(debian, "echo 3 passed, 0 failed; echo there is no such tool; exit 77")
    equal(counts, (0, 0, 1), "passed, failed, not checked")
    check(printed.startswith("NOT CHECKED trial") and printed.endswith("there is no such tool"), printed)
    equal(ran(debian, "exit 77")[0], (0, 0, 1), "passed, failed, not checked, without a word")


@test
def only_77_is_not_checked(debian):
    equal(ran(debian, "echo 3 passed, 0 failed")[0], (3, 0, 0), "a suite that passes")
    equal(ran(debian, "echo 3 passed, 0 failed; exit 1")[0], (3, 1, 0), "one that ends badly after all")
    equal(ran(debian, "echo 2 passed, 1 failed; exit 1")[0], (2, 1, 0), "one with a test that fails")
    equal(ran(debian, "exit 2")[0], (0, 1, 0), "one that says nothing")


@test
def theorems_that_are_not_checked_are_not_passed(debian):
    counts, printed = ran(debian, "echo 'a1 not checked: no seed'; echo 35 of 39 theorems proved, 4 not checked")
    equal(counts, (35, 0, 0), "passed, failed, not checked")
    contains(printed, "not checked: no seed")
    equal(ran(debian, "echo 34 of 39 theorems proved, 4 not checked; exit 1")[0], (34, 1, 0), "one that is not proved")


@test
def proofs_without_frama_c_are_not_checked(debian):
    debian.command("frama-c", "echo 30.0\n")
    for name in ("why3", "cvc4", "z3"):
        debian.command(name, "true\n")
    debian.write("update", "100")
    done = debian.script("prove", "lock.h")
    equal(done.returncode, 77, "exit status")
    contains(done.stdout.splitlines()[-1], "not checked: suite: bookworm: cannot read its lists of packages")


# ---- proof/cvc4-twice ----

# Says `unsat` to a call that has the words of $DEBIAN/proves, writes each call down.
CVC4 = """
    echo "cvc4 $*" >>"$DEBIAN/asked"
    case "$*" in *"$(cat "$DEBIAN/proves")"*) echo unsat ;; *) echo unknown; exit 1 ;; esac
    """


def asked_cvc4(debian, proves, *arguments):
    debian.command("cvc4", CVC4)
    debian.write("proves", proves)
    debian.write("asked", "")
    done = debian.run(os.path.join(ROOT, "proof", "cvc4-twice"), *arguments)
    return done.stdout.split(), debian.asked().splitlines()


@test
def a_goal_of_the_first_try_is_not_tried_again(debian):
    said, calls = asked_cvc4(debian, "--inst-when=full", "--rlimit=7", "goal")
    equal((said, len(calls)), (["unsat"], 1))


@test
def a_goal_that_the_first_try_leaves_has_all_of_its_steps(debian):
    said, calls = asked_cvc4(debian, "no such word", "--rlimit=7", "goal")
    equal(said, ["unknown"])
    equal(len(calls), 2, "tries")
    equal(calls[1], "cvc4 --rlimit=7 goal", "the second try")


@test
def cvc4_is_asked_once_where_there_are_no_steps(debian):
    for arguments in (("--version",), ("--tlimit=1000", "goal")):
        said, calls = asked_cvc4(debian, "no such word", *arguments)
        equal((said, calls), (["unknown"], ["cvc4 " + " ".join(arguments)]))


def main():
    if not shutil.which("dpkg-deb"):
        print("scripts: not checked: this machine is no Debian")
        return 77
    words = sys.argv[1:]
    passed = failed = 0
    for one in TESTS:
        if words and not any(word in one.__name__ for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                one(Debian(folder))
                passed += 1
                print("ok   " + one.__name__)
            except (Failure, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"FAIL {one.__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
