//! dtypes: f32 f64
/* Convolution of 1, 2 or 3 spatial dimensions (missing leading ones are 1) as matrix products over gemm.h.
 *
 * Forward: Y[oc][pixel] = W[oc][k] col[k][pixel], k = (channel, tap), for each image and group. The gradient
 * of the data is the same product with the roles of channels exchanged, one for each phase of the input
 * pixels modulo the stride: in a phase, the taps that reach it form a plain convolution of dY without stride
 * (see `conv_phase`), so it is a gather and needs no zero-filling. The gradient of the weight sums
 * dY[oc][pixel] col[k][pixel] over images and pixels. `col` exists only as packed slices, made from rows of
 * the image staged once for all taps that share them.
 *
 * Layouts: 0 = NCHW; 1 = nChw16c, element (n, c, pixel) at
 * n * batch + (c / 16 * pixels + pixel) * 16 + c % 16. */
#include "gemm.h"

/* ints of every kernel here. Channels are per group; D, H, W the three dimensions of input, output, kernel.
 * MB: output channels of a block; RB, WB: its rows and columns of pixels; SPAN: taps of a row staged
 * together; NB: images of a block, more than one only where a block holds whole planes. Gradients of the
 * weight use MB and RB as rows and columns of the block of dW. */
enum { BATCH, GROUPS, IC, OC };
enum { ID = 4, IH, IW, OD, OH, OW, KD, KH, KW, SD, SH, SW, DD, DH, DW, PD, PH, PW };
enum { XBATCH = 22, YBATCH, XLAYOUT, YLAYOUT, HAS_BIAS, MB, RB, WB, SPAN, NB };

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

/* One block of the product: `rows` x `width` output pixels at (d, h0, w0) of each of `images` images. Its
 * columns run through all rows of all images, `pitch` from row to row. */
typedef struct conv_block {
    const real *x;   /* first image */
    int64_t batch;   /* from image to image */
    conv_place from; /* where the channels of x lie */
    int64_t first;   /* absolute number of the first channel */
    conv_axis axis[3];
    int64_t images, d, h0, w0, rows, width, pitch, columns, span;
    const real *w; /* weight of the first output channel, tap (0, 0, 0) of the product */
    int64_t w_row, w_channel, w_tap[3], count;
    real *stage;
} conv_block;

/* Cuts block number `block` out of the plane, 0 if nothing is left of it there (phases differ in size). */
static int conv_cut(conv_block *b, const int64_t *p, int64_t image0, int64_t block, int64_t hb, int64_t wb) {
    const conv_axis *ax = b->axis;
    b->images = cs_min(p[NB], p[BATCH] - image0), b->span = p[SPAN], b->stage = gemm_scratch(0).rest;
    b->d = block / (hb * wb), b->h0 = block / wb % hb * p[RB], b->w0 = block % wb * p[WB];
    b->rows = cs_min(p[RB], ax[1].out - b->h0), b->width = cs_min(p[WB], ax[2].out - b->w0);
    if (b->d >= ax[0].out || b->rows <= 0 || b->width <= 0)
        return 0;
    b->pitch = b->width + (cs_max(1, cs_min(b->span, ax[2].taps)) - 1) * ax[2].dilate / ax[2].stride;
    b->columns = (b->images * b->rows - 1) * b->pitch + b->width;
    return 1;
}

/* A: rows are output channels, k runs over (channel, taps). */
GEMM_INLINE gemm_panels conv_pack_weight(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_block *b = context;
    const conv_axis *ax = b->axis;
    int64_t td = ax[0].taps, th = ax[1].taps, tw = ax[2].taps;
    if (b->w_tap[2] == 1 && b->w_tap[1] == tw && b->w_tap[0] == th * tw && b->w_channel == td * th * tw) {
        gemm_matrix m = {b->w, b->w_row, 1, b->count};
        return gemm_pack_a(room, &m, k0, kc);
    }
    int64_t offset[GEMM_KC];
    for (int64_t k = 0; k < kc; k++) {
        int64_t tap = k0 + k, w = tap % tw, h = tap / tw % th, d = tap / (tw * th) % td,
                c = tap / (tw * th * td);
        offset[k] = c * b->w_channel + d * b->w_tap[0] + h * b->w_tap[1] + w * b->w_tap[2];
    }
    real *dst = room;
    for (int64_t i = 0; i < b->count; i += GEMM_MR)
        for (int64_t k = 0; k < kc; k++, dst += GEMM_PA) {
            int64_t n = cs_min(GEMM_MR, b->count - i);
            const real *src = b->w + i * b->w_row + offset[k];
            for (int64_t q = 0; q < n; q++)
                dst[q] = src[q * b->w_row];
            for (int64_t q = n; q < GEMM_PA; q++)
                dst[q] = 0;
        }
    return (gemm_panels){room, GEMM_PA * kc};
}

/* to[u] = row[(at + u * stride)] for u < n, zero outside of [0, size). */
static void conv_stage_row(real *to, int64_t n, const real *row, int64_t at, int64_t stride, int64_t size,
                           int64_t pixel) {
    int64_t low = at < 0 ? cs_min(n, cs_div_up(-at, stride)) : 0;
    int64_t high = at < size ? cs_min(n, (size - at + stride - 1) / stride) : 0;
    if (high <= low) {
        memset(to, 0, (size_t)n * sizeof(real));
        return;
    }
    for (int64_t u = 0; u < low; u++)
        to[u] = 0;
    const real *src = row + (at + low * stride) * pixel;
    if (stride * pixel == 1)
        for (int64_t u = 0; u < high - low; u++)
            to[low + u] = src[u];
    else
        for (int64_t u = 0; u < high - low; u++)
            to[low + u] = src[u * stride * pixel];
    for (int64_t u = high; u < n; u++)
        to[u] = 0;
}

/* Row k of all panels: `n` columns from `src`, the last panel filled up with zeros. */
static inline void conv_spread(real *dst, int64_t step, const real *src, int64_t n) {
    for (; n >= GEMM_NR; n -= GEMM_NR, src += GEMM_NR, dst += step)
        for (int q = 0; q < GEMM_NV; q++)
            gemm_store(dst + q * GEMM_VL, gemm_load(src + q * GEMM_VL));
    if (n > 0)
        for (int q = 0; q < GEMM_NR; q++)
            dst[q] = q < n ? src[q] : 0;
}

/* B: columns are pixels, counted through rows `pitch` apart (the few columns between two rows hold other
 * pixels of the image and are not stored). Taps of one row of the kernel read one staged row of the image,
 * shifted; a stride splits it into `stride` interleaved planes. */
GEMM_INLINE gemm_panels conv_pack_pixels(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_block *b = context;
    const conv_axis *ad = &b->axis[0], *ah = &b->axis[1], *aw = &b->axis[2];
    int64_t step = GEMM_NR * kc, s = aw->stride, unit = conv_gcd(s, aw->dilate), group;
    for (int64_t k = k0; k < k0 + kc; k += group) {
        int64_t tw = k % aw->taps, th = k / aw->taps % ah->taps, td = k / (aw->taps * ah->taps) % ad->taps;
        int64_t c = b->first + k / (aw->taps * ah->taps * ad->taps);
        group = cs_min(cs_min(aw->taps - tw, k0 + kc - k), b->span);
        real *dst = room + (k - k0) * GEMM_NR;
        int64_t d = b->d * ad->stride + ad->base + td * ad->dilate,
                h = b->h0 * ah->stride + ah->base + th * ah->dilate;
        int64_t w = b->w0 * s + aw->base + tw * aw->dilate, last = h + (b->rows - 1) * ah->stride;
        int inside = d >= 0 && d < ad->in;
        const real *plane =
            b->x + conv_channel(&b->from, c) + (inside ? d * ah->in * aw->in * b->from.pixel : 0);
        if (inside && b->images == 1 && group == 1 && s * b->from.pixel == 1 && b->pitch == aw->in &&
            w == 0 && ah->stride == 1 && h >= 0 && last < ah->in) {
            conv_spread(dst, step, plane + h * aw->in, b->columns); /* 1 x 1: the image itself */
            continue;
        }
        int64_t planes = cs_min(s, (group - 1) * aw->dilate + 1), size = b->images * b->rows * b->pitch;
        for (int64_t a = 0; a < planes; a += unit) {
            real *to = b->stage + a / unit * size;
            for (int64_t image = 0; image < b->images; image++)
                for (int64_t r = 0; r < b->rows; r++, to += b->pitch) {
                    int64_t y = h + r * ah->stride;
                    int64_t in = inside && y >= 0 && y < ah->in ? aw->in : 0; /* 0: a row of zeros */
                    const real *row = plane + image * b->batch + (in ? y * in * b->from.pixel : 0);
                    conv_stage_row(to, b->pitch, row, w + a, s, in, b->from.pixel);
                }
        }
        for (int64_t q = 0; q < group; q++) {
            int64_t shift = q * aw->dilate;
            conv_spread(dst + q * GEMM_NR, step, b->stage + shift % s / unit * size + shift / s, b->columns);
        }
    }
    return (gemm_panels){room, step};
}

/* Stores a finished block; `out` is the first image, `first` the absolute number of its first channel. */
static void conv_store(const conv_block *b, const gemm_result *r, real *out, int64_t batch,
                       const conv_place *to, int64_t first, int64_t m, const real *bias,
                       const int64_t *size) {
    const conv_axis *ax = b->axis;
    int64_t d = b->d * ax[0].store_stride + ax[0].store_base;
    for (int64_t i = 0; i < m; i++)
        for (int64_t h = 0; h < b->images * b->rows; h++) {
            int64_t y = (b->h0 + h % b->rows) * ax[1].store_stride + ax[1].store_base;
            int64_t x = b->w0 * ax[2].store_stride + ax[2].store_base, step = ax[2].store_stride * to->pixel;
            real *dst = out + h / b->rows * batch + conv_channel(to, first + i);
            dst += ((d * size[1] + y) * size[2] + x) * to->pixel;
            const real *src = r->c + i * r->ld + h * b->pitch;
            real add = bias ? bias[i] : 0;
            if (step == 1)
                for (int64_t u = 0; u < b->width; u++)
                    dst[u] = src[u] + add;
            else
                for (int64_t u = 0; u < b->width; u++)
                    dst[u * step] = src[u] + add;
        }
}

/* Output channels i0 .. i0 + m of one group, blocks [block0, block1) of the pixels of the images from image0
 * on. */
static void conv_forward_blocks(const cs_call *c, int tensors, int64_t image0, int64_t group, int64_t i0,
                                int64_t m, int64_t block0, int64_t block1) {
    const int64_t *p = c->ints;
    const real *w = c->ptr[tensors + 1], *bias = c->ptr[tensors + 2];
    int64_t taps = p[KD] * p[KH] * p[KW], k = p[IC] * taps, oc = group * p[OC] + i0;
    int64_t hb = cs_div_up(p[OH], p[RB]), wb = cs_div_up(p[OW], p[WB]);
    conv_place to = conv_place_of(p[YLAYOUT], p[OD] * p[OH] * p[OW]);
    conv_block b = {.x = (const real *)c->ptr[tensors] + image0 * p[XBATCH], .batch = p[XBATCH]};
    b.from = conv_place_of(p[XLAYOUT], p[ID] * p[IH] * p[IW]), b.first = group * p[IC];
    for (int i = 0; i < 3; i++)
        b.axis[i] = conv_forward_axis(p, i);
    b.w = w + oc * k, b.w_row = k, b.w_channel = taps, b.count = m;
    b.w_tap[0] = p[KH] * p[KW], b.w_tap[1] = p[KW], b.w_tap[2] = 1;
    for (int64_t block = block0; block < block1; block++) {
        if (!conv_cut(&b, p, image0, block, hb, wb))
            continue;
        gemm_result r = gemm_block(m, b.columns, k, taps, conv_pack_weight, &b, conv_pack_pixels, &b);
        conv_store(&b, &r, (real *)c->ptr[0] + image0 * p[YBATCH], p[YBATCH], &to, oc, m,
                   p[HAS_BIAS] ? bias + oc : 0, p + OD);
    }
}

/* ptr: y, x, w, bias (read only if HAS_BIAS)   items: image blocks * groups * channel blocks * pixel blocks
 */
CS_KERNEL(conv_forward) {
    const int64_t *p = c->ints;
    int64_t blocks = p[OD] * cs_div_up(p[OH], p[RB]) * cs_div_up(p[OW], p[WB]), mb = cs_div_up(p[OC], p[MB]);
    for (int64_t item = begin; item < end; item++) {
        int64_t block = item % blocks, i0 = item / blocks % mb * p[MB], plane = item / (blocks * mb);
        conv_forward_blocks(c, 1, plane / p[GROUPS] * p[NB], plane % p[GROUPS], i0, cs_min(p[MB], p[OC] - i0),
                            block, block + 1);
    }
}

/* Sum of (x - shift), or of its square, over n elements `step` apart: plain sums of vectors over 64 of them,
 * those added in double. The order depends on n alone. */
static double conv_sum(const real *x, int64_t n, int64_t step, real shift, int square) {
    double total = 0;
    int64_t i = 0;
    for (; step == 1 && i + GEMM_VL <= n;) {
        gemm_vec part = {0};
        for (int64_t stop = cs_min(n, i + 64 * GEMM_VL); i + GEMM_VL <= stop; i += GEMM_VL) {
            gemm_vec v = gemm_load(x + i) - shift;
            part += square ? v * v : v;
        }
        for (int q = 0; q < GEMM_VL; q++)
            total += part[q];
    }
    while (i < n) {
        real part = 0;
        for (int64_t stop = cs_min(n, i + 64); i < stop; i++) {
            real v = x[i * step] - shift;
            part += square ? v * v : v;
        }
        total += part;
    }
    return total;
}

/* ptr: y, stats, x, w, bias (read only if HAS_BIAS)   items: image blocks * groups * channel blocks
 * As conv_forward; an item owns whole planes and leaves (mean, sum of squared deviations) of each in
 * stats[n][c]. */
CS_KERNEL(conv_forward_stats) {
    const int64_t *p = c->ints;
    int64_t blocks = p[OD] * cs_div_up(p[OH], p[RB]) * cs_div_up(p[OW], p[WB]), mb = cs_div_up(p[OC], p[MB]);
    conv_place to = conv_place_of(p[YLAYOUT], p[OD] * p[OH] * p[OW]);
    for (int64_t item = begin; item < end; item++) {
        int64_t i0 = item % mb * p[MB], plane = item / mb, image0 = plane / p[GROUPS] * p[NB];
        int64_t m = cs_min(p[MB], p[OC] - i0), group = plane % p[GROUPS], first = group * p[OC] + i0;
        conv_forward_blocks(c, 2, image0, group, i0, m, 0, blocks);
        for (int64_t image = image0; image < cs_min(image0 + p[NB], p[BATCH]); image++)
            for (int64_t ch = first; ch < first + m; ch++) {
                const real *y = (const real *)c->ptr[0] + image * p[YBATCH] + conv_channel(&to, ch);
                real *stats = (real *)c->ptr[1] + (image * p[GROUPS] * p[OC] + ch) * 2;
                stats[0] = (real)(conv_sum(y, to.pixels, to.pixel, 0, 0) / (double)to.pixels);
                stats[1] = (real)conv_sum(y, to.pixels, to.pixel, stats[0], 1);
            }
    }
}

/* ptr: dx, dy, w, bias (read only if HAS_BIAS: a deconvolution's, one a channel of dx)
 * items: image blocks * groups * input channel blocks * phases * pixel blocks of a phase */
CS_KERNEL(conv_backward_data) {
    const int64_t *p = c->ints;
    int64_t taps = p[KD] * p[KH] * p[KW], phases = p[SD] * p[SH] * p[SW], mb = cs_div_up(p[IC], p[MB]);
    int64_t qd = cs_div_up(p[ID], p[SD]), hb = cs_div_up(cs_div_up(p[IH], p[SH]), p[RB]);
    int64_t wb = cs_div_up(cs_div_up(p[IW], p[SW]), p[WB]), blocks = qd * hb * wb;
    conv_place to = conv_place_of(0, p[ID] * p[IH] * p[IW]);
    for (int64_t item = begin; item < end; item++) {
        int64_t block = item % blocks, phase = item / blocks % phases,
                i0 = item / (blocks * phases) % mb * p[MB];
        int64_t plane = item / (blocks * phases * mb), image0 = plane / p[GROUPS] * p[NB],
                group = plane % p[GROUPS];
        int64_t m = cs_min(p[MB], p[IC] - i0);
        conv_block b = {.x = (const real *)c->ptr[1] + image0 * p[YBATCH], .batch = p[YBATCH], .count = m};
        b.from = conv_place_of(0, p[OD] * p[OH] * p[OW]), b.first = group * p[OC];
        b.axis[0] = conv_phase(p, 0, phase / (p[SH] * p[SW]));
        b.axis[1] = conv_phase(p, 1, phase / p[SW] % p[SH]);
        b.axis[2] = conv_phase(p, 2, phase % p[SW]);
        if (!conv_cut(&b, p, image0, block, hb, wb))
            continue;
        int64_t jump[3] = {p[KH] * p[KW], p[KW], 1}, k = p[OC];
        b.w = (const real *)c->ptr[2] + (group * p[OC] * p[IC] + i0) * taps, b.w_row = taps,
        b.w_channel = p[IC] * taps;
        for (int i = 0; i < 3; i++) {
            k *= b.axis[i].taps;
            b.w += b.axis[i].taps ? b.axis[i].tap0 * jump[i] : 0;
            b.w_tap[i] = b.axis[i].tap_step * jump[i];
        }
        gemm_result r = gemm_block(m, b.columns, k, k / p[OC], conv_pack_weight, &b, conv_pack_pixels, &b);
        conv_store(&b, &r, (real *)c->ptr[0] + image0 * p[XBATCH], p[XBATCH], &to, group * p[IC] + i0, m,
                   p[HAS_BIAS] ? (const real *)c->ptr[3] + group * p[IC] + i0 : 0, p + ID);
    }
}

/* --- gradient of the weight: k runs over images and output pixels
 * ----------------------------------------------- */
typedef struct conv_gradient {
    const cs_call *c;
    int64_t group, i0, m, j0, n; /* rows (output channels) and columns (channel, tap) of the block of dW */
    real *stage;
} conv_gradient;

/* A: dY, rows are output channels. A slice of k is cut where an image ends. */
GEMM_INLINE gemm_panels conv_pack_dy(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_gradient *g = context;
    const int64_t *p = g->c->ints;
    int64_t pixels = p[OD] * p[OH] * p[OW], run;
    for (int64_t k = k0; k < k0 + kc; k += run) {
        int64_t image = k / pixels, at = k % pixels;
        run = cs_min(pixels - at, k0 + kc - k);
        const real *dy =
            (const real *)g->c->ptr[1] + image * p[YBATCH] + (g->group * p[OC] + g->i0) * pixels + at;
        for (int64_t i = 0; i < g->m; i += GEMM_MR)
            gemm_pack_across(room + i / GEMM_MR * GEMM_PA * kc + (k - k0) * GEMM_PA, GEMM_PA,
                             cs_min(GEMM_MR, g->m - i), run, dy + i * pixels, pixels);
    }
    return (gemm_panels){room, GEMM_PA * kc};
}

/* B: col transposed, columns are (channel, tap). Each column is gathered along its pixels, then the panel
 * turned. */
GEMM_INLINE gemm_panels conv_pack_col(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_gradient *g = context;
    const int64_t *p = g->c->ints;
    struct {
        int64_t at, length, image, d, h, w;
    } run[GEMM_KC];
    int64_t runs = 0, pixels = p[ID] * p[IH] * p[IW];
    for (int64_t k = k0; k < k0 + kc; k += run[runs++].length) { /* pieces of output rows in this slice */
        int64_t ow = k % p[OW], oh = k / p[OW] % p[OH], od = k / (p[OW] * p[OH]) % p[OD];
        run[runs].at = k - k0, run[runs].length = cs_min(p[OW] - ow, k0 + kc - k);
        run[runs].image = k / (p[OW] * p[OH] * p[OD]) * p[XBATCH];
        run[runs].d = od * p[SD] - p[PD], run[runs].h = oh * p[SH] - p[PH], run[runs].w = ow * p[SW] - p[PW];
    }
    for (int64_t j = 0; j < g->n; j += GEMM_NR) {
        int64_t count = cs_min(GEMM_NR, g->n - j);
        for (int64_t q = 0; q < count; q++) {
            int64_t tap = g->j0 + j + q, tw = tap % p[KW] * p[DW], th = tap / p[KW] % p[KH] * p[DH];
            int64_t td = tap / (p[KW] * p[KH]) % p[KD] * p[DD],
                    ch = g->group * p[IC] + tap / (p[KW] * p[KH] * p[KD]);
            const real *x = (const real *)g->c->ptr[2] + ch * pixels;
            for (int64_t i = 0; i < runs; i++) {
                int64_t d = run[i].d + td, h = run[i].h + th;
                int inside = d >= 0 && d < p[ID] && h >= 0 && h < p[IH];
                conv_stage_row(g->stage + q * GEMM_KC + run[i].at, run[i].length,
                               inside ? x + run[i].image + (d * p[IH] + h) * p[IW] : x, run[i].w + tw, p[SW],
                               inside ? p[IW] : 0, 1);
            }
        }
        gemm_pack_across(room + j / GEMM_NR * GEMM_NR * kc, GEMM_NR, count, kc, g->stage, GEMM_KC);
    }
    return (gemm_panels){room, GEMM_NR * kc};
}

/* ptr: dw, dy, x   items: groups * blocks of MB output channels * blocks of RB columns */
CS_KERNEL(conv_backward_weight) {
    const int64_t *p = c->ints;
    int64_t k = p[IC] * p[KD] * p[KH] * p[KW], rows = cs_div_up(p[OC], p[MB]), cols = cs_div_up(k, p[RB]);
    for (int64_t item = begin; item < end; item++) {
        conv_gradient g = {.c = c, .group = item / (rows * cols), .stage = gemm_scratch(0).rest};
        g.i0 = item / cols % rows * p[MB], g.m = cs_min(p[MB], p[OC] - g.i0);
        g.j0 = item % cols * p[RB], g.n = cs_min(p[RB], k - g.j0);
        gemm_result r =
            gemm_block(g.m, g.n, p[BATCH] * p[OD] * p[OH] * p[OW], 1, conv_pack_dy, &g, conv_pack_col, &g);
        gemm_put_rows(&r, g.m, g.n, (real *)c->ptr[0] + (g.group * p[OC] + g.i0) * k + g.j0, k, 0);
    }
}

/* ptr: y, x   ints: batch, channels, pixels, xbatch   items: channels
 * y[c] = sum over images and pixels: the gradient of a convolution's bias. */
CS_KERNEL(sum_channels) {
    enum { IMAGES, CHANNELS, PIXELS, STRIDE };
    const int64_t *p = c->ints;
    for (int64_t ch = begin; ch < end; ch++) {
        double total = 0;
        for (int64_t n = 0; n < p[IMAGES]; n++)
            total += conv_sum((const real *)c->ptr[1] + n * p[STRIDE] + ch * p[PIXELS], p[PIXELS], 1, 0, 0);
        ((real *)c->ptr[0])[ch] = (real)total;
    }
}
