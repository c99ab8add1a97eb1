//! dtypes: f32 f64
/* Connectionist temporal classification; see c_kernels/ctcloss.c.
 *
 * A work-group takes a sample where time must pass step by step (its work-items share the states), a row
 * otherwise. A sample without an alignment takes no step, so that every work-item meets every barrier. */

#define CTCLOSS_GROUP 64

typedef struct {
    __global const real *labels;
    long steps, states, blank;
    int is_wrong, is_none;
} ctcloss_sample;

static inline long ctcloss_length(real v, long most) { return !(v > 0) ? 0 : v >= K(most) ? most : (long)v; }

/* What sample n is; lengths are null where there are none. */
static inline ctcloss_sample ctcloss_read(__global const real *label, __global const real *data_lengths,
                                          __global const real *label_lengths, long n, long time, long classes,
                                          long most, long blank) {
    ctcloss_sample a;
    a.labels = label + n * most;
    a.steps = data_lengths ? ctcloss_length(data_lengths[n], time) : time;
    a.blank = blank;
    a.is_wrong = 0;
    long m = 0;
    if (label_lengths)
        m = ctcloss_length(label_lengths[n], most);
    else
        while (m < most && TRUNC(a.labels[m]) != (blank ? K(-1) : K(0)))
            m++;
    long least = max(m, 1L);
    for (long i = 0; i < m; i++) {
        a.is_wrong |= !(a.labels[i] > -1 && a.labels[i] < K(classes));
        least += i > 0 && TRUNC(a.labels[i]) == TRUNC(a.labels[i - 1]);
    }
    a.is_none = a.is_wrong || least > a.steps;
    a.states = 2 * m + 1;
    return a;
}

#define CTCLOSS_SAMPLE(n)                                                                                    \
    ctcloss_read(label, has_data_lengths ? data_lengths : 0, has_label_lengths ? label_lengths : 0, n, time, \
                 classes, most, blank)

static inline real ctcloss_add(real a, real b) {
    if (a == -INFINITY)
        return b;
    if (b == -INFINITY)
        return a;
    return a > b ? a + LOG1P(EXP(b - a)) : b + LOG1P(EXP(a - b));
}

static inline long ctcloss_class(ctcloss_sample a, long s) { return s & 1 ? (long)a.labels[s / 2] : a.blank; }

static inline int ctcloss_skips(ctcloss_sample a, long s) {
    return (s & 1) && s > 1 && TRUNC(a.labels[s / 2]) != TRUNC(a.labels[s / 2 - 1]);
}

static inline real ctcloss_group_max(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = CTCLOSS_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] = MAX(box[me + half_], box[me]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

static inline real ctcloss_group_sum(real v, __local real *box) {
    const int me = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    box[me] = v;
    for (int half_ = CTCLOSS_GROUP / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (me < half_)
            box[me] += box[me + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return box[0];
}

//! grid ctcloss_sums: items * 64, local 64
// ptr: sums, x   items: rows (time * batch)
__kernel void ctcloss_sums(OUT(sums), IN(x), INT(time), INT(batch), INT(classes), INT(most), INT(blank),
                           INT(has_data_lengths), INT(has_label_lengths), ITEMS) {
    USE_OUT(sums);
    USE_IN(x);
    __local real box[CTCLOSS_GROUP];
    const long row = get_group_id(0), me = get_local_id(0);
    real m = -INFINITY, sum = 0;
    for (long k = me; k < classes; k += CTCLOSS_GROUP)
        m = MAX(x[row * classes + k], m);
    m = ctcloss_group_max(m, box);
    m = m == -INFINITY ? 0 : m;
    for (long k = me; k < classes; k += CTCLOSS_GROUP)
        sum += EXP(x[row * classes + k] - m);
    sum = ctcloss_group_sum(sum, box);
    if (me == 0)
        sums[row] = m + LOG(sum);
}

//! grid ctcloss: items * 64, local 64
// ptr: y, alpha, x, sums, label, data_lengths, label_lengths   items: batch
__kernel void ctcloss(OUT(y), OUT(alpha), IN(x), IN(sums), IN(label), IN(data_lengths), IN(label_lengths),
                      INT(time), INT(batch), INT(classes), INT(most), INT(blank), INT(has_data_lengths),
                      INT(has_label_lengths), ITEMS) {
    USE_OUT(y);
    USE_OUT(alpha);
    USE_IN(x);
    USE_IN(sums);
    USE_IN(label);
    USE_IN(data_lengths);
    USE_IN(label_lengths);
    __local real box[CTCLOSS_GROUP];
    const long n = get_group_id(0), me = get_local_id(0), width = 2 * most + 1;
    const ctcloss_sample a = CTCLOSS_SAMPLE(n);
    const long steps = a.is_none ? 0 : a.steps;
    __global real *first = alpha + n * time * width;
    real total = 0;
    for (long t = 0; t < steps; t++) {
        __global const real *p = x + (t * batch + n) * classes, *before = first + (t - 1) * width;
        __global real *row = first + t * width;
        const real sum = sums[t * batch + n];
        real m = -INFINITY;
        for (long s = me; s < a.states; s += CTCLOSS_GROUP) {
            real v = s < 2 ? K(0) : -INFINITY;
            if (t > 0) {
                v = before[s];
                if (s > 0)
                    v = ctcloss_add(v, before[s - 1]);
                if (ctcloss_skips(a, s))
                    v = ctcloss_add(v, before[s - 2]);
            }
            row[s] = v + (p[ctcloss_class(a, s)] - sum);
            m = MAX(row[s], m);
        }
        m = ctcloss_group_max(m, box);
        for (long s = me; s < a.states; s += CTCLOSS_GROUP)
            row[s] -= m == -INFINITY ? 0 : m;
        total += m;
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
    if (me == 0) {
        real v = a.is_wrong ? NAN : K(0);
        if (steps > 0) {
            __global const real *last = first + (steps - 1) * width + a.states - 1;
            v = -(total + (a.states > 1 ? ctcloss_add(last[0], last[-1]) : last[0]));
        }
        y[n] = v;
    }
}

//! grid ctcloss_beta: items * 64, local 64
// ptr: beta, x, sums, label, data_lengths, label_lengths   items: batch
__kernel void ctcloss_beta(OUT(beta), IN(x), IN(sums), IN(label), IN(data_lengths), IN(label_lengths),
                           INT(time), INT(batch), INT(classes), INT(most), INT(blank), INT(has_data_lengths),
                           INT(has_label_lengths), ITEMS) {
    USE_OUT(beta);
    USE_IN(x);
    USE_IN(sums);
    USE_IN(label);
    USE_IN(data_lengths);
    USE_IN(label_lengths);
    __local real box[CTCLOSS_GROUP];
    const long n = get_group_id(0), me = get_local_id(0), width = 2 * most + 1;
    const ctcloss_sample a = CTCLOSS_SAMPLE(n);
    const long steps = a.is_none ? 0 : a.steps;
    for (long back = 0; back < steps; back++) {
        const long t = steps - 1 - back;
        __global const real *p = x + ((t + 1) * batch + n) * classes;
        __global real *row = beta + (n * time + t) * width;
        __global const real *after = row + width;
        real m = -INFINITY;
        for (long s = me; s < a.states; s += CTCLOSS_GROUP) {
            real v = s >= a.states - 2 ? K(0) : -INFINITY;
            if (back > 0) {
                const real sum = sums[(t + 1) * batch + n];
                v = after[s] + (p[ctcloss_class(a, s)] - sum);
                if (s + 1 < a.states)
                    v = ctcloss_add(v, after[s + 1] + (p[ctcloss_class(a, s + 1)] - sum));
                if (s + 2 < a.states && ctcloss_skips(a, s + 2))
                    v = ctcloss_add(v, after[s + 2] + (p[ctcloss_class(a, s + 2)] - sum));
            }
            row[s] = v;
            m = MAX(v, m);
        }
        m = ctcloss_group_max(m, box);
        for (long s = me; s < a.states; s += CTCLOSS_GROUP)
            row[s] -= m == -INFINITY ? 0 : m;
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
}

//! grid ctcloss_grad: items * 64, local 64
// ptr: grad, x, sums, alpha, beta, label, data_lengths, label_lengths   items: rows (time * batch)
__kernel void ctcloss_grad(OUT(grad), IN(x), IN(sums), IN(alpha), IN(beta), IN(label), IN(data_lengths),
                           IN(label_lengths), INT(time), INT(batch), INT(classes), INT(most), INT(blank),
                           INT(has_data_lengths), INT(has_label_lengths), ITEMS) {
    USE_OUT(grad);
    USE_IN(x);
    USE_IN(sums);
    USE_IN(alpha);
    USE_IN(beta);
    USE_IN(label);
    USE_IN(data_lengths);
    USE_IN(label_lengths);
    __local real box[CTCLOSS_GROUP];
    const long row = get_group_id(0), me = get_local_id(0), t = row / batch, n = row % batch;
    const ctcloss_sample a = CTCLOSS_SAMPLE(n);
    const int is_out = a.is_none || t >= a.steps;
    const long states = is_out ? 0 : a.states, at = (n * time + t) * (2 * most + 1);
    real m = -INFINITY, all = 0;
    for (long s = me; s < states; s += CTCLOSS_GROUP)
        m = MAX(alpha[at + s] + beta[at + s], m);
    m = ctcloss_group_max(m, box);
    for (long s = me; s < states; s += CTCLOSS_GROUP)
        all += EXP(alpha[at + s] + beta[at + s] - m);
    all = ctcloss_group_sum(all, box);
    for (long k = me; k < classes; k += CTCLOSS_GROUP) {
        real share = 0;
        for (long s = 0; s < states; s++)
            if (ctcloss_class(a, s) == k)
                share += EXP(alpha[at + s] + beta[at + s] - m) / all;
        const real nothing = a.is_wrong && t < a.steps ? NAN : K(0);
        grad[row * classes + k] = is_out ? nothing : EXP(x[row * classes + k] - sums[row]) - share;
    }
}
