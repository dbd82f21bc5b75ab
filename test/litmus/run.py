#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Litmus tests: what the order of EL2's accesses to memory rests on, under Arm's model, and that the image has those instructions.

    test/litmus/run.py [NAME...]        all of test/litmus/*.litmus, or some

Each test is a few instructions of two or three CPUs and an outcome that must not be. For each:
  as it is        herd7 finds no execution with that outcome
  weaken: ...     with one instruction replaced it finds one: the test can fail, and this is what keeps the outcome away
  needless: ...   with one replaced it finds none still; what the instruction is there for stands behind the colon
  image: ...      the image has the instructions, in that order (test/litmus/order.py); each weakened one is in such a rule
herd7 is taken from a Debian suite that has it (scripts/suite). Closes with "N passed, N failed".
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import order  # pylint: disable=wrong-import-position

OUT = os.path.join(order.ROOT, "build", "litmus")
NOT_CHECKED = 77
SUITE = os.path.join(order.ROOT, "scripts", "suite")

passed = failed = 0


def verdict(what, wrong):
    global passed, failed  # pylint: disable=global-statement
    if wrong:
        print("FAIL %s: %s" % (what, wrong), flush=True)
        failed += 1
    else:
        passed += 1


class Test:
    """A litmus test's text, taken apart as far as instructions are replaced in it."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.name = os.path.basename(path)[:-len(".litmus")]
        self.head, self.table, self.tail = re.fullmatch(r"(.*?\n}\n)(.*?)(^exists.*)", self.text, re.S | re.M).groups()
        rows = [line.rstrip().rstrip(";").split("|") for line in self.table.splitlines()]
        self.threads = [[row[i].strip() for row in rows if row[i].strip()] for i in range(len(rows[0]))]

    def all_of(self, word):
        return re.findall(r"^ \* %s: (.+)$" % word, self.text, re.M)

    def replaced(self, edits):
        """The test with edits "P0 OLD -> NEW ..." made, each to the one place where OLD stands."""
        threads = [list(t) for t in self.threads]
        for edit in edits.split(" ; "):
            thread, _, words = edit.strip().partition(" ")
            old, *new = words.split(" -> ")
            column = threads[int(thread[1:])]
            if column.count(old) != 1:
                raise order.Wrong("%s: %r stands %d times in %s" % (self.name, old, column.count(old), thread))
            at = column.index(old)
            column[at:at + 1] = [x for x in new if x != "NOP"]
        longest = max(len(t) for t in threads)
        rows = [" | ".join((t + [""] * longest)[i].ljust(20) for t in threads) + " ;" for i in range(longest)]
        return self.head + "\n".join(rows) + "\n" + self.tail


def observed(name, text):
    """Never, Sometimes or Always; or herd7's complaint."""
    path = os.path.join(OUT, name + ".litmus")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    done = subprocess.run([SUITE, "tool", "herd7", "herd7", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    found = re.search(r"^Observation \S+ (\w+)", done.stdout, re.M)
    return found.group(1) if found else " ".join(done.stdout.split())[:200] or "exit status %d" % done.returncode


def expect(name, text, want):
    got = observed(name, text)
    return None if got == want else "the outcome is seen %s, not %s: build/litmus/%s.litmus" % (got, want, name)


def event_of(edit):
    """What the image must have for the instruction of a first edit: stage 1 stands in for stage 2."""
    words = edit.split(" ", 1)[1].split(" -> ")[0].split()
    name = " ".join(words) if words[0] in ("DSB", "DMB") else words[0]
    return "TLBI IPAS2E1IS" if name == "TLBI" else name


def run(path, functions):
    test = Test(path)
    rules = test.all_of("image")
    named = set().union(*[order.events_in(rule) for rule in rules])
    verdict(test.name, expect(test.name, test.text, "Never"))
    for kind, want in (("weaken", "Sometimes"), ("needless", "Never")):
        for i, line in enumerate(test.all_of(kind)):
            edits = line.split(" : ")[0]
            verdict("%s, %s" % (test.name, edits), expect("%s-%s-%d" % (test.name, kind, i + 1), test.replaced(edits), want))
            if event_of(edits) not in named:
                verdict("%s, %s" % (test.name, edits), "no rule holds the image against it")
    if not test.all_of("weaken") or not rules:
        verdict(test.name, "nothing is weakened, or no rule for the image")
    for rule in rules:
        try:
            order.check(functions, rule)
            verdict(rule, None)
        except order.Wrong as wrong:
            verdict("%s, image: %s" % (test.name, rule), str(wrong))
    print("%-12s %s" % (test.name, "done"), flush=True)


def main():
    if sys.argv[1:] and sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0
    paths = [p for p in order.tests() if not sys.argv[1:] or os.path.basename(p)[:-len(".litmus")] in sys.argv[1:]]
    if not paths:
        print("no such test; they are " + " ".join(os.path.basename(p)[:-len(".litmus")] for p in order.tests()), file=sys.stderr)
        return 2
    can = subprocess.run([SUITE, "can", "herd7"], stdout=subprocess.PIPE, text=True, check=False)
    if can.returncode != 0:
        print(can.stdout.strip())
        return NOT_CHECKED
    os.makedirs(OUT, exist_ok=True)
    subprocess.run([os.path.join(order.ROOT, "scripts", "host", "build-el2")], stdout=subprocess.DEVNULL, check=True)
    functions = order.events_of(order.IMAGE)
    for path in paths:
        run(path, functions)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
