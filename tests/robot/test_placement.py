"""Where cameras are meant to be: the places that the simulated ones have."""

from __future__ import annotations

import numpy as np
import pytest

from dactyl.maths import quaternion
from dactyl.maths.pinhole import OPTICAL
from dactyl.robot import robot as robots
from dactyl.robot.placement import Place, apart, camera_place, eye_place
from dactyl.robot.robot import Eye
from dactyl.simulation.scene import build


def test_the_simulated_cameras_are_in_their_places() -> None:
    """Protects the check of a lab's cameras: networks are trained on pictures of these."""
    scene, robot = build(), robots.load("shadow")
    to_hand = quaternion.conjugate(scene.hand_quaternion)
    for camera in robot.cameras.places:
        seen = scene.model.camera(camera)
        position = quaternion.rotate(to_hand, seen.pos - scene.hand_position)
        turn = quaternion.multiply(to_hand, quaternion.multiply(seen.quat, quaternion.from_matrix(OPTICAL)))
        distance, angle = apart(Place(position, turn), camera_place(robot, camera))
        assert distance < 1e-5
        assert angle < 1e-3


def test_an_eye_looks_where_it_is_said_to() -> None:
    eye = Eye(np.array([0.0, -0.4, 0.6]), np.array([0.3, -0.1, 0.2]), 40.0, 24, 18, 2.0)
    place = eye_place(eye)
    np.testing.assert_array_equal(place.position, eye.position)
    ahead = quaternion.rotate(place.orientation, np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(np.cross(ahead, eye.looks_at - eye.position), 0.0, atol=1e-9)
    assert ahead @ (eye.looks_at - eye.position) > 0.0
    right, down = (quaternion.rotate(place.orientation, axis) for axis in np.eye(3)[:2])
    assert right[2] == pytest.approx(0.0, abs=1e-9), "its lower edge is level"
    assert down[2] < 0.0


def test_how_far_places_are_apart() -> None:
    here = Place(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
    there = Place(np.array([0.003, 0.0, 0.004]), quaternion.from_rotation_vector(np.radians([0.0, 5.0, 0.0])))
    assert apart(here, there) == pytest.approx((0.005, 5.0))
