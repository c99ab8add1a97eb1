/* Which instruction set this processor and its operating system offer; the tables of kernels built for each.
 */
#include "runtime.h"

extern const cs_entry cs_table_base[];
extern const int64_t cs_table_base_count;
#if defined(__x86_64__)
extern const cs_entry cs_table_avx2[], cs_table_avx512[];
extern const int64_t cs_table_avx2_count, cs_table_avx512_count;
#endif

const cs_entry *cs_kernel_table(const char *isa, int64_t *count) {
#if defined(__x86_64__)
    if (!strcmp(isa, "avx512"))
        return *count = cs_table_avx512_count, cs_table_avx512;
    if (!strcmp(isa, "avx2"))
        return *count = cs_table_avx2_count, cs_table_avx2;
#endif
    if (!strcmp(isa, "base"))
        return *count = cs_table_base_count, cs_table_base;
    return NULL;
}

/* Feature bits, never the model number: hypervisors lie about it. The builtin also asks the system (XCR0). */
const char *cs_best_isa(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return "avx512";
    if (avx2)
        return "avx2";
#endif
    return "base";
}
