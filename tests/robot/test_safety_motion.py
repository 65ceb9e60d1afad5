"""No fault moves a hand faster than its rate: one at a time, and hundreds of them in any order.

The hand of these tests is told apart from what is read of it: it goes where its targets are, and readings may lie.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
import pytest

from dactyl.robot.guards import GuardLimits
from dactyl.robot.safety import RUNNING, STOPPED, Limits, Safety
from dactyl.robots.shadow import ROBOT
from dactyl.robots.shadow.joints import ACTUATOR_LIMITS, ACTUATORS, JOINT_LIMITS, JOINTS

MS = 1_000_000
CYCLE = 8 * MS
RATE, RAMP, SPEED = 5.0, 1.0, 15.0
LAB = {
    "hold_after": 0.13, "stop_after": 1.0, "max_step": 0.8, "max_rate": RATE, "ramp": RAMP, "max_joint_speed": SPEED,
    "action_origin": "middle",
}  # fmt: skip
FLAT, FIST = np.zeros(len(JOINTS)), JOINT_LIMITS[:, 1]
HAND_SPEED = 6.0
"""rad/s that the joints of these tests turn at, which follow their targets."""
ROUNDING = 1e-9


class World:
    """A hand, what is read of it, what decides, and how fast the targets went."""

    def __init__(self, angles: np.ndarray = FLAT, **limits: object) -> None:
        self.limits = Limits(**{**LAB, **limits})  # type: ignore[arg-type]
        self.safety = Safety(ROBOT, self.limits)
        self.angles = angles.copy()
        self.now = self.clock = 1000 * MS
        self.sequence = 0
        self.read: Callable[[np.ndarray], np.ndarray | None] = lambda true: true
        self.last: np.ndarray | None = None
        self.last_ns = 0
        self.worst = 0.0
        """rad/s of any target, from one that was sent to the next."""
        self.furthest = 0.0
        """rad that the first target after none lay from where the hand was."""
        self.sent = 0

    @property
    def positions(self) -> np.ndarray:
        return ROBOT.actuator_positions(self.angles)

    def enable(self) -> str:
        return self.safety.enable(self.now)

    def act(self, value: float | np.ndarray, ahead: int = 0) -> str | None:
        action = np.broadcast_to(np.asarray(value, np.float32), (len(ACTUATORS),))
        reason = self.safety.take_action(action, self.sequence, self.clock + ahead, self.now)
        self.sequence += 1
        return reason

    def cycle(self, passed: int = CYCLE) -> None:
        """Time passes, the hand moves, it is read, targets go out."""
        self.now += passed
        self.clock += passed
        self._move(passed * 1e-9)
        angles = self.read(self.angles.copy())
        if angles is not None:
            self.safety.take_joint_states(self.clock, angles, None, self.now)
        self.send()

    def send(self) -> None:
        targets = self.safety.targets(self.now)
        if targets is None:
            if self.safety.state != STOPPED and not self.safety.enabled:
                self.last = None  # it was let go: from now on somebody else may move it
            return
        assert np.isfinite(targets).all()
        assert (targets >= ACTUATOR_LIMITS[:, 0] - 0.5).all()
        assert (targets <= ACTUATOR_LIMITS[:, 1] + 0.5).all()
        if self.last is None:
            self.furthest = max(self.furthest, float(np.abs(targets - self.positions).max()))
        elif self.now > self.last_ns:
            speed = np.abs(targets - self.last).max() / ((self.now - self.last_ns) * 1e-9)
            self.worst = max(self.worst, float(speed))
        else:
            np.testing.assert_allclose(targets, self.last, atol=ROUNDING)
        self.last, self.last_ns = targets, self.now
        self.sent += 1

    def cycles(self, ms: int, value: float | None = None) -> None:
        """Time passes; with a value, so does a policy that asks for it every 80 ms."""
        for i in range(ms // 8):
            self.cycle()
            if value is not None and i % 10 == 0:
                self.act(value)
                self.send()

    def _move(self, seconds: float) -> None:
        if self.last is None:
            return
        share = ROBOT.actuation / ROBOT.actuation.sum(axis=1, keepdims=True)  # of coupled joints, half each
        wanted = self.last @ share
        self.angles += np.clip(wanted - self.angles, -HAND_SPEED * seconds, HAND_SPEED * seconds)


def running(angles: np.ndarray = FLAT, value: float = 0.0, **limits: object) -> World:
    """A hand that a policy has moved for two seconds."""
    world = World(angles, **limits)
    world.cycles(40)
    assert world.enable() == ""
    world.cycles(2000, value)
    assert world.safety.state == RUNNING
    return world


def check(world: World) -> None:
    """Nothing went faster than the rate, nor began where the hand was not."""
    assert world.worst <= RATE + ROUNDING
    assert world.furthest <= RATE * 0.008 + ROUNDING


# ------------------------------------------------------------------------------------------------- readings that lie


def test_one_false_reading_and_then_silence_hold_the_hand_where_it_was() -> None:
    """Protects the hand from a hold 2 rad away: the reading is refused, the one before is held."""
    world = running(value=0.2)
    before = world.positions
    false = world.angles.copy()
    false[JOINTS.index("FFJ3")] += 1.2
    world.read = lambda _: false
    world.cycle()
    world.read = lambda _: None
    world.cycles(400)
    assert world.safety.refused["joint states jump"] == 1
    np.testing.assert_allclose(world.last, before, atol=0.01)
    check(world)


def test_a_stop_while_a_fist_is_read_as_a_flat_hand_opens_nothing() -> None:
    """Protects what the hand holds: readings of zero for ever, and the emergency stop pressed."""
    world = running(FIST, value=1.0)
    before = world.positions
    world.read = lambda _: FLAT
    world.cycles(40)
    world.safety.stop("red button")
    world.cycles(5000)
    np.testing.assert_allclose(world.last, before, atol=0.01)
    np.testing.assert_allclose(world.positions, before, atol=0.01)
    check(world)


def test_readings_that_jump_for_good_stop_the_hand() -> None:
    """Protects against a sensor that broke: the stop says what it was, and enabling needs plausible readings."""
    world = running(FIST, value=1.0)
    world.read = lambda _: FLAT
    world.cycles(1400, value=1.0)
    assert world.safety.stopped == "joint states jump, for 1 s"
    world.safety.reset()
    world.cycles(104)
    assert "jump" in world.enable()
    world.cycles(600)
    assert world.enable() == ""
    check(world)


def test_a_single_false_reading_costs_nothing() -> None:
    """Protects the run: the next true one is believed, though the hand has moved on."""
    world = running(value=0.5)
    for value in np.linspace(0.5, -0.5, 20):
        world.cycles(80, value)
        world.read = lambda true: true + 0.4
        world.cycle()
        world.read = lambda true: true
    assert world.safety.state == RUNNING
    assert world.safety.refused["joint states jump"] == 20
    check(world)


def test_a_hand_that_moves_as_fast_as_it_can_is_believed() -> None:
    """Protects a fast hand, late readings and readings that come in bursts."""
    world = running(max_rate=1000.0, ramp=0.0, max_step=10.0)
    for i in range(40):
        world.cycles(240, value=1.0 if i % 2 else -1.0)
        world.read = (lambda _: None) if i % 5 == 0 else (lambda true: true)
        world.cycles(64)
        world.read = lambda true: true
        world.cycle()
        world.now -= CYCLE  # the next comes at once
    assert "joint states jump" not in world.safety.refused


# --------------------------------------------------------------------------------------------------------- soft start


def test_the_first_actions_after_an_enable_are_eased() -> None:
    """Protects whoever stands at the hand: full actions on a flat hand move it little at first, then at the rate."""
    world = World()
    world.cycles(40)
    world.enable()
    reached = {}
    for ms in range(0, 1600, 80):
        world.cycles(80, value=1.0)
        reached[ms + 80] = float(np.abs(world.last - ROBOT.actuator_positions(FLAT)).max())  # type: ignore[operator]
    assert reached[80] < 0.02
    assert reached[400] < 0.5 * RATE * 0.4**2 / RAMP + 0.05
    assert reached[1600] == pytest.approx(np.pi, abs=0.05)
    check(world)


def test_a_policy_that_starts_again_is_eased_in() -> None:
    """Protects the hand from the first action of another policy: a fist is asked to be flat, and takes a second."""
    world = running(FIST, value=1.0)
    start = world.positions
    world.sequence = 0
    world.cycles(80, value=-1.0)
    assert np.abs(world.last - start).max() < 0.02  # type: ignore[operator]
    world.cycles(4000, value=-1.0)
    np.testing.assert_allclose(world.last, ACTUATOR_LIMITS[:, 0], atol=0.02)
    check(world)


# ------------------------------------------------------------------------------------------------- holds at the rate


@pytest.mark.parametrize("end", ["stop", "disable", "no actions", "no joint states", "no heartbeat"])
def test_every_end_of_a_motion_obeys_the_rate(end: str) -> None:
    """Protects gears and tendons: targets go back to where the hand is as fast as they went away from it."""
    world = running(max_rate=2.0, max_step=3.2, heartbeat_after=np.inf)
    world.safety.limits = Limits(**{**LAB, "max_rate": 2.0, "max_step": 3.2})  # type: ignore[arg-type]
    stuck = world.angles.copy()
    world._move = lambda _: None  # type: ignore[method-assign]  # fingers that press on something
    world.cycles(800, value=1.0)
    assert np.abs(world.last - world.positions).max() > 0.5  # type: ignore[operator]
    if end == "stop":
        world.safety.stop("red button")
    elif end == "disable":
        world.safety.disable()
    elif end == "no heartbeat":
        world.safety.limits = Limits(**{**LAB, "max_rate": 2.0, "max_step": 3.2, "heartbeat_after": 0.1})  # type: ignore[arg-type]
    elif end == "no joint states":
        world.read = lambda _: None
    before = world.last
    world.cycle()
    last = before
    for _ in range(400):
        world.cycle()
        last = last if world.last is None else world.last
    np.testing.assert_allclose(last, ROBOT.actuator_positions(stuck), atol=1e-6)  # type: ignore[arg-type]
    assert world.worst <= 2.0 + ROUNDING


def test_what_was_let_go_gets_nothing_more() -> None:
    """Protects a hand that other programs move afterwards."""
    world = running(value=0.3)
    world.safety.disable()
    world.cycles(800)
    sent = world.sent
    world.cycles(80)
    assert world.sent == sent


# ------------------------------------------------------------------------------------------------------------- guards


def test_a_hand_that_does_not_move_stops() -> None:
    """Protects against motors that are off: "running" would be a lie."""
    world = running(guards=GuardLimits(max_error=0.6, error_after=1.0))
    world._move = lambda _: None  # type: ignore[method-assign]
    world.cycles(960, value=0.2)
    assert world.safety.state == RUNNING
    world.cycles(400, value=0.2)
    assert "the hand does not move: " in world.safety.stopped
    check(world)


def test_one_finger_that_does_not_follow_stops_the_hand() -> None:
    """Protects tendons: the others move, this one is off its target for too long."""
    world = running(guards=GuardLimits(max_error=0.6, error_after=1.0))
    move, stuck = world._move, JOINTS.index("FFJ3")

    def all_but_one(seconds: float) -> None:
        angle = world.angles[stuck]
        move(seconds)
        world.angles[stuck] = angle

    world._move = all_but_one  # type: ignore[method-assign]
    for i in range(20):
        world.cycles(80, value=1.0 - 0.01 * i)
        world.cycles(80, value=0.9 - 0.01 * i)
    assert world.safety.stopped.startswith("FFJ3 does not follow: FFJ3 is 0.8")


@pytest.mark.parametrize("efforts", [None, np.full(len(JOINTS), nan)])
def test_an_effort_limit_without_efforts_stops_the_hand_and_refuses_an_enable(efforts: np.ndarray | None) -> None:
    """Protects tendons from a limit that is believed to be there; whoever goes without says so by its name."""

    def reads(safety: Safety, ms: int, start: int) -> int:
        for now in range(start, start + ms * MS, CYCLE):
            safety.take_joint_states(now, FLAT, efforts, now)
        return now

    guards = GuardLimits(max_effort=300.0, overload_after=0.1)
    safety = Safety(ROBOT, Limits(guards=guards))
    now = reads(safety, 80, 1000 * MS)
    refused = safety.enable(now)
    assert "joint states without the effort of rh_WRJ2, which has a limit" in refused
    safety.enabled = True
    now = reads(safety, 240, now + CYCLE)
    assert safety.stopped == "effort of rh_WRJ2 is not reported"
    without = Safety(ROBOT, Limits(guards=GuardLimits(max_effort=300.0, overload_after=0.1, unguarded=("effort",))))
    now = reads(without, 80, now + CYCLE)
    assert without.enable(now) == ""
    now = reads(without, 240, now + CYCLE)
    assert not without.stopped
    assert "effort" in without.absent(now)


def test_a_temperature_limit_without_temperatures_stops_the_hand_and_refuses_an_enable() -> None:
    """Protects motors: NaN and silence are no temperatures."""
    safety = Safety(ROBOT, Limits(guards=GuardLimits(max_temperature=60.0)))
    now = 1000 * MS

    def heat(celsius: float, but: str = "") -> None:
        for i, actuator in enumerate(ACTUATORS):
            safety.take_temperature(i, nan if actuator == but else celsius, now)

    def passes(seconds: float) -> None:
        nonlocal now
        for _ in range(round(seconds * 125)):
            now += CYCLE
            safety.take_joint_states(now, FLAT, None, now)
            safety.targets(now)

    passes(0.1)
    heat(40.0, but="MFJ3")
    assert "no temperature of the motor of MFJ3" in safety.enable(now)
    heat(40.0)
    assert safety.enable(now) == ""
    passes(4.0)
    assert not safety.stopped
    passes(1.5)
    assert safety.stopped.startswith("no temperature of the motor of WRJ2 for 5 s")


# ----------------------------------------------------------------------------------------------------------- dead-man


def test_an_enable_lapses_without_its_heartbeat() -> None:
    """Protects whoever lets go of the dead-man's button: held, and enabled again by hand only."""
    world = World(heartbeat_after=0.2)
    world.cycles(40)
    assert world.enable() == "nobody watches: there is no heartbeat"
    world.safety.take_heartbeat(world.now)
    assert world.enable() == ""
    for _ in range(10):
        world.safety.take_heartbeat(world.now)
        world.cycles(80, value=0.3)
    assert world.safety.enabled
    world.cycles(240, value=0.3)
    assert not world.safety.enabled
    assert world.safety.lapsed == "no heartbeat for 0.2 s"
    world.safety.take_heartbeat(world.now)
    world.cycles(400, value=0.3)
    assert not world.safety.enabled
    check(world)


# ------------------------------------------------------------------------------------------------------------- actions


def test_one_action_from_the_future_does_not_shut_out_the_next() -> None:
    """Protects the run from a single wrong stamp."""
    world = running(value=0.1)
    assert world.act(0.1, ahead=10_000 * MS) == "actions without joint angles of their time"
    world.cycles(80)
    assert world.act(0.1) is None


# -------------------------------------------------------------------------------------------------------- any sequence


@pytest.mark.parametrize("seed", [*range(16), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(16, 400))])
def test_no_sequence_of_faults_moves_a_target_faster_than_the_rate(seed: int) -> None:
    """Protects the hand from what nobody thought of: faults, clocks, people and restarts in any order.

    Readings that jump are false for less than the time that an enable waits for: those that are false for longer, while
    nothing is asked of the hand, cannot be told from a hand that was moved.
    """
    random = np.random.default_rng(seed)
    world = World(random.uniform(JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]))
    lies: list[Callable[[np.ndarray], np.ndarray | None]] = [
        lambda _: None,
        lambda true: np.where(np.arange(len(true)) == 3, nan, true),
        lambda true: true + 30.0,
        lambda true: true[1:],
        lambda true: np.clip(true + 0.8 * jump, JOINT_LIMITS[:, 0], JOINT_LIMITS[:, 1]),
        lambda true: FLAT.copy(),
    ]
    worst = furthest = 0.0
    sent = 0
    for _ in range(120):
        jump = np.sign(random.standard_normal(len(JOINTS)))
        world.read = lambda true: true
        match random.integers(12):
            case 0 | 1:
                world.safety.reset()
                world.cycles(int(random.integers(200, 900)))
                world.enable()
            case 2:
                world.safety.disable()
            case 3:
                world.safety.stop("a button")
            case 4:
                world.sequence = 0  # the policy starts again, or is another one
            case 5:
                world.clock += int(random.choice([-5000, -900, 700, 60_000])) * MS
            case 6 | 7:
                world.read = lies[random.integers(len(lies))]
                world.cycles(int(random.integers(1, 50)) * 8, float(random.uniform(-1, 1)))
            case 8:
                world.act(np.float32(nan))
                world.act(float(random.uniform(-1, 1)), ahead=int(random.integers(-300, 10_000)) * MS)
            case 9:
                world.cycle(int(random.integers(1, 300)) * MS)  # this process was stopped meanwhile
            case 10:  # the driver dies and is started again
                worst, furthest, sent = max(worst, world.worst), max(furthest, world.furthest), sent + world.sent
                restarted = World(world.angles)
                restarted.now, restarted.clock, restarted.sequence = world.now, world.clock, world.sequence
                world = restarted
            case _:
                pass
        world.read = lambda true: true
        for _ in range(int(random.integers(1, 12))):
            world.cycles(80, float(random.uniform(-1, 1)))
    assert max(worst, world.worst) <= RATE + ROUNDING
    assert max(furthest, world.furthest) <= RATE * 0.008 + ROUNDING
    assert sent + world.sent > 200, "or nothing was tried"
