#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The root of trust in QEMU (root.py), tokens with their reader (tokens.py), from a guest to its owner (guest.py), and a disk's key back (unlock.py), one
behind the other. Closes with "N passed, N failed"."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    passed = failed = 0
    for name in ("tokens.py", "root.py", "guest.py", "unlock.py"):
        done = subprocess.run([os.path.join(HERE, name)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                              errors="replace", check=False)
        print("== %s\n%s" % (name, done.stdout), flush=True)
        counts = re.findall(r"^(\d+) passed, (\d+) failed", done.stdout, re.M) or [("0", "1")]
        passed += int(counts[-1][0])
        failed += max(int(counts[-1][1]), int(done.returncode != 0))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
