//! dtypes: f32 f64
/* Connectionist temporal classification, forward (alpha) and backward (beta) variables in log space.
 *
 * The states of a sample with m labels are blank, label 0, blank, ..., label m - 1, blank: 2 m + 1. Rows of
 * variables are shifted so that their largest is 0, which keeps all digits where probability is; alpha's
 * shifts add up to the loss, and a gradient is made of shares of a row, so it needs no shift. All kernels
 * take the integers time, batch, classes, most labels, blank, has_data_lengths, has_label_lengths. */
#include "cysym.h"

#if CS_DT_f32
#define EXP expf
#define LOG logf
#define LOG1P log1pf
#define TRUNC truncf
#else
#define EXP exp
#define LOG log
#define LOG1P log1p
#define TRUNC trunc
#endif

enum { TIME, BATCH, CLASSES, MOST, BLANK, HAS_DATA_LENGTHS, HAS_LABEL_LENGTHS };

/* One sample: `steps` of its time count, `is_none` where no alignment exists, `is_wrong` where a label is no
 * class. */
typedef struct {
    const real *labels;
    int64_t steps, states, blank;
    int is_wrong, is_none;
} sample;

/* A length held as a float, cut to [0, most]; NaN is 0. */
static inline int64_t ctcloss_length(real v, int64_t most) {
    return !(v > 0) ? 0 : v >= K(most) ? most : (int64_t)v;
}

/* `p` points at label, data_lengths, label_lengths. */
static inline sample ctcloss_sample(const cs_call *c, void *const *p, int64_t n) {
    const int64_t most = c->ints[MOST];
    sample a = {(const real *)p[0] + n * most, c->ints[TIME], 1, c->ints[BLANK], 0, 0};
    const real end_mark = a.blank ? -1 : 0;
    int64_t m = 0, least;
    if (c->ints[HAS_DATA_LENGTHS])
        a.steps = ctcloss_length(((const real *)p[1])[n], a.steps);
    if (c->ints[HAS_LABEL_LENGTHS])
        m = ctcloss_length(((const real *)p[2])[n], most);
    else
        while (m < most && TRUNC(a.labels[m]) != end_mark)
            m++;
    least = cs_max(m, 1);
    for (int64_t i = 0; i < m; i++) {
        a.is_wrong |= !(a.labels[i] > -1 && a.labels[i] < K(c->ints[CLASSES]));
        least += i > 0 && TRUNC(a.labels[i]) == TRUNC(a.labels[i - 1]);
    }
    a.is_none = a.is_wrong || least > a.steps;
    a.states = 2 * m + 1;
    return a;
}

/* log(e^a + e^b) */
static inline real ctcloss_add(real a, real b) {
    if (a == -INFINITY)
        return b;
    if (b == -INFINITY)
        return a;
    return a > b ? a + LOG1P(EXP(b - a)) : b + LOG1P(EXP(a - b));
}

/* The class of a state. */
static inline int64_t ctcloss_class(sample a, int64_t s) {
    return s & 1 ? (int64_t)a.labels[s / 2] : a.blank;
}

/* Whether state s can be reached from s - 2: labels that differ. */
static inline int ctcloss_skips(sample a, int64_t s) {
    return (s & 1) && s > 1 && TRUNC(a.labels[s / 2]) != TRUNC(a.labels[s / 2 - 1]);
}

static inline real ctcloss_lower_by_max(real *row, int64_t n) {
    real m = -INFINITY;
    for (int64_t s = 0; s < n; s++)
        m = row[s] > m ? row[s] : m;
    if (m != -INFINITY)
        for (int64_t s = 0; s < n; s++)
            row[s] -= m;
    return m;
}

/* ptr: sums, x   items: rows (time * batch): log(sum(exp(x))) of each */
CS_KERNEL(ctcloss_sums) {
    const int64_t classes = c->ints[CLASSES];
    for (int64_t row = begin; row < end; row++) {
        const real *x = (const real *)c->ptr[1] + row * classes;
        real m = -INFINITY, sum = 0;
        for (int64_t k = 0; k < classes; k++)
            m = x[k] > m ? x[k] : m;
        if (m == -INFINITY)
            m = 0;
        for (int64_t k = 0; k < classes; k++)
            sum += EXP(x[k] - m);
        ((real *)c->ptr[0])[row] = m + LOG(sum);
    }
}

/* ptr: y, alpha, x, sums, label, data_lengths, label_lengths   items: batch
 * alpha: (batch, time, 2 most + 1), the logarithm of the probability to be in a state, its symbol included */
CS_KERNEL(ctcloss) {
    const int64_t time = c->ints[TIME], batch = c->ints[BATCH], width = 2 * c->ints[MOST] + 1;
    const real *sums = c->ptr[3];
    for (int64_t n = begin; n < end; n++) {
        const sample a = ctcloss_sample(c, c->ptr + 4, n);
        real *y = (real *)c->ptr[0] + n, *row = (real *)c->ptr[1] + n * time * width;
        if (a.is_none) {
            *y = a.is_wrong ? NAN : 0;
            continue;
        }
        double total = 0;
        for (int64_t t = 0; t < a.steps; t++, row += width) {
            const real *x = (const real *)c->ptr[2] + (t * batch + n) * c->ints[CLASSES];
            const real *before = row - width;
            for (int64_t s = 0; s < a.states; s++) {
                real v = s < 2 ? 0 : -INFINITY;
                if (t > 0) {
                    v = before[s];
                    if (s > 0)
                        v = ctcloss_add(v, before[s - 1]);
                    if (ctcloss_skips(a, s))
                        v = ctcloss_add(v, before[s - 2]);
                }
                row[s] = v + (x[ctcloss_class(a, s)] - sums[t * batch + n]);
            }
            total += ctcloss_lower_by_max(row, a.states);
        }
        const real *last = row - width + a.states - 1;
        *y = K(-(total + (a.states > 1 ? ctcloss_add(last[0], last[-1]) : last[0])));
    }
}

/* ptr: beta, x, sums, label, data_lengths, label_lengths   items: batch
 * beta: as alpha, the logarithm of the probability to finish from a state, its symbol excluded */
CS_KERNEL(ctcloss_beta) {
    const int64_t time = c->ints[TIME], batch = c->ints[BATCH], width = 2 * c->ints[MOST] + 1;
    const real *sums = c->ptr[2];
    for (int64_t n = begin; n < end; n++) {
        const sample a = ctcloss_sample(c, c->ptr + 3, n);
        for (int64_t t = a.is_none ? -1 : a.steps - 1; t >= 0; t--) {
            const real *x = (const real *)c->ptr[1] + ((t + 1) * batch + n) * c->ints[CLASSES];
            real *row = (real *)c->ptr[0] + (n * time + t) * width;
            const real *after = row + width;
            for (int64_t s = 0; s < a.states; s++) {
                row[s] = s >= a.states - 2 ? 0 : -INFINITY;
                if (t == a.steps - 1)
                    continue;
                real v = -INFINITY;
                for (int64_t to = s; to < cs_min(s + 3, a.states); to++)
                    if (to < s + 2 || ctcloss_skips(a, to))
                        v = ctcloss_add(v, after[to] + (x[ctcloss_class(a, to)] - sums[(t + 1) * batch + n]));
                row[s] = v;
            }
            ctcloss_lower_by_max(row, a.states);
        }
    }
}

/* ptr: grad, x, sums, alpha, beta, label, data_lengths, label_lengths   items: rows (time * batch)
 * softmax(x), less each state's share of the probability at its time */
CS_KERNEL(ctcloss_grad) {
    const int64_t batch = c->ints[BATCH], classes = c->ints[CLASSES], width = 2 * c->ints[MOST] + 1;
    for (int64_t row = begin; row < end; row++) {
        const int64_t t = row / batch, n = row % batch, at = (n * c->ints[TIME] + t) * width;
        const sample a = ctcloss_sample(c, c->ptr + 5, n);
        const real *x = (const real *)c->ptr[1] + row * classes, sum = ((const real *)c->ptr[2])[row];
        const real *alpha = (const real *)c->ptr[3] + at, *beta = (const real *)c->ptr[4] + at;
        real *g = (real *)c->ptr[0] + row * classes;
        const int is_out = a.is_none || t >= a.steps;
        for (int64_t k = 0; k < classes; k++)
            g[k] = is_out ? (a.is_wrong && t < a.steps ? NAN : 0) : EXP(x[k] - sum);
        if (is_out)
            continue;
        real m = -INFINITY, all = 0;
        for (int64_t s = 0; s < a.states; s++)
            m = alpha[s] + beta[s] > m ? alpha[s] + beta[s] : m;
        for (int64_t s = 0; s < a.states; s++)
            all += EXP(alpha[s] + beta[s] - m);
        for (int64_t s = 0; s < a.states; s++)
            g[ctcloss_class(a, s)] -= EXP(alpha[s] + beta[s] - m) / all;
    }
}
