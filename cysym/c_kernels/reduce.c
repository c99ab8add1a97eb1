//! dtypes: f32 f64 i32 i64
/* Reductions over any set of axes, argmax and argmin.
 *
 * x is walked as up to three kept and three reduced dimensions with any strides; y is dense. Everything is
 * accumulated in double or int64, in many lanes, and sums of doubles are compensated every BLOCK elements, so
 * that no chain is long. "rows": an item is one output, its elements lie side by side. "cols": an item is
 * COLS neighbouring outputs. A long reduction is cut into `parts` of `part` elements, each with an output of
 * its own, reduced by a second call. */
#include "cysym.h"

#if CS_DT_f32 || CS_DT_f64
typedef double reduce_wide;
#define REDUCE_LOWEST (-INFINITY)
#define REDUCE_HIGHEST INFINITY
#define REDUCE_ISNAN(x) ((x) != (x))
#else
typedef int64_t reduce_wide;
#define REDUCE_LOWEST INT64_MIN
#define REDUCE_HIGHEST INT64_MAX
#define REDUCE_ISNAN(x) 0
#endif
#define REDUCE_INLINE static inline __attribute__((always_inline))

enum { KEPT = 0, KEPT_STEP = 3, RED = 6, RED_STEP = 9, PARTS = 12, PART, DIVISOR, IS_COLS };
enum { LANES = 32, COLS = 128, BLOCK = 4096, COL_BLOCK = 256 };
enum { SUM, NANSUM, ABS, SQUARE, ZEROS, PROD, NANPROD, PROD_NONZERO, NANPROD_NONZERO, MAXIMUM, MINIMUM };

REDUCE_INLINE reduce_wide reduce_start(int op) {
    return op <= ZEROS ? 0 : op < MAXIMUM ? 1 : op == MAXIMUM ? REDUCE_LOWEST : REDUCE_HIGHEST;
}

REDUCE_INLINE reduce_wide reduce_map(int op, real v) {
    reduce_wide x = v;
    switch (op) {
    case NANSUM:
        return REDUCE_ISNAN(x) ? 0 : x;
    case ABS:
        return x < 0 ? -x : x;
    case SQUARE:
        return x * x;
    case ZEROS:
        return x == 0;
    case NANPROD:
        return REDUCE_ISNAN(x) ? 1 : x;
    case PROD_NONZERO:
        return x == 0 ? 1 : x;
    case NANPROD_NONZERO:
        return x == 0 || REDUCE_ISNAN(x) ? 1 : x;
    default:
        return x;
    }
}

/* Integers wrap around; maximum and minimum keep a NaN once they have one. */
REDUCE_INLINE reduce_wide reduce_join(int op, reduce_wide a, reduce_wide b) {
#if CS_DT_f32 || CS_DT_f64
    if (op == MAXIMUM)
        return (b > a) | REDUCE_ISNAN(b) ? b : a;
    if (op == MINIMUM)
        return (b < a) | REDUCE_ISNAN(b) ? b : a;
    return op <= ZEROS ? a + b : a * b;
#else
    if (op >= MAXIMUM)
        return (op == MAXIMUM ? b > a : b < a) ? b : a;
    return (int64_t)(op <= ZEROS ? (uint64_t)a + (uint64_t)b : (uint64_t)a * (uint64_t)b);
#endif
}

/* A running result; `lost` is what rounding took from a sum (Neumaier). */
typedef struct {
    reduce_wide value, lost;
} reduce_total;

REDUCE_INLINE void reduce_add(int op, reduce_total *t, reduce_wide b) {
    reduce_wide a = t->value;
    t->value = reduce_join(op, a, b);
#if CS_DT_f64
    if (op <= ZEROS)
        t->lost += fabs(a) >= fabs(b) ? (a - t->value) + b : (b - t->value) + a;
#endif
}

REDUCE_INLINE real reduce_finish(int op, reduce_total t, int64_t divisor) {
    reduce_wide value = t.value;
    if (op <= ZEROS && !REDUCE_ISNAN(t.lost)) /* infinities make `lost` a NaN: then the plain sum is right */
        value += t.lost;
    if (op == SQUARE)
        return (real)sqrt((double)value);
    return (real)(divisor == 1 ? value : value / (reduce_wide)divisor);
}

REDUCE_INLINE reduce_wide reduce_lanes(int op, reduce_wide *lane) {
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] = reduce_join(op, lane[l], lane[l + half]);
    return lane[0];
}

/* `n` neighbouring elements, `step` apart, into the lanes. */
REDUCE_INLINE void reduce_run(int op, reduce_wide *lane, const real *x, int64_t step, int64_t n) {
    int64_t i = 0;
    if (step == 1)
        for (; i + LANES <= n; i += LANES)
            for (int l = 0; l < LANES; l++)
                lane[l] = reduce_join(op, lane[l], reduce_map(op, x[i + l]));
    for (int l = 0; i < n; i++, l = (l + 1) % LANES)
        lane[l] = reduce_join(op, lane[l], reduce_map(op, x[i * step]));
}

/* Offset of element `i` of the reduced dimensions. */
REDUCE_INLINE int64_t reduce_at(const int64_t *p, int64_t i) {
    int64_t above = i / p[RED + 2];
    return i % p[RED + 2] * p[RED_STEP + 2] + above % p[RED + 1] * p[RED_STEP + 1] +
           above / p[RED + 1] * p[RED_STEP];
}

REDUCE_INLINE void reduce_rows(int op, const cs_call *c, int64_t begin, int64_t end) {
    const int64_t *p = c->ints, *dim = p + KEPT, *step = p + KEPT_STEP,
                  size = p[RED] * p[RED + 1] * p[RED + 2];
    real *y = c->ptr[0];
    for (int64_t item = begin; item < end; item++) {
        int64_t k = item / p[PARTS], first = item % p[PARTS] * p[PART], last = cs_min(first + p[PART], size);
        const real *x = (const real *)c->ptr[1] + k % dim[2] * step[2] + k / dim[2] % dim[1] * step[1];
        x += k / dim[2] / dim[1] * step[0];
        reduce_total total = {reduce_start(op), 0};
        if (size == p[RED + 2] && last - first < LANES) { /* short rows: lanes would cost more than the sum */
            for (int64_t i = first; i < last; i++)
                total.value = reduce_join(op, total.value, reduce_map(op, x[i * p[RED_STEP + 2]]));
            y[item] = reduce_finish(op, total, p[DIVISOR]);
            continue;
        }
        reduce_wide lane[LANES];
        for (int l = 0; l < LANES; l++)
            lane[l] = reduce_start(op);
        for (int64_t i = first, n, room = BLOCK; i < last; i += n) {
            n = cs_min(cs_min(last - i, p[RED + 2] - i % p[RED + 2]), room);
            reduce_run(op, lane, x + reduce_at(p, i), p[RED_STEP + 2], n);
            room -= n;
            if (room == 0 || i + n == last) {
                reduce_add(op, &total, reduce_lanes(op, lane));
                for (int l = 0; l < LANES; l++)
                    lane[l] = reduce_start(op);
                room = BLOCK;
            }
        }
        y[item] = reduce_finish(op, total, p[DIVISOR]);
    }
}

REDUCE_INLINE void reduce_cols(int op, const cs_call *c, int64_t begin, int64_t end) {
    const int64_t *p = c->ints, *dim = p + KEPT, *step = p + KEPT_STEP,
                  size = p[RED] * p[RED + 1] * p[RED + 2];
    const int64_t chunks = cs_div_up(dim[2], COLS), outer = dim[0] * dim[1];
    for (int64_t item = begin; item < end; item++) {
        int64_t k = item / chunks % outer, part = item / chunks / outer, col = item % chunks * COLS;
        int64_t first = part * p[PART], last = cs_min(first + p[PART], size),
                width = cs_min(COLS, dim[2] - col);
        const real *x = (const real *)c->ptr[1] + col * step[2] + k % dim[1] * step[1] + k / dim[1] * step[0];
        real *y = (real *)c->ptr[0] + (part * outer + k) * dim[2] + col;
        reduce_total total[COLS];
        reduce_wide lane[COLS];
        for (int l = 0; l < COLS; l++) {
            total[l] = (reduce_total){reduce_start(op), 0};
            lane[l] = reduce_start(op);
        }
        for (int64_t i = first; i < last; i++) {
            const real *row = x + reduce_at(p, i);
            if (step[2] == 1 && width == COLS)
                for (int l = 0; l < COLS; l++)
                    lane[l] = reduce_join(op, lane[l], reduce_map(op, row[l]));
            else
                for (int l = 0; l < width; l++)
                    lane[l] = reduce_join(op, lane[l], reduce_map(op, row[l * step[2]]));
            if ((i - first) % COL_BLOCK == COL_BLOCK - 1 || i + 1 == last)
                for (int l = 0; l < COLS; l++) {
                    reduce_add(op, total + l, lane[l]);
                    lane[l] = reduce_start(op);
                }
        }
        for (int l = 0; l < width; l++)
            y[l] = reduce_finish(op, total[l], p[DIVISOR]);
    }
}

REDUCE_INLINE void reduce_any(int op, const cs_call *c, int64_t begin, int64_t end) {
    if (c->ints[IS_COLS])
        reduce_cols(op, c, begin, end);
    else
        reduce_rows(op, c, begin, end);
}

/* The seldom used ones share one instance; the volatile keeps the compiler from making one for each again. */
static __attribute__((noinline)) void reduce_seldom(int op, const cs_call *c, int64_t begin, int64_t end) {
    volatile int any = op;
    reduce_any(any, c, begin, end);
}

/* ptr: y, x   ints: kept[3], their strides[3], reduced[3], their strides[3], parts, part, divisor, is_cols
 * items: rows: outputs * parts; cols: parts * kept[0] * kept[1] * ceil(kept[2] / 128)
 * y[output][part] of rows, y[part][output] of cols; a sum is divided by `divisor` */
CS_KERNEL(reduce_sum) { reduce_any(SUM, c, begin, end); }
CS_KERNEL(reduce_max) { reduce_any(MAXIMUM, c, begin, end); }
CS_KERNEL(reduce_min) { reduce_any(MINIMUM, c, begin, end); }
/* The square root of the sum of squares. */
CS_KERNEL(reduce_norm) { reduce_any(SQUARE, c, begin, end); }
CS_KERNEL(reduce_abs) { reduce_seldom(ABS, c, begin, end); }
CS_KERNEL(reduce_nansum) { reduce_seldom(NANSUM, c, begin, end); }
CS_KERNEL(reduce_prod) { reduce_seldom(PROD, c, begin, end); }
CS_KERNEL(reduce_nanprod) { reduce_seldom(NANPROD, c, begin, end); }
/* What the gradient of a product needs: how many zeros there are, and the product of the others. */
CS_KERNEL(reduce_zeros) { reduce_seldom(ZEROS, c, begin, end); }
CS_KERNEL(reduce_prod_nonzero) { reduce_seldom(PROD_NONZERO, c, begin, end); }
CS_KERNEL(reduce_nanprod_nonzero) { reduce_seldom(NANPROD_NONZERO, c, begin, end); }

/* Index of the first extreme element along the middle one of three dimensions; a NaN is the most extreme. */
REDUCE_INLINE void reduce_arg(int op, const cs_call *c, int64_t begin, int64_t end) {
    const int64_t n = c->ints[0], inner = c->ints[1];
    for (int64_t item = begin; item < end; item++) {
        const real *x = (const real *)c->ptr[1] + item / inner * n * inner + item % inner;
        real best = x[0];
        int64_t at = 0;
        for (int64_t i = 1; i < n && !REDUCE_ISNAN(best); i++) {
            real v = x[i * inner];
            if ((op == MAXIMUM ? v > best : v < best) || REDUCE_ISNAN(v)) {
                best = v;
                at = i;
            }
        }
        ((real *)c->ptr[0])[item] = (real)at;
    }
}

/* ptr: y, x   ints: n, inner   items: outputs = outer * inner, x being (outer, n, inner) */
CS_KERNEL(argmax) { reduce_arg(MAXIMUM, c, begin, end); }
CS_KERNEL(argmin) { reduce_arg(MINIMUM, c, begin, end); }
