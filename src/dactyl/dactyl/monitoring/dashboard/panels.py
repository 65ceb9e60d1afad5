"""What stands beside the 3D view: the state of the trial, curves, pictures, nodes, and the buttons."""

from __future__ import annotations

import html
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import viser
from viser import uplot

from dactyl.environment.task import Task

PICTURE_SIZE = (320, 240)
CURVE_SECONDS = 40.0
_BLUE, _GREEN, _ORANGE, _RED = "#2f6fed", "#22a06b", "#e28a1a", "#d64545"
_CARD = """
<div style="font-family:Inter,system-ui,sans-serif;padding:.4em .9em .2em .4em">
  <div style="display:flex;justify-content:space-between;align-items:center">
    <span style="font-size:.85em;opacity:.7">trial {trial}</span>
    <span style="font-size:.8em;padding:.15em .7em;border-radius:1em;color:white;background:{colour}">{state}</span>
  </div>
  <div style="display:flex;gap:.5em;margin-top:.6em;text-align:center">{tiles}</div>
  <div style="font-size:.8em;opacity:.7;margin-top:.6em">{line}</div>
</div>"""
_TILE = """<div style="flex:1;background:rgba(128,140,160,.12);border-radius:.5em;padding:.5em .2em">
<div style="font-size:1.7em;font-weight:600;line-height:1.15;color:{colour}">{value}</div>
<div style="font-size:.72em;opacity:.7">{name}</div></div>"""
_ROW = """<tr title="{values}"><td style="padding:.15em .4em .15em 0"><span style="color:{colour}">●</span> {name}</td>
<td style="opacity:.75">{message}</td></tr>"""


@dataclass(frozen=True)
class Actions:
    """What the buttons do; called in a thread of the server. Those that are None have no button."""

    reset: Callable[[], None]
    set_goal: Callable[[np.ndarray], None]
    """Takes an orientation (4,), hand frame."""
    random_goal: Callable[[], None]
    stop: Callable[[], None]
    pause: Callable[[bool], None] | None = None
    inject: Callable[[str], None] | None = None
    faults: Sequence[str] = ()
    choose_policy: Callable[[str], None] | None = None
    policies: Sequence[str] = ()


@dataclass(frozen=True)
class State:
    """What is known about the trial."""

    trial: int
    state: str
    running: bool
    successes: int
    error: float
    """The task's last, in its unit; NaN where not known."""
    time_left: float
    """s"""
    ended: int
    mean: float
    median: float
    reason: str


@dataclass
class Panels:
    """Everything beside the 3D view."""

    server: viser.ViserServer
    actions: Actions
    turned_goal: Callable[[], np.ndarray]
    """Orientation (4,) to which somebody has turned the goal in the 3D view, hand frame."""
    camera_names: Sequence[str]
    task: Task
    history: deque[int] = field(default_factory=lambda: deque(maxlen=60))
    """Successes of the trials that ended while somebody watched."""
    _curve: deque[tuple[float, float]] = field(default_factory=deque)
    _shown: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        gui = self.server.gui
        gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(47, 111, 237))
        gui.set_panel_label("dactyl")
        gui.main_panel.dock_right()
        gui.main_panel.set_width(360)
        self._card = gui.add_html("")
        name, _, self._unit = self.task.error_names[-1].partition(", ")
        self._tolerance = self.task.rules.tolerances[-1]
        most = float(self.task.rules.max_successes)
        largest = 3.2 if self._unit == "rad" else 8 * self._tolerance
        self._error_plot = gui.add_uplot(
            (np.zeros(2), np.zeros(2), np.full(2, self._tolerance)),
            (
                uplot.Series(label="s"),
                uplot.Series(label=f"{name} to goal, {self._unit}", stroke=_BLUE, width=2),
                uplot.Series(label="reached below", stroke=_GREEN, width=1, dash=(6, 4)),
            ),
            scales={"x": uplot.Scale(time=False), "y": uplot.Scale(range=(0.0, largest))},
            height=170,
        )
        self._history_plot = gui.add_uplot(
            (np.arange(2.0), np.zeros(2)),
            (uplot.Series(label="trial"), uplot.Series(label="successes", stroke=_ORANGE, width=2,
                                                       fill="rgba(226,138,26,.15)")),
            scales={"x": uplot.Scale(time=False), "y": uplot.Scale(range=(0.0, most))}, height=130,
        )  # fmt: skip
        self._add_controls()
        with gui.add_folder("Nodes"):
            self._nodes = gui.add_html("")
        with gui.add_folder("Topics", expand_by_default=False):
            self._topics = gui.add_html("")
        self._add_cameras()

    def _add_controls(self) -> None:
        gui, actions = self.server.gui, self.actions
        with gui.add_folder("Control"):
            if actions.pause:
                self._add_pause(actions.pause)
            self._add_group("Trial", {"Reset": actions.reset, "Stop the hand": actions.stop})
            hint = "Turn the goal in the 3D view by its rings first"
            goals = {"Set as turned": lambda: actions.set_goal(self.turned_goal()), "Random": actions.random_goal}
            self._add_group("Goal", goals, hint)
            if actions.choose_policy and actions.policies:
                self._add_choice("Policy", actions.policies, actions.choose_policy)
            if actions.inject:
                self._add_choice("Fault", actions.faults, actions.inject)

    def _add_pause(self, pause: Callable[[bool], None]) -> None:
        button = self.server.gui.add_button("Pause", icon=viser.Icon.PLAYER_PAUSE)

        @button.on_click
        def _(_: Any) -> None:
            paused = button.label == "Pause"
            button.label = "Go on" if paused else "Pause"
            button.icon = viser.Icon.PLAYER_PLAY if paused else viser.Icon.PLAYER_PAUSE
            pause(paused)

    def _add_group(self, label: str, acts: Mapping[str, Callable[[], None]], hint: str | None = None) -> None:
        group = self.server.gui.add_button_group(label, tuple(acts), hint=hint)
        group.on_click(lambda _: acts[group.value]())

    def _add_choice(self, label: str, options: Sequence[str], act: Callable[[str], None]) -> None:
        choice = self.server.gui.add_dropdown(label, list(options))
        choice.on_update(lambda _: act(choice.value))

    def _add_cameras(self) -> None:
        gui = self.server.gui
        panel = gui.add_panel()
        blank = np.full((PICTURE_SIZE[1], PICTURE_SIZE[0], 3), 235, np.uint8)
        with panel.add_tab("Cameras"):
            self.cameras_wanted = gui.add_checkbox(
                "live", True, hint="Rendering three cameras in software takes much of a core in the simulator"
            )
            self._pictures = [gui.add_image(blank, label=name, format="jpeg") for name in self.camera_names]
        panel.dock_left()
        panel.set_width(300)

    def show_picture(self, camera: int, image: np.ndarray) -> None:
        """(240, 320, 3) uint8 RGB."""
        self._pictures[camera].image = image

    def show_state(self, state: State, lost: Sequence[str], seconds: float) -> None:
        """The trial, what motion capture does not see, and a point of the curve at a time in s."""
        error = f"{state.error:.2f}" if np.isfinite(state.error) else "–"
        tiles = [
            _TILE.format(value=state.successes, name="successes", colour=_GREEN),
            _TILE.format(value=error, name=f"{self._unit} to goal", colour=_BLUE),
            _TILE.format(value=f"{state.time_left:.0f}" if state.running else "–", name="s left", colour="inherit"),
        ]
        line = f"{state.ended} trials ended" + (
            f", mean {state.mean:.1f}, median {state.median:g}; the last: {state.reason}" if state.ended else ""
        )
        if lost:
            line += f"<br><span style='color:{_RED}'>not seen: {html.escape(', '.join(lost))}</span>"
        card = _CARD.format(
            trial=state.trial, state=state.state, colour=_GREEN if state.running else _ORANGE,
            tiles="".join(tiles), line=line,
        )  # fmt: skip
        self._set("card", self._card, card)
        self._curve.append((seconds, state.error))
        while seconds - self._curve[0][0] > CURVE_SECONDS or seconds < self._curve[0][0]:
            self._curve.popleft()

    def show_curves(self) -> None:
        """Bring the curves up to date: more work than the rest, so less often."""
        if len(self._curve) > 1:
            times, angles = np.array(self._curve).T
            limit = np.full(len(times), self._tolerance)
            self._error_plot.data = (times - times[-1], angles, limit)
        successes = np.array([*self.history] or [0], float)
        self._history_plot.data = (np.arange(len(successes) + 1.0), np.append(successes, successes[-1]))

    def show_nodes(self, statuses: Mapping[str, tuple[int, str, Mapping[str, str]]]) -> None:
        """Level (0 good, 1 warning, 2 bad), message and values of each node that reports its health."""
        rows = []
        for name, (level, message, values) in sorted(statuses.items()):
            said = ", ".join(f"{key} {value}" for key, value in values.items())
            rows.append(
                _ROW.format(
                    values=html.escape(said), colour=(_GREEN, _ORANGE, _RED)[min(level, 2)], name=html.escape(name),
                    message=html.escape(message) + (f"<br><small>{html.escape(said)}</small>" if said else ""),
                )
            )  # fmt: skip
        self._set("nodes", self._nodes, _table(rows))

    def show_topics(self, rates: Mapping[str, tuple[float, float]]) -> None:
        """Rate in Hz and transport time in ms of each topic."""
        rows = [
            f"<tr><td>{html.escape(name)}</td><td align=right>{rate:.1f} Hz</td><td align=right>{ms:.1f} ms</td></tr>"
            for name, (rate, ms) in rates.items()
        ]
        self._set("topics", self._topics, _table(rows))

    def say(self, text: str, good: bool) -> None:
        """Tell everyone who watches."""
        for client in self.server.get_clients().values():
            client.add_notification("done" if good else "refused", text, auto_close_seconds=4.0)

    def _set(self, name: str, handle: Any, content: str) -> None:
        if self._shown.get(name) != content:  # what has not changed is not sent
            self._shown[name] = content
            handle.content = content


def _table(rows: Sequence[str]) -> str:
    return f"<table style='font:.8em system-ui,sans-serif;width:100%;border-spacing:0'>{''.join(rows)}</table>"
