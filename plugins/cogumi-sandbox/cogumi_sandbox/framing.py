"""Messages over a stream: four bytes of length, then JSON. Both ends of every pipe of the sandbox speak it."""

from __future__ import annotations

import json
import os
from typing import Any

CHUNK = 1 << 16
_encode = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class Closed(Exception):
    """The other side is gone, or hung up in the middle of a message."""


class Oversized(Exception):
    """The other side announced a message longer than it may be."""


class Garbled(Exception):
    """The other side's message is not JSON, or no object."""


class Channel:
    """One end of a two-way stream; `most` is the longest message taken, in bytes."""

    def __init__(self, fd: int, most: int) -> None:
        self.fd = fd
        self.most = most
        self._buffer = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; raises `Closed` if nobody listens."""
        body = _encode(message).encode()
        view = memoryview(len(body).to_bytes(4, "big") + body)
        try:
            while view:
                view = view[os.write(self.fd, view) :]
        except OSError as error:
            raise Closed(str(error)) from error

    def receive(self) -> dict[str, Any]:
        """The next message; raises `Closed`, `Oversized` or `Garbled`."""
        length = int.from_bytes(self._exactly(4), "big")
        if length > self.most:
            raise Oversized(f"a message of {length} bytes, at most {self.most} may cross")
        body = self._exactly(length)
        try:
            message = _decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise Garbled(f"not JSON: {type(error).__name__}") from error
        if type(message) is not dict:
            raise Garbled("not a JSON object")
        return message

    def holds_more(self) -> bool:
        """Is (the beginning of) a further message here already, so that waiting for the descriptor would be wrong?"""
        return bool(self._buffer)

    def _exactly(self, length: int) -> bytes:
        if len(self._buffer) < length:
            parts, have = [self._buffer], len(self._buffer)
            while have < length:
                try:
                    part = os.read(self.fd, max(CHUNK, min(length - have, 1 << 20)))
                except OSError as error:
                    raise Closed(str(error)) from error
                if not part:
                    raise Closed("end of file")
                parts.append(part)
                have += len(part)
            self._buffer = b"".join(parts)
        result, self._buffer = self._buffer[:length], self._buffer[length:]
        return result
