"""The dashboard in a real browser, before the real graph."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rosgraph_msgs.msg import Clock

from dactyl.bringup.graph import Graph
from dactyl.bringup.options import SimOptions
from dactyl.bringup.run import sim_graph
from dactyl.nodes.dashboard import Dashboard
from dactyl.ros import messages
from dactyl_msgs.msg import TrialStatus

SMALL = {"image_width": 64, "image_height": 48}
SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
IMAGES = "/dactyl/camera_0/image_raw"


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with playwright.sync_playwright() as running:
        if chromium is None and not Path(running.chromium.executable_path).exists():
            pytest.skip("no Chromium on this machine: `apt install chromium` or `playwright install chromium`")
        browser = running.chromium.launch(executable_path=chromium, args=SOFTWARE_GL)
        yield browser
        browser.close()


def graph_with_dashboard() -> Graph:
    return sim_graph(SimOptions(headless=True))


def address(graph: Any) -> str:
    graph.until(lambda: "to watch" in graph.text)
    found = re.search(r"open (http\S+) to watch", graph.text)
    assert found is not None
    return found[1]


def subscribers(graph: Any, topic: str) -> int:
    return len(graph.node.get_subscriptions_info_by_topic(topic))


def test_the_page_loads_moves_and_acts(run_graph: Any, browser: Any) -> None:
    """Protects what people see first: the page in a browser, its pictures, its buttons; and that it lets go."""
    with run_graph(graph_with_dashboard(), sim=SMALL) as graph:
        clock = graph.listen(Clock, "/clock")
        goals = graph.listen(PoseStamped, "/dactyl/goal", messages.LATCHED)
        statuses = graph.listen(TrialStatus, "/dactyl/trial/status", messages.LATCHED)
        graph.until(lambda: statuses and statuses[-1].state == TrialStatus.RUNNING)
        assert subscribers(graph, IMAGES) == 0, "nobody watches, nothing is rendered"

        page = browser.new_page(viewport={"width": 1000, "height": 420})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address(graph))
        page.get_by_text("rad to goal").wait_for(timeout=60_000)
        graph.until(lambda: subscribers(graph, IMAGES) == 1)

        def picture() -> bytes:
            between_the_panels = {"x": 320, "y": 20, "width": 300, "height": 380}
            return page.screenshot(clip=between_the_panels, timeout=60_000)

        first = picture()
        deadline = time.monotonic() + 60
        while picture() == first:
            assert time.monotonic() < deadline, "the 3D view does not move"
            time.sleep(0.5)
        image = page.locator("img[src^=blob]").first
        before = image.get_attribute("src")
        graph.until(lambda: image.get_attribute("src") != before)

        seen = len(goals)
        page.get_by_text("Random", exact=True).click()
        graph.until(lambda: len(goals) > seen)

        trial = statuses[-1].trial
        page.get_by_text("Reset", exact=True).click()
        graph.until(lambda: statuses[-1].trial > trial and statuses[-1].reason == "reset")
        graph.until(lambda: statuses[-1].state == TrialStatus.RUNNING)

        page.get_by_label("Fault").click()
        page.get_by_role("option", name="object dropped").click()
        trial = statuses[-1].trial
        graph.until(lambda: statuses[-1].trial > trial)
        assert statuses[-1].reason == "dropped"

        page.get_by_text("Pause", exact=True).click()
        page.get_by_text("Go on", exact=True).wait_for()
        graph.until(lambda: len(clock) == _count_after(graph, clock, 0.5))
        page.get_by_text("Go on", exact=True).click()
        count = len(clock)
        graph.until(lambda: len(clock) > count + 20)
        assert not errors

        page.close()
        graph.until(lambda: subscribers(graph, IMAGES) == 0)


def _count_after(graph: Any, messages: list[Any], seconds: float) -> int:
    """How many messages there will be."""
    begun, count = time.monotonic(), len(messages)
    graph.until(lambda: time.monotonic() - begun > seconds)
    return count if len(messages) == count else -1


def test_the_object_has_its_letters(ros_domain: int) -> None:
    """Protects the sight of the object: the colours on its six faces are those that MuJoCo shows."""
    from dactyl.monitoring.dashboard.hand_view import object_mesh
    from dactyl.simulation.scene import SceneConfig, build

    for kind in ("block", "octagonal_prism", "sphere"):
        mesh = object_mesh(build(SceneConfig(object=kind)))
        assert np.allclose(np.abs(mesh.vertices).max(), 0.025, rtol=0.1)
        picture = np.asarray(mesh.visual.material.baseColorTexture)
        columns, rows = mesh.visual.uv[:, 0], 1 - mesh.visual.uv[:, 1]
        assert ((columns > 0) & (columns < 1) & (rows > 0) & (rows < 1)).all()
        faces = (rows * 6).astype(int).reshape(-1, 3)
        assert (faces == faces[:, :1]).all(), "a triangle lies on one picture"
        up = mesh.triangles_center[:, 2] > 0.0245
        assert set(faces[up, 0]) == {4}, "+z shows the fifth picture of the cube map"
        assert picture.shape[0] == 6 * picture.shape[1]


def test_the_token_is_printed_and_not_logged(make_node: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """Protects the hand from whoever has a bag: what is logged is on /rosout, and recorded."""
    dashboard = make_node(Dashboard, host="0.0.0.0", port=18190)
    printed = capfd.readouterr()
    assert dashboard.door.token in printed.out
    assert dashboard.door.token not in printed.err, "where the log goes in tests"
    assert "can see and move the hand" in printed.err
