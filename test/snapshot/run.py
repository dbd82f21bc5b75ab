#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sealed snapshots (snapshot/, docs/SNAPSHOTS.md): by a second writer and reader, which share nothing with the first but the page that describes them; and
what is done to a file on its way. --quick: without each byte in turn, and without breaking snapshot/sealed.c to see that it is noticed. Closes with "N passed, N failed"."""
import hashlib
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "test", "attest"))
from checks import check, check_quietly, close, kdf  # noqa: E402

SECRET = bytes([7]) * 32
RECORD, PAGE, ZEROS, END = 1, 2, 3, 4
HEADER, HEAD, TAG, DATA = 160, 24, 16, 4096
folder = tempfile.mkdtemp()


# ---- a second writer and reader ----

def header(salt=bytes(range(32)), measurement=bytes(32), personal=bytes(64), generation=1, vcpus=2, magic=b"CORDONSN", version=1, rest=0):
    return magic + struct.pack("<IIQ", version, vcpus, generation) + salt + measurement + personal + struct.pack("<Q", rest)


def head(kind, size, at=0, pages=0, grants=0):
    return struct.pack("<IIQII", kind, size, at, pages, grants)


def record(number, words=6, seed=0):
    return head(RECORD, 8 * words, number), random.Random(f"r{number}.{seed}").randbytes(8 * words)


def page(at, grants=0, seed=0):
    return head(PAGE, DATA, at, 1, grants), random.Random(f"p{at}.{seed}").randbytes(DATA)


def zeros(at, pages, grants=0):
    return head(ZEROS, 0, at, pages, grants), b""


def plain(top, chunks):
    return top + b"".join(a + b for a, b in chunks)


def key_of(top, secret=SECRET):
    return ChaCha20Poly1305(kdf(32, secret, top[24:56], b"Cordon: a snapshot of a guest" + top))


def nonce(number):
    return bytes(4) + struct.pack("<Q", number)


def counts(chunks):
    of = [struct.unpack("<IIQII", a) for a, _ in chunks]
    return [sum(k[0] == RECORD for k in of), sum(k[0] == PAGE for k in of), sum(k[3] for k in of if k[0] == ZEROS)]


def seal(top, chunks, secret=SECRET, end=None):
    """The sealed chunks, the header before and the end behind them. end: what the end is to say instead."""
    key, out, tags = key_of(top, secret), [top], hashlib.sha256()
    for number, (a, b) in enumerate(chunks):
        sealed = key.encrypt(nonce(number), b, a)
        tags.update(sealed[-TAG:])
        out.append(a + sealed)
    said = end or struct.pack("<4Q", *counts(chunks), len(chunks)) + tags.digest()
    top_of_end = head(END, len(said))
    return out + [top_of_end + key.encrypt(nonce(len(chunks)), said, top_of_end)], tags.digest()


def opened(data):
    """The chunks of a whole snapshot, and its name."""
    top, at, number, out = data[:HEADER], HEADER, 0, []
    key, tags = key_of(top), hashlib.sha256()
    while True:
        a = data[at:at + HEAD]
        size = struct.unpack("<IIQII", a)[1]
        b = key.decrypt(nonce(number), data[at + HEAD:at + HEAD + size + TAG], a)
        at += HEAD + size + TAG
        if a[0] == END:
            assert at == len(data) and b == struct.pack("<4Q", *counts(out), number) + tags.digest()
            return top, out, tags.digest()
        tags.update(data[at - TAG:at])
        out.append((a, b))
        number += 1


# ---- the first ----

def build():
    path = os.path.join(folder, "stream")
    subprocess.run(["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", path,
                    os.path.join(ROOT, "test", "snapshot", "stream.c"), os.path.join(ROOT, "snapshot", "sealed.c"), "-I" + os.path.join(ROOT, "snapshot"),
                    "-lbearssl"], check=True)
    return path


STREAM = build()


def stream(what, data):
    done = subprocess.run([STREAM, what], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        print(done.stderr.decode(errors="replace"), flush=True)
    return done.returncode, done.stdout


GOOD = [record(0), record(1), record(2, 200), page(0x80000), zeros(0x80001, 15), page(0x80010, 3), zeros(0x80011, 1, 2), page(0x90000)]


def agree():
    top = header()
    sealed, name = seal(top, GOOD)
    check(stream("read", b"".join(sealed)) == (0, plain(top, GOOD) + name), "what the other has written is read, and has its name")
    status, written = stream("write", plain(top, GOOD))
    check(status == 0 and opened(written) == (top, GOOD, name), "what is written, the other reads")
    check(written == b"".join(sealed), "both write the same bytes")
    empty = [record(0), record(1)]
    sealed, name = seal(header(vcpus=1), empty)
    check(stream("read", b"".join(sealed)) == (0, plain(header(vcpus=1), empty) + name), "a guest without a page")


def agree_on_any(seed, n):
    """Snapshots as chance has them."""
    chance = random.Random(seed)
    for _ in range(n):
        top = header(salt=chance.randbytes(32), measurement=chance.randbytes(32), personal=chance.randbytes(64), generation=chance.getrandbits(64),
                     vcpus=chance.randint(1, 16))
        chunks = [record(i, chance.randint(1, 512), chance.random()) for i in range(top[12] + 1)]
        at = chance.randrange(1 << 35)
        for _ in range(chance.randrange(12)):
            pages = chance.choice((1, 2, 511, 1 << 20))
            chunks.append(chance.choice((page(at, chance.randrange(101), chance.random()), zeros(at, pages, chance.randrange(3)))))
            at += pages + chance.choice((0, 0, 1, 1 << 20))
        sealed, name = seal(top, chunks)
        status, written = stream("write", plain(top, chunks))
        check_quietly(status == 0 and written == b"".join(sealed), f"chance, written: --seed {seed}")
        check_quietly(stream("read", written) == (0, plain(top, chunks) + name), f"chance, read: --seed {seed}")


# ---- on the way ----

def refused(data, whole, what):
    """It is: what was given out before is what was sealed, and no name of a whole one."""
    status, got = stream("read", data)
    check(status == 1 and (whole.startswith(got) or got[:HEADER] != whole[:HEADER]) and len(got) <= len(whole), what)


def attacks():
    top = header()
    s, _ = seal(top, GOOD)
    whole = plain(top, GOOD)
    other, _ = seal(header(salt=bytes(32)), GOOD)
    later, _ = seal(header(generation=2), GOOD)
    elsewhere, _ = seal(top, GOOD, secret=bytes([8]) * 32)
    changed, _ = seal(top, [record(0), record(1), record(2, 200), page(0x80000, seed=1), *GOOD[4:]])
    ways = {
        "another machine's": elsewhere,
        "cut off before the end": s[:-1],
        "nothing but a header": s[:1],
        "without its header": s[1:],
        "a page left out": s[:4] + s[5:],
        "zeros left out": s[:5] + s[6:],
        "the last page left out": s[:-2] + s[-1:],
        "a record left out": s[:2] + s[3:],
        "two pages swapped": s[:4] + [s[6], s[5], s[4]] + s[7:],
        "two records swapped": s[:1] + [s[2], s[1]] + s[3:],
        "a page twice": s[:5] + [s[4]] + s[5:],
        "a record twice": s[:2] + [s[1]] + s[2:],
        "the end twice": s + [s[-1]],
        "something behind the end": s + [b"\0"],
        "the end of another one of the same guest": s[:-1] + [changed[-1]],
        "a page of one with another salt": s[:4] + [other[4]] + s[5:],
        "all chunks of one with another salt": s[:1] + other[1:],
        "all chunks of a later one": s[:1] + later[1:],
        "the header of another salt": other[:1] + s[1:],
        "an older generation": [header(generation=0)] + s[1:],
        "another measurement": [header(measurement=b"\1" + bytes(31))] + s[1:],
        "another personalisation": [header(personal=b"\1" + bytes(63))] + s[1:],
        "fewer vCPUs": [header(vcpus=1)] + s[1:],
        "more vCPUs": [header(vcpus=3)] + s[1:],
        "another place for a page": s[:4] + [head(PAGE, DATA, 0x7ffff, 1) + s[4][HEAD:]] + s[5:],
        "a grant more of a page": s[:4] + [head(PAGE, DATA, 0x80000, 1, 1) + s[4][HEAD:]] + s[5:],
        "a page as a record": s[:4] + [head(RECORD, DATA, 3) + s[4][HEAD:]] + s[5:],
        "more zeros": s[:5] + [head(ZEROS, 0, 0x80001, 16) + s[5][HEAD:]] + s[6:],
        "a page for zeros": s[:5] + [head(PAGE, DATA, 0x80001, 1) + bytes(DATA + TAG)] + s[6:],
    }
    for what, chunks in ways.items():
        refused(b"".join(chunks), whole, what)
    # Salts are never the same. If they were, a page could be that of another snapshot, and the end would say so.
    status, got = stream("read", b"".join(s[:4] + [changed[4]] + s[5:]))
    check(status == 1 and len(got) == len(whole), "a page of another one with the same salt: found at the end")
    wrong = s[4][:50] + bytes([s[4][50] ^ 1]) + s[4][51:]
    refused(b"".join(s[:4] + [wrong, s[4]] + s[5:]), whole, "a changed page, then the right one: nothing follows")


def from_the_inside():
    """What a writer with the secret could say: a reader believes no more than a snapshot can be."""
    top = header()
    records = GOOD[:3]
    right = struct.pack("<4Q", 3, 0, 0, 3) + seal(top, records)[1]
    bad = {
        "a record of no vCPU": records + [record(3)],
        "a record behind a page": records[:2] + [page(1), record(2)],
        "a page before the records": [page(1)] + records,
        "a record too few": records[:2],
        "records in another order": [record(1), record(0), record(2)],
        "a record twice, sealed": [record(0), record(1), record(1), record(2)],
        "a record of no words": [(head(RECORD, 0, 0), b"")] + records[1:],
        "a record that is no words": [(head(RECORD, 7, 0), b"1234567")] + records[1:],
        "a record with pages": [(head(RECORD, 8, 0, 1), bytes(8))] + records[1:],
        "pages that descend": records + [page(2), page(1)],
        "a page twice, sealed": records + [page(2), page(2)],
        "a page among zeros": records + [zeros(2, 4), page(5)],
        "a page that is short": records + [(head(PAGE, 8, 2, 1), bytes(8))],
        "a page that is two": records + [(head(PAGE, DATA, 2, 2), bytes(DATA))],
        "a page beyond all": records + [page(1 << 36)],
        "zeros beyond all": records + [zeros((1 << 36) - 1, 2)],
        "no zeros": records + [zeros(2, 0)],
        "zeros without an end": records + [zeros(2, (1 << 20) + 1)],
        "zeros with data": records + [(head(ZEROS, 8, 2, 1), bytes(8))],
        "a chunk of no kind": records + [(head(0, 8, 2, 1), bytes(8))],
        "a chunk of another kind": records + [(head(5, 8, 2, 1), bytes(8))],
        "a chunk that is too long": records + [(head(PAGE, DATA + 8, 2, 1), bytes(DATA + 8))],
    }
    for what, chunks in bad.items():
        check(stream("read", b"".join(seal(top, chunks)[0]))[0] == 1, "read: " + what)
        check(stream("write", plain(top, chunks))[0] == 1, "written: " + what)
    for i in range(len(right)):
        wrong = right[:i] + bytes([right[i] ^ 1]) + right[i + 1:]
        check_quietly(stream("read", b"".join(seal(top, records, end=wrong)[0]))[0] == 1, f"an end that says something else at {i}")
    check(stream("read", b"".join(seal(top, records, end=right)[0]))[0] == 0, "an end that says it all")
    for what, wrong in {"magic": header(magic=b"CORDONSM"), "version": header(version=2), "no vCPU": header(vcpus=0), "17 vCPUs": header(vcpus=17),
                        "a rest": header(rest=1)}.items():
        check(stream("read", b"".join(seal(wrong, records)[0])) == (1, b""), "a header: " + what)
    a, b = page(9)
    check(stream("read", b"".join(seal(top, records)[0]) + a + key_of(top).encrypt(nonce(4), b, a))[0] == 1, "a page behind the end, sealed")


def every_byte():
    """A bit of each byte, in turn, of what is no page; and of some of a page's."""
    top = header(vcpus=1)
    chunks = [record(0, 2), record(1, 2), page(5), zeros(6, 2)]
    data = b"".join(seal(top, chunks)[0])
    first = HEADER + 2 * (HEAD + 16 + TAG) + HEAD
    for i in [i for i in range(len(data)) if not first + 8 <= i < first + DATA or i % 257 == 0]:
        wrong = data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1:]
        check_quietly(stream("read", wrong)[0] == 1, f"a bit of byte {i}")
    for n in [n for n in range(len(data)) if not first + 8 <= n < first + DATA or n % 257 == 0]:
        check_quietly(stream("read", data[:n])[0] != 0, f"cut off behind {n} bytes")


# ---- the tests of it: what is wrong with sealed.c has to be found ----

MUTANTS = {
    "one nonce for all chunks": ("    s->number++;\n", ""),
    "any tag": ("are_same(tag, in + SEALED_HEAD + k->size, SEALED_TAG)", "true"),
    "a key for all headers": ("    sealed_put_header(info + sizeof what - 1, h);\n", "    copy(info + sizeof what - 1, info, 8);\n"),
    "a head that can be changed": ("head, SEALED_HEAD, tag", "head, 0, tag"),
    "records in any order": ("k->at == s->records && ", ""),
    "pages in any order": ("k->at >= s->next && ", ""),
    "pages beyond all": (" && k->pages <= SEALED_GFNS - k->at", ""),
    "an end that says anything": ("are_same(own, data, END_SIZE)", "are_same(own, data, 0)"),
    "an end before the records": ("case SEALED_END: return s->records == s->vcpus + 1 && ", "case SEALED_END: return "),
    "pages before the records": ("return s->records == s->vcpus + 1 && k->at >=", "return k->at >="),
    "a stream that goes on when it was wrong": ("    s->broken = true;\n    erase(data", "    erase(data"),
    "data that was wrong": ("    erase(data, SEALED_DATA);\n", ""),
    "a stream that goes on behind its end": ("        s->broken = true;\n        return;", "        return;"),
    "a writer that goes on": ("        s->broken = true;\n        return 0;", "        return 0;"),
    "any version": (" == VERSION &&", " != 0 &&"),
    "any rest": (" && get(in + AT_REST, 8) == 0", ""),
    "any number of vCPUs": ("h->vcpus <= SEALED_VCPUS", "true"),
    "a record that is no words": ("k->size % 8 == 0 && ", ""),
    "tags that are in no name": ("&s->tags, tag, SEALED_TAG", "&s->tags, tag, 0"),
    "an end without zeros": ("    put(end + 16, s->zeros, 8);\n", "    put(end + 16, 0, 8);\n"),
}


def mutants():
    for i, (what, (old, new)) in enumerate(MUTANTS.items()):
        copy = os.path.join(folder, f"mutant{i}")
        for name in ("snapshot", "test/snapshot"):
            shutil.copytree(os.path.join(ROOT, name), os.path.join(copy, name))
        shutil.copytree(os.path.join(ROOT, "test", "attest"), os.path.join(copy, "test", "attest"))
        path = os.path.join(copy, "snapshot", "sealed.c")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        done = subprocess.run([os.path.join(copy, "test", "snapshot", "run.py"), "--quick"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", errors="replace", check=False)
        found = re.search(r"^FAILED (.*)", done.stdout, re.M)
        check(text.count(old) == 1 and found, f"broken: {what}: {found.group(1) if found else 'nobody notices, or it is not there once'}")


def main():
    seed = int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else int(time.time())
    print(f"seed {seed}", flush=True)
    agree()
    agree_on_any(1, 10)
    agree_on_any(seed, 20)
    attacks()
    from_the_inside()
    if "--quick" not in sys.argv:
        every_byte()
        mutants()
    try:
        opened(b"".join(seal(header(), GOOD)[0][:-1] + [bytes(HEAD)]))
        check(False, "the second reader can refuse")
    except (InvalidTag, AssertionError):
        check(True, "the second reader can refuse")
    return close()


if __name__ == "__main__":
    sys.exit(main())
