"""The word that a farm demands of whoever asks, and the gate that does."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from dactyl.errors import DactylError

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Callable[[], Awaitable[Message]], Send], Awaitable[None]]
_SCHEME = b"bearer "
_ANSWER = b'{"error": "the token is missing or wrong"}\n'


def make(path: Path) -> tuple[str, bool]:
    """A farm's token, and whether it was made just now; kept in a file that its owner alone can read.

    Raises:
        DactylError: the file cannot be read or written, or is empty.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read(path), False
    except OSError as error:
        raise DactylError(f"cannot write the token {path}: {error.strerror}") from error
    token = secrets.token_urlsafe(24)
    with os.fdopen(handle, "w") as file:
        file.write(token + "\n")
    return token, True


def read(path: Path) -> str:
    """The token in a file.

    Raises:
        DactylError: there is none.
    """
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DactylError(f"cannot read the farm's token {path}: name its file with --token-file") from error
    if not token or not token.isascii():
        raise DactylError(f"{path} holds no token")
    return token


class TokenGate:
    """In front of an ASGI application: lets those requests through that carry the token as `Authorization: Bearer`."""

    def __init__(self, app: App, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and self._is_told(scope["headers"])):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": _ANSWER})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _is_told(self, headers: list[tuple[bytes, bytes]]) -> bool:
        given = next((value for name, value in headers if name.lower() == b"authorization"), b"")
        told = given[len(_SCHEME) :] if given[: len(_SCHEME)].lower() == _SCHEME else b""
        return hmac.compare_digest(told, self._token)
