/* Large blocks of host memory. Blocks given back are kept, up to a limit, and handed out again: fresh pages
 * cost a fault each, which for an array of megabytes is more than most kernels take. */
#include "hostmem.h"
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { SLOTS = 64, PAGE = 4096, HUGE_FROM = 4 << 20 };

typedef struct {
    void *data;
    int64_t size;
    uint64_t stamp; /* order of arrival */
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static block kept[SLOTS];
static int64_t held, limit;
static uint64_t clock_;

/* Sizes are rounded up by at most an eighth, so that nearly equal ones share blocks; what is never touched
 * costs no memory. */
static int64_t rounded(int64_t size) {
    int64_t unit = PAGE;
    while (unit * 16 <= size)
        unit *= 2;
    return size > INT64_MAX - unit ? size : (size + unit - 1) / unit * unit;
}

static void drop(int i) {
    munmap(kept[i].data, (size_t)kept[i].size);
    held -= kept[i].size;
    kept[i].data = NULL;
}

/* The slot that came first among those in use; -1 when none is. */
static int oldest(void) {
    int found = -1;
    for (int i = 0; i < SLOTS; i++)
        if (kept[i].data && (found < 0 || kept[i].stamp < kept[found].stamp))
            found = i;
    return found;
}

void *cs_host_alloc(int64_t size, int zero) {
    const int64_t whole = rounded(size);
    void *data = NULL;
    pthread_mutex_lock(&lock);
    /* large zeros are fresh pages, which are zero when they are first touched, if ever */
    for (int i = 0; i < SLOTS && !data && !(zero && whole >= HUGE_FROM); i++)
        if (kept[i].data && kept[i].size == whole) {
            data = kept[i].data;
            kept[i].data = NULL;
            held -= whole;
        }
    pthread_mutex_unlock(&lock);
    if (data) {
        if (zero)
            memset(data, 0, (size_t)size);
        return data;
    }
    data = mmap(NULL, (size_t)whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        if (cs_host_trim() == 0)
            return NULL;
        data = mmap(NULL, (size_t)whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (data == MAP_FAILED)
            return NULL;
    }
    if (whole >= HUGE_FROM)
        madvise(data, (size_t)whole, MADV_HUGEPAGE);
    return data;
}

void cs_host_free(void *data, int64_t size) {
    const int64_t whole = rounded(size);
    pthread_mutex_lock(&lock);
    if (whole <= limit / 2) {
        int at = -1;
        while (held + whole > limit)
            drop(oldest());
        for (int i = 0; i < SLOTS && at < 0; i++)
            if (!kept[i].data)
                at = i;
        if (at < 0)
            drop(at = oldest());
        kept[at] = (block){data, whole, ++clock_};
        held += whole;
        data = NULL;
    }
    pthread_mutex_unlock(&lock);
    if (data)
        munmap(data, (size_t)whole);
}

int64_t cs_host_trim(void) {
    pthread_mutex_lock(&lock);
    const int64_t before = held;
    for (int i = 0; i < SLOTS; i++)
        if (kept[i].data)
            drop(i);
    pthread_mutex_unlock(&lock);
    return before;
}

void cs_host_limit(int64_t bytes) {
    pthread_mutex_lock(&lock);
    limit = bytes;
    while (held > limit)
        drop(oldest());
    pthread_mutex_unlock(&lock);
}
