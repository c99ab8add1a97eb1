"""The optimizer base class: learning rates, weight decays and update counts of every parameter; the registry.

A rule (`gradient_descent`, `adaptive`, `large_batch`) adds `create_state` and `update`. Parameters are known
by index; `idx2name` gives the names that the multipliers and the weight decay rule go by. Nothing here keeps
arrays: states live in the Updater.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from .. import ndarray as nd
from ..arguments import function, mapping, needs, number, optional_number, shown, text, whole
from ..base import MXNetError, ShapeError
from ..lr_scheduler import LRScheduler
from ..suggest import call_hinted, did_you_mean

Index = int | str
State = Any  # None, an NDArray, or a tuple of states
OptimizerClass = TypeVar("OptimizerClass", bound="type[Optimizer]")


class Optimizer:
    """Base class of all update rules.

    Parameters
    ----------
    rescale_grad : float
        Factor on every gradient; Module gives 1 / batch size.
    param_idx2name : dict of int to str, optional
        Names of the parameters.
    wd : float
        Weight decay. Applied to names ending in ``_weight`` or ``_gamma`` only (`set_wd_mult` changes that).
    clip_gradient : float, optional
        Bound of each element of the rescaled gradient.
    learning_rate : float, optional
        0.01 unless given; with a scheduler, replaces the scheduler's `base_lr`.
    lr_scheduler : LRScheduler or callable, optional
        Gives the learning rate for each update, called with its number.
    sym : Symbol, optional
        Where ``__lr_mult__`` and ``__wd_mult__`` attributes of the parameters are read from.
    begin_num_update : int
        Updates done before; where schedules and bias corrections go on.
    multi_precision : bool
        Keep a float32 master copy of float16 parameters.
    param_dict : dict, optional
        Objects with `lr_mult` and `wd_mult` by index; these win over names.
    """

    opt_registry: dict[str, type[Optimizer]] = {}
    _decayed: tuple[str, ...] = ("_weight", "_gamma")  # endings of the names that weight decay is for

    def __init__(
        self,
        rescale_grad: float = 1.0,
        param_idx2name: Mapping[Index, str] | None = None,
        wd: float = 0.0,
        clip_gradient: float | None = None,
        learning_rate: float | None = None,
        lr_scheduler: LRScheduler | Callable[[int], float] | None = None,
        sym: Any = None,
        begin_num_update: int = 0,
        multi_precision: bool = False,
        param_dict: Mapping[Index, Any] | None = None,
    ) -> None:
        if not all(isinstance(name, str) for name in mapping(param_idx2name, "param_idx2name").values()):
            raise TypeError(f"param_idx2name must be a dict of indices to names, got {shown(param_idx2name)}")
        self.rescale_grad = number(rescale_grad, "rescale_grad")
        self.lr_scheduler = function(lr_scheduler, "lr_scheduler", optional=True)
        learning_rate = optional_number(learning_rate, "learning_rate")
        if isinstance(lr_scheduler, type):
            raise TypeError(
                f"lr_scheduler must be a schedule, got its class {lr_scheduler.__name__}: call it"
            )
        # None, as in MXNet, where the scheduler alone decides.
        self.lr: Any = 0.01 if learning_rate is None and lr_scheduler is None else learning_rate
        if lr_scheduler is not None and learning_rate is not None:
            base = getattr(lr_scheduler, "base_lr", learning_rate)
            if base != learning_rate:
                logging.warning("learning_rate %s replaces the scheduler's base_lr %s", learning_rate, base)
            # A plain function or object of the user's may lack base_lr: MXNet before 1.5 gave it one, too. A
            # bound method takes no attribute, and has no use for it.
            with contextlib.suppress(AttributeError):
                self.lr_scheduler.base_lr = learning_rate
        self.wd = number(wd, "wd")
        self.lr_mult: dict[Any, float] = {}
        self.wd_mult: dict[Any, float] = {}
        self.begin_num_update = self.num_update = whole(begin_num_update, "begin_num_update")
        # Counts by device number, so that the same parameter on two devices counts once a step.
        self._all_index_update_counts: dict[int, dict[Index, int]] = {0: {}}
        self._index_update_count = self._all_index_update_counts[0]
        self.clip_gradient = optional_number(clip_gradient, "clip_gradient")
        self.multi_precision = multi_precision
        self.aggregate_num = 0
        self.idx2name: dict[Index, str] = dict(param_idx2name or {})
        if sym is not None:
            needs(sym, "sym", "a Symbol", "attr_dict", "list_arguments")
        self.sym_info: tuple[Any, ...] = () if sym is None else (sym.attr_dict(), sym.list_arguments())
        # Not copied: it may still grow.
        self.param_dict: Mapping[Index, Any] = {} if param_dict is None else mapping(param_dict, "param_dict")
        self.allow_np_array = False  # there is no other array type; MXNet reads it from pickled optimizers
        self.set_lr_mult({})
        self.set_wd_mult({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("update", "update_multi_precision"):
            if name in cls.__dict__:
                setattr(cls, name, _all_or_nothing(cls.__dict__[name]))
        if "create_state" in cls.__dict__:
            cls.create_state = _of_an_array(cls.__dict__["create_state"])  # type: ignore[method-assign]

    @staticmethod
    def register(klass: OptimizerClass) -> OptimizerClass:
        """Class decorator: make a subclass known to `create` under its lower-case name."""
        if not (isinstance(klass, type) and issubclass(klass, Optimizer)):
            raise TypeError(f"can only register subclasses of Optimizer, got {klass!r}")
        name = klass.__name__.lower()
        previous = Optimizer.opt_registry.get(name)
        if previous is not None and previous is not klass:
            warnings.warn(
                f"new optimizer {klass.__module__}.{klass.__name__} is overriding existing optimizer "
                f"{previous.__module__}.{previous.__name__}",
                stacklevel=2,
            )
        Optimizer.opt_registry[name] = klass
        return klass

    @staticmethod
    def create_optimizer(name: str, **kwargs: Any) -> Optimizer:
        """Make the optimizer registered under `name`; ValueError if there is none."""
        klass = Optimizer.opt_registry.get(text(name, "the name of an optimizer").lower())
        if klass is None:
            known = ", ".join(sorted(Optimizer.opt_registry))
            near = did_you_mean(name, Optimizer.opt_registry)
            raise ValueError(f"Cannot find optimizer {name or repr(name)}{near}; known are: {known}")
        made: Optimizer = call_hinted(klass, **kwargs)
        return made

    def create_state(self, index: Index, weight: nd.NDArray) -> State:
        """The state of a parameter before its first update; None if the rule needs none."""
        return None

    def update(self, index: Index, weight: nd.NDArray, grad: nd.NDArray, state: State) -> None:
        """Change `weight` and `state` in place, given the gradient."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    # Position of the float32 copy in the state of a float16 parameter, (copy, state) as in MXNet's base
    # class.
    _master_position = 0

    def create_state_multi_precision(self, index: Index, weight: nd.NDArray) -> State:
        """`create_state`, with the float32 copy of a float16 parameter if `multi_precision` is on."""
        _check_array(self, "weight", weight)
        if weight.dtype != np.float16:
            return self.create_state(index, weight)
        if not self.multi_precision:
            warnings.warn(
                f"{type(self).__name__} updates parameter {self.idx2name.get(index, index)} in float16; "
                "rounding may slow or spoil training; multi_precision=True keeps a float32 copy",
                stacklevel=2,
            )
            return self.create_state(index, weight)
        master = weight.astype(np.float32)
        state = self.create_state(index, master)
        return (master, state) if self._master_position == 0 else (state, master)

    def update_multi_precision(self, index: Any, weight: Any, grad: Any, state: State) -> None:
        """`update`, done on the float32 copy where there is one.

        An optimizer whose `aggregate_num` is above 0 gets tuples here.
        """
        if self.multi_precision and weight.dtype == np.float16:
            master, inner = state[self._master_position], state[1 - self._master_position]
            self.update(index, master, grad.astype(np.float32), inner)
            master.copyto(weight)
        else:
            self.update(index, weight, grad, state)

    @property
    def learning_rate(self) -> float:
        """The rate now, before per-parameter multipliers."""
        rate: float = self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)
        return rate

    def set_learning_rate(self, lr: float) -> None:
        """Set the rate; UserWarning is raised if a scheduler decides it."""
        if self.lr_scheduler is not None:
            raise UserWarning("the learning rate comes from lr_scheduler; it can be set only without one")
        self.lr = number(lr, "lr")

    def set_lr_scale(self, args_lrscale: Mapping[Any, float]) -> None:
        """MXNet's removed predecessor of `set_lr_mult`."""
        raise DeprecationWarning("set_lr_scale is gone; use set_lr_mult")

    def set_lr_mult(self, args_lr_mult: Mapping[Any, float]) -> None:
        """Set learning rate multipliers by name or index, over the ``__lr_mult__`` attributes of the
        symbol."""
        given = _multipliers(args_lr_mult, "args_lr_mult")
        self.lr_mult = {**self._symbol_multipliers("__lr_mult__"), **given}

    def set_wd_mult(self, args_wd_mult: Mapping[Any, float]) -> None:
        """Set weight decay multipliers by name or index.

        Names not ending in ``_weight`` or ``_gamma`` (LARS: ``_weight``) have 0 unless a ``__wd_mult__``
        attribute or the argument says otherwise.
        """
        given = _multipliers(args_wd_mult, "args_wd_mult")
        exempt = {name: 0.0 for name in self.idx2name.values() if not name.endswith(self._decayed)}
        self.wd_mult = {**exempt, **self._symbol_multipliers("__wd_mult__"), **given}

    def _symbol_multipliers(self, key: str) -> dict[Any, float]:
        if not self.sym_info:
            return {}
        attributes, names = self.sym_info
        return {name: float(attributes[name][key]) for name in names if key in attributes.get(name, ())}

    def _set_current_context(self, device_id: int) -> None:
        """Count updates for this device from now on."""
        counts = self._all_index_update_counts.get(device_id)
        if counts is None:
            counts = self._all_index_update_counts[device_id] = {}
        self._index_update_count = counts

    def _update_count(self, index: Index | Sequence[Index]) -> None:
        """Count one more update of a parameter, or of each of several."""
        counts = self._index_update_count
        for i in index if isinstance(index, list | tuple) else (index,):
            count = counts.get(i, self.begin_num_update) + 1
            counts[i] = count
            if count > self.num_update:
                self.num_update = count

    def _get_lrs(self, indices: Sequence[Index]) -> list[float]:
        """The rates of several parameters."""
        lr = self.lr if self.lr_scheduler is None else self.lr_scheduler(self.num_update)
        if not self.lr_mult and not self.param_dict:
            return [lr] * len(indices)
        return [lr * self._multiplier(i, self.lr_mult, "lr_mult") for i in indices]

    def _get_lr(self, index: Index) -> float:
        """The rate of one parameter."""
        return self._get_lrs((index,))[0]

    def _get_wds(self, indices: Sequence[Index]) -> list[float]:
        """The weight decays of several parameters."""
        if not self.wd:
            return [0.0] * len(indices)
        return [self.wd * self._multiplier(i, self.wd_mult, "wd_mult") for i in indices]

    def _get_wd(self, index: Index) -> float:
        """The weight decay of one parameter."""
        return self._get_wds((index,))[0]

    def _multiplier(self, index: Index, table: Mapping[Any, float], attribute: str) -> float:
        """By the parameter object, by index, by name, else 1: the first that is known."""
        if index in self.param_dict:
            return float(getattr(self.param_dict[index], attribute))
        if index in table:
            return table[index]
        return table.get(self.idx2name.get(index), 1.0)

    def _common(self) -> dict[str, float]:
        """Arguments every update operator takes and that are the same for all parameters."""
        if self.clip_gradient:
            return {"rescale_grad": float(self.rescale_grad), "clip_gradient": float(self.clip_gradient)}
        return {"rescale_grad": float(self.rescale_grad)}

    def _common_strict(self) -> dict[str, float]:
        """The same for the rules in which MXNet takes a `clip_gradient` of 0 at its word."""
        if self.clip_gradient is not None:
            return {"rescale_grad": float(self.rescale_grad), "clip_gradient": float(self.clip_gradient)}
        return {"rescale_grad": float(self.rescale_grad)}

    def __getstate__(self) -> dict[str, Any]:
        # param_dict points at live parameters of a model, which no copy or file should hold.
        return {name: value for name, value in self.__dict__.items() if name != "param_dict"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "param_dict": {}}


def _multipliers(given: Any, what: str) -> Mapping[Any, float]:
    for key, value in mapping(given, what).items():
        number(value, f"{what}: the multiplier of {key!r}")
    return mapping(given, what)


def _all_or_nothing(update: Callable[..., None]) -> Callable[..., None]:
    """An `update` that counts no step when it fails, and says which of its arguments is wrong."""

    @functools.wraps(update)
    def checked(self: Optimizer, index: Any, weight: Any, grad: Any, state: Any) -> None:
        counts, total = self._index_update_count, self.num_update
        indices = index if isinstance(index, tuple | list) else (index,)
        try:
            before = list(map(counts.get, indices))
        except TypeError:
            raise TypeError(f"index must be an int or a str, or a list of them, got {shown(index)}") from None
        try:
            update(self, index, weight, grad, state)
        except Exception:
            self.num_update = total
            for i, count in zip(indices, before, strict=True):
                if count is None:
                    counts.pop(i, None)
                else:
                    counts[i] = count
            if indices is index:
                _check_lists(self, index, weight, grad, state)
            else:
                _check_array(self, "weight", weight)
                _check_array(self, "grad", grad)
                if type(self).__module__.startswith(__package__):  # others may let states grow
                    _check_state(self, index, weight, state)
            raise

    return checked


def _check_lists(optimizer: Optimizer, index: Any, weight: Any, grad: Any, state: Any) -> None:
    """Raise unless the lists of an update fit together."""
    if not optimizer.aggregate_num:
        raise TypeError(f"{type(optimizer).__name__}: index must be an int or a str, got {shown(index)}")
    for what, given in (("weight", weight), ("grad", grad), ("state", state)):
        if not isinstance(given, list | tuple):
            raise TypeError(
                f"{type(optimizer).__name__}: {what} must be a list as index is, got {shown(given)}"
            )
    if not 0 < len(index) == len(weight) == len(grad) == len(state):
        raise ValueError(
            f"{type(optimizer).__name__}: the lists of index, weight, grad and state must have one length, "
            f"not {len(index)}, {len(weight)}, {len(grad)}, {len(state)}"
        )
    if len(index) == 1:  # the operator itself says how a gradient does not fit its weight
        _check_array(optimizer, "weight", weight[0])
        _check_array(optimizer, "grad", grad[0])
    else:
        check_pairs(optimizer, weight, grad)


def check_pairs(optimizer: Optimizer, weights: Sequence[Any], grads: Sequence[Any]) -> None:
    """Raise unless every gradient is an array as its weight is."""
    name = type(optimizer).__name__
    for weight, grad in zip(weights, grads, strict=True):
        _check_array(optimizer, "weight", weight)
        _check_array(optimizer, "grad", grad)
        own = type(optimizer).__module__.startswith(__package__ or "")  # others may have rules of their own
        if own and (weight.spec != grad.spec or weight.context != grad.context):
            raise ShapeError(
                f"{name}: a grad is {grad.shape} {grad.dtype.__name__} on {grad.context}, its weight "
                f"{weight.shape} {weight.dtype.__name__} on {weight.context}"
            )


def _check_array(optimizer: Optimizer, what: str, array: Any) -> None:
    if not isinstance(array, nd.NDArray):
        raise TypeError(
            f"{type(optimizer).__name__}: {what} must be an NDArray, got {shown(array)}"
        ) from None


def _check_state(optimizer: Optimizer, index: Any, weight: Any, state: Any) -> None:
    """Raise if a state has not the form that the optimizer makes for the weight."""
    expected, found = form(optimizer.create_state_multi_precision(index, weight)), form(state)
    if found != expected:
        raise MXNetError(
            f"{type(optimizer).__name__} needs a state of the form {expected}, as create_state makes it, got "
            f"{shown(state)}"
        ) from None


def form(state: Any, depth: int = 0) -> Any:
    """What can be compared of a state: None, the shape of an array, or a list of these."""
    if isinstance(state, list | tuple) and depth < 9:
        return [form(part, depth + 1) for part in state]
    return state.shape if isinstance(state, nd.NDArray) else state if state is None else type(state)


def _of_an_array(create_state: Callable[..., State]) -> Callable[..., State]:
    """A `create_state` that refuses what is no array."""

    @functools.wraps(create_state)
    def checked(self: Optimizer, index: Any, weight: Any) -> State:
        _check_array(self, "weight", weight)
        return create_state(self, index, weight)

    return checked


def zeros_like(weight: nd.NDArray) -> nd.NDArray:
    """A state of the weight's shape, type and device."""
    return nd.zeros(weight.shape, ctx=weight.context, dtype=weight.dtype)


def aggregation_size(default: int) -> int:
    """How many parameters an Updater hands over at once."""
    text = os.environ.get("MXNET_OPTIMIZER_AGGREGATION_SIZE", str(default))
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"MXNET_OPTIMIZER_AGGREGATION_SIZE must be a whole number, got {text!r}") from None


register = Optimizer.register
create = Optimizer.create_optimizer
