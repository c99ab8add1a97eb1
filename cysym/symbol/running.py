"""The methods of `Symbol` that give it data: bind, simple_bind, eval, and the memory a run would need.

What they do is in `binding`, imported when one is called: a graph is composed and saved without it. Nothing
here looks into the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from ..base import MXNetError

if TYPE_CHECKING:
    from .symbol import Symbol


class Running:
    """Base of `Symbol`: a graph that can be run."""

    __slots__ = ()

    def bind(
        self,
        ctx: Any,
        args: Any,
        args_grad: Any = None,
        grad_req: str | Sequence[str] | Mapping[str, str] = "write",
        aux_states: Any = None,
        group2ctx: Any = None,
        shared_exec: Any = None,
    ) -> Any:
        """Executor over arrays of the caller's, which are used as they are, not copied.

        Parameters
        ----------
        ctx : Context
            Device that runs the nodes; the arrays lie there.
        args : list of NDArray, or dict of str to NDArray
            Values of the arguments: all in the order of `list_arguments`, or by name.
        args_grad : list or dict of NDArray, optional
            Where `backward` writes the gradients. Arguments that have none here get no gradient.
        grad_req : {'write', 'add', 'null'}, or a list or dict of them
            What `backward` does with each gradient array.
        aux_states : list or dict of NDArray, optional
            Auxiliary states in the order of `list_auxiliary_states`, or by name. Needed where there are any.
        group2ctx : dict of str to Context, optional
            Devices of the nodes composed under ``AttrScope(ctx_group=...)``.
        shared_exec : Executor, optional
            Executor whose working memory this one may use; the two take turns.

        Returns
        -------
        Executor

        Raises
        ------
        ValueError
            An array is missing from a dict, a list has another length, `grad_req` is unknown.
        TypeError
            Something is no array, or `ctx` no Context.
        MXNetError
            An array lies on another device, or has another shape or type than the graph asks for.

        See Also
        --------
        simple_bind : allocates the arrays, too.

        Notes
        -----
        As MXNet's `Symbol.bind`.
        """
        from ..binding import bind

        symbol = cast("Symbol", self)
        return bind(symbol, ctx, args, args_grad, grad_req, aux_states, group2ctx, shared_exec)

    def simple_bind(
        self,
        ctx: Any,
        grad_req: str | Sequence[str] | Mapping[str, str] = "write",
        type_dict: Any = None,
        stype_dict: Any = None,
        group2ctx: Any = None,
        shared_arg_names: Any = None,
        shared_exec: Any = None,
        shared_buffer: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Infer shapes and types, allocate zeroed arguments, gradients and auxiliary states, and bind.

        Parameters
        ----------
        ctx : Context
            Device that runs the nodes and holds the arrays.
        grad_req : {'write', 'add', 'null'}, or a list or dict of them
            What `backward` does with each gradient; no gradient array is made for ``'null'``.
        type_dict : dict of str to dtype, optional
            Types of arguments by name; others are inferred, float32 where nothing says otherwise.
        stype_dict : optional
            Storage types; all arrays are dense here.
        group2ctx : dict of str to Context, optional
            Devices of the nodes composed under ``AttrScope(ctx_group=...)``.
        shared_arg_names : list of str, optional
            Arguments whose arrays are those of `shared_exec`.
        shared_exec : Executor, optional
            Executor to share arguments and working memory with.
        shared_buffer : dict of str to NDArray, optional
            Arrays to reuse by name where they are large enough; those made here are added.
        **kwargs
            Shape of each input by name, such as ``data=(32, 784)``; 0 is an unknown dimension.

        Returns
        -------
        Executor
            Its `arg_dict`, `grad_dict` and `aux_dict` hold the arrays.

        Raises
        ------
        MXNetError
            Shapes or types contradict each other or stay unknown, naming the node and the inputs.

        Notes
        -----
        As MXNet's `Symbol.simple_bind`.
        """
        from ..binding import simple_bind

        symbol = cast("Symbol", self)
        return simple_bind(
            symbol, ctx, grad_req, type_dict, group2ctx, shared_arg_names, shared_exec, shared_buffer, kwargs
        )

    def plan(self, ctx: Any = None, grad_req: Any = "write", type_dict: Any = None, **shapes: Any) -> Any:
        """Memory a program of this symbol needs, before anything is allocated.

        Parameters
        ----------
        grad_req
            ``'null'`` plans inference, anything else a training step.
        **shapes
            As for `simple_bind`.

        Returns
        -------
        Plan
            ``peak``, ``lower_bound``, ``naive`` (bytes of arena memory, arguments and outputs excluded),
            ``timeline``.
        """
        from ..binding import plan_of

        return plan_of(cast("Symbol", self), ctx, grad_req, type_dict, shapes)

    def eval(self, ctx: Any = None, **kwargs: Any) -> Any:
        """Outputs for the given arrays: bind and one forward.

        Parameters
        ----------
        ctx : Context, optional
            The current one unless given.
        **kwargs : NDArray
            A value for each argument, by name.

        Returns
        -------
        list of NDArray
            One for each output.
        """
        from ..context import current_context

        return self.bind(current_context() if ctx is None else ctx, kwargs).forward()

    def gradient(self, wrt: Any) -> Any:
        """Not available on a Symbol; use `bind` and `Executor.backward`."""
        raise MXNetError("Symbol.gradient is not implemented; bind with args_grad and call Executor.backward")
