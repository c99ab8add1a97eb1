//! dtypes: f32 f64
/* Softmax, log-softmax and their gradients: a work-group a row, or a work-item a column.
 *
 * Group sums go through local memory in a fixed tree, so a row always has the same bits. Kernels with
 * barriers have an exact grid and no early return: PoCL corrupts memory on a return before a barrier. */

#define SOFTMAX_GROUP 64
#define SOFTMAX_PLAIN 0

static inline real softmax_group_sum(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = SOFTMAX_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

static inline real softmax_group_max(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = SOFTMAX_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] = MAX(box[me + half_], box[me]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

//! grid softmax_rows: items * 64, local 64
// ptr: y, x   ints: mode, n   floats: scale   items: rows
__kernel void softmax_rows(OUT(y), IN(x), INT(mode), INT(n), FLOAT(scale), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    __local real box[SOFTMAX_GROUP];
    const long row = get_group_id(0), me = get_local_id(0);
    real m = -INFINITY, sum = 0;
    for (long i = me; i < n; i += SOFTMAX_GROUP)
        m = MAX(x[row * n + i] * scale, m);
    m = softmax_group_max(m, box);
    for (long i = me; i < n; i += SOFTMAX_GROUP) {
        const real e = EXP(x[row * n + i] * scale - m);
        if (mode == SOFTMAX_PLAIN)
            y[row * n + i] = e;
        sum += e;
    }
    sum = softmax_group_sum(sum, box);
    const real last = mode == SOFTMAX_PLAIN ? K(1) / sum : LOG(sum);
    for (long i = me; i < n; i += SOFTMAX_GROUP) {
        const long at = row * n + i;
        y[at] = mode == SOFTMAX_PLAIN ? y[at] * last : (x[at] * scale - m) - last;
    }
}

//! grid softmax_rows_grad: items * 64, local 64
// ptr: dx, dy, y   ints: mode, n   floats: scale   items: rows
__kernel void softmax_rows_grad(OUT(dx), IN(dy), IN(y), INT(mode), INT(n), FLOAT(scale), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(y);
    __local real box[SOFTMAX_GROUP];
    const long row = get_group_id(0), me = get_local_id(0);
    real sum = 0;
    for (long i = me; i < n; i += SOFTMAX_GROUP) {
        const long at = row * n + i;
        sum += mode == SOFTMAX_PLAIN ? dy[at] * y[at] : dy[at];
    }
    sum = softmax_group_sum(sum, box);
    for (long i = me; i < n; i += SOFTMAX_GROUP) {
        const long at = row * n + i;
        dx[at] = scale * (mode == SOFTMAX_PLAIN ? y[at] * (dy[at] - sum) : dy[at] - EXP(y[at]) * sum);
    }
}

// ptr: y, x   ints: mode, n, inner   floats: scale   items: columns (outer * inner)
__kernel void softmax_columns(OUT(y), IN(x), INT(mode), INT(n), INT(inner), FLOAT(scale), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long column = get_global_id(0);
    if (column >= items)
        return;
    const long first = (column / inner) * n * inner + column % inner;
    real m = -INFINITY, sum = 0;
    for (long i = 0; i < n; i++)
        m = MAX(x[first + i * inner] * scale, m);
    for (long i = 0; i < n; i++) {
        const real e = EXP(x[first + i * inner] * scale - m);
        if (mode == SOFTMAX_PLAIN)
            y[first + i * inner] = e;
        sum += e;
    }
    const real last = mode == SOFTMAX_PLAIN ? K(1) / sum : LOG(sum);
    for (long i = 0; i < n; i++) {
        const long at = first + i * inner;
        y[at] = mode == SOFTMAX_PLAIN ? y[at] * last : (x[at] * scale - m) - last;
    }
}

// ptr: dx, dy, y   ints: mode, n, inner   floats: scale   items: columns (outer * inner)
__kernel void softmax_columns_grad(OUT(dx), IN(dy), IN(y), INT(mode), INT(n), INT(inner), FLOAT(scale),
                                   ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(y);
    const long column = get_global_id(0);
    if (column >= items)
        return;
    const long first = (column / inner) * n * inner + column % inner;
    real sum = 0;
    for (long i = 0; i < n; i++) {
        const long at = first + i * inner;
        sum += mode == SOFTMAX_PLAIN ? dy[at] * y[at] : dy[at];
    }
    for (long i = 0; i < n; i++) {
        const long at = first + i * inner;
        dx[at] = scale * (mode == SOFTMAX_PLAIN ? y[at] * (dy[at] - sum) : dy[at] - EXP(y[at]) * sum);
    }
}

// ptr: y, x, lengths (int64)   ints: n, inner   floats: fill   items: elements
__kernel void softmax_mask(OUT(y), IN(x), IN_T(long, lengths), INT(n), INT(inner), FLOAT(fill), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN_T(long, lengths);
    const long at = get_global_id(0);
    if (at < items)
        y[at] = at / inner % n < lengths[at / (inner * n) * inner + at % inner] ? x[at] : fill;
}
