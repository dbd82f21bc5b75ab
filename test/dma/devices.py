# SPDX-License-Identifier: Apache-2.0
"""What the attacks by devices have in common: the machine, its devices, the initrd, and the lines of the table."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from qemu_cases import BUILD, KERNEL, ROOT, quietly, script  # pylint: disable=wrong-import-position

INITRD = os.path.join(BUILD, "dma.cpio")
COUNT = 12              # of devices: one of them is behind a bridge, alone, so that it can be given to a guest
EDU = "-device edu,dma_mask=0xffffffffffffffff"
SETTINGS = ["MACHINE=iommu=smmuv3",
            "EXTRA=" + " ".join([EDU] * (COUNT - 1)) + " -device pcie-root-port,id=behind,chassis=1,slot=1 " + EDU + ",bus=behind"]

GROUPS = ["core", "places", "lives", "races", "setup", "given", "msis"]

READS = "a device reads"
WRITES = "a device writes"
# What a device must not get at: where the SMMU lets everything through, each of these lines is a breach.
CLOSED = [
    (READS, "Cordon's code"), (READS, "Cordon's image"), (READS, "records, tables, stacks"), (READS, "devices, windows, holes"),
    (READS, "a page's address, bits above"),
    (WRITES, "GIC, clock"), ("a device reads and writes", "another device's registers"),
    (READS, "a page that was loaded"), (WRITES, "a page that was loaded"), ("a device reads and writes", "the guest's code"),
    (READS, "a page that it got"), (WRITES, "a page that it got"), (READS, "a page before its grant"),
    (WRITES, "a page before its grant"), (READS, "a page after its grant"), (WRITES, "a page after its grant"),
    (READS, "a page that it will give up"), (WRITES, "a page that it will give up"), (READS, "a page that it got anew"),
    (WRITES, "a page that it got anew"), (READS, "vCPUs' frames"), (READS, "tables' frames"), (READS, "the root table"),
    (READS, "pages of one that stopped"), ("grant, revoke, and the guest's words", "devices write to it"),
    ("a page given and given up", "devices write to it"), ("a device's window moved over", "Cordon, guests, SMMU, GIC"),
    ("a device with another bus number", "a guest's page, Cordon"),
    # A device that reaches the ITS's registers has switched it off by the end of these.
    (WRITES, "to interrupt"), ("a flood of interrupts", "while a guest runs"),
]
# Not tried there: one that arrived would be the end of all.
DANGEROUS = [
    (WRITES, "Cordon's code"), (WRITES, "Cordon's image"), (WRITES, "records, tables, stacks"), (WRITES, "the SMMU's registers"),
    (WRITES, "vCPUs' frames"), (WRITES, "tables' frames"), (WRITES, "the root table"),
]
# What arrives, or finds nothing, on every machine.
ALWAYS = [
    ("a page that the guest will get", "before"), ("a granted page, both ways", "by a device"),
    ("a page that the guest gave up", "by a device"), ("a page that was cleared", "by a device"),
    ("frames of one that ended", "pages, vCPU, tables"), ("the same", "a page of the host's own"),
    ("interrupts of devices", "through the ITS"), (WRITES, "beside its interrupt"),
    ("a guest's page with commands", "for the ITS"), ("commands to the ITS", "a page of the host's own"),
    ("commands to the ITS", "guest, vCPU, Cordon, devices"), ("commands to the ITS", "at random"), ("tables of the ITS's", "guest, vCPU, Cordon, devices"),
] + [("pages of the host's own", when) for when in ["before all"] + GROUPS]

# A device that is a guest's alone: only where the SMMU has stage 2.
GIVEN = [
    ("calls for a device", "of one that is built"), ("calls for a device", "of one that runs"),
    ("the host reads a device's", "configuration space"), ("the host writes a device's", "configuration space"),
    ("CPU and devices of the host's", "a given device's registers"), ("the port above a device", "numbers, windows, resets, ACS"),
    ("another's window moved over", "a given device's registers"), ("devices of the host's", "a guest with a device"),
    ("a guest's device, both ways", "the guest's own pages"), ("a guest's device", "a page of the host's"),
    ("a guest's device", "Cordon, tables, registers"), ("a guest's device", "other guests"), ("a guest's device", "a page that it gave up"),
    ("a guest ends", "while its device writes"), ("a device given and taken back", "its guest's life"),
]
BOTH_GIVEN = [("a call for a device", "what cannot be given"), ("calls for a device", "before it is attached"),
              ("a device of the host's", "after all of it")]
NOT_GIVEN = [("a call for a device", "SMMU without stage 2")]


def line(attempt, where, verdict):
    """A line of the table, as a pattern."""
    return r"hostile: %s +%s +\d+ +\d+ .* %s *$" % (re.escape(attempt), re.escape(where), verdict)


def append(rounds=8, only="", careful=0):
    return "dma.rounds=%d dma.only=%s dma.careful=%d" % (rounds, only, careful)


def make_initrd():
    quietly(script("make-initramfs", INITRD, os.path.join(ROOT, "test", "dma", "dma-init"), os.path.join(KERNEL, "module", "cordon_dma.ko")))
