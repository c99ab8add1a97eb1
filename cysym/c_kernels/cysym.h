/* The kernel contract: what a CPU kernel is handed and how its file is compiled.
 *
 * A kernel is `CS_KERNEL(name) { ... }`: it computes the independent items [begin, end) of one call. Items
 * are counted by the operator's `lower` from shapes alone, so results cannot depend on how many threads share
 * them. A kernel only ever writes its outputs (never accumulates, unless it declares so), never allocates,
 * never fails, never includes Python.h. A file is compiled once per instruction set and once per element type
 * named in its first lines as
 *     //! dtypes: f32 f64            (or: //! dtypes: any   for a file that looks at no element type)
 * with CS_ISA (base, avx2, avx512), CS_ISA_<ISA>=1, CS_DT (f32, ...) and CS_DT_<DT>=1 defined. The table of
 * kernels is made by scanning for CS_KERNEL at build time; nothing else names a kernel. */
#ifndef CYSYM_H
#define CYSYM_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct cs_call {
    void **ptr; /* outputs, then inputs, then workspaces, as listed by `lower`; only element-aligned */
    const int64_t *ints;  /* static integers of the call: sizes, strides IN ELEMENTS, flags */
    const double *floats; /* scalar parameters, dynamic ones refreshed before each run */
    int64_t items;        /* how many independent items the whole call has */
} cs_call;

typedef void (*cs_kernel_fn)(const cs_call *c, int64_t begin, int64_t end);

typedef struct cs_entry {
    const char *name;  /* "softmax" */
    const char *dtype; /* "f32", ... or "any" */
    cs_kernel_fn fn;
} cs_entry;

/* One 64-byte aligned buffer a thread, for packing; its content is garbage at kernel entry. */
#define CS_SCRATCH_BYTES (2u << 20)
void *cs_scratch(void);

#define CS_CAT4_(a, b, c, d) a##b##_##c##_##d
#define CS_CAT4(a, b, c, d) CS_CAT4_(a, b, c, d)
#define CS_NAME(name) CS_CAT4(cs_, name, CS_DT, CS_ISA)
#define CS_KERNEL(name)                                                                                      \
    void CS_NAME(name)(const cs_call *c, int64_t begin, int64_t end);                                        \
    void CS_NAME(name)(const cs_call *c, int64_t begin, int64_t end)

#if CS_DT_f64
typedef double real;
#elif CS_DT_f32
typedef float real;
#elif CS_DT_f16
typedef _Float16 real;
#elif CS_DT_u8
typedef uint8_t real;
#elif CS_DT_i8
typedef int8_t real;
#elif CS_DT_i32
typedef int32_t real;
#elif CS_DT_i64
typedef int64_t real;
#endif
#define K(x) ((real)(x))

/* Widest vector of the instruction set, in bytes: wider GNU vectors are kept in memory and run 60 times
 * slower. */
#if CS_ISA_avx512
#define CS_VEC_BYTES 64
#elif CS_ISA_avx2
#define CS_VEC_BYTES 32
#else
#define CS_VEC_BYTES 16
#endif

/* Before a function: whole numbers wrap in it as NumPy's do, which -fwrapv makes the rule and the sanitizer
 * would report. Offsets and sizes never wrap. */
#if __SANITIZE_ADDRESS__
#define CS_WRAPS __attribute__((no_sanitize("signed-integer-overflow")))
#else
#define CS_WRAPS
#endif

static inline int64_t cs_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cs_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t cs_div_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* One element of 1, 2, 4 or 8 bytes, as the bits it is. */
static inline void cs_move(char *y, const char *x, int64_t size) {
    switch (size) {
    case 1:
        memcpy(y, x, 1);
        break;
    case 2:
        memcpy(y, x, 2);
        break;
    case 4:
        memcpy(y, x, 4);
        break;
    default:
        memcpy(y, x, 8);
    }
}
#endif
