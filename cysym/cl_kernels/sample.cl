//! dtypes: f32 f64
/* What a multinomial needs besides its draws; see c_kernels/sample.c. */

// ptr: cdf, p   ints: classes   items: rows
__kernel void multinomial_cdf(OUT(cdf), IN(p), INT(classes), ITEMS) {
    USE_OUT(cdf);
    USE_IN(p);
    const long row = get_global_id(0);
    if (row >= items)
        return;
    cs_wide sum = 0;
    for (long k = row * classes; k < row * classes + classes; k++) {
        sum += (cs_wide)p[k];
        cdf[k] = (real)sum;
    }
}

// ptr: log p, y (int32), p   ints: per, classes   items: numbers
__kernel void multinomial_log(OUT(log_p), IN_T(int, y), IN(p), INT(per), INT(classes), ITEMS) {
    USE_OUT(log_p);
    USE_IN_T(int, y);
    USE_IN(p);
    const long i = get_global_id(0);
    if (i < items)
        log_p[i] = LOG(p[i / per * classes + y[i]]);
}

// ptr: dp, d log p, y (int32), p   ints: per, classes   items: rows
__kernel void multinomial_grad(OUT(dp), IN(dlog), IN_T(int, y), IN(p), INT(per), INT(classes), ITEMS) {
    USE_OUT(dp);
    USE_IN(dlog);
    USE_IN_T(int, y);
    USE_IN(p);
    const long row = get_global_id(0);
    if (row >= items)
        return;
    for (long k = row * classes; k < row * classes + classes; k++)
        dp[k] = 0;
    for (long i = row * per; i < row * per + per; i++) {
        const long k = row * classes + clamp((long)y[i], 0L, classes - 1);
        dp[k] += dlog[i] / p[k];
    }
}
