#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A guest's token, from the guest's question to the owner's check.

    test/attest/guest.py

Boots with the first stage; the host starts a Linux guest, which asks for tokens by /dev/cordon-token: with no keeper there, with two that Cordon does
not know, with the right one, after an extension, after that keeper was killed, and with another. Each token goes out over the guest's console, and
`cordon verify` reads it with the machine's public key, the nonce, and what `cordon measure` says of the guest's files; and with other ones of each. A second boot has no
root of trust. The public key is computed here from the first stage's secret, by other programs. Closes with "N passed, N failed".
"""
import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys
import tempfile

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from checks import SECRET, check, close, kdf

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, LOGS, ROOT, quietly, script  # pylint: disable=wrong-import-position

CORDON = os.path.join(ROOT, "build", "cordon")
INITRD = os.path.join(BUILD, "attest-test.cpio")
GUEST = os.path.join(BUILD, "attested.gz")
KEEPER = os.path.join(BUILD, "keeper", "keeper.bin")
OTHER_KEEPER = os.path.join(BUILD, "keeper", "other-keeper.bin")
PLATFORM_PEM = os.path.join(ROOT, "plat", "qemu-virt", "first", "platform.pem")
KEY_SALT = bytes.fromhex("63b6a04d2c077fc10f639f21da793844356cc2b0b441b3a77124035c03f8e1be"
                         "6035d31f282821a7450a02222ab1b3cff1679b05ab1ca5d1affb789ccd2b0b3b")
ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
PERSONAL = bytes(range(64))
SECONDS = 400


# ---- the platform's key ----

class Drbg:
    """HMAC_DRBG with SHA-256 (NIST SP 800-90A, 10.1.2)."""

    def __init__(self, seed):
        self.k, self.v = bytes(32), b"\1" * 32
        self.update(seed)

    def mac(self, data):
        return hmac.new(self.k, data, hashlib.sha256).digest()

    def update(self, seed):
        for i in range(2 if seed else 1):
            self.k = self.mac(self.v + bytes([i]) + seed)
            self.v = self.mac(self.v)

    def draw(self):
        self.v = self.mac(self.v)
        drawn = self.v
        self.update(b"")
        return drawn


def platform_key():
    """Of the profile, by the secret that the first stage has in the open."""
    drbg = Drbg(kdf(32, SECRET, KEY_SALT, b"Key Pair"))
    number = 0
    while not 0 < number < ORDER:
        number = int.from_bytes(drbg.draw(), "big")
    return ec.derive_private_key(number, ec.SECP256R1()).public_key()


# ---- the machine ----

def write_with_a_byte_changed(path, source, at):
    with open(source, "rb") as file:
        data = bytearray(file.read())
    data[at(data)] ^= 1
    with open(path, "wb") as file:
        file.write(data)
    return path


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-vmm", "build-guest", "build-keeper", "build-first"):
        quietly(script(name))
    here = os.path.join(ROOT, "test", "attest")
    quietly(script("make-initramfs", GUEST, os.path.join(here, "guest-init"), os.path.join(KERNEL, "guest", "cordon_guest.ko")))
    write_with_a_byte_changed(OTHER_KEEPER, KEEPER, lambda data: data.index(b"keeper: signs") + 8)
    quietly(script("make-initramfs", INITRD, os.path.join(here, "init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(KERNEL, "module", "cordon_info.ko"), os.path.join(BUILD, "vmm", "cordon-vmm"), KEEPER, OTHER_KEEPER,
                   os.path.join(KERNEL, "Image"), GUEST))


def boot(name, nonce, *settings, more=""):
    """The serial log of a boot."""
    os.makedirs(LOGS, exist_ok=True)
    path = os.path.join(LOGS, "attest-%s.log" % name)
    with open(path, "wb") as log:
        try:
            status = subprocess.run(script("run-host", "INITRD=" + INITRD, "APPEND=quiet cordon.nonce=%s cordon.personal=%s %s" % (nonce.hex(), PERSONAL.hex(), more), *settings), check=False,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, timeout=SECONDS).returncode
        except subprocess.TimeoutExpired:
            status = None
    with open(path, encoding="utf-8", errors="replace") as log:
        text = log.read().replace("\r", "")
    check(status == 0 and "test: done" in text and "complaint" not in text and "FAIL" not in text and "test: guest ended with 0" in text,
          "%s: the machine does all of it, without a complaint (%s)" % (name, os.path.relpath(path, ROOT)))
    return text


def tokens_of(log):
    """What the guest has printed behind each line of the test's: a token, or why there is none."""
    found = {}
    for part in re.split(r"^test: ", log, flags=re.M)[1:]:
        lines = re.findall(r"^guest: token (\S+)$", part, re.M)
        why = re.search(r"^guest: no token: (.*)$", part, re.M)
        found[part.split("\n")[0]] = base64.b64decode("".join(lines)) if lines else why.group(1) if why else None
    return found


# ---- the owner ----

class Owner:
    def __init__(self, folder):
        self.folder = folder
        self.key = self.write_key("platform.pem", platform_key())
        with open(self.key, "rb") as own, open(PLATFORM_PEM, "rb") as kept:
            check(own.read() == kept.read(), "the public key that lies beside the first stage is the one of its secret")
        self.expected = self.expect("expected.cbor", GUEST)
        self.other_initrd = self.expect("other.cbor", write_with_a_byte_changed(os.path.join(folder, "initrd"), GUEST, lambda data: len(data) // 2))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_key(self, name, key):
        with open(self.path(name), "wb") as file:
            file.write(key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        return self.path(name)

    def expect(self, name, initrd, personal=PERSONAL):
        subprocess.run([CORDON, "measure", "--kernel", os.path.join(KERNEL, "Image"), "--initrd", initrd, "--append", "console=ttyS0 quiet", "--mem",
                        "192M", "--personal", personal.hex(), "--write", self.path(name), "--cordon", os.path.join(ROOT, "build", "el2", "cordon.bin")], check=True,
                       stdout=subprocess.DEVNULL)
        return self.path(name)

    def expect_extended(self, measurement):
        with open(self.expected, "rb") as file:
            expected = cbor2.load(file)
        expected[5] = [bytes(32), bytes(32), measurement, bytes(32)]
        with open(self.path("extended.cbor"), "wb") as file:
            cbor2.dump(expected, file)
        return self.path("extended.cbor")

    def verify(self, token, nonce, key=None, expected=None, debug=True):
        if not isinstance(token, bytes):
            return None, "there is no token: %s" % token
        with open(self.path("token"), "wb") as file:
            file.write(token)
        done = subprocess.run([CORDON, "verify", self.path("token"), "--key", key or self.key, "--nonce", nonce.hex(), "--expect",
                               expected or self.expected, *(["--allow-debug"] if debug else [])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", check=False)
        return done.returncode, done.stdout.strip()


def look_at_tokens(found, nonce, owner):
    def trusted(what, token, **options):
        answer = owner.verify(token, nonce, **options)
        check(answer == (0, "trusted"), "%s: %s" % (what, answer))

    def refused(what, reason, token, with_nonce=nonce, **options):
        status, text = owner.verify(token, with_nonce, **options)
        check(status == 1 and reason in text, "refused: %s: %s" % (what, text))

    first = found.get("first token")
    extended = hashlib.sha256(bytes(32) + int("7", 16).to_bytes(32, "big")).digest()
    trusted("the first token", first)
    refused("with another nonce", "nonce", first, bytes(64))
    refused("of a guest with one byte of its initrd changed", "measurement", first, expected=owner.other_initrd)
    refused("of another guest that begins alike", "personalisation", first, expected=owner.expect("person.cbor", GUEST, bytes(64)))
    refused("by another platform", "key", first, key=owner.write_key("other.pem", ec.generate_private_key(ec.SECP256R1()).public_key()))
    refused("of a platform that can be debugged", "debug", first, debug=False)
    refused("before the extension", "measurement", first, expected=owner.expect_extended(extended))
    trusted("the second token, behind the extension", found.get("second token"), expected=owner.expect_extended(extended))
    trusted("the third, by another keeper", found.get("third token"))
    if isinstance(first, bytes):
        parts = cbor2.loads(first).value
        refused("with the guest's part of one token and the platform's of another keeper's", "key",
                cbor2.dumps(cbor2.CBORTag(399, {**cbor2.loads(found["third token"]).value, 44241: parts[44241]})))


def sealing_key(token, kind, number):
    """What the profile makes of the first stage's secret for this Cordon, and the keeper of that for this guest."""
    parts = cbor2.loads(token).value
    claims = cbor2.loads(cbor2.loads(parts[-75000])[1][2])
    guest = cbor2.loads(cbor2.loads(parts[44241])[2])
    none = bytes(64)
    cordon = [hashlib.sha512(claims[-4670545] + claims[-4670547] + none + claims[-4670551] + none).digest(),
              hashlib.sha512(none + claims[-4670551] + none).digest()][kind]
    secret = kdf(32, SECRET, cordon, [b"CDI_Attest", b"CDI_Seal"][kind])
    root = kdf(32, secret, b"Cordon: keys of guests", b"")
    label = bytes.fromhex("%064d" % number)
    return kdf(32, root, label, guest[44238] + guest[44235]).hex()


def look_at_keys(log, token):
    first = re.findall(r"^guest: (?:no )?key:? (.*)$", log, re.M)
    check(len(first) == 6, "the guest has an answer to each question for a key")
    if len(first) != 6 or not isinstance(token, bytes):
        return
    wanted = [sealing_key(token, kind, number) for kind, number in ((0, 1), (0, 1), (0, 2), (1, 1))]
    check(first[:4] == wanted, "keys to seal with are what their derivation says: of two kinds, and by what the guest tells them apart by")
    check(len(set(wanted)) == 3, "and three of these are different")
    check("Invalid argument" in first[4], "there is no third kind: %s" % first[4])
    check(first[5] == wanted[0], "another keeper derives the same")


def look_at_refusals(log, found):
    unknown = "no root of trust was handed over to Cordon, or it was built with another keeper"
    check("Host is down" in str(found.get("nobody signs")), "without a keeper: %s" % found.get("nobody signs"))
    check("test: a keeper with one byte changed ended with 0: %s\n" % unknown in log, "one byte of it changed: it is no keeper")
    check("test: a keeper with more memory ended with 0: %s\n" % unknown in log, "with more memory: it is no keeper")
    after = str(found.get("a keeper with more memory ended with 0: " + unknown))
    check("Host is down" in after, "and there is no token: %s" % after)
    check("test: a second keeper ended with 0: this machine has another keeper\n" in log, "there is one keeper at a time")
    check("Host is down" in str(found.get("the keeper is gone")), "when it is gone there is no token: %s" % found.get("the keeper is gone"))


def main():
    prepare()
    nonce = os.urandom(64)
    print("nonce %s" % nonce.hex(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        log = boot("guest", nonce, "ROOT=1", "SEEDS=1")
        found = tokens_of(log)
        look_at_refusals(log, found)
        look_at_tokens(found, nonce, Owner(folder))
        look_at_keys(log, found.get("first token"))
    log = boot("no-root", nonce, more="cordon.root=no")
    check("test: the keeper ended with 0: no root of trust" in log, "without a hand-over the keeper says so")
    check("guest: no token: " in log and "Operation not supported" in log, "and so does the guest")
    return close()


if __name__ == "__main__":
    sys.exit(main())
