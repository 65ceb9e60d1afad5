"""Who may open the dashboard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from dactyl.monitoring.dashboard.front_door import FrontDoor

Ask = Callable[..., Awaitable[str]]


def run(test: Callable[[FrontDoor, Ask], Awaitable[None]], token: bool) -> list[int]:
    """Run a test with a door before a server that says hello; how often that one was started."""
    started: list[int] = []

    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
        writer.close()

    async def everything() -> None:
        behind = await asyncio.start_server(hello, "127.0.0.1", 0)

        def open_behind() -> int:
            started.append(1)
            return int(behind.sockets[0].getsockname()[1])

        door = FrontDoor("0.0.0.0" if token else "127.0.0.1", 18090, open_behind)
        server = await door.start()

        async def ask(path: str = "/", **headers: str) -> str:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            given = {"Host": f"127.0.0.1:{door.port}", **headers}
            lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
            writer.write("\r\n".join(lines).encode())
            answer = await asyncio.wait_for(reader.read(), timeout=5.0)
            writer.close()
            return answer.decode()

        await test(door, ask)
        server.close()
        behind.close()

    asyncio.run(everything())
    return started


def test_on_this_machine_nothing_but_its_own_page_gets_in() -> None:
    """Protects the hand from web sites that somebody at this machine happens to look at."""

    async def test(door: FrontDoor, ask: Ask) -> None:
        assert "token" not in door.url
        assert "403" in await ask(Host="evil.example")
        assert "403" in await ask(Origin="http://evil.example")
        assert (await ask()).endswith("hello")
        assert (await ask(Host=f"localhost:{door.port}", Origin=f"http://localhost:{door.port}")).endswith("hello")

    assert run(test, token=False) == [1], "started once, and only for who may come in"


def test_elsewhere_a_token_is_needed() -> None:
    """Protects the hand on a network: without the token nobody sees or moves it."""

    async def test(door: FrontDoor, ask: Ask) -> None:
        assert len(door.token) > 20
        assert door.token in door.url
        for answer in (await ask(), await ask("/?token=wrong"), await ask(Cookie="dactyl_dashboard=wrong")):
            assert "401" in answer
            assert door.token not in answer
        answer = await ask(f"/?token={door.token}")
        assert "303" in answer
        assert f"Set-Cookie: dactyl_dashboard={door.token}; HttpOnly; SameSite=Strict" in answer
        assert (await ask(Cookie=f"a=b; dactyl_dashboard={door.token}")).endswith("hello")
        assert "403" in await ask(Cookie=f"dactyl_dashboard={door.token}", Origin="http://evil.example")

    assert run(test, token=True) == [1]


def test_a_taken_port_is_stepped_over() -> None:
    """Protects a second simulation on the same machine."""

    async def test(door: FrontDoor, _: Ask) -> None:
        other = FrontDoor("127.0.0.1", door.port, lambda: 0)
        server = await other.start()
        assert other.port > door.port
        server.close()
        with pytest.raises(OSError, match="address already in use"):
            await FrontDoor("127.0.0.1", door.port, lambda: 0, tries=1).start()

    run(test, token=False)
