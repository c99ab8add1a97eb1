//! dtypes: f32 f64
/* MXNet's random stream: 1,024 Mersenne twisters (MT19937), one item each, and what is drawn from them.
 *
 * The numbers are made in random.inc. No multiplication here may be fused with an addition: samplers accept
 * or refuse by the last bit, and the stream must be the same on every device. */
#include "cysym.h"
#include <stdbool.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

typedef double wide;
#define RANDOM_OWN_MATH 1
#define STATE uint32_t *
#define TARGET(type) type *
#define SOURCE(type) const type *
#include "random.inc"

/* What generator `g` makes of `size` numbers: elements [from, to). */
typedef struct {
    int64_t from, to;
} random_part;

static inline random_part random_stretch(const cs_call *c, int64_t g) {
    const int64_t size = c->ints[0], step = c->ints[1];
    return (random_part){g * step, cs_min(g * step + step, size)};
}

static inline uint32_t *random_generator(void *state, int64_t g) { return (uint32_t *)state + g * STEP; }

/* ptr: state   ints: seed   items: generators */
CS_KERNEL(random_seed) {
    for (int64_t g = begin; g < end; g++)
        random_start(random_generator(c->ptr[0], g), (uint32_t)((uint64_t)c->ints[0] * 127 + (uint64_t)g));
}

/* ptr: y, state, state   ints: size, step   floats: low, span   items: generators */
CS_KERNEL(random_uniform) {
    const real low = K(c->floats[0]), span = K(c->floats[1]);
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[1], g);
        real *y = c->ptr[0];
        const random_part part = random_stretch(c, g);
#if CS_DT_f32
        for (int64_t i = part.from; i < part.to;) {
            const uint32_t at = random_refill(s);
            const int64_t k = cs_min(part.to - i, WORDS - at);
            for (int64_t j = 0; j < k; j++)
                y[i + j] = low + span * random_unit(random_temper(s[at + j]));
            s[WORDS] = at + (uint32_t)k;
            i += k;
        }
#else
        for (int64_t i = part.from; i < part.to; i++)
            y[i] = low + span * random_uniform01(s);
#endif
    }
}

/* Dropout's mask: `value` where a uniform number is below `keep`, else 0.
 * ptr: mask, state, state   ints: size, step   floats: keep, value   items: generators */
CS_KERNEL(random_mask) {
    const real keep = K(c->floats[0]), value = K(c->floats[1]);
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[1], g);
        real *y = c->ptr[0];
        const random_part part = random_stretch(c, g);
#if CS_DT_f32
        for (int64_t i = part.from; i < part.to;) {
            const uint32_t at = random_refill(s);
            const int64_t k = cs_min(part.to - i, WORDS - at);
            for (int64_t j = 0; j < k; j++)
                y[i + j] = random_unit(random_temper(s[at + j])) < keep ? value : 0;
            s[WORDS] = at + (uint32_t)k;
            i += k;
        }
#else
        for (int64_t i = part.from; i < part.to; i++) /* MXNet compares in float32 */
            y[i] = (float)random_uniform01(s) < (float)keep ? value : 0;
#endif
    }
}

/* Numbers of any distribution. Element i takes the parameters i / per; where per is 0, the floats (the
 * pointers a and b are then never read).
 * ptr: y, state, state, a, b   ints: size, step, kind, per   floats: a, b   items: generators */
CS_KERNEL(random_sample) {
    const int64_t kind = c->ints[2], per = c->ints[3];
    const real *pa = c->ptr[3], *pb = c->ptr[4];
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[1], g);
        const random_part part = random_stretch(c, g);
        for (int64_t i = part.from; i < part.to; i++) {
            const real a = per ? pa[i / per] : K(c->floats[0]), b = per ? pb[i / per] : K(c->floats[1]);
            ((real *)c->ptr[0])[i] = random_one(kind, a, b, s);
        }
    }
}

/* Whole numbers, `span` (read as unsigned) of them from `low`; int32, or int64 where `is_long`.
 * ptr: y, state, state   ints: size, step, low, span, is_long   items: generators */
CS_KERNEL(random_randint) {
    const uint64_t low = (uint64_t)c->ints[2], span = (uint64_t)c->ints[3];
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[1], g);
        const random_part part = random_stretch(c, g);
        for (int64_t i = part.from; i < part.to; i++) {
            const uint64_t v = low + random_long(s, span >> 62) % span;
            if (c->ints[4])
                ((int64_t *)c->ptr[0])[i] = (int64_t)v;
            else
                ((int32_t *)c->ptr[0])[i] = (int32_t)(int64_t)v;
        }
    }
}

/* For each number a uniform u and the first class whose cumulated probability exceeds it; classes of
 * probability 0 are never chosen, also where the sum falls short of u.
 * ptr: y (int32), state, state, cdf   ints: size, step, per, classes   items: generators */
CS_KERNEL(random_choose) {
    const int64_t per = c->ints[2], classes = c->ints[3];
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[1], g);
        const random_part part = random_stretch(c, g);
        for (int64_t i = part.from; i < part.to; i++) {
            const real *cdf = (const real *)c->ptr[3] + i / per * classes;
            ((int32_t *)c->ptr[0])[i] = random_class(cdf, classes, random_uniform01(s));
        }
    }
}

/* Rows of distinct numbers below `range`, drawn log-uniformly, and how many draws each row took.
 * A row's numbers stand in a hash table of `slots` (a power of two, over twice the row), one a generator.
 * ptr: y, tries, state, state, table   ints: rows, step, n, range, slots   items: generators; all int64 but
 * the state */
CS_KERNEL(random_zipfian) {
    const int64_t n = c->ints[2], slots = c->ints[4];
    for (int64_t g = begin; g < end; g++) {
        int64_t *table = (int64_t *)c->ptr[4] + g * slots;
        const random_part part = random_stretch(c, g);
        for (int64_t row = part.from; row < part.to; row++)
            ((int64_t *)c->ptr[1])[row] = random_distinct((int64_t *)c->ptr[0] + row * n, n, c->ints[3],
                                                          table, slots, random_generator(c->ptr[2], g));
    }
}

/* A shuffle in four steps (Rao 1961, Sandelius 1962): every position is dealt to one of `heaps` by chance,
 * the heaps are laid one after another, and each is shuffled by itself.
 * Deal. ptr: heap (int32), counts, state, state   ints: size, step, heaps   items: generators */
CS_KERNEL(shuffle_deal) {
    const int64_t heaps = c->ints[2];
    for (int64_t g = begin; g < end; g++) {
        uint32_t *s = random_generator(c->ptr[2], g);
        int64_t *counts = (int64_t *)c->ptr[1] + g * heaps;
        const random_part part = random_stretch(c, g);
        for (int64_t h = 0; h < heaps; h++)
            counts[h] = 0;
        for (int64_t i = part.from; i < part.to; i++) {
            const int32_t h = (int32_t)(random_next(s) % (uint32_t)heaps);
            ((int32_t *)c->ptr[0])[i] = h;
            counts[h]++;
        }
    }
}

/* Where each generator's part of each heap begins; `ends` of the heaps.
 * ptr: starts, ends, counts   ints: heaps, generators   items: 1; starts may be counts */
CS_KERNEL(shuffle_places) {
    const int64_t heaps = c->ints[0], generators = c->ints[1];
    const int64_t *counts = c->ptr[2];
    int64_t at = 0;
    for (int64_t h = 0; begin < end && h < heaps; h++) {
        for (int64_t g = 0; g < generators; g++) {
            const int64_t n = counts[g * heaps + h];
            ((int64_t *)c->ptr[0])[g * heaps + h] = at;
            at += n;
        }
        ((int64_t *)c->ptr[1])[h] = at;
    }
}

/* ptr: order, starts, starts, heap   ints: size, step, heaps   items: generators; starts are used up */
CS_KERNEL(shuffle_lay) {
    const int64_t heaps = c->ints[2];
    for (int64_t g = begin; g < end; g++) {
        int64_t *starts = (int64_t *)c->ptr[1] + g * heaps;
        const random_part part = random_stretch(c, g);
        for (int64_t i = part.from; i < part.to; i++)
            ((int64_t *)c->ptr[0])[starts[((const int32_t *)c->ptr[3])[i]]++] = i;
    }
}

/* Fisher and Yates within each heap. ptr: order, state, order, state, ends   items: heaps */
CS_KERNEL(shuffle_mix) {
    const int64_t *ends = c->ptr[4];
    for (int64_t h = begin; h < end; h++)
        random_shuffle((int64_t *)c->ptr[0] + (h ? ends[h - 1] : 0), ends[h] - (h ? ends[h - 1] : 0),
                       random_generator(c->ptr[1], h));
}
