/* Rows of numbers in text, the plain case only. No Python here. */
#ifndef CYSYM_TABLE_H
#define CYSYM_TABLE_H
#include <stdint.h>

/* Where reading stopped. */
typedef struct {
    int64_t used;  /* bytes, always whole lines */
    int64_t lines; /* lines in these bytes, blank ones too */
    int64_t rows;  /* rows written */
} cs_table;

/*
 * Read lines of `columns` numbers with commas between them into `out`, `columns` floats a row. Reading stops
 * at the end, at `most` rows, or at the first line that is anything but plain decimal numbers (with sign,
 * point, exponent, blanks around them, a comma at the end): the caller decides what that line is. The last
 * line needs no line end.
 */
cs_table cs_read_table(const char *text, int64_t size, int64_t columns, int64_t most, float *out);
#endif
