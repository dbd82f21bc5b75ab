# SPDX-License-Identifier: Apache-2.0
"""What the tests of attestation have in common: checks that are counted, the first stage's secret, and how others are derived from it."""
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET = b"Cordon TEST secret: not a secret"       # plat/qemu-virt/first has it in the open

counts = {True: 0, False: 0}


def check_quietly(holds, what):
    """For claims of which there are thousands: those that do not hold are told."""
    if not holds:
        print("FAILED " + what, flush=True)
    counts[bool(holds)] += 1


def check(holds, what):
    if holds:
        print("ok " + what, flush=True)
    check_quietly(holds, what)


def close():
    """The closing line. Returns the exit status."""
    print("%d passed, %d failed" % (counts[True], counts[False]))
    return 1 if counts[False] else 0


def kdf(size, secret, salt, info):
    """The profile's KDF: HKDF with SHA-512."""
    return HKDF(hashes.SHA512(), size, salt, info).derive(secret)
