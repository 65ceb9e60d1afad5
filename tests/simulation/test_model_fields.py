"""Factors change exactly the model fields they are meant to, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dactyl.robots.shadow.joints import JOINT_LIMITS
from dactyl.simulation.model_fields import MINIMAL_JOINT_RANGE, ModelField, ModelFields, PhysicsFactors, nominal_factors
from dactyl.simulation.scene import Scene, SceneConfig, build

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build()


def _fields(scene: Scene, factors: PhysicsFactors) -> dict[str, ModelField]:
    return {field.name: field for field in ModelFields(scene, CPU, torch.float64).of(factors)}


def _model_values(scene: Scene, field: ModelField) -> np.ndarray:
    model = scene.model
    values = model.opt.gravity if field.name == "opt.gravity" else getattr(model, field.name)
    return values[tuple(field.part)]


def _changed(scene: Scene, factors: PhysicsFactors) -> dict[str, Tensor]:
    """Ratio (or, for offsets, the new values) of every field that differs from the model's."""
    changed = {}
    for name, field in _fields(scene, factors).items():
        nominal = torch.as_tensor(np.asarray(_model_values(scene, field))).to(field.values.dtype)
        if not torch.allclose(field.values, nominal.expand_as(field.values), rtol=1e-9, atol=0):
            changed[name] = field.values / nominal
    return changed


@pytest.mark.parametrize("kind", ["block", "octagonal_prism", "sphere"])
def test_nominal_factors_change_nothing(kind: str) -> None:
    scene = build(SceneConfig(object=kind))
    assert _changed(scene, nominal_factors(scene, 3, CPU)) == {}


def test_every_field_is_one_that_backends_vary(scene: Scene) -> None:
    prism = build(SceneConfig(object="octagonal_prism"))
    names = {*_fields(scene, nominal_factors(scene, 1, CPU)), *_fields(prism, nominal_factors(prism, 1, CPU))}
    assert names == set(ModelFields.NAMES)


@pytest.mark.parametrize(
    ("factor", "fields"),
    [
        ("object_size", {"geom_size", "geom_rbound", "geom_aabb", "body_inertia"}),
        ("masses", {"body_mass", "body_inertia"}),
        ("friction", {"geom_friction"}),
        ("damping", {"dof_damping"}),
        ("gains", {"actuator_gainprm", "actuator_biasprm"}),
        ("joint_limits", {"jnt_range"}),
        ("gravity", {"opt.gravity"}),
    ],
)
def test_a_factor_changes_its_fields_only(scene: Scene, factor: str, fields: set[str]) -> None:
    factors = nominal_factors(scene, 2, CPU)
    value = getattr(factors, factor) * 1.2 if factor not in ("joint_limits", "gravity") else torch.full_like(
        getattr(factors, factor), 0.01
    )  # fmt: skip
    changed = _changed(scene, factors._replace(**{factor: value}))
    assert set(changed) == fields
    for name in fields - {"jnt_range", "opt.gravity", "body_inertia"}:
        ratio = changed[name][~changed[name].isnan()]
        torch.testing.assert_close(ratio, torch.full_like(ratio, 1.2), rtol=1e-6, atol=0)


def test_worlds_get_the_row_that_is_theirs(scene: Scene) -> None:
    factors = nominal_factors(scene, 2, CPU)
    masses = factors.masses.clone()
    masses[1, scene.object_body] = 1.5
    mass = _fields(scene, factors._replace(masses=masses))["body_mass"].values
    nominal = torch.as_tensor(scene.model.body_mass)
    torch.testing.assert_close(mass[0], nominal)
    torch.testing.assert_close(mass[1], torch.where(masses[1] == 1.5, 1.5, 1.0) * nominal)


def test_a_larger_object_turns_harder_but_weighs_the_same(scene: Scene) -> None:
    """Table 1 varies dimensions and mass separately: inertia goes with the square of the size."""
    fields = _fields(scene, nominal_factors(scene, 1, CPU)._replace(object_size=torch.tensor([1.05])))
    inertia = fields["body_inertia"].values[0, scene.object_body]
    mass = fields["body_mass"].values[0, scene.object_body]
    edge = 2 * 1.05 * scene.object.half_size
    torch.testing.assert_close(inertia, (mass * edge**2 / 6).expand(3), rtol=1e-5, atol=0)


def test_a_mesh_object_takes_the_nearest_size_it_was_compiled_in() -> None:
    scene = build(SceneConfig(object="octagonal_prism"))
    scales = scene.object.mesh_scales
    sizes = torch.tensor([0.95, 0.9651, 1.0, 1.0449, 1.2])
    fields = _fields(scene, nominal_factors(scene, 5, CPU)._replace(object_size=sizes))
    expected = [0.95, 0.97, 1.0, 1.04, scales[-1]]
    chosen = [scales[list(scene.object_mesh_ids).index(i)] for i in fields["geom_dataid"].values.tolist()]
    assert chosen == expected
    nominal = scene.model.geom_rbound[scene.object_geom]
    torch.testing.assert_close(fields["geom_rbound"].values, nominal * torch.tensor(expected).double())


def test_joint_limits_move_as_asked_and_never_cross(scene: Scene) -> None:
    generator = torch.Generator().manual_seed(0)
    offsets = torch.randn(1000, 24, 2, generator=generator) * 0.15
    limits = _fields(scene, nominal_factors(scene, 1000, CPU)._replace(joint_limits=offsets))["jnt_range"].values
    width = limits[..., 1] - limits[..., 0]
    assert (width >= MINIMAL_JOINT_RANGE - 1e-9).all()
    asked = torch.as_tensor(JOINT_LIMITS) + offsets
    open_enough = asked[..., 1] - asked[..., 0] > MINIMAL_JOINT_RANGE
    assert open_enough.double().mean() > 0.9
    torch.testing.assert_close(limits[open_enough], asked[open_enough])
    assert not open_enough.all()  # the narrow THJ3 does close sometimes, or this test would prove nothing
