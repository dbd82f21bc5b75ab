#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only a prover reads, woven into the C that it belongs to.

proof/core/FILE.acsl holds the annotations for core/FILE. Lines that begin with # are remarks. A heading in column 1 names the place:

    above NAME:             before the declaration of NAME, a function or a struct, and the comment on it: predicates, lemmas, ghost variables
    function NAME:          what follows, each indented by two, is for the function of that name
      contract:             its whole contract
      begin:                behind its opening brace
      before `CODE`:        before the statement of its body that begins with CODE
      after `CODE`:         behind the statement that begins with CODE; directly behind CODE if that ends with ; { or }
      loop `CODE`:          the annotation of the loop that begins with CODE

What is below a heading, indented further, is ACSL without its comment signs; in a body each line that is indented least begins an annotation of
its own. CODE is text of the function in which a run of blanks counts as one and comments are nothing, line ends as well.
Whatever is not found exactly once is an error with file and line, and so is a contract or a loop that both files annotate.
"""
import glob
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ENDING = ".acsl"
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
# A definition or a declaration begins in column 1.
DEFINED = r"^(?!typedef\b)[a-z][\w *]*?\b%s\([^;{}]*\)\s*\{"
DECLARED = r"^(?!typedef\b)[A-Za-z][\w *]*?\b%s\([^;{}]*\)[^;{}]*;"
TYPE = r"^(?:struct|union|enum) %s \{"
ANNOTATION = re.compile(r"/\*@(.*?)\*/", re.S)
CONTRACT_LINES = 8      # of ACSL in core/ above a function; a longer contract stands in proof/core/
LOOP_LINES = 6


class Misplaced(Exception):
    """Why an annotation has no place, with file and line."""


class Annotation:
    """What stands below one heading: where it belongs, and the lines."""

    def __init__(self, path, number, kind, name, key):
        self.path, self.number, self.kind, self.name, self.key = path, number, kind, name, key
        self.lines = []

    def wrong(self, why):
        return Misplaced(f"{os.path.relpath(self.path, ROOT)}:{self.number}: {why}")


def read(path):
    """The annotations of one file of proof/core/, in their order."""
    found, function = [], None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        top = re.fullmatch(r"(above|function) (\w+):", line)
        inner = re.fullmatch(r"  (?:(contract|begin)|(before|after|loop) `([^`]+)`):", line)
        if top:
            function = top.group(2) if top.group(1) == "function" else None
            if not function:
                found.append(Annotation(path, number, "above", top.group(2), None))
        elif inner and function:
            found.append(Annotation(path, number, inner.group(1) or inner.group(2), function, inner.group(3)))
        elif not line.strip() and found:
            found[-1].lines.append("")
        elif line.startswith("    ") and found and (function is None or found[-1].name == function):
            found[-1].lines.append(line[4:])
        elif line.strip():
            raise Misplaced(f"{os.path.relpath(path, ROOT)}:{number}: neither a heading nor below one: {line.strip()}")
    for one in found:
        while one.lines and not one.lines[-1]:
            one.lines.pop()
        if not one.lines:
            raise one.wrong("nothing stands below this heading")
    return found


def blank(text):
    """The same text with blanks in the place of comments, so that offsets stay."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def declaration(code, one):
    """Where the one definition of a function, else its one declaration, else the type of that name begins."""
    for pattern in (DEFINED, DECLARED, TYPE):
        found = [m.start() for m in re.finditer(pattern % one.name, code, re.M)]
        if len(found) == 1:
            return found[0]
        if found:
            raise one.wrong(f"{one.name} is declared {len(found)} times")
    raise one.wrong(f"there is no {one.name}")


def body(code, one):
    """The first and the last offset of a function's body: behind its opening brace, and at its closing one."""
    opening = re.compile(DEFINED % one.name, re.M).match(code, declaration(code, one))
    if not opening:
        raise one.wrong(f"{one.name} has no body here")
    return opening.end(), closing(code, opening.end())


def closing(code, first):
    """The closing brace of the body that begins at `first`: in column 1, or at the end of the function's one line."""
    line = code.index("\n", first)
    return code.rindex("}", first, line) if code[first:line].strip() else code.index("\n}", first) + 1


def key_of(text):
    return re.sub(r"\s+", " ", text).strip()


def place_of_key(code, one):
    """The offsets of the first character of CODE and behind its last, in the function's body."""
    first, last = body(code, one)
    pattern = re.compile(r"(?<![\w.>])" + r"\s+".join(re.escape(word) for word in key_of(one.key).split(" ")))
    found = [m.span() for m in pattern.finditer(code, first, last)]
    if len(found) != 1:
        raise one.wrong(f"`{one.key}` is found {len(found)} times in {one.name}, not once")
    return found[0]


def end_of_statement(code, start, end):
    """Behind the statement whose text from start to end is known to be of it."""
    if code[end - 1] in ";{}":
        return end
    depth = sum(code.count(c, start, end) for c in "({[") - sum(code.count(c, start, end) for c in ")}]")
    while code[end] != ";" or depth:
        depth += (code[end] in "({[") - (code[end] in ")}]")
        end += 1
    return end + 1


def behind(text, code, at):
    """The start of the line that follows what ends at `at`; a comment behind it stays on its line."""
    line = text.find("\n", at)
    if code[at:line].strip():
        return at
    return line + 1


def place(text, code, one):
    """Where in the text an annotation of a body goes."""
    if one.kind == "begin":
        return behind(text, code, body(code, one)[0])
    start, end = place_of_key(code, one)
    if one.kind == "after":
        return behind(text, code, end_of_statement(code, start, end))
    before = len(code[:start].rstrip())
    if code[before - 1] not in ";{}":
        raise one.wrong(f"`{one.key}` does not begin a statement of its own")
    return behind(text, code, before)


def indent_of(text, at):
    line = text[at:].lstrip("\n").split("\n", 1)[0]
    return " " * (len(line) - len(line.lstrip())) + ("    " if line.lstrip().startswith("}") else "")


def comment(lines, indent):
    """An annotation as the C has it."""
    return indent + "/*@ " + ("\n" + indent + "  @ ").join(lines).replace("@ \n", "@\n") + " */\n"


def statements(one):
    """The annotations of a body, each with the lines that continue it."""
    found = []
    for line in (line for line in one.lines if line):
        if line.startswith(" ") and found:
            found[-1].append(line)
        else:
            found.append([line])
    return found


def comment_before(text, start):
    """Where the comment begins that stands right before a place, with no line between; nothing if none does."""
    head = text[:start].rstrip()
    return head.rindex("/*") if head.endswith("*/") and "\n\n" not in text[len(head):start] else None


def above(text, start):
    """Where the comments that belong to a declaration begin."""
    before = comment_before(text, start)
    while before is not None:
        start, before = before, comment_before(text, before)
    return start


def annotated(text, start):
    """Whether an annotation stands right before that place."""
    before = comment_before(text, start)
    return before is not None and text.startswith("/*@", before)


def piece(text, code, one):
    """What an annotation puts where: an offset and a text. code: the text with its comments blank."""
    if one.kind == "above":
        if any(re.match(r"\s*axiom", line) for line in one.lines):
            raise one.wrong("an axiom is taken on trust")
        return above(text, declaration(code, one)), "/*@\n  " + "\n  ".join(one.lines) + "\n*/\n\n"
    if one.kind == "contract":
        start = declaration(code, one)
        if annotated(text, start):
            raise one.wrong(f"{one.name} has a contract in the C, too")
        return start, comment(one.lines, "")
    if one.kind == "loop":
        start, _ = place_of_key(code, one)
        unrolled = re.search(r"\bUNROLL\s*\Z", code[:start])
        start = text.rindex("\n", 0, unrolled.start() if unrolled else start) + 1
        if annotated(text, start):
            raise one.wrong(f"the loop `{one.key}` of {one.name} has an annotation in the C, too")
        return start, comment(one.lines, indent_of(text, start))
    for first, *_ in statements(one):
        if not first.startswith(("assert ", "ghost ", "for ")):
            raise one.wrong(f"{first}: an assertion or ghost code, and nothing that is taken on trust")
    at = place(text, code, one)
    lead = "\n" if text[at - 1] != "\n" else ""
    indent = indent_of(text, at)
    return at, lead + "".join(comment(lines, indent) for lines in statements(one)) + (indent if lead else "")


def put_in(text, placed):
    """The text with pieces in it, each with its offset."""
    out, done = [], 0
    for at, what in placed:
        out += [text[done:at], what]
        done = at
    return "".join(out) + text[done:]


def files_below(folder, ending):
    """What lies below a folder, by the path from there."""
    return sorted(os.path.relpath(path, folder) for path in glob.glob(os.path.join(folder, "**", "*" + ending), recursive=True)
                  if os.path.isfile(path))


def weave(root, into):
    """All of core/ below `into`, woven. Every misplaced annotation is told: the list of them, empty when all is well."""
    wrong = []
    core, proof = os.path.join(root, "core"), os.path.join(root, "proof", "core")
    names = files_below(core, ".[ch]")
    for old in set(files_below(os.path.join(into, "core"), "")) - set(names):
        os.remove(os.path.join(into, "core", old))
    for name in names:
        with open(os.path.join(core, name), encoding="utf-8") as file:
            text = file.read()
        path = os.path.join(proof, name + ENDING)
        if os.path.exists(path):
            text, why = woven_file(text, path)
            wrong += why
        put(os.path.join(into, "core", name), text)
    for name in files_below(proof, ""):
        if not (name.endswith(ENDING) and os.path.exists(os.path.join(core, name[:-len(ENDING)]))):
            wrong.append(f"{os.path.relpath(os.path.join(proof, name), root)}:1: there is no file of core/ that it could belong to")
    return wrong


def put(path, text):
    """Writes a file, if it is not the same already: a proof may be reading it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def woven_file(text, path):
    """A file of core/ with its annotations, those of one place in their order and a contract or loop nearest to the code; what has no place."""
    code, placed, headings, wrong = blank(text), [], set(), []
    try:
        annotations = read(path)
    except Misplaced as why:
        return text, [str(why)]
    for one in annotations:
        last, heading = one.kind in ("contract", "loop"), (one.kind, one.name, one.key)
        try:
            if last and heading in headings:
                raise one.wrong("the same heading stands twice")
            placed.append((*piece(text, code, one), last))
        except Misplaced as why:
            wrong.append(str(why))
        headings.add(heading)
    if wrong:
        return text, wrong
    placed.sort(key=lambda p: (p[0], p[2]))
    result = put_in(text, [(at, what) for at, what, _ in placed])
    if bare(result) != bare(text):
        return text, [f"{os.path.relpath(path, ROOT)}:1: with its annotations the C is no longer the same C"]
    return result, []


def bare(text):
    """The C alone: what a compiler sees of it."""
    return key_of(COMMENT.sub(" ", text))


def functions(text):
    """The functions that a file defines: of each its name, where the comments on it begin, where it does, and where it ends."""
    code = blank(text)
    for found in re.finditer(DEFINED % r"(?!MUST_USE)(\w+)", code, re.M):
        yield found.group(1), above(text, found.start()), found.start(), closing(code, found.end()) + 1


def of_core(root):
    """The files of core/, each with its path from the root and its text."""
    for name in files_below(os.path.join(root, "core"), ".[ch]"):
        with open(os.path.join(root, "core", name), encoding="utf-8") as file:
            yield "core/" + name, file.read()


def annotations_of(root):
    """What of core/ is annotation: the place of each, and its text."""
    for path, text in of_core(root):
        for one in ANNOTATION.finditer(text):
            yield f"{path}:{text.count(chr(10), 0, one.start()) + 1}", one.group(1)


def too_much(root):
    """Annotations in core/ that belong in proof/core/."""
    for place_of, text in annotations_of(root):
        count = len([line for line in text.split("\n") if line.strip(" @")])
        if re.search(r"^[ @]*(for \w+ *: *)?(assert|check|admit|ghost|lemma|predicate|logic|axiom)", text, re.M):
            yield f"{place_of}: nothing but a contract or a loop's invariant"
        elif count > (LOOP_LINES if text.strip().startswith("loop ") else CONTRACT_LINES):
            yield f"{place_of}: {count} lines"
