# Where the profiler hooks in: one object that is told what ran, or None.
# Part of _core.pyx, which includes it.

cdef object _sink = None


def set_profiler(sink):
    """Report every run to `sink` from now on (see `profiler.recorder`), or to nobody; who it was before."""
    global _sink
    before, _sink = _sink, sink
    return before


def profiler():
    """Who is told what runs, None while nobody profiles."""
    return _sink


def now():
    """Nanoseconds of the clock all of the profiler's times are of; it only goes forward."""
    return cs_now()
