//! dtypes: f32 f64
/* MXNet's random stream: 1,024 Mersenne twisters (MT19937), a work-item each. The numbers are made in
 * c_kernels/random.inc, as on the CPU, what the kernels do stands in c_kernels/random.c; with contraction off
 * the numbers are the same wherever there are doubles. */
#pragma OPENCL FP_CONTRACT OFF

typedef cs_wide wide;
typedef uint uint32_t;
typedef ulong uint64_t;
typedef int int32_t;
typedef long int64_t;
#if CS_HAS_F64
#define RANDOM_OWN_MATH 1
#endif
#define STATE __global uint *
#define TARGET(type) __global type *
#define SOURCE(type) __global const type *
#include "random.inc"

// ptr: state   ints: seed   items: generators
__kernel void random_seed(OUT_T(uint, state), INT(seed), ITEMS) {
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g < items)
        random_start(state + g * STEP, (uint)(seed * 127 + g));
}

// ptr: y, state, state   ints: size, step   floats: low, span   items: generators
__kernel void random_uniform(OUT(y), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step), FLOAT(low),
                             FLOAT(span), ITEMS) {
    USE_OUT(y);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++)
        y[i] = low + span * random_uniform01(state + g * STEP);
}

// ptr: mask, state, state   ints: size, step   floats: keep, value   items: generators
__kernel void random_mask(OUT(mask), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step),
                          FLOAT(keep), FLOAT(value), ITEMS) {
    USE_OUT(mask);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++) /* MXNet compares in float32 */
        mask[i] = (float)random_uniform01(state + g * STEP) < (float)keep ? value : K(0);
}

// ptr: y, state, state, a, b   ints: size, step, kind, per   floats: a, b   items: generators
__kernel void random_sample(OUT(y), OUT_T(uint, state), IN_T(uint, before), IN(pa), IN(pb), INT(size),
                            INT(step), INT(kind), INT(per), FLOAT(fa), FLOAT(fb), ITEMS) {
    USE_OUT(y);
    USE_OUT_T(uint, state);
    USE_IN(pa);
    USE_IN(pb);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++) {
        const real a = per ? pa[i / per] : fa, b = per ? pb[i / per] : fb;
        y[i] = random_one(kind, a, b, state + g * STEP);
    }
}

// ptr: y, state, state   ints: size, step, low, span, is_long   items: generators
__kernel void random_randint(OUT_T(uchar, y), OUT_T(uint, state), IN_T(uint, before), INT(size), INT(step),
                             INT(low), INT(span), INT(is_long), ITEMS) {
    USE_OUT_T(uchar, y);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++) {
        const ulong v = (ulong)low + random_long(state + g * STEP, (ulong)span >> 62) % (ulong)span;
        if (is_long)
            ((__global long *)y)[i] = (long)v;
        else
            ((__global int *)y)[i] = (int)v;
    }
}

// ptr: y, state, state, cdf   ints: size, step, per, classes   items: generators
__kernel void random_choose(OUT_T(int, y), OUT_T(uint, state), IN_T(uint, before), IN(cdf), INT(size),
                            INT(step), INT(per), INT(classes), ITEMS) {
    USE_OUT_T(int, y);
    USE_OUT_T(uint, state);
    USE_IN(cdf);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++)
        y[i] = random_class(cdf + i / per * classes, classes, random_uniform01(state + g * STEP));
}

// ptr: y, tries, state, state, table   ints: rows, step, n, range, slots   items: generators
__kernel void random_zipfian(OUT_T(long, y), OUT_T(long, tries), OUT_T(uint, state), IN_T(uint, before),
                             OUT_T(long, table), INT(rows), INT(step), INT(n), INT(range), INT(slots),
                             ITEMS) {
    USE_OUT_T(long, y);
    USE_OUT_T(long, tries);
    USE_OUT_T(uint, state);
    USE_OUT_T(long, table);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long row = g * step, end = min(row + step, rows); row < end; row++)
        tries[row] = random_distinct(y + row * n, n, range, table + g * slots, slots, state + g * STEP);
}

// ptr: heap, counts, state, state   ints: size, step, heaps   items: generators
__kernel void shuffle_deal(OUT_T(int, heap), OUT_T(long, counts), OUT_T(uint, state), IN_T(uint, before),
                           INT(size), INT(step), INT(heaps), ITEMS) {
    USE_OUT_T(int, heap);
    USE_OUT_T(long, counts);
    USE_OUT_T(uint, state);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long h = 0; h < heaps; h++)
        counts[g * heaps + h] = 0;
    for (long i = g * step, end = min(i + step, size); i < end; i++) {
        heap[i] = (int)(random_next(state + g * STEP) % (uint)heaps);
        counts[g * heaps + heap[i]]++;
    }
}

// ptr: starts, ends, counts   ints: heaps, generators   items: 1
__kernel void shuffle_places(OUT_T(long, starts), OUT_T(long, ends), IN_T(long, counts), INT(heaps),
                             INT(generators), ITEMS) {
    USE_OUT_T(long, starts);
    USE_OUT_T(long, ends);
    USE_IN_T(long, counts);
    if (get_global_id(0) >= items)
        return;
    long at = 0;
    for (long h = 0; h < heaps; h++) {
        for (long g = 0; g < generators; g++) {
            const long n = counts[g * heaps + h];
            starts[g * heaps + h] = at;
            at += n;
        }
        ends[h] = at;
    }
}

// ptr: order, starts, starts, heap   ints: size, step, heaps   items: generators
__kernel void shuffle_lay(OUT_T(long, order), OUT_T(long, starts), IN_T(long, before), IN_T(int, heap),
                          INT(size), INT(step), INT(heaps), ITEMS) {
    USE_OUT_T(long, order);
    USE_OUT_T(long, starts);
    USE_IN_T(int, heap);
    const long g = get_global_id(0);
    if (g >= items)
        return;
    for (long i = g * step, end = min(i + step, size); i < end; i++)
        order[starts[g * heaps + heap[i]]++] = i;
}

// ptr: order, state, order, state, ends   items: heaps
__kernel void shuffle_mix(OUT_T(long, order), OUT_T(uint, state), IN_T(long, laid), IN_T(uint, before),
                          IN_T(long, ends), ITEMS) {
    USE_OUT_T(long, order);
    USE_OUT_T(uint, state);
    USE_IN_T(long, ends);
    const long h = get_global_id(0);
    if (h >= items)
        return;
    const long from = h ? ends[h - 1] : 0;
    random_shuffle(order + from, ends[h] - from, state + h * STEP);
}
