/* The CPU scheduler: a worker pool and the loop that runs a program's calls. No Python here. */
#ifndef CYSYM_RUNTIME_H
#define CYSYM_RUNTIME_H
#include "cysym.h"

typedef struct cs_step {
    cs_call call;
    cs_kernel_fn fn;
    int64_t grain;        /* items of one slice: from shapes alone, so results do not depend on threads */
    const int64_t *guard; /* write version of the storage this call depends on, or NULL */
    int64_t seen;         /* that version at the last run; -1 before the first */
    int32_t once;         /* skipped by a replay */
    int32_t parallel;     /* worth waking other threads for */
} cs_step;

/* 0, or -1 when scratch memory cannot be had. Takes the pool if it is free, else runs everything in this
 * thread. */
int cs_run(cs_step *steps, int64_t count, int skip_once);

/* The same, and when each call began and ended (`stamps`: two numbers a call, as of cs_now; both 0 for a call
 * that was left out). */
int cs_run_timed(cs_step *steps, int64_t count, int skip_once, int64_t *stamps);
int64_t cs_now(void); /* nanoseconds of the clock that only goes forward */

void cs_set_threads(int n); /* 1 .. 256; takes effect at the next run */
int cs_get_threads(void);

const cs_entry *cs_kernel_table(const char *isa,
                                int64_t *count); /* NULL: no such instruction set was built */
const char *cs_best_isa(void);
#endif
