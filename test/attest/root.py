#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The root of trust: what the first stage hands over, and that nobody but Cordon has it afterwards.

    test/attest/root.py [--tree FOLDER]       the sources there in place of these, with the tools that these have fetched

Boots with the first stage, with the machine's memory in a file, and stops the machine once the host is at its shell. Then all of memory is
looked through, as nothing inside of the machine could: the test secret is nowhere any more, each secret of Cordon's is in one place, which is
Cordon's own. Certificate and secrets are checked by another program than the one that made them (python3-cryptography, python3-cbor2) against
Cordon's image and the device tree. After the machine has been switched off no secret is left. Closes with "N passed, N failed".
"""
import hashlib
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from checks import SECRET, check, close, kdf

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = sys.argv[2] if sys.argv[1:2] == ["--tree"] else ROOT
EL2 = os.path.join(TREE, "build", "el2")
HOST = os.path.join(ROOT, "build", "host")
INITRD = os.path.join(HOST, "initrd.cpio")
RAM, SIZE = 0x40000000, 512 << 20
NONE = bytes(64)
HASH_OF_CODE, HASH_OF_CONFIG, CONFIG, AUTHORITY, MODE, KEY, USAGE = (-4670545, -4670547, -4670548, -4670549, -4670551, -4670552, -4670553)
COMMAND_LINE = b"console=ttyAMA0 watchdog_thresh=60 quiet"
ID_SALT = bytes.fromhex("dbdbaebc8020da9ff0dd5a24c83aa5a54286dfc263031e329b4da148430659fe"
                        "62cdb5b7e1e00fc680306711eb444af77209359496fcff1db9520ba51c7b29ea")


def sha512(data):
    return hashlib.sha512(data).digest()


def all_of(memory, what):
    return [m.start() for m in re.finditer(re.escape(what), memory)]


def public_key(cose):
    check((cose[1], cose[3], cose[-1]) == (2, -7, 1), "a key is for ES256 on P-256")
    return ec.EllipticCurvePublicNumbers(int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-3], "big"), ec.SECP256R1()).public_key()


def name_of(cose):
    return kdf(20, cose[-2] + cose[-3], ID_SALT, b"ID").hex()


def signature_holds(key, protected, payload, signature):
    data = cbor2.dumps(["Signature1", protected, b"", payload])
    try:
        key.verify(encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")), data,
                   ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def look_at_chain(chain, attest, seal):
    first, certificate = cbor2.loads(chain)
    protected, unprotected, payload, signature = certificate
    claims = cbor2.loads(payload)
    key = public_key(first)
    check(cbor2.loads(protected) == {1: -7} and unprotected == {}, "the certificate is signed by ES256")
    check(signature_holds(key, protected, payload, signature), "its signature is the first key's")
    check(not signature_holds(key, protected, payload[:-1] + bytes([payload[-1] ^ 1]), signature), "of another payload it is not")
    subject = cbor2.loads(claims[KEY])
    public_key(subject)
    check(claims[1] == name_of(first) and claims[2] == name_of(subject), "issuer and subject are the names of these keys")
    with open(os.path.join(EL2, "cordon.bin"), "rb") as file:
        check(claims[HASH_OF_CODE] == sha512(file.read()), "the code is Cordon's image")
    config = cbor2.loads(claims[CONFIG])
    check(claims[HASH_OF_CONFIG] == sha512(claims[CONFIG]), "the configuration is the one whose hash is signed")
    check(config[-70002] == "Cordon" and config[-71001] == sha512(COMMAND_LINE), "it has the command line's hash")
    check(len(config[-71002]) == 64 and len(config) == 3, "and the device tree's")
    check(claims[MODE] == b"\2" and claims[AUTHORITY] == NONE and claims[USAGE] == b"\x20", "the mode is debug: nobody takes it for more")
    code, mode = sha512(claims[HASH_OF_CODE] + claims[HASH_OF_CONFIG] + NONE + claims[MODE] + NONE), sha512(NONE + claims[MODE] + NONE)
    check(attest == kdf(32, SECRET, code, b"CDI_Attest") and seal == kdf(32, SECRET, mode, b"CDI_Seal"), "the secrets are the profile's for it")


def place_of_root():
    """Where Cordon keeps it."""
    names = subprocess.run(["aarch64-linux-gnu-nm", os.path.join(EL2, "cordon.elf")], check=True, stdout=subprocess.PIPE, encoding="ascii").stdout
    return int(re.search(r"^([0-9a-f]+) \w root$", names, re.M).group(1), 16) - RAM


def look_at_memory(path):
    """While the machine stands still. The secrets that Cordon has."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        at = place_of_root()
        size, attest, seal = struct.unpack_from("<I32s32s", memory, at)
        chain = memory[at + 68:at + 68 + size]
        check(all_of(memory, SECRET) == [], "the test secret is nowhere in memory")
        check(all_of(memory, attest) == [at + 4] and all_of(memory, seal) == [at + 36], "each of Cordon's secrets is in its own place alone")
        check(all_of(memory, b"dice@41f00000") == [], "the host's tree has no trace of it")
    look_at_chain(chain, attest, seal)
    return attest, seal


def boot(path):
    machine = "MACHINE=memory-backend=ram"
    extra = "EXTRA=-object memory-backend-file,id=ram,size=512M,mem-path=%s,share=on" % path
    command = [os.path.join(TREE, "scripts", "host", "run-host"), "ROOT=1", "MEM=512M", "KERNEL=" + os.path.join(HOST, "Image"),
               "INITRD=" + INITRD, machine, extra]
    secrets = None
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, encoding="utf-8", errors="replace") as qemu:
        for line in qemu.stdout:
            sys.stdout.write(line)
            if "Type exit or poweroff" in line:
                os.killpg(qemu.pid, signal.SIGSTOP)
                secrets = look_at_memory(path)
                os.killpg(qemu.pid, signal.SIGCONT)
                qemu.stdin.write("poweroff -f\n")
                qemu.stdin.close()
        check(qemu.wait() == 0 and secrets is not None, "the machine came to its shell, and was switched off")
    return secrets


def main():
    subprocess.run([os.path.join(ROOT, "scripts", "host", "fetch")], check=True, stdin=subprocess.DEVNULL)
    subprocess.run([os.path.join(ROOT, "scripts", "host", "make-host-initrd"), INITRD, "no"], check=True, stdin=subprocess.DEVNULL)
    if TREE != ROOT:
        shutil.rmtree(os.path.join(TREE, "build", "host"), ignore_errors=True)
        os.symlink(HOST, os.path.join(TREE, "build", "host"))
    with tempfile.NamedTemporaryFile(dir=HOST, prefix="ram.") as file:
        os.truncate(file.name, SIZE)
        secrets = boot(file.name)
        with open(file.name, "rb") as ram, mmap.mmap(ram.fileno(), 0, access=mmap.ACCESS_READ) as memory:
            check(secrets is not None and not any(all_of(memory, one) for one in secrets), "no secret is left when it is off")
    return close()


if __name__ == "__main__":
    sys.exit(main())
