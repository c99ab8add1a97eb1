//! dtypes: f32 f64
// Convolution of 1, 2 or 3 spatial dimensions by direct sums: a work-item makes four channels of one pixel,
// so that a number of the image is read once for four products, and neighbours read neighbouring pixels. Sums
// are taken in slices, added in order; nothing is scattered. Meaning of the ints and layouts: convolution.c
// (mb, rb, wb, mode and nb cut blocks for the CPU and are not used here).

// Index of a channel's first pixel; layout 1 is nChw16c.
static inline long conv_channel(long layout, long c, long pixels) {
    return layout ? c / 16 * 16 * pixels + c % 16 : c * pixels;
}

// What one output pixel of four channels needs. `w` and `bias` stand at the group's first channel.
typedef struct conv_shape {
    long ic, oc, id, ih, iw, kd, kh, kw, sd, sh, sw, dd, dh, dw, pd, ph, pw, layout;
} conv_shape;

static inline void conv_point(real *total, const conv_shape *p, __global const real *x,
                              __global const real *w, long first, long o0, long d0, long h0, long w0) {
    const long taps = p->kd * p->kh * p->kw, pixels = p->id * p->ih * p->iw, pixel = p->layout ? 16 : 1;
    long row[4];
    real part[4];
    for (int q = 0; q < 4; q++) { // channels past the edge read the last one and are not stored
        row[q] = min(o0 + q, p->oc - 1) * p->ic * taps;
        total[q] = part[q] = 0;
    }
    for (long c = 0; c < p->ic; c++) {
        __global const real *plane = x + conv_channel(p->layout, first + c, pixels);
        for (long i = 0; i < p->kd; i++) {
            const long d = d0 + i * p->dd;
            if (d < 0 || d >= p->id)
                continue;
            for (long j = 0; j < p->kh; j++) {
                const long h = h0 + j * p->dh;
                if (h < 0 || h >= p->ih)
                    continue;
                for (long k = 0; k < p->kw; k++) {
                    const long v = w0 + k * p->dw;
                    if (v < 0 || v >= p->iw)
                        continue;
                    const real value = plane[((d * p->ih + h) * p->iw + v) * pixel];
                    const long tap = c * taps + (i * p->kh + j) * p->kw + k;
                    for (int q = 0; q < 4; q++)
                        part[q] += value * w[row[q] + tap];
                }
            }
        }
        if ((c & 15) == 15)
            for (int q = 0; q < 4; q++) {
                total[q] += part[q];
                part[q] = 0;
            }
    }
    for (int q = 0; q < 4; q++)
        total[q] += part[q];
}

#define CONV_SHAPE                                                                                           \
    const conv_shape shape = {ic, oc, id, ih, iw, kd, kh, kw, sd, sh, sw, dd, dh, dw, pd, ph, pw, xlayout};

// ptr: y, x, w, bias (read only if has_bias)   items: blocks of the CPU kernel, not used here
//! grid conv_forward: batch * groups * ((oc + 3) // 4) * od * oh * ow, local 64
__kernel void conv_forward(OUT(y), IN(x), IN(w), IN(bias), INT(batch), INT(groups), INT(ic), INT(oc), INT(id),
                           INT(ih), INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh), INT(kw), INT(sd),
                           INT(sh), INT(sw), INT(dd), INT(dh), INT(dw), INT(pd), INT(ph), INT(pw),
                           INT(xbatch), INT(ybatch), INT(xlayout), INT(ylayout), INT(has_bias), INT(mb),
                           INT(rb), INT(wb), INT(mode), INT(nb), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    USE_IN(w);
    USE_IN(bias);
    const long pixels = od * oh * ow, fours = (oc + 3) / 4, work = get_global_id(0);
    if (work >= batch * groups * fours * pixels)
        return;
    const long pixel = work % pixels, o0 = work / pixels % fours * 4,
               group = work / (pixels * fours) % groups;
    const long image = work / (pixels * fours * groups);
    CONV_SHAPE
    real total[4];
    conv_point(total, &shape, x + image * xbatch, w + group * oc * ic * kd * kh * kw, group * ic, o0,
               pixel / (oh * ow) * sd - pd, pixel / ow % oh * sh - ph, pixel % ow * sw - pw);
    for (int q = 0; q < 4; q++)
        if (o0 + q < oc) {
            const long c = group * oc + o0 + q;
            y[image * ybatch + conv_channel(ylayout, c, pixels) + pixel * (ylayout ? 16 : 1)] =
                has_bias ? total[q] + bias[c] : total[q];
        }
}

// Sum over the 64 work-items of a group, in a fixed order; every work-item gets it.
static inline real conv_group_sum(real value, __local real *room) {
    const int at = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    room[at] = value;
    for (int width = 32; width > 0; width /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (at < width)
            room[at] += room[at + width];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return room[0];
}

// ptr: y, stats, x, w, bias (read only if has_bias)
// As conv_forward, by a group of 64 work-items that owns the planes of four channels; then (mean, sum of
// squared deviations) of each plane, every work-item over the pixels it has made itself, in runs of 64.
//! grid conv_forward_stats: batch * groups * ((oc + 3) // 4) * 64, local 64
__kernel void conv_forward_stats(OUT(y), OUT(stats), IN(x), IN(w), IN(bias), INT(batch), INT(groups), INT(ic),
                                 INT(oc), INT(id), INT(ih), INT(iw), INT(od), INT(oh), INT(ow), INT(kd),
                                 INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(dd), INT(dh), INT(dw),
                                 INT(pd), INT(ph), INT(pw), INT(xbatch), INT(ybatch), INT(xlayout),
                                 INT(ylayout), INT(has_bias), INT(mb), INT(rb), INT(wb), INT(mode), INT(nb),
                                 ITEMS) {
    USE_OUT(y);
    USE_OUT(stats);
    USE_IN(x);
    USE_IN(w);
    USE_IN(bias);
    __local real room[64];
    const long pixels = od * oh * ow, fours = (oc + 3) / 4, owner = get_group_id(0), at = get_local_id(0);
    const long o0 = owner % fours * 4, group = owner / fours % groups, image = owner / (fours * groups);
    CONV_SHAPE
    for (long pixel = at; pixel < pixels; pixel += 64) {
        real total[4];
        conv_point(total, &shape, x + image * xbatch, w + group * oc * ic * kd * kh * kw, group * ic, o0,
                   pixel / (oh * ow) * sd - pd, pixel / ow % oh * sh - ph, pixel % ow * sw - pw);
        for (int q = 0; q < 4; q++)
            if (o0 + q < oc) {
                const long c = group * oc + o0 + q;
                y[image * ybatch + conv_channel(ylayout, c, pixels) + pixel * (ylayout ? 16 : 1)] =
                    has_bias ? total[q] + bias[c] : total[q];
            }
    }
    for (int q = 0; q < min(4L, oc - o0); q++) {
        const long c = group * oc + o0 + q, step = ylayout ? 16 : 1;
        __global const real *plane = y + image * ybatch + conv_channel(ylayout, c, pixels);
        real mean = 0;
        for (int pass = 0; pass < 2; pass++) {
            real total = 0, part = 0;
            for (long pixel = at, n = 1; pixel < pixels; pixel += 64, n++) {
                const real v = plane[pixel * step] - mean;
                part += pass ? v * v : v;
                if ((n & 63) == 0) {
                    total += part;
                    part = 0;
                }
            }
            total = conv_group_sum(total + part, room);
            if (pass == 0)
                mean = total / pixels;
            if (at == 0)
                stats[(image * groups * oc + c) * 2 + pass] = pass ? total : mean;
        }
    }
}

// Taps that reach input position i are first, first + step, ...; the first one comes from output position
// `at`, each next one from `delta` less.
typedef struct conv_taps {
    long first, step, at, delta;
} conv_taps;

static inline conv_taps conv_reach(long i, long taps, long stride, long dilate, long pad) {
    long a = stride, b = dilate;
    while (b) {
        const long r = a % b;
        a = b;
        b = r;
    }
    conv_taps t = {0, stride / a, 0, dilate / a};
    while (t.first < taps && t.first < t.step && (i + pad - t.first * dilate) % stride)
        t.first++;
    if (t.first >= t.step)
        t.first = taps; // no tap reaches it
    t.at = t.first < taps ? (i + pad - t.first * dilate) / stride : 0;
    return t;
}

// ptr: dx, dy, w, bias (read only if has_bias)   A gather: dx[i] = sum of w[k] dy[o] over all taps k and
// outputs o with o * s - p + k * d = i.
//! grid conv_backward_data: batch * groups * ((ic + 3) // 4) * id * ih * iw, local 64
__kernel void conv_backward_data(OUT(dx), IN(dy), IN(w), IN(bias), INT(batch), INT(groups), INT(ic), INT(oc),
                                 INT(id), INT(ih), INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh),
                                 INT(kw), INT(sd), INT(sh), INT(sw), INT(dd), INT(dh), INT(dw), INT(pd),
                                 INT(ph), INT(pw), INT(xbatch), INT(ybatch), INT(xlayout), INT(ylayout),
                                 INT(has_bias), INT(mb), INT(rb), INT(wb), INT(mode), INT(nb), ITEMS) {
    USE_OUT(dx);
    USE_IN(dy);
    USE_IN(w);
    USE_IN(bias);
    const long pixels = id * ih * iw, fours = (ic + 3) / 4, taps = kd * kh * kw, work = get_global_id(0);
    if (work >= batch * groups * fours * pixels)
        return;
    const long pixel = work % pixels, i0 = work / pixels % fours * 4,
               group = work / (pixels * fours) % groups;
    const long image = work / (pixels * fours * groups);
    const conv_taps td = conv_reach(pixel / (ih * iw), kd, sd, dd, pd);
    const conv_taps th = conv_reach(pixel / iw % ih, kh, sh, dh, ph),
                    tw = conv_reach(pixel % iw, kw, sw, dw, pw);
    real total[4], part[4];
    for (int q = 0; q < 4; q++)
        total[q] = part[q] = 0;
    for (long o = 0; o < oc; o++) {
        __global const real *g = dy + image * ybatch + (group * oc + o) * od * oh * ow;
        __global const real *v = w + (group * oc + o) * ic * taps;
        for (long i = td.first, d = td.at; i < kd; i += td.step, d -= td.delta) {
            if (d < 0 || d >= od)
                continue;
            for (long j = th.first, h = th.at; j < kh; j += th.step, h -= th.delta) {
                if (h < 0 || h >= oh)
                    continue;
                for (long k = tw.first, x = tw.at; k < kw; k += tw.step, x -= tw.delta) {
                    if (x < 0 || x >= ow)
                        continue;
                    const real value = g[(d * oh + h) * ow + x];
                    const long tap = (i * kh + j) * kw + k;
                    for (int q = 0; q < 4; q++)
                        part[q] += value * v[min(i0 + q, ic - 1) * taps + tap];
                }
            }
        }
        if ((o & 15) == 15)
            for (int q = 0; q < 4; q++) {
                total[q] += part[q];
                part[q] = 0;
            }
    }
    for (int q = 0; q < 4; q++)
        if (i0 + q < ic) {
            const long c = group * ic + i0 + q;
            total[q] += part[q];
            dx[image * xbatch + c * pixels + pixel] = has_bias ? total[q] + bias[c] : total[q];
        }
}

// ptr: dw, dy, x   One work-item: one tap of four output channels, over all images and pixels; sums of rows,
// of images, of all.
//! grid conv_backward_weight: groups * ((oc + 3) // 4) * ic * kd * kh * kw, local 64
__kernel void conv_backward_weight(OUT(dw_), IN(dy), IN(x), INT(batch), INT(groups), INT(ic), INT(oc),
                                   INT(id), INT(ih), INT(iw), INT(od), INT(oh), INT(ow), INT(kd), INT(kh),
                                   INT(kw), INT(sd), INT(sh), INT(sw), INT(dd), INT(dh), INT(dw), INT(pd),
                                   INT(ph), INT(pw), INT(xbatch), INT(ybatch), INT(xlayout), INT(ylayout),
                                   INT(has_bias), INT(mb), INT(rb), INT(wb), INT(mode), INT(nb), ITEMS) {
    USE_OUT(dw_);
    USE_IN(dy);
    USE_IN(x);
    const long taps = kd * kh * kw, fours = (oc + 3) / 4, pixels = od * oh * ow, work = get_global_id(0);
    if (work >= groups * fours * ic * taps)
        return;
    const long tap = work % taps, c = work / taps % ic, o0 = work / (taps * ic) % fours * 4;
    const long group = work / (taps * ic * fours);
    const long d0 = tap / (kh * kw) * dd - pd, h0 = tap / kw % kh * dh - ph, w0 = tap % kw * dw - pw;
    real total[4];
    for (int q = 0; q < 4; q++)
        total[q] = 0;
    for (long n = 0; n < batch; n++) {
        __global const real *plane = x + n * xbatch + (group * ic + c) * id * ih * iw;
        __global const real *g = dy + n * ybatch + group * oc * pixels;
        real sum[4];
        for (int q = 0; q < 4; q++)
            sum[q] = 0;
        for (long r = 0; r < od * oh; r++) {
            const long d = r / oh * sd + d0, h = r % oh * sh + h0;
            if (d < 0 || d >= id || h < 0 || h >= ih)
                continue;
            real part[4];
            for (int q = 0; q < 4; q++)
                part[q] = 0;
            for (long u = 0; u < ow; u++) {
                const long v = u * sw + w0;
                if (v < 0 || v >= iw)
                    continue;
                const real value = plane[(d * ih + h) * iw + v];
                for (int q = 0; q < 4; q++)
                    part[q] += value * g[min(o0 + q, oc - 1) * pixels + r * ow + u];
            }
            for (int q = 0; q < 4; q++)
                sum[q] += part[q];
        }
        for (int q = 0; q < 4; q++)
            total[q] += sum[q];
    }
    for (int q = 0; q < 4; q++)
        if (o0 + q < oc)
            dw_[((group * oc + o0 + q) * ic + c) * taps + tap] = total[q];
}

// ptr: y, x   items: channels; here one group of 64 work-items a channel
// y[c] = sum over images and pixels: sums of 64, of an image, of all, then over the group.
//! grid sum_channels: channels * 64, local 64
__kernel void sum_channels(OUT(y), IN(x), INT(batch), INT(channels), INT(pixels), INT(stride), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    __local real room[64];
    const long c = get_group_id(0), at = get_local_id(0);
    real total = 0;
    for (long n = 0; n < batch; n++) {
        __global const real *plane = x + n * stride + c * pixels;
        real sum = 0, part = 0;
        for (long i = at, k = 1; i < pixels; i += 64, k++) {
            part += plane[i];
            if ((k & 63) == 0) {
                sum += part;
                part = 0;
            }
        }
        total += sum + part;
    }
    total = conv_group_sum(total, room);
    if (at == 0)
        y[c] = total;
}
