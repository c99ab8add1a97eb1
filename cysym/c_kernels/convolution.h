/* What the files of Convolution share: the integers of a call, one dimension of a product, and rows of an
 * image staged with their padding. A product is the forward pass or one phase of the gradient of the data;
 * convolution.c makes it of matrices, depthwise.h directly. No kernel is here. */
#ifndef CYSYM_CONVOLUTION_H
#define CYSYM_CONVOLUTION_H
#include "gemm.h"

/* ints of every kernel here. Channels are per group; D, H, W the three dimensions of input, output, kernel.
 * MB: output channels of a block, 0 for a depthwise call; RB, WB: its rows and columns of pixels; MODE: how
 * the pixels of a tap are found (conv_mode); NB: images of a block, more than one only where a block holds
 * whole planes. Gradients of the weight use MB and RB as rows and columns of the block of dW. */
enum { BATCH, GROUPS, IC, OC };
enum { ID = 4, IH, IW, OD, OH, OW, KD, KH, KW, SD, SH, SW, DD, DH, DW, PD, PH, PW };
enum { XBATCH = 22, YBATCH, XLAYOUT, YLAYOUT, HAS_BIAS, MB, RB, WB, MODE, NB };
enum { CONV_LINE = GEMM_NB + 2 * GEMM_NR }; /* room for a row of columns */

/* Each tap gathers its own rows (TAPS), or all taps share staged rows, counted with the gap between rows
 * (GAP) or with the gap taken out (CLOSE). For the gradient of a 1 x 1 weight without stride and padding, GAP
 * says that the image needs no gathering. */
enum conv_mode { CONV_TAPS, CONV_GAP, CONV_CLOSE };

/* One dimension of a product: source position of output o and tap t is o * stride + base + t * dilate, and
 * tap t of the product is tap `tap0 + t * tap_step` of the weight. */
typedef struct conv_axis {
    int64_t in, out, stride, base, dilate, taps, tap0, tap_step;
    int64_t store_stride, store_base; /* where output o is stored */
} conv_axis;

typedef struct conv_place { /* channels and pixels of a tensor in elements */
    int64_t pixels, pixel, layout;
} conv_place;

static conv_place conv_place_of(int64_t layout, int64_t pixels) {
    return (conv_place){pixels, layout ? 16 : 1, layout};
}
static int64_t conv_channel(const conv_place *p, int64_t c) {
    return p->layout ? c / 16 * 16 * p->pixels + c % 16 : c * p->pixels;
}

static conv_axis conv_forward_axis(const int64_t *p, int axis) {
    return (conv_axis){
        p[ID + axis], p[OD + axis], p[SD + axis], -p[PD + axis], p[DD + axis], p[KD + axis], 0, 1, 1, 0};
}

static int64_t conv_gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t r = a % b;
        a = b, b = r;
    }
    return a;
}

/* Input pixels i = q * stride + phase get dY[o] W[k] for all o * stride - pad + k * dilate = i, so from the
 * taps k with k * dilate = i + pad (mod stride): k = k0 + j * step, and o = q + e - j * delta. Counting those
 * taps backwards makes it a convolution over dY: o = q + base + t * delta. */
static conv_axis conv_phase(const int64_t *p, int axis, int64_t phase) {
    int64_t s = p[SD + axis], d = p[DD + axis], taps = p[KD + axis], step = s / conv_gcd(s, d);
    int64_t at = phase + p[PD + axis], k0 = 0, delta = d * step / s;
    while (k0 < taps && k0 < step && (at - k0 * d) % s)
        k0++;
    int64_t n = k0 < taps && k0 < step ? cs_div_up(taps - k0, step) : 0;
    int64_t count = phase < p[ID + axis] ? cs_div_up(p[ID + axis] - phase, s) : 0;
    int64_t base = n ? (at - k0 * d) / s - (n - 1) * delta : 0;
    return (conv_axis){p[OD + axis], count, 1, base, delta, n, k0 + (n - 1) * step, -step, s, phase};
}

/* to[u] = row[(at + u * stride)] for u < n, where that lies in [0, size). */
static void conv_stage_inside(real *to, int64_t n, const real *row, int64_t at, int64_t stride, int64_t size,
                              int64_t pixel) {
    int64_t low = at < 0 ? (stride == 1 ? -at : cs_div_up(-at, stride)) : 0;
    int64_t high = stride == 1 ? size - at : at < size ? (size - at + stride - 1) / stride : 0, u = 0;
    const int64_t count = cs_min(n, high) - low;
    const real *src = row + (at + low * stride) * pixel;
    to += low;
    if (stride * pixel == 1) {
        for (; u + GEMM_VL <= count; u += GEMM_VL)
            gemm_store(to + u, gemm_load(src + u));
        if (u < count)
            gemm_store_part(to + u, gemm_load_part(src + u, count - u), count - u);
    } else if (stride * pixel == 2)
        for (; u < count; u++)
            to[u] = src[u * 2];
    else
        for (; u < count; u++)
            to[u] = src[u * stride * pixel];
}

/* The same, and zero elsewhere. Zeros may run over the end by less than a vector: rows are staged in
 * ascending order, the next one overwrites them. */
static void conv_stage_row(real *to, int64_t n, const real *row, int64_t at, int64_t stride, int64_t size,
                           int64_t pixel) {
    if (at < 0 || at + (n - 1) * stride >= size)
        for (int64_t u = 0; u < n; u += GEMM_VL)
            gemm_store(to + u, (gemm_vec){0});
    conv_stage_inside(to, n, row, at, stride, size, pixel);
}
#endif
