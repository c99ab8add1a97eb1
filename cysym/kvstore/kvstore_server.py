"""The server process of distributed training, by name only.

Programs written for several machines import this module; what they would start is not available here, and
says so.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ..base import MXNetError


class KVStoreServer:
    """A server that workers push to. Not available: see `run`."""

    def __init__(self, kvstore: Any) -> None:
        self.kvstore = kvstore

    def run(self) -> NoReturn:
        """Raise MXNetError: there is no distributed training."""
        raise MXNetError(
            "KVStoreServer: training over several processes is not available; use the kvstores 'local' or "
            "'device', which need no server"
        )
