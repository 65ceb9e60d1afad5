"""Readers of files that others wrote, given damaged ones.

The short test tries some hundred inputs of each format. The long one takes FUZZ_SECONDS for each, 10 by default:

    FUZZ_SECONDS=20 ./dactyl test --all -n 0 -s tests/test_fuzz.py
"""

from __future__ import annotations

import contextlib
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
import zstandard

from dactyl import objects, topics
from dactyl.calibration import cameras
from dactyl.calibration.boards import Board
from dactyl.calibration.model import bag as model_bag
from dactyl.calibration.model import recording
from dactyl.environment import start_states
from dactyl.environment.randomization import vision_errors
from dactyl.errors import DactylError
from dactyl.farm import score
from dactyl.farm.job import Job
from dactyl.hardware import camera_info
from dactyl.hardware.replay import read_bag, read_c3d
from dactyl.learning import curves, demonstrations
from dactyl.recording import analysis, decisions, latency, repair, report
from dactyl.recording.pictures import pictures_at
from dactyl.recording.reading import Bag
from dactyl.recording.test_sets.dataset import Camera, Dataset, DatasetWriter
from dactyl.reproduction import engine
from dactyl.reproduction import report as experiments
from dactyl.robot import parameters
from dactyl.robot import robot as robots
from dactyl.robot.markers import MarkerLayout
from dactyl.robots.shadow.calibration import hall, joint_bag
from dactyl.robots.shadow.commands import _marker_layout
from dactyl.robots.shadow.layout import BASE_MARKERS
from dactyl.simulation.scene import build
from tests.farm.made_up import JOB, write_run
from tests.fuzzing import Outcome, Reader, fuzz
from tests.hardware.c3d_files import DEC, MIPS, labelled, points, write
from tests.hardware.test_camera_info import ECHOED, FILE, OPENCV
from tests.learning.test_demonstrations import some
from tests.recording import mcap_files
from tests.recording.graph_bag import write_graph_bag
from tests.reproduction.toys import Toy, choice
from tests.robots.shadow.calibration.test_hall import shipped

ROOT = Path(__file__).resolve().parents[1]
MODEL = "robot: shadow\njoints: {FFJ3: {damping: 0.13, lower: -0.21}}\nactuators: {FFJ3: {gain: 1.2}}\n"
VISION_ERRORS = (
    "format: dactyl-vision-errors/1\nmeasured: {worlds: 8}\nerrors:\n  position_bias: [0.003, 0.001, 0.002]\n"
    f"  position_of_state: {[[0.001] * 13] * 3}\n  rotation_memory: 0.6\n  outlier_rate: 0.1\n"
)
SHORT = 60


@pytest.fixture(scope="module")
def graph_bag(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A run of the graph, in chunks, without, and without any checksum, so that damage reaches the messages."""
    folder = tmp_path_factory.mktemp("graph")
    write_graph_bag(folder / "b")
    messages = list(Bag(folder / "b").messages())
    chosen = [message for message in messages if "image_raw" not in message.topic][:300]
    chosen += [message for message in messages if "image_raw" in message.topic][:3]
    return [_plain(folder / f"{i}.mcap", chosen, chunks) for i, chunks in enumerate((True, False))]


def _plain(path: Path, messages: list, chunks: bool) -> bytes:
    from mcap.writer import CompressionType, Writer

    with path.open("wb") as stream:
        writer = Writer(
            stream, compression=CompressionType.NONE, use_chunking=chunks, enable_crcs=False, chunk_size=50_000
        )
        writer.start(profile="ros2")
        channels: dict[str, int] = {}
        for message in messages:
            kind = message.kind
            if message.topic not in channels:
                schema = writer.register_schema(kind.type, "ros2msg", kind.definition.encode())
                channels[message.topic] = writer.register_channel(message.topic, "cdr", schema, dict(kind.metadata))
            writer.add_message(
                channels[message.topic], message.received_ns, message.data, message.sent_ns, message.sequence
            )
        writer.finish()
    return path.read_bytes()


def mcap(folder: Path) -> list[bytes]:
    """Files of every compression and of other encodings."""
    ways = [
        {"compression": compression, "enable_crcs": checked, "finish": finish}
        for compression in (mcap_files.ZSTD, mcap_files.LZ4, mcap_files.NONE)
        for checked in (True, False)
        for finish in (True, False)
    ]
    ways += [{"use_chunking": False}, {"schema": None, "encoding": "json"}]
    ways += [{"data": lambda i: zstandard.compress(mcap_files.body(i))}]
    return [mcap_files.write_mcap(folder / "a.mcap", 60, **way).read_bytes() for way in ways]


def _look_into_bag(path: Path) -> None:
    """Every reader of bags; what one refuses the next may read."""
    layout = MarkerLayout(range(5), range(10, 14), BASE_MARKERS, range(20, 26), objects.load("block").markers)
    readers: list[Callable[[], object]] = [
        lambda: analysis.analyse(path),
        lambda: latency.examine(path),
        lambda: decisions.read(Bag(path), "mocap"),
        lambda: read_bag(path, topics.absolute(topics.MARKERS)),
        lambda: joint_bag.read(path, layout, topics.JOINT_STATES, topics.absolute(topics.MARKERS), 100),
        lambda: pictures_at(path, [10**9]),
        lambda: model_bag.read(path),
        lambda: score.read(path),
    ]
    if zlib.crc32(path.read_bytes()) % 8 == 0:  # drawing takes its time
        readers.append(lambda: report.write(path, path.with_name("r.html")))
    for read in readers:
        with contextlib.suppress(DactylError):
            read()


def _recover(path: Path) -> None:
    out = path.with_name("recovered")
    shutil.rmtree(out, ignore_errors=True)
    contents = repair.recover(path, out)
    again = repair.examine(out)
    assert again.counts == contents.counts
    assert not again.problems
    for _ in Bag(path).decoded({"/text"}):
        pass


def _look_at_pictures(path: Path) -> None:
    for picture in cameras.read_pictures(path.parents[1], ["camera_0"])["camera_0"].values():
        Board().find(picture)


def _test_set(folder: Path) -> Path:
    camera = Camera("camera_0", 8, 6, (8.0, 0.0, 4.0, 0.0, 8.0, 3.0, 0.0, 0.0, 1.0))
    with DatasetWriter(folder, "block", [camera]) as writer:
        for i in range(3):
            writer.add([np.full((6, 8, 3), i, np.uint8)], np.zeros(3), np.array([1.0, 0, 0, 0]), i)
    return folder


def _open_set(path: Path) -> None:
    for sample in Dataset(path.parent):
        assert np.isfinite(sample.position).all()


def _board() -> list[bytes]:
    view = Board().render(
        np.array([[400.0, 0, 160], [0, 400.0, 120], [0, 0, 1]]), np.zeros(5), np.eye(3), np.array([-0.1, -0.07, 0.4]),
        320, 240,
    )  # fmt: skip
    return [cv2.imencode(ending, view)[1].tobytes() for ending in (".png", ".jpg", ".bmp", ".tiff")]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory, graph_bag: list[bytes]) -> dict[str, Reader]:
    """Each format with valid files and its reader."""
    folder = tmp_path_factory.mktemp("valid")
    bag, cases = folder / "b", mcap(folder)
    mcap_files.write_mcap(bag / "b_0.mcap", 20)
    mcap_files.metadata(bag, relative_file_paths=["b_0.mcap"], custom_data={"dactyl": '{"lost": {"/a": 3}}'})
    about, plain = (bag / "metadata.yaml").read_bytes(), (bag / "b_0.mcap").read_bytes()
    c3d = [
        write(folder / "a.c3d", points(20), labelled(), processor, scale, analog=analog).read_bytes()
        for processor in (84, DEC, MIPS)
        for scale in (-0.1, 0.05)
        for analog in (0, 2)
    ]
    table = curves_table()
    calibrations = [yaml.safe_dump(shipped(prefix, coupled)).encode() for prefix in ("", "rh_") for coupled in (0, 1)]
    set_of = _test_set(folder / "set")
    card, samples = (set_of / "dataset.json").read_bytes(), (set_of / "samples.npz").read_bytes()
    robot = robots.load("shadow")
    targets = np.zeros((30, len(robot.actuators)))
    recording.save(folder / "motion.npz", recording.Recording(robot, targets, np.zeros((30, len(robot.joints)))))
    motion = (folder / "motion.npz").read_bytes()
    write_run(folder / "run")
    run = (folder / "run" / "run_0.mcap").read_bytes()
    scene = build()
    resting = start_states.States(np.tile(scene.model.qpos0, (3, 1)), np.zeros((3, scene.model.nv)))
    start_states.write(folder / "starts.npz", scene, resting)
    demonstrations.save(folder / "shown.safetensors", some())
    starts, shown = (folder / "starts.npz").read_bytes(), (folder / "shown.safetensors").read_bytes()

    def beside(name: str, content: bytes, read: Callable[[Path], object]) -> Callable[[Path], object]:
        """The reader, with another file beside the damaged one."""

        def with_it(path: Path) -> object:
            (path.parent / name).write_bytes(content)
            return read(path)

        return with_it

    def in_set(path: Path) -> None:
        for file in set_of.rglob("*"):
            if file.is_file() and file.name != path.name:
                (path.parent / file.relative_to(set_of)).parent.mkdir(exist_ok=True)
                shutil.copy(file, path.parent / file.relative_to(set_of))
        _open_set(path)

    found = [
        Reader("mcap", cases, _recover, "a.mcap"),
        Reader("graph bag", graph_bag, _look_into_bag, "a.mcap"),
        Reader(
            "metadata",
            [about],
            beside("b_0.mcap", plain, lambda path: repair.examine(path.parent)),
            "metadata.yaml",
            True,
        ),
        Reader("zstd bag", [zstandard.compress(raw) for raw in cases[:4]], repair.examine, "a.mcap.zstd"),
        Reader("c3d", c3d, lambda path: list(read_c3d(path).frames), "a.c3d"),
        Reader("training table", [table], curves.read, "progress.csv", True),
        Reader(
            "hall calibration",
            calibrations,
            lambda path: hall.save(path.with_name("o"), hall.load(path), "o"),
            "a.yaml",
            True,
        ),
        Reader(
            "camera calibration", [text.encode() for text in (FILE, ECHOED, OPENCV)], camera_info.read, "a.yaml", True
        ),
        Reader("model calibration", [MODEL.encode()], lambda path: parameters.read(path, robot), "a.yaml", True),
        Reader("model recording", [motion], recording.load, "a.npz"),
        Reader("marker table", [(ROOT / "config" / "real.yaml").read_bytes()], _marker_layout, "real.yaml", True),
        Reader("picture", _board(), _look_at_pictures, "camera_0/a.png"),
        Reader("test set card", [card], in_set, "set/dataset.json", True),
        Reader("test set samples", [samples], in_set, "set/samples.npz"),
        Reader("job", [JOB.to_json().encode()], lambda path: Job.from_json(path.read_bytes()), "job.json", True),
        Reader("run", [run], lambda path: score.score(score.read(path), JOB), "a.mcap"),
        Reader("experiment", [experiment(folder)], _tell, "result.json", True),
        Reader("vision errors", [VISION_ERRORS.encode()], vision_errors.read, "a.yaml", True),
        Reader("start states", [starts], lambda path: start_states.read(path, scene), "a.npz"),
        Reader("demonstrations", [shown], lambda path: demonstrations.load([path]), "a.safetensors"),
    ]
    return {reader.name: reader for reader in found}


def experiment(folder: Path) -> bytes:
    """Results of a whole one."""
    result, *_ = engine.run(Toy().experiment(), choice(folder / "runs"), lambda text: None)
    return result.read_bytes()


def _tell(path: Path) -> str:
    """Machine, commit and time of the results of an experiment."""
    return experiments.provenance(experiments.read(path)[0])


def curves_table() -> bytes:
    from tests.learning.test_curves import HEADER

    return (HEADER + "".join(f"{i},{i}e-3,0.{i},1,{i},nan\n" for i in range(20))).encode()


NAMES = (
    "mcap", "graph bag", "metadata", "zstd bag", "c3d", "training table", "hall calibration", "camera calibration",
    "model calibration", "model recording", "marker table", "picture", "test set card", "test set samples",
    "job", "run",
    "experiment",
    "vision errors",
    "start states", "demonstrations",
)  # fmt: skip


def _judge(outcome: Outcome) -> None:
    assert not outcome.tracebacks, "\n".join(outcome.tracebacks)
    assert outcome.slowest_s < 30.0


def test_every_format_is_tried(readers: dict[str, Reader]) -> None:
    """Protects the list, and that the undamaged files can be read at all."""
    assert tuple(readers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_one_line(readers: dict[str, Reader], name: str, tmp_path: Path) -> None:
    """Protects people from tracebacks: what comes out of a reader is its content, or one line."""
    number = SHORT // 6 if name in ("graph bag", "picture") else SHORT
    _judge(fuzz(readers[name], tmp_path, seed=0, number=number))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_one_line_for_long(readers: dict[str, Reader], name: str, tmp_path: Path) -> None:
    """The same with other seeds, for as long as FUZZ_SECONDS says."""
    outcome = fuzz(
        readers[name], tmp_path, int(os.environ.get("FUZZ_SEED", "1")), 1, float(os.environ.get("FUZZ_SECONDS", "10"))
    )
    print(f"\n{name}: {outcome.tried} tried, {outcome.read} read, slowest {outcome.slowest_s:.2f} s", end="")
    _judge(outcome)
