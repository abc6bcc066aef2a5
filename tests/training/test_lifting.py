import pytest
import torch

from hourglass.training import lifting
from hourglass.training.lifting import Lifting, NotLiftedError, place_of
from hourglass.training.operations import again
from hourglass.training.replay import Recording

NETS = 3


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def generators():
    return [torch.Generator().manual_seed(seed) for seed in range(NETS)]


class Nets:
    """Tensors of some nets, and what one of them does with its own."""

    def __init__(self, step, *stacks, sources=()):
        self.stacks = [stack.clone() for stack in stacks]
        own = [stack[0].clone() for stack in stacks]
        before = [source.get_state() for source in sources]
        with Recording() as recording, torch.no_grad():
            step(*own, *sources[:1])
        for source, state in zip(sources, before, strict=True):
            source.set_state(state)
        places = {place_of(one): stack for one, stack in zip(own, self.stacks, strict=True)}
        self.lifting = Lifting(NETS, places, {sources[0]._cdata: sources} if sources else {})
        self.lifting.run(recording.calls)

    def repeat(self):
        for operation in again(self.lifting.calls):
            operation()


def linear(x, weight, bias, found):
    found.copy_(torch.nn.functional.linear(x, weight, bias))


def test_a_layer_of_all_nets_is_one_product_and_gives_each_its_bits():
    given = [drawn(NETS, 16, 8), drawn(NETS, 4, 8, seed=1), drawn(NETS, 4, seed=2)]
    nets = Nets(linear, *given, torch.zeros(NETS, 16, 4))
    assert [call.operation._schema.name for call in nets.lifting.calls] == ["aten::baddbmm", "aten::copy_"]
    for x, weight, bias, found in zip(*given, nets.stacks[3], strict=True):
        assert torch.equal(found, torch.nn.functional.linear(x, weight, bias))


def test_what_was_lifted_is_done_to_other_numbers_again():
    nets = Nets(linear, drawn(NETS, 16, 8), drawn(NETS, 4, 8, seed=1), drawn(NETS, 4, seed=2), torch.zeros(NETS, 16, 4))
    nets.stacks[0].copy_(drawn(NETS, 16, 8, seed=5))
    nets.repeat()
    x, weight, bias, found = nets.stacks
    assert torch.equal(found[2], torch.nn.functional.linear(x[2], weight[2], bias[2]))


def test_each_net_draws_its_noise_from_its_own_generator():
    def step(found, source):
        found.add_(torch.randn(5, generator=source))

    nets = Nets(step, torch.zeros(NETS, 5), sources=generators())
    assert torch.equal(nets.stacks[0], torch.stack([torch.randn(5, generator=source) for source in generators()]))


def test_tensors_that_no_net_has_of_its_own_are_shared():
    rate = torch.tensor(2.0)
    nets = Nets(lambda found: found.mul_(rate * 2), torch.ones(NETS, 5))
    rate.fill_(3.0)
    nets.repeat()
    assert torch.equal(nets.stacks[0], torch.full((NETS, 5), 4.0 * 6.0))


def test_a_step_s_own_constants_are_made_for_each_net_where_it_changes_them():
    def step(found):
        total = torch.zeros(2)
        total.add_(found[:2])
        found[:2].add_(total)

    nets = Nets(step, torch.ones(NETS, 4))
    nets.repeat()
    assert torch.equal(nets.stacks[0], torch.tensor([4.0, 4.0, 1.0, 1.0]).expand(NETS, 4))


def test_an_operation_that_gives_other_bits_at_once_is_done_net_by_net(monkeypatch):
    def wrong(lifted):
        (bias, left, right), _ = lifted.with_stacks(lifted.stacks)
        return torch.baddbmm(bias.unsqueeze(1), left, right) + 1e-6

    monkeypatch.setitem(lifting._RULES, torch.ops.aten.addmm.default, wrong)
    given = [drawn(NETS, 16, 8), drawn(NETS, 4, 8, seed=1), drawn(NETS, 4, seed=2)]
    nets = Nets(linear, *given, torch.zeros(NETS, 16, 4))
    assert [call.operation._schema.name for call in nets.lifting.calls] == [*["aten::addmm"] * NETS, "aten::copy_"]
    assert torch.equal(nets.stacks[3][1], torch.nn.functional.linear(given[0][1], given[1][1], given[2][1]))


@pytest.mark.parametrize(("rows", "calls"), [(16, 1), (3, NETS)])
def test_what_is_left_over_at_a_tensor_s_end_is_computed_net_by_net(rows, calls):
    nets = Nets(lambda x, found: found.copy_(x.exp()), drawn(NETS, rows, 8), torch.zeros(NETS, rows, 8))
    names = [call.operation._schema.name for call in nets.lifting.calls]
    assert names == [*["aten::exp"] * calls, "aten::copy_"]


def test_a_part_of_memory_that_no_operation_named_is_refused():
    own, stack = torch.zeros(4), torch.zeros(NETS, 4)
    part = own[:2]
    with Recording() as recording:
        part.add_(1)
    with pytest.raises(NotLiftedError, match="a part of another"):
        Lifting(NETS, {place_of(own): stack}, {}).run(recording.calls)


def test_what_changes_a_tensor_that_nets_share_is_refused_and_leaves_it():
    shared = torch.zeros(2)
    with pytest.raises(NotLiftedError, match="changes what the nets share"):
        Nets(shared.add_, torch.ones(NETS, 2))
    assert torch.equal(shared, torch.ones(2))  # as the recorded net left it
