"""OpenCL source of elementwise groups: one small kernel for each distinct group, made of the rows' own text.

The same integers the CPU's interpreter reads come as an array: with ndim = 0 every tensor is dense and
work-item i computes element i, else the strides are followed. One text serves both, so a program is built
once per group and element type. Names come from the content: equal groups give equal text."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ..ops.ew_group import EwGroup
from ..ops.expr import substitute


@lru_cache(maxsize=4096)
def source(group: EwGroup, dtype: str) -> str:
    """Text of the kernel for one group and element type, ready to stand behind the preamble.

    Its parameters are the call's outputs and inputs, INTS, one FLOAT for each scalar, ITEMS.
    """
    n_out = len(group.outs)
    outs = [f"y{k}" for k in range(n_out)]
    ins = [f"x{k}" for k in range(group.n_in)]
    params = [f"OUT({n})" for n in outs] + [f"IN({n})" for n in ins] + ["INTS"]
    params += [f"FLOAT(f{k})" for k in range(group.n_floats)] + ["ITEMS"]
    names = outs + ins
    body = [f"USE_OUT({n});" for n in outs] + [f"USE_IN({n});" for n in ins]
    body += ["const long i = get_global_id(0);", "if (i >= items)", "    return;"]
    body += ["const long ndim = ints[3];"]
    body += [f"long at_{n} = ndim ? 0 : i;" for n in names]
    body += ["long rest = i;", "for (long d = ndim - 1; d >= 0; d--) {"]
    body += ["    const long dim = ints[4 + d], k = rest % dim;", "    rest /= dim;"]
    body += [f"    at_{n} += k * ints[4 + d + {j + 1} * ndim];" for j, n in enumerate(names)]
    body += ["}"]
    read = {v for i in group.instrs for v in i.srcs}
    body += [f"const real v{v} = {n}[at_{n}];" for v, n in enumerate(ins) if v in read]
    for k, instr in enumerate(group.instrs):
        renamed = {slot: f"v{v}" for slot, v in zip(instr.form.reads, instr.srcs, strict=True)}
        renamed |= {"s": f"f{instr.at}", "t": f"f{instr.at + 1}"}
        body.append(f"const real v{group.n_in + k} = (real)({substitute(instr.form.text, renamed)});")
    body += [f"{n}[at_{n}] = v{v};" for n, v in zip(outs, group.outs, strict=True)]
    text = "\n".join(f"    {line}" for line in body)
    key = hashlib.sha256(f"{text}{params}".encode()).hexdigest()[:16]
    return f"//! dtypes: {dtype}\n__kernel void ew_{key}({', '.join(params)}) {{\n{text}\n}}\n"
