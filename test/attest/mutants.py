#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`cordon verify` and `cordon release` with one of their checks left out: test/attest/tokens.py has to notice each.

    test/attest/mutants.py [NAME...]        all, or these

Each mutant is one edit in a copy of tools/. First the tests pass on the sources as they are. Closes with "N passed, N failed".
"""
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MAIN = """#include "cli.h"
#include <string.h>
int main(int argc, char **argv)
{
    return (int)cli_finish((argc > 1 && strcmp(argv[1], "release") == 0 ? cmd_release : cmd_verify)(argc - 1, argv + 1));
}
"""
V, C, R = "trust.c", "claims.c", "release.c"

# name, file of tools/owner, what, old (stands there once), new
MUTANTS = [
    ("other-platform", V, "a chain may begin with any key", "memcmp(key, w->key, ES256_KEY) != 0", "false"),
    ("debug-trusted", V, "a platform that can be debugged is trusted", "*mode != MODE_NORMAL && !w->allow_debug", "false"),
    ("any-cordon", V, "any image of Cordon's will do", "!claims_has_bytes(claims, CODE_HASH, ", "false && !claims_has_bytes(claims, CODE_HASH, "),
    ("config-not-hashed", V, "the configuration is not the one that is signed", "!claims_has_bytes(claims, CONFIG_HASH, hash, sizeof hash)", "false"),
    ("config-not-compared", V, "any configuration will do", "memcmp(hash, wanted_config, sizeof hash) != 0", "false"),
    ("first-is-cordon", V, "the first certificate counts for Cordon's", "i == cbor_array_size(chain) - 1", "i == 1"),
    ("key-not-named", V, "any key may sign for guests", "memcmp(hash, key_hash, sizeof hash) != 0", "false"),
    ("any-nonce", V, "a token may be from another time", "!claims_has_bytes(claims, NONCE, w->nonce, NONCE_SIZE)", "false"),
    ("any-guest", V, "any guest will do", "!claims_has_bytes(claims, MEASUREMENT,", "false && !claims_has_bytes(claims, MEASUREMENT,"),
    ("any-person", V, "any personalisation value will do", "personal != NULL && ", "false && personal != NULL && "),
    ("any-extended", V, "a guest's own measurements do not matter", "extended != NULL && !is_extended_as", "false && !is_extended_as"),
    ("restored-trusted", V, "a restored guest is taken for another", "restored && !w->allow_restored", "false"),
    ("guest-for-platform", V, "parts may be of another profile",
     '!claims_has_text(claims, PROFILE, "tag:cordon.invalid,2026:platform#1")', "false"),
    ("tag-not-looked-at", V, "any tag will do", "cbor_tag_value(all) == COLLECTION_TAG", "true"),
    ("long-chains", V, "a chain has no end", "cbor_array_size(chain) > 1 + MOST_CERTIFICATES", "false"),
    ("signature-not-checked", C, "nobody has to sign", "es256_holds(key, hash, claims_bytes(part[3], 0))", "true"),
    ("labels-twice", C, "a label may stand there twice", "number(pair[k].key, &other) && other == label", "false"),
    ("any-guest-key", V, "a secret goes to whoever says that it is the guest's key", "w->has_guest_key && !is_guests_key", "false && !is_guests_key"),
    ("key-for-all", V, "with a key, the guest's other measurements do not matter", "w->has_guest_key ? OF_THE_KEY : EXTENDED",
     "w->has_guest_key ? 0 : EXTENDED"),
    ("key-anywhere", V, "the key may be in another measurement", "#define OF_THE_KEY 3 ", "#define OF_THE_KEY 2 "),
    ("release-untrusted", R, "a secret goes out though the token is not trusted",
     "if (status == CLI_OK)\n        status = seal(", "if (status == CLI_OK || status == CLI_BROKEN)\n        status = seal("),
    ("release-written-first", R, "the file is there before the token was looked at",
     "        status = trust_token(", "        status = fopen(output, \"wb\") ? CLI_OK : CLI_BAD;\n    if (status == CLI_OK)\n        status = trust_token("),
    ("more-claims", C, "a map may have other labels", " || cbor_map_size(map) != n", ""),
]


def build(folder):
    program = os.path.join(folder, "cordon")
    with open(os.path.join(folder, "main.c"), "w", encoding="ascii") as file:
        file.write(MAIN)
    owner = [os.path.join(folder, "tools", "owner", name + ".c") for name in ("verify", "release", "trust", "claims", "es256", "expect")]
    subprocess.run(["cc", "-std=gnu11", "-O1", "-w", "-o", program, os.path.join(folder, "main.c"), os.path.join(folder, "tools", "cli.c"), *owner,
                    "-I" + os.path.join(folder, "tools"), "-lcbor", "-lbearssl", "-lsodium"], check=True)
    return program


def fails(folder):
    """How the tests notice, or None."""
    done = subprocess.run([os.path.join(ROOT, "test", "attest", "tokens.py"), "--quick", build(folder)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    return None if done.returncode == 0 else done.stdout.splitlines()[0][:100]


def main():
    chosen = [m for m in MUTANTS if not sys.argv[1:] or m[0] in sys.argv[1:]]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tools = os.path.join(folder, "tools")
        shutil.copytree(os.path.join(ROOT, "tools"), tools)
        shutil.copytree(os.path.join(ROOT, "attest"), os.path.join(folder, "attest"))
        how = fails(folder)
        if how or not chosen:
            print("the tests fail on the sources as they are, or there is no such mutant: %s\n0 passed, 1 failed" % how)
            return 1
        for name, file, what, old, new in chosen:
            path = os.path.join(tools, "owner", file)
            with open(path, encoding="utf-8") as source:
                text = source.read()
            if text.count(old) != 1:
                print("%-24s its text stands %d times in %s" % (name, text.count(old), file))
                failed += 1
                continue
            with open(path, "w", encoding="utf-8") as source:
                source.write(text.replace(old, new))
            how = fails(folder)
            print("%-24s %s" % (name, how or "SURVIVES: " + what), flush=True)
            passed, failed = passed + bool(how), failed + (not how)
            with open(path, "w", encoding="utf-8") as source:
                source.write(text)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
