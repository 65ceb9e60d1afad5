"""Environment steps per second: of the reorientation environment, and of its peers on the same simulated time.

Every contender runs in processes of its own. On the CPU all take turns, so that what else happens on the machine
happens to each of them.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from statistics import mean
from types import SimpleNamespace
from typing import Any, Protocol

import torch

from dactyl import objects, registry
from dactyl.environment import task as tasks
from dactyl.environment.config import EnvironmentConfig
from dactyl.environment.environment import Environment
from dactyl.environment.randomization import of_task, select
from dactyl.errors import DactylError
from dactyl.robot import robot as robots
from dactyl.simulation.scene import SceneConfig

PEERS = ("gymnasium-robotics",)
_PEER_STEP = 0.08  # s, a control step of ours: the peer's hand is the Shadow too
ROUNDS = 5
CPU_WORLDS = (64,)
GPU_WORLDS = (1024, 2048, 4096, 8192, 16384, 32768)
KERNELS = 12  # listed in a profile


@dataclass(frozen=True)
class Contender:
    """What is measured, and in the end how fast it was."""

    backend: str
    """mujoco, mjwarp, or one of PEERS."""
    randomizations: str
    worlds: int
    threads: int
    object: str = "block"
    device: str = "cpu"
    robot: str = registry.DEFAULTS["robots"]
    task: str = registry.DEFAULTS["tasks"]
    env_steps_per_s: float = 0.0
    env_steps_per_cpu_s: float = 0.0
    """By CPU time instead of the clock: what a core does, also where others use it."""
    physics_share: float | None = None
    """Of the time; None for peers."""
    kernels: tuple[tuple[str, float], ...] = ()
    """Names and shares of the GPU's time, where asked for."""

    def as_row(self) -> dict[str, Any]:
        """For the results file."""
        row = {name: getattr(self, name) for name in ("backend", "randomizations", "worlds", "threads")}
        row |= {name: getattr(self, name) for name in ("object", "device", "robot", "task")}
        row |= {name: round(getattr(self, name), 1) for name in ("env_steps_per_s", "env_steps_per_cpu_s")}
        if self.physics_share is not None:
            row["physics_share"] = round(self.physics_share, 3)
        if self.kernels:
            row["kernels"] = [{"name": name, "share": round(share, 4)} for name, share in self.kernels]
        return row


class Running(Protocol):
    """A contender in its process."""

    def run(self, seconds: float) -> tuple[float, float]:
        """Environment steps per second, and per second of CPU time, over about so long."""

    def details(self, seconds: float, profile: bool) -> dict[str, Any]:
        """Fields of the Contender beside its speed."""


def bench_env(
    *,
    randomizations: Sequence[str] = ("none", "all"),
    worlds: Sequence[int] | None = None,
    threads: Sequence[int] = (1, 2),
    seconds: float = 20.0,
    device: str = "cpu",
    object: str = "block",
    robot: str = registry.DEFAULTS["robots"],
    task: str = registry.DEFAULTS["tasks"],
    versus: str | None = None,
    profile: bool = False,
) -> dict[str, Any]:
    """Measure all combinations.

    Args:
        randomizations: choices of `randomization.select`.
        worlds: batch sizes; None for the usual ones of the device.
        threads: of the CPU backend and (as processes) of the peer.
        seconds: for each combination.
        device: see `backends.make_physics`.
        object: one of `objects.names()`.
        robot: one of `robot.names()`.
        task: one of `task.names()`.
        versus: one of PEERS, on the CPU.
        profile: list the GPU kernels that take the most time.

    Returns:
        {"rows": [Contender.as_row], "versus": {peer: ratio}}; the ratio is that of steps per second with the last of
        the randomizations, at the number of threads where it is least.

    Raises:
        DactylError: what is asked for does not exist or is impossible.
    """
    if versus is not None and versus not in PEERS:
        raise DactylError(f"unknown peer {versus!r}: choose one of {', '.join(PEERS)}")
    objects.load(object)
    robots.load(robot)
    tasks.load(task)
    if versus is not None and robot != registry.DEFAULTS["robots"]:
        raise DactylError(f"{versus} has another robot than {robot}: compare with {registry.DEFAULTS['robots']}")
    if not seconds > 0 or min(threads, default=0) < 1 or (worlds is not None and min(worlds, default=0) < 1):
        raise DactylError("seconds, threads and worlds must be positive")
    for choice in randomizations:
        select(choice)
    if device != "cpu":
        if versus is not None:
            raise DactylError(f"{versus} runs on the CPU: compare with --device cpu")
        rows = [
            _measure([Contender("mjwarp", choice, count, 1, object, device, robot, task)], seconds, profile)[0]
            for count in worlds or GPU_WORLDS
            for choice in randomizations
        ]
        return {"rows": [row.as_row() for row in rows], "versus": {}}
    contenders = []
    for number in threads:
        if versus is not None:
            contenders.append(Contender(versus, "none", 1, number))
        contenders += [
            Contender("mujoco", choice, count, number, object, robot=robot, task=task)
            for count in worlds or CPU_WORLDS
            for choice in randomizations
        ]
    rows = _measure(contenders, seconds, profile)
    ratios = [
        ours.env_steps_per_s / theirs.env_steps_per_s
        for theirs in rows
        for ours in rows
        if theirs.backend in PEERS and ours.backend not in PEERS
        if ours.threads == theirs.threads and ours.randomizations == randomizations[-1]
    ]
    return {"rows": [row.as_row() for row in rows], "versus": {versus: round(min(ratios), 2)} if ratios else {}}


def as_text(outcome: dict[str, Any]) -> str:
    """The rows as a table."""
    heads = ("backend", "randomizations", "worlds", "threads", "env steps/s", "per CPU s", "physics")
    lines = ["{:20}{:16}{:>7}{:>9}{:>13}{:>11}{:>9}".format(*heads)]
    for row in outcome["rows"]:
        share = f"{row['physics_share']:.0%}" if "physics_share" in row else ""
        lines.append(
            f"{row['backend']:20}{row['randomizations']:16}{row['worlds']:>7}{row['threads']:>9}"
            f"{row['env_steps_per_s']:>13,.0f}{row['env_steps_per_cpu_s']:>11,.0f}{share:>9}"
        )
        lines += [f"    {kernel['share']:6.1%}  {kernel['name']}" for kernel in row.get("kernels", ())]
    lines += [f"{ratio} times {peer}" for peer, ratio in outcome["versus"].items()]
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------------- in turns


def _measure(contenders: Sequence[Contender], seconds: float, profile: bool) -> list[Contender]:
    """All of them alive at once, one running at a time."""
    running = [_Processes(contender) for contender in contenders]
    try:
        for each in running:
            each.wait()
        turns = [[each.ask("run", seconds / ROUNDS) for each in running] for _ in range(ROUNDS)]
        details = [each.ask("details", min(2.0, seconds / ROUNDS), profile)[0] for each in running]
        return [
            replace(
                contender,
                env_steps_per_s=sum(clock for turn in turns for clock, _ in turn[i]) / ROUNDS,
                env_steps_per_cpu_s=mean(cpu for turn in turns for _, cpu in turn[i]),
                **details[i],
            )
            for i, contender in enumerate(contenders)
        ]
    finally:
        for each in running:
            each.stop()


class _Processes:
    """The processes of one contender: one, or for a peer one for each thread."""

    def __init__(self, contender: Contender) -> None:
        context = multiprocessing.get_context("spawn")
        self._members = []
        for _ in range(contender.threads if contender.backend in PEERS else 1):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, contender), daemon=True)
            process.start()
            theirs.close()
            self._members.append((process, ours))

    def wait(self) -> list[Any]:
        """What every member answers next."""
        answers = []
        for _, pipe in self._members:
            try:
                answer = pipe.recv()
            except EOFError:
                raise DactylError("a benchmark process ended early; its output above says why") from None
            if isinstance(answer, DactylError):
                raise answer
            answers.append(answer)
        return answers

    def ask(self, method: str, *arguments: Any) -> list[Any]:
        """Call that method in all members at once."""
        for _, pipe in self._members:
            pipe.send((method, arguments))
        return self.wait()

    def stop(self) -> None:
        for process, pipe in self._members:
            pipe.close()
            process.join(10)
            if process.is_alive():
                process.terminate()


def _serve(pipe: Connection, contender: Contender) -> None:
    """A member's process: build, then answer until the pipe closes."""
    try:
        running: Running = (_Peer if contender.backend in PEERS else _Ours)(contender)
        running.run(0.0)
        pipe.send(None)
        while True:
            method, arguments = pipe.recv()
            pipe.send(getattr(running, method)(*arguments))
    except DactylError as error:
        pipe.send(error)
    except (EOFError, KeyboardInterrupt):
        pass


# -------------------------------------------------------------------------------------------------- contenders


class _Ours:
    """Random actions; automatic resets and the making of initial states included."""

    def __init__(self, contender: Contender) -> None:
        torch.set_num_threads(1)  # the simulator has the threads
        config = EnvironmentConfig(
            task=contender.task,
            scene=SceneConfig(robot=contender.robot, object=contender.object),
            randomization=select(contender.randomizations, of_task(tasks.load(contender.task))),
        )
        self._environment = Environment(config, contender.worlds, device=contender.device, threads=contender.threads)
        self._environment.reset()
        self._actions = [self._environment.random_actions(contender.worlds) for _ in range(20)]

    def run(self, seconds: float) -> tuple[float, float]:
        clock, cpu = self._time(self._step, seconds)
        return self._environment.num_envs / clock, self._environment.num_envs / cpu

    def details(self, seconds: float, profile: bool) -> dict[str, Any]:
        step, _ = self._time(self._step, seconds)
        physics, timing = self._environment.physics, self._environment.robot.timing
        timesteps = torch.full(
            (timing.substeps, physics.num_envs),
            timing.physics,
            device=self._environment.device,
            dtype=physics.state.qpos.dtype,
        )
        alone, _ = self._time(lambda _: physics.step(timesteps), seconds)
        return {"physics_share": min(1.0, alone / step), "kernels": self._kernels() if profile else ()}

    def _step(self, i: int) -> None:
        self._environment.step(self._actions[i % len(self._actions)])

    def _time(self, work: Any, seconds: float) -> tuple[float, float]:
        """Mean duration of work(i) by the clock and in CPU time, s; the device is idle before and after."""
        self._synchronize()
        start, used, count = time.perf_counter(), time.process_time(), 0
        while count == 0 or time.perf_counter() - start < seconds:
            for _ in range(5):  # looked at the clock rarely: what was asked for has not happened yet on a GPU
                work(count)
                count += 1
            self._synchronize()
        return (time.perf_counter() - start) / count, (time.process_time() - used) / count

    def _synchronize(self) -> None:
        if self._environment.device.type == "cuda":
            torch.cuda.synchronize(self._environment.device)

    def _kernels(self) -> tuple[tuple[str, float], ...]:
        """Shares of the device's time, physics and everything else, over ten control steps."""
        cuda = self._environment.device.type == "cuda"
        activity = torch.profiler.ProfilerActivity.CUDA if cuda else torch.profiler.ProfilerActivity.CPU
        with torch.profiler.profile(activities=[activity]) as profiler:
            for i in range(10):
                self._step(i)
            self._synchronize()
        times = {
            event.key: float(event.self_device_time_total if cuda else event.self_cpu_time_total)
            for event in profiler.key_averages()
        }
        total = sum(times.values()) or 1.0
        longest = sorted(times.items(), key=lambda item: -item[1])[:KERNELS]
        return tuple((name[:100], duration / total) for name, duration in longest)


class _Peer:
    """gymnasium-robotics' HandManipulateBlock: as many of its steps as make one of ours; its resets included."""

    def __init__(self, _: Contender) -> None:
        import gymnasium
        import gymnasium_robotics
        import mujoco
        from gymnasium_robotics.utils import mujoco_utils

        # Its assertions ask whether numpy integers are among MuJoCo's enumerators; MuJoCo 4's never are.
        joints = {name: int(kind) for name, kind in mujoco.mjtJoint.__members__.items()}
        mujoco_utils.mujoco = SimpleNamespace(**{**vars(mujoco), "mjtJoint": SimpleNamespace(**joints)})
        gymnasium.register_envs(gymnasium_robotics)
        self._environment = gymnasium.make("HandManipulateBlock-v1", disable_env_checker=True)
        task: Any = self._environment.unwrapped
        self._repeats = round(_PEER_STEP / (task.n_substeps * task.model.opt.timestep))
        self._environment.reset(seed=0)

    def run(self, seconds: float) -> tuple[float, float]:
        start, used, count = time.perf_counter(), time.process_time(), 0
        while count == 0 or time.perf_counter() - start < seconds:
            for _ in range(self._repeats):
                _, _, terminated, truncated, _ = self._environment.step(self._environment.action_space.sample())
                if terminated or truncated:
                    self._environment.reset()
            count += 1
        return count / (time.perf_counter() - start), count / (time.process_time() - used)

    def details(self, seconds: float, profile: bool) -> dict[str, Any]:
        return {}
