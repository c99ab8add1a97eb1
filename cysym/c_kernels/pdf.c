//! dtypes: f32 f64
/* Probability densities of samples, and their gradients; the formulas stand in pdf.inc. */
#include "cysym.h"
#include "vmath.h"

typedef double wide;
#define PDF_LGAMMA vm_lgamma
#define PDF_DIGAMMA vm_digamma
#define PDF_PI 3.14159265358979323846
#include "pdf.inc"

/* ptr: y, x, a, b   ints: kind, per, is_log   items: samples, `per` of them to a parameter */
CS_KERNEL(pdf) {
    const real *x = c->ptr[1], *a = c->ptr[2], *b = c->ptr[3];
    const int64_t per = c->ints[1];
    for (int64_t i = begin; i < end; i++) {
        const double y = pdf_log(c->ints[0], x[i], a[i / per], b[i / per]);
        ((real *)c->ptr[0])[i] = K(c->ints[2] ? y : exp(y));
    }
}

/* ptr: dx, dy, x, a, b, y   ints: kind, per, is_log   items: samples */
CS_KERNEL(pdf_grad_sample) {
    const real *dy = c->ptr[1], *x = c->ptr[2], *a = c->ptr[3], *b = c->ptr[4], *y = c->ptr[5];
    const int64_t per = c->ints[1];
    for (int64_t i = begin; i < end; i++) {
        const double slope = pdf_slope(c->ints[0], WRT_SAMPLE, x[i], a[i / per], b[i / per]);
        ((real *)c->ptr[0])[i] = K(dy[i] * slope * (c->ints[2] ? 1 : (double)y[i]));
    }
}

/* ptr: da or db, dy, x, a, b, y   ints: kind, per, is_log, which (1: a, 2: b)   items: parameters */
CS_KERNEL(pdf_grad_parameter) {
    const real *dy = c->ptr[1], *x = c->ptr[2], *a = c->ptr[3], *b = c->ptr[4], *y = c->ptr[5];
    const int64_t per = c->ints[1];
    for (int64_t p = begin; p < end; p++) {
        double sum = 0;
        for (int64_t i = p * per; i < p * per + per; i++)
            sum +=
                dy[i] * pdf_slope(c->ints[0], c->ints[3], x[i], a[p], b[p]) * (c->ints[2] ? 1 : (double)y[i]);
        ((real *)c->ptr[0])[p] = K(sum);
    }
}

/* ptr: y, x, alpha   ints: per, is_log, k   items: samples, each a row of k */
CS_KERNEL(pdf_dirichlet) {
    const int64_t per = c->ints[0], k = c->ints[2];
    for (int64_t i = begin; i < end; i++) {
        const real *x = (const real *)c->ptr[1] + i * k, *alpha = (const real *)c->ptr[2] + i / per * k;
        double sum = 0, y = 0;
        for (int64_t j = 0; j < k; j++) {
            sum += alpha[j];
            y += pdf_times_log(alpha[j] - 1.0, x[j]) - vm_lgamma(alpha[j]);
        }
        y += vm_lgamma(sum);
        ((real *)c->ptr[0])[i] = K(c->ints[1] ? y : exp(y));
    }
}

/* ptr: dx, dy, x, alpha, y   ints: per, is_log, k   items: samples */
CS_KERNEL(pdf_dirichlet_grad_sample) {
    const real *dy = c->ptr[1], *y = c->ptr[4];
    const int64_t per = c->ints[0], k = c->ints[2];
    for (int64_t i = begin; i < end; i++) {
        const real *x = (const real *)c->ptr[2] + i * k, *alpha = (const real *)c->ptr[3] + i / per * k;
        const double scale = dy[i] * (c->ints[1] ? 1 : (double)y[i]);
        for (int64_t j = 0; j < k; j++)
            ((real *)c->ptr[0])[i * k + j] = K(scale * (alpha[j] - 1.0) / x[j]);
    }
}

/* ptr: d alpha, dy, x, alpha, y   ints: per, is_log, k   items: rows of alpha */
CS_KERNEL(pdf_dirichlet_grad_alpha) {
    const real *dy = c->ptr[1], *x = c->ptr[2], *y = c->ptr[4];
    const int64_t per = c->ints[0], k = c->ints[2];
    for (int64_t row = begin; row < end; row++) {
        const real *alpha = (const real *)c->ptr[3] + row * k;
        double whole = 0;
        for (int64_t j = 0; j < k; j++)
            whole += alpha[j];
        for (int64_t j = 0; j < k; j++) {
            const double constant = vm_digamma(whole) - vm_digamma(alpha[j]);
            double sum = 0;
            for (int64_t i = row * per; i < row * per + per; i++)
                sum += dy[i] * (log((double)x[i * k + j]) + constant) * (c->ints[1] ? 1 : (double)y[i]);
            ((real *)c->ptr[0])[row * k + j] = K(sum);
        }
    }
}
