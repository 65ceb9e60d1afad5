"""The door of the dashboard: lets a browser through to a web server on this machine if it may come in.

On 127.0.0.1 whoever sits at this machine may, but no other web site through their browser (its Host and Origin would
tell). On any other address a token is needed: once in the URL, from then on in a cookie. A connection is checked by its
first request and piped after that.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

LOCAL = ("127.0.0.1", "localhost", "::1")
_COOKIE = "dactyl_dashboard"
_HEAD_LIMIT = 16 * 1024
_PAGE = "<!doctype html><meta charset=utf-8><title>dactyl</title><body style='font:16px sans-serif;margin:3em'>{}"


class FrontDoor:
    """Listens on an address and pipes authorised connections to a local port."""

    def __init__(self, host: str, port: int, open_behind: Callable[[], int], tries: int = 20) -> None:
        """
        Args:
            host: address to listen on; anything but this machine's own makes a token.
            port: to listen on; the next free one if it is taken.
            open_behind: called for the first authorised connection, in a thread: starts what is behind, gives its port.
            tries: how many ports.
        """
        self.host, self.port, self.tries = host, port, tries
        self.token = "" if host in LOCAL else secrets.token_urlsafe(18)
        self._open_behind = open_behind
        self._behind: asyncio.Future[int] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What to open in a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/{f'?token={self.token}' if self.token else ''}"

    async def start(self) -> asyncio.Server:
        """Listen.

        Raises:
            OSError: the address is not this machine's, or no port is free.
        """
        for port in range(self.port, self.port + self.tries):
            try:
                server = await asyncio.start_server(self._accept, self.host, port, limit=_HEAD_LIMIT)
            except OSError:  # noqa: PERF203
                if port == self.port + self.tries - 1:
                    raise
            else:
                self.port = server.sockets[0].getsockname()[1]
                return server
        raise AssertionError("unreachable")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout=10.0)
            answer = self._check(head.decode("latin-1"))
            if answer is not None:
                writer.write(answer)
                await writer.drain()
                return
            port = await self._port_behind()
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
            inner_writer.write(head)
            await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError):
            pass  # the browser or the server behind has gone
        finally:
            writer.close()

    async def _port_behind(self) -> int:
        if self._behind is None:
            self._behind = asyncio.ensure_future(asyncio.to_thread(self._open_behind))
        return await asyncio.shield(self._behind)

    def _check(self, head: str) -> bytes | None:
        """None to let a request through; otherwise the answer to it."""
        request, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        target = request.split(" ")[1] if request.count(" ") >= 2 else "/"
        host, origin = headers.get("host", ""), headers.get("origin", "")
        if origin and urlsplit(origin).netloc != host:
            return _answer("403 Forbidden", "This page may only be opened from its own address.")
        if not self.token:
            name = urlsplit(f"//{host}").hostname
            return None if name in LOCAL else _answer("403 Forbidden", "This page is for this machine only.")
        if self._is_token(_cookie(headers.get("cookie", ""))):
            return None
        if self._is_token(parse_qs(urlsplit(target).query).get("token", [""])[0]):
            cookie = f"Set-Cookie: {_COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
            return _answer("303 See Other", "", "Location: /", cookie)
        return _answer("401 Unauthorized", "Open the address with the token that was printed at the start.")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def _cookie(header: str) -> str:
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return next((value for name, _, value in pairs if name == _COOKIE), "")


def _answer(status: str, text: str, *headers: str) -> bytes:
    body = _PAGE.format(text).encode()
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "Connection: close", "", ""]).encode() + body


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
