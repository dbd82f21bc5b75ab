#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the `cordon` command from the outside: what it prints and how it ends.

usage: test_cli.py PATH-OF-CORDON [WORD...]     only the tests whose name has one of the words

Prints a line for each test and closes with `N passed, N failed`.
"""
import fcntl
import hashlib
import os
import pty
import random
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples")
RAM = "ram 0x40000000 0x4000000\n"
TESTS = []
cordon = None
scratch = None


class Failure(Exception):
    pass


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def test(f):
    TESTS.append(f)
    return f


def run(*args, stdin=b"", stdout=subprocess.PIPE, env=None, cwd=None):
    p = subprocess.run([cordon, *args], input=stdin, stdout=stdout, stderr=subprocess.PIPE, env=env, cwd=cwd,
                       timeout=300)
    return Result(p.returncode, (p.stdout or b"").decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace"))


def write(name, text):
    path = os.path.join(scratch, name)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def replay(text, *options):
    return run("replay", *options, write("t.trace", text))


def check(condition, what):
    if not condition:
        raise Failure(what)


def equal(got, want, what="result"):
    check(got == want, "%s is %r, expected %r" % (what, got, want))


def contains(text, part):
    check(part in text, "%r is not in %r" % (part, text[:600]))


def prints(text, want, status=0):
    r = replay(text)
    equal(r.out, want, "output")
    equal(r.status, status, "exit status")
    if status == 0:
        equal(r.err, "", "standard error")


# ---- help, version, command line ----

@test
def version():
    r = run("--version")
    equal(r.status, 0)
    check(re.fullmatch(r"cordon \d+\.\d+\.\d+\S*\n", r.out), r.out)


@test
def help_of_the_command():
    for args in (["--help"], ["-h"], ["help"]):
        r = run(*args)
        equal(r.status, 0)
        for word in ("replay", "map", "check", "--version"):
            contains(r.out, word)
        equal(r.err, "")


@test
def help_of_each_subcommand():
    for command, words in (("replay", ("--log", "--no-check", "prot_and_map")), ("map", ("--svg", "NO_COLOR")),
                           ("check", ("I1", "I8"))):
        r = run(command, "--help")
        equal(r.status, 0)
        contains(r.out, "usage: cordon " + command)
        contains(r.out, "Exit status")
        for word in words:
            contains(r.out, word)
        check(max(map(len, r.out.splitlines())) <= 100, "help is too wide")


@test
def wrong_command_lines():
    for args in ([], ["frobnicate"], ["replay"], ["replay", "--frob", "x"], ["replay", "a", "b"], ["replay", "--log"],
                 ["replay", "--no-check=1", "x"], ["map"], ["map", "--svg"], ["map", "--log", "x", "y"], ["check"],
                 ["check", "--no-check", "x"], ["--frob"], ["-x"]):
        r = run(*args)
        equal(r.status, 2, "exit status of %r" % args)
        equal(r.out, "", "output of %r" % args)
        check(r.err, "no reason for %r" % args)


@test
def options_in_any_order():
    path = write("t.trace", RAM + "dump\n")
    log = os.path.join(scratch, "t.log")
    for args in (["--log", log, "--no-check", path], [path, "--no-check", "--log=" + log], ["--no-check", "--", path]):
        equal(run("replay", *args).status, 0, "exit status of %r" % args)


@test
def standard_input():
    for command in ("replay", "map", "check"):
        equal(run(command, "-", stdin=(RAM + "vm 1\nread host 0x40000000\n").encode()).status, 0)
    r = run("replay", "-", stdin=b"frob\n")
    equal(r.status, 2)
    contains(r.err, "<stdin>:1: unknown word 'frob'")


# ---- malformed traces: each by name ----

def malformed(text, line, reason, out=""):
    path = write("bad.trace", text)
    for command in ("replay", "map", "check"):
        r = run(command, path)
        equal(r.status, 2, "exit status of %s" % command)
        check(r.err.startswith("%s:%d: " % (path, line)), "no %s:%d: in %r" % (path, line, r.err[:300]))
        contains(r.err, reason)
        check(r.err.count("\n") == 1 and r.err.endswith("\n"), "not one line: %r" % r.err)
        if command == "replay":
            equal(r.out, out, "output")
        check(len(r.err) < 1024, "a very long reason")
        check(all(" " <= c < "\x7f" for c in r.err[len(path):-1]), "unprintable bytes in %r" % r.err)


MALFORMED = {
    "unknown word": (RAM + "frob 1\n", 2, "unknown word 'frob'"),
    "word in capitals": (RAM + "DUMP\n", 2, "unknown word 'DUMP'"),
    "missing field": (RAM + "vm 1\ngrant 1 0x1000\n", 3, "missing field SIZE: write 'grant ID ADDR SIZE'"),
    "missing all fields": (RAM + "prot_and_map\n", 2, "missing field ID"),
    "missing field before a comment": (RAM + "vm # 1\n", 2, "missing field ID"),
    "extra field": (RAM + "host_fault 0 7\n", 2, "extra field '7': write 'host_fault ADDR'"),
    "extra field of dump": (RAM + "dump now\n", 2, "extra field 'now': write 'dump'"),
    "many extra fields": (RAM + "vm 1 2 3 4 5 6 7 8 9 10 11 12\n", 2, "extra field '2'"),
    "number too large, decimal": (RAM + "host_fault 18446744073709551616\n", 2, "number too large"),
    "number too large, hexadecimal": (RAM + "host_fault 0x10000000000000000\n", 2, "number too large"),
    "number too large, huge": (RAM + "host_fault " + "9" * 300 + "\n", 2, "number too large"),
    "not a number": (RAM + "host_fault here\n", 2, "ADDR is 'here', not a number"),
    "negative number": (RAM + "vm -1\n", 2, "ID is '-1', not a number"),
    "signed number": (RAM + "vm +1\n", 2, "ID is '+1', not a number"),
    "0x alone": (RAM + "host_fault 0x\n", 2, "not a number"),
    "hexadecimal without 0x": (RAM + "host_fault 4a\n", 2, "not a number"),
    "capital 0X": (RAM + "host_fault 0X10\n", 2, "not a number"),
    "hexadecimal with a letter too far": (RAM + "host_fault 0x1g\n", 2, "not a number"),
    "floating point": (RAM + "host_fault 1.5\n", 2, "not a number"),
    "who is neither host nor a number": (RAM + "read guest 0\n", 2, "WHO is 'guest', not a number"),
    "host where only an ID may stand": (RAM + "grant host 0 4096\n", 2, "ID is 'host', not a number"),
    "core outside ram": (RAM + "core 0x80000000 0x1000\n", 2, "core outside ram"),
    "core across the end of ram": (RAM + "core 0x43fff000 0x2000\n", 2, "core outside ram"),
    "core across two adjacent regions": ("ram 0 0x1000\nram 0x1000 0x1000\ncore 0 0x2000\n", 3, "core outside ram"),
    "core before its ram": ("core 0x40000000 0x1000\n" + RAM, 1, "core outside ram"),
    "core overlapping core": (RAM + "core 0x40000000 0x2000\ncore 0x40001000 0x1000\n", 3, "overlapping core"),
    "core unaligned": (RAM + "core 0x40000800 0x1000\n", 2, "not page aligned"),
    "core of size 0": (RAM + "core 0x40000000 0\n", 2, "empty"),
    "overlapping ram": (RAM + "ram 0x43fff000 0x2000\n", 2, "overlapping ram"),
    "overlapping ram from below": (RAM + "ram 0x3ffff000 0x2000\n", 2, "overlapping ram"),
    "ram around ram": (RAM + "ram 0 0x80000000\n", 2, "overlapping ram"),
    "the same ram twice": (RAM + RAM, 2, "overlapping ram"),
    "ram unaligned": ("ram 0x40000001 0x1000\n", 1, "not page aligned"),
    "ram of unaligned size": ("ram 0x40000000 0x1001\n", 1, "not page aligned"),
    "ram of size 0": ("ram 0x40000000 0\n", 1, "empty"),
    "ram beyond 2^40": ("ram 0xfffffff000 0x2000\n", 1, "ends beyond"),
    "ram that wraps around": ("ram 0x1000 0xfffffffffffff000\n", 1, "ends beyond"),
    "ram after an operation": (RAM + "dump\nram 0 0x1000\n", 3, "'ram' comes too late"),
    "core after an operation": (RAM + "dump\ncore 0x40000000 0x1000\n", 3, "'core' comes too late"),
    "ram after a vm": (RAM + "vm 1\nram 0 0x1000\n", 3, "'ram' comes too late"),
    "no ram before a vm": ("vm 1\n", 1, "no ram"),
    "no ram before an operation": ("dump\n", 1, "no ram"),
    "vm 0": (RAM + "vm 0\n", 2, "an ID is 1 to 255"),
    "vm 256": (RAM + "vm 256\n", 2, "an ID is 1 to 255"),
    "vm 2^32+1": (RAM + "vm 0x100000001\n", 2, "an ID is 1 to 255"),
    "vm twice": (RAM + "vm 7\nvm 7\n", 3, "vm 7 exists already"),
    "empty file": ("", 1, "empty"),
    "blank file": ("\n\n \t\n", 3, "empty"),
    "comments only": ("# nothing\n#\n", 2, "empty"),
    "binary file": (bytes(range(256)) * 8, 1, "control byte 0x00 in column 1"),
    "elf file": (b"\x7fELF\x02\x01\x01\0\0\0", 1, "control byte 0x7f in column 1"),
    "zero byte in a line": (RAM.encode() + b"du\0mp\n", 2, "control byte 0x00 in column 3"),
    "escape in a line": (RAM.encode() + b"\x1b[31mdump\n", 2, "control byte 0x1b in column 1"),
    "carriage return in a line": (RAM.encode() + b"du\rmp\n", 2, "control byte 0x0d in column 3"),
    "not ASCII": (RAM.encode() + "dümp\n".encode(), 2, "byte 0xc3 in column 2 is not ASCII"),
    "byte order mark": (b"\xef\xbb\xbf" + RAM.encode(), 1, "byte 0xef in column 1 is not ASCII"),
    "line of a megabyte": (RAM + "dump" + " " * (1 << 20) + "\n", 2, "line too long: the limit is 4096 bytes"),
    "word of a megabyte": (RAM + "d" * (1 << 20) + "\n", 2, "line too long"),
    "comment of a megabyte": (RAM + "#" * (1 << 20) + "\n", 2, "line too long"),
    "megabyte without a line end": ("0" * (1 << 20), 1, "line too long"),
    "line of 4097 bytes": (RAM + "dump" + " " * 4093 + "\n", 2, "line too long"),
    "word of 4000 bytes": (RAM + "d" * 4000 + "\n", 2, "unknown word 'dddddddd"),
}

for _name, _case in MALFORMED.items():
    def _malformed(case=_case):
        malformed(*case)
    _malformed.__name__ = "malformed: " + _name
    test(_malformed)


@test
def output_before_a_malformed_line_is_kept():
    malformed(RAM + "host_fault 0x40000000\nread host 0x40000000\nfrob\n", 4, "unknown word", "ok\nvalue 0x0\n")


@test
def too_many_ram_lines():
    lines = ["ram 0x%x 0x1000" % (i * 0x400000) for i in range(4097)]
    malformed("\n".join(lines) + "\n", 4097, "too many ram lines")


@test
def a_reason_never_carries_terminal_codes():
    r = replay(RAM.encode() + b"x\x1b]0;title\x07\n")
    check("\x1b" not in r.err and "\x07" not in r.err, repr(r.err))


@test
def lines_may_look_many_ways():
    prints("\t ram\t0x40000000   4096 # RAM\r\n\n   # a comment\n#\nvm 1#one\nvm\t2\r\nread host 0x40000000", "value 0x0\n")
    prints(RAM + "# caf\u00e9 \x00 \x1b in a comment\nread host 0x40000000\n", "value 0x0\n")
    prints(RAM + "dump" + " " * 4092 + "\n", "")
    prints(RAM, "")


# ---- files ----

@test
def missing_file():
    for command in ("replay", "map", "check"):
        r = run(command, os.path.join(scratch, "no such file"))
        equal(r.status, 2)
        contains(r.err, "no such file: cannot be opened: No such file or directory")


@test
def directory():
    for command in ("replay", "map", "check"):
        r = run(command, scratch)
        equal(r.status, 2)
        contains(r.err, scratch + ": cannot be read: Is a directory")


@test
def full_disk_on_stdout():
    path = write("t.trace", RAM + "dump\nread host 0x40000000\n" * 5000)
    for args in (["replay", path], ["map", path], ["check", path], ["--help"], ["--version"], ["map", "--svg", "-", path]):
        with open("/dev/full", "wb") as full:
            r = run(*args, stdout=full)
        equal(r.status, 2, "exit status of %r" % args)
        contains(r.err, "cannot write standard output: ")


@test
def log_that_cannot_be_written():
    path = write("t.trace", RAM + "vm 1\nprot_and_map 1 0 0x40000000 3\n")
    for log, reason in ((os.path.join(scratch, "no", "log"), "No such file or directory"), (scratch, "Is a directory"),
                        ("/dev/full", "No space left on device")):
        r = run("replay", "--log", log, path)
        equal(r.status, 2, "exit status for %s" % log)
        contains(r.err, "%s: the log cannot be written: %s" % (log, reason))


@test
def svg_that_cannot_be_written():
    path = write("t.trace", RAM)
    for svg, reason in ((os.path.join(scratch, "no", "svg"), "No such file or directory"), (scratch, "Is a directory"),
                        ("/dev/full", "No space left on device")):
        r = run("map", "--svg", svg, path)
        equal(r.status, 2, "exit status for %s" % svg)
        contains(r.err, "%s: the SVG cannot be written: %s" % (svg, reason))


@test
def log_has_the_table_writes():
    log = os.path.join(scratch, "t.log")
    r = replay(RAM + "vm 1\nprot_and_map 1 0 0x40000000 3\nclear 1 0x40000 1\n", "--log", log)
    equal(r.status, 0)
    with open(log) as f:
        text = f.read()
    check(text.count("\n") > 4, "the log has only %r" % text)
    contains(text, "prot_and_map 1 0 0x40000000 3")
    for line in text.splitlines():
        check(re.fullmatch(r"[\x20-\x7e]+", line), "not a line of text: %r" % line)


# ---- answers ----

@test
def refusals_by_name():
    setup = RAM + "core 0x40000000 0x1000\nvm 1\nvm 2\nprot_and_map 1 0 0x40200000 3\n"
    cases = {
        "host_fault 0x10000000000": "refused range",
        "host_fault 0xffffffffffffffff": "refused range",
        "host_fault 0x40000000": "refused private",
        "host_fault 0x40200fff": "refused private",
        "host_fault 0x40200001": "refused private",
        "host_fault 0x40201001": "ok",
        "host_fault 0x9000000": "ok",
        "prot_and_map 1 0x1000000000000 0x40300000 3": "refused range",
        "prot_and_map 1 0x1000 0x10000000000 3": "refused range",
        "prot_and_map 1 0x200000 0x40301000 2": "refused unaligned",
        "prot_and_map 1 0x1000 0x40301000 0x100000002": "ok",
        "prot_and_map 1 0x2008 0xffff000040302fff 7": "ok",
        "prot_and_map 3 0x1000 0x40303000 3": "refused no-vm",
        "prot_and_map 0 0x1000 0x40303000 3": "refused no-vm",
        "prot_and_map 0xffffffffffffffff 0x1000 0x40303000 3": "refused no-vm",
        "prot_and_map 0x100000001 0x9000 0x40303000 3": "refused no-vm",
        "prot_and_map 9 0xffffffffffffffff 0x40303000 3": "refused range",
        "prot_and_map 1 0 0x40303000 3": "refused mapped",
        "prot_and_map 1 0 0x40200000 3": "ok",
        "prot_and_map 1 0x5000 0x40200000 3": "refused gfn",
        "prot_and_map 2 0x5000 0x40200000 3": "refused owned",
        "prot_and_map 2 0x5000 0x40000000 3": "refused owned",
        "prot_and_map 2 0x5000 0x9000000 3": "refused owned",
        "prot_and_map 2 0x200000 0x40200000 2": "refused owned",
        "grant 1 0 0": "refused empty",
        "grant 9 0 0": "refused empty",
        "grant 9 8 4096": "refused unaligned",
        "grant 9 0 4096": "refused no-vm",
        "grant 1 0xfffffffff000 0x1001": "refused range",
        "grant 1 8 0xffffffffffffffff": "refused range",
        "grant 1 0 0x800000000000": "ok changed=3 skipped=34359738365",
        "revoke 1 0 1": "ok changed=1 skipped=0",
        "revoke 1 0 1 ": "ok changed=0 skipped=1",
        "revoke 1 0 0": "refused empty",
        "revoke 1 4095 1": "refused unaligned",
        "revoke 9 0 1": "refused no-vm",
        "clear 1 0x10000000 1": "refused range",
        "clear 9 0xfffffff 2": "refused range",
        "clear 1 0 0xffffffffffffffff": "refused range",
        "clear 9 0 0": "refused no-vm",
        "clear 1 0x40200 0": "ok changed=0 skipped=0",
        "clear 2 0 0x10000000": "ok changed=0 skipped=268435456",
        "map_io 1 0x1000000000000 0": "refused range",
        "map_io 1 0x10000 0x10000000000": "refused range",
        "map_io 9 0x10008 0x9000000": "refused unaligned",
        "map_io 9 0x10000 0x9000008": "refused unaligned",
        "map_io 9 0x10000 0x9000000": "refused no-vm",
        "map_io 1 0x10000 0x40300000": "refused ram",
        "map_io 1 0 0x9000000": "refused mapped",
        "map_io 1 0x10000 0x9000000": "ok",
        "map_io 1 0x10000 0x9000000 ": "ok",
        "map_io 1 0x10000 0x9001000": "refused mapped",
        "read host 0x10000000000": "refused range",
        "read host 0x10000000001": "refused range",
        "read host 0x40300001": "refused unaligned",
        "read 0 0x40400000": "value 0x0",
        "write host 0x9000000 5": "ok",
        "read host 0x9000000": "value 0x0",
        "read host 0x40200000": "fault",
        "write host 0x40000ff8 1": "fault",
        "read 1 0x1000000000000": "refused range",
        "read 1 0x10001": "refused unaligned",
        "read 9 0x10001": "refused unaligned",
        "read 9 0x10000": "refused no-vm",
        "read 0x100000001 0": "refused no-vm",
        "read 1 0x10000": "value 0x0",
        "write 1 0x10000 7": "ok",
        "read 1 0x10008": "value 0x0",
        "read 1 0x7000000": "fault",
        "write 1 0xff8 0xABCDEF0123456789": "ok",
        "read 1 0xff8": "value 0xabcdef0123456789",
    }
    r = replay(setup + "\n".join(cases) + "\n")
    equal(r.err, "")
    lines = r.out.splitlines()[1:]
    for (line, want), got in zip(cases.items(), lines):
        check(got == want, "'%s' printed '%s', expected '%s'" % (line, got, want))
    equal(len(lines), len(cases), "number of lines")
    equal(r.status, 0)


@test
def a_dump():
    prints("ram 0x40000000 0x400000\nram 0x40400000 0x1ff000\ncore 0x40200000 0x3000\nvm 2\nvm 1\n"
           "prot_and_map 2 0x1000 0x40000000 3\nprot_and_map 2 0x2000 0x40001000 3\nprot_and_map 2 0x5000 0x40002000 3\n"
           "prot_and_map 1 0x3000 0x40003000 3\nprot_and_map 1 0xffffffffe000 0x405fe000 3\ngrant 2 0x2000 1\n"
           "write 2 0x5000 0x10\nwrite 1 0xffffffffe008 0x10\nmap_io 1 0x200000 0xfffffff000\ndump\n",
           "ok\nok\nok\nok\nok\nok changed=1 skipped=0\nok\nok\nok\n"
           "frame pfn=0x40000 n=1 owner=2 count=0 gfn=0x1\n"
           "frame pfn=0x40001 n=1 owner=2 count=1 gfn=0x2\n"
           "frame pfn=0x40002 n=1 owner=2 count=0 gfn=0x5\n"
           "frame pfn=0x40003 n=1 owner=1 count=0 gfn=0x3\n"
           "frame pfn=0x40200 n=3 owner=core count=0 gfn=-\n"
           "frame pfn=0x405fe n=1 owner=1 count=0 gfn=0xffffffffe\n"
           "map who=1 gfn=0x3 n=1 pfn=0x40003 level=3 type=normal\n"
           "map who=1 gfn=0x200 n=1 pfn=0xfffffff level=3 type=device\n"
           "map who=1 gfn=0xffffffffe n=1 pfn=0x405fe level=3 type=normal\n"
           "map who=2 gfn=0x1 n=2 pfn=0x40000 level=3 type=normal\n"
           "map who=2 gfn=0x5 n=1 pfn=0x40002 level=3 type=normal\n"
           "mem pfn=0x40002 word0=0x10\n")


@test
def a_dump_of_nothing():
    prints(RAM + "dump\ndump\n", "")


@test
def a_run_of_frames_crosses_adjacent_regions():
    prints("ram 0x40000000 0x200000\nram 0x40200000 0x200000\nvm 1\nprot_and_map 1 0x1ff000 0x401ff000 3\n"
           "prot_and_map 1 0x200000 0x40200000 3\ndump\n",
           "ok\nok\nframe pfn=0x401ff n=2 owner=1 count=0 gfn=0x1ff\n"
           "map who=1 gfn=0x1ff n=2 pfn=0x401ff level=3 type=normal\n")


@test
def all_255_vms():
    text = RAM + "".join("vm %d\n" % v for v in range(1, 256))
    text += "".join("prot_and_map %d 0 0x%x 3\nwrite %d 0 %d\n" % (v, 0x40000000 + v * 0x1000, v, v) for v in range(1, 256))
    text += "".join("read %d 0\n" % v for v in range(1, 256))
    prints(text, "ok\n" * 510 + "".join("value 0x%x\n" % v for v in range(1, 256)))


@test
def no_check_answers_the_same():
    for name in sorted(os.listdir(EXAMPLES)):
        if name.endswith(".trace"):
            path = os.path.join(EXAMPLES, name)
            equal(run("replay", "--no-check", path).out, run("replay", path).out, "output for " + name)


# ---- examples ----

def example(name):
    path = os.path.join(EXAMPLES, name)
    r = run("replay", path)
    with open(path[:-len("trace")] + "expected") as f:
        equal(r.out, f.read(), "output")
    equal(r.err, "")
    equal(r.status, 0)
    equal(run("check", path).status, 0, "exit status of check")
    equal(run("check", "-", stdin=r.out.encode()).status, 0, "exit status of check on the output")
    if name.startswith("attack-"):
        check(re.search(r"(fault|refused .*)$", r.out.rstrip()), "the attack does not end refused")


for _file in sorted(os.listdir(EXAMPLES)):
    if _file.endswith(".trace"):
        def _example(file=_file):
            example(file)
        _example.__name__ = "example: " + _file
        test(_example)


@test
def an_attack_on_each_invariant():
    for i in range(1, 9):
        check(os.path.exists(os.path.join(EXAMPLES, "attack-I%d.trace" % i)), "no attack on I%d" % i)


# ---- map ----

def terminal(columns, *args, env=None):
    """Runs cordon on a terminal of so many columns; returns what the terminal got."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
    environment.update(env or {})
    p = subprocess.Popen([cordon, *args], stdin=subprocess.DEVNULL, stdout=side, stderr=side, env=environment)
    os.close(side)
    got = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        got += part
    os.close(main)
    equal(p.wait(), 0, "exit status")
    return got.decode().replace("\r\n", "\n")


def life():
    return os.path.join(EXAMPLES, "a-vms-life.trace")


SHARED = RAM + ("core 0x40000000 0x200000\nvm 1\nvm 2\nprot_and_map 1 0 0x40200000 2\ngrant 1 0x4000 0x2000\n"
                "prot_and_map 2 0 0x43fff000 3\n")


@test
def map_in_80_columns():
    r = run("map", write("t.trace", SHARED))
    equal(r.status, 0)
    check(max(map(len, r.out.splitlines())) <= 80, "wider than 80 columns")
    check("\033" not in r.out, "colours outside of a terminal")
    contains(r.out, "ram 0x40000000 .. 0x43ffffff, 64 MiB")
    contains(r.out, "0x40200000 aaaaAAaaaa")
    contains(r.out, "0x40000000 ####")
    check(re.search(r"0x43fc0000 \.{63}b\n", r.out), r.out)
    for line in (r"\.  host +15359 frames", r"#  core +512 frames +2 MiB", r"a  VM 1, private +510 frames",
                 r"A  VM 1, shared with the host +2 frames +8 KiB", r"b  VM 2, private +1 frame +4 KiB"):
        check(re.search(line, r.out), "no %s in %s" % (line, r.out))


@test
def map_fits_the_terminal():
    path = write("t.trace", SHARED)
    for columns in (40, 60, 79, 80, 160, 300):
        plain = re.sub("\033\\[[0-9;]*m", "", terminal(columns, "map", path))
        rows = [line for line in plain.splitlines() if re.match(r" +0x", line)]
        check(rows and max(map(len, rows)) <= columns, "wider than %d columns" % columns)


@test
def map_colours_only_on_a_terminal():
    path = write("t.trace", SHARED)
    contains(terminal(80, "map", path), "\033[")
    check("\033" not in terminal(80, "map", path, env={"NO_COLOR": "1"}), "NO_COLOR is not heeded")
    check("\033" not in terminal(80, "map", path, env={"TERM": "dumb"}), "TERM=dumb is not heeded")
    plain = run("map", path).out
    equal(re.sub("\033\\[[0-9;]*m", "", terminal(80, "map", path)), plain, "the picture without its colours")


@test
def map_of_large_memory_is_scaled():
    rng = random.Random(1)
    text = "ram 0x40000000 0x1000000000\ncore 0x40000000 0x4000000\nvm 1\n"
    text += "".join("prot_and_map 1 0x%x 0x%x 2\n" % (i << 21, 0x80000000 + (rng.randrange(24 << 9) << 21))
                    for i in range(300))
    r = run("map", write("t.trace", text))
    equal(r.status, 0)
    check(len(r.out.splitlines()) < 45, "%d lines" % len(r.out.splitlines()))
    frames = int(re.search(r"A cell is (\d+) frames", r.out).group(1))
    check(frames & (frames - 1) == 0, "%d is no power of two" % frames)
    check(re.search(r"\*  more than one of these", r.out), "no mixed cells")


@test
def map_of_many_vms():
    text = RAM + "".join("vm %d\n" % v for v in range(1, 256))
    text += "".join("prot_and_map %d 0 0x%x 3\n" % (v, 0x40000000 + v * 0x1000) for v in range(1, 200))
    r = run("map", write("t.trace", text))
    equal(r.status, 0)
    contains(r.out, "all other VMs")
    contains(r.out, "56 VMs own no memory")
    total = sum(int(n) for n in re.findall(r"(\d+) frames? ", r.out.split("\n\n")[-1]))
    equal(total, 0x4000000 // 4096, "frames in the legend")


@test
def map_of_several_regions():
    r = run("map", write("t.trace", "ram 0x1000 0x3000\nram 0x80000000 0x100000\nram 0x8000000000 0x1000\nvm 1\n"
                         "prot_and_map 1 0 0x2000 3\n"))
    equal(r.status, 0)
    contains(r.out, "0x0000000000  .a.\n")
    contains(r.out, "ram 0x8000000000 .. 0x8000000fff, 4 KiB")


SVG = "{http://www.w3.org/2000/svg}"


@test
def svg_is_a_picture():
    path = write("t & <t>.trace", SHARED)
    svg = os.path.join(scratch, "t.svg")
    r = run("map", "--svg", svg, path)
    equal(r.status, 0)
    contains(r.out, "ram 0x40000000")
    root = ElementTree.parse(svg).getroot()
    equal(root.tag, SVG + "svg")
    contains(root.find(SVG + "title").text, "t & <t>.trace")
    texts = ["".join(t.itertext()) for t in root.iter(SVG + "text")]
    for want in ("RAM 0x40000000 .. 0x43ffffff, 64 MiB", "host", "core", "VM 1, private", "VM 1, shared with the host", "2 MiB"):
        check(want in texts, "no text %r in %r" % (want, texts))
    titles = [t.text for t in root.iter(SVG + "title")]
    contains("\n".join(titles), "0x40204000 .. 0x40205fff: VM 1, shared with the host")
    ids = {e.get("id") for e in root.iter() if e.get("id")}
    with open(svg) as f:
        text = f.read()
    for name in re.findall(r"url\(#(\w+)\)", text):
        check(name in ids, "pattern %s is not there" % name)
    check("http" not in text.replace("http://www.w3.org/2000/svg", ""), "the SVG refers to something outside")
    width, height = (float(root.get(k)) for k in ("width", "height"))
    for e in root.iter(SVG + "rect"):
        if e.get("x") and "width" in e.attrib:
            check(float(e.get("x")) + float(e.get("width")) <= width, "a rectangle beyond the width")
            check(float(e.get("y")) + float(e.get("height")) <= height, "a rectangle beyond the height")


@test
def svg_on_standard_output():
    r = run("map", "--svg", "-", life())
    equal(r.status, 0)
    equal(ElementTree.fromstring(r.out.encode()).tag, SVG + "svg")


@test
def svg_of_large_memory_stays_small():
    text = "ram 0x40000000 0x1000000000\nvm 1\n" + "".join(
        "prot_and_map 1 0x%x 0x%x 3\n" % (i << 12, 0x80000000 + i * 0x2f000) for i in range(3000))
    svg = os.path.join(scratch, "t.svg")
    equal(run("map", "--svg", svg, write("t.trace", text)).status, 0)
    ElementTree.parse(svg)
    check(os.path.getsize(svg) < 1 << 20, "%d bytes" % os.path.getsize(svg))


# ---- check ----

@test
def check_of_a_trace():
    r = run("check", write("t.trace", SHARED))
    equal((r.status, r.err), (0, ""))
    contains(r.out, "every invariant holds after each of 3 operations")


@test
def check_of_an_output():
    r = run("check", write("t.out", run("replay", os.path.join(EXAMPLES, "block-split-by-a-clear.trace")).out))
    equal((r.status, r.err), (0, ""))
    contains(r.out, "ok: I1 I2 I3 I4 I8 hold in 3 dumps")


FRAME1 = "frame pfn=0x100 n=4 owner=1 count=0 gfn=0x0\n"
MAP1 = "map who=1 gfn=0x0 n=4 pfn=0x100 level=3 type=normal\n"
VIOLATIONS = {
    "I1, private memory": (FRAME1 + "map who=host gfn=0x102 n=1 pfn=0x102 level=3 type=normal\n", 2, "I1"),
    "I1, a block over private memory": (FRAME1 + "map who=host gfn=0x0 n=512 pfn=0x0 level=2 type=normal\n", 2, "I1"),
    "I1, not identity": ("map who=host gfn=0x102 n=1 pfn=0x103 level=3 type=normal\n", 1, "I1"),
    "I1, ram as device": (FRAME1 + "map who=host gfn=0x100 n=1 pfn=0x100 level=3 type=device\n", 2, "I1"),
    "I2, another VM's frame": (FRAME1 + "map who=2 gfn=0x0 n=1 pfn=0x103 level=3 type=normal\n", 2, "I2"),
    "I2, another gfn": (FRAME1 + "map who=1 gfn=0x1 n=4 pfn=0x100 level=3 type=normal\n", 2, "I2"),
    "I2, the host's frame": (FRAME1 + "map who=1 gfn=0x0 n=5 pfn=0x100 level=3 type=normal\n", 2, "I2"),
    "I2, the host's frame before": (FRAME1 + "map who=1 gfn=0xfffffffff n=2 pfn=0xff level=3 type=normal\n", 2, "I2"),
    "I2, no frame at all": ("map who=1 gfn=0x0 n=1 pfn=0x100 level=3 type=normal\n", 1, "I2"),
    "I2, ram as device": (FRAME1 + "map who=1 gfn=0x0 n=1 pfn=0x100 level=3 type=device\n", 2, "I2"),
    "I3, two VMs": (FRAME1 + MAP1 + "map who=2 gfn=0x0 n=4 pfn=0x100 level=3 type=normal\n", 3, "I3"),
    "I3, twice by one VM": (FRAME1 + MAP1 + "map who=1 gfn=0x9 n=1 pfn=0x103 level=3 type=normal\n", 3, "I3"),
    "I3, inside a longer run": (FRAME1 + MAP1 + "map who=1 gfn=0x9 n=1 pfn=0x101 level=3 type=normal\n"
                                "map who=1 gfn=0xb n=1 pfn=0x103 level=3 type=normal\n", 4, "I3"),
    "I4, the host": ("frame pfn=0x100 n=4 owner=core count=0 gfn=-\n"
                     "map who=host gfn=0x103 n=1 pfn=0x103 level=3 type=normal\n", 2, "I4"),
    "I4, a VM": ("frame pfn=0x100 n=4 owner=core count=0 gfn=-\n"
                 "map who=3 gfn=0x103 n=1 pfn=0x103 level=3 type=normal\n", 2, "I4"),
    "I8, a secret left": (FRAME1 + MAP1 + "mem pfn=0x101 word0=0x5\nok changed=4 skipped=0\nmem pfn=0x101 word0=0x5\n", 5, "I8"),
    "S3, a block out of place": ("frame pfn=0x100 n=512 owner=1 count=0 gfn=0x0\n"
                                 "map who=1 gfn=0x0 n=512 pfn=0x100 level=2 type=normal\n", 2, "S3"),
    "count, too many grants": ("frame pfn=0x100 n=4 owner=1 count=101 gfn=0x0\n", 1, "count"),
    "the second dump": (FRAME1 + MAP1 + "ok\n" + FRAME1 + "map who=1 gfn=0x8 n=4 pfn=0x100 level=3 type=normal\n", 5, "I2"),
}

for _name, _case in VIOLATIONS.items():
    def _violation(case=_case):
        text, line, rule = case
        path = write("t.out", text)
        r = run("check", path)
        equal(r.status, 1, "exit status")
        contains(r.err, "%s:%d: %s violated: " % (path, line, rule))
        contains(r.out, "violation")
    _violation.__name__ = "check: " + _name
    test(_violation)

SOUND = {
    "shared memory": FRAME1.replace("count=0", "count=1") + "map who=host gfn=0x100 n=4 pfn=0x100 level=3 type=normal\n" + MAP1,
    "host memory": "map who=host gfn=0x0 n=512 pfn=0x0 level=2 type=normal\n",
    "a device mapped twice": "map who=host gfn=0x9 n=1 pfn=0x9 level=3 type=device\n"
                             "map who=1 gfn=0x0 n=1 pfn=0x9 level=3 type=device\n"
                             "map who=2 gfn=0x0 n=1 pfn=0x9 level=3 type=device\n",
    "a write between": FRAME1 + MAP1 + "ok changed=4 skipped=0\nok\nmem pfn=0x101 word0=0x5\n",
    "two frame lines for one map": "frame pfn=0x100 n=2 owner=1 count=0 gfn=0x0\nframe pfn=0x102 n=2 owner=1 count=7 gfn=0x2\n" + MAP1,
    "answers alone": "ok\nok changed=1 skipped=2\nrefused no-vm\nvalue 0x5\nfault\n",
}

for _name, _text in SOUND.items():
    def _sound(text=_text):
        r = run("check", write("t.out", text))
        equal((r.status, r.err), (0, ""))
    _sound.__name__ = "check holds: " + _name
    test(_sound)

BAD_OUTPUT = {
    "unknown word": ("ok\nframes\n", 2, "unknown word"),
    "missing field": ("frame pfn=0x1 n=1 owner=1 count=0\n", 1, "missing field gfn="),
    "extra field": ("mem pfn=0x1 word0=0x1 x\n", 1, "extra field"),
    "wrong field": ("mem pfn=0x1 word1=0x1\n", 1, "not word0="),
    "not a number": ("mem pfn=0xx word0=0x1\n", 1, "not a number"),
    "number too large": ("frame pfn=0x1000000000 n=1 owner=1 count=0 gfn=0x0\n", 1, "number too large"),
    "empty run": ("frame pfn=0x1 n=0 owner=1 count=0 gfn=0x0\n", 1, "empty run"),
    "host frame with a gfn": ("frame pfn=0x1 n=1 owner=host count=1 gfn=0x1\n", 1, "gfn=-"),
    "level 0": ("map who=1 gfn=0x0 n=1 pfn=0x1 level=0 type=normal\n", 1, "level"),
    "unknown type": ("map who=1 gfn=0x0 n=1 pfn=0x1 level=3 type=strange\n", 1, "type"),
    "two records for a frame": ("frame pfn=0x1 n=4 owner=1 count=0 gfn=0x0\nframe pfn=0x2 n=1 owner=2 count=0 gfn=0x0\n", 2,
                                "two records"),
    "a gfn mapped twice": ("map who=1 gfn=0x0 n=4 pfn=0x1 level=3 type=normal\nmap who=1 gfn=0x1 n=1 pfn=0x9 level=3 type=normal\n",
                           2, "mapped twice"),
    "a line of a megabyte": ("ok\n" + "ok " * 400000 + "\n", 2, "line too long"),
    "a trace in the middle": ("ok\nram 0 0x1000\n", 2, "unknown word"),
}

for _name, _case in BAD_OUTPUT.items():
    def _bad_output(case=_case):
        text, line, reason = case
        path = write("t.out", text)
        r = run("check", path)
        equal(r.status, 2, "exit status")
        contains(r.err, "%s:%d: " % (path, line))
        contains(r.err, reason)
    _bad_output.__name__ = "check, malformed: " + _name
    test(_bad_output)


# ---- size and speed ----

def million(path, operations=1000000):
    """A mixture of everything over 64 MiB and four VMs."""
    rng = random.Random(7)
    with open(path, "w") as f:
        f.write(RAM + "core 0x40000000 0x200000\n" + "".join("vm %d\n" % v for v in range(1, 5)))
        for i in range(operations):
            page = rng.randrange(0x2000)
            v = page % 4 + 1
            a, p = page << 12, 0x40200000 + (page << 12)
            f.write(("prot_and_map %d 0x%x 0x%x 3\n" % (v, a, p), "write %d 0x%x %d\n" % (v, a, i),
                     "grant %d 0x%x 0x1000\n" % (v, a), "read host 0x%x\n" % p, "revoke %d 0x%x 0x1000\n" % (v, a),
                     "clear %d 0x%x 1\n" % (v, p >> 12), "host_fault 0x%x\n" % p, "read %d 0x%x\n" % (v, a))[rng.randrange(8)])


@test
def a_million_operations():
    path = os.path.join(scratch, "million.trace")
    million(path)
    outputs = []
    for options in ([], ["--no-check"]):
        start = time.time()
        r = run("replay", *options, path)
        took = time.time() - start
        equal((r.status, r.err), (0, ""))
        equal(r.out.count("\n"), 1000000, "lines")
        print("# 1000000 operations%s: %.1f s" % (" " + options[0] if options else ", every invariant checked", took))
        check(took < float(os.environ.get("CORDON_TEST_SECONDS", "60")), "%.0f s is too long" % took)
        outputs.append(r.out)
    check(outputs[0] == outputs[1], "--no-check changes the answers")


@test
def progress_on_a_terminal_only():
    path = os.path.join(scratch, "progress.trace")
    million(path, 200000)
    equal(run("replay", path).err, "")
    got = terminal(80, "check", path)
    contains(got, " operations")
    check(re.search(r"\r *\d+ %, \d+ operations", got), repr(got[:200]))


@test
def sparse_memory_of_64_gib():
    start = time.time()
    r = replay("ram 0x40000000 0x1000000000\nvm 1\nprot_and_map 1 0 0x1000000000 2\nwrite 1 0 1\nread host 0x800000000\n" +
               "dump\n" * 20)
    took = time.time() - start
    equal((r.status, r.err), (0, ""))
    equal(r.out.count("mem pfn=0x1000000 word0=0x1\n"), 20, "dumps")
    print("# 64 GiB, 20 dumps: %.2f s" % took)
    check(took < 60, "%.0f s is too long" % took)


# ---- measure ----

MEASURED_SIZE = 16 << 20
GUEST_RAM = 0x80000000
BLOCK = 2 << 20


def kernel(size=5 * 4096 + 100, image_size=3 << 20):
    """An arm64 Image with pages of zeros in it, and a part of a page at its end."""
    data = bytearray(random.Random(7).randbytes(size))
    data[2 * 4096:4 * 4096] = bytes(2 * 4096)
    struct.pack_into("<IIQQQ3QI", data, 0, 0x14000000, 0, 0x80000, image_size, 0, 0, 0, 0, 0x644d5241)
    return bytes(data)


def measure(image, initrd, *more):
    tree = os.path.join(scratch, "measured.dtb")
    r = run("measure", "--kernel", write("Image", image), *(["--initrd", write("initrd", initrd)] if initrd else []), "--mem", "16M",
            "--dump-dtb", tree, *more)
    with open(tree, "rb") as file:
        return r, file.read()


def measurement(image, initrd, tree, cpus, image_size=3 << 20):
    """The same by docs/MEASUREMENT.md and host/vmm/README.md alone."""
    memory = bytearray(MEASURED_SIZE)
    entry = 0x80000
    tree_at = (entry + image_size + BLOCK - 1) // BLOCK * BLOCK
    for at, data in ((entry, image), (tree_at, tree), (tree_at + 0x10000, initrd)):
        memory[at:at + len(data)] = data
    digest = hashlib.sha256(struct.pack("<8s7Q", b"CORDONMM", GUEST_RAM, MEASURED_SIZE, 0, 0, 0, 0, 0))
    for at in range(0, MEASURED_SIZE, 4096):
        page = memory[at:at + 4096]
        if any(page):
            digest.update(struct.pack("<8s7Q", b"CORDONPG", GUEST_RAM + at, 0, 0, 0, 0, 0, 0))
            digest.update(page)
    digest.update(struct.pack("<8s7Q", b"CORDONVM", GUEST_RAM + entry, GUEST_RAM + tree_at, cpus, 0, 0, 0, 0))
    return digest.hexdigest() + "\n"


@test
def measure_is_what_the_documents_say():
    for cpus, initrd in ((1, b""), (3, os.urandom(70000))):
        r, tree = measure(kernel(), initrd, "--cpus", str(cpus), "--append", "some words")
        equal((r.status, r.err, r.out), (0, "", measurement(kernel(), initrd, tree, cpus)))


@test
def measure_changes_with_everything_that_a_guest_begins_with():
    initrd = bytes(5000) + b"1" + bytes(5000)
    other = bytes(5000) + b"2" + bytes(5000)
    image = kernel()
    seen = [measure(*what)[0].out for what in (
        (image, initrd), (image, other), (image[:-1] + bytes([image[-1] ^ 1]), initrd), (image, initrd, "--append", "other"),
        (image, initrd, "--cpus", "2"), (image, initrd, "--mem", "18M"), (image, initrd, "--disk", "/none"), (image, b""),
        (image, initrd, "--dma-pool", "2M"), (image, initrd, "--dma-pool", "4M"), (image, initrd, "--dma-pool", "2M", "--disk", "/none"))]
    equal([len(s) for s in seen], [65] * len(seen))
    equal(len(set(seen)), len(seen), "all of them differ")
    equal(measure(image, initrd)[0].out, seen[0], "the same again")
    equal(measure(image, initrd, "--disk", "/none")[0].out, measure(image, initrd, "--disk", "/dev/null,ro")[0].out, "the disk's name is not measured")


@test
def measure_refuses_what_it_cannot_know():
    path = write("Image", kernel())
    for args, text in ((("--random",), "seeds"), (("--device", "0000:01:00.0"), "not known here"), (("--mem", "3M"), "multiple of 2M"),
                       (("--mem", "2M"), "too little"), (("--dma-pool", "1M"), "multiple of 2M"), (("--dma-pool", "190M"), "too little"), (("--initrd", "/none"), "cannot open the initrd"), (("more",), "belongs to no option")):
        r = run("measure", "--kernel", path, *args)
        equal((r.status, r.out), (2, ""), " ".join(args))
        contains(r.err, "cordon measure: ")
        contains(r.err, text)
    equal(run("measure").status, 2)
    contains(run("measure", "--help").out, "usage: cordon measure")
    equal(run("measure", "--version").out.split()[:2], ["cordon", "measure"])


@test
def measure_knows_how_the_keeper_is_started():
    data = bytearray(kernel(image_size=1 << 20))
    struct.pack_into("<Q", data, 8, 0)
    path = write("keeper", bytes(data))
    r = run("measure", "--keeper", path)
    equal((r.status, r.err), (0, ""))
    equal(r.out, run("measure", "--kernel", path, "--mem", "4M", "--append", "", "--cpus", "1").out)
    for args in (("--kernel", path), ("--mem", "4M"), ("--append", ""), ("--cpus", "1"), ("--initrd", path), ("--disk", "/none"), ("--random",),
                 ("--serial", "/none"), ("--console", "/none"), ("--rng",), ("--device", "0000:01:00.0"), ("--net", "tap=tap0"), ("--dma-pool", "2M")):
        r = run("measure", "--keeper", path, *args)
        equal((r.status, r.out), (2, ""), " ".join(args))
        contains(r.err, "do not go with it")


@test
def measure_has_a_personalisation_value_expected_and_does_not_measure_it():
    path, image = os.path.join(scratch, "expected"), write("cordon.bin", b"an image")
    initrd = b"initrd"
    seen = []
    for personal in (None, bytes(range(64)), bytes(64)):
        r, _ = measure(kernel(), initrd, "--write", path, "--cordon", image, *(["--personal", personal.hex()] if personal is not None else []))
        with open(path, "rb") as file:
            data = file.read()
        seen.append(r.out)
        check(personal is None or b"\x04\x58\x40" + personal in data, "it is in the file")
        equal(len(data), 1 + 1 + 2 + 32 + 1 + 2 + 64 + (1 + 2 + 64 if personal is not None else 0), "bytes of the file")
    equal(len(set(seen)), 1, "it is not measured")
    for wrong in ("", "00", "0" * 127, "0" * 129, "x" + "0" * 127):
        r = run("measure", "--kernel", write("Image", kernel()), "--personal", wrong)
        equal((r.status, r.out), (2, ""), wrong)
        contains(r.err, "not 128 hexadecimal digits")


def main():
    global cordon, scratch
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    cordon = os.path.abspath(sys.argv[1])
    chosen = [t for t in TESTS if len(sys.argv) == 2 or any(w in t.__name__ for w in sys.argv[2:])]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for t in chosen:
            try:
                t()
                print("ok - " + t.__name__)
            except (Failure, ElementTree.ParseError, subprocess.TimeoutExpired, OSError) as e:
                failed += 1
                print("not ok - %s: %s" % (t.__name__, str(e)[:2000]))
            sys.stdout.flush()
    print("%d passed, %d failed" % (len(chosen) - failed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
