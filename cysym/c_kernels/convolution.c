//! dtypes: f32 f64
/* Convolution of 1, 2 or 3 spatial dimensions (missing leading ones are 1) as matrix products over gemm.h.
 *
 * Forward: Y[oc][pixel] = W[oc][k] col[k][pixel], k = (channel, tap), for each image and group. The gradient
 * of the data is the same product with the roles of channels exchanged, one for each phase of the input
 * pixels modulo the stride: in a phase, the taps that reach it form a plain convolution of dY without stride
 * (see `conv_phase`), so it is a gather and needs no zero-filling. The gradient of the weight sums
 * dY[oc][pixel] col[k][pixel] over images and pixels. `col` exists only as packed slices, made from rows of
 * the image staged once for all taps.
 *
 * Layouts: 0 = NCHW; 1 = nChw16c, element (n, c, pixel) at
 * n * batch + (c / 16 * pixels + pixel) * 16 + c % 16. */
#include "depthwise.h"

/* One block of the product: `rows` x `width` output pixels at (d, h0, w0) of each of `images` images. Its
 * columns run through all rows of all images, `pitch` from row to row. The stage holds the rows that all taps
 * of one plane read, for each image split into the phases of the strides. */
typedef struct conv_block {
    const real *x;   /* first image */
    int64_t batch;   /* from image to image */
    conv_place from; /* where the channels of x lie */
    int64_t first;   /* absolute number of the first channel */
    conv_axis axis[3];
    int64_t images, d, h0, w0, rows, width, pitch, columns, mode;
    int64_t unit[3], phases[3];      /* of the rows (1) and columns (2) in the stage */
    int64_t stage_rows, stage_pitch; /* of each phase */
    const real *w;                   /* weight of the first output channel, tap (0, 0, 0) of the product */
    int64_t w_row, w_channel, w_tap[3], count;
    real *stage, *line;
} conv_block;

/* Cuts block number `block` out of the plane, 0 if nothing is left of it there (phases differ in size). */
static int conv_cut(conv_block *b, const int64_t *p, int64_t image0, int64_t block, int64_t hb, int64_t wb) {
    const conv_axis *ax = b->axis;
    b->images = cs_min(p[NB], p[BATCH] - image0), b->mode = p[MODE];
    b->stage = gemm_scratch(0).rest, b->line = b->stage + GEMM_REST - CONV_LINE;
    b->d = block / (hb * wb), b->h0 = block / wb % hb * p[RB], b->w0 = block % wb * p[WB];
    b->rows = cs_min(p[RB], ax[1].out - b->h0), b->width = cs_min(p[WB], ax[2].out - b->w0);
    if (b->d >= ax[0].out || b->rows <= 0 || b->width <= 0)
        return 0;
    int64_t reach[3];
    for (int i = 1; i < 3; i++) {
        reach[i] = cs_max(ax[i].taps - 1, 0) * ax[i].dilate;
        b->unit[i] = conv_gcd(ax[i].stride, ax[i].dilate);
        b->phases[i] = cs_div_up(cs_min(ax[i].stride, reach[i] + 1), b->unit[i]);
    }
    b->stage_rows = b->rows + reach[1] / ax[1].stride, b->stage_pitch = b->width + reach[2] / ax[2].stride;
    b->pitch = b->mode == CONV_GAP ? b->stage_pitch : b->width;
    b->columns = (b->images * b->rows - 1) * b->pitch + b->width;
    if (b->mode != CONV_TAPS) /* the padding; the image is staged between */
        memset(b->stage, 0,
               (size_t)(b->images * b->phases[1] * b->phases[2] * b->stage_rows * b->stage_pitch) *
                   sizeof(real));
    return 1;
}

/* dst[t][i] = w[i][taps - 1 - t]: a panel of the weights of one channel, its taps in reverse. */
static void conv_pack_mirrored(real *dst, const real *w, int64_t taps, int64_t rows) {
    for (int64_t t = 0; t < taps; t += GEMM_VL) {
        int64_t n = cs_min(GEMM_VL, taps - t);
        for (int64_t g = 0; g < GEMM_PA; g += GEMM_VL) {
            gemm_vec v[GEMM_VL];
#pragma GCC unroll 32
            for (int q = 0; q < GEMM_VL; q++)
                v[q] = g + q < rows ? gemm_load_part(w + (g + q) * taps + (taps - t - n), n) : (gemm_vec){0};
            gemm_transpose(v);
            real turned[GEMM_VL * GEMM_VL];
#pragma GCC unroll 32
            for (int q = 0; q < GEMM_VL; q++)
                gemm_store(turned + q * GEMM_VL, v[q]);
            for (int64_t q = 0; q < n; q++)
                gemm_store(dst + (t + q) * GEMM_PA + g, gemm_load(turned + (n - 1 - q) * GEMM_VL));
        }
    }
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
    if (b->w_row == 1) {
        gemm_pack_along(room, GEMM_MR, GEMM_PA, b->count, kc, b->w + k0 * b->w_channel, b->w_channel);
        return (gemm_panels){room, GEMM_PA * kc};
    }
    int64_t taps = td * th * tw;
    if (b->w_tap[2] == -1 && b->w_tap[1] == -tw && b->w_tap[0] == -th * tw && b->w_row == taps &&
        k0 % taps == 0 && kc % taps == 0) {
        for (int64_t i = 0; i < b->count; i += GEMM_MR)
            for (int64_t c = k0 / taps; c < (k0 + kc) / taps; c++)
                conv_pack_mirrored(room + i / GEMM_MR * GEMM_PA * kc + (c * taps - k0) * GEMM_PA,
                                   b->w + i * taps + c * b->w_channel - (taps - 1), taps,
                                   cs_min(GEMM_MR, b->count - i));
        return (gemm_panels){room, GEMM_PA * kc};
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

/* Row k of all panels: `n` columns from `src`, the last panel filled up with zeros. */
static inline void conv_spread(real *dst, int64_t step, const real *src, int64_t n) {
    for (; n >= GEMM_NR; n -= GEMM_NR, src += GEMM_NR, dst += step)
        for (int q = 0; q < GEMM_NV; q++)
            gemm_store(dst + q * GEMM_VL, gemm_load(src + q * GEMM_VL));
    if (n > 0)
        for (int q = 0; q < GEMM_NR; q += GEMM_VL)
            gemm_store(dst + q, gemm_load_part(src + q, cs_max(0, cs_min(GEMM_VL, n - q))));
}

/* Stages what the taps read of one plane, in all images of the block. */
static void conv_stage_plane(const conv_block *b, const real *plane) {
    const conv_axis *ah = &b->axis[1], *aw = &b->axis[2];
    real *to = b->stage;
    for (int64_t image = 0; image < b->images; image++, plane += b->batch)
        for (int64_t i = 0; i < b->phases[1]; i++)
            for (int64_t j = 0; j < b->phases[2]; j++)
                for (int64_t r = 0; r < b->stage_rows; r++, to += b->stage_pitch) {
                    int64_t y = (b->h0 + r) * ah->stride + ah->base + i * b->unit[1];
                    if (y >= 0 && y < ah->in)
                        conv_stage_inside(to, b->stage_pitch, plane + y * aw->in * b->from.pixel,
                                          b->w0 * aw->stride + aw->base + j * b->unit[2], aw->stride, aw->in,
                                          b->from.pixel);
                }
}

/* The pixels of tap (th, tw) in the stage, in the order of the columns. */
static const real *conv_staged_tap(const conv_block *b, int64_t th, int64_t tw) {
    int64_t h = th * b->axis[1].dilate, w = tw * b->axis[2].dilate;
    int64_t sh = b->axis[1].stride, sw = b->axis[2].stride, phase = b->stage_rows * b->stage_pitch;
    const real *from = b->stage + (h % sh / b->unit[1] * b->phases[2] + w % sw / b->unit[2]) * phase;
    from += h / sh * b->stage_pitch + w / sw;
    if (b->mode == CONV_GAP)
        return from;
    real *to = b->line; /* whole vectors: what is too much is overwritten by the next row */
    for (int64_t image = 0; image < b->images; image++, from += b->phases[1] * b->phases[2] * phase)
        for (int64_t r = 0; r < b->rows; r++, to += b->width)
            for (int64_t u = 0; u < b->width; u += GEMM_VL)
                gemm_store(to + u, gemm_load(from + r * b->stage_pitch + u));
    return b->line;
}

/* The same without a stage: from the rows of the image themselves. */
static const real *conv_gathered_tap(const conv_block *b, const real *plane, int64_t th, int64_t tw) {
    const conv_axis *ah = &b->axis[1], *aw = &b->axis[2];
    int64_t h = b->h0 * ah->stride + ah->base + th * ah->dilate,
            w = b->w0 * aw->stride + aw->base + tw * aw->dilate;
    int is_whole = w == 0 && aw->stride == 1 && ah->stride == 1 && b->width == aw->in && h >= 0 &&
                   h + b->rows <= ah->in && b->from.pixel == 1; /* 1 x 1: the image itself */
    if (is_whole && b->images == 1)
        return plane + h * aw->in;
    real *to = b->line;
    for (int64_t image = 0; image < b->images; image++, plane += b->batch) {
        if (is_whole) {
            memcpy(to, plane + h * aw->in, (size_t)(b->rows * b->width) * sizeof(real));
            to += b->rows * b->width;
            continue;
        }
        for (int64_t r = 0; r < b->rows; r++, to += b->width) {
            int64_t y = h + r * ah->stride, in = y >= 0 && y < ah->in ? aw->in : 0; /* 0: a row of zeros */
            conv_stage_row(to, b->width, plane + (in ? y * in * b->from.pixel : 0), w, aw->stride, in,
                           b->from.pixel);
        }
    }
    return b->line;
}

/* B: columns are pixels, counted through rows `pitch` apart (the few columns in a gap hold other pixels of
 * the image and are not stored). */
GEMM_INLINE gemm_panels conv_pack_pixels(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_block *b = context;
    const conv_axis *ad = &b->axis[0], *ah = &b->axis[1], *aw = &b->axis[2];
    int64_t step = GEMM_NR * kc, staged = -1;
    for (int64_t k = k0; k < k0 + kc; k++) {
        int64_t tw = k % aw->taps, th = k / aw->taps % ah->taps, key = k / (aw->taps * ah->taps);
        int64_t d = b->d * ad->stride + ad->base + key % ad->taps * ad->dilate;
        real *dst = room + (k - k0) * GEMM_NR;
        if (d < 0 || d >= ad->in) {
            for (int64_t j = 0; j < b->columns; j += GEMM_NR, dst += step)
                memset(dst, 0, GEMM_NR * sizeof(real));
            continue;
        }
        const real *plane =
            b->x + conv_channel(&b->from, b->first + key / ad->taps) + d * ah->in * aw->in * b->from.pixel;
        if (b->mode != CONV_TAPS && key != staged) {
            conv_stage_plane(b, plane);
            staged = key;
        }
        conv_spread(dst, step,
                    b->mode == CONV_TAPS ? conv_gathered_tap(b, plane, th, tw) : conv_staged_tap(b, th, tw),
                    b->columns);
    }
    return (gemm_panels){room, step};
}

/* The product where it has at most CONV_FEW rows: packing pixels would cost more than multiplying them, so
 * they are read from the stage (mode GAP), all taps of a plane at once. */
enum { CONV_FEW = 4 };

static gemm_result conv_few_rows(const conv_block *b, int64_t channels) {
    const conv_axis *ad = &b->axis[0], *ah = &b->axis[1], *aw = &b->axis[2];
    const int64_t plane_taps = ah->taps * aw->taps, k = channels * ad->taps * plane_taps;
    gemm_result r = gemm_scratch(b->columns);
    real *room = r.c + GEMM_ROOM_C;
    memset(r.c, 0, (size_t)(CONV_FEW * r.ld) * sizeof(real));
    const int64_t slice = GEMM_KC / plane_taps * plane_taps;
    for (int64_t k0 = 0; k0 < k; k0 += slice) {
        const int64_t kc = cs_min(slice, k - k0);
        const real *w = conv_pack_weight(room, b, k0, kc).first;
        for (int64_t key = k0 / plane_taps; key < (k0 + kc) / plane_taps; key++, w += plane_taps * GEMM_PA) {
            const int64_t d = b->d * ad->stride + ad->base + key % ad->taps * ad->dilate;
            if (d < 0 || d >= ad->in)
                continue;
            conv_stage_plane(b, b->x + conv_channel(&b->from, b->first + key / ad->taps) +
                                    d * ah->in * aw->in * b->from.pixel);
            const real *from[GEMM_KC];
            for (int64_t t = 0; t < plane_taps; t++)
                from[t] = conv_staged_tap(b, t / aw->taps, t % aw->taps);
            for (int64_t j = 0; j < b->columns; j += GEMM_NR) {
                gemm_vec sum[CONV_FEW][GEMM_NV];
#pragma GCC unroll 8
                for (int i = 0; i < CONV_FEW; i++)
                    for (int q = 0; q < GEMM_NV; q++)
                        sum[i][q] = gemm_load(r.c + i * r.ld + j + q * GEMM_VL);
                for (int64_t t = 0; t < plane_taps; t++) {
                    const gemm_vec x0 = gemm_load(from[t] + j), x1 = gemm_load(from[t] + j + GEMM_VL);
#pragma GCC unroll 8
                    for (int i = 0; i < CONV_FEW; i++) {
                        const gemm_vec v = w[t * GEMM_PA + i] - (gemm_vec){0};
                        sum[i][0] += v * x0;
                        sum[i][1] += v * x1;
                    }
                }
#pragma GCC unroll 8
                for (int i = 0; i < CONV_FEW; i++)
                    for (int q = 0; q < GEMM_NV; q++)
                        gemm_store(r.c + i * r.ld + j + q * GEMM_VL, sum[i][q]);
            }
        }
    }
    return r;
}

/* One block, `k` products a pixel. */
static gemm_result conv_product(const conv_block *b, int64_t k) {
    const int64_t plane_taps = b->axis[1].taps * b->axis[2].taps, taps = b->axis[0].taps * plane_taps;
    if (b->count <= CONV_FEW && b->mode == CONV_GAP && k > 0 && plane_taps <= GEMM_KC)
        return conv_few_rows(b, k / taps);
    return gemm_block(b->count, b->columns, k, cs_max(1, taps), conv_pack_weight, b, conv_pack_pixels, b);
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

/* The planes of channel `group` of one image, where every group is a single channel. */
static void conv_forward_plane(const cs_call *c, int tensors, int64_t image, int64_t group,
                               const depthwise *f) {
    const int64_t *p = c->ints;
    depthwise_plane(f, (real *)c->ptr[0] + image * p[YBATCH] + group * p[OH] * p[OW], p[OW],
                    (const real *)c->ptr[tensors] + image * p[XBATCH] + group * p[IH] * p[IW],
                    (const real *)c->ptr[tensors + 1] + group * p[KH] * p[KW], p[KW],
                    p[HAS_BIAS] ? ((const real *)c->ptr[tensors + 2])[group] : 0);
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
        gemm_result r = conv_product(&b, k);
        conv_store(&b, &r, (real *)c->ptr[0] + image0 * p[YBATCH], p[YBATCH], &to, oc, m,
                   p[HAS_BIAS] ? bias + oc : 0, p + OD);
    }
}

/* ptr: y, x, w, bias (read only if HAS_BIAS)
 * items: image blocks * groups * channel blocks * pixel blocks; images * groups if depthwise (MB = 0) */
CS_KERNEL(conv_forward) {
    const int64_t *p = c->ints;
    if (p[MB] == 0) {
        const depthwise f = depthwise_of(conv_forward_axis(p, 1), conv_forward_axis(p, 2));
        for (int64_t item = begin; item < end; item++)
            conv_forward_plane(c, 1, item / p[GROUPS], item % p[GROUPS], &f);
        return;
    }
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

/* Mean and sum of squared deviations of one finished plane. */
static void conv_plane_stats(const cs_call *c, const conv_place *to, int64_t image, int64_t channel) {
    const int64_t *p = c->ints;
    const real *y = (const real *)c->ptr[0] + image * p[YBATCH] + conv_channel(to, channel);
    real *stats = (real *)c->ptr[1] + (image * p[GROUPS] * p[OC] + channel) * 2;
    stats[0] = (real)(conv_sum(y, to->pixels, to->pixel, 0, 0) / (double)to->pixels);
    stats[1] = (real)conv_sum(y, to->pixels, to->pixel, stats[0], 1);
}

/* ptr: y, stats, x, w, bias (read only if HAS_BIAS)
 * items: image blocks * groups * channel blocks; images * groups if depthwise (MB = 0)
 * As conv_forward; an item owns whole planes and leaves (mean, sum of squared deviations) of each in
 * stats[n][c]. */
CS_KERNEL(conv_forward_stats) {
    const int64_t *p = c->ints;
    const conv_place to = conv_place_of(p[YLAYOUT], p[OD] * p[OH] * p[OW]);
    if (p[MB] == 0) {
        const depthwise f = depthwise_of(conv_forward_axis(p, 1), conv_forward_axis(p, 2));
        for (int64_t item = begin; item < end; item++) {
            conv_forward_plane(c, 2, item / p[GROUPS], item % p[GROUPS], &f);
            conv_plane_stats(c, &to, item / p[GROUPS], item % p[GROUPS]);
        }
        return;
    }
    int64_t blocks = p[OD] * cs_div_up(p[OH], p[RB]) * cs_div_up(p[OW], p[WB]), mb = cs_div_up(p[OC], p[MB]);
    for (int64_t item = begin; item < end; item++) {
        int64_t i0 = item % mb * p[MB], plane = item / mb, image0 = plane / p[GROUPS] * p[NB];
        int64_t m = cs_min(p[MB], p[OC] - i0), group = plane % p[GROUPS], first = group * p[OC] + i0;
        conv_forward_blocks(c, 2, image0, group, i0, m, 0, blocks);
        for (int64_t image = image0; image < cs_min(image0 + p[NB], p[BATCH]); image++)
            for (int64_t ch = first; ch < first + m; ch++)
                conv_plane_stats(c, &to, image, ch);
    }
}

/* conv_backward_data where every group is a single channel: all phases of a plane are one item. */
static void conv_backward_planes(const cs_call *c, int64_t begin, int64_t end) {
    const int64_t *p = c->ints;
    for (int64_t phase = 0; phase < p[SH] * p[SW]; phase++) {
        const depthwise f = depthwise_of(conv_phase(p, 1, phase / p[SW]), conv_phase(p, 2, phase % p[SW]));
        for (int64_t item = begin; item < end; item++) {
            const int64_t image = item / p[GROUPS], group = item % p[GROUPS];
            depthwise_plane(&f, (real *)c->ptr[0] + image * p[XBATCH] + group * p[IH] * p[IW], p[IW],
                            (const real *)c->ptr[1] + image * p[YBATCH] + group * p[OH] * p[OW],
                            (const real *)c->ptr[2] + group * p[KH] * p[KW], p[KW],
                            p[HAS_BIAS] ? ((const real *)c->ptr[3])[group] : 0);
        }
    }
}

/* ptr: dx, dy, w, bias (read only if HAS_BIAS: a deconvolution's, one a channel of dx)
 * items: image blocks * groups * input channel blocks * phases * pixel blocks of a phase; images * groups if
 * depthwise (MB = 0) */
CS_KERNEL(conv_backward_data) {
    const int64_t *p = c->ints;
    if (p[MB] == 0) {
        conv_backward_planes(c, begin, end);
        return;
    }
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
        gemm_result r = conv_product(&b, k);
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

/* Panels of `step` channels stored `width` wide; k runs through the pixels of all images, `batch` apart. A
 * slice of k is cut where an image ends. */
GEMM_INLINE gemm_panels conv_pack_turned(real *room, int step, int width, const real *from, int64_t batch,
                                         int64_t pixels, int64_t channels, int64_t k0, int64_t kc) {
    for (int64_t k = k0, run; k < k0 + kc; k += run) {
        const real *src = from + k / pixels * batch + k % pixels;
        run = cs_min(pixels - k % pixels, k0 + kc - k);
        for (int64_t i = 0; i < channels; i += step)
            gemm_pack_across(room + i / step * width * kc + (k - k0) * width, width,
                             cs_min(step, channels - i), run, src + i * pixels, pixels);
    }
    return (gemm_panels){room, width * kc};
}

/* A: dY, rows are output channels. */
GEMM_INLINE gemm_panels conv_pack_dy(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_gradient *g = context;
    const int64_t *p = g->c->ints, pixels = p[OD] * p[OH] * p[OW];
    const real *dy = (const real *)g->c->ptr[1] + (g->group * p[OC] + g->i0) * pixels;
    return conv_pack_turned(room, GEMM_MR, GEMM_PA, dy, p[YBATCH], pixels, g->m, k0, kc);
}

/* B: col transposed, columns are (channel, tap). Each column is gathered along its pixels, then the panel
 * turned. */
GEMM_INLINE gemm_panels conv_pack_col(real *room, const void *context, int64_t k0, int64_t kc) {
    const conv_gradient *g = context;
    const int64_t *p = g->c->ints;
    if (p[MODE] == CONV_GAP) { /* 1 x 1 without stride or padding: the image itself */
        const real *x = (const real *)g->c->ptr[2] + (g->group * p[IC] + g->j0) * p[ID] * p[IH] * p[IW];
        return conv_pack_turned(room, GEMM_NR, GEMM_NR, x, p[XBATCH], p[ID] * p[IH] * p[IW], g->n, k0, kc);
    }
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

/* ptr: dw, dy, x   items: groups * blocks of MB output channels * blocks of RB columns; groups if depthwise
 * (MB = 0) */
CS_KERNEL(conv_backward_weight) {
    const int64_t *p = c->ints;
    if (p[MB] == 0) {
        const depthwise f = depthwise_of(conv_forward_axis(p, 1), conv_forward_axis(p, 2));
        for (int64_t group = begin; group < end; group++)
            depthwise_weight(&f, (real *)c->ptr[0] + group * p[KH] * p[KW],
                             (const real *)c->ptr[1] + group * p[OH] * p[OW], p[YBATCH],
                             (const real *)c->ptr[2] + group * p[IH] * p[IW], p[XBATCH], p[BATCH]);
        return;
    }
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
