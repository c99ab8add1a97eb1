"""Ground of all recurrent cells: RNNParams holds variables, BaseRNNCell steps, unrolls and packs weights.

Cells only compose symbols; nothing is computed here. `cells`, `conv_cells` and `fused` derive the cells with
weights of their own, `stacks` and `modifiers` those made of other cells. Names of nodes and variables are
MXNet's, for checkpoints and for `BucketingModule`, whose buckets share parameters by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import ndarray as nd
from .. import symbol as sym
from .sequences import in_layout, ops, steps_of

Args = dict[str, nd.NDArray]


class RNNParams:
    """The variables of one or several cells, by name; cells given the same one share their weights.

    Parameters
    ----------
    prefix : str
        Stands before the name of each variable.

    >>> params = RNNParams("lstm_")
    >>> params.get("i2h_weight")
    <Symbol lstm_i2h_weight>
    >>> params.get("i2h_weight") is params.get("i2h_weight")
    True
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._params: dict[str, sym.Symbol] = {}

    def get(self, name: str, **kwargs: Any) -> sym.Symbol:
        """The variable of that name; made by ``mx.sym.Variable(prefix + name, **kwargs)`` the first time."""
        name = self._prefix + name
        if name not in self._params:
            self._params[name] = sym.Variable(name, **kwargs)
        return self._params[name]


class BaseRNNCell:
    """What one step of a recurrent network computes; base of all cells.

    A subclass defines `__call__` and `state_info`. One whose weights hold several gates, one below the other,
    names them in `_gate_names` and sets `_num_hidden`, the rows of each.

    Parameters
    ----------
    prefix : str
        Stands before the names of the cell's nodes, and of its variables if it makes `params` itself.
    params : RNNParams, optional
        Variables to share with other cells.

    Source: MXNet's ``mx.rnn.BaseRNNCell``.
    """

    _cells: Sequence[BaseRNNCell] = ()
    _num_hidden: int

    def __init__(self, prefix: str = "", params: RNNParams | None = None) -> None:
        self._own_params = params is None
        self._params = RNNParams(prefix) if params is None else params
        if not isinstance(prefix, str):
            raise TypeError(f"{type(self).__name__}: prefix must be a text, got {prefix!r}")
        if not isinstance(self._params, RNNParams):
            raise TypeError(f"{type(self).__name__}: params must be RNNParams, got {type(params).__name__}")
        self._prefix = prefix
        self._modified = False
        self.reset()

    def reset(self) -> None:
        """Count steps and states from 0 again, as another graph needs; `unroll` does so itself."""
        self._init_counter = -1
        self._counter = -1
        for cell in self._cells:
            cell.reset()

    def __call__(self, inputs: sym.Symbol, states: Any) -> tuple[Any, Any]:
        """Compose one step.

        Parameters
        ----------
        inputs : Symbol
            Input of this step, (batch, features) for dense cells.
        states : list of Symbol
            From `begin_state` or from the step before.

        Returns
        -------
        output : Symbol
        states : list of Symbol
            For the next step.

        Raises
        ------
        NotImplementedError
            This cell only unrolls whole sequences.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define a step, __call__")

    @property
    def params(self) -> RNNParams:
        """The cell's variables, to be given to other cells, too."""
        self._own_params = False
        return self._params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """For each state its ``shape``, in which 0 is the batch's size, and its ``__layout__``."""
        raise NotImplementedError(f"{type(self).__name__} does not define state_info")

    @property
    def state_shape(self) -> list[tuple[int, ...]]:
        """The shape of each state; 0 is the batch's size."""
        return [info["shape"] for info in self.state_info]

    @property
    def _gate_names(self) -> Sequence[str]:
        return ()

    def begin_state(self, func: Callable[..., Any] = ops.zeros, **kwargs: Any) -> Any:
        """States before the first step.

        Parameters
        ----------
        func : callable
            Makes one state from ``name=``, ``shape=``, ``__layout__=`` and `kwargs`: ``mx.sym.zeros``,
            ``mx.sym.uniform``, or ``mx.sym.Variable`` for states that are fed.

        Returns
        -------
        list of Symbol

        Raises
        ------
        TypeError
            `func` is no function.
        ValueError
            A modifier, such as ZoneoutCell, has been put around this cell.
        """
        self._check_not_modified()
        if not callable(func):
            raise TypeError(f"{self._title()}: func must make a state, got {func!r}")
        states = []
        for info in self.state_info:
            self._init_counter += 1
            name = f"{self._prefix}begin_state_{self._init_counter}"
            states.append(func(name=name, **{**kwargs, **(info or {})}))
        return states

    def unpack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Split this cell's weights into one matrix and one bias per gate.

        Parameters
        ----------
        args : dict of str to NDArray
            Parameters of a network, ``module.get_params()[0]``; it stays as it is.

        Returns
        -------
        dict
            Of copies of the gates' weights, such as ``lstm_i2h_f_weight``; other entries as they were.

        Raises
        ------
        KeyError
            A parameter of this cell is not in `args`.
        ValueError
            One has another number of rows than the gates have units.
        """
        args = dict(args)
        gates = self._gate_names
        for source in ("i2h", "h2h") if gates else ():
            weight, bias = (self._take(args, f"{source}_{kind}") for kind in ("weight", "bias"))
            size = self._num_hidden
            for kind, array in (("weight", weight), ("bias", bias)):
                if array.shape[0] != size * len(gates):
                    raise ValueError(
                        f"{self._prefix}{source}_{kind}: {len(gates)} gates of {size} units need "
                        f"{size * len(gates)} rows, got shape {array.shape}"
                    )
            for i, gate in enumerate(gates):
                rows = slice(i * size, (i + 1) * size)
                args[f"{self._prefix}{source}{gate}_weight"] = weight[rows].copy()
                args[f"{self._prefix}{source}{gate}_bias"] = bias[rows].copy()
        return args

    def pack_weights(self, args: Mapping[str, nd.NDArray]) -> Args:
        """Join what `unpack_weights` split.

        Parameters
        ----------
        args : dict of str to NDArray
            With one matrix and one bias per gate of this cell; it stays as it is.

        Returns
        -------
        dict

        Raises
        ------
        KeyError
            A gate's parameter is not in `args`.
        """
        args = dict(args)
        gates = self._gate_names
        for source in ("i2h", "h2h") if gates else ():
            parts = [[self._take(args, f"{source}{g}_{k}") for g in gates] for k in ("weight", "bias")]
            args[f"{self._prefix}{source}_weight"] = nd.concatenate(parts[0])
            args[f"{self._prefix}{source}_bias"] = nd.concatenate(parts[1])
        return args

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: Any = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        """Compose the steps of a whole sequence.

        Parameters
        ----------
        length : int
            Number of steps.
        inputs : Symbol or list of Symbol
            One symbol (batch, length, ...), as `layout` says, or one (batch, ...) for each step.
        begin_state : list of Symbol, optional
            Default: what `begin_state` makes.
        layout : {"NTC", "TNC"}
            Order of batch (N) and time (T) in what is one symbol.
        merge_outputs : bool, optional
            True: one symbol of all steps' outputs; False: a list; None: what takes no conversion.

        Returns
        -------
        outputs : Symbol or list of Symbol
        states : list of Symbol
            After the last step.

        Raises
        ------
        TypeError, ValueError
            The inputs are no sequence of that length, or the layout has no T.
        """
        self.reset()
        count = steps_of(length, inputs)
        each = in_layout(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for i in range(count):
            output, states = self(each[i], states)
            outputs.append(output)
        return in_layout(length, outputs, layout, merge_outputs), states

    @property
    def _can_step(self) -> bool:
        """Whether `__call__` works; some cells see the whole sequence at once or none of it."""
        return True

    def _share(self, params: RNNParams) -> None:
        """Let these variables take the place of the cell's equally named ones."""
        self._params._params.update(params._params)
        for cell in self._cells:
            cell._share(params)

    # --- for subclasses -----------------------------------------------------------------------------------
    def _get_activation(self, inputs: sym.Symbol, activation: Any, **kwargs: Any) -> Any:
        """Apply an activation given by name or as a function of a symbol."""
        if isinstance(activation, str):
            return ops.Activation(inputs, act_type=activation, **kwargs)
        return activation(inputs, **kwargs)

    def _next_step(self, states: Any) -> str:
        """Count a step; what its nodes' names begin with."""
        self._check_states(states)
        self._counter += 1
        return f"{self._prefix}t{self._counter}_"

    def _check_states(self, states: Any) -> None:
        """Raise ValueError unless there is a symbol for each state."""
        wanted = len(self.state_info)
        got = len(states) if hasattr(states, "__len__") else type(states).__name__
        if got != wanted:
            raise ValueError(f"{self._title()} has {wanted} states, got {got}")

    def _check_not_modified(self) -> None:
        if self._modified:
            raise ValueError(f"{self._title()} is inside a modifier cell; call the modifier instead")

    def _title(self) -> str:
        return f"{type(self).__name__} {self._prefix!r}" if self._prefix else type(self).__name__

    def _take(self, args: Args, name: str) -> nd.NDArray:
        """Remove a parameter of this cell from `args`."""
        name = self._prefix + name
        if name not in args:
            raise KeyError(f"{self._title()}: there is no parameter {name!r}")
        return args.pop(name)


def positive(cell: BaseRNNCell, **sizes: Any) -> None:
    """Raise TypeError or ValueError unless all sizes are whole numbers above 0."""
    for name, value in sizes.items():
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"{type(cell).__name__}: {name} must be a whole number, got {value!r}")
        if value < 1:
            raise ValueError(f"{type(cell).__name__}: {name} must be positive, got {value}")
