#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens: written by the project's code and read by another program, written by another program and read by `cordon verify`; and
secrets that `cordon release` seals to a guest's key.

    test/attest/tokens.py [--quick] [CORDON]        CORDON: another command than build/cordon; --quick: without what is done for each byte

The other program is this one: python3-cbor2 and python3-cryptography. Each field is changed and signed anew by the keys that belong there, or by
others; each byte is changed; each is cut off at each byte. Closes with "N passed, N failed".
"""
import copy
import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from checks import check_quietly as check, close

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ARGUMENTS = [one for one in sys.argv[1:] if one != "--quick"]
QUICK = "--quick" in sys.argv
CORDON = ARGUMENTS[0] if ARGUMENTS else os.path.join(ROOT, "build", "cordon")
HASHES = ec.ECDSA(hashes.SHA256())
ES256 = cbor2.dumps({1: -7})
CODE, CODE_CONFIG, CONFIG, AUTHORITY, MODE, SUBJECT, USAGE = -4670545, -4670547, -4670548, -4670549, -4670551, -4670552, -4670553
NONCE, PROFILE, PERSONAL, ALGORITHM, KEY, MEASUREMENT, EXTENDED, KEY_ALGORITHM = 10, 265, 44235, 44236, 44237, 44238, 44239, 44240
VERSION, GENERATION, RESTORED = -75001, -75002, -75003
PLATFORM_PART, GUEST_PART, CHAIN_PART = 44234, 44241, -75000
folder = None


def count_up(size, first):
    return bytes((first + i) % 256 for i in range(size))


def private_key():
    return ec.generate_private_key(ec.SECP256R1())


def cose_key(private):
    n = private.public_key().public_numbers()
    return {1: 2, 3: -7, -1: 1, -2: n.x.to_bytes(32, "big"), -3: n.y.to_bytes(32, "big")}


def to_sign(payload, protected=ES256):
    return cbor2.dumps(["Signature1", protected, b"", payload])


def signed(private, claims, protected=ES256):
    payload = claims if isinstance(claims, bytes) else cbor2.dumps(claims)
    r, s = decode_dss_signature(private.sign(to_sign(payload, protected), HASHES))
    return [protected, {}, payload, r.to_bytes(32, "big") + s.to_bytes(32, "big")]


class Maker:
    """A token as it must be, in pieces that can be changed before it is signed."""

    def __init__(self):
        self.root, self.cordon, self.guest = private_key(), private_key(), private_key()
        self.signers = {"certificate": self.root, "platform": self.cordon, "guest": self.guest}
        config = cbor2.dumps({1: 2})
        self.first = cose_key(self.root)
        self.certificate = {1: "a", 2: "b", CODE: bytes([0x11]) * 64, CODE_CONFIG: hashlib.sha512(config).digest(), CONFIG: config,
                            AUTHORITY: bytes(64), MODE: b"\1", SUBJECT: cbor2.dumps(cose_key(self.cordon)), USAGE: b"\x20"}
        key = cbor2.dumps(cose_key(self.guest))
        self.platform = {NONCE: hashlib.sha256(key).digest(), PROFILE: "tag:cordon.invalid,2026:platform#1", VERSION: "0.1.0"}
        self.guest_part = {NONCE: count_up(64, 1), PROFILE: "tag:cordon.invalid,2026:guest#1", PERSONAL: count_up(64, 2), ALGORITHM: "sha-256",
                           KEY: key, MEASUREMENT: count_up(32, 3), EXTENDED: [count_up(32, 4 + i) for i in range(4)], KEY_ALGORITHM: "sha-256",
                           GENERATION: 300, RESTORED: False}
        self.more = []          # certificates in between
        self.tag = 399

    def parts(self):
        chain = [self.first, *self.more, signed(self.signers["certificate"], self.certificate)]
        return {PLATFORM_PART: cbor2.dumps(signed(self.signers["platform"], self.platform)),
                GUEST_PART: cbor2.dumps(signed(self.signers["guest"], self.guest_part)), CHAIN_PART: cbor2.dumps(chain)}

    def token(self):
        return cbor2.dumps(cbor2.CBORTag(self.tag, self.parts()))


def pem(cose):
    key = ec.EllipticCurvePublicNumbers(int.from_bytes(cose[-2], "big"), int.from_bytes(cose[-3], "big"), ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def write(name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


EXPECT = {1: count_up(32, 3), 2: bytes([0x11]) * 64}


def verify(token, root, *more, nonce=count_up(64, 1).hex(), expect=EXPECT):
    done = subprocess.run([CORDON, "verify", write("token", token), "--key", write("key", pem(root)), "--nonce", nonce, "--expect",
                           write("expect", cbor2.dumps(expect)), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def trusted(what, token, root, *more, **options):
    answer = verify(token, root, *more, **options)
    check(answer == (0, "trusted", ""), "%s: trusted, but %s" % (what, answer))


def refused(what, reason, token, root, *more, **options):
    answer = verify(token, root, *more, **options)
    check(answer[0] == 1 and answer[1].startswith("not trusted: ") and reason in answer[1] and answer[2] == "", "%s: not trusted (%s), but %s" %
          (what, reason, answer))


# ---- the project's own tokens, read here ----

def holds(cose, sign1):
    protected, unprotected, payload, signature = sign1
    key = serialization.load_pem_public_key(pem(cose))
    try:
        key.verify(encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")), to_sign(payload, protected), HASHES)
    except InvalidSignature:
        return False
    return protected == ES256 and unprotected == {}


def own_token():
    path = os.path.join(folder, "maker")
    subprocess.run(["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", path,
                    os.path.join(ROOT, "test", "attest", "maker.c"), *(os.path.join(ROOT, "attest", name + ".c") for name in ("cbor", "token", "dice")),
                    "-I" + os.path.join(ROOT, "attest"), "-lbearssl"], check=True)
    return subprocess.run([path], check=True, stdout=subprocess.PIPE).stdout


def read_own(data):
    whole = cbor2.loads(data)
    token = whole.value
    first, certificate = cbor2.loads(token[CHAIN_PART])
    platform, guest = cbor2.loads(token[PLATFORM_PART]), cbor2.loads(token[GUEST_PART])
    cordon = cbor2.loads(cbor2.loads(certificate[2])[SUBJECT])
    claims, about = cbor2.loads(guest[2]), cbor2.loads(platform[2])
    check(whole.tag == 399 and set(token) == {PLATFORM_PART, GUEST_PART, CHAIN_PART}, "own: the collection")
    check(holds(first, certificate) and holds(cordon, platform) and holds(cbor2.loads(claims[KEY]), guest), "own: three signatures hold")
    check(about == {NONCE: hashlib.sha256(claims[KEY]).digest(), PROFILE: "tag:cordon.invalid,2026:platform#1", VERSION: "0.1.0"}, "own: the platform's part")
    wanted = Maker().guest_part
    wanted[KEY] = claims[KEY]
    check(claims == wanted, "own: the guest's part")
    check(cbor2.dumps(whole) == data and cbor2.dumps(claims) == guest[2] and cbor2.dumps(about) == platform[2], "own: in the shortest form")
    return first


# ---- tokens of this program's, read by the command ----

def another(value):
    if isinstance(value, bool):
        return 0
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\0"
    return value + 1 if isinstance(value, int) else value + "x" if isinstance(value, str) else value[1:]


REASONS = {
    ("certificate", CODE): "Cordon's image is another", ("certificate", CODE_CONFIG): "not the one that is signed",
    ("certificate", CONFIG): "not the one that is signed", ("certificate", MODE): "can be debugged",
    ("certificate", SUBJECT): "platform's part is not signed", ("guest_part", NONCE): "the nonce is another",
    ("guest_part", MEASUREMENT): "measurement is another", ("platform", NONCE): "another key than the platform's part names",
    ("guest_part", KEY): "not signed by the key that it names",
}
FREE = {("certificate", 1), ("certificate", 2), ("certificate", AUTHORITY), ("certificate", USAGE), ("platform", VERSION), ("guest_part", PERSONAL),
        ("guest_part", EXTENDED), ("guest_part", GENERATION)}      # nothing was expected of these


def each_field(good):
    for part in ("certificate", "platform", "guest_part"):
        for label in list(getattr(good, part)):
            for kind in ("changed", "missing", "of another type"):
                made = copy.copy(good)
                claims = dict(getattr(good, part))
                if kind == "changed":
                    claims[label] = another(claims[label])
                elif kind == "missing":
                    del claims[label]
                else:
                    claims[label] = 1.5
                setattr(made, part, claims)
                what = "%s of %d is %s" % (part, label, kind)
                if (part, label) in FREE and kind != "missing" and (kind == "changed" and label != EXTENDED or part == "certificate" or label == VERSION):
                    trusted(what, made.token(), good.first)
                else:
                    refused(what, REASONS.get((part, label), "") if kind == "changed" else "", made.token(), good.first)


def other_keys(good):
    for part in ("certificate", "platform", "guest"):
        made = copy.copy(good)
        made.signers = {**good.signers, part: private_key()}
        refused("another key signs: " + part, "not signed by", made.token(), good.first)
    other = Maker()
    refused("another platform", "another platform's key", other.token(), good.first)
    made = copy.copy(good)
    made.first = other.first
    refused("the chain begins with another key", "another platform's key", made.token(), good.first)
    refused("the owner has another key", "another platform's key", good.token(), other.first)
    for part, reason in ((PLATFORM_PART, "platform's part is not signed"), (GUEST_PART, "another key than the platform's part names"),
                         (CHAIN_PART, "another platform's key")):
        parts = {**good.parts(), part: other.parts()[part]}
        refused("a part of another token: %d" % part, reason, cbor2.dumps(cbor2.CBORTag(399, parts)), good.first)


def chains(good):
    middle, made = private_key(), copy.copy(good)
    between = {**good.certificate, SUBJECT: cbor2.dumps(cose_key(middle)), CODE: bytes(64)}
    made.more = [signed(good.root, between)]
    made.signers = {**good.signers, "certificate": middle}
    trusted("a certificate more", made.token(), good.first)
    made.more = [signed(private_key(), between)]
    refused("a certificate of somebody else's in between", "not signed by the key before it", made.token(), good.first)
    made.more = [signed(good.root, {**between, MODE: b"\2"})]
    refused("a stage in between can be debugged", "can be debugged", made.token(), good.first)
    trusted("that is allowed", made.token(), good.first, "--allow-debug")
    made.more = [signed(good.root, between)] + [signed(middle, between)] * 7
    refused("too long a chain", "not of this profile", made.token(), good.first)
    parts = {**good.parts(), CHAIN_PART: cbor2.dumps([good.first])}
    refused("a chain without a certificate", "not of this profile", cbor2.dumps(cbor2.CBORTag(399, parts)), good.first)


def expectations(good):
    full = {**EXPECT, 3: good.certificate[CODE_CONFIG], 4: count_up(64, 2), 5: good.guest_part[EXTENDED]}
    trusted("all is expected", good.token(), good.first, expect=full)
    for label, reason in ((1, "measurement is another"), (2, "image is another"), (3, "configuration is another"), (4, "personalisation"),
                          (5, "own measurements")):
        value = [bytes(32)] * 4 if label == 5 else another(full[label])
        refused("something else is expected: %d" % label, reason, good.token(), good.first, expect={**full, label: value})
    for label in (1, 2):
        wrong = {k: v for k, v in full.items() if k != label}
        check(verify(good.token(), good.first, expect=wrong)[0] == 2, "without %d nothing is expected" % label)
    check(verify(good.token(), good.first, expect={**full, 6: 1})[0] == 2, "an expectation that nobody knows")
    refused("a replay: the nonce of another time", "the nonce is another", good.token(), good.first, nonce=count_up(64, 9).hex())
    made = copy.copy(good)
    made.guest_part = {**good.guest_part, RESTORED: True}
    refused("restored", "from a snapshot", made.token(), good.first)
    trusted("restored, which is allowed", made.token(), good.first, "--allow-restored")


def shapes(good):
    token = good.token()
    made = copy.copy(good)
    made.tag = 398
    refused("another tag", "no token", made.token(), good.first)
    refused("no tag", "no token", cbor2.dumps(good.parts()), good.first)
    refused("more behind it", "no token", token + b"\0", good.first)
    refused("a part more", "no token", cbor2.dumps(cbor2.CBORTag(399, {**good.parts(), 1: b""})), good.first)
    claims = {label: value for label, value in good.certificate.items() if label != 1}
    made.tag = 399
    made.certificate = twice(claims, CODE, bytes(64))
    refused("a label twice, the right one first", "not of this profile", made.token(), good.first)
    for what, protected in (("another algorithm", cbor2.dumps({1: -35})), ("no algorithm", b"")):
        parts = {**good.parts(), GUEST_PART: cbor2.dumps(signed(good.guest, good.guest_part, protected))}
        refused(what, "not signed by", cbor2.dumps(cbor2.CBORTag(399, parts)), good.first)
    if QUICK:
        return
    for size in range(0, len(token)):
        refused("cut off behind %d bytes" % size, "", token[:size], good.first)
    for at in range(len(token)):
        changed = bytearray(token)
        changed[at] ^= 1 << at % 8
        answer = verify(bytes(changed), good.first)
        check(answer[0] == 1, "byte %d is another: %s" % (at, answer))


def twice(claims, label, value):
    """A map with a label once more."""
    data = cbor2.dumps(claims)
    return bytes([data[0] + 1]) + data[1:] + cbor2.dumps(label) + cbor2.dumps(value)


# ---- secrets ----

SODIUM = ctypes.CDLL("libsodium.so.23")
SECRET = bytes(range(100, 164))


def box_keys():
    public, private = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    SODIUM.crypto_box_keypair(public, private)
    return public.raw, private.raw


def opened(sealed, keys):
    """What is in a sealed box, or None."""
    plain = ctypes.create_string_buffer(max(len(sealed), 1))
    done = SODIUM.crypto_box_seal_open(plain, sealed, ctypes.c_ulonglong(len(sealed)), *keys)
    return plain.raw[:len(sealed) - 48] if done == 0 else None


def with_key(good, public):
    """A token of a guest that has measured this key."""
    made = copy.copy(good)
    extended = good.guest_part[EXTENDED][:3] + [hashlib.sha256(bytes(32) + public).digest()]
    made.guest_part = {**good.guest_part, EXTENDED: extended}
    return made


def release(token, root, public, *more, secret=SECRET, output=None, nonce=count_up(64, 1).hex(), expect=EXPECT):
    """Exit status, what was printed, and what was written, or None."""
    path = output or os.path.join(folder, "sealed")
    if os.path.exists(path) and output is None:
        os.remove(path)
    done = subprocess.run([CORDON, "release", write("token", token), "--key", write("key", pem(root)), "--nonce", nonce, "--expect",
                           write("expect", cbor2.dumps(expect)), "--guest-key", public if isinstance(public, str) else public.hex(), "--secret",
                           write("secret", secret), "--output", path, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    written = None
    if output is None and os.path.exists(path):
        with open(path, "rb") as file:
            written = file.read()
    return done.returncode, done.stdout.strip(), written


def kept(what, reason, token, root, public, *more, **options):
    status, text, written = release(token, root, public, *more, **options)
    check(status == 1 and text.startswith("not trusted: ") and reason in text and written is None, "kept: %s: (%s), but %d %s, written: %s" %
          (what, reason, status, text, written))


def sealing(good):
    keys, others = box_keys(), box_keys()
    made = with_key(good, keys[0])
    token = made.token()
    status, text, sealed = release(token, good.first, keys[0])
    check((status, text) == (0, "") and sealed is not None and opened(sealed, keys) == SECRET, "the guest opens what was sealed to it")
    check(opened(sealed, others) is None, "another guest does not")
    check(all(opened(sealed[:size], keys) is None for size in range(len(sealed))), "what is cut off is not opened")
    check(all(opened(sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1:], keys) is None for i in range(len(sealed))), "what is changed is not opened")
    check(release(token, good.first, keys[0])[2] != sealed, "it is sealed anew each time")
    trusted("the token names the key", token, good.first, "--guest-key", keys[0].hex())
    refused("the token names another key", "another key", token, good.first, "--guest-key", others[0].hex())
    kept("another key in the message", "the guest has another key, or none", token, good.first, others[0])
    kept("a guest without a key", "the guest has another key, or none", good.token(), good.first, keys[0])
    twice_measured = hashlib.sha256(made.guest_part[EXTENDED][3] + others[0]).digest()
    made.guest_part = {**made.guest_part, EXTENDED: good.guest_part[EXTENDED][:3] + [twice_measured]}
    kept("a guest that has measured two", "the guest has another key, or none", made.token(), good.first, others[0])
    for i in range(3):
        made.guest_part = {**good.guest_part, EXTENDED: [bytes(32)] * 4}
        made.guest_part[EXTENDED][i] = hashlib.sha256(bytes(32) + keys[0]).digest()
        kept("the key is in measurement %d" % i, "the guest has another key, or none", made.token(), good.first, keys[0])
    kept("another nonce", "the nonce is another", token, good.first, keys[0], nonce=count_up(64, 9).hex())
    kept("another guest", "measurement is another", token, good.first, keys[0], expect={**EXPECT, 1: bytes(32)})
    kept("another platform", "another platform's key", token, Maker().first, keys[0])
    kept("a token that is changed", "", token[:-1] + bytes([token[-1] ^ 1]), good.first, keys[0])
    extended = {**EXPECT, 5: good.guest_part[EXTENDED][:3] + [bytes(32)]}
    check(release(token, good.first, keys[0], expect=extended)[0] == 0, "the other three are expected, and the last is the key's")
    for i in range(3):
        kept("measurement %d is expected to be another" % i, "own measurements", token, good.first, keys[0],
             expect={**EXPECT, 5: [another(one) if i == k else one for k, one in enumerate(extended[5])]})


def sealing_command_line(good):
    keys = box_keys()
    token = with_key(good, keys[0]).token()
    for secret in (b"", bytes(4097)):
        check(release(token, good.first, keys[0], secret=secret)[::2] == (2, None), "a secret of %d bytes" % len(secret))
    check(len(release(token, good.first, keys[0], secret=bytes(4096))[2]) == 4096 + 48, "the largest secret")
    check(release(token, good.first, keys[0], output="/none/sealed")[0] == 2, "it cannot be written")
    check(release(token, good.first, keys[0], "--secret", "/none")[::2] == (2, None), "there is no secret")
    check(release(token, good.first, keys[0].hex() + "0")[::2] == (2, None), "a key that is none")
    check(release(with_key(good, bytes(32)).token(), good.first, bytes(32))[::2] == (2, None), "a key that everybody can open what is sealed to")
    for args in ([], ["token", "--secret", "s", "--output", "o"], ["token", "--guest-key", "00" * 32, "--secret", "s"]):
        done = subprocess.run([CORDON, "release", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        check(done.returncode == 2 and done.stderr != b"", "a wrong command line: release %s" % args)
    done = subprocess.run([CORDON, "release", "--help"], stdout=subprocess.PIPE, check=False)
    check(done.returncode == 0 and b"usage: cordon release" in done.stdout, "release --help")


def command_line(good):
    for args in ([], ["token"], ["token", "--key", "k"], ["--what"], ["token", "--key", "/none", "--nonce", "00" * 64, "--expect", "/none"]):
        done = subprocess.run([CORDON, "verify", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        check(done.returncode == 2 and done.stdout == b"" and done.stderr != b"", "a wrong command line: %s" % args)
    for nonce in ("00", "0" * 127 + "g", "0" * 130):
        check(verify(good.token(), good.first, nonce=nonce)[0] == 2, "a nonce that is none")
    trusted("a nonce in capitals", good.token(), good.first, nonce=count_up(64, 1).hex().upper())
    done = subprocess.run([CORDON, "verify", "--help"], stdout=subprocess.PIPE, check=False)
    check(done.returncode == 0 and b"usage: cordon verify" in done.stdout, "--help")


def main():
    global folder
    with tempfile.TemporaryDirectory() as folder:
        own = own_token()
        trusted("the project's own token", own, read_own(own))
        good = Maker()
        trusted("a token of another program's", good.token(), good.first)
        each_field(good)
        other_keys(good)
        chains(good)
        expectations(good)
        sealing(good)
        sealing_command_line(good)
        command_line(good)
        shapes(good)
    return close()


if __name__ == "__main__":
    sys.exit(main())
