#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The instructions of an image that order memory, held against what the litmus tests are about.

    test/litmus/order.py [cordon.elf]       the image of build/el2 where none is named
    test/litmus/order.py --show FUNCTION    these instructions of a function, as they stand in the image

A litmus test says "image: RULE"; an event is an instruction (LDAXRH, DSB ISH, TLBI IPAS2E1IS) or a call (BL name) that the rule names:

    everywhere A > [B] > C      each B of the image has A next before it and C next behind
    somewhere A > B             there is a function where B is the next event behind A
    in FUNCTION A > B           it is so in that one
    in N functions A > B        it is so in as many, no more and no less
    times N A                   the image has A so often, no more and no less
    with A also B               each function that has A has B, or, called something_lock, something_unlock has
    ... [B] after another than A or C      instead of a chain: there is a B that has neither right before it

A call of arch_tlbi_ipas2e1is() or arch_tlbi_vmalle1is() counts as the instruction that it is there for. Order is that of addresses:
a compiler that lays out a function differently fails a rule, and a person has to look.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
IMAGE = os.path.join(ROOT, "build", "el2", "cordon.elf")
CROSS = os.environ.get("CROSS_COMPILE", "aarch64-linux-gnu-")

ORDERING = re.compile(r"ldaxrh?|ldxrh?|stxrh?|stlxrh?|ldarh?|stlrh?|dsb|dmb|tlbi")
STEPS = {"arch_tlbi_ipas2e1is": "TLBI IPAS2E1IS", "arch_tlbi_vmalle1is": "TLBI VMALLE1IS"}


class Wrong(Exception):
    """A rule that the image does not keep, or no rule at all."""


def event(mnemonic, operands):
    """The instruction as a litmus test has it, or None where it orders nothing."""
    if mnemonic == "bl":
        name = re.search(r"<([^>+.]+)", operands)
        return name and (STEPS.get(name.group(1)) or "BL " + name.group(1))
    if not ORDERING.fullmatch(mnemonic):
        return None
    what = operands.split(",")[0].strip() if mnemonic in ("dsb", "dmb", "tlbi") else ""
    return (mnemonic + " " + what).strip().upper()


def events_of(image):
    """For each function of an image its events."""
    done = subprocess.run([CROSS + "objdump", "-d", "--no-show-raw-insn", image], stdout=subprocess.PIPE, text=True, check=True)
    functions, name = {}, None
    for line in done.stdout.splitlines():
        begin = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if begin:
            name = begin.group(1)
            functions[name] = []
        fields = line.split("\t")
        found = event(fields[1].strip(), fields[2] if len(fields) > 2 else "") if name and len(fields) > 1 else None
        if found:
            functions[name].append(found)
    return functions


def chain_of(text):
    chain = [x.strip() for x in text.split(">")]
    anchors = [i for i, x in enumerate(chain) if x.startswith("[")]
    return [x.strip("[]") for x in chain], anchors[0] if anchors else None


def named(events, chain):
    """Calls count where a rule names them."""
    return [e for e in events if not e.startswith("BL ") or e in chain]


def has(events, chain):
    events = named(events, chain)
    return any(events[i:i + len(chain)] == chain for i in range(len(events)))


def has_alone(events, text):
    """Rule `[B] after another than A or C`."""
    what, others = re.fullmatch(r"\[(.+)\] after another than (.+)", text).groups()
    others = others.split(" or ")
    events = named(events, [])
    return any(e == what and (i == 0 or events[i - 1] not in others) for i, e in enumerate(events))


def holds_in(events, text):
    return has_alone(events, text) if " after another than " in text else has(events, chain_of(text)[0])


def check_everywhere(functions, text):
    chain, at = chain_of(text)
    tried = 0
    for name, events in functions.items():
        if name.split(".")[0] in STEPS:
            continue
        events = named(events, chain)
        for i in [i for i, e in enumerate(events) if e == chain[at]]:
            tried += 1
            if i < at or events[i - at:i - at + len(chain)] != chain:
                raise Wrong("%s: %s, not %s" % (name, " > ".join(events[max(0, i - at):i - at + len(chain)]), " > ".join(chain)))
    if tried == 0:
        raise Wrong("the image has no " + chain[at])


def check(functions, rule):
    """Raises Wrong where the image does not keep the rule."""
    kind, _, text = rule.partition(" ")
    if kind == "everywhere":
        check_everywhere(functions, text)
    elif kind == "somewhere":
        if not any(holds_in(events, text) for events in functions.values()):
            raise Wrong("no function has " + text)
    elif kind == "times":
        number, _, what = text.partition(" ")
        found = sum(events.count(what) for events in functions.values())
        if found != int(number):
            raise Wrong("%d of %s" % (found, what))
    elif kind == "with":
        one, other = text.split(" also ")
        ends = {name.split(".")[0] for name, events in functions.items() if other in events}
        for name, events in functions.items():
            if one in events and not {name.split(".")[0], name.split(".")[0].replace("_lock", "_unlock")} & ends:
                raise Wrong("%s: %s without %s" % (name, one, other))
    elif kind == "in" and " functions " in rule:
        number, _, text = text.partition(" functions ")
        found = [name for name, events in functions.items() if holds_in(events, text)]
        if len(found) != int(number):
            raise Wrong("%d functions have it: %s" % (len(found), " ".join(sorted(found))))
    elif kind == "in":
        function, _, text = text.partition(" ")
        there = [events for name, events in functions.items() if name.split(".")[0] == function]
        if not there:
            raise Wrong("the image has no function %s: inlined? then the rule has to name where" % function)
        if not any(holds_in(events, text) for events in there):
            raise Wrong("%s: %s, not %s" % (function, " > ".join(e for e in there[0] if not e.startswith("BL ")), text))
    else:
        raise Wrong("no such rule: " + rule)


def events_in(rule):
    """The events that a rule speaks of."""
    rule = rule.replace(" functions ", " ")
    text = rule.split(" ", 2)[2] if rule.startswith(("in ", "times ")) else rule.split(" ", 1)[1]
    return {x.strip(" []") for x in re.split(r">| also | after another than | or ", text)}


def rules_of(path):
    with open(path, encoding="utf-8") as file:
        return re.findall(r"^ \* image: (.+)$", file.read(), re.M)


def tests():
    return sorted(os.path.join(HERE, name) for name in os.listdir(HERE) if name.endswith(".litmus"))


def main():
    if sys.argv[1:] and sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        return 0
    show = sys.argv[1:2] == ["--show"]
    functions = events_of(IMAGE if show or not sys.argv[1:] else sys.argv[1])
    if show:
        for name, events in functions.items():
            if name.split(".")[0] == sys.argv[2]:
                print(name + ": " + " > ".join(events))
        return 0
    for rule in sorted({rule for path in tests() for rule in rules_of(path)}):
        try:
            check(functions, rule)
        except Wrong as wrong:
            print("%s: %s" % (rule, wrong))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
