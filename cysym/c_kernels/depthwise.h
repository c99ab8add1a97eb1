/* Convolution where every group is one channel made from one channel (MobileNet's), without a matrix product.
 *
 * A band of rows of the image is staged with its padding, one plane for each phase of the stride along a row,
 * so that every tap reads whole vectors. Outputs and the gradient of the data are then sums over taps in
 * registers; the gradient of the weight keeps a vector of sums a tap and adds its lanes in double. Bands
 * depend on shapes alone. Two spatial dimensions, layout 0; ops/conv_calls.py sends what fits (MB = 0). */
#ifndef CYSYM_DEPTHWISE_H
#define CYSYM_DEPTHWISE_H
#include "convolution.h"

/* STAGE: elements wanted for a band, so that it stays in the nearest cache; REACH: limit of (taps - 1) *
 * dilation. */
enum { DEPTHWISE_STAGE = 6144, DEPTHWISE_REACH = 32, DEPTHWISE_TAPS = DEPTHWISE_REACH + 1 };

typedef struct depthwise {
    conv_axis h, w;
    int64_t pitch, plane, planes, unit, band; /* staged rows, planes of them, output rows of a band */
    int64_t tap[DEPTHWISE_TAPS];              /* where tap t of a row starts in a staged row */
    real *stage;
} depthwise;

static depthwise depthwise_of(conv_axis h, conv_axis w) {
    depthwise f = {.h = h, .w = w, .unit = conv_gcd(w.stride, w.dilate), .stage = cs_scratch()};
    int64_t reach = cs_max(w.taps - 1, 0) * w.dilate, tall = cs_max(h.taps - 1, 0) * h.dilate + 1;
    f.planes = cs_div_up(cs_min(w.stride, reach + 1), f.unit);
    f.pitch = GEMM_ROUND(w.out, GEMM_VL) + reach / w.stride;
    f.band = cs_max(1, (DEPTHWISE_STAGE / (f.planes * f.pitch) - tall) / h.stride + 1);
    f.band = cs_min(f.band, h.out);
    f.plane = ((f.band - 1) * h.stride + tall) * f.pitch;
    for (int64_t t = 0; t < w.taps; t++)
        f.tap[t] = t * w.dilate % w.stride / f.unit * f.plane + t * w.dilate / w.stride;
    return f;
}

/* Stages what output rows h0 .. h0 + rows read. */
static void depthwise_stage(const depthwise *f, const real *x, int64_t h0, int64_t rows) {
    int64_t first = h0 * f->h.stride + f->h.base;
    int64_t count = (rows - 1) * f->h.stride + cs_max(f->h.taps - 1, 0) * f->h.dilate + 1;
    for (int64_t a = 0; a < f->planes; a++)
        for (int64_t r = 0; r < count; r++) {
            int64_t at = first + r, in = at >= 0 && at < f->h.in ? f->w.in : 0;
            conv_stage_row(f->stage + a * f->plane + r * f->pitch, f->pitch, x + (in ? at * in : 0),
                           f->w.base + a * f->unit, f->w.stride, in, 1);
        }
}

/* Outputs of the rows staged: y[o] = bias + sum over taps of w[t] x[o, t], rows of y `ld` apart. Inlined with
 * constant taps where that pays. */
GEMM_INLINE void depthwise_rows(const depthwise *f, real *y, int64_t ld, const real *w, real bias, int64_t h0,
                                int64_t rows, int64_t th, int64_t tw) {
    const int64_t step = f->w.store_stride;
    for (int64_t r = 0; r < rows; r++) {
        real *to = y + ((h0 + r) * f->h.store_stride + f->h.store_base) * ld + f->w.store_base;
        for (int64_t u = 0; u < f->w.out; u += GEMM_VL, to += GEMM_VL * step) {
            gemm_vec sum = bias - (gemm_vec){0};
            for (int64_t i = 0; i < th; i++) {
                const real *from = f->stage + (r * f->h.stride + i * f->h.dilate) * f->pitch + u;
                for (int64_t j = 0; j < tw; j++)
                    sum += (w[i * tw + j] - (gemm_vec){0}) * gemm_load(from + f->tap[j]);
            }
            const int64_t left = cs_min(GEMM_VL, f->w.out - u);
            if (step > 1)
                for (int64_t q = 0; q < left; q++)
                    to[q * step] = sum[q];
            else if (left == GEMM_VL)
                gemm_store(to, sum);
            else
                gemm_store_part(to, sum, left);
        }
    }
}

/* One plane y, rows `ld` apart, from x and the weight of its channel. */
static void depthwise_plane(const depthwise *f, real *y, int64_t ld, const real *x, const real *weight,
                            int64_t weight_row, real bias) {
    const conv_axis *h = &f->h, *w = &f->w;
    real taps[DEPTHWISE_TAPS * DEPTHWISE_TAPS];
    for (int64_t i = 0; i < h->taps; i++)
        for (int64_t j = 0; j < w->taps; j++)
            taps[i * w->taps + j] =
                weight[(h->tap0 + i * h->tap_step) * weight_row + w->tap0 + j * w->tap_step];
    for (int64_t h0 = 0; h0 < h->out; h0 += f->band) {
        const int64_t rows = cs_min(f->band, h->out - h0);
        depthwise_stage(f, x, h0, rows);
        if (h->taps == 3 && w->taps == 3)
            depthwise_rows(f, y, ld, taps, bias, h0, rows, 3, 3);
        else
            depthwise_rows(f, y, ld, taps, bias, h0, rows, h->taps, w->taps);
    }
}

/* total[t] += sum over the rows staged of dy[o] x[o, t], for taps [t0, t0 + n) of a row of the kernel. */
GEMM_INLINE void depthwise_sums(const depthwise *f, double *total, const real *dy, int64_t rows, int64_t i,
                                int64_t t0, int n) {
    gemm_vec sum[3];
    for (int j = 0; j < n; j++)
        sum[j] = (gemm_vec){0};
    for (int64_t r = 0; r < rows; r++) {
        const real *from = f->stage + (r * f->h.stride + i * f->h.dilate) * f->pitch, *g = dy + r * f->w.out;
        int64_t u = 0;
        for (; u + GEMM_VL <= f->w.out; u += GEMM_VL) {
            gemm_vec v = gemm_load(g + u);
            for (int j = 0; j < n; j++)
                sum[j] += v * gemm_load(from + u + f->tap[t0 + j]);
        }
        if (u < f->w.out) { /* both masked: what lies behind may be infinite */
            gemm_vec v = gemm_load_part(g + u, f->w.out - u);
            for (int j = 0; j < n; j++)
                sum[j] += v * gemm_load_part(from + u + f->tap[t0 + j], f->w.out - u);
        }
    }
    for (int j = 0; j < n; j++)
        for (int q = 0; q < GEMM_VL; q++)
            total[t0 + j] += sum[j][q];
}

/* dw, the gradient of one channel's weight, from dy and x of all images, `ybatch` and `xbatch` apart. */
static void depthwise_weight(const depthwise *f, real *dw, const real *dy, int64_t ybatch, const real *x,
                             int64_t xbatch, int64_t images) {
    double total[DEPTHWISE_TAPS * DEPTHWISE_TAPS] = {0};
    for (int64_t n = 0; n < images; n++)
        for (int64_t h0 = 0; h0 < f->h.out; h0 += f->band) {
            const int64_t rows = cs_min(f->band, f->h.out - h0);
            depthwise_stage(f, x + n * xbatch, h0, rows);
            for (int64_t i = 0; i < f->h.taps; i++)
                for (int64_t j = 0; j < f->w.taps; j += 3) {
                    double *to = total + i * f->w.taps;
                    const real *g = dy + n * ybatch + h0 * f->w.out;
                    if (f->w.taps - j >= 3)
                        depthwise_sums(f, to, g, rows, i, j, 3);
                    else if (f->w.taps - j == 2)
                        depthwise_sums(f, to, g, rows, i, j, 2);
                    else
                        depthwise_sums(f, to, g, rows, i, j, 1);
                }
        }
    for (int64_t t = 0; t < f->h.taps * f->w.taps; t++)
        dw[t] = (real)total[t];
}
#endif
