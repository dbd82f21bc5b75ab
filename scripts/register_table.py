# SPDX-License-Identifier: Apache-2.0
"""arch/arm64/registers.def as Python has it: for the document made of it, and for the sweep that holds it against a CPU."""
import collections
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TABLE = os.path.join(ROOT, "arch", "arm64", "registers.def")

Feature = collections.namedtuple("Feature", "name id low width least")
Control = collections.namedtuple("Control", "name feature also")
Group = collections.namedtuple("Group", "name host guest feature registers remark test")
Bits = collections.namedtuple("Bits", "control high low field effect group")
Setting = collections.namedtuple("Setting", "control high low field side feature remark")
Names = collections.namedtuple("Names", "group op0 op1 crn crn_last crm crm_last op2 op2_last")
KINDS = {"FEATURE": Feature, "ALSO": Feature, "CONTROL": Control, "GROUP": Group, "BITS": Bits, "SETTING": Setting,
         "NAMES": Names}


def arguments(text):
    """What stands between the brackets, strings without their quotes and joined, numbers as such."""
    found = []
    for argument in re.findall(r'(?:"[^"]*"|[^,"])+', text):
        strings = re.findall(r'"([^"]*)"', argument)
        word = "".join(strings) if strings else argument.strip()
        found.append(int(word) if re.fullmatch(r"\d+", word) and not strings else word)
    return found


def read():
    """The lines of the table by kind, in their order."""
    with open(TABLE, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    table = {kind: [] for kind in KINDS}
    for kind, inside in re.findall(r"^([A-Z]+)\(((?:\"[^\"]*\"|[^)\"])*)\)", text, re.M):
        table[kind].append(KINDS[kind](*arguments(inside)))
    return table


def find(table, name):
    """The group of an encoding (op0, op1, CRn, CRm, op2), or None."""
    op0, op1, crn, crm, op2 = name
    for n in table["NAMES"]:
        if ((n.op0, n.op1) == (op0, op1) and n.crn <= crn <= n.crn_last and n.crm <= crm <= n.crm_last and
                n.op2 <= op2 <= n.op2_last):
            return n.group
    return None
