"""Steps that several experiments have: what they are made from decides whether they are done again."""

from __future__ import annotations

from dactyl.reproduction import recipes, steps


def test_a_training_is_done_again_with_another_teacher_or_other_randomizations() -> None:
    """Protects from a start that imitated weights which are no longer shipped, and from ranges that were changed."""
    start = steps.trained("start", "", recipes.student("none", 1000, imitation=1000))
    after = steps.trained("after", "", recipes.student("all", 1000), "start")
    assert [path.parts[-3:] for path in start.files] == [("models", "block-teacher", "policy.safetensors")]
    assert (after.files, after.needs) == ((), ("start",))
    assert start.settings["world"]["randomization"]["physics"] is None
    assert after.settings["world"]["randomization"]["physics"]["masses"] == (0.5, 1.5)


def test_a_judgement_in_the_stand_in_needs_its_hand() -> None:
    """Protects from a stand-in with the hand that policies were trained with."""
    own, stand_in = (steps.judged("x", "train", world, 100, False) for world in ("all", "stand-in"))
    assert own.needs == ("train",)
    assert stand_in.needs == ("train", steps.hidden_hand().name)
    assert own.settings["world"] != stand_in.settings["world"]
    assert steps.judged("x", "train", "all", 100, True).settings["trials"] == 2
