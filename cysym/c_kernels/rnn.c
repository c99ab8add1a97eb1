//! dtypes: f32 f64
/* Recurrent layers. One call is one step of one layer in one direction, one item a block of U units of some
 * rows of the batch: the recurrent product (rnn.h) and the gates behind it while its sums are in the
 * first-level cache. Products over all steps are calls of rnn_share, rnn_back and gemm.
 *
 * Gates lie block by block, (time, block of units, row, slot, U): an item reads and writes one stretch of
 * memory. A row whose sequence is over (t >= lengths[row]) keeps its state, and its gradient goes through to
 * it. */
#include "rnn.h"
#include "vmath.h"

enum { U = RNN_UNITS };

/* Rows and units of an item; items: blocks of `wide` units * blocks of rows. */
typedef struct rnn_part {
    int64_t row, rows, unit, units;
} rnn_part;

RNN_INLINE rnn_part rnn_part_of(int64_t item, int64_t n, int64_t hidden, int64_t step, int64_t wide) {
    const int64_t blocks = cs_div_up(hidden, wide), row = item / blocks * step, unit = item % blocks * wide;
    return (rnn_part){row, cs_min(step, n - row), unit, cs_min(wide, hidden - unit)};
}

RNN_INLINE real rnn_sigmoid(real x) { return 1 / (1 + EXP(-x)); }

/* `units` numbers in a block of U, the rest zeros, and back. Whole blocks, the usual case, are vectors. */
RNN_INLINE void rnn_get(real *restrict to, const real *restrict from, int64_t units) {
    if (units == U) {
        memcpy(to, from, U * sizeof(real));
        return;
    }
    for (int u = 0; u < U; u++)
        to[u] = 0;
    for (int64_t u = 0; u < units; u++)
        to[u] = from[u];
}

RNN_INLINE void rnn_put(real *restrict to, const real *restrict from, int64_t units) {
    if (units == U)
        memcpy(to, from, U * sizeof(real));
    else
        for (int64_t u = 0; u < units; u++)
            to[u] = from[u];
}

RNN_INLINE void rnn_add(real *restrict to, const real *restrict from, int64_t units) {
    for (int64_t u = 0; u < units; u++)
        to[u] += from[u];
}

/* All items of a forward step: whole blocks, where all lengths are constants, apart from the last one. */
#define RNN_ITEMS(item_of)                                                                                   \
    for (int64_t item = begin; item < end; item++) {                                                         \
        const rnn_part p = rnn_part_of(item, c->ints[0], c->ints[1], c->ints[5], U);                         \
        if (p.units == U)                                                                                    \
            item_of(c, p, U);                                                                                \
        else                                                                                                 \
            item_of(c, p, p.units);                                                                          \
    }

/* --- packing and products over all steps --- */
/* Weights for `rnn_product`: panels of U units, [k][gate][U], the last filled up with zeros.
 * ptr: packed, w (gates * hidden, width)   ints: gates, hidden, width   items: panels */
CS_KERNEL(rnn_pack) {
    const int64_t gates = c->ints[0], hidden = c->ints[1], width = c->ints[2], ld = gates * U;
    for (int64_t item = begin; item < end; item++)
        for (int64_t row = 0; row < ld; row += RNN_VL) { /* VL units of a gate, turned about VL by VL */
            const int64_t unit = item * U + row % U, units = cs_max(0, cs_min(RNN_VL, hidden - unit));
            const real *w = (const real *)c->ptr[1] + (row / U * hidden + unit) * width;
            real *to = (real *)c->ptr[0] + item * width * ld + row;
            int64_t k = 0;
            for (; k + RNN_VL <= width; k += RNN_VL) {
                rnn_vec v[RNN_VL];
#pragma GCC unroll 16
                for (int u = 0; u < RNN_VL; u++)
                    v[u] = u < units ? gemm_load(w + u * width + k) : (rnn_vec){0};
                gemm_transpose(v);
#pragma GCC unroll 16
                for (int u = 0; u < RNN_VL; u++)
                    gemm_store(to + (k + u) * ld, v[u]);
            }
            for (; k < width; k++)
                for (int u = 0; u < RNN_VL; u++)
                    to[k * ld + u] = u < units ? w[u * width + k] : 0;
        }
}

/* The transposed weights, for gradients: panels of U columns, [row][U], row r being (r + shift) % rows of w.
 * ptr: packed, w (rows, width)   ints: rows, width, shift   items: panels */
CS_KERNEL(rnn_pack_back) {
    const int64_t rows = c->ints[0], width = c->ints[1], shift = c->ints[2];
    for (int64_t item = begin; item < end; item++)
        for (int64_t r = 0; r < rows; r++)
            rnn_get((real *)c->ptr[0] + (item * rows + r) * U,
                    (const real *)c->ptr[1] + (r + shift) % rows * width + item * U,
                    cs_min(U, width - item * U));
}

/* The input's share of the gates, and its bias, in the first of `slots` slots.
 * ptr: gates, x, packed, bias   ints: rows (time * batch), batch, hidden, width, step, gates, slots   items:
 * rnn_part */
CS_KERNEL(rnn_share) {
    enum { ROWS, BATCH, HIDDEN, WIDTH, STEP, GATES, SLOTS };
    const int64_t *i = c->ints, gates = i[GATES], blocks = cs_div_up(i[HIDDEN], U);
    for (int64_t item = begin; item < end; item++) {
        const rnn_part p = rnn_part_of(item, i[ROWS], i[HIDDEN], i[STEP], U);
        const real *x = (const real *)c->ptr[1] + p.row * i[WIDTH];
        const real *panel = (const real *)c->ptr[2] + p.unit * i[WIDTH] * gates;
        real *sums = cs_scratch(), bias[4][U];
        if (gates == 4)
            rnn_product(4, sums, p.rows, i[WIDTH], x, i[WIDTH], panel);
        else if (gates == 3)
            rnn_product(3, sums, p.rows, i[WIDTH], x, i[WIDTH], panel);
        else
            rnn_product(1, sums, p.rows, i[WIDTH], x, i[WIDTH], panel);
        for (int64_t g = 0; g < gates; g++)
            rnn_get(bias[g], (const real *)c->ptr[3] + g * i[HIDDEN] + p.unit, p.units);
        for (int64_t n = 0; n < p.rows; n++) {
            const int64_t t = (p.row + n) / i[BATCH], row = (p.row + n) % i[BATCH];
            real *to = (real *)c->ptr[0] + ((t * blocks + p.unit / U) * i[BATCH] + row) * i[SLOTS] * U;
            for (int64_t g = 0; g < gates; g++)
                for (int u = 0; u < U; u++)
                    to[g * U + u] = sums[(n * gates + g) * U + u] + bias[g][u];
        }
    }
}

/* The way back: dx[i][column] = sum_k d[i * ldd + k] w[k][column], + z, which lies as dx does and may be dx,
 * if it `adds`. ptr: dx, d, packed, z   ints: rows, columns, depth, ldd, step, adds   items: rnn_part, 4 U
 * columns each */
CS_KERNEL(rnn_back) {
    enum { ROWS, COLUMNS, DEPTH, LDD, STEP, ADDS };
    const int64_t *i = c->ints;
    for (int64_t item = begin; item < end; item++) {
        const rnn_part p = rnn_part_of(item, i[ROWS], i[COLUMNS], i[STEP], 4 * U);
        const int64_t many = cs_div_up(p.units, U);
        real *sums = cs_scratch();
        rnn_product_wide(many, sums, p.rows, i[DEPTH], (const real *)c->ptr[1] + p.row * i[LDD], i[LDD],
                         (const real *)c->ptr[2] + p.unit * i[DEPTH]);
        for (int64_t n = 0; n < p.rows; n++) {
            const int64_t at = (p.row + n) * i[COLUMNS] + p.unit;
            real *sum = sums + n * many * U;
            if (i[ADDS])
                rnn_add(sum, (const real *)c->ptr[3] + at, p.units);
            memcpy((real *)c->ptr[0] + at, sum, (size_t)p.units * sizeof(real));
        }
    }
}

/* --- forward --- */
/* Every kernel's ints begin so. WIDTH of the state; LDP, LDH: from row to row of the state before and of the
 * new one. */
enum { ROWS, HIDDEN, WIDTH, SLOTS, LDP, STEP, T, HAS_LENGTHS, LDH, MORE };

/* The item's sums over the state before, in scratch memory: rows of gates * U. */
RNN_INLINE const real *rnn_sums(const cs_call *c, int gates, rnn_part p, const real *packed,
                                const real *before) {
    const int64_t *i = c->ints;
    real *sums = cs_scratch();
    rnn_product(gates, sums, p.rows, i[WIDTH], before + p.row * i[LDP], i[LDP],
                packed + p.unit * i[WIDTH] * gates);
    return sums;
}

RNN_INLINE int rnn_is_over(const cs_call *c, const void *lengths, int64_t row) {
    return c->ints[HAS_LENGTHS] && c->ints[T] >= ((const int64_t *)lengths)[row];
}

/* The slots of a row. */
RNN_INLINE int64_t rnn_slots(const cs_call *c, rnn_part p, int64_t row) {
    return (p.unit / U * c->ints[ROWS] + row) * c->ints[SLOTS] * U;
}

/* ptr: h, share, packed, bias, before, lengths   ints: ..., relu   items: rnn_part
 * h = tanh(share + s + bias), or the larger of that and 0 */
RNN_INLINE void rnn_plain_item(const cs_call *c, rnn_part p, const int64_t units) {
    const int64_t *i = c->ints;
    const real *before = c->ptr[4];
    const real *sums = rnn_sums(c, 1, p, c->ptr[2], before);
    real bias[U];
    rnn_get(bias, (const real *)c->ptr[3] + p.unit, units);
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n;
        const real *share = (const real *)c->ptr[1] + rnn_slots(c, p, row);
        real y[U];
        for (int u = 0; u < U; u++)
            y[u] = sums[n * U + u] + share[u] + bias[u];
        if (rnn_is_over(c, c->ptr[5], row))
            rnn_get(y, before + row * i[LDP] + p.unit, units);
        else if (i[MORE])
            for (int u = 0; u < U; u++)
                y[u] = y[u] < 0 ? 0 : y[u];
        else
            for (int u = 0; u < U; u++)
                y[u] = TANH(y[u]);
        rnn_put((real *)c->ptr[0] + row * i[LDH] + p.unit, y, units);
    }
}

CS_KERNEL(rnn_plain) { RNN_ITEMS(rnn_plain_item); }

/* The cell's state between its bounds: as it is, clipped, or clipped with NaN becoming the lower bound. */
RNN_INLINE real rnn_clip(real x, int64_t how, real low, real high) {
    if (how == 2)
        x = x >= low ? x : low;
    else if (how)
        x = x < low ? low : x;
    return how && x > high ? high : x;
}

/* ptr: h, cell, gates (written if `keep`), share (may be gates), packed, bias, before, cell before (may be
 * cell), lengths ints: ..., keep, clip   floats: min, max   items: rnn_part i, f, g, o = sigmoid, sigmoid,
 * tanh, sigmoid(share + s + bias); cell = f cell + i g; h = o tanh(cell) */
RNN_INLINE void rnn_lstm_item(const cs_call *c, rnn_part p, const int64_t units) {
    enum { KEEP = MORE, CLIP };
    const int64_t *i = c->ints, hidden = i[HIDDEN];
    const real *before = c->ptr[6], low = K(c->floats[0]), high = K(c->floats[1]);
    const real *sums = rnn_sums(c, 4, p, c->ptr[4], before);
    real bias[4][U];
    for (int g = 0; g < 4; g++)
        rnn_get(bias[g], (const real *)c->ptr[5] + g * hidden + p.unit, units);
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n, at = row * hidden + p.unit;
        const real *s = sums + n * 4 * U, *share = (const real *)c->ptr[3] + rnn_slots(c, p, row);
        real gate[4][U], state[U], h[U];
        rnn_get(state, (const real *)c->ptr[7] + at, units);
        if (rnn_is_over(c, c->ptr[8], row)) {
            memset(gate, 0, sizeof gate);
            rnn_get(h, before + row * i[LDP] + p.unit, units);
        } else {
            for (int g = 0; g < 4; g++)
                for (int u = 0; u < U; u++) {
                    const real z = s[g * U + u] + share[g * U + u] + bias[g][u];
                    gate[g][u] = g == 2 ? TANH(z) : rnn_sigmoid(z);
                }
            for (int u = 0; u < U; u++)
                state[u] = gate[1][u] * state[u] + gate[0][u] * gate[2][u];
            if (i[CLIP])
                for (int u = 0; u < U; u++)
                    state[u] = rnn_clip(state[u], i[CLIP], low, high);
            for (int u = 0; u < U; u++)
                h[u] = gate[3][u] * TANH(state[u]);
        }
        rnn_put((real *)c->ptr[0] + row * i[LDH] + p.unit, h, units);
        rnn_put((real *)c->ptr[1] + at, state, units);
        if (i[KEEP])
            memcpy((real *)c->ptr[2] + rnn_slots(c, p, row), gate, sizeof gate);
    }
}

CS_KERNEL(rnn_lstm) { RNN_ITEMS(rnn_lstm_item); }

/* ptr: h, gates (written if `keep`), share (may be gates), packed, bias, before, lengths   ints: ..., keep
 * items: rnn_part r, z = sigmoid(share + s + bias); m = the third s + bias; n = tanh(share + r m); h = (1 -
 * z) n + z before. Kept: r, z, n, m. */
RNN_INLINE void rnn_gru_item(const cs_call *c, rnn_part p, const int64_t units) {
    const int64_t *i = c->ints, hidden = i[HIDDEN];
    const real *before = c->ptr[5];
    const real *sums = rnn_sums(c, 3, p, c->ptr[3], before);
    real bias[3][U];
    for (int g = 0; g < 3; g++)
        rnn_get(bias[g], (const real *)c->ptr[4] + g * hidden + p.unit, units);
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n;
        const real *s = sums + n * 3 * U, *share = (const real *)c->ptr[2] + rnn_slots(c, p, row);
        real gate[4][U], last[U], h[U];
        rnn_get(last, before + row * i[LDP] + p.unit, units);
        if (rnn_is_over(c, c->ptr[6], row)) {
            memset(gate, 0, sizeof gate);
            memcpy(h, last, sizeof h);
        } else
            for (int u = 0; u < U; u++) {
                gate[0][u] = rnn_sigmoid(s[u] + share[u] + bias[0][u]);
                gate[1][u] = rnn_sigmoid(s[U + u] + share[U + u] + bias[1][u]);
                gate[3][u] = s[2 * U + u] + bias[2][u];
                gate[2][u] = TANH(share[2 * U + u] + gate[0][u] * gate[3][u]);
                h[u] = (1 - gate[1][u]) * gate[2][u] + gate[1][u] * last[u];
            }
        rnn_put((real *)c->ptr[0] + row * i[LDH] + p.unit, h, units);
        if (i[MORE])
            memcpy((real *)c->ptr[1] + rnn_slots(c, p, row), gate, sizeof gate);
    }
}

CS_KERNEL(rnn_gru) { RNN_ITEMS(rnn_gru_item); }

/* --- backward --- */
/* Every kernel's first inputs are: `after`, the gradient of the state's share one step nearer to the end
 * (DEPTH numbers a row; DEPTH is 0 in the first call), packed weights (rnn_pack_back), dy, the gradient
 * carried to this step's state besides (read if HAS_CARRY), lengths. Rows of `after` and of this step's
 * gradients lie LDG apart. */
enum { DEPTH = WIDTH, LDY, LDG = LDH, HAS_CARRY = MORE, MORE_BACK };

/* The sums of an item of two blocks. */
RNN_INLINE real *rnn_sums_back(const cs_call *c, int outs, rnn_part p, int64_t many) {
    const int64_t *i = c->ints;
    real *sums = cs_scratch();
    if (i[DEPTH])
        rnn_product_wide(many, sums, p.rows, i[DEPTH], (const real *)c->ptr[outs] + p.row * i[LDG], i[LDG],
                         (const real *)c->ptr[outs + 1] + p.unit * i[DEPTH]);
    else
        memset(sums, 0, (size_t)(p.rows * many * U) * sizeof(real));
    return sums;
}

/* All items of a backward step, block by block. */
#define RNN_ITEMS_BACK(item_of, outs)                                                                        \
    for (int64_t item = begin; item < end; item++) {                                                         \
        const rnn_part p = rnn_part_of(item, c->ints[0], c->ints[1], c->ints[5], 2 * U);                     \
        const int64_t many = cs_div_up(p.units, U);                                                          \
        real *sums = rnn_sums_back(c, outs, p, many);                                                        \
        for (int64_t j = 0; j < many; j++) {                                                                 \
            const rnn_part q = {p.row, p.rows, p.unit + j * U, cs_min(U, p.units - j * U)};                  \
            if (q.units == U)                                                                                \
                item_of(c, q, U, sums + j * U, many * U);                                                    \
            else                                                                                             \
                item_of(c, q, q.units, sums + j * U, many * U);                                              \
        }                                                                                                    \
    }

/* Adds to a row's sums what makes them the gradient of this step's state. A sequence that is over has no part
 * in dy. */
RNN_INLINE void rnn_add_heads(const cs_call *c, int outs, int64_t row, int64_t unit, int is_over, real *dh,
                              int64_t units) {
    void *const *in = c->ptr + outs;
    if (!is_over)
        rnn_add(dh, (const real *)in[2] + row * c->ints[LDY] + unit, units);
    if (c->ints[HAS_CARRY])
        rnn_add(dh, (const real *)in[3] + row * c->ints[HIDDEN] + unit, units);
}

/* What goes to the state before without a product: all of a row that is over, else nothing. */
RNN_INLINE void rnn_carry(const cs_call *c, void *carry, int64_t at, const real *dh, int is_over,
                          int64_t units) {
    real kept[U] = {0};
    if (is_over)
        memcpy(kept, dh, sizeof kept);
    if (c->ints[HAS_LENGTHS])
        rnn_put((real *)carry + at, kept, units);
}

/* ptr: d, carry (written if has_lengths), after, packed, dy, carry, lengths, h   ints: ..., relu   items:
 * rnn_part */
RNN_INLINE void rnn_plain_grad_item(const cs_call *c, rnn_part p, const int64_t units, real *sums,
                                    int64_t ld) {
    enum { RELU = MORE_BACK };
    const int64_t *i = c->ints, hidden = i[HIDDEN];
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n;
        const int is_over = rnn_is_over(c, c->ptr[6], row);
        real *dh = sums + n * ld;
        rnn_add_heads(c, 2, row, p.unit, is_over, dh, units);
        real y[U], d[U];
        rnn_get(y, (const real *)c->ptr[7] + row * i[LDP] + p.unit, units);
        if (i[RELU])
            for (int u = 0; u < U; u++)
                d[u] = y[u] > 0 ? dh[u] : 0;
        else
            for (int u = 0; u < U; u++)
                d[u] = dh[u] * (1 - y[u] * y[u]);
        rnn_carry(c, c->ptr[1], row * hidden + p.unit, dh, is_over, units);
        if (is_over)
            memset(d, 0, sizeof d);
        rnn_put((real *)c->ptr[0] + row * i[LDG] + p.unit, d, units);
    }
}

CS_KERNEL(rnn_plain_grad) { RNN_ITEMS_BACK(rnn_plain_grad_item, 2); }

/* ptr: d (4 gates), dcell, carry (written if has_lengths), after, packed, dy, carry, lengths, gates, cell,
 * cell before, dcell   ints: ..., has_dcell, clip   floats: min, max   items: rnn_part */
RNN_INLINE void rnn_lstm_grad_item(const cs_call *c, rnn_part p, const int64_t units, real *sums,
                                   int64_t ld) {
    enum { HAS_DCELL = MORE_BACK, CLIP };
    const int64_t *i = c->ints, hidden = i[HIDDEN];
    const real low = K(c->floats[0]), high = K(c->floats[1]);
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n, at = row * hidden + p.unit;
        const int is_over = rnn_is_over(c, c->ptr[7], row);
        const real *gate = (const real *)c->ptr[8] + (p.unit / U * i[ROWS] + row) * 4 * U;
        real *dh = sums + n * ld;
        rnn_add_heads(c, 3, row, p.unit, is_over, dh, units);
        real cell[U], last[U], dcell[U] = {0}, d[4][U];
        rnn_get(cell, (const real *)c->ptr[9] + at, units);
        rnn_get(last, (const real *)c->ptr[10] + at, units);
        if (i[HAS_DCELL])
            rnn_get(dcell, (const real *)c->ptr[11] + at, units);
        rnn_carry(c, c->ptr[2], at, dh, is_over, units);
        if (is_over)
            memset(d, 0, sizeof d);
        else {
            for (int u = 0; u < U; u++) {
                const real t = TANH(cell[u]), o = gate[3 * U + u];
                d[3][u] = dh[u] * t * o * (1 - o);
                dcell[u] += dh[u] * o * (1 - t * t);
            }
            if (i[CLIP])
                for (int u = 0; u < U; u++)
                    dcell[u] = cell[u] > low && cell[u] < high ? dcell[u] : 0;
            for (int u = 0; u < U; u++) {
                const real in = gate[u], f = gate[U + u], g = gate[2 * U + u];
                d[0][u] = dcell[u] * g * in * (1 - in);
                d[1][u] = dcell[u] * last[u] * f * (1 - f);
                d[2][u] = dcell[u] * in * (1 - g * g);
                dcell[u] *= f;
            }
        }
        rnn_put((real *)c->ptr[1] + at, dcell, units);
        for (int g = 0; g < 4; g++)
            rnn_put((real *)c->ptr[0] + row * i[LDG] + g * hidden + p.unit, d[g], units);
    }
}

CS_KERNEL(rnn_lstm_grad) { RNN_ITEMS_BACK(rnn_lstm_grad_item, 3); }

/* ptr: d (of n, r, z, m), carry, after (from r on), packed, dy, carry, lengths, gates, before   ints: ...
   items: rnn_part */
RNN_INLINE void rnn_gru_grad_item(const cs_call *c, rnn_part p, const int64_t units, real *sums, int64_t ld) {
    const int64_t *i = c->ints, hidden = i[HIDDEN];
    for (int64_t n = 0; n < p.rows; n++) {
        const int64_t row = p.row + n;
        const int is_over = rnn_is_over(c, c->ptr[6], row);
        const real *gate = (const real *)c->ptr[7] + (p.unit / U * i[ROWS] + row) * 4 * U;
        real *dh = sums + n * ld;
        rnn_add_heads(c, 2, row, p.unit, is_over, dh, units);
        real last[U], carry[U], d[4][U];
        rnn_get(last, (const real *)c->ptr[8] + row * i[LDP] + p.unit, units);
        if (is_over) {
            memset(d, 0, sizeof d);
            memcpy(carry, dh, sizeof carry);
        } else
            for (int u = 0; u < U; u++) {
                const real r = gate[u], z = gate[U + u], new = gate[2 * U + u];
                d[0][u] = dh[u] * (1 - z) * (1 - new * new);
                d[1][u] = d[0][u] * gate[3 * U + u] * r * (1 - r);
                d[2][u] = dh[u] * (last[u] - new) * z * (1 - z);
                d[3][u] = d[0][u] * r;
                carry[u] = dh[u] * z;
            }
        rnn_put((real *)c->ptr[1] + row * hidden + p.unit, carry, units);
        for (int g = 0; g < 4; g++)
            rnn_put((real *)c->ptr[0] + row * i[LDG] + g * hidden + p.unit, d[g], units);
    }
}

CS_KERNEL(rnn_gru_grad) { RNN_ITEMS_BACK(rnn_gru_grad_item, 2); }
