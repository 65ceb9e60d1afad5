"""Whether a window can be shown: tried in a process of its own, which a failure inside the graphics driver may end."""

from __future__ import annotations

import os
import subprocess
import sys

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
PATIENCE = 10.0
"""s for a server that does not answer."""
_OPEN_A_WINDOW = """
import sys, warnings, glfw
warnings.simplefilter("ignore")
glfw.init() or sys.exit("no server answers")
glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
glfw.create_window(64, 64, "", None, None) or sys.exit("it has no OpenGL")
"""


def problem() -> str:
    """Why no window can be shown; empty if one can."""
    named = [f"{name}={os.environ[name]}" for name in DISPLAYS if os.environ.get(name)]
    if not named:
        return "no display"
    try:
        run = subprocess.run(
            [sys.executable, "-c", _OPEN_A_WINDOW], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"no window on {' '.join(named)}: no server answers"
    if run.returncode == 0:
        return ""
    said = run.stderr.strip().splitlines()
    return f"no window on {' '.join(named)}: {said[-1] if said else 'the graphics driver fails'}"
