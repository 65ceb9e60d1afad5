"""The word that opens a farm."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dactyl.errors import DactylError
from dactyl.farm import tokens
from dactyl.farm.tokens import TokenGate


def test_a_token_is_made_once_and_its_owner_alone_reads_it(tmp_path: Path) -> None:
    token, new = tokens.make(tmp_path / "token")
    assert new
    assert len(token) >= 32
    assert tokens.make(tmp_path / "token") == (token, False)
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_one_error(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(DactylError, match="token"):
        tokens.read(tmp_path / "token")


def asked(scope: dict[str, Any]) -> tuple[bool, list[Any]]:
    """Whether the gate let a request through, and what it answered itself."""
    through: list[bool] = []
    sent: list[Any] = []

    async def app(*_: Any) -> None:
        through.append(True)

    async def receive() -> Any:
        raise AssertionError("nobody is to read before the token was seen")

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(TokenGate(app, "the-right-one")(scope, receive, send))
    return bool(through), sent


@pytest.mark.parametrize(
    ("headers", "may"),
    [
        ([(b"authorization", b"Bearer the-right-one")], True),
        ([(b"authorization", b"bearer the-right-one")], True),
        ([(b"authorization", b"Bearer the-wrong-one")], False),
        ([(b"authorization", b"Bearer the-right-one2")], False),
        ([(b"authorization", b"Bearer ")], False),
        ([(b"authorization", b"Basic the-right-one")], False),
        ([(b"authorization", b"Bearer \xff\xff")], False),
        ([(b"cookie", b"the-right-one")], False),
        ([], False),
    ],
)
def test_nothing_passes_without_the_token(headers: list[tuple[bytes, bytes]], may: bool) -> None:
    through, sent = asked({"type": "http", "headers": headers})
    assert through == may
    if not may:
        assert sent[0]["status"] == 401
        assert b"the-right-one" not in sent[1]["body"]


def test_no_websocket_passes() -> None:
    """Protects from a way in that nobody thought of."""
    through, sent = asked({"type": "websocket", "headers": [(b"authorization", b"Bearer the-right-one")]})
    assert not through
    assert sent == [{"type": "websocket.close", "code": 1008}]
