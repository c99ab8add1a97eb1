/* 8-bit images in another size, from tables of taps. No Python here. */
#ifndef CYSYM_PICTURE_H
#define CYSYM_PICTURE_H
#include <stdint.h>

/* For each of `count` output positions `taps` inputs: places[tap * count + i] and their weights, of 11 bits.
 */
typedef struct {
    int64_t count;
    int64_t taps;
    const int64_t *places;
    const int32_t *weights;
} cs_taps;

/* Whether every place lies in [0, inputs). */
int cs_taps_fit(const cs_taps *taps, int64_t inputs);

/*
 * Resize `rows` x `width` bytes to down->count x along->count: along the rows first, then down the columns.
 * `two_steps` drops bits after each pass as OpenCV's bilinear code does; otherwise one rounding comes at the
 * end. `work` holds (down->taps + 1) * along->count int32 and down->taps int64. Places must fit.
 */
void cs_resize(const uint8_t *src, int64_t width, const cs_taps *down, const cs_taps *along, int two_steps,
               void *work, uint8_t *out);
#endif
