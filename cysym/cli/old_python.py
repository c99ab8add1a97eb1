"""What to do about a program that is older than this Python, told from the error that ended it.

Python 2 shows in its syntax, its built-in names and its modules; a few names of the standard library have
gone since. `hint` looks at an exception and answers with a line or with nothing; it changes nothing.
"""

from __future__ import annotations

import re
import sys
from typing import Final

# What Python 3 says of statements only Python 2 had.
_SYNTAX: Final = (
    r"Missing parentheses in call to '(print|exec)'",
    r"multiple exception types must be parenthesized",
    r"leading zeros in decimal integer literals",
    r"invalid (decimal|hexadecimal|octal) literal",
    r"inconsistent use of tabs",
)
_TEXT: Final = (
    r"^\s*(raise\s+\w[\w.]*\s*,|except\s+[\w.]+\s*,|print\s*>>)|<>|`"
    r"|\b(\d+|0x[0-9a-fA-F]+)L\b|\b0\d+\b|\bur['\"]"
)
_BUILTINS: Final = {
    "apply", "basestring", "buffer", "cmp", "coerce", "execfile", "file", "intern", "long", "raw_input",
    "reduce", "reload", "unichr", "unicode", "xrange",
}  # fmt: skip
_MODULES: Final = {
    "__builtin__", "BaseHTTPServer", "ConfigParser", "Cookie", "HTMLParser", "Queue", "SocketServer",
    "StringIO", "Tkinter", "UserDict", "anydbm", "cPickle", "cStringIO", "commands", "cookielib", "copy_reg",
    "dummy_thread", "httplib", "md5", "sets", "sha", "thread", "urllib2", "urlparse", "xmlrpclib",
}  # fmt: skip
_METHODS: Final = {"has_key", "iteritems", "iterkeys", "itervalues", "viewitems", "viewkeys", "viewvalues"}
_OF_MODULES: Final = {
    "itertools": {"izip", "imap", "ifilter", "izip_longest"},
    "string": {"letters", "lowercase", "uppercase", "maketrans", "join", "replace", "atoi", "atof"},
    "os": {"getcwdu"},
    "sys": {"maxint", "setdefaultencoding"},
    "urllib": {"urlopen", "urlretrieve", "urlencode", "quote", "unquote", "URLopener"},
}
# Names that later Pythons, or packages beside MXNet, gave up: what to write.
_GONE: Final = {
    "time.clock": "time.perf_counter()",
    "inspect.getargspec": "inspect.getfullargspec",
    "fractions.gcd": "math.gcd",
    "collections.Mapping": "collections.abc.Mapping",
    "collections.MutableMapping": "collections.abc.MutableMapping",
    "collections.Iterable": "collections.abc.Iterable",
    "collections.Sequence": "collections.abc.Sequence",
    "collections.Callable": "collections.abc.Callable",
    "collections.Hashable": "collections.abc.Hashable",
    "imp": "importlib",
    "distutils": "setuptools (pip install setuptools)",
    "sklearn.datasets.fetch_mldata": "sklearn.datasets.fetch_openml",
    "scipy.misc.imread": "mx.image.imread, or PIL.Image.open",
    "scipy.misc.imsave": "PIL.Image.fromarray(x).save",
    "scipy.misc.imresize": "mx.image.imresize",
}


def hint(error: BaseException) -> str | None:
    """A line for the user, None where the error has nothing to do with the age of the program.

    >>> hint(AttributeError("module 'time' has no attribute 'clock'"))
    'hint: time.clock has been removed since this was written; write time.perf_counter()'
    """
    if isinstance(error, SyntaxError):
        where = error.filename or "the script"
        text = error.text or ""
        if any(re.search(p, str(error.msg)) for p in _SYNTAX) or re.search(_TEXT, text):
            return _python_2(f"line {error.lineno} of {where}", where)
        return None
    if isinstance(error, TypeError) and 'Did you mean "print(' in str(error):
        return _python_2("print >>", _where(error))
    name = _what_is_missing(error)
    if name is None:
        return None
    if name in _GONE:
        return f"hint: {name} has been removed since this was written; write {_GONE[name]}"
    module, _, member = name.rpartition(".")
    is_old = (
        (isinstance(error, NameError) and name in _BUILTINS)
        or (isinstance(error, ImportError) and name in _MODULES)
        or member in _OF_MODULES.get(module, ())
        or (isinstance(error, AttributeError) and not module and name in _METHODS)
    )
    return _python_2(name, _where(error)) if is_old else None


def _what_is_missing(error: BaseException) -> str | None:
    """The name that was not found: built-in, module, ``module.member``, or attribute of some object."""
    if isinstance(error, NameError):
        return error.name
    if isinstance(error, ImportError):
        member = re.match(r"cannot import name '(\w+)'", str(error))
        return f"{error.name}.{member[1]}" if member else error.name
    if isinstance(error, AttributeError):
        module = re.match(r"module '([\w.]+)' has no attribute '(\w+)'", str(error))
        return f"{module[1]}.{module[2]}" if module else error.name
    return None


def _where(error: BaseException) -> str:
    """The file whose line failed."""
    trace, file = error.__traceback__, "FILE"
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith("<"):
            file = name
        trace = trace.tb_next
    return file


def _python_2(what: str, file: str) -> str:
    if sys.version_info < (3, 13):
        tool = "python -m lib2to3 -w"
    else:
        tool = "pip install fissix; python -m fissix -w"  # lib2to3 left the standard library
    return f"hint: {what} is Python 2; this converts it, once (a copy is kept beside it): {tool} {file}"
