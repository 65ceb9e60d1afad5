"""One worker for one robot: takes the job that has waited longest, has it played, judges it, writes its report.

    python -m dactyl.farm.worker SETTINGS

Whatever goes wrong with a job ends in a failed report. The robot is then free for the next.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from dactyl import variables
from dactyl.errors import DactylError
from dactyl.farm import files, hidden, result, watch
from dactyl.farm.backend import Backend, GraphRobot
from dactyl.farm.job_queue import Entry, JobQueue
from dactyl.farm.options import Limits
from dactyl.farm.watch import StoppedError
from dactyl.signals import ends
from dactyl.storage.documents import first_line

QUEUE = "jobs.sqlite"
IDLE = 1.0
"""s between two looks for a job."""
BEAT = 2.0
"""s between two signs of life."""


@dataclass(frozen=True)
class Settings:
    """What a worker process is told."""

    farm: str
    """The farm's folder."""
    number: int
    """Of its robot."""
    domain: int
    """Of ROS, for its robot alone."""
    real: str
    """The laboratory's parameter file, if the robot is a real one."""
    first_action: float
    silence: float
    longest: float

    @property
    def limits(self) -> Limits:
        return Limits(self.first_action, self.silence, self.longest)

    def to_json(self) -> str:
        """As `main` takes them."""
        return json.dumps(asdict(self))


def robot_folder(farm: Path, number: int) -> Path:
    """Where a hidden robot's files are."""
    return farm / "robots" / str(number)


class Pulse:
    """Signs of life while a job is attended to, from a thread of its own: judging a long bag takes its time."""

    def __init__(self, queue: JobQueue, entry: Entry, progress: Callable[[], dict[str, int]], beat: float) -> None:
        self._queue, self._entry, self._progress, self._beat = queue, entry, progress, beat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self.lost = False
        """Whether the job has gone to somebody else."""
        self.progress: dict[str, int] = {}
        """How far the run was when it was last looked at."""

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._ended.wait(self._beat):
            self.progress = self._progress()
            with suppress(DactylError):  # the queue is locked for long: the next beat may come in time
                if not self._queue.beat(self._entry, self.progress):
                    self.lost = True
                    return


class Worker:
    """Attends to jobs, one after the other."""

    def __init__(
        self, farm: Path, queue: JobQueue, backend: Backend, limits: Limits, stop: threading.Event, beat: float = BEAT
    ) -> None:
        self._farm, self._queue, self._backend, self._limits = farm, queue, backend, limits
        self._stop, self._beat = stop, beat
        self._name = f"{os.uname().nodename}:{os.getpid()}"

    def work(self, idle: float = IDLE) -> None:
        """Until it is told to stop."""
        while not self._stop.is_set():
            if not self.take():
                self._stop.wait(idle)

    def take(self) -> bool:
        """Attend to one job, if there is one."""
        entry = self._queue.claim(self._name, self._backend.number)
        if entry is None:
            return False
        with Pulse(self._queue, entry, lambda: self._progress(entry), self._beat) as pulse:
            try:
                why = self._attend(entry, pulse)
            except StoppedError:
                self._queue.release(entry)  # changes nothing where somebody else has it
                return True
            self._report(entry, why)
        self._queue.finish(entry, why)
        print(f"job {entry.id}: {why or 'done'}", flush=True)
        return True

    def _progress(self, entry: Entry) -> dict[str, int]:
        return self._backend.progress(files.attempt_folder(self._farm, entry))

    def _attend(self, entry: Entry, pulse: Pulse) -> str:
        """Have a job played and judge it; why it failed, empty where it did not."""
        try:
            out = result.begin(self._farm, entry, self._backend.kind, self._backend.number)
            why = self._play(entry, out, pulse)
            if not why:
                result.evaluate(out, entry.job, self._backend.truth)
        except (StoppedError, KeyboardInterrupt):
            raise
        except DactylError as error:
            return str(error)
        except Exception as error:  # whatever it is, the next job must find the robot free
            traceback.print_exc()
            return f"the farm itself failed: {first_line(error)}"
        return why

    def _play(self, entry: Entry, out: Path, pulse: Pulse) -> str:
        self._backend.prepare()
        policy = files.job_folder(self._farm, entry.id) / files.POLICY
        return watch.run(
            self._backend.command(entry.job, policy, out),
            out / files.LOG,
            self._limits,
            actions=lambda: pulse.progress.get("actions", 0),
            look=lambda: not (pulse.lost or self._stop.is_set()),
        )

    def _report(self, entry: Entry, why: str) -> None:
        try:
            result.report(files.attempt_folder(self._farm, entry), entry, why)
        except OSError as error:  # a full disk: the queue still says how it ended
            print(f"job {entry.id}: cannot write its report: {error}", file=sys.stderr, flush=True)


def main() -> int:
    settings = Settings(**json.loads(sys.argv[1]))
    os.environ[variables.DOMAIN] = str(settings.domain)  # of all that it starts
    farm, stop = Path(settings.farm), threading.Event()
    for number in ends():
        signal.signal(number, lambda *_: stop.set())
    robot = GraphRobot(settings.number, robot_folder(farm, settings.number))
    if settings.real:
        robot = GraphRobot(settings.number, Path(settings.real), "real")
    elif not (robot.place / hidden.CALIBRATION).exists():
        print(f"there is no robot {robot.place}", file=sys.stderr, flush=True)
        return 1
    try:
        Worker(farm, JobQueue(farm / QUEUE), robot, settings.limits, stop).work()
    except DactylError as error:
        print(f"worker {settings.number}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
