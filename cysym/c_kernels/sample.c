//! dtypes: f32 f64
/* What a multinomial needs besides its draws (random.c): cumulated probabilities, logarithms, gradient. */
#include "cysym.h"

/* ptr: cdf, p   ints: classes   items: rows */
CS_KERNEL(multinomial_cdf) {
    const int64_t classes = c->ints[0];
    for (int64_t row = begin; row < end; row++) {
        const real *p = (const real *)c->ptr[1] + row * classes;
        real *cdf = (real *)c->ptr[0] + row * classes;
        double sum = 0;
        for (int64_t k = 0; k < classes; k++) {
            sum += (double)p[k];
            cdf[k] = (real)sum;
        }
    }
}

/* ptr: log p, y (int32), p   ints: per, classes   items: numbers */
CS_KERNEL(multinomial_log) {
    const int64_t per = c->ints[0], classes = c->ints[1];
    for (int64_t i = begin; i < end; i++)
        ((real *)c->ptr[0])[i] =
            (real)log((double)((const real *)c->ptr[2])[i / per * classes + ((const int32_t *)c->ptr[1])[i]]);
}

/* ptr: dp, d log p, y (int32), p   ints: per, classes   items: rows */
CS_KERNEL(multinomial_grad) {
    const int64_t per = c->ints[0], classes = c->ints[1];
    for (int64_t row = begin; row < end; row++) {
        const real *p = (const real *)c->ptr[3] + row * classes;
        real *dp = (real *)c->ptr[0] + row * classes;
        for (int64_t k = 0; k < classes; k++)
            dp[k] = 0;
        for (int64_t i = row * per; i < row * per + per; i++) {
            const int64_t k = cs_max(0, cs_min(((const int32_t *)c->ptr[2])[i], classes - 1));
            dp[k] += ((const real *)c->ptr[1])[i] / p[k];
        }
    }
}
