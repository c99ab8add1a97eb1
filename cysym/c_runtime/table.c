/*
 * Decimal text to float32, as NumPy reads it: to the nearest double, then to float. A number with at most 19
 * digits whose value is a whole number below 2^53 times or over a power of ten up to 22 needs one exact
 * multiplication or division (W. Clinger, "How to read floating point numbers accurately", PLDI 1990); any
 * other is left to the caller.
 */
#include "table.h"

static const double TENS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline int is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static inline const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* One number at p; NULL when it is not a plain one. */
static inline const char *read_number(const char *p, const char *end, float *out) {
    int negative = 0;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    uint64_t whole = 0;
    const char *first = p;
    while (p < end && is_digit(*p))
        whole = whole * 10 + (uint64_t)(*p++ - '0');
    int64_t digits = p - first, power = 0;
    if (p < end && *p == '.') {
        const char *point = ++p;
        while (p < end && is_digit(*p))
            whole = whole * 10 + (uint64_t)(*p++ - '0');
        power = point - p;
        digits -= power;
    }
    if (digits == 0 || digits > 19)
        return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        int down = 0;
        int64_t exponent = 0;
        if (++p < end && (*p == '-' || *p == '+'))
            down = *p++ == '-';
        first = p;
        while (p < end && is_digit(*p) && p - first < 4)
            exponent = exponent * 10 + (*p++ - '0');
        if (p == first)
            return 0;
        power += down ? -exponent : exponent;
    }
    if (whole > (UINT64_C(1) << 53) || power < -22 || power > 22)
        return 0;
    double value = power < 0 ? (double)whole / TENS[-power] : (double)whole * TENS[power];
    *out = (float)(negative ? -value : value);
    return p;
}

cs_table cs_read_table(const char *text, int64_t size, int64_t columns, int64_t most, float *out) {
    cs_table found = {0, 0, 0};
    const char *p = text, *end = text + size;
    while (p < end && found.rows < most) {
        p = skip_blanks(p, end);
        if (p < end && *p != '\n') {
            float *row = out + found.rows * columns;
            for (int64_t i = 0; i < columns; i++) {
                p = read_number(p, end, row + i);
                if (!p)
                    return found;
                p = skip_blanks(p, end);
                if (p < end && *p == ',')
                    p = skip_blanks(p + 1, end);
                else if (i + 1 < columns)
                    return found;
            }
            if (p < end && *p != '\n')
                return found;
            found.rows++;
        }
        p += p < end;
        found.lines++;
        found.used = p - text;
    }
    return found;
}
