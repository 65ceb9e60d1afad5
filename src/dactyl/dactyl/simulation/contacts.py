"""Which parts of the robot touch the object, where on it, and where on the finger: read from a state's geometry."""

from __future__ import annotations

import copy
from typing import NamedTuple

import mujoco
import numpy as np
import torch

from dactyl.simulation.model_fields import ModelFields, PhysicsFactors
from dactyl.simulation.scene import Scene


class Touch(NamedTuple):
    """One state of one environment. NaN where there is no contact."""

    links: np.ndarray
    """(F, L) bool, each finger's links from its root outwards."""
    elsewhere: bool
    """Any other part of the robot: the palm, a knuckle, the forearm."""
    points: np.ndarray
    """(F, 3) m, object frame: the mean of the finger's contacts."""
    outward: np.ndarray
    """(F,) mean place of the contacts of the finger's last link along it: 0 where it begins, 1 at its end."""


class ContactReader:
    """Finds the contacts of states that were simulated elsewhere, one after the other."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._model = copy.copy(scene.model)
        self._data = mujoco.MjData(self._model)
        self._fields = ModelFields(scene, torch.device("cpu"), torch.float64)
        model = self._model
        fingers, ends = scene.link_sites.shape
        self._shape = (fingers, ends - 1)
        self._link_of = {
            int(model.site_bodyid[scene.link_sites[finger, link]]): (finger, link)
            for finger in range(fingers)
            for link in range(ends - 1)
        }
        self._robot = range(*scene.robot_bodies.indices(model.nbody))

    def adapt(self, factors: PhysicsFactors, index: int) -> None:
        """Take over the object's size, and all else that factors vary, from the row of one environment."""
        row = PhysicsFactors(*(factor[index : index + 1].cpu() for factor in factors))
        for name, part, values in self._fields.of(row):
            of, _, field = name.rpartition(".")
            target = getattr(self._model.opt if of else self._model, field)
            target[part] = values[0].numpy()

    def read(self, qpos: np.ndarray) -> Touch:
        """The contacts of a state (nq,), see `Scene`."""
        links = np.zeros(self._shape, bool)
        elsewhere = False
        found: list[list[np.ndarray]] = [[] for _ in range(self._shape[0])]
        outward: list[list[float]] = [[] for _ in range(self._shape[0])]
        for body, place in self._touching(qpos):
            if body not in self._link_of:
                elsewhere = True
                continue
            finger, link = self._link_of[body]
            links[finger, link] = True
            found[finger].append(self._on_object(place))
            if link == self._shape[1] - 1:
                outward[finger].append(self._along(finger, place))
        nowhere = np.full(3, np.nan)
        points = np.array([np.mean(each, axis=0) if each else nowhere for each in found])
        return Touch(links, elsewhere, points, np.array([np.mean(each) if each else np.nan for each in outward]))

    def points(self, qpos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where any part of the robot touches the object in a state (nq,), (K, 3) m, object frame, and for each the
        finger (K,) whose tip is nearest to it."""
        places = [self._on_object(place) for _, place in self._touching(qpos)]
        tips = np.array([self._on_object(self._data.site_xpos[site]) for site in self._scene.fingertip_sites])
        found = np.array(places).reshape(-1, 3)
        return found, np.argmin(np.linalg.norm(found[:, None] - tips[None], axis=-1), axis=1)

    def _touching(self, qpos: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """The robot's bodies that touch the object in a state (nq,), and where (3,), world frame."""
        self._data.qpos[:] = qpos
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_collision(self._model, self._data)
        found = []
        for i in range(self._data.ncon):
            contact = self._data.contact[i]
            body = self._other_body(contact)
            # a light object rests on the margin, not on skin
            if body is not None and contact.dist < contact.includemargin:
                found.append((body, np.array(contact.pos)))
        return found

    def _other_body(self, contact: mujoco.MjContact) -> int | None:
        """The robot's body in a contact of the object; None for other contacts."""
        first, second = (int(self._model.geom_bodyid[geom]) for geom in contact.geom)
        if self._scene.object_body not in (first, second):
            return None
        body = second if first == self._scene.object_body else first
        return body if body in self._robot else None

    def _on_object(self, position: np.ndarray) -> np.ndarray:
        """A point of the world (3,) in the object's frame."""
        body = self._scene.object_body
        rotation = self._data.xmat[body].reshape(3, 3)
        on: np.ndarray = (position - self._data.xpos[body]) @ rotation
        return on

    def _along(self, finger: int, position: np.ndarray) -> float:
        """How far out on the finger's last link a point of the world (3,) is."""
        base, end = self._data.site_xpos[self._scene.link_sites[finger, -2:]]
        link = end - base
        return float(np.clip((position - base) @ link / (link @ link), 0.0, 1.0))
