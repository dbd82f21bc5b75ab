# SPDX-License-Identifier: Apache-2.0
"""docs/PROVED.md: each function of core/, whether it is proved, and what of it. Made from what Frama-C said, by scripts/prove."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import weave  # noqa: E402

HEAD = """# What is proved, function by function

Made by `scripts/prove`, which fails where this page is not what it has just shown. Of each function that is proved with Frama-C's WP: the part of
`scripts/prove` that does it, how many goals, and the names of the conditions that hold when it returns, as its contract has them
(`scripts/prove --show NAME` prints function and contract). Besides, none of them has undefined behaviour or an overflow, each ends, keeps the conditions of what it
calls, and changes nothing that its contract does not list. What each part shows as a whole, and what none does, is in [VERIFICATION](VERIFICATION.md); what it rests
on in [SOUNDNESS](SOUNDNESS.md). The functions of the other lists have no contract for the provers. Eva runs those of them that one life of a VM reaches, and all are
matter of the tests.
"""


def goals_of(text, names):
    """Of each function: its goals in what Frama-C printed, and the names of what its contract ensures, each once."""
    found = {name: {"goals": 0, "ensures": [], "unnamed": 0} for name in names}
    for goal in re.findall(r"^\[wp\] \[[\w. ]+\] (?:\(Doomed\) )?Goal (?:typed_)?(\w+) : Valid", text, re.M):
        owner = max((name for name in names if goal.startswith(name + "_")), key=len, default=None)
        if owner is None:
            continue        # a lemma
        found[owner]["goals"] += 1
        said = re.fullmatch(r"(?:\w+_)?ensures(?:_((?!part\d)[a-z]\w*?))?(?:_\d+)?(?:_part\d+)?", goal[len(owner) + 1:])
        if said and said.group(1) is None:
            found[owner]["unnamed"] += 1
        elif said and said.group(1) not in found[owner]["ensures"]:
            found[owner]["ensures"].append(said.group(1))
    return found


def lines_of(text, begin, end):
    return text.count("\n", begin, end) + 1


def conditions(what):
    unnamed = [f"{what['unnamed']} without a name"] if what["unnamed"] else []
    return ", ".join(sorted(what["ensures"]) + unnamed) or "–"      # provers answer in no order


def row(name, part, what):
    return f"| `{name}` | `{part}` | {what['goals']} | {conditions(what)} |"


def of_file(path, parts):
    """What is proved of a file: each function of a part that reads it as its own, or that has it from a header."""
    return {name: (part, what) for part, source, functions in parts for name, what in functions.items()
            if path == source or path.endswith(".h")}


def section(path, own, proved):
    """The lines on one file. own: its functions, in their order."""
    rows = [row(name, *proved[name]) for name in own if name in proved]
    rest = ", ".join(f"`{name}`" for name in own if name not in proved)
    table = ["| function | part | goals | ensures |", "|---|---|---|---|", *rows, ""] if rows else []
    return ["", f"## {path.removeprefix('core/')}", "", *table] + ([f"Not proved: {rest}.", ""] if rest else [])


def page(root, parts):
    """The whole page. parts: each part of the proofs, with its source and its functions as goals_of() gives them."""
    sections, counts = [], [0, 0, 0, 0]
    for path, text in weave.of_core(root):
        own = {name: lines_of(text, start, end) for name, _, start, end in weave.functions(text)}
        proved = of_file(path, parts)
        sections += section(path, own, proved) if own else []
        those = [name for name in own if name in proved]
        more = (len(those), len(own), sum(own[name] for name in those), sum(own.values()))
        counts = [a + b for a, b in zip(counts, more)]
    goals = sum(what["goals"] for _, _, functions in parts for what in functions.values())
    total = ("\n{} of {} functions, {} of their {} lines, are proved, by {} goals; the lemmas that they rest on are others.\n"
             .format(*counts, goals))
    return HEAD + total + re.sub(r"\n{3,}", "\n\n", "\n".join(sections)).rstrip("\n") + "\n"
