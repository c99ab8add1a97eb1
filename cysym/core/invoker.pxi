# Arrays as the fast path sees them, recording, and cached imperative calls.
# Part of _core.pyx, which includes it.

def is_recording():
    """Whether this thread records its imperative calls."""
    return cs_recording != 0


def set_recording(bint is_recording):
    """Switch recording of this thread on or off; what it was before."""
    global cs_recording
    before = cs_recording != 0
    cs_recording = is_recording
    return before


def is_training():
    """Whether this thread's imperative calls behave as in training."""
    return cs_training != 0


def set_training(bint train_mode):
    """Switch training behaviour of this thread on or off; what it was before."""
    global cs_training
    before = cs_training != 0
    cs_training = train_mode
    return before


cdef class Scope:
    """``with Scope(recording, training):`` sets both for this thread, None leaves one as it is.

    What was before is put back on exit. No Python code runs here, so that an interrupt comes before or after
    all of it.
    """

    cdef object recording, training
    cdef list before

    def __init__(self, recording, training):
        self.recording = recording
        self.training = training
        self.before = []

    def __enter__(self):
        global cs_recording, cs_training
        self.before.append((cs_recording, cs_training))
        if self.recording is not None:
            cs_recording = bool(self.recording)
        if self.training is not None:
            cs_training = bool(self.training)

    def __exit__(self, *error):
        global cs_recording, cs_training
        cs_recording, cs_training = self.before.pop()


def is_np_shape():
    """Whether 0 is a size (and () a scalar) rather than 'unknown', in this thread."""
    return cs_np_shape != 0


def set_np_shape(bint active):
    """Switch np-shape mode of this thread on or off; what it was before."""
    global cs_np_shape
    before = cs_np_shape != 0
    cs_np_shape = active
    return before


cdef struct _Look:
    # What one exported buffer holds: its storage, and the dims and strides it points at.
    PyObject* storage
    Py_ssize_t dims[1]


# Letters of the buffer protocol, by element type code.
cdef const char* _FORMATS[8]
_FORMATS[:] = [b"f", b"d", b"e", b"B", b"i", b"b", b"l" if sizeof(long) == 8 else b"q", b"?"]


cdef int64_t _spec_bytes(tuple spec) except -1:
    """Size of an array's elements."""
    cdef int64_t n, dim
    cdef Py_ssize_t code = spec[1]
    if not 0 <= code < len(_SIZES):
        raise ValueError(f"{code} is no element type")
    n = _SIZES[code]
    for d in <tuple?>spec[0]:
        dim = d
        if dim < 0 or __builtin_mul_overflow(n, dim, &n):
            raise ValueError(f"{spec[0]} is no shape of an array in memory")
    return n


@cython.auto_pickle(False)
cdef class ArrayBase:
    """What the fast path needs of an NDArray: storage, byte offset, hashable (shape, dtype code, context).

    They never change and never reach beyond the storage; a storage of None is an array without memory.
    `entry` is the (node, output index) of the recorded graph this array is the value of, or None.
    """

    cdef readonly Storage storage
    cdef readonly int64_t offset
    cdef readonly tuple spec
    cdef public object entry

    def __init__(self, Storage storage, int64_t offset, tuple shape, int dtype, context):
        self._place(storage, offset, (shape, dtype, context))

    cdef int _place(self, Storage storage, int64_t offset, tuple spec) except -1:
        cdef int64_t size = _spec_bytes(spec)
        if storage is not None and (offset < 0 or offset > storage.nbytes - size):
            raise BufferError(
                f"{size} bytes from {offset} on do not lie in a storage of {storage.nbytes} bytes"
            )
        self.storage, self.offset, self.spec = storage, offset, spec
        return 0

    @property
    def shape(self):
        """Tuple of int."""
        return self.spec[0]

    @property
    def context(self):
        """Context the array lives on."""
        return self.spec[2]

    @property
    def ctx(self):
        """Same as `context`."""
        return self.spec[2]

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        """The array's own memory, writable, in C order (PEP 3118); it lives as long as the view."""
        cdef Storage s = self.storage
        cdef tuple shape = self.spec[0]
        cdef Py_ssize_t i, ndim = len(shape), itemsize = _SIZES[self.spec[1]], step = itemsize
        cdef _Look* look
        if s is None or s.data == NULL:
            raise BufferError(f"an array on {self.spec[2]} has no host memory to look into; use asnumpy()")
        if (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS and ndim > 1:
            raise BufferError("an NDArray lies in C order, not in Fortran order")
        look = <_Look*>PyMem_Malloc(sizeof(_Look) + 2 * ndim * sizeof(Py_ssize_t))
        if look == NULL:
            raise MemoryError
        look.storage = <PyObject*>s
        Py_INCREF(s)
        for i in range(ndim - 1, -1, -1):
            look.dims[i] = shape[i]
            look.dims[ndim + i] = step
            step *= look.dims[i]
        s.exported = True
        buffer.buf = <char*>s.data + self.offset
        buffer.obj = self
        buffer.len = step
        buffer.readonly = 0
        buffer.itemsize = itemsize
        buffer.format = <char*>_FORMATS[<int>self.spec[1]] if flags & PyBUF_FORMAT else NULL
        buffer.ndim = ndim
        buffer.shape = look.dims if flags & PyBUF_ND else NULL
        buffer.strides = look.dims + ndim if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = look

    def __releasebuffer__(self, Py_buffer* buffer):
        cdef _Look* look = <_Look*>buffer.internal
        Py_DECREF(<object>look.storage)
        PyMem_Free(look)


def array_over(cls, Storage storage, int64_t offset, tuple spec):
    """Array of class `cls` over memory at hand: the specification is (shape, dtype code, context)."""
    cdef ArrayBase array = cls.__new__(cls)
    array._place(storage, offset, spec)
    return array


cdef class CachedCall:
    """One operator with static parameters, shapes, types and device fixed: lowered once, run many times.

    Slots: inputs first, then outputs, then whatever `fixed` binds for good. One instance serves one call at a
    time (the fast path takes it from a free list).
    """

    cdef object segment
    cdef CpuSegment cpu
    cdef tuple specs            # spec of each output
    cdef tuple nbytes           # bytes of each output
    cdef tuple mutated          # positions of inputs written
    cdef tuple dynamic          # (call, float, parameter name, default, item of a tuple or -1, its length)
    cdef int64_t n_in
    cdef public int64_t held    # bytes of its workspaces
    cdef readonly frozenset inplace   # (input, output) pairs that may share memory

    def __init__(self, segment, int64_t n_in, specs, nbytes, mutated, dynamic, inplace, fixed):
        self.segment = segment
        self.cpu = segment if isinstance(segment, CpuSegment) else None
        self.n_in = n_in
        self.specs = tuple(specs)
        self.nbytes = tuple(nbytes)
        self.mutated = tuple(mutated)
        self.dynamic = tuple(dynamic)
        self.inplace = frozenset(inplace)
        for slot, storage in fixed:
            segment.bind_slot(slot, storage)


cdef int64_t HELD = 256 << 20    # bytes of workspaces the cache may keep


cdef object _kind(value):
    """What equality leaves out: the type, and the sign of zero."""
    cdef type t = type(value)
    if t is float:
        return "-0.0" if <double>value == 0 and signbit(<double>value) else t
    if t is int or t is str or t is bool:
        return t
    if t is tuple:
        return tuple([_kind(v) for v in <tuple>value])
    return (t, repr(value)) if hasattr(t, "tolist") else t  # NumPy's numbers have signs, too


cpdef tuple key_of(dict params):
    """Parameters as a part of a key: two are equal only where no operator can tell them apart."""
    return tuple(params.items()), tuple([_kind(v) for v in params.values()])


cdef inline tuple _spec_of(array):
    if not isinstance(array, ArrayBase):
        raise TypeError(f"an operator takes NDArrays, got {type(array)}")
    return (<ArrayBase>array).spec


cdef class Invoker:
    """Runs operators imperatively: (operator, static parameters, specs) -> cached call.

    Parameters
    ----------
    lower
        ``lower(op class, static kwargs, dynamic kwargs, specs, is_train, context) -> CachedCall``, called on
        a miss.
    lower_op
        ``lower_op(op, specs, likes, is_train, context, whole, shared) -> CachedCall``, the same for
        `invoke_op`.
    array_type
        Class of the results.

    Attributes
    ----------
    recorder
        ``recorder(op class, inputs, kwargs, out, context)`` of `autograd`, asked first while this thread
        records: the outputs, or None where there is nothing to record.
    """

    cdef dict cache
    cdef object lower, lower_op, array_type
    cdef public object recorder
    cdef readonly int64_t misses
    cdef readonly int64_t held    # bytes of workspaces made since the cache was last empty

    def __init__(self, lower, lower_op, array_type):
        self.cache = {}
        self.lower = lower
        self.lower_op = lower_op
        self.array_type = array_type

    def clear(self):
        """Forget every cached call."""
        self.cache.clear()
        self.held = 0

    def invoke(self, cls, list inputs, dict kwargs, out=None, context=None):
        """Outputs (visible ones) as a list; `out` is None or a list of arrays to write into."""
        cdef list free_list
        cdef CachedCall call
        cdef Py_ssize_t n = len(inputs)
        cdef bint is_train = cs_training
        cdef int mode = cs_training | cs_np_shape << 1
        cdef dict dyn = None
        if cs_recording and self.recorder is not None:
            recorded = self.recorder(cls, inputs, kwargs, out, context)
            if recorded is not None:
                return recorded
        dynamic_names = cls.dynamic_names if kwargs else None
        if dynamic_names:
            dyn = {}
            static = {}
            for name, value in kwargs.items():
                if name in dynamic_names:
                    dyn[name] = value
                else:
                    static[name] = value
            kwargs = static
        if n == 1:
            key = (cls, mode, context, _spec_of(inputs[0]))
        elif n == 2:
            key = (cls, mode, context, _spec_of(inputs[0]), _spec_of(inputs[1]))
        else:
            key = (cls, mode, context, *[_spec_of(x) for x in inputs])
        if kwargs:
            key = (key, key_of(kwargs))
        try:
            free_list = self.cache.get(key)
        except TypeError:  # an unhashable parameter, as a list; an array's text may leave numbers out
            kwargs = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in kwargs.items()}
            key = (key[0], repr(kwargs))
            free_list = self.cache.get(key)
        if free_list is None or not free_list:
            specs = [_spec_of(x) for x in inputs]
            call = self.lower(cls, kwargs, dyn or {}, specs, is_train, context)
            free_list = self._keep(key, free_list, call)
            if cls.is_callback:
                free_list = []  # the user's object may keep state: each call has its own, as in MXNet
        else:
            call = free_list.pop()
        return self._run(cls, call, free_list, inputs, out, dyn, False)

    def invoke_op(
        self, op, list inputs, tuple likes=(), out=None, context=None, bint whole=False, shared=None
    ):
        """Like `invoke` for an operator instance, gradient nodes included.

        Parameters
        ----------
        likes
            Specs the first outputs have, where the operator itself does not tell (gradient nodes).
        whole
            Return the hidden outputs, too.
        shared
            Dictionary a forward and its backward leave things for each other in; such calls are not cached.
        """
        cdef list free_list = None
        cdef CachedCall call
        cdef bint is_train = cs_training
        cdef list specs = [_spec_of(x) for x in inputs]
        if shared is not None:
            call = self.lower_op(op, specs, likes, is_train, context, whole, shared)
            return self._run(type(op), call, [], inputs, out, op.values, True)
        key = (op.key, cs_training | cs_np_shape << 1, whole, context, likes, *specs)
        free_list = self.cache.get(key)
        if free_list is None or not free_list:
            call = self.lower_op(op, specs, likes, is_train, context, whole, None)
            free_list = self._keep(key, free_list, call)
        else:
            call = free_list.pop()
        return self._run(type(op), call, free_list, inputs, out, op.values, True)

    cdef list _keep(self, key, list free_list, CachedCall call):
        """Account for a call just made; the list it goes back to."""
        self.misses += 1
        if free_list is None:
            if len(self.cache) >= 8192 or self.held + call.held > HELD:
                self.clear()
            free_list = self.cache[key] = []
        self.held += call.held
        return [] if call.held > HELD else free_list

    cdef list _run(
        self, cls, CachedCall call, list free_list, list inputs, out, dict dyn, bint is_parsed
    ):
        """Bind, run and give the call back to `free_list`."""
        cdef list results = []
        cdef ArrayBase a, o
        cdef Storage s
        cdef Py_ssize_t i, n = len(inputs)
        cdef bint direct
        cdef int64_t begin = 0 if _sink is None else cs_now()
        if out is not None and len(out) > len(call.specs):
            free_list.append(call)
            raise MXNetError(
                f"operator {_name(cls)}: {len(out)} out arrays given, it has {len(call.specs)} outputs"
            )
        segment = call.segment
        direct = call.cpu is not None
        for i in range(n):
            a = inputs[i]
            if a.storage is None:
                raise MXNetError(f"operator {_name(cls)}: input {i} is an array without memory")
            if direct:
                if a.storage.data == NULL:
                    raise DeviceError(f"operator {_name(cls)}: input {i} lies on {a.spec[2]}")
                call.cpu.point(i, <char*>a.storage.data + a.offset)
            else:
                segment.bind_slot(i, a.storage, a.offset)
        copies = None
        for i in range(len(call.specs)):
            target = None
            if out is not None and i < len(out):
                target = out[i]
                a = target
                if a.spec != call.specs[i]:
                    if direct:  # else arrays are bound to it: let go
                        free_list.append(call)
                    raise MXNetError(
                        f"operator {_name(cls)}: out array {i} is {a.spec[0]} {NAMES[a.spec[1]]} on "
                        f"{a.spec[2]}, expected {call.specs[i][0]} "
                        f"{NAMES[call.specs[i][1]]} on {call.specs[i][2]}"
                    )
                if a.storage is None:
                    raise MXNetError(f"operator {_name(cls)}: out array {i} is an array without memory")
                if not self._may_write(call, inputs, a, i):
                    copies = [] if copies is None else copies
                    copies.append(i)
                    target = None
            if target is None:
                o = self.array_type.__new__(self.array_type)
                o.spec = call.specs[i]
                if direct:
                    s = Storage.alloc((<tuple>o.spec)[2].device, call.nbytes[i])
                else:
                    s = (<tuple>o.spec)[2].device.alloc(call.nbytes[i])
                o.storage = s
            else:
                o = target
            results.append(o)
            if direct:
                call.cpu.point(call.n_in + i, <char*>o.storage.data + o.offset)
            else:
                segment.bind_slot(call.n_in + i, o.storage, o.offset)
        if call.dynamic:
            tuples = None
            for at, j, param, default, item, length in call.dynamic:
                value = default if dyn is None else dyn.get(param, default)
                if type(value) is not float:
                    if value is REQUIRED:
                        if direct:
                            free_list.append(call)
                        raise MXNetError(
                            f"Required parameter {param} of {cls.params[param].kind} is not presented, in "
                            f'operator {_name(cls)}(name="")'
                        )
                    if item >= 0:
                        if tuples is None:
                            tuples = {}
                        if param not in tuples:
                            tuples[param] = self._dynamic_tuple(cls, param, value, length)
                        value = tuples[param][item]
                    elif is_parsed:
                        value = float(value)
                    else:
                        value = self._parsed(cls, param, value)
                segment.set_float(at, j, value)
        if direct:
            call.cpu.run()
        else:
            segment.run(False)
            segment.forget(range(n + len(call.specs)))
        for i in call.mutated:
            (<ArrayBase>inputs[i]).storage.version += 1
        for o in results:
            o.storage.version += 1
        if copies is not None:
            for i in copies:
                results[i].copyto(out[i])
                results[i] = out[i]
        free_list.append(call)
        if begin and _sink is not None:
            _sink.invoked("MXImperativeInvokeEx", begin)
        return results

    def _parsed(self, cls, param, value):
        """A parameter read at each run; what is wrong with it is said as when an operator is made."""
        try:
            return cls.params[param].parse(value)
        except MXNetError as error:
            raise MXNetError(f'{error}, in operator {_name(cls)}(name="")') from None

    def _dynamic_tuple(self, cls, param, value, length):
        """A tuple read at each run, as numbers."""
        values = self._parsed(cls, param, value)
        if len(values) != length:
            raise MXNetError(
                f"{param} has {len(values)} numbers, expected {length}, in operator {_name(cls)}"
            )
        return values

    cdef bint _may_write(self, CachedCall call, list inputs, ArrayBase target, Py_ssize_t which):
        """Whether output `which` may go straight into `target`: it meets no input but those declared so."""
        cdef Py_ssize_t i
        cdef ArrayBase a
        cdef int64_t at, start = target.offset, size = call.nbytes[which]
        if target.storage.data != NULL:  # host memory may be known under several storages: compare addresses
            start += <int64_t><uintptr_t>target.storage.data
        for i in range(len(inputs)):
            a = inputs[i]
            at = a.offset
            if a.storage.data != NULL:
                at += <int64_t><uintptr_t>a.storage.data
            elif a.storage is not target.storage:
                continue
            if at == start and (i, which) in call.inplace:
                continue
            if at < start + size and start < at + _spec_bytes(a.spec):
                return False
        return True


cdef str _name(cls):
    return cls.name or cls.__name__
