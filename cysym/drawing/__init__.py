"""Pictures and tables of networks: what `visualization`, notebooks and ``python -m cysym summary`` show.

`graph` decides what is drawn, `layout` where, `svg` and `dot` how; `plan` draws memory plans; `layers` and
`costs` count parameters and arithmetic; `notebook` puts it into cells. Reads symbols and plans, runs nothing.
Imported only when something is to be shown.
"""
