#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The project on a bare Debian: an installation of another suite with ca-certificates, git, make and a C compiler, a clone of
HEAD in it, and there the commands of the README.

    test/debian/run.py [--all] [SUITE...]       without any: the one of bookworm and trixie that this machine is not

The steps: `make`; `make test` for the suites that take seconds (TESTS below), with --all for every suite, which takes as long
as `make test` does here; `make run`. scripts/suite makes the installation from where this machine's apt gets its packages; the
copy that is used takes up to 6 GB in build/debian and is removed at the end. A step's output is in build/debian/SUITE-STEP.log;
of one that fails, the end is shown. Exit status 77: this user may not make an installation here, or apt cannot read that
suite's lists. Closes with "N passed, N failed".
"""
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITE = os.path.join(ROOT, "scripts", "suite")
OUT = os.path.join(ROOT, "build", "debian")
SUITES = ["bookworm", "trixie"]
BARE = "ca-certificates gcc git libc6-dev make"
TESTS = "unit cli scripts style clang"
NOT_CHECKED = 77                # exit status, as scripts/test knows it

# name, most seconds, what is typed in the clone, what its output must have
STEPS = [
    ("build", 300, "make && build/cordon --version", r"^cordon \d"),
    ("test", 900, f'make test ONLY="{TESTS}"', r"^[1-9]\d* passed, 0 failed$"),
    ("run", 900, "make run", r"^ *Everything is as it must be\.\s*$"),
]


class Cannot(Exception):
    """There is no installation to try anything in."""


def own_suite():
    with open("/etc/os-release", encoding="utf-8") as file:
        found = re.search(r"^VERSION_CODENAME=(\w+)", file.read(), re.M)
    return found.group(1) if found else ""


def prepare(*command):
    """A step before the first one: without it there is nothing to try."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        raise Cannot((done.stderr.strip().splitlines() or [f"{command[0]}: exit status {done.returncode}"])[-1])


def furnish(suite):
    """A bare installation with a clone in it."""
    root = os.path.join(OUT, suite)
    if os.path.exists(root):
        prepare(SUITE, "drop", root)
    prepare(SUITE, "fresh", suite, BARE, root)
    prepare("git", "clone", "--quiet", "--bare", "--no-local", ROOT, os.path.join(root, "root", "cordon.git"))
    prepare(SUITE, "alone", root, "git", "clone", "--quiet", "cordon.git", "cordon")
    return root


def step(suite, root, name, limit, typed, wanted):
    log = os.path.join(OUT, f"{suite}-{name}.log")
    began = time.monotonic()
    with open(log, "w", encoding="utf-8", errors="replace") as out:
        try:
            status = subprocess.run([SUITE, "alone", root, "sh", "-c", "cd cordon && " + typed], stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=subprocess.STDOUT, timeout=limit, check=False).returncode
            reason = f"exit status {status}"
        except subprocess.TimeoutExpired:
            status, reason = 1, f"not done after {limit} seconds"
    with open(log, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if status == 0 and not re.search(wanted, text, re.M):
        status, reason = 1, f"its output has nothing like {wanted}"
    print(f"  {'ok  ' if status == 0 else 'FAIL'} {suite} {typed} {time.monotonic() - began:8.0f} s", flush=True)
    if status != 0:
        print("\n".join(["       " + reason] + ["       | " + line for line in text.splitlines()[-25:]]), flush=True)
    return status == 0


def one(suite):
    began = time.monotonic()
    root = furnish(suite)
    print(f"  ok   {suite} a bare installation and a clone {time.monotonic() - began:8.0f} s", flush=True)
    try:
        return [step(suite, root, *rest) for rest in STEPS]
    finally:
        prepare(SUITE, "drop", root)


def main():
    words = sys.argv[1:]
    if words[:1] == ["--all"]:
        del words[0]
        STEPS[1] = ("test", 9000, "make test", STEPS[1][3])
    if os.environ.get("container") == "cordon":
        print("debian: not checked: this is an installation that it made")
        return NOT_CHECKED
    suites = words or [s for s in SUITES if s != own_suite()][:1]
    if [s for s in suites if s not in SUITES]:
        print(__doc__)
        return 0 if suites[0] in ("-h", "--help") else 2
    os.makedirs(OUT, exist_ok=True)
    if subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode == 1:
        print("debian: HEAD is tried, without what is not committed", flush=True)
    results = []
    for suite in suites:
        try:
            prepare(SUITE, "able", suite)
        except Cannot as why:
            print(f"debian: not checked: {why}")
            return NOT_CHECKED
        try:
            results += one(suite)
        except Cannot as why:
            print(f"  FAIL {suite} {why}")
            results.append(False)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
