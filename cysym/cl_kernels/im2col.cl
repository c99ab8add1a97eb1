//! dtypes: f32 f64
/* Patches as columns and back; see c_kernels/im2col.c. Both gather: a work-item is one element of the output.
 */

//! grid im2col: items * od * oh * ow, local 64
// ptr: columns, image   ints: channels, in, out, kernel, stride, dilate, pad, batch strides of columns and
// image items: images * channels * taps
__kernel void im2col(OUT(y), IN(x), INT(channels), INT(id), INT(ih), INT(iw), INT(od), INT(oh), INT(ow),
                     INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(dd), INT(dh), INT(dw), INT(pd),
                     INT(ph), INT(pw), INT(y_batch), INT(x_batch), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long places = od * oh * ow, taps = kd * kh * kw, at = get_global_id(0);
    if (at >= items * places)
        return;
    const long place = at % places, row = at / places % (channels * taps),
               image = at / (places * channels * taps);
    const long tap = row % taps, channel = row / taps;
    const long d = place / (oh * ow) * sd - pd + tap / (kh * kw) * dd;
    const long h = place / ow % oh * sh - ph + tap / kw % kh * dh, w = place % ow * sw - pw + tap % kw * dw;
    const int inside = d >= 0 && d < id && h >= 0 && h < ih && w >= 0 && w < iw;
    y[image * y_batch + row * places + place] =
        inside ? x[image * x_batch + ((channel * id + d) * ih + h) * iw + w] : 0;
}

/* The place whose tap at `tap` pixels lies on pixel i, or -1. */
static inline long col2im_place(long i, long tap, long stride, long pad, long count) {
    const long o = i + pad - tap;
    return o < 0 || o % stride || o / stride >= count ? -1 : o / stride;
}

//! grid col2im: items * id * ih * iw, local 64
// ptr: image, columns   ints: as im2col, batch strides of image and columns   items: images * channels
__kernel void col2im(OUT(y), IN(x), INT(channels), INT(id), INT(ih), INT(iw), INT(od), INT(oh), INT(ow),
                     INT(kd), INT(kh), INT(kw), INT(sd), INT(sh), INT(sw), INT(dd), INT(dh), INT(dw), INT(pd),
                     INT(ph), INT(pw), INT(y_batch), INT(x_batch), ITEMS) {
    USE_OUT(y);
    USE_IN(x);
    const long pixels = id * ih * iw, at = get_global_id(0);
    if (at >= items * pixels)
        return;
    const long pixel = at % pixels, channel = at / pixels % channels, image = at / (pixels * channels);
    x += image * x_batch + channel * kd * kh * kw * od * oh * ow;
    real sum = 0;
    for (long i = 0; i < kd; i++) {
        const long d = col2im_place(pixel / (ih * iw), i * dd, sd, pd, od);
        for (long j = 0; j < kh && d >= 0; j++) {
            const long h = col2im_place(pixel / iw % ih, j * dh, sh, ph, oh);
            for (long k = 0; k < kw && h >= 0; k++) {
                const long w = col2im_place(pixel % iw, k * dw, sw, pw, ow);
                if (w >= 0)
                    sum += x[((((i * kh + j) * kw + k) * od + d) * oh + h) * ow + w];
            }
        }
    }
    y[image * y_batch + channel * pixels + pixel] = sum;
}
