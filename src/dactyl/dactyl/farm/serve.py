"""Serves a farm: draws its robots, starts a worker for each, and answers over HTTP until it is ended."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import python_multipart  # noqa: F401  without it the server could take no form
import uvicorn

from dactyl.bringup.processes import with_parent
from dactyl.bringup.shipped import on_hardware
from dactyl.errors import DactylError, WrongArgumentError
from dactyl.farm import check, files, hidden, result, tokens, watch
from dactyl.farm.job_queue import Entry, JobQueue
from dactyl.farm.options import TOKEN, ServeOptions
from dactyl.farm.server import Farm, application
from dactyl.farm.worker import QUEUE, Settings, robot_folder
from dactyl.ranges import check_options
from dactyl.robot import robot as robots
from dactyl.signals import ends
from dactyl.storage.locks import locked

ABOUT = "farm.json"
LOOK = 1.0
"""s between two looks at the workers."""
LAST_DOMAIN = 101
"""Above it the ports of a domain reach into those that Linux gives to other programs."""


def serve(options: ServeOptions) -> int:
    """Serve a farm until a signal comes; the exit code.

    Raises:
        DactylError: the folder is another farm's or in use, the port is taken, or the robots cannot be drawn.
    """
    _check(options)
    with _claimed(options.folder), _listening(options.host, options.port) as listening:
        draw_robots(options)
        queue = JobQueue(options.folder / QUEUE)
        queue.discard_reserved()
        token, new = tokens.make(options.folder / TOKEN)
        upload = options.upload_mb * 10**6
        farm = Farm(options.folder, queue, options.robot, check.refusal, upload, options.poll)
        config = uvicorn.Config(
            application(farm, token), log_level="warning", access_log=False, server_header=False, ws="none"
        )
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"{_count(options)} robots ({options.robot}): http://{host}:{options.port}", flush=True)
        print(f"token: {token if new else f'in {options.folder / TOKEN}'}", flush=True)
        return _run(uvicorn.Server(config), listening, Crew(options), queue)


def _count(options: ServeOptions) -> int:
    """How many robots there are: the simulated ones, and a real one after them."""
    return options.robots + bool(options.real)


def _check(options: ServeOptions) -> None:
    """Refuse what can be known to go wrong before anything is begun."""
    check_options(options)
    count = _count(options)
    if options.first_domain + count - 1 > LAST_DOMAIN:
        last = LAST_DOMAIN - count + 1
        raise WrongArgumentError(
            f"{count} robots need as many ROS domains, up to {LAST_DOMAIN}: --first-domain: {last} at most"
        )
    if options.real:
        on_hardware(options.robot, options.real)


def _run(server: uvicorn.Server, listening: socket.socket, crew: Crew, queue: JobQueue) -> int:
    stop = threading.Event()
    handlers = {number: signal.signal(number, lambda *_: stop.set()) for number in ends()}
    # in a thread of its own uvicorn leaves the signals to us
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not stop.wait(LOOK):
            crew.look_after()
            for entry in queue.lost():
                crew.give_up(entry)
            if not thread.is_alive():
                raise DactylError("the web server has ended")
    finally:
        server.should_exit = True
        crew.close()
        thread.join(5.0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0


class Crew:
    """The workers, one process a robot; who ends is started again."""

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def look_after(self) -> None:
        """Start those that are not there. To be called in the thread that lives longest: they end with it."""
        for number in range(_count(self._options)):
            process = self._processes.get(number)
            if process is None or process.poll() is not None:
                if process is not None:
                    print(f"worker {number} has ended with {process.returncode}: it starts again", flush=True)
                self._processes[number] = self._start(number)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        asked = self._options
        settings = Settings(
            farm=str(asked.folder.absolute()),
            number=number,
            domain=asked.first_domain + number,
            real=str(Path(asked.real).absolute()) if number == asked.robots else "",
            first_action=asked.first_action,
            silence=asked.silence,
            longest=asked.longest,
        )
        command = [*with_parent(), sys.executable, "-m", "dactyl.farm.worker", settings.to_json()]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def give_up(self, entry: Entry) -> None:
        """Leave the report of a job whose workers were lost."""
        out = files.attempt_folder(self._options.folder, entry)
        try:
            out.mkdir(parents=True, exist_ok=True)
            result.report(out, entry, entry.why)
        except OSError as error:
            print(f"job {entry.id}: cannot write its report: {error}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """End all of them; they give back the jobs that they have."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + watch.PATIENCE + 5.0
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
            if process.poll() is None:
                process.kill()
                process.wait()


def draw_robots(options: ServeOptions) -> None:
    """Write the files of the farm's robots that are not there yet.

    Raises:
        DactylError: the folder is of a farm of another kind or seed; a model is missing; the disk is full.
    """
    seed = _seed(options)
    folders = {number: robot_folder(options.folder, number) for number in range(options.robots)}
    missing = {number: folder for number, folder in folders.items() if not (folder / hidden.CALIBRATION).exists()}
    if not missing:
        return
    from dactyl.simulation.scene import SceneConfig, build  # MuJoCo takes its time

    robot = robots.load(options.robot)
    nominal = build(SceneConfig(robot=robot.name)).parameters
    for number, folder in missing.items():
        hidden.write(folder, robot, hidden.draw(robot, nominal, seed, number))


def _seed(options: ServeOptions) -> int:
    """The farm's own, which is drawn with a new farm unless it was given."""
    path = options.folder / ABOUT
    if path.exists():
        about = files.read_json(path)
        if about.get("robot") != options.robot:
            raise DactylError(f"{options.folder} is a farm of the robot {about.get('robot')}: name another folder")
        if options.seed is not None and about.get("seed") != options.seed:
            raise DactylError(f"the robots in {options.folder} were drawn with another seed: name another folder")
        return int(about["seed"])
    seed = secrets.randbits(62) if options.seed is None else options.seed
    try:
        files.write_json(path, {"robot": options.robot, "seed": seed})
    except OSError as error:
        raise DactylError(f"cannot write {path}: {error.strerror}") from error
    return seed


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """The farm's folder for this process alone, closed to others, without what an earlier one left unfinished."""
    with locked(folder):
        try:
            folder.chmod(0o700)
        except OSError as error:
            raise DactylError(f"cannot use the folder {folder}: {error.strerror}") from error
        for left in folder.glob("incoming-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket at the address, so that one that is taken is said before anything is begun."""
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise DactylError(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}") from error
    with made:
        yield made
