"""From where points are seen to the pose: bundle adjustment inside the network.

A point X of the object is seen at u in a picture, right and down. The camera's rows r1, r2, r3 give
(r1 - u1 r3) X = 0 and (r2 - u2 r3) X = 0: two equations that are linear in X = position + rotation p, so in the twelve
numbers of the pose. A camera that is turned a little, or sees a little wider, moves what it sees by an amount that only
depends on u: four more unknowns a camera, which landmarks on the robot tell apart from the object's own motion. All are
found by least squares, each point weighted by how exactly the tower finds it.

That answer may be sheared as no object can be. Gauss-Newton steps after it turn and move the object as a whole.

The paper leaves all of that to a dense layer to learn (Figure 6). Here a dense layer only learns what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, radians

import numpy as np
import torch
from torch import Tensor, nn

from dactyl.vision.pose import nearest_rotation

FIRST_ERROR = 0.05
"""Half pictures: how exactly towers are taken to find a point before they have learned to say so."""
_EXACT, _VAGUE = log(0.002**-2), log(2.0**-2)  # what a weight's logarithm stays between
_TURN, _WIDTH = radians(1.0), 0.02  # a camera's deviation on each axis, and of its width, in Table 9: to begin with
_FARTHEST = 0.5  # rad that one step turns an object; the linear answer is rarely farther off
_NEAREST = 0.1  # m before a camera: where a point still has a place in a picture
_CAMERA = 4  # unknowns of a camera: three of a rotation vector, rad, and the logarithm of its width


@dataclass(frozen=True)
class Geometry:
    """What is known before a picture is seen."""

    points: np.ndarray
    """(K, 3) of the object, object frame, m."""
    landmarks: np.ndarray
    """(L, 3) of the robot, robot frame, m."""
    cameras: np.ndarray
    """(C, 3, 4) from homogeneous points, robot frame, m, to each camera's optical frame, if it is where it should."""
    tangent: float
    """Of half the field of view of the square that the network sees."""
    mean: tuple[float, float, float]
    """m: the position that the network calls zero."""
    scale: float
    """m: what it calls one."""

    @property
    def count(self) -> int:
        """P: points of object and robot."""
        return len(self.points) + len(self.landmarks)


class Adjustment(nn.Module):
    """Places of points in all pictures, and their weights, to the pose and how each camera is turned."""

    def __init__(self, geometry: Geometry, rigid_steps: int = 0) -> None:
        """
        Args:
            geometry: see there.
            rigid_steps: Gauss-Newton steps after the linear one.
        """
        super().__init__()
        self.rigid_steps = rigid_steps
        self.points: Tensor
        self.landmarks: Tensor
        self.axes: Tensor
        self.offsets: Tensor
        self.mean: Tensor
        known = {"points": geometry.points, "landmarks": geometry.landmarks, "mean": np.array(geometry.mean)}
        for name, values in known.items():
            self.register_buffer(name, torch.from_numpy(values).float(), persistent=False)
        for name in ("axes", "offsets"):
            self.register_buffer(name, torch.empty(0), persistent=False)
        self.place(geometry.cameras)
        self.tangent, self.scale = geometry.tangent, geometry.scale
        self.unknowns = 12 + _CAMERA * len(geometry.cameras)
        expected = torch.tensor([1.0] * 9 + [1.0] * 3 + [_TURN, _TURN, _TURN, _WIDTH] * len(geometry.cameras))
        self.log_priors = nn.Parameter(-2.0 * expected.log())
        """How firmly each unknown is expected to be zero: learned, for cameras may be placed more or less exactly."""

    def place(self, cameras: np.ndarray) -> None:
        """Say where the cameras are, see `Geometry.cameras`."""
        rows = torch.from_numpy(cameras).to(self.points)
        self.axes, self.offsets = rows[..., :3].contiguous(), rows[..., 3].contiguous()

    def forward(self, found: Tensor, log_weights: Tensor) -> tuple[Tensor, Tensor]:
        """Solve.

        Args:
            found: (n, C, P, 2) where points are seen, half pictures: -1…1 from edge to edge.
            log_weights: (n, C, P) logarithm of one by the variance of each coordinate, half pictures⁻².

        Returns:
            (n, 12) position, normalized, and rotation matrix row by row, shorter than one where little is seen;
            (n, 4 C) how each camera is turned, rad, and how much wider it sees.
        """
        count = len(self.points)
        weights = log_weights.clamp(_VAGUE, _EXACT).exp()
        equations, answers = self._of_object(found[:, :, :count])
        n, cameras, landmarks = found.shape[0], found.shape[1], len(self.landmarks)
        robot = equations.new_zeros(n, cameras, landmarks, 2, 12)
        matrix = torch.cat([torch.cat([equations, robot], 2), self._of_cameras(found)], -1).flatten(1, 3)
        wanted = torch.cat([answers, found[:, :, count:] - self._expected()], 2).flatten(1)
        weighted = matrix * weights.repeat_interleave(2, -1).flatten(1).unsqueeze(-1)
        squares = weighted.transpose(1, 2) @ matrix + torch.diag(self.log_priors.exp())
        solved = torch.linalg.solve(squares, (weighted * wanted.unsqueeze(-1)).sum(1))
        turned, position, elsewhere = solved[:, :9], solved[:, 9:12], solved[:, 12:]
        if self.rigid_steps:
            turned, position, elsewhere = self._rigid(found, weights, turned, position, elsewhere)
        return torch.cat([position, turned], 1), elsewhere

    def _rigid(
        self, found: Tensor, weights: Tensor, turned: Tensor, position: Tensor, cameras: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The linear answer's three parts again, of an object that keeps its shape; as short as it was.

        Gradients pass through the last step alone: where steps have settled, that is all there is.
        """
        matrix = turned.unflatten(-1, (3, 3))
        rotation = nearest_rotation(matrix.detach().double())[0].to(matrix)
        length = (rotation * matrix).sum((1, 2)) / 3.0
        for step in range(self.rigid_steps):
            last = step == self.rigid_steps - 1
            with torch.set_grad_enabled(last and torch.is_grad_enabled()):
                rotation, position, cameras = self._step(
                    found, weights, rotation.detach(), position.detach(), cameras.detach()
                )
        return (length[:, None, None] * rotation).flatten(1), position, cameras

    def _step(
        self, found: Tensor, weights: Tensor, rotation: Tensor, position: Tensor, cameras: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One Gauss-Newton step from a rotation (n, 3, 3), a normalized position (n, 3) and cameras (n, 4 C)."""
        arms = self.points @ rotation.transpose(1, 2)
        placed = self.mean + self.scale * position.unsqueeze(1) + arms
        seen = torch.einsum("cij,nkj->ncki", self.axes, placed) + self.offsets[:, None]
        ahead = seen[..., 2].clamp(min=_NEAREST)
        at = seen[..., :2] / ahead.unsqueeze(-1)
        across = self.axes[:, None, :2] - at.unsqueeze(-1) * self.axes[:, None, None, 2]
        across = across / (self.tangent * ahead)[..., None, None]
        turning = torch.linalg.cross(arms[:, None, :, None].expand_as(across), across, dim=-1)
        of_object = torch.cat([turning, self.scale * across], -1)
        of_robot = of_object.new_zeros(*found.shape[:2], len(self.landmarks), 2, 6)
        moved = self._of_cameras(found)
        matrix = torch.cat([torch.cat([of_object, of_robot], 2), moved], -1).flatten(1, 3)
        expected = torch.cat([at / self.tangent, self._expected().expand(len(found), -1, -1, -1)], 2)
        left = (found - expected - (moved * cameras[:, None, None, None]).sum(-1)).flatten(1)
        weighted = matrix * weights.repeat_interleave(2, -1).flatten(1).unsqueeze(-1)
        priors = torch.cat([self.log_priors.new_ones(3), self.log_priors[9:].exp()])
        now = torch.cat([torch.zeros_like(position), position, cameras], 1)
        squares = weighted.transpose(1, 2) @ matrix + torch.diag(priors)
        step = torch.linalg.solve(squares, (weighted * left.unsqueeze(-1)).sum(1) - priors * now)
        turn = step[:, :3]
        turn = turn * (_FARTHEST / turn.norm(dim=1, keepdim=True).clamp(min=_FARTHEST))
        return _rotations(turn) @ rotation, position + step[:, 3:6], cameras + step[:, 6:]

    def _of_object(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Of each coordinate of the object's points, the equation (n, C, K, 2, 12) and its other side (n, C, K, 2)."""
        ahead = self.axes[:, None, None, 2]
        tangents = (self.tangent * found).unsqueeze(-1)
        across = self.axes[:, None, :2] - tangents * ahead
        other = tangents.squeeze(-1) * self.offsets[:, None, 2:] - self.offsets[:, None, :2] - across @ self.mean
        depth = self.tangent * (self.axes[:, 2] @ self.mean + self.offsets[:, 2])[:, None, None]
        across, other = across / depth.unsqueeze(-1), other / depth
        turned = (across.unsqueeze(-1) * self.points[:, None, None]).flatten(-2)
        return torch.cat([turned, self.scale * across], -1), other

    def _expected(self) -> Tensor:
        """Where cameras that are where they should be see the landmarks, (C, L, 2)."""
        seen = self.landmarks @ self.axes.transpose(1, 2) + self.offsets.unsqueeze(1)
        return seen[..., :2] / (self.tangent * seen[..., 2:])

    def _of_cameras(self, found: Tensor) -> Tensor:
        """How what is seen at (n, C, P, 2) moves with each unknown of the cameras, (n, C, P, 2, 4 C)."""
        x, y = (self.tangent * found).unbind(-1)
        right = torch.stack([-x * y, 1.0 + x * x, -y, -x], -1)
        down = torch.stack([-1.0 - y * y, x * y, x, -y], -1)
        moved = torch.stack([right, down], -2) / self.tangent
        cameras = found.shape[1]
        own = torch.eye(cameras, device=found.device)[:, None, None, :, None]
        return (moved.unsqueeze(-2) * own).flatten(-2)


def _rotations(vectors: Tensor) -> Tensor:
    """Rotation vectors (n, 3), rad, as matrices; unlike by the quaternion, with a derivative where there is no turn."""
    x, y, z = vectors.unbind(-1)
    nothing = torch.zeros_like(x)
    rows = [torch.stack(row, -1) for row in ((nothing, -z, y), (z, nothing, -x), (-y, x, nothing))]
    return torch.linalg.matrix_exp(torch.stack(rows, -2))
