"""Contacts: where the object touches the hand, and nowhere else."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import torch

from dactyl.simulation.contacts import ContactReader
from dactyl.simulation.model_fields import nominal_factors
from dactyl.simulation.scene import Scene, build
from tests.simulation.play import CPU, home


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def at(scene: Scene, position: np.ndarray) -> np.ndarray:
    """The open hand with the object's centre there, world frame."""
    qpos = home(scene, 1).qpos[0].numpy().copy()
    qpos[scene.object_position] = position
    return qpos


def distal(scene: Scene, finger: int) -> np.ndarray:
    """The two ends of a finger's last link, world frame (2, 3), m."""
    data = mujoco.MjData(scene.model)
    mujoco.mj_forward(scene.model, data)
    return data.site_xpos[scene.link_sites[finger, -2:]].copy()


def test_an_object_in_the_air_touches_nothing(scene: Scene) -> None:
    touch = ContactReader(scene).read(at(scene, np.array([0.0, 0.0, 1.0])))
    assert not touch.links.any()
    assert not touch.elsewhere
    assert np.isnan(touch.points).all()
    assert np.isnan(touch.outward).all()


@pytest.mark.parametrize("finger", range(5))
def test_an_object_at_a_fingertip_touches_that_link(scene: Scene, finger: int) -> None:
    """From above the end of the last link, so deep that it overlaps; the palm is elsewhere and far."""
    base, end = distal(scene, finger)
    half = scene.object.half_size
    away = end - base
    beyond = end + (half - 0.001) * away / np.linalg.norm(away) + np.array([0.0, 0.0, 0.3 * half])
    touch = ContactReader(scene).read(at(scene, beyond))
    assert touch.links[finger, -1]
    assert not touch.links[finger, 0]
    assert finger == 4 or not touch.elsewhere, "the thumb's tip may be near the palm"
    assert np.isfinite(touch.points[finger]).all()
    assert np.abs(touch.points[finger]).max() <= 1.1 * half, "a contact is on the object"
    assert touch.outward[finger] > 0.5


def test_the_size_of_the_object_counts(scene: Scene) -> None:
    """A block that just reaches a fingertip is clear of it when it is smaller."""
    base, end = distal(scene, 1)
    along, half = (end - base) / np.linalg.norm(end - base), scene.object.half_size
    reader = ContactReader(scene)
    places = [at(scene, end + distance * along) for distance in np.arange(half, 2.0 * half, 0.0005)]
    *_, place = (place for place in places if reader.read(place).links[1].any())
    nominal = nominal_factors(scene, 2, CPU)
    smaller = nominal._replace(object_size=torch.tensor([1.0, 0.9]))
    reader.adapt(smaller, 1)
    assert not reader.read(place).links.any()
    reader.adapt(smaller, 0)
    assert reader.read(place).links[1].any()


def test_what_pushes_before_the_surfaces_meet_touches() -> None:
    """Protects a light object, which rests within the model's contact margin, from seeming to float."""

    def widen(spec: mujoco.MjSpec) -> None:
        for geom in spec.geoms:
            geom.margin = 0.001

    scene = build(edit=widen)
    base, end = distal(scene, 1)
    along, half = (end - base) / np.linalg.norm(end - base), scene.object.half_size
    reader = ContactReader(scene)
    places = [at(scene, end + distance * along) for distance in np.arange(half, 2.0 * half, 0.0001)]
    *_, place = (place for place in places if reader.read(place).links[1].any())
    reader.read(place)
    found = [reader._data.contact[i] for i in range(reader._data.ncon)]
    assert min(contact.dist for contact in found if scene.object_geom in contact.geom) > 0.0
