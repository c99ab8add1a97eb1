//! dtypes: f32 f64
/* Probability densities of samples, and their gradients; see c_kernels/pdf.c, the formulas are in pdf.inc. */
typedef cs_wide wide;
#define PDF_LGAMMA lgamma
#define PDF_DIGAMMA cs_digamma
#define PDF_PI ((wide)0x1921fb54442d18L * (wide)0x1p-51f)
#include "pdf.inc"

// ptr: y, x, a, b   ints: kind, per, is_log   items: samples
__kernel void pdf(OUT(y), IN(x), IN(a), IN(b), INT(kind), INT(per), INT(is_log), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(a);
    USE_IN(b);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const wide log_y = pdf_log(kind, x[i], a[i / per], b[i / per]);
    y[i] = (real)(is_log ? log_y : exp(log_y));
}

// ptr: dx, dy, x, a, b, y   ints: kind, per, is_log   items: samples
__kernel void pdf_grad_sample(OUT(dx), IN(dy), IN(x), IN(a), IN(b), IN(y), INT(kind), INT(per), INT(is_log),
                              ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(a);
    USE_IN(b);
    USE_IN(y);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const wide slope = pdf_slope(kind, WRT_SAMPLE, x[i], a[i / per], b[i / per]);
    dx[i] = (real)(dy[i] * slope * (is_log ? 1 : (wide)y[i]));
}

// ptr: da or db, dy, x, a, b, y   ints: kind, per, is_log, which   items: parameters
__kernel void pdf_grad_parameter(OUT(dp), IN(dy), IN(x), IN(a), IN(b), IN(y), INT(kind), INT(per),
                                 INT(is_log), INT(which), ITEMS) {
    USE_OUT(dp);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(a);
    USE_IN(b);
    USE_IN(y);
    const long p = get_global_id(0);
    if (p >= items)
        return;
    wide sum = 0;
    for (long i = p * per; i < p * per + per; i++)
        sum += dy[i] * pdf_slope(kind, which, x[i], a[p], b[p]) * (is_log ? 1 : (wide)y[i]);
    dp[p] = (real)sum;
}

// ptr: y, x, alpha   ints: per, is_log, k   items: samples
__kernel void pdf_dirichlet(OUT(y), IN(x), IN(alpha), INT(per), INT(is_log), INT(k), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(alpha);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    wide sum = 0, log_y = 0;
    for (long j = 0; j < k; j++) {
        const wide one = alpha[i / per * k + j];
        sum += one;
        log_y += pdf_times_log(one - 1, x[i * k + j]) - lgamma(one);
    }
    log_y += lgamma(sum);
    y[i] = (real)(is_log ? log_y : exp(log_y));
}

// ptr: dx, dy, x, alpha, y   ints: per, is_log, k   items: samples
__kernel void pdf_dirichlet_grad_sample(OUT(dx), IN(dy), IN(x), IN(alpha), IN(y), INT(per), INT(is_log),
                                        INT(k), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(alpha);
    USE_IN(y);
    const long i = get_global_id(0);
    if (i >= items)
        return;
    const wide scale = dy[i] * (is_log ? 1 : (wide)y[i]);
    for (long j = 0; j < k; j++)
        dx[i * k + j] = (real)(scale * ((wide)alpha[i / per * k + j] - 1) / x[i * k + j]);
}

// ptr: d alpha, dy, x, alpha, y   ints: per, is_log, k   items: rows of alpha
__kernel void pdf_dirichlet_grad_alpha(OUT(dalpha), IN(dy), IN(x), IN(alpha), IN(y), INT(per), INT(is_log),
                                       INT(k), ITEMS) {
    USE_OUT(dalpha);
    USE_IN(dy);
    USE_IN(x);
    USE_IN(alpha);
    USE_IN(y);
    const long row = get_global_id(0);
    if (row >= items)
        return;
    wide whole = 0;
    for (long j = 0; j < k; j++)
        whole += alpha[row * k + j];
    for (long j = 0; j < k; j++) {
        const wide constant_ = cs_digamma(whole) - cs_digamma((wide)alpha[row * k + j]);
        wide sum = 0;
        for (long i = row * per; i < row * per + per; i++)
            sum += dy[i] * (log((wide)x[i * k + j]) + constant_) * (is_log ? 1 : (wide)y[i]);
        dalpha[row * k + j] = (real)sum;
    }
}
