/* Worker pool: N-1 workers and the caller share the slices of one call at a time.
 *
 * A slice is handed out by a compare-and-swap on one 64-bit ticket (generation, next slice), so a worker that
 * wakes late can never take a slice of another call. Workers spin while a run is active and for a short while
 * after it, then sleep on a futex. The pool is taken by try-lock: whoever fails runs its slices alone, with
 * the same results. After a fork the child starts with no workers and makes new ones at its next run. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#define PAUSE() _mm_pause()
#define GET_FP_MODE() _mm_getcsr()
#define SET_FP_MODE(m) _mm_setcsr(m)
#else
#define PAUSE() ((void)0)
#define GET_FP_MODE() 0u
#define SET_FP_MODE(m) ((void)(m))
#endif
#include "runtime.h"

enum { MAX_THREADS = 256, WORKER_SPIN_NS = 50000, SPINS_TO_YIELD = 1 << 14 };

static atomic_int wanted_threads = 1;
static atomic_int pool_busy;
static int workers_made; /* guarded by pool_busy */
static int atfork_set;
static _Atomic uint32_t wake_word; /* bumped when there may be work; workers sleep on it */
static atomic_int sleepers;
static atomic_int run_active;
static _Atomic uint64_t ticket; /* generation << 32 | next slice */
static _Atomic uint32_t job_slices;
static _Atomic(cs_step *) job_step;
static _Atomic uint32_t job_done;
static _Atomic uint32_t job_fp_mode;
static atomic_int helpers; /* workers the present run may use; more were made if there were more threads */

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static _Thread_local void *scratch;

static void make_key(void) { pthread_key_create(&scratch_key, free); }

static int ensure_scratch(void) {
    if (scratch)
        return 0;
    pthread_once(&scratch_once, make_key);
    if (posix_memalign(&scratch, 64, CS_SCRATCH_BYTES)) {
        scratch = NULL;
        return -1;
    }
    pthread_setspecific(scratch_key, scratch);
    return 0;
}

void *cs_scratch(void) { return scratch; }

int64_t cs_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void run_slice(const cs_step *s, int64_t slice) {
    int64_t begin = slice * s->grain;
    s->fn(&s->call, begin, cs_min(begin + s->grain, s->call.items));
}

/* Take slices of generation `gen` until there are none; returns how many this thread ran. */
static void work_on(uint32_t gen) {
    for (;;) {
        uint64_t t = atomic_load_explicit(&ticket, memory_order_acquire);
        if ((uint32_t)(t >> 32) != gen || (uint32_t)t >= atomic_load(&job_slices))
            return;
        cs_step *step = atomic_load(&job_step);
        if (!atomic_compare_exchange_weak(&ticket, &t, t + 1))
            continue;
        run_slice(step, (int64_t)(uint32_t)t);
        atomic_fetch_add_explicit(&job_done, 1, memory_order_release);
    }
}

static void *worker(void *number) {
    int self = (int)(intptr_t)number;
    if (ensure_scratch())
        return NULL; /* the caller does the work alone */
    uint32_t last = (uint32_t)(atomic_load(&ticket) >> 32);
    int64_t idle_since = cs_now();
    for (uint32_t spins = 0;;) {
        uint32_t seen = atomic_load(&wake_word);
        uint32_t gen = (uint32_t)(atomic_load_explicit(&ticket, memory_order_acquire) >> 32);
        if (gen != last) {
            last = gen;
            if (self < atomic_load(&helpers)) {
                SET_FP_MODE(atomic_load(&job_fp_mode));
                work_on(gen);
                idle_since = 0;
                spins = 0;
            }
            continue;
        }
        PAUSE();
        if (++spins % SPINS_TO_YIELD == 0)
            sched_yield();
        if (spins % 64 == 0 && !(atomic_load(&run_active) && self < atomic_load(&helpers))) {
            int64_t t = cs_now();
            if (!idle_since)
                idle_since = t;
            if (t - idle_since > WORKER_SPIN_NS || self >= atomic_load(&helpers)) {
                atomic_fetch_add(&sleepers, 1);
                if (!(atomic_load(&run_active) && self < atomic_load(&helpers)))
                    syscall(SYS_futex, &wake_word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
                atomic_fetch_sub(&sleepers, 1);
                idle_since = 0;
            }
        }
    }
    return NULL;
}

static void after_fork(void) {
    atomic_store(&pool_busy, 0);
    atomic_store(&sleepers, 0);
    atomic_store(&run_active, 0);
    workers_made = 0;
}

static void grow(int threads) {
    if (!atfork_set) {
        pthread_atfork(NULL, NULL, after_fork);
        atfork_set = 1;
    }
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    while (workers_made < threads - 1) {
        pthread_t id;
        if (pthread_create(&id, &attr, worker, (void *)(intptr_t)workers_made))
            break; /* fewer threads, same results */
        workers_made++;
    }
    pthread_attr_destroy(&attr);
}

static void wake_all(void) {
    atomic_store(&run_active, 1);
    atomic_fetch_add(&wake_word, 1);
    if (atomic_load(&sleepers))
        syscall(SYS_futex, &wake_word, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
}

static void run_parallel(cs_step *s, uint32_t slices) {
    uint32_t gen = (uint32_t)(atomic_load(&ticket) >> 32) + 1;
    /* No slice of the old generation is left, so nobody holds job_*; the ticket publishes them. Its old
     * generation is closed first: a late worker must not pair the old ticket with the new slice count. */
    atomic_store(&ticket, ((uint64_t)gen << 32) | UINT32_MAX);
    atomic_store(&job_done, 0);
    atomic_store(&job_step, s);
    atomic_store(&job_slices, slices);
    gen++;
    atomic_store_explicit(&ticket, (uint64_t)gen << 32, memory_order_release);
    work_on(gen);
    for (uint32_t spins = 1; atomic_load_explicit(&job_done, memory_order_acquire) < slices; spins++) {
        PAUSE();
        if (spins % SPINS_TO_YIELD == 0)
            sched_yield(); /* more threads than processors: let the others finish */
    }
}

void cs_set_threads(int n) { atomic_store(&wanted_threads, n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n); }
int cs_get_threads(void) { return atomic_load(&wanted_threads); }

/* Inlined twice, with and without `stamps`: a run nobody times pays nothing for those that are timed. */
static inline __attribute__((always_inline)) int run_steps(cs_step *steps, int64_t count, int skip_once,
                                                           int64_t *stamps) {
    if (ensure_scratch())
        return -1;
    int threads = atomic_load(&wanted_threads), own = 0, awake = 0;
    for (int64_t i = 0; i < count; i++) {
        cs_step *s = steps + i;
        if (stamps)
            stamps[2 * i] = stamps[2 * i + 1] = 0;
        if (s->call.items == 0) /* an empty tensor: kernels divide by dimensions */
            continue;
        if (skip_once && s->once)
            continue;
        if (s->guard) {
            if (*s->guard == s->seen)
                continue;
            s->seen = *s->guard;
        }
        if (stamps)
            stamps[2 * i] = cs_now();
        if (s->parallel && threads > 1) {
            if (!own) {
                int expected = 0;
                own = atomic_compare_exchange_strong(&pool_busy, &expected, 1) ? 1 : -1;
                if (own == 1) {
                    if (workers_made < threads - 1)
                        grow(threads);
                    atomic_store(&job_fp_mode, GET_FP_MODE());
                    atomic_store(&helpers, threads - 1);
                }
            }
            if (own == 1 && !awake) {
                wake_all();
                awake = 1;
            }
            if (own == 1) {
                run_parallel(s, (uint32_t)cs_div_up(s->call.items, s->grain));
                if (stamps)
                    stamps[2 * i + 1] = cs_now();
                continue;
            }
        }
        s->fn(&s->call, 0, s->call.items);
        if (stamps)
            stamps[2 * i + 1] = cs_now();
    }
    if (own == 1) {
        atomic_store(&run_active, 0);
        atomic_store(&pool_busy, 0);
    }
    return 0;
}

int cs_run(cs_step *steps, int64_t count, int skip_once) { return run_steps(steps, count, skip_once, NULL); }

int cs_run_timed(cs_step *steps, int64_t count, int skip_once, int64_t *stamps) {
    return run_steps(steps, count, skip_once, stamps);
}
