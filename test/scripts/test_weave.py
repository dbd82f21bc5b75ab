#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of what keeps C and proofs together (scripts/weave.py), of the page on what is proved (scripts/proved.py), of the order of files (scripts/order), and of the rules on annotations in core/.

Each test makes a small tree of its own. Closes with `N passed, N failed`.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = os.path.join(ROOT, "scripts")
sys.dont_write_bytecode = True
sys.path.insert(0, SCRIPTS)
import proved  # pylint: disable=wrong-import-position
import weave  # pylint: disable=wrong-import-position

TWO = """/* SPDX-License-Identifier: Apache-2.0 */

struct pair {
    int a;
};

int later(int n);

/* Adds up. */
static int sum(int n)
{
    int s = 0;

    for (int i = 0; i < n; i++) {
        s += i;     /* one more */
        later(s);
    }
    if (s > 3)
        return later(n);
    s = later(n +
              s);
    return s;
}

/* One line. */
static int one(void) { return 1; }
"""


class Tree(unittest.TestCase):
    """A project of a few files in a folder of its own."""

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read()


class Weave(Tree):
    def weave(self, proof, text=TWO):
        self.write("core/a/two.c", text)
        self.write("proof/core/a/two.c.acsl", proof)
        wrong = weave.weave(self.root, os.path.join(self.root, "out"))
        return wrong, self.read("out/core/a/two.c")

    def woven(self, proof, text=TWO):
        wrong, result = self.weave(proof, text)
        self.assertEqual(wrong, [])
        self.assertEqual(weave.bare(result), weave.bare(text))
        return result

    def refused(self, proof, *parts, text=TWO):
        wrong, _ = self.weave(proof, text)
        self.assertEqual(len(wrong), 1, wrong)
        for part in ("two.c.acsl:",) + parts:
            self.assertIn(part, wrong[0])

    def test_a_contract_stands_before_the_function_and_behind_its_words(self):
        text = self.woven("function sum:\n  contract:\n    requires n > 0;\n    ensures \\result >= 0;\n")
        self.assertIn("/* Adds up. */\n/*@ requires n > 0;\n  @ ensures \\result >= 0; */\nstatic int sum(int n)\n", text)

    def test_a_declaration_and_a_function_of_one_line_have_contracts_too(self):
        text = self.woven("function later:\n  contract:\n    assigns \\nothing;\nfunction one:\n  contract:\n    ensures \\result == 1;\n")
        self.assertIn("/*@ assigns \\nothing; */\nint later(int n);", text)
        self.assertIn("/*@ ensures \\result == 1; */\nstatic int one(void)", text)

    def test_predicates_stand_above_the_words(self):
        text = self.woven("above sum:\n    predicate p(integer a) = a > 0;\nabove pair:\n    predicate q = \\true;\n")
        self.assertIn("/*@\n  predicate p(integer a) = a > 0;\n*/\n\n/* Adds up. */\n", text)
        self.assertIn("/*@\n  predicate q = \\true;\n*/\n\nstruct pair {", text)

    def test_assertions_stand_before_and_behind_statements(self):
        text = self.woven("function sum:\n  begin:\n    assert a: n > 0;\n  after `int s = 0;`:\n    assert b: s == 0;\n"
                          "  before `later(s);`:\n    assert c: s >= i;\n    ghost here: ;\n")
        self.assertIn("{\n    /*@ assert a: n > 0; */\n    int s = 0;\n    /*@ assert b: s == 0; */\n", text)
        self.assertIn("s += i;     /* one more */\n        /*@ assert c: s >= i; */\n        /*@ ghost here: ; */\n        later(s);", text)

    def test_behind_a_statement_of_two_lines(self):
        text = self.woven("function sum:\n  after `s = later(n +`:\n    assert a:\n      s > 0;\n")
        self.assertIn("              s);\n    /*@ assert a:\n      @   s > 0; */\n    return s;", text)

    def test_line_ends_in_the_key_do_not_count(self):
        self.woven("function sum:\n  after `s = later(n + s);`:\n    assert a: s > 0;\n")

    def test_the_annotation_of_a_loop(self):
        text = self.woven("function sum:\n  loop `for (int i = 0; i < n; i++) {`:\n    loop invariant 0 <= i;\n    loop variant n - i;\n")
        self.assertIn("    /*@ loop invariant 0 <= i;\n      @ loop variant n - i; */\n    for (int i", text)

    def test_before_a_loop_is_before_its_annotation(self):
        text = self.woven("function sum:\n  loop `for (int i`:\n    loop variant n - i;\n  before `for (int i`:\n    assert a: s == 0;\n")
        self.assertIn("/*@ assert a: s == 0; */\n", text)
        self.assertLess(text.index("assert a"), text.index("loop variant"))

    def test_what_is_not_found(self):
        self.refused("function summ:\n  contract:\n    assigns \\nothing;\n", "acsl:2: there is no summ")
        self.refused("above quadruple:\n    predicate p = \\true;\n", "acsl:1: there is no quadruple")
        self.refused("# of it\nfunction sum:\n  after `int t = 0;`:\n    assert \\true;\n", "acsl:3: `int t = 0;` is found 0 times in sum")
        self.refused("function later:\n  begin:\n    assert \\true;\n", "acsl:2: later has no body")

    def test_what_is_found_twice(self):
        self.refused("function sum:\n  before `later(`:\n    assert \\true;\n", "found 3 times")
        self.refused("function sum:\n  contract:\n    assigns \\nothing;\n", "declared 2 times", text=TWO + TWO)

    def test_a_part_of_a_word_is_not_that_word(self):
        self.refused("function sum:\n  after `= 0;`:\n    assert \\true;\n", "`= 0;`")

    def test_what_begins_no_statement(self):
        self.refused("function sum:\n  before `return later(n);`:\n    assert \\true;\n", "does not begin a statement of its own")

    def test_a_contract_or_a_loop_in_two_places(self):
        both = TWO.replace("static int sum", "/*@ assigns \\nothing; */\nstatic int sum")
        self.refused("function sum:\n  contract:\n    ensures \\true;\n", "has a contract in the C, too", text=both)
        both = TWO.replace("    for (", "    /*@ loop variant n; */\n    for (")
        self.refused("function sum:\n  loop `for (int i`:\n    loop variant n;\n", "has an annotation in the C, too", text=both)
        twice = "function sum:\n  contract:\n    ensures \\true;\n"
        self.refused(twice + twice, "the same heading stands twice")

    def test_lines_below_no_heading(self):
        self.refused("    assert \\true;\n", "acsl:1: neither a heading nor below one")
        self.refused("function sum:\n  behind `int s = 0;`:\n    assert \\true;\n", "acsl:2: neither a heading")
        self.refused("function sum:\n  contract:\nfunction one:\n  contract:\n    assigns \\nothing;\n", "acsl:2: nothing stands below")

    def test_nothing_is_taken_on_trust_in_a_body(self):
        self.refused("function sum:\n  begin:\n    admit n > 0;\n", "acsl:2: admit n > 0;: an assertion or ghost code")
        self.refused("above sum:\n    axiom a: \\false;\n", "acsl:1: an axiom is taken on trust")

    def test_a_file_for_no_file(self):
        self.write("core/a/two.c", TWO)
        self.write("proof/core/a/three.c.acsl", "above sum:\n    predicate p = \\true;\n")
        self.assertEqual(weave.weave(self.root, os.path.join(self.root, "out")),
                         ["proof/core/a/three.c.acsl:1: there is no file of core/ that it could belong to"])

    def test_an_annotation_that_would_change_the_c(self):
        self.refused("function sum:\n  begin:\n    assert a; */ s = 1; /*\n", "no longer the same C")


class Order(Tree):
    TABLE = "# Where things are\n\n## lib/, from the bottom up\n\n| file | what |\n|---|---|\n{}\n"

    def order(self, rows, **files):
        self.write("docs/STRUCTURE.md", self.TABLE.format("\n".join(rows)))
        os.makedirs(os.path.join(self.root, "scripts"), exist_ok=True)
        shutil.copy(os.path.join(SCRIPTS, "order"), os.path.join(self.root, "scripts"))
        for name, text in files.items():
            self.write("lib/" + name.replace("_", "."), text)
        done = subprocess.run([os.path.join(self.root, "scripts", "order")], text=True, stdout=subprocess.PIPE, check=False)
        return done.returncode, done.stdout

    LOW = {"low_h": "int low(void);\n", "low_c": '#include "low.h"\nint low(void)\n{\n    return 1;\n}\n'}

    def test_what_stands_before(self):
        high = {"high_c": '#include "low.h"\nint high(void)\n{\n    return low();     /* not high() */\n}\n'}
        rows = ["| `low.h`, `low.c` | low |", "| `high.c` | high |"]
        self.assertEqual(self.order(rows, **self.LOW, **high), (0, ""))
        status, said = self.order(rows[::-1], **self.LOW, **high)
        self.assertEqual(status, 1)
        self.assertIn("lib/high.c: needs low.h, which stands after it: #include", said)
        self.assertIn("lib/high.c: needs low.c, which stands after it: low", said)

    def test_a_call_and_a_variable_without_an_include(self):
        up = {"low_c": "int low(void)\n{\n    return high() + above;\n}\n", "high_c": "int above = 2;\nint high(void)\n{\n    return 1;\n}\n"}
        status, said = self.order(["| `low.c` | low |", "| `high.c` | high |"], **up)
        self.assertEqual(status, 1)
        self.assertIn("lib/low.c: needs high.c, which stands after it: above, high", said)

    def test_the_table_and_the_folder_name_the_same_files(self):
        status, said = self.order(["| `low.h`, `low.c` | low |", "| `gone.c` | gone |"], **self.LOW, new_c="int x;\n")
        self.assertEqual(status, 1)
        self.assertIn("lib/new.c: not in the table", said)
        self.assertIn("there is no lib/gone.c", said)

    def test_a_circle_says_why(self):
        two = {"a_c": "int a(void)\n{\n    return b();\n}\n", "b_c": "int b(void)\n{\n    return a();\n}\n"}
        self.assertEqual(self.order(["| `a.c`, `b.c` | both |"], **two)[0], 1)
        self.assertEqual(self.order(["| `a.c`, `b.c` | a circle: each asks the other |"], **two)[0], 0)


class Rules(Tree):
    """What style says of annotations in core/."""

    def complaints(self, text):
        self.write("core/a/two.c", text)
        return list(weave.too_much(self.root))

    def test_short_contracts_and_invariants(self):
        short = "/*@ requires n > 0;\n" + "  @ ensures \\true;\n" * 7 + "  @*/\n"
        self.assertEqual(self.complaints(TWO.replace("static int sum", short + "static int sum")), [])
        long = "/*@ requires n > 0;\n" + "  @ ensures \\true;\n" * 8 + "  @*/\n"
        self.assertEqual(self.complaints(TWO.replace("static int sum", long + "static int sum")), ["core/a/two.c:10: 9 lines"])

    def test_no_assertion_and_no_ghost_code(self):
        for word in ("assert s > 0;", "ghost here: ;", "for x: assert s > 0;", "admit \\true;", "lemma a: \\true;"):
            found = self.complaints(TWO.replace("    int s = 0;\n", f"    int s = 0;\n    /*@ {word} */\n"))
            self.assertEqual(found, ["core/a/two.c:13: nothing but a contract or a loop's invariant"], word)


class Page(Tree):
    """The page on what is proved: from what Frama-C says of each function."""

    SAID = """[wp] [CFG] Goal sum_exits : Valid (Unreachable)
[wp] [Qed] Goal typed_sum_ensures : Valid (2ms)
[wp] [CVC4 1.8] Goal typed_sum_ensures_total_part1 : Valid (Qed:4ms) (1s) (79020)
[wp] [CVC4 1.8] Goal typed_sum_ensures_total_part2 : Valid (Qed:4ms) (1s) (79020)
[wp] [CVC4 1.8] Goal typed_sum_ensures_low_2 : Unknown
[wp] [Qed] Goal typed_sum_of_all_wide_ensures_low : Valid (2ms)
[wp] [Qed] Goal typed_lemma_adds : Valid
[wp] [Passed] Smoke-test typed_sum_wp_smoke_default_requires
"""

    def test_goals_of_each_function(self):
        self.assertEqual(proved.goals_of(self.SAID, ["sum", "sum_of_all"]),
                         {"sum": {"goals": 4, "ensures": ["total"], "unnamed": 1},
                          "sum_of_all": {"goals": 1, "ensures": ["low"], "unnamed": 0}})

    def test_a_name_that_two_files_have(self):
        one = "static int sum(int n)\n{\n    return n;\n}\n"
        self.write("core/a/one.c", one)
        self.write("core/a/two.c", one + "\nint last(void)\n{\n    return sum(1);\n}\n")
        page = proved.page(self.root, [("first", "core/a/one.c", proved.goals_of(self.SAID, ["sum"]))])
        self.assertIn("1 of 3 functions, 4 of their 12 lines, are proved, by 5 goals", page)
        self.assertIn("## a/one.c\n\n| function | part | goals | ensures |\n|---|---|---|---|\n| `sum` | `first` | 5 | low, total", page)
        self.assertIn("## a/two.c\n\nNot proved: `sum`, `last`.\n", page)

    def test_answers_come_in_any_order(self):
        self.write("core/a/one.c", "static int sum(int n)\n{\n    return n;\n}\n")
        pages = {proved.page(self.root, [("first", "core/a/one.c", {"sum": {"goals": 3, "ensures": names, "unnamed": 1}})])
                 for names in (["total", "low"], ["low", "total"])}
        self.assertEqual(len(pages), 1)
        self.assertIn("| low, total, 1 without a name |", pages.pop())


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    sys.exit(1 if bad or not result.testsRun else 0)
