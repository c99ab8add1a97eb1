"""_random_pdf_*: the density of samples under a distribution, or its logarithm, with gradients.

The parameters are arrays whose shape is the front of the samples' shape. Formulas: c_kernels/pdf.inc, for
both devices. Unlike the samplers, `gamma` takes the inverse scale here, as MXNet does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from ..base import ShapeError
from .rules import FLOATS, show
from .schema import Backward, Bool, OpDef

if TYPE_CHECKING:
    from ..passes.ir import Tensor
    from ..passes.lower import LowerContext
    from .rules import Dims, ShapeRule

# name: the kernels' number, the parameters, the density
TABLE: Final = {
    "uniform": (0, ("low", "high"), "1 / (high - low), also outside the interval"),
    "normal": (1, ("mu", "sigma"), "exp(-((x - mu) / sigma)^2 / 2) / (sigma sqrt(2 pi))"),
    "exponential": (2, ("lam",), "lam exp(-lam x)"),
    "gamma": (3, ("alpha", "beta"), "beta^alpha x^(alpha - 1) exp(-beta x) / Gamma(alpha)"),
    "poisson": (4, ("lam",), "lam^x exp(-lam) / x!"),
    "negative_binomial": (5, ("k", "p"), "Gamma(x + k) / (x! Gamma(k)) p^k (1 - p)^x"),
    "generalized_negative_binomial": (
        6,
        ("mu", "alpha"),
        "that of negative_binomial with k = 1 / alpha and p = 1 / (mu alpha + 1)",
    ),
}


def _per(x: Tensor, parameter: Tensor) -> int:
    """Samples to a parameter (of a Dirichlet distribution: rows to a row)."""
    return x.size // max(parameter.size, 1)


class PdfBackward(Backward):
    """d log f by samples and parameters, times f where the density itself was asked for."""

    needs = ("ograd",)
    forward: _Pdf

    def read_names(self) -> tuple[str, ...]:
        return ("ograd", *self.forward.inputs, "output")

    def lower(self, c: LowerContext) -> None:
        op = self.forward
        sample, *parameters = op.inputs
        x, p = c.input(sample), [c.input(n) for n in parameters]
        ins = [c.input("ograd"), x, p[0], p[-1], c.input("output")]
        per = _per(x, p[0])
        ints = [op.kind, per, op.is_log]
        if c.wants(sample):
            c.call("pdf_grad_sample", [c.output(sample)], ins, ints, items=x.size, cost=60.0)
        for which, name in enumerate(parameters, 1):
            if c.wants(name):
                c.call(
                    "pdf_grad_parameter", [c.output(name)], ins, [*ints, which], items=p[0].size,
                    cost=60.0 * per + 1,
                )  # fmt: skip


class _Pdf(OpDef):
    """Base: two or one parameter an element."""

    dtypes = FLOATS
    backward = PdfBackward
    kind: ClassVar[int] = 0
    last: ClassVar[int] = 0  # how many trailing dimensions make one sample

    is_log = Bool(False, "return the logarithm of the density")

    def infer_shape(self, s: ShapeRule) -> None:
        sample, *parameters = self.inputs
        for _ in parameters:
            for name in parameters:
                s.meet_in(name, s.get(parameters[0]))
                s.meet_in(parameters[0], s.get(name))
        x, p = s.get(sample), s.get(parameters[0])
        if x is not None:
            if len(x) < self.last:
                raise ShapeError(
                    f"{self.name}: sample must have at least {self.last} dimensions, got {show(x)}"
                )
            if self.last and x[-1] == 0:
                raise ShapeError(f"{self.name}: a sample must have at least one component, got {show(x)}")
            s.meet_out(0, x[: len(x) - self.last] or (x if not self.last else (1,)))
        if x is not None and p is not None:
            rank = len(p) - self.last
            front: Dims = x[:rank] + x[len(x) - self.last :]
            if rank < 0 or len(x) < len(p) or any(a >= 0 and b >= 0 and a != b for a, b in zip(front, p)):
                raise ShapeError(
                    f"{self.name}: the shape of {' and '.join(parameters)} must be the front of the samples'"
                    f"{' (without the last axis, which they share)' if self.last else ''}, got {show(p)} for "
                    f"samples of shape {show(x)}"
                )

    def lower(self, c: LowerContext) -> None:
        x, *p = (c.input(n) for n in self.inputs)
        ints = [self.kind, _per(x, p[0]), self.is_log]
        c.call("pdf", [c.output()], [x, p[0], p[-1]], ints, items=x.size, cost=60.0)


for _name, (_kind, _parameters, _formula) in TABLE.items():
    type(
        "Pdf" + "".join(word.title() for word in _name.split("_")),
        (_Pdf,),
        {
            "__module__": __name__,
            "__doc__": f"Density of samples x under the {_name.replace('_', ' ')} distribution: "
            f"``{_formula}``.\n\nThe parameters {' and '.join(_parameters)} have one shape, with which the "
            "shape of ``sample`` begins; ``output`` has the shape of ``sample``. Gradients reach the "
            f"parameters{' and the samples' if _kind in (1, 2, 3) else ''}. (MXNet: _random_pdf_{_name})",
            "name": f"_random_pdf_{_name}",
            "aliases": (f"random_pdf_{_name}",),
            "inputs": ("sample", *_parameters),
            "kind": _kind,
        },
    )


class PdfDirichletBackward(PdfBackward):
    """d log f / dx_j = (alpha_j - 1) / x_j; by alpha_j: log x_j + psi(sum alpha) - psi(alpha_j)."""

    def lower(self, c: LowerContext) -> None:
        x, alpha = c.input("sample"), c.input("alpha")
        ins = [c.input("ograd"), x, alpha, c.input("output")]
        k, per = x.shape[-1], _per(x, alpha)
        ints = [per, self.forward.is_log, k]
        if c.wants("sample"):
            items = x.size // max(k, 1)
            c.call("pdf_dirichlet_grad_sample", [c.output("sample")], ins, ints, items=items, cost=3.0 * k)
        if c.wants("alpha"):
            items = alpha.size // max(k, 1)
            cost = 20.0 * k * (per + 5)
            c.call("pdf_dirichlet_grad_alpha", [c.output("alpha")], ins, ints, items=items, cost=cost)


class PdfDirichlet(_Pdf):
    """Density of samples x under the Dirichlet distribution.

    ``prod_j x_j^(alpha_j - 1) Gamma(sum alpha) / prod_j Gamma(alpha_j)``. alpha: (..., k); sample: the same
    with any number of axes before the last; output: the shape of ``sample`` without the last axis. Gradients
    reach both. (MXNet: _random_pdf_dirichlet)
    """

    name = "_random_pdf_dirichlet"
    aliases = ("random_pdf_dirichlet",)
    inputs = ("sample", "alpha")
    last = 1
    backward = PdfDirichletBackward

    def lower(self, c: LowerContext) -> None:
        y, x, alpha = c.output(), c.input("sample"), c.input("alpha")
        k = x.shape[-1]
        ints = [_per(x, alpha), self.is_log, k]
        c.call("pdf_dirichlet", [y], [x, alpha], ints, items=y.size, cost=40.0 * k + 1)
