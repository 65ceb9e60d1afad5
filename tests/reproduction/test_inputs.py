"""What decides a step's results is compared in plain values."""

from __future__ import annotations

from pathlib import Path

import pytest

from dactyl.reproduction.experiment import Here, Step
from dactyl.reproduction.inputs import difference, inputs_of
from dactyl.storage.shared import shared


def nothing(_: Here) -> dict[str, int]:
    return {}


def test_inputs_are_version_settings_files_and_what_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"1")
    step = Step("x", "x", nothing, {}, {"trials": 3, "pair": (1, 2)}, (file,), ("before",), 4)
    inputs = inputs_of(step, {"before": "abc", "other": "def"})
    assert inputs["version"] == 4
    assert inputs["settings"] == {"trials": 3, "pair": [1, 2]}, "as JSON has it"
    assert list(inputs["files"]) == ["a.bin"]
    assert inputs["needs"] == {"before": "abc"}
    file.write_bytes(b"2")
    assert inputs_of(step, {"before": "abc"})["files"] != inputs["files"]


def test_weights_are_named_before_settings(tmp_path: Path) -> None:
    """Protects a reader who wonders why a figure is outdated: other weights say more than another seed."""
    file = tmp_path / "policy.safetensors"
    file.write_bytes(b"1")
    before = inputs_of(Step("x", "x", nothing, {}, {"seed": 0}, (file,)), {})
    file.write_bytes(b"2")
    now = inputs_of(Step("x", "x", nothing, {}, {"seed": 1}, (file,)), {})
    assert difference(before, now).startswith("files.policy.safetensors was ")


def test_a_shipped_file_has_the_same_name_in_every_checkout() -> None:
    step = Step("x", "x", nothing, {}, files=(shared("models", "block", "policy.safetensors"),))
    assert list(inputs_of(step, {})["files"]) == ["models/block/policy.safetensors"]


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 1}}, ""),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b was 1 and is 2"),
        ({"a": 1}, {"a": 1, "c": 3}, "c was null and is 3"),
        ({"a": 1, "c": 3}, {"a": 1}, "c was 3 and is null"),
        ({"a": 1, "b": 1}, {"b": 2, "a": 2}, "b was 1 and is 2"),
        ({}, {"long": "x" * 60}, 'long was null and is "' + "x" * 39 + "…"),
    ],
)
def test_the_first_difference_is_named(before: object, now: object, text: str) -> None:
    assert difference(before, now) == text
