"""What an operator is: typed parameters, input and output names, facts about memory, and five functions.

An operator is one subclass of `OpDef`; an *instance* of it is the operator with its parameters parsed, and is
what a graph node holds. Subclassing with a ``name`` registers it; nothing else has to be edited. This package
never imports the compiled core and never touches an array: `infer_*` speak of shapes, `gradient` builds nodes
through the context it is handed, `lower` names kernels through the context it is handed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Set
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar, overload

from ..base import MXNetError, TypeInferenceError
from ..dtypes import NAMES, dtype_code
from ..suggest import did_you_mean

if TYPE_CHECKING:
    from ..passes.gradient import GradContext
    from ..passes.lower import LowerContext
    from .rules import ShapeRule, TypeRule

T = TypeVar("T")
REQUIRED: Final[Any] = type("Required", (), {"__repr__": lambda self: "required"})()


class Param(Generic[T]):
    """One parameter of an operator: parses what a user or a file says, refuses the rest in MXNet's words.

    Parameters
    ----------
    default
        Value when absent; `REQUIRED` when it may not be.
    doc
        One sentence for the generated docstring.
    dynamic
        The value may change from call to call (a learning rate): it is never part of a cache key and reaches
        kernels through `LowerContext.dynamic`.
    none
        ``None`` is a legal value.
    """

    kind: ClassVar[str] = "any"

    def __init__(
        self, default: Any = REQUIRED, doc: str = "", *, dynamic: bool = False, none: bool = False
    ) -> None:
        self.default, self.doc, self.dynamic = default, doc, dynamic
        self.none = none or default is None
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.rstrip(
            "_"
        )  # a parameter called like a keyword or a builtin is written with a trailing _

    @overload
    def __get__(self, obj: None, owner: type) -> Param[T]: ...
    @overload
    def __get__(self, obj: OpDef, owner: type) -> T: ...
    def __get__(self, obj: OpDef | None, owner: type) -> Param[T] | T:
        if obj is None:
            return self
        value: T = obj.values[self.name]
        return value

    def parse(self, value: Any) -> T:
        """Value of a Python object or of MXNet's text for it."""
        if value is None or (isinstance(value, str) and value == "None"):
            if self.none:
                return None  # type: ignore[return-value]
            raise self.refuse(value)
        return self.convert(value)

    def convert(self, value: Any) -> T:
        raise NotImplementedError

    def refuse(self, value: Any) -> MXNetError:
        text = str(value)
        text = text if len(text) <= 200 else f"{text[:200]}..."
        return MXNetError(f"Invalid Parameter format for {self.name} expect {self.kind} but value={text!r}")


class Int(Param[int]):
    kind = "int"

    def __init__(self, default: Any = REQUIRED, doc: str = "", *, min: int | None = None, **kw: Any) -> None:
        super().__init__(default, doc, **kw)
        self.min = min

    def convert(self, value: Any) -> int:
        try:
            number = int(value.strip().rstrip("L")) if isinstance(value, str) else int(value)
            if isinstance(value, bool) or (not isinstance(value, str) and number != value):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(value) from None
        if not -(2**63) <= number < 2**63:
            raise self.refuse(value)
        if self.min is not None and number < self.min:
            raise MXNetError(
                f"value {number} for Parameter {self.name} should be greater equal to {self.min}"
            )
        return number


class Float(Param[float]):
    """A number; `within` are the smallest and the largest allowed."""

    kind = "float"

    def __init__(
        self,
        default: Any = REQUIRED,
        doc: str = "",
        *,
        within: tuple[float, float] | None = None,
        **kw: Any,
    ) -> None:
        super().__init__(default, doc, **kw)
        self.within = within

    def convert(self, value: Any) -> float:
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(value) from None
        if self.within is not None and not self.within[0] <= number <= self.within[1]:
            low, high = self.within
            raise MXNetError(f"value {number:g} for Parameter {self.name} exceed bound [{low:g},{high:g}]")
        return number


class Bool(Param[bool]):
    kind = "boolean"
    _words: ClassVar[dict[Any, bool]] = {
        "1": True, "True": True, "true": True, "0": False, "False": False, "false": False,
        1: True, 0: False,
    }  # fmt: skip

    def convert(self, value: Any) -> bool:
        try:
            return self._words[value]
        except (KeyError, TypeError):
            raise self.refuse(value) from None


class Shape(Param[tuple[int, ...]]):
    kind = "Shape(tuple)"

    def convert(self, value: Any) -> tuple[int, ...]:
        if isinstance(value, str):
            value = _literal(value.replace("L", ""))
        if isinstance(value, Integral) and not isinstance(value, bool):
            return (int(value),)
        try:
            dims = tuple(int(v) for v in _ordered(value))
            if any(isinstance(v, (bool, str)) or d != v for d, v in zip(dims, value, strict=True)):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(value) from None
        if any(not -(2**63) <= d < 2**63 for d in dims):
            raise self.refuse(value)
        return dims


class OptShape(Param[tuple[int | None, ...]]):
    """A tuple whose items may be None, as `slice` takes."""

    kind = "Shape(tuple)"

    def convert(self, value: Any) -> tuple[int | None, ...]:
        if isinstance(value, str):
            value = _literal(value.replace("L", ""))
        if isinstance(value, Integral) and not isinstance(value, bool):
            return (int(value),)
        try:
            dims = tuple(None if v is None else int(v) for v in _ordered(value))
            if any(isinstance(v, (bool, str)) or d != v for d, v in zip(dims, value, strict=True)):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(value) from None
        if any(d is not None and not -(2**63) <= d < 2**63 for d in dims):
            raise self.refuse(value)
        return dims


class Floats(Param[tuple[float, ...]]):
    """A tuple of numbers, as the multi-tensor updates take learning rates."""

    kind = "tuple of <float>"

    def convert(self, value: Any) -> tuple[float, ...]:
        if isinstance(value, str):
            value = _literal(value)
        try:
            items = (value,) if isinstance(value, (int, float)) else tuple(_ordered(value))
            if any(isinstance(v, (bool, str)) for v in items):
                raise ValueError
            return tuple(float(v) for v in items)
        except (TypeError, ValueError, OverflowError):
            raise self.refuse(value) from None


class Str(Param[str]):
    kind = "string"

    def convert(self, value: Any) -> str:
        return str(value)


class Enum(Param[str]):
    kind = "enum"

    def __init__(self, values: Iterable[str], default: Any = REQUIRED, doc: str = "", **kw: Any) -> None:
        super().__init__(default, doc, **kw)
        self.choices = tuple(values)

    def convert(self, value: Any) -> str:
        if str(value) not in self.choices:
            valid = ", ".join(repr(c) for c in sorted(self.choices))
            raise MXNetError(
                f"Invalid Input: {str(value)!r}{did_you_mean(value, self.choices)}, valid values are: "
                f"{{{valid}}}, in parameter {self.name}"
            )
        return str(value)


class DType(Param[int]):
    """An element type, held as MXNet's code."""

    kind = "dtype"

    def convert(self, value: Any) -> int:
        try:
            return dtype_code(value)
        except MXNetError:
            valid = ", ".join(repr(n) for n in sorted(NAMES))
            raise MXNetError(
                f"Invalid Input: {str(value)!r}{did_you_mean(value, NAMES)}, valid values are: "
                f"{{{valid}}}, in parameter {self.name}"
            ) from None


def _ordered(value: Any) -> Any:
    """What a tuple may be made of: a dictionary or a set could be iterated, but not by intention."""
    if isinstance(value, (Mapping, Set)):
        raise TypeError
    return value


def _literal(text: str) -> Any:
    """Numbers, None, tuples and lists only; anything else is returned as the text it is, to be refused."""
    if len(text) > 4096:
        return text
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


class OpDef:
    """Base of every operator. See docs/howto/add_an_operator.md.

    Class facts (all optional but ``name``)
        ``name`` canonical MXNet name; ``aliases``; ``inputs``/``aux``/``outputs`` names; ``variadic``: name
        of the parameter that counts a variable number of inputs (``num_args``); ``backward``: a `Backward`
        subclass, or override `gradient`; ``is_loss``: the head needs no head gradient; ``is_random``: draws
        from the device's random stream (its outputs are kept to the end of the run, so that a replay need not
        redraw); ``mutates``: names of inputs the operator writes, by phase; ``half``: its kernels take
        float16 as it is (otherwise they get float32 casts of float16 inputs, and results are cast back);
        ``dtypes``: names of the element types its first input (of a creation operator: its output) may have;
        ``formed_by_out``: an imperative call takes the output's shape and type from ``out=``.
    """

    name: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    inputs: ClassVar[tuple[str, ...]] = ("data",)
    aux: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ("output",)
    has_own_output_names: ClassVar[bool] = False
    variadic: ClassVar[str] = ""
    backward: ClassVar[type[Backward] | None] = None
    is_loss: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    is_callback: ClassVar[bool] = False
    is_elementwise: ClassVar[bool] = False
    mutates: ClassVar[dict[str, tuple[str, ...]]] = {}
    half: ClassVar[bool] = False
    dtypes: ClassVar[tuple[str, ...] | None] = None
    formed_by_out: ClassVar[bool] = False
    leading: ClassVar[tuple[str, ...]] = ()  # parameters that come first by position, inherited or not
    params: ClassVar[dict[str, Param[Any]]] = {}
    dynamic_names: ClassVar[frozenset[str]] = frozenset()

    values: dict[str, Any]
    attrs: dict[str, str]
    key: tuple[Any, ...]

    def __init_subclass__(cls, **kw: Any) -> None:
        super().__init_subclass__(**kw)
        params: dict[str, Param[Any]] = {}
        attributes: dict[str, str] = {}  # a parameter called like a method stands under another name
        for base in reversed(cls.__mro__):
            for key, value in vars(base).items():
                if isinstance(value, Param):
                    params[value.name] = value
                    attributes[key] = value.name
                elif key in attributes:  # a subclass fixes it: the value is a plain attribute, no parameter
                    del params[attributes.pop(key)]
        cls.params = {n: params[n] for n in (*(n for n in cls.leading if n in params), *params)}
        cls.dynamic_names = frozenset(n for n, p in params.items() if p.dynamic)
        if "name" in vars(cls) and cls.name:
            register(cls)

    # --- making an instance ---------------------------------------------------------------------------------
    @classmethod
    def make(cls, attrs: Mapping[str, Any]) -> OpDef:
        """The operator with these parameters; strings are parsed, unknown and missing ones refused."""
        values: dict[str, Any] = {}
        for key, value in attrs.items():
            if key.startswith("__") and key.endswith("__"):
                continue
            param = cls.params.get(key)
            if param is None:
                possible = "".join(
                    f"\n{p.name} : {p.kind}, "
                    + ("required" if p.default is REQUIRED else f"optional, default={p.default!r}")
                    for p in cls.params.values()
                )
                raise MXNetError(
                    f"Cannot find argument '{key}'{did_you_mean(key, cls.params)}, Possible Arguments:\n"
                    f"----------------{possible}\n"
                    f', in operator {cls.name}(name="")'
                )
            try:
                values[key] = param.parse(value)
            except MXNetError as error:
                raise MXNetError(f'{error}, in operator {cls.name}(name="")') from None
        for param in cls.params.values():
            if param.name not in values:
                if param.default is REQUIRED:
                    raise MXNetError(
                        f"Required parameter {param.name} of {param.kind} is not presented, in operator "
                        f'{cls.name}(name="")'
                    )
                values[param.name] = param.default
        self = cls.__new__(cls)
        self.values = values
        # In the order of the class: `values` has that of the caller's words. As text: 0.0 equals -0.0.
        self.key = (cls, repr([values[n] for n, p in cls.params.items() if not p.dynamic]))
        try:
            self.check()
        except MXNetError as error:
            if cls.name in str(error):
                raise
            raise type(error)(f'{error}, in operator {cls.name}(name="")') from None
        return self

    def check(self) -> None:
        """Refuse combinations of parameters that no input can make valid."""

    @classmethod
    def count_of(cls, arrays: int) -> int:
        """Value of the parameter named by `variadic` when `arrays` inputs are given."""
        return arrays

    # --- names ----------------------------------------------------------------------------------------------
    def input_names(self) -> tuple[str, ...]:
        """Tensor inputs with these parameters, auxiliary states excluded."""
        if self.variadic:
            return tuple(f"arg{i}" for i in range(self.values[self.variadic]))
        return self.inputs

    def aux_names(self) -> tuple[str, ...]:
        return self.aux

    def all_inputs(self) -> tuple[str, ...]:
        """Inputs, then auxiliary states: what a node's entries are called."""
        return self.input_names() + self.aux_names()

    def output_names(self) -> tuple[str, ...]:
        """All outputs, hidden ones included."""
        return self.outputs

    def num_visible(self) -> int:
        return len(self.output_names())

    def counted_outputs(self) -> int:
        """Outputs a symbol's file counts: those of MXNet's operator, which may hide others than ours does."""
        return len(self.output_names())

    def variable_attrs(self, input_name: str) -> dict[str, str]:
        """Attributes set on the variable of this input, as BatchNorm sets ``__init__``."""
        return {}

    # --- the five functions ---------------------------------------------------------------------------------
    def infer_shape(self, s: ShapeRule) -> None:
        """Tell `s` what is known (both directions); called until nothing changes. Default: all shapes
        equal."""
        s.same()

    def infer_type(self, t: TypeRule) -> None:
        """Like `infer_shape` for element types. Default: all equal."""
        t.same()

    def check_type(self, t: TypeRule) -> None:
        """Refuse an element type the operator has no kernels for."""
        if self.dtypes is None:
            return
        known, which = (t.ins[0], f"input {t.names[0]}") if t.ins else (t.outs[0], "the output")
        if known is not None and NAMES[known] not in self.dtypes:
            raise TypeInferenceError(
                f"operator {self.name}: {which} must be {' or '.join(self.dtypes)}, got {NAMES[known]}"
            )

    def gradient(self, g: GradContext) -> list[Any]:
        """Entries holding the gradient of each input (None: no gradient). Default: one `backward` node."""
        if self.backward is None:
            return [None] * len(g.ins)
        return g.backward(self.backward)

    def lower(self, c: LowerContext) -> None:
        """Emit kernel calls for one node. Called with every shape and type known."""
        raise NotImplementedError(f"{type(self).__name__}.lower")

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.values.items() if v != self.params[k].default)
        return f"{self.name or type(self).__name__}({inside})"


class Backward(OpDef):
    """The gradient node of an operator: one subclass a kernel-backed operator, made by
    `GradContext.backward`.

    ``needs`` names what it reads, which decides how long forward tensors live: ``"ograd"`` (or ``"ograd0"``,
    ...), inputs, auxiliary states and outputs of the forward operator by name. ``differentiable`` names the
    inputs that have a gradient (default all); the others get none. Its outputs are the gradients wanted,
    named after the inputs.
    """

    needs: ClassVar[tuple[str, ...]] = ("ograd",)
    differentiable: ClassVar[tuple[str, ...] | None] = None
    forward: OpDef
    wanted: tuple[str, ...]

    @classmethod
    def of(cls, forward: OpDef, wanted: tuple[str, ...]) -> Backward:
        self = cls.__new__(cls)
        self.forward, self.wanted, self.values = forward, wanted, forward.values
        self.key = (cls, *forward.key, wanted)
        return self

    def read_names(self) -> tuple[str, ...]:
        """What this node reads; override when it depends on parameters."""
        return self.needs

    def input_names(self) -> tuple[str, ...]:
        return self.read_names()

    def output_names(self) -> tuple[str, ...]:
        return self.wanted

    def gradient(self, g: GradContext) -> list[Any]:
        """Gradients of the gradient, for `autograd.grad(create_graph=True)`; refused where not overridden."""
        if self.backward is not None:
            return g.backward(self.backward)
        label = self.forward.name or repr(self.forward)
        raise MXNetError(
            f"Operator {label} is not twice differentiable: the gradient of its gradient is not supported"
        )

    def infer_shape(self, s: ShapeRule) -> None:
        """Nothing to do: each output has the shape of the forward input it is the gradient of."""

    def infer_type(self, t: TypeRule) -> None:
        """Nothing to do, as for shapes."""

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {self.forward!r}"


_REGISTRY: dict[str, type[OpDef]] = {}


def register(cls: type[OpDef]) -> None:
    """Enter an operator under its name and aliases; two operators may not claim one name."""
    for name in (cls.name, *cls.aliases):
        if _REGISTRY.setdefault(name, cls) is not cls:
            raise MXNetError(
                f"operator name {name!r} is claimed by {_REGISTRY[name].__name__} and {cls.__name__}"
            )


def find_op(name: str) -> type[OpDef]:
    """Operator class by name or alias."""
    try:
        return _REGISTRY[name]
    except KeyError:
        raise MXNetError(f"Operator {name} is not registered{did_you_mean(name, _REGISTRY, 3)}") from None


def all_ops() -> dict[str, type[OpDef]]:
    """Every registered name, aliases included."""
    return dict(_REGISTRY)
