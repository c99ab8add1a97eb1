/*
 * Rows are resized once and kept for the output rows that need them: neighbours share all but the newest. The
 * sums are those of image/resize.py, which says what OpenCV does.
 */
#include "picture.h"

int cs_taps_fit(const cs_taps *taps, int64_t inputs) {
    for (int64_t i = 0; i < taps->count * taps->taps; i++)
        if (taps->places[i] < 0 || taps->places[i] >= inputs)
            return 0;
    return 1;
}

static void along_row(const uint8_t *src, const cs_taps *along, int shift, int32_t *out) {
    int64_t n = along->count;
    const int64_t *places = along->places;
    const int32_t *weights = along->weights;
    if (along->taps == 2) {
        for (int64_t i = 0; i < n; i++)
            out[i] = (src[places[i]] * weights[i] + src[places[n + i]] * weights[n + i]) >> shift;
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (int64_t t = 0; t < along->taps; t++)
            sum += src[places[t * n + i]] * weights[t * n + i];
        out[i] = sum >> shift;
    }
}

void cs_resize(const uint8_t *src, int64_t width, const cs_taps *down, const cs_taps *along, int two_steps,
               void *work, uint8_t *out) {
    int64_t n = along->count, taps = down->taps;
    int64_t *held = work; /* which input row slot t holds */
    int32_t *rows = (int32_t *)(held + taps), *sum = rows + taps * n;
    for (int64_t t = 0; t < taps; t++)
        held[t] = -1;
    for (int64_t y = 0; y < down->count; y++, out += n) {
        for (int64_t i = 0; i < n; i++)
            sum[i] = two_steps ? 2 : 1 << 21;
        for (int64_t t = 0; t < taps; t++) {
            int64_t place = down->places[t * down->count + y], slot = place % taps;
            int32_t weight = down->weights[t * down->count + y], *row = rows + slot * n;
            if (held[slot] != place) {
                along_row(src + place * width, along, two_steps ? 4 : 0, row);
                held[slot] = place;
            }
            if (two_steps)
                for (int64_t i = 0; i < n; i++)
                    sum[i] += (row[i] * weight) >> 16;
            else
                for (int64_t i = 0; i < n; i++)
                    sum[i] += row[i] * weight;
        }
        int shift = two_steps ? 2 : 22;
        for (int64_t i = 0; i < n; i++) {
            int32_t v = sum[i] >> shift;
            out[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
        }
    }
}
