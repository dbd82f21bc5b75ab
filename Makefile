# The front door. Each target brings its Debian packages first (scripts/packages), then does its work below build/.
#
#     make            build the command-line tool: build/cordon
#     make run        boot Linux as the host in QEMU, start a protected guest, try to get at it, and sum up
#     make run-guest  the protected guest's own shell; KERNEL=Image CPU=... SMP=... MEM=...
#                     GUEST_DISK=image: with a disk that is the guest's alone
#                     IMAGE=file: a guest from a Debian image, with its kernel, disk, network and ssh; IMAGE=debian: one that is made once
#     make packages   the Debian packages for guests: build/packages
#     make run-host   boot Debian's Linux as the host under Cordon in QEMU, to a shell; KERNEL=Image CPU=... SMP=... MEM=...
#                     DISK=image goes on from a disk, DISK=debian from a Debian that is made once; NET=user: a network
#     make replay     replay an example trace against the core and show who owns which memory
#     make test       everything that is tested, proofs included; ONLY="unit cli" for some of it
#     make debian     the project in a bare root of the other Debian, 12 or 13; DEBIAN="bookworm trixie" for both, ALL=1 for all suites
#     make prove      the proofs of the C code
#     make prove-spec the Coq specification; SEED=FILE holds it against the seed document's own text
#     make oracle     the C against the code extracted from the specification, on random traces
#     make bench      the benchmark tables, with the targets beside the figures
#     make clean      remove build/

MAKEFLAGS += --no-print-directory
NATIVE := build/native

.PHONY: build-dir all build packages replay run run-guest run-host test debian prove prove-spec oracle bench clean help

all: build

build-dir:
	@mkdir -p build

build: | build-dir
	@scripts/packages build
	@test -f $(NATIVE)/build.ninja || meson setup $(NATIVE) . >build/setup.log 2>&1 || { cat build/setup.log; exit 2; }
	@ninja -C $(NATIVE) --quiet
	@cp -f $(NATIVE)/tools/cordon build/cordon

replay: build
	@scripts/replay

# The names that scripts/host/run-host knows, handed on when they are given.
HOST_SETTINGS := $(foreach name,KERNEL CPU SMP MEM INITRD APPEND MACHINE EXTRA BARE QEMU REBOOT SEEDS DISK GUEST_DISK NET SSH ROOT,$(if $($(name)),"$(name)=$($(name))"))
IMAGE_SETTINGS := $(foreach name,IMAGE VMM GUEST_MEM VMM_OPTIONS,$(if $($(name)),"$(name)=$($(name))"))

run: | build-dir
	@scripts/packages host disk
	@scripts/host/demo $(HOST_SETTINGS)

run-guest: | build-dir
	@scripts/packages host $(if $(GUEST_DISK)$(IMAGE),disk) $(if $(filter debian,$(IMAGE)),image)
	@$(if $(IMAGE),scripts/host/run-image $(IMAGE_SETTINGS),scripts/host/demo SHELL=1) $(HOST_SETTINGS)

packages: | build-dir
	@scripts/packages host
	@scripts/host/build-packages

run-host: | build-dir
	@scripts/packages host $(if $(DISK)$(GUEST_DISK),disk) $(if $(filter debian,$(DISK)),root)
	@scripts/host/run-host $(HOST_SETTINGS)

test:
	@scripts/packages test
	@scripts/test $(ONLY)

debian:
	@scripts/packages build
	@test/debian/run.py $(if $(ALL),--all) $(DEBIAN)

prove:
	@scripts/packages prove
	@scripts/prove

prove-spec:
	@scripts/packages spec
	@scripts/spec/prove-spec $(SEED)

oracle: build
	@scripts/packages spec
	@scripts/oracle

bench: build
	@scripts/packages bench
	@scripts/bench
	@bench/tcg/run.py

clean:
	@rm -rf build

help:
	@sed -n 's/^#     //p' Makefile
