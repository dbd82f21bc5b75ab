#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The key of an encrypted disk, from its owner to a guest, over a host that would like to have it.

    test/attest/unlock.py

Boots with the first stage. Three guests with the disk tell their owner a key and a token: two that the owner has made, and one with a byte of
its initrd changed. The owner, who is this program with `cordon release`, sends what each may have; the host between them changes it, cuts it off, gives it
to the wrong guest, and asks with the wrong key. Closes with "N passed, N failed".
"""
import base64
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from checks import check, close
from qemu_cases import BUILD, KERNEL, LOGS, ROOT, quietly, script  # pylint: disable=wrong-import-position

CORDON = os.path.join(ROOT, "build", "cordon")
LOCKED = os.path.join(KERNEL, "locked")
INITRD = os.path.join(BUILD, "attest-unlock.cpio")
PLATFORM_PEM = os.path.join(ROOT, "plat", "qemu-virt", "first", "platform.pem")
SECONDS = 300
NOT_OURS = "not opened: what was sent is not sealed to this guest's key, or was changed"


def prepare():
    for name in ("fetch", "build-el2", "build-module", "build-vmm", "build-guest", "build-keeper", "build-first"):
        quietly(script(name))
    quietly(script("make-locked", LOCKED))
    quietly(script("make-initramfs", INITRD, os.path.join(ROOT, "test", "attest", "unlock-init"), os.path.join(KERNEL, "module", "cordon_kvm.ko"),
                   os.path.join(BUILD, "vmm", "cordon-vmm"), os.path.join(BUILD, "keeper", "keeper.bin"), os.path.join(KERNEL, "Image"),
                   *(os.path.join(LOCKED, name) for name in ("initrd", "other", "disk"))))


class Machine:
    """The host, by its console."""

    def __init__(self):
        os.makedirs(LOGS, exist_ok=True)
        self.path = os.path.join(LOGS, "attest-unlock.log")
        self.qemu = subprocess.Popen(script("run-host", "INITRD=" + INITRD, "APPEND=quiet", "ROOT=1", "SEEDS=1"), stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.text = ""
        self.end = time.monotonic() + SECONDS
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with open(self.path, "wb") as log:
            while data := self.qemu.stdout.read1(4096):
                log.write(data)
                log.flush()
                self.text += data.decode("utf-8", "replace").replace("\r", "")

    def say(self, line):
        self.qemu.stdin.write(line.encode() + b"\n")
        self.qemu.stdin.flush()

    def wait(self, pattern, start=0):
        """What a whole line has for the pattern's group; None when it is too late."""
        while True:
            found = re.compile("^%s\n" % pattern, re.M).search(self.text, start)
            if found or time.monotonic() > self.end or self.qemu.poll() is not None:
                return found.group(found.lastindex or 0) if found else None
            time.sleep(0.1)

    def finish(self):
        self.say("off")
        self.wait("test: done")
        try:
            self.qemu.wait(30)
        except subprocess.TimeoutExpired:
            self.qemu.kill()
        check("test: done\n" in self.text and "complaint" not in self.text,
              "the machine does all of it, without a complaint (%s)" % os.path.relpath(self.path, ROOT))


class Guest:
    """One of them, as its owner knows it: by what comes over the host."""

    def __init__(self, machine, number, initrd):
        self.machine, self.number = machine, number
        machine.say("start %d %s" % (number, initrd))

    def ask(self, nonce):
        self.wait("guest: [rR]eady for a nonce")
        self.say(nonce.hex())
        self.key = self.wait("key ([0-9a-f]{64})")
        self.token = base64.b64decode(self.wait("token (\\S+)") or "")
        check(self.key and self.token, "guest %d tells its key and its token" % self.number)

    def wait(self, pattern, start=0):
        return self.machine.wait("guest %d: %s" % (self.number, pattern), start)

    def say(self, text):
        self.machine.say("say %d %s" % (self.number, text))

    def answers(self, text):
        """What it says to a line that is sent to it."""
        start = len(self.machine.text)
        self.say(text)
        return self.wait("((not )?opened.*)", start) and self.machine.text[start:].split("guest %d: " % self.number)[1].split("\n")[0]


class Owner:
    def __init__(self, folder):
        self.folder = folder
        subprocess.run([CORDON, "measure", "--kernel", os.path.join(KERNEL, "Image"), "--initrd", os.path.join(LOCKED, "initrd"), "--append",
                        "console=ttyS0 quiet", "--mem", "128M", "--disk", os.path.join(LOCKED, "disk"), "--write", self.path("expected"), "--cordon",
                        os.path.join(ROOT, "build", "el2", "cordon.bin")], check=True, stdout=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.folder, name)

    def release(self, token, key, nonce):
        """What goes to the guest, or None, and what the command said."""
        with open(self.path("token"), "wb") as file:
            file.write(token)
        done = subprocess.run([CORDON, "release", self.path("token"), "--key", PLATFORM_PEM, "--nonce", nonce.hex(), "--allow-debug",
                               "--expect", self.path("expected"), "--guest-key", key or "", "--secret", os.path.join(LOCKED, "key"), "--output", self.path("sealed")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
        if not os.path.exists(self.path("sealed")):
            return None, (done.returncode, done.stdout.strip())
        with open(self.path("sealed"), "rb") as file:
            sealed = file.read()
        os.remove(self.path("sealed"))
        return sealed, (done.returncode, done.stdout.strip())


def line(sealed):
    return "sealed " + base64.b64encode(sealed).decode()


def send(one, two, changed, owner, nonces):
    def kept(what, reason, *args):
        sealed, (status, text) = owner.release(*args)
        check(sealed is None and status == 1 and reason in text, "the owner keeps the key: %s: %s" % (what, text))

    kept("one byte of the initrd is another", "measurement is another", changed.token, changed.key, nonces[2])
    kept("the host has put its own key into the message", "another key", one.token, hashlib.sha256(b"").hexdigest(), nonces[0])
    kept("the other guest's key", "another key", one.token, two.key, nonces[0])
    kept("the token of another time", "nonce", one.token, one.key, nonces[1])
    first, second = (owner.release(guest.token, guest.key, nonce) for guest, nonce in ((one, nonces[0]), (two, nonces[1])))
    check(first[0] and second[0] and (first[1], second[1]) == ((0, ""), (0, "")), "it has the key for two guests: %s, %s" % (first[1], second[1]))
    if not first[0] or not second[0]:
        return
    changed_byte = first[0][:50] + bytes([first[0][50] ^ 1]) + first[0][51:]
    for what, sealed in (("is for another run of the same guest", second[0]), ("has a byte changed", changed_byte), ("is cut off", first[0][:-1]),
                         ("is nothing", b"")):
        said = one.answers(line(sealed))
        check(said == NOT_OURS, "the guest does not open what %s: %s" % (what, said))
    said = changed.answers(line(first[0]))
    check(said == NOT_OURS, "nor does the changed guest open what is for the first: %s" % said)
    said = one.answers(line(first[0]))
    check(said == "opened /dev/mapper/secret", "what is for it opens the disk: %s" % said)


def look_at_ends(one, two, changed):
    with open(os.path.join(LOCKED, "letter"), "rb") as file:
        letter = file.read()
    said = one.wait("guest: a file on the disk, (.*)")
    check(said == "%d bytes, is %s  -" % (len(letter), hashlib.md5(letter).hexdigest()), "and the file on it is the owner's: %s" % said)
    for guest, name in ((two, "one that is told nothing"), (changed, "the changed one")):
        said = guest.answers("refused")
        check(said == "not opened: the owner has sent no key", "%s: %s" % (name, said))
        check(guest.wait("guest: (the disk stays closed; 0 disks are open)"), "%s: its disk stays closed" % name)
    check(all([guest.wait("(ended with 0)") for guest in (one, two, changed)]), "each guest comes to its end")


def main():
    prepare()
    nonces = [os.urandom(64) for i in range(3)]
    machine = Machine()
    try:
        check(machine.wait("test: shell on [0-9]+ CPUs") and machine.wait("test: keeper: signs tokens.*"), "the machine has a keeper")
        guests = [Guest(machine, 5 + i, initrd) for i, initrd in enumerate(("initrd", "initrd", "other"))]
        for guest, nonce in zip(guests, nonces):
            guest.ask(nonce)
        with tempfile.TemporaryDirectory() as folder:
            send(*guests, Owner(folder), nonces)
        look_at_ends(*guests)
        machine.finish()
    finally:
        machine.qemu.kill()
    return close()


if __name__ == "__main__":
    sys.exit(main())
