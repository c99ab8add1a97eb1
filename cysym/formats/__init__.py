"""File formats: what lies on disk, as plain Python and NumPy data.

`params` is the NDArray list container (`.params`, `.nd`), `symbol_json` the text of a symbol,
`atomic` the one way a file is written. Nothing here knows a Symbol, an NDArray or an operator:
the Symbol and NDArray facades turn the plain data into graphs and device arrays.
"""
