//! dtypes: f32 f64
// Steps of recurrent layers, a work-item a row and unit; see c_kernels/rnn.c, whose packed weights these are.
// Neighbours read neighbouring weights and one number of the state. Sums are taken in slices of 256, as on
// the CPU.

#define RNN_UNITS 16
#define RNN_SLICE 256

static inline real rnn_sigmoid(real x) { return 1 / (1 + EXP(-x)); }

// sums[gate] = sum over k of from[k] * panel[k][gate][unit]; panel starts at the unit.
static inline void rnn_product(int gates, real *sums, __global const real *from, __global const real *panel,
                               long width) {
    for (int g = 0; g < gates; g++)
        sums[g] = 0;
    for (long k0 = 0; k0 < width; k0 += RNN_SLICE) {
        real part[4] = {0, 0, 0, 0};
        for (long k = k0; k < min(k0 + RNN_SLICE, width); k++)
            for (int g = 0; g < gates; g++)
                part[g] += from[k] * panel[(k * gates + g) * RNN_UNITS];
        for (int g = 0; g < gates; g++)
            sums[g] += part[g];
    }
}

// Where a unit's weights begin in panels of `depth` numbers a unit.
static inline long rnn_panel(long unit, long depth) {
    return unit / RNN_UNITS * RNN_UNITS * depth + unit % RNN_UNITS;
}

// ptr: packed, w (gates * hidden, width)   ints: gates, hidden, width   items: panels
//! grid rnn_pack: items * gates * width * 16, local 64
__kernel void rnn_pack(OUT(packed), IN(w), INT(gates), INT(hidden), INT(width), ITEMS) {
    USE_OUT(packed);
    USE_IN(w);
    const long at = get_global_id(0);
    if (at >= items * gates * width * RNN_UNITS)
        return;
    const long row = at / RNN_UNITS, unit = row / (gates * width) * RNN_UNITS + at % RNN_UNITS;
    packed[at] = unit < hidden ? w[(row % gates * hidden + unit) * width + row / gates % width] : 0;
}

// ptr: packed, w (rows, width)   ints: rows, width, shift   items: panels
//! grid rnn_pack_back: items * rows * 16, local 64
__kernel void rnn_pack_back(OUT(packed), IN(w), INT(rows), INT(width), INT(shift), ITEMS) {
    USE_OUT(packed);
    USE_IN(w);
    const long at = get_global_id(0);
    if (at >= items * rows * RNN_UNITS)
        return;
    const long row = at / RNN_UNITS, column = row / rows * RNN_UNITS + at % RNN_UNITS;
    packed[at] = column < width ? w[(row % rows + shift) % rows * width + column] : 0;
}

// Four rows from `first` on (past the end the last one) times a column of panels: sums of slices, as above.
static inline void rnn_four(real *sums, __global const real *x, long ldx, long first, long rows,
                            __global const real *panel, long step, long width) {
    for (int n = 0; n < 4; n++)
        sums[n] = 0;
    for (long k0 = 0; k0 < width; k0 += RNN_SLICE) {
        real part[4] = {0, 0, 0, 0};
        for (long k = k0; k < min(k0 + RNN_SLICE, width); k++) {
            const real w = panel[k * step];
            for (int n = 0; n < 4; n++)
                part[n] += w * x[min(first + n, rows - 1) * ldx + k];
        }
        for (int n = 0; n < 4; n++)
            sums[n] += part[n];
    }
}

// ptr, ints: rnn.c; a work-item four rows of a unit's gate
//! grid rnn_share: (rows + 3) // 4 * hidden * gates, local 64
__kernel void rnn_share(OUT(share), IN(x), IN(packed), IN(bias), INT(rows), INT(batch), INT(hidden),
                        INT(width), INT(step), INT(gates), INT(slots), ITEMS) {
    USE_OUT(share);
    USE_IN(x);
    USE_IN(packed);
    USE_IN(bias);
    const long at = get_global_id(0) % (hidden * gates), first = get_global_id(0) / (hidden * gates) * 4;
    if (first >= rows)
        return;
    const long unit = at % hidden, gate = at / hidden, blocks = (hidden + RNN_UNITS - 1) / RNN_UNITS;
    real sums[4];
    rnn_four(sums, x, width, first, rows, packed + rnn_panel(unit, gates * width) + gate * RNN_UNITS,
             gates * RNN_UNITS, width);
    for (int n = 0; n < 4 && first + n < rows; n++) {
        const long t = (first + n) / batch, row = (first + n) % batch;
        const long slot = ((t * blocks + unit / RNN_UNITS) * batch + row) * slots + gate;
        share[slot * RNN_UNITS + unit % RNN_UNITS] = sums[n] + bias[at];
    }
}

// ptr, ints: rnn.c; a work-item four rows of a column
//! grid rnn_back: (rows + 3) // 4 * columns, local 64
__kernel void rnn_back(OUT(dx), IN(d), IN(packed), IN(old), INT(rows), INT(columns), INT(depth), INT(ldd),
                       INT(step), INT(adds), ITEMS) {
    USE_OUT(dx);
    USE_IN(d);
    USE_IN(packed);
    USE_IN(old);
    const long column = get_global_id(0) % columns, first = get_global_id(0) / columns * 4;
    if (first >= rows)
        return;
    real sums[4];
    rnn_four(sums, d, ldd, first, rows, packed + rnn_panel(column, depth), RNN_UNITS, depth);
    for (int n = 0; n < 4 && first + n < rows; n++) {
        const long at = (first + n) * columns + column;
        dx[at] = adds ? sums[n] + old[at] : sums[n];
    }
}

// Where the slots of a row's unit begin; one every RNN_UNITS.
static inline long rnn_slots(long unit, long row, long rows, long slots) {
    return (unit / RNN_UNITS * rows + row) * slots * RNN_UNITS + unit % RNN_UNITS;
}

#define RNN_PLACE                                                                                            \
    const long row = get_global_id(0) / hidden, unit = get_global_id(0) % hidden;                            \
    if (row >= rows)                                                                                         \
        return;                                                                                              \
    const int is_over = has_lengths && t >= lengths[row]

// ptr, ints: rnn.c
//! grid rnn_plain: rows * hidden, local 64
__kernel void rnn_plain(OUT(h), IN(share), IN(packed), IN(bias), IN(before), IN_T(long, lengths), INT(rows),
                        INT(hidden), INT(width), INT(slots), INT(ldp), INT(step), INT(t), INT(has_lengths),
                        INT(ldh), INT(relu), ITEMS) {
    USE_OUT(h);
    USE_IN(share);
    USE_IN(packed);
    USE_IN(bias);
    USE_IN(before);
    USE_IN_T(long, lengths);
    RNN_PLACE;
    real s[4];
    rnn_product(1, s, before + row * ldp, packed + rnn_panel(unit, width), width);
    const real sum = s[0] + share[rnn_slots(unit, row, rows, slots)] + bias[unit];
    const real y = relu ? (sum < 0 ? 0 : sum) : TANH(sum);
    h[row * ldh + unit] = is_over ? before[row * ldp + unit] : y;
}

static inline real rnn_clip(real x, long how, real low, real high) {
    if (how == 2)
        x = x >= low ? x : low;
    else if (how)
        x = x < low ? low : x;
    return how && x > high ? high : x;
}

// ptr, ints: rnn.c
//! grid rnn_lstm: rows * hidden, local 64
__kernel void rnn_lstm(OUT(h), OUT(cell), OUT(gates), IN(share), IN(packed), IN(bias), IN(before), IN(last),
                       IN_T(long, lengths), INT(rows), INT(hidden), INT(width), INT(slots), INT(ldp),
                       INT(step), INT(t), INT(has_lengths), INT(ldh), INT(keep), INT(clip), FLOAT(low),
                       FLOAT(high), ITEMS) {
    USE_OUT(h);
    USE_OUT(cell);
    USE_OUT(gates);
    USE_IN(share);
    USE_IN(packed);
    USE_IN(bias);
    USE_IN(before);
    USE_IN(last);
    USE_IN_T(long, lengths);
    RNN_PLACE;
    const long at = row * hidden + unit, from = rnn_slots(unit, row, rows, slots);
    real z[4], state = last[at], y;
    if (is_over) {
        for (int g = 0; g < 4; g++)
            z[g] = 0;
        y = before[row * ldp + unit];
    } else {
        rnn_product(4, z, before + row * ldp, packed + rnn_panel(unit, 4 * width), width);
        for (int g = 0; g < 4; g++) {
            z[g] += share[from + g * RNN_UNITS] + bias[g * hidden + unit];
            z[g] = g == 2 ? TANH(z[g]) : rnn_sigmoid(z[g]);
        }
        state = rnn_clip(z[1] * state + z[0] * z[2], clip, low, high);
        y = z[3] * TANH(state);
    }
    h[row * ldh + unit] = y;
    cell[at] = state;
    if (keep)
        for (int g = 0; g < 4; g++)
            gates[from + g * RNN_UNITS] = z[g];
}

// ptr, ints: rnn.c
//! grid rnn_gru: rows * hidden, local 64
__kernel void rnn_gru(OUT(h), OUT(gates), IN(share), IN(packed), IN(bias), IN(before), IN_T(long, lengths),
                      INT(rows), INT(hidden), INT(width), INT(slots), INT(ldp), INT(step), INT(t),
                      INT(has_lengths), INT(ldh), INT(keep), ITEMS) {
    USE_OUT(h);
    USE_OUT(gates);
    USE_IN(share);
    USE_IN(packed);
    USE_IN(bias);
    USE_IN(before);
    USE_IN_T(long, lengths);
    RNN_PLACE;
    const long from = rnn_slots(unit, row, rows, slots);
    real s[4], gate[4] = {0, 0, 0, 0}, y = before[row * ldp + unit];
    if (!is_over) {
        rnn_product(3, s, before + row * ldp, packed + rnn_panel(unit, 3 * width), width);
        for (int g = 0; g < 3; g++)
            s[g] += bias[g * hidden + unit];
        gate[0] = rnn_sigmoid(s[0] + share[from]);
        gate[1] = rnn_sigmoid(s[1] + share[from + RNN_UNITS]);
        gate[3] = s[2];
        gate[2] = TANH(share[from + 2 * RNN_UNITS] + gate[0] * gate[3]);
        y = (1 - gate[1]) * gate[2] + gate[1] * y;
    }
    h[row * ldh + unit] = y;
    if (keep)
        for (int g = 0; g < 4; g++)
            gates[from + g * RNN_UNITS] = gate[g];
}

// The gradient of this step's state; see rnn.c.
static inline real rnn_dh(__global const real *after, __global const real *packed, __global const real *dy,
                          __global const real *carried, long row, long unit, long hidden, long depth,
                          long ldy, long ldg, long has_carry, int is_over) {
    real s[4];
    rnn_product(1, s, after + row * ldg, packed + rnn_panel(unit, depth), depth);
    return s[0] + (is_over ? 0 : dy[row * ldy + unit]) + (has_carry ? carried[row * hidden + unit] : 0);
}

// ptr, ints: rnn.c
//! grid rnn_plain_grad: rows * hidden, local 64
__kernel void rnn_plain_grad(OUT(d), OUT(carry), IN(after), IN(packed), IN(dy), IN(carried),
                             IN_T(long, lengths), IN(h), INT(rows), INT(hidden), INT(depth), INT(ldy),
                             INT(ldp), INT(step), INT(t), INT(has_lengths), INT(ldg), INT(has_carry),
                             INT(relu), ITEMS) {
    USE_OUT(d);
    USE_OUT(carry);
    USE_IN(after);
    USE_IN(packed);
    USE_IN(dy);
    USE_IN(carried);
    USE_IN_T(long, lengths);
    USE_IN(h);
    RNN_PLACE;
    const real dh =
        rnn_dh(after, packed, dy, carried, row, unit, hidden, depth, ldy, ldg, has_carry, is_over);
    const real y = h[row * ldp + unit];
    if (has_lengths)
        carry[row * hidden + unit] = is_over ? dh : 0;
    d[row * ldg + unit] = is_over ? 0 : relu ? (y > 0 ? dh : 0) : dh * (1 - y * y);
}

// ptr, ints: rnn.c
//! grid rnn_lstm_grad: rows * hidden, local 64
__kernel void rnn_lstm_grad(OUT(dgates), OUT(dcell), OUT(carry), IN(after), IN(packed), IN(dy), IN(carried),
                            IN_T(long, lengths), IN(gates), IN(cell), IN(last), IN(given), INT(rows),
                            INT(hidden), INT(depth), INT(ldy), INT(ldp), INT(step), INT(t), INT(has_lengths),
                            INT(ldg), INT(has_carry), INT(has_dcell), INT(clip), FLOAT(low), FLOAT(high),
                            ITEMS) {
    USE_OUT(dgates);
    USE_OUT(dcell);
    USE_OUT(carry);
    USE_IN(after);
    USE_IN(packed);
    USE_IN(dy);
    USE_IN(carried);
    USE_IN_T(long, lengths);
    USE_IN(gates);
    USE_IN(cell);
    USE_IN(last);
    USE_IN(given);
    RNN_PLACE;
    const real dh =
        rnn_dh(after, packed, dy, carried, row, unit, hidden, depth, ldy, ldg, has_carry, is_over);
    const long at = row * hidden + unit, from = rnn_slots(unit, row, rows, 4);
    real d[4] = {0, 0, 0, 0}, dc = has_dcell ? given[at] : 0;
    if (!is_over) {
        const real in = gates[from], f = gates[from + RNN_UNITS], g = gates[from + 2 * RNN_UNITS],
                   o = gates[from + 3 * RNN_UNITS], c = cell[at], tc = TANH(c);
        d[3] = dh * tc * o * (1 - o);
        dc += dh * o * (1 - tc * tc);
        if (clip)
            dc = c > low && c < high ? dc : 0;
        d[0] = dc * g * in * (1 - in);
        d[1] = dc * last[at] * f * (1 - f);
        d[2] = dc * in * (1 - g * g);
        dc *= f;
    }
    dcell[at] = dc;
    if (has_lengths)
        carry[at] = is_over ? dh : 0;
    for (int g = 0; g < 4; g++)
        dgates[row * ldg + g * hidden + unit] = d[g];
}

// ptr, ints: rnn.c
//! grid rnn_gru_grad: rows * hidden, local 64
__kernel void rnn_gru_grad(OUT(dgates), OUT(carry), IN(after), IN(packed), IN(dy), IN(carried),
                           IN_T(long, lengths), IN(gates), IN(before), INT(rows), INT(hidden), INT(depth),
                           INT(ldy), INT(ldp), INT(step), INT(t), INT(has_lengths), INT(ldg), INT(has_carry),
                           ITEMS) {
    USE_OUT(dgates);
    USE_OUT(carry);
    USE_IN(after);
    USE_IN(packed);
    USE_IN(dy);
    USE_IN(carried);
    USE_IN_T(long, lengths);
    USE_IN(gates);
    USE_IN(before);
    RNN_PLACE;
    const real dh =
        rnn_dh(after, packed, dy, carried, row, unit, hidden, depth, ldy, ldg, has_carry, is_over);
    const long from = rnn_slots(unit, row, rows, 4);
    real d[4] = {0, 0, 0, 0}, kept = dh;
    if (!is_over) {
        const real r = gates[from], z = gates[from + RNN_UNITS], n = gates[from + 2 * RNN_UNITS],
                   m = gates[from + 3 * RNN_UNITS];
        d[0] = dh * (1 - z) * (1 - n * n);
        d[1] = d[0] * m * r * (1 - r);
        d[2] = dh * (before[row * ldp + unit] - n) * z * (1 - z);
        d[3] = d[0] * r;
        kept = dh * z;
    }
    carry[row * hidden + unit] = kept;
    for (int g = 0; g < 4; g++)
        dgates[row * ldg + g * hidden + unit] = d[g];
}
