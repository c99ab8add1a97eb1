/* Large blocks of host memory, kept for the next array of their size. No Python here. */
#ifndef CYSYM_HOSTMEM_H
#define CYSYM_HOSTMEM_H
#include <stdint.h>

/* `size` bytes, page aligned; NULL when there are none. Zeroed if asked, else of any content. */
void *cs_host_alloc(int64_t size, int zero);

/* Give a block back; `size` as it was asked for. */
void cs_host_free(void *data, int64_t size);

/* Return all kept blocks to the system; how many bytes that were. */
int64_t cs_host_trim(void);

/* Keep at most this many bytes. */
void cs_host_limit(int64_t bytes);
#endif
