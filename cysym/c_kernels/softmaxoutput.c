//! dtypes: f32 f64
/* The gradient of softmax cross-entropy from probabilities and labels. Labels are class numbers held as
 * floats, cut towards zero; one that names no class (NaN included) has no target. */
#include "cysym.h"

enum { BLOCK = 256 };

#if CS_DT_f32
#define TRUNC truncf
#else
#define TRUNC trunc
#endif

/* ptr: norm, label   ints: rows   floats: ignored   items: 1 */
CS_KERNEL(softmaxoutput_count) {
    const real *label = c->ptr[1], ignored = K(c->floats[0]);
    for (int64_t item = begin; item < end; item++) {
        int64_t count = 0;
        for (int64_t i = 0; i < c->ints[0]; i++)
            count += TRUNC(label[i]) != ignored;
        ((real *)c->ptr[0])[item] = K(cs_max(count, 1));
    }
}

/* One row: every class gets p - rest, the labelled one p - target. */
static inline void softmaxoutput_row(real *dx, const real *p, real label, int64_t n, real scale, real target,
                                     real rest) {
    const int64_t k = label >= 0 && label < K(n) ? (int64_t)label : -1;
    const real hit = k < 0 ? 0 : (p[k] - target) * scale;
    for (int64_t j = 0; j < n; j++)
        dx[j] = (p[j] - rest) * scale;
    if (k >= 0)
        dx[k] = hit;
}

/* ptr: dx, p, label, norm   ints: n, inner, use_ignore, has_norm   floats: scale, ignored, target, rest
 * items: rows (outer * inner) */
CS_KERNEL(softmaxoutput_grad) {
    const int64_t n = c->ints[0], inner = c->ints[1], use_ignore = c->ints[2];
    const real *labels = c->ptr[2];
    const real ignored = K(c->floats[1]), target = K(c->floats[2]), rest = K(c->floats[3]);
    const real scale = K(c->ints[3] ? c->floats[0] / *(const real *)c->ptr[3] : c->floats[0]);
    if (inner == 1) {
        for (int64_t row = begin; row < end; row++) {
            real *dx = (real *)c->ptr[0] + row * n;
            const real label = TRUNC(labels[row]);
            if (use_ignore && label == ignored)
                memset(dx, 0, (size_t)n * sizeof *dx);
            else
                softmaxoutput_row(dx, (const real *)c->ptr[1] + row * n, label, n, scale, target, rest);
        }
        return;
    }
    for (int64_t at = begin, k; at < end; at += k) {
        const int64_t column = at % inner, first = (at / inner) * n * inner + column;
        k = cs_min(cs_min(BLOCK, inner - column), end - at);
        real label[BLOCK];
        uint8_t dead[BLOCK];
        for (int64_t i = 0; i < k; i++) {
            label[i] = TRUNC(labels[at + i]);
            dead[i] = use_ignore && label[i] == ignored;
        }
        for (int64_t j = 0; j < n; j++) {
            const real *p = (const real *)c->ptr[1] + first + j * inner;
            real *dx = (real *)c->ptr[0] + first + j * inner;
            for (int64_t i = 0; i < k; i++) {
                const real g = (p[i] - (label[i] == K(j) ? target : rest)) * scale;
                dx[i] = dead[i] ? 0 : g;
            }
        }
    }
}

/* ptr: dx, p, label   floats: scale   items: elements */
CS_KERNEL(softmaxoutput_grad_soft) {
    const real *p = c->ptr[1], *label = c->ptr[2], scale = K(c->floats[0]);
    real *dx = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
        dx[i] = (p[i] - label[i]) * scale;
}

/* ptr: y, a, b   items: elements */
CS_KERNEL(softmaxoutput_times) {
    const real *a = c->ptr[1], *b = c->ptr[2];
    real *y = c->ptr[0];
    for (int64_t i = begin; i < end; i++)
        y[i] = a[i] * b[i];
}

/* ptr: y, logs, label   ints: rows, n   floats: least probability   items: 1 */
CS_KERNEL(softmaxoutput_cross) {
    const int64_t n = c->ints[1];
    const real *logs = c->ptr[1], *labels = c->ptr[2];
    const double least = log(c->floats[0]);
    for (int64_t item = begin; item < end; item++) {
        double sum = 0;
        for (int64_t i = 0; i < c->ints[0]; i++) {
            const real label = TRUNC(labels[i]);
            const double p = label >= 0 && label < K(n) ? logs[i * n + (int64_t)label] : least;
            sum -= p < least ? least : p;
        }
        ((real *)c->ptr[0])[item] = K(sum);
    }
}
