//! dtypes: f32 f64 i32 i64 u8 i8
/* The tile interpreter of elementwise groups: a short list of instructions, each a loop over a tile of
 * elements.
 *
 * An instruction is one expression of unary.inc, binary.inc or scalar.inc. Its opcode is the expression's
 * place when the three files are read in that order; ops/ew_group.py counts the same way. Values between
 * instructions live in tiles of 512 elements, which stay in the first-level cache; the last instruction of an
 * output writes to its place. */
#include "vmath.h"

#pragma GCC diagnostic ignored "-Wtype-limits" /* `x < K(0)` of an unsigned type */

#define TILE 512
#define MAX_PTRS 16  /* outputs + inputs of a group */
#define MAX_TILES 33 /* values alive at once */
#define MAX_NDIM 16
#define INSTR 7 /* integers of an instruction */

typedef void (*ew_fn)(real *d, const real *p0, const real *p1, const real *p2, const real *p3,
                      const double *f, int64_t n);

/* A result in the element type. A floating result without a whole number in an integer type (NaN, too large)
 * becomes the least int32 or int64, cut to the type: the rule of cast.c. */
#if CS_DT_f32 || CS_DT_f64
#define EW_RESULT(v) ((real)(v))
#else
static inline real ew_whole(double v) {
#if CS_DT_i64
    return v > -0x1p63 && v < 0x1p63 ? (int64_t)v : INT64_MIN;
#else
    return (real)(v > -0x1p31 && v < 0x1p31 ? (int32_t)v : INT32_MIN);
#endif
}
#define EW_RESULT(v) _Generic((v), double: ew_whole(v), float: ew_whole(v), default: (real)(v))
#endif

/* `ivdep`: an output may be the same memory as an input, never a shifted piece of it. Variables an expression
 * does not name are not read: the compiler drops their loads, and their pointers may point at anything. */
#define EW_LOOP(name, expr, v0, v1, v2, v3, scalars)                                                         \
    CS_WRAPS static void name(real *d, const real *p0, const real *p1, const real *p2, const real *p3,       \
                              const double *f, int64_t n) {                                                  \
        scalars;                                                                                             \
        (void)p0, (void)p1, (void)p2, (void)p3, (void)f;                                                     \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) {                                               \
            const real v0 __attribute__((unused)) = p0[i];                                                   \
            const real v1 __attribute__((unused)) = p1[i];                                                   \
            const real v2 __attribute__((unused)) = p2[i];                                                   \
            const real v3 __attribute__((unused)) = p3[i];                                                   \
            d[i] = EW_RESULT(expr);                                                                          \
        }                                                                                                    \
    }
#define EW_SCALARS                                                                                           \
    const real s __attribute__((unused)) = EW_RESULT(f[0]), t __attribute__((unused)) = EW_RESULT(f[1])

#define CS_UNARY(name, aliases, y_, gx_)                                                                     \
    EW_LOOP(ew_##name, y_, x, y, g, none, )                                                                  \
    EW_LOOP(ew_##name##_gx, gx_, x, y, g, none, )
#include "unary.inc"
#undef CS_UNARY
#define CS_BINARY(name, aliases, broadcast, y_, ga_, gb_)                                                    \
    EW_LOOP(ew_##name, y_, a, b, y, g, )                                                                     \
    EW_LOOP(ew_##name##_ga, ga_, a, b, y, g, )                                                               \
    EW_LOOP(ew_##name##_gb, gb_, a, b, y, g, )
#include "binary.inc"
#undef CS_BINARY
#define CS_SCALAR(name, aliases, y_, gx_)                                                                    \
    EW_LOOP(ew_##name, y_, x, y, g, none, EW_SCALARS)                                                        \
    EW_LOOP(ew_##name##_gx, gx_, x, y, g, none, EW_SCALARS)
#include "scalar.inc"
#undef CS_SCALAR

static const ew_fn EW_OPS[] = {
#define CS_UNARY(name, aliases, y_, gx_) ew_##name, ew_##name##_gx,
#include "unary.inc"
#undef CS_UNARY
#define CS_BINARY(name, aliases, broadcast, y_, ga_, gb_) ew_##name, ew_##name##_ga, ew_##name##_gb,
#include "binary.inc"
#undef CS_BINARY
#define CS_SCALAR(name, aliases, y_, gx_) ew_##name, ew_##name##_gx,
#include "scalar.inc"
#undef CS_SCALAR
};

/* Between a strided tensor and a tile: elements [pos, pos + n) of the row-major walk over `dims`. */
static void ew_move(real *tile, real *mem, int64_t pos, int64_t n, int64_t ndim, const int64_t *dims,
                    const int64_t *strides, int scatter) {
    int64_t at[MAX_NDIM];
    const int64_t inner = dims[ndim - 1], step = strides[ndim - 1];
    for (int64_t k = ndim - 1; k >= 0; k--) {
        at[k] = pos % dims[k];
        pos /= dims[k];
        mem += at[k] * strides[k];
    }
    while (n > 0) {
        const int64_t run = cs_min(n, inner - at[ndim - 1]);
        if (scatter)
            for (int64_t i = 0; i < run; i++)
                mem[i * step] = tile[i];
        else if (step == 1)
            for (int64_t i = 0; i < run; i++)
                tile[i] = mem[i];
        else if (step == 0)
            for (int64_t i = 0; i < run; i++)
                tile[i] = mem[0];
        else
            for (int64_t i = 0; i < run; i++)
                tile[i] = mem[i * step];
        tile += run;
        n -= run;
        mem -= at[ndim - 1] * step;
        at[ndim - 1] = 0;
        for (int64_t k = ndim - 2; k >= 0; k--) {
            mem += strides[k];
            if (++at[k] < dims[k])
                break;
            mem -= dims[k] * strides[k];
            at[k] = 0;
        }
    }
}

static void ew_step(const int64_t *q, real **at, const double *floats, int64_t n) {
    EW_OPS[q[0]](at[q[1]], at[q[2]], at[q[3]], at[q[4]], at[q[5]], floats + q[6], n);
}

/* All tensors dense and of one shape. The next tile's inputs are fetched while this one is computed, a share
 * by each instruction, so that memory and arithmetic overlap. */
static void ew_flat(const cs_call *c, int64_t begin, int64_t end) {
    const int64_t n_out = c->ints[0], n_ptr = n_out + c->ints[1], n_instr = c->ints[2],
                  lines = TILE * sizeof(real) / 64;
    real *at[MAX_PTRS + MAX_TILES], *tiles = cs_scratch();
    for (int64_t k = 0; k < MAX_TILES; k++)
        at[n_ptr + k] = tiles + k * TILE;
    const int is_large = end - begin > 64 * TILE;
    for (int64_t pos = begin; pos < end; pos += TILE) {
        const int64_t n = cs_min(TILE, end - pos);
        for (int64_t k = 0; k < n_ptr; k++)
            at[k] = (real *)c->ptr[k] + pos;
        const int64_t *q = c->ints + 4;
        for (int64_t j = 0; j < n_instr; j++, q += INSTR) {
            if (is_large && end - pos >= 2 * TILE)
                for (int64_t k = n_out; k < n_ptr; k++)
                    for (int64_t line = lines * j / n_instr; line < lines * (j + 1) / n_instr; line++)
                        __builtin_prefetch((const char *)(at[k] + TILE) + 64 * line);
            ew_step(q, at, c->floats, n);
        }
    }
}

/* Any strides: what is not dense goes through a tile of its own. Rows of 128 elements or more are walked one
 * by one, so that pieces of them with step 1 are used where they lie. */
static void ew_strided(const cs_call *c, int64_t begin, int64_t end) {
    const int64_t n_out = c->ints[0], n_ptr = n_out + c->ints[1], n_instr = c->ints[2], ndim = c->ints[3];
    const int64_t *dims = c->ints + 4, *strides = dims + ndim, *instrs = strides + n_ptr * ndim;
    const int64_t inner = dims[ndim - 1];
    const int by_row = inner >= 128;
    real *at[MAX_PTRS + MAX_TILES], *tiles = cs_scratch();
    int is_dense[MAX_PTRS], is_staged[MAX_PTRS];
    for (int64_t k = 0; k < MAX_TILES; k++)
        at[n_ptr + k] = tiles + (n_ptr + k) * TILE;
    for (int64_t k = 0; k < n_ptr; k++) {
        const int64_t *st = strides + k * ndim;
        int64_t step = 1, is_constant = 1;
        is_dense[k] = 1;
        for (int64_t d = ndim - 1; d >= 0; step *= dims[d--]) {
            is_dense[k] &= st[d] == step;
            is_constant &= st[d] == 0;
        }
        is_staged[k] = !is_dense[k] && !is_constant && !(by_row && st[ndim - 1] == 1);
        at[k] = tiles + k * TILE;
        if (is_constant && k >= n_out) {
            is_dense[k] = -1; /* one value everywhere: its tile is filled once */
            for (int64_t i = 0; i < TILE; i++)
                at[k][i] = *(const real *)c->ptr[k];
        }
    }
    int64_t n;
    for (int64_t pos = begin; pos < end; pos += n) {
        n = cs_min(TILE, end - pos);
        if (by_row)
            n = cs_min(n, inner - pos % inner);
        for (int64_t k = 0; k < n_ptr; k++) {
            real *mem = c->ptr[k];
            const int64_t *st = strides + k * ndim;
            if (is_dense[k] > 0) {
                at[k] = mem + pos;
            } else if (is_staged[k]) {
                if (k >= n_out)
                    ew_move(at[k], mem, pos, n, ndim, dims, st, 0);
            } else if (!is_dense[k]) {
                int64_t rest = pos;
                for (int64_t d = ndim - 1; d >= 0; rest /= dims[d--])
                    mem += rest % dims[d] * st[d];
                at[k] = mem;
            }
        }
        for (int64_t j = 0; j < n_instr; j++)
            ew_step(instrs + j * INSTR, at, c->floats, n);
        for (int64_t k = 0; k < n_out; k++)
            if (is_staged[k])
                ew_move(at[k], c->ptr[k], pos, n, ndim, dims, strides + k * ndim, 1);
    }
}

/* ptr: outputs, inputs   ints: n_out, n_in, n_instr, ndim (0: all dense, one shape), dims[ndim], for each
 * tensor strides[ndim] (0: broadcast), for each instruction opcode, dst, 4 sources, first float   floats:
 * numbers of the instructions   items: elements. dst and sources count outputs, inputs, then tiles; sources
 * an expression does not read are 0. */
CS_KERNEL(ew) {
    const int64_t *ints = c->ints;
    if (ints[3] != 0) {
        ew_strided(c, begin, end);
    } else if (ints[2] ==
               1) { /* one loop straight from inputs to output: all the overhead a small call can bear */
        void **p = c->ptr;
        const int64_t *q = ints + 4;
        EW_OPS[q[0]]((real *)p[q[1]] + begin, (real *)p[q[2]] + begin, (real *)p[q[3]] + begin,
                     (real *)p[q[4]] + begin, (real *)p[q[5]] + begin, c->floats + q[6], end - begin);
    } else {
        ew_flat(c, begin, end);
    }
}
