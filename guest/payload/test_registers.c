/* SPDX-License-Identifier: Apache-2.0 */
/* Registers: that they survive exits, what the ID registers tell, and what meets an undefined instruction. */
#include "payload.h"

#define ROUNDS 200u

/* ---- general and FP registers ---- */

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* How many of the FP registers differ after exits of all kinds. */
static uint64_t fp_across(uint64_t seed)
{
    uint64_t before[64], after[64];
    uint64_t wrong = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < 64; i++)
            before[i] = next(&seed);
        fp_fill(before);
        (void)read8(UART_BASE + 5);
        (void)hvc(0xc60000ff, 0, 0, 0, 0);
        (void)host(VMM_CALL_PEEK, 0, 0, 0);
        if (round % 16 == 0)
            sleep_us(200);
        fp_store(after);
        for (uint32_t i = 0; i < 64; i++)
            wrong += before[i] != after[i];
    }
    return wrong;
}

static void fp_one(void)
{
    uint64_t wrong;

    WRITE_REGISTER(cpacr_el1, 3u << 20);
    WRITE_REGISTER(fpcr, 0);
    wrong = fp_across(1234567);
    CHECK(wrong == 0, "%u halves of registers changed", wrong);
    WRITE_REGISTER(fpcr, 0x03c00000);
    WRITE_REGISTER(fpsr, 0x0800009f);
    wrong = fp_across(7654321);
    CHECK(wrong == 0, "%u halves of registers changed with another FPCR", wrong);
    CHECK(READ_REGISTER(fpcr) == 0x03c00000 && READ_REGISTER(fpsr) == 0x0800009f, "FPCR %x, FPSR %x", READ_REGISTER(fpcr),
          READ_REGISTER(fpsr));
    WRITE_REGISTER(fpcr, 0);
}

static uint64_t fp_job(uint64_t seed)
{
    WRITE_REGISTER(cpacr_el1, 3u << 20);
    return fp_across(seed);
}

static void fp_two(void)
{
    uint64_t mine, other;

    WRITE_REGISTER(cpacr_el1, 3u << 20);
    CHECK(cpu_start(1, fp_job, 99999), "vCPU 1 does not start");
    mine = fp_across(11111);
    CHECK(cpu_join(1, &other), "vCPU 1 does not end");
    CHECK(mine == 0 && other == 0, "%u changed here, %u on vCPU 1", mine, other);
}

/* No value of the host's or of another guest's may be there at first. */
static void fp_clean(void)
{
    uint64_t value[64];

    WRITE_REGISTER(cpacr_el1, 3u << 20);
    fp_store(value);
    for (uint32_t i = 0; i < 64; i++)
        CHECK(value[i] == 0, "half %u of v%u is %x", i % 2, i / 2, value[i]);
}

static void general(void)
{
    uint64_t page = machine.free + 2 * BLOCK;
    uint64_t wrong = 0;

    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint64_t seed = 0x0123456789abcdefull * (round + 1);

        wrong |= registers_across(ACROSS_READ, seed, UART_BASE + 5);
        wrong |= registers_across(ACROSS_WRITE, seed + 1, UART_BASE + 7);
        wrong |= registers_across(ACROSS_CALL, seed + 2, 0);
        wrong |= registers_across(ACROSS_READ_64, seed + 3, page + round * PAGE);
        wrong |= registers_across(ACROSS_WFE, seed + 4, 0);
        wrong |= registers_across(ACROSS_READ_64, seed + 5, HOLE);
        CHECK(wrong == 0, "round %u: bits that changed in x4 .. x29: %x", round, wrong);
    }
}

/* ---- system registers ---- */

static void id_registers(void)
{
    uint64_t pfr0 = READ_REGISTER(id_aa64pfr0_el1);
    uint64_t pfr1 = READ_REGISTER(id_aa64pfr1_el1);
    uint64_t dfr0 = READ_REGISTER(id_aa64dfr0_el1);

    CHECK((pfr0 & 0xff) != 0 && (pfr0 >> 16 & 0xf) != 0xf, "PFR0 %x: no EL0, EL1 or FP", pfr0);
    CHECK((READ_REGISTER(id_aa64mmfr0_el1) >> 28 & 0xf) != 0xf, "MMFR0 %x: no 4 KiB pages", READ_REGISTER(id_aa64mmfr0_el1));
    CHECK((pfr0 >> 32 & 0xf) == 0, "PFR0 %x: SVE", pfr0);
    CHECK((pfr1 >> 8 & 0xf) == 0, "PFR1 %x: memory tags", pfr1);
    CHECK((pfr1 >> 24 & 0xf) == 0, "PFR1 %x: SME", pfr1);
    CHECK((dfr0 >> 8 & 0xf) == 0 || (dfr0 >> 8 & 0xf) == 0xf, "DFR0 %x: a PMU", dfr0);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(READ_REGISTER(id_aa64pfr0_el1) == pfr0, "PFR0 changes");
}

#define UNDEFINED_READ(name, text) \
    do { \
        uint32_t faults_ = FAULTS_OF((void)READ_REGISTER(name)); \
        CHECK(faults_ == 1 && EXCEPTION_CLASS(this_cpu()->esr) != EC_DATA, \
              text ": %u exceptions, ESR %x", faults_, this_cpu()->esr); \
    } while (0)
#define UNDEFINED_WRITE(name, text) \
    do { \
        uint32_t faults_ = FAULTS_OF(WRITE_REGISTER(name, 0)); \
        CHECK(faults_ == 1 && EXCEPTION_CLASS(this_cpu()->esr) == EC_UNKNOWN, \
              text ": %u exceptions, ESR %x", faults_, this_cpu()->esr); \
    } while (0)

/* EL2's own registers, and those of what the ID registers deny. */
static void undefined(void)
{
    UNDEFINED_READ(S3_4_C1_C1_0, "HCR_EL2");
    UNDEFINED_READ(S3_4_C2_C1_0, "VTTBR_EL2");
    UNDEFINED_WRITE(S3_4_C1_C1_0, "write of HCR_EL2");
    UNDEFINED_READ(S3_6_C1_C1_0, "SCR_EL3");
    UNDEFINED_READ(S3_3_C9_C12_0, "PMCR_EL0");
    UNDEFINED_READ(S3_3_C9_C13_0, "PMCCNTR_EL0");
    UNDEFINED_READ(S3_3_C14_C15_7, "PMCCFILTR_EL0");
    UNDEFINED_WRITE(S3_3_C9_C12_1, "write of PMCNTENSET_EL0");
    UNDEFINED_READ(S3_0_C1_C2_0, "ZCR_EL1");
    UNDEFINED_READ(S3_0_C1_C0_5, "RGSR_EL1");
    UNDEFINED_READ(S3_0_C1_C0_6, "GCR_EL1");
    UNDEFINED_READ(S3_0_C1_C2_6, "SMCR_EL1");
    UNDEFINED_READ(S2_1_C0_C0_1, "TRCTRACEIDR");
    UNDEFINED_READ(S2_0_C0_C4_2, "MDSELR_EL1");
    UNDEFINED_READ(S2_0_C0_C15_4, "DBGBVR15_EL1");       /* QEMU has no CPU with so many */
    CHECK(FAULTS_OF(__asm__ volatile(".inst 0x04205000" : : : "memory")) == 1, "an SVE instruction is executed");
}

/* Each is executed or undefined; it neither ends the guest nor disturbs it. */
static void odd_writes(void)
{
    uint64_t cntkctl = READ_REGISTER(cntkctl_el1);
    uint32_t undefined_ones = 0;

#define ODD(name, value) undefined_ones += FAULTS_OF(WRITE_REGISTER(name, value))
    ODD(actlr_el1, ~0ull);
    ODD(afsr0_el1, ~0ull);
    ODD(amair_el1, ~0ull);
    ODD(contextidr_el1, 0x12345678);
    ODD(csselr_el1, 0xf);
    ODD(csselr_el1, 0);
    ODD(mdscr_el1, 0x2000);
    ODD(mdscr_el1, 0);
    ODD(S2_0_C1_C3_4, 1);               /* OSDLR_EL1: the double lock */
    ODD(S2_0_C1_C0_4, 1);               /* OSLAR_EL1 */
    ODD(S2_0_C1_C0_4, 0);
    ODD(S2_0_C0_C0_4, ~0ull);           /* DBGBVR0_EL1 */
    ODD(S2_0_C0_C0_5, ~0ull);           /* DBGBCR0_EL1 */
    ODD(S2_0_C0_C0_7, ~0ull);           /* DBGWCR0_EL1 */
    ODD(S2_0_C0_C0_7, 0);
    ODD(S2_0_C0_C0_5, 0);
    ODD(S3_3_C14_C2_1, 3);              /* CNTP_CTL_EL0 */
    ODD(S3_3_C14_C2_0, 100);            /* CNTP_TVAL_EL0 */
    ODD(S3_3_C14_C2_1, 0);
    ODD(S3_0_C12_C11_7, 0xf);           /* ICC_SGI0R_EL1 */
    ODD(S3_0_C12_C11_6, 0xf);           /* ICC_ASGI1R_EL1 */
    ODD(S3_0_C12_C12_6, 1);             /* ICC_IGRPEN0_EL1 */
    ODD(S3_0_C12_C12_5, 0);             /* ICC_SRE_EL1 */
    ODD(S3_0_C12_C11_1, 0);             /* ICC_DIR_EL1 */
    ODD(S3_0_C10_C4_3, ~0ull);          /* LORC_EL1 */
    ODD(S3_0_C11_C0_2, ~0ull);          /* implementation defined */
    ODD(S3_0_C15_C2_0, ~0ull);          /* implementation defined: CPUACTLR_EL1 of some */
    ODD(S3_1_C15_C2_1, ~0ull);          /* implementation defined: CPUECTLR_EL1 of some */
    ODD(S3_0_C9_C9_0, ~0ull);           /* PMSCR_EL1: statistical profiling */
    ODD(S3_0_C9_C11_0, ~0ull);          /* TRBLIMITR_EL1: trace buffer */
    ODD(S3_0_C1_C2_1, ~0ull);           /* TRFCR_EL1 */
    ODD(cntkctl_el1, ~0ull);
#undef ODD
    WRITE_REGISTER(cntkctl_el1, cntkctl);
    CHECK(READ_REGISTER(tpidr_el1) == TEXT(this_cpu()) && undefined_ones > 0, "%u of the writes are undefined", undefined_ones);
    sleep_us(1000);                     /* the timer, its interrupt and the GIC still work */
}

/* Instructions that concern more than the guest, or nobody. */
static void odd_instructions(void)
{
    uint32_t faults = 0;

#define ODD(text) faults += FAULTS_OF(__asm__ volatile(text : : : "memory", "x0", "x1", "x2", "x3"))
    ODD("dc cisw, xzr");
    ODD("dc csw, xzr");
    ODD("dc isw, xzr");
    ODD("ic iallu");
    ODD("ic ialluis");
    ODD("tlbi vmalle1");
    ODD("tlbi vmalle1is");
    ODD("tlbi aside1is, xzr");
    ODD("tlbi vaae1is, xzr");
    ODD("hint #127");
    ODD("wfe");
    ODD("sevl\n wfe");
    CHECK(faults == 0, "%u exceptions for cache and TLB maintenance; the last ESR %x", faults, this_cpu()->esr);
    faults = 0;
    ODD("tlbi alle1");                  /* EL2's */
    ODD("tlbi alle2");
    ODD("tlbi vmalls12e1is");
    ODD("at s12e1r, xzr");
    ODD(".inst 0xd4400000");            /* HLT */
    ODD(".inst 0x00000000");
    CHECK(faults == 6, "%u of 6 instructions are refused", faults);
    faults = 0;
    ODD("svc #0");
    ODD("brk #1");
    CHECK(faults == 2, "%u exceptions for SVC and BRK", faults);
#undef ODD
}

static void odd_smc(void)
{
    struct answer a = smc(0x84001234, 0, 0, 0, 0);

    CHECK((int64_t)a.x0 == CORDON_NOT_SUPPORTED, "an unknown SMC answers %d", a.x0);
    a = smc(PSCI_VERSION, 0, 0, 0, 0);
    CHECK(a.x0 >= 0x10000, "PSCI_VERSION by SMC answers %x", a.x0);
    CHECK(FAULTS_OF(__asm__ volatile("smc #7" : : : "x0", "x1", "x2", "x3", "memory")) == 0, "SMC #7 meets an exception");
}

const struct test register_tests[] = {
    { "fp", "fp-clean", fp_clean, NEEDS_CORDON },
    { "fp", "fp-one", fp_one, 0 },
    { "fp", "fp-two", fp_two, NEEDS_TWO },
    { "sysreg", "sysreg-general", general, 0 },
    { "sysreg", "sysreg-id", id_registers, 0 },
    { "sysreg", "sysreg-undefined", undefined, 0 },
    { "sysreg", "sysreg-odd-writes", odd_writes, 0 },
    { "sysreg", "sysreg-odd-instructions", odd_instructions, 0 },
    { "sysreg", "sysreg-odd-smc", odd_smc, NEEDS_CORDON },
    { NULL, NULL, NULL, 0 },
};
