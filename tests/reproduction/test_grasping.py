"""What the GR1's experiments share: a judgement by the most likely actions, in a world, maybe on another robot."""

from __future__ import annotations

from pathlib import Path

from dactyl.reproduction import grasping

PLAIN = {"trials": 100, "seed": 0, "actions": "most likely"}


def test_a_judgement_needs_the_training_and_the_hidden_robot() -> None:
    """Protects the order of steps, and that a hidden robot which was drawn anew is judged anew."""
    plain = grasping.judged("one", "train-one", grasping.world(), 100)
    assert plain.needs == ("train-one",)
    assert not plain.files
    hidden = grasping.judged("one", "train-one", grasping.world(), 100, hidden=("models", "hidden"))
    assert hidden.needs == ("models", "train-one")
    assert hidden.title == "100 trials of train-one on the hidden robot"


def test_a_file_is_what_decides_where_nothing_was_trained(tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    step = grasping.judged("shown", file, grasping.world("all"), 100)
    assert (step.needs, step.files) == ((), (file,))


def test_settings_tell_the_worlds_apart() -> None:
    plain, table_iv = (grasping.settings(grasping.world(name), 100) for name in ("none", "all"))
    worlds = [settings.pop("world") for settings in (plain, table_iv)]
    assert plain == table_iv == PLAIN
    assert worlds[0]["randomization"]["physics"] is None
    assert worlds[1]["randomization"]["physics"] is not None


def test_all_trials_last_as_long_as_the_longest() -> None:
    assert grasping.steps_of(100) == 100 * 6.0 / 0.2
    assert grasping.steps_of(2) == grasping.steps_of(20), "a control step costs something by itself"
