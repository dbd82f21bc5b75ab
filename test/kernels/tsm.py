# SPDX-License-Identifier: Apache-2.0
"""A token by Linux' tsm-report, in a guest whose kernel has that: a case for test/kernels/run.py."""
import base64
import os
import re
import subprocess
import tempfile

from qemu_cases import BUILD, ROOT, boots, kernel_build, quietly, script

HERE = os.path.join(ROOT, "test", "kernels")
CORDON = os.path.join(ROOT, "build", "cordon")
PLATFORM_PEM = os.path.join(ROOT, "plat", "qemu-virt", "first", "platform.pem")
WANT = [r"guest: Linux .*, of generation inblob outblob provider ", r"guest: provider cordon, generation 1$",
        r"guest: a nonce that is too short: .*Invalid argument", r"guest: unloaded", r"test: guest ended with 0"]


def has_it(name):
    """Whether this kernel has tsm_report, and so the guest's module for it."""
    return os.path.exists(os.path.join(kernel_build(name), "guest", "cordon_tsm.ko"))


def paths(name):
    folder = kernel_build(name)
    return folder, os.path.join(folder, "Image"), os.path.join(folder, "tsm-guest.gz")


def pack(name):
    """The initrd of the host, whose kernel is the default one, with the guest in it."""
    folder, image, guest = paths(name)
    modules, stage, host = os.path.join(folder, "tsm.d", "modules"), os.path.join(folder, "tsm.d", "guests"), os.path.join(folder, "tsm-host.cpio")
    subprocess.run(script("modules", modules, "tsm_report"), check=True, cwd=ROOT, stdin=subprocess.DEVNULL, env=dict(os.environ, CORDON_KERNEL=name))
    quietly(script("make-initramfs", guest, os.path.join(HERE, "tsm-guest-init"), os.path.join(folder, "guest", "cordon_guest.ko"), modules,
                   os.path.join(folder, "guest", "cordon_tsm.ko")))
    os.makedirs(stage, exist_ok=True)
    for path in (image, guest):
        link = os.path.join(stage, os.path.basename(path))
        if os.path.exists(link):
            os.remove(link)
        os.link(path, link)
    quietly(script("make-initramfs", host, os.path.join(HERE, "tsm-init"), os.path.join(kernel_build(""), "module", "cordon_kvm.ko"),
                   os.path.join(BUILD, "vmm", "cordon-vmm"), os.path.join(BUILD, "keeper", "keeper.bin"), stage))
    return host


def verify(folder, log, name, nonce, asked):
    """What the owner's command says of the token, with a nonce that may not be the one that was asked with."""
    _, image, guest = paths(name)
    expected, token = os.path.join(folder, "expected"), os.path.join(folder, "token")
    subprocess.run([CORDON, "measure", "--kernel", image, "--initrd", guest, "--append", "console=ttyS0 quiet cordon.nonce=" + asked.hex(), "--mem", "256M",
                    "--write", expected, "--cordon", os.path.join(ROOT, "build", "el2", "cordon.bin")], check=True, stdout=subprocess.DEVNULL)
    with open(token, "wb") as file:
        file.write(base64.b64decode("".join(re.findall(r"^guest: token (\S+)$", log, re.M))))
    return subprocess.run([CORDON, "verify", token, "--key", PLATFORM_PEM, "--nonce", nonce.hex(), "--expect", expected, "--allow-debug"],
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8").stdout.strip()


def problems(log, name, nonce):
    with tempfile.TemporaryDirectory() as folder:
        said, other = verify(folder, log, name, nonce, nonce), verify(folder, log, name, bytes(64), nonce)
    if said != "trusted":
        yield "the token is " + said
    if "nonce is another" not in other:
        yield "with another nonce the token is " + other


def case(name):
    nonce = os.urandom(64)
    one = boots("tsm-" + name, ["CPU=cortex-a72", "SMP=2", "MEM=1536M", "ROOT=1"], 2, "cordon.nonce=" + nonce.hex(), WANT, ["guest: FAIL", "complaint"])
    one.check = lambda log: problems(log, name, nonce)
    return one


def command_of(one):
    for step in ("build-module", "build-keeper", "build-first"):
        quietly(script(step))
    return script("run-host", *one.settings, "INITRD=" + pack(one.name[len("tsm-"):]), "APPEND=quiet " + one.test)
