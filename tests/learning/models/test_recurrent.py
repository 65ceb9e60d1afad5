"""The network: memory, episode boundaries inside sequences, normalization."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from dactyl.errors import DactylError
from dactyl.learning.models.recurrent import Architecture, Network
from dactyl.learning.normalizer import RunningNormalizer

SMALL = Architecture(dense=(16,), lstm=8)


def step_by_step(
    network: Network, x: dict[str, torch.Tensor], state: torch.Tensor, starts: torch.Tensor
) -> torch.Tensor:
    """The slow reference of Network.sequence."""
    outputs = []
    for t in range(len(starts)):
        state = state * ~starts[t].unsqueeze(-1)
        output, state = network.step({"policy": x["policy"][t]}, state)
        outputs.append(output)
    return torch.stack(outputs)


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
@pytest.mark.parametrize(
    "architecture", [SMALL, Architecture(dense=(16, 8), lstm=0), Architecture(dense=(16, 8), lstm=0, activation="elu")]
)
def test_sequence_equals_steps_with_resets_and_so_do_gradients(architecture: Architecture, probability: float) -> None:
    torch.manual_seed(0)
    network = Network("policy", 5, 3, architecture)
    x = {"policy": torch.randn(7, 11, 5)}
    state = torch.randn(11, network.state_size)
    starts = torch.rand(7, 11) < probability
    results = []
    for function in (network.sequence, lambda *a: step_by_step(network, *a)):
        network.zero_grad()
        output = function(x, state, starts)
        output.square().sum().backward()
        results.append([output, *(p.grad for p in network.parameters())])
    for fast, slow in zip(*results, strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-4, atol=1e-5)


def test_dense_layers_have_relu_unless_elu_is_asked_for() -> None:
    """Protects policies of before there was a choice, to the last bit."""
    torch.manual_seed(0)
    seen = torch.randn(50, 5)
    by_hand: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "relu": lambda x: x.clamp(min=0.0),
        "elu": lambda x: torch.where(x > 0.0, x, x.clamp(max=0.0).exp() - 1.0),
    }
    assert Architecture((16, 8), 0) == Architecture((16, 8), 0, activation="relu")
    for activation, function in by_hand.items():
        network = Network("policy", 5, 3, Architecture((16, 8), 0, activation=activation))
        features = network.normalizer(seen)
        for layer in network.dense:
            features = function(layer(features))
        outputs, _ = network.step({"policy": seen}, network.initial_state(50))
        if activation == "relu":
            assert torch.equal(outputs, network.head(features))
        else:
            torch.testing.assert_close(outputs, network.head(features))
            assert (features < 0.0).any()


def test_environments_in_a_batch_do_not_touch_each_other() -> None:
    torch.manual_seed(0)
    network = Network("policy", 5, 3, SMALL)
    x, state = torch.randn(6, 5), torch.randn(6, network.state_size)
    outputs, states = network.step({"policy": x}, state)
    for i in range(6):
        output, new_state = network.step({"policy": x[i : i + 1]}, state[i : i + 1])
        torch.testing.assert_close(outputs[i], output[0])
        torch.testing.assert_close(states[i], new_state[0])


def test_memory_carries_the_past_and_a_feed_forward_network_has_none() -> None:
    torch.manual_seed(0)
    now = torch.randn(1, 5)
    for architecture, remembers in ((SMALL, True), (Architecture((16,), 0), False)):
        network = Network("policy", 5, 3, architecture)
        _, one = network.step({"policy": torch.ones(1, 5)}, network.initial_state(1))
        _, other = network.step({"policy": -torch.ones(1, 5)}, network.initial_state(1))
        same = torch.equal(network.step({"policy": now}, one)[0], network.step({"policy": now}, other)[0])
        assert same is not remembers


@pytest.mark.parametrize("architecture", [Architecture((6,), 4), Architecture((), 4), Architecture((6,), 0)])
def test_a_network_that_sees_more_begins_with_what_a_narrower_one_knows(architecture: Architecture) -> None:
    narrow, wide = Network("policy", 3, 2, architecture), Network("policy", 5, 2, architecture)
    narrow.normalizer.update(3.0 * torch.randn(50, 3) + 1.0)
    wide.normalizer.update(0.1 * torch.randn(50, 5) - 2.0)
    scales = wide.normalizer.std[3:].clone()
    wide.load_narrower(narrow.state_dict())
    x, state = torch.randn(4, 5), torch.randn(4, wide.state_size)
    expected, found = narrow.step({"policy": x[:, :3]}, state), wide.step({"policy": x}, state)
    torch.testing.assert_close(found, expected)
    assert torch.equal(wide.normalizer.std[3:], scales)
    found[0].sum().backward()
    first = next(p for name, p in wide.named_parameters() if "normalizer" not in name)
    assert first.grad is not None
    assert first.grad[:, 3:].abs().max() > 0  # and it learns what to do with the others


def test_constants_are_the_last_outputs_and_depend_on_nothing() -> None:
    """Protects deviations that are learned without a look at the observation."""
    network = Network("policy", 5, 3, SMALL, constants=2)
    assert network.constants is not None
    torch.nn.init.constant_(network.constants, 0.7)
    x = torch.randn(4, 5)
    outputs, _ = network.step({"policy": x}, network.initial_state(4))
    assert (outputs[:, 1:] == 0.7).all()
    assert outputs[:, 0].unique().numel() == 4


def test_images_are_seen_beside_the_vector_in_steps_and_in_sequences() -> None:
    torch.manual_seed(0)
    network = Network("policy", 5, 3, Architecture((16,), 8, {"camera": (2, 9, 12)}, (4, 6)))
    x = {"policy": torch.randn(6, 4, 5), "camera": torch.randn(6, 4, 2, 9, 12)}
    state, starts = network.initial_state(4), torch.zeros(6, 4, dtype=torch.bool)
    sequence, outputs = network.sequence(x, state, starts), []
    for t in range(6):
        output, state = network.step({name: seen[t] for name, seen in x.items()}, state)
        outputs.append(output)
    torch.testing.assert_close(sequence, torch.stack(outputs), rtol=1e-4, atol=1e-5)
    changed = network.sequence({**x, "camera": x["camera"].flip(-1)}, network.initial_state(4), starts)
    assert not torch.allclose(changed, sequence)


def test_paper_sizes() -> None:
    network = Network("policy", 22, 220, Architecture())
    assert network.dense[0].weight.shape == (1024, 22)
    assert network.lstm.weight_hh_l0.shape == (4 * 512, 512)
    assert network.head.weight.shape == (220, 512)


def test_bad_sizes_are_named() -> None:
    with pytest.raises(DactylError, match="dense layers"):
        Architecture(dense=(0,))
    with pytest.raises(DactylError, match="lstm"):
        Architecture(lstm=-1)
    with pytest.raises(DactylError, match="activation 'tanh' is none of: relu, elu"):
        Architecture(activation="tanh")


def test_normalizer_has_seen_everything_in_pieces() -> None:
    torch.manual_seed(0)
    data = torch.randn(1000, 3) * torch.tensor([1.0, 10.0, 0.1]) + torch.tensor([0.0, -50.0, 3.0])
    normalizer = RunningNormalizer(3)
    for piece in data.split([1, 499, 500]):
        normalizer.update(piece)
    torch.testing.assert_close(normalizer.mean.float(), data.mean(0))
    torch.testing.assert_close(normalizer.std, data.std(0, correction=0))
    assert normalizer.count == 1000


def test_normalizer_clips_at_five_standard_deviations() -> None:
    normalizer = RunningNormalizer(1)
    normalizer.update(torch.tensor([[-2.0], [2.0]]))
    assert normalizer(torch.tensor([[1.0], [100.0], [-100.0]])).flatten().tolist() == pytest.approx([0.5, 5.0, -5.0])


def test_a_constant_input_stays_finite_and_bounded() -> None:
    normalizer = RunningNormalizer(1)
    normalizer.update(torch.full((10, 1), 3.0))
    assert normalizer(torch.tensor([[3.0], [4.0]])).tolist() == [[0.0], [5.0]]


def test_normalizer_with_a_horizon_forgets() -> None:
    normalizer = RunningNormalizer(1, horizon=10)
    for value in (0.0, 1.0):
        for _ in range(10):
            normalizer.update(torch.full((10, 1), value))
    assert normalizer.mean.item() > 0.99
