/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a trace: parsed, run and answered in process. A malformed trace is CLI_BAD, a good one CLI_OK; a broken
 * invariant (CLI_BROKEN), a stop of the core or a sanitizer's finding is a failure.
 */
#include <stdint.h>
#include <stdlib.h>

#include "run.h"

static FILE *nowhere(void)
{
    static FILE *file;

    if (!file)
        file = fopen("/dev/null", "w");
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lines lines;
    struct run run = { .out = nowhere() };
    FILE *file = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "rb") : fopen("/dev/null", "rb");
    enum cli_status status;

    if (!file || !run.out)
        abort();
    lines_attach(&lines, file, "<fuzz>");
    status = run_trace(&run, &lines);
    run_free(&run);
    fclose(file);
    if (status == CLI_BROKEN)
        abort();
    return 0;
}
