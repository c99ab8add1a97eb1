//! dtypes: f32 f64
/* Steps of recurrent layers, forward and backward. One call is one step of one layer in one direction, one item a
 * block of RNN_UNITS units of some rows of the batch: the recurrent product (rnn.h) and the gates behind it while its
 * sums are in the first-level cache. Products over all steps are `gemm` calls.
 *
 * A row whose sequence is over (t >= lengths[row]) keeps its state, and its gradient goes through to it.
 * Names: x the gates' share of the input (its product and bias, made before), s the share of the state. */
#include "rnn.h"
#include "vmath.h"

enum { U = RNN_UNITS };

/* Rows and units of an item; items: blocks of units * blocks of rows. */
typedef struct rnn_part {
    int64_t row, rows, unit, units;
} rnn_part;

RNN_INLINE rnn_part rnn_part_of(int64_t item, int64_t n, int64_t hidden, int64_t step) {
    const int64_t blocks = cs_div_up(hidden, U), row = item / blocks * step, unit = item % blocks * U;
    return (rnn_part){row, cs_min(step, n - row), unit, cs_min(U, hidden - unit)};
}

RNN_INLINE real rnn_sigmoid(real x) { return 1 / (1 + EXP(-x)); }

/* A row of `units` numbers in a block of U, the rest zeros, and back. Whole blocks, the usual case, are vectors. */
RNN_INLINE void rnn_get(real *restrict to, const real *restrict from, int64_t units) {
    if (units == U)
        for (int u = 0; u < U; u++)
            to[u] = from[u];
    else
        for (int u = 0; u < U; u++)
            to[u] = u < units ? from[u] : 0;
}

RNN_INLINE void rnn_put(real *restrict to, const real *restrict from, int64_t units) {
    if (units == U)
        for (int u = 0; u < U; u++)
            to[u] = from[u];
    else
        for (int64_t u = 0; u < units; u++)
            to[u] = from[u];
}

/* sum += a row of the input's share and the state's bias */
RNN_INLINE void rnn_join(real *restrict sum, const real *x, const real *bias, int64_t units) {
    real b[U], a[U];
    rnn_get(a, x, units);
    rnn_get(b, bias, units);
    for (int u = 0; u < U; u++)
        sum[u] += a[u] + b[u];
}

/* --- packing ----------------------------------------------------------------------------------------------- */
/* The state's weights for `rnn_product`: panels of U units, [k][gate][U], the last filled up with zeros.
 * ptr: packed, w (gates * hidden, width)   ints: gates, hidden, width   items: panels */
CS_KERNEL(rnn_pack) {
    const int64_t gates = c->ints[0], hidden = c->ints[1], width = c->ints[2];
    for (int64_t item = begin; item < end; item++) {
        real *to = (real *)c->ptr[0] + item * width * gates * U;
        const int64_t units = cs_min(U, hidden - item * U);
        for (int64_t k0 = 0; k0 < width; k0 += U) /* a tile at a time: writes stay in the cache */
            for (int64_t row = 0; row < gates * U; row++) {
                const int64_t gate = row / U, u = row % U;
                const real *w = (const real *)c->ptr[1] + (gate * hidden + item * U + u) * width;
                for (int64_t k = k0; k < cs_min(k0 + U, width); k++)
                    to[k * gates * U + row] = u < units ? w[k] : 0;
            }
    }
}

/* The transposed weights, for gradients: panels of U columns, [row][U].
 * ptr: packed, w (rows, width)   ints: rows, width   items: panels */
CS_KERNEL(rnn_pack_back) {
    const int64_t rows = c->ints[0], width = c->ints[1];
    for (int64_t item = begin; item < end; item++)
        for (int64_t j = 0; j < rows; j++)
            rnn_get((real *)c->ptr[0] + (item * rows + j) * U, (const real *)c->ptr[1] + j * width + item * U,
                    cs_min(U, width - item * U));
}

/* --- forward ----------------------------------------------------------------------------------------------- */
/* What the forward kernels share: sums of the item's product in scratch memory. Every kernel's first inputs are
 * x, packed, bias (gates * hidden), h before, lengths; its first ints as listed. */
enum { N, HIDDEN, WIDTH, LDX, LDH, LDP, STEP, T, HAS_LENGTHS, ROWS, MORE };

RNN_INLINE real *rnn_sums(const cs_call *c, int gates, rnn_part p, const real *packed, const real *before) {
    const int64_t *i = c->ints;
    real *sums = cs_scratch();
    rnn_product(gates, sums, p.rows, i[WIDTH], before + p.row * i[LDP], i[LDP],
                packed + p.unit * i[WIDTH] * gates);
    return sums;
}

RNN_INLINE int rnn_over(const cs_call *c, const void *lengths, int64_t row) {
    return c->ints[HAS_LENGTHS] && c->ints[T] >= ((const int64_t *)lengths)[row];
}
