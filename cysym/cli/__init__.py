"""The commands of ``python -m cysym``: one module a command, imported when it is called.

Each has ``HELP``, ``add_arguments(parser)`` and ``main(args) -> int``; `cysym.__main__` chooses between them.
Nothing here is imported by the library.
"""
