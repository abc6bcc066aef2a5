"""What every variant of the registry promises, trained or not."""

import inspect
from typing import get_args

import numpy as np
import pytest
import torch

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context, Term, total
from hourglass.settings import declared_settings


def terms_of(model, x, *, seed=0, kl_weight=0.5):
    return model.losses(Batch.of(x), Context(torch.Generator().manual_seed(seed), kl_weight))


def test_terms_have_one_finite_number_for_each_row(build, surface):
    for term in terms_of(build(), surface(7, 0)).values():
        assert term.value.shape == (7,)
        assert term.value.isfinite().all()


def test_weighted_terms_sum_to_the_total(build, surface):
    terms = terms_of(build(), surface(7, 0))
    by_hand = sum(term.weight * term.value.mean() for term in terms.values())
    assert total(terms).item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_the_loss_of_a_batch_is_the_mean_of_its_parts_by_size(build, surface):
    terms = terms_of(build(), surface(8, 0))

    def part(rows):
        return total({name: Term(term.value[rows], term.weight) for name, term in terms.items()}).item()

    assert total(terms).item() == pytest.approx(3 / 8 * part(slice(3)) + 5 / 8 * part(slice(3, 8)), rel=1e-5)


def test_the_terms_of_a_row_ignore_its_neighbours(build, surface):
    model, x = build().eval(), surface(8, 0)
    if model.couples_rows:
        pytest.skip("it compares rows")
    others = torch.cat([x[:3], surface(5, 1)])
    for course in model.courses():
        mine, theirs = (
            course.losses(Batch.of(rows), Context(torch.Generator().manual_seed(0), 0.5)).values()
            for rows in (x, others)
        )
        for one, other in zip(mine, theirs, strict=True):
            torch.testing.assert_close(one.value[:3], other.value[:3])


def test_the_monitor_names_terms(build, surface):
    context = Context(torch.Generator().manual_seed(0))
    for course in build().eval().courses():
        assert set(course.monitor or ()) <= set(course.losses(Batch.of(surface(4, 0)), context))


def phases_of(model, x):
    context = Context(torch.Generator().manual_seed(0), 0.5)
    phases = [phase for course in model.courses() for phase in course.phases]
    return [(phase.parameters, phase.losses(Batch.of(x), context)) for phase in phases]


def test_every_weighted_term_moves_some_parameter(build, surface):
    for parameters, terms in phases_of(build(), surface(16, 0)):
        weighted = {name: term for name, term in terms.items() if term.weight and term.value.any()}
        assert weighted
        for name, term in weighted.items():
            gradients = torch.autograd.grad(
                term.weight * term.value.sum(), parameters, retain_graph=True, allow_unused=True
            )
            assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients), name


def test_every_parameter_gets_a_gradient_in_one_phase(build, surface):
    model = build()
    moved = []
    for parameters, terms in phases_of(model, surface(16, 0)):
        moved += parameters
        for gradient in torch.autograd.grad(total(terms), parameters, retain_graph=True):
            assert gradient.abs().sum() > 0
    assert sorted(map(id, moved)) == sorted(map(id, model.parameters()))


def test_no_two_phases_share_the_name_of_a_term(build, surface):
    names = [name for _, terms in phases_of(build(), surface(4, 0)) for name in terms]
    assert len(names) == len(set(names))


def test_all_noise_comes_from_the_given_generator(build, surface):
    model, x = build().eval(), surface(16, 0)
    state = torch.get_rng_state()
    first, again = (terms_of(model, x, seed=5) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name].value, again[name].value) for name in first)


def weights_of(model):
    return torch.cat([parameter.flatten() for parameter in model.parameters()])


def test_the_seed_decides_the_weights_and_nothing_else_does(build):
    torch.rand(1)
    state = torch.get_rng_state()
    first = weights_of(build(seed=1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, weights_of(build(seed=1)))
    assert not torch.equal(first, weights_of(build(seed=2)))


def linear_widths(net):
    return [layer.out_features for layer in net if isinstance(layer, torch.nn.Linear)]


def test_hidden_sets_the_widths_of_both_nets(build):
    model = build(hidden=[20, 10])
    assert linear_widths(model.encoder)[:-1] == [20, 10]
    assert linear_widths(model.decoder)[:-1] == [10, 20]


def test_no_hidden_layers_make_linear_nets(build):
    model = build(hidden=[])
    x = torch.rand(4, 6 + model.known)
    outputs = model.encoder(x)
    chord = model.encoder((x[:2] + x[2:]) / 2)
    torch.testing.assert_close(chord, (outputs[:2] + outputs[2:]) / 2)


@pytest.mark.parametrize(
    ("name", "layer"),
    [("relu", torch.nn.ReLU), ("gelu", torch.nn.GELU), ("tanh", torch.nn.Tanh), ("elu", torch.nn.ELU)],
)
def test_the_activation_is_the_one_that_is_set(build, name, layer):
    model = build(activation=name, hidden=[8, 8])
    for net in (model.encoder, model.decoder):
        assert sum(isinstance(part, layer) for part in net) == 2
        assert not any(isinstance(part, torch.nn.SiLU) for part in net)


def test_every_setting_is_documented(variant):
    for name, declared in declared_settings(models.get(variant)).items():
        assert declared.setting.doc.strip(), name
        assert declared.default is not inspect.Parameter.empty, name


def is_number(hint):
    return hint in (int, float) or any(part in (int, float) for part in get_args(hint))


def test_every_number_is_bounded_and_its_default_lies_inside(variant):
    for name, declared in declared_settings(models.get(variant)).items():
        if is_number(declared.type):
            bounds = declared.setting.bounds
            assert bounds, name
            assert declared.default is None or (
                bounds.get("ge", -np.inf) <= declared.default <= bounds.get("le", np.inf)
                and bounds.get("gt", -np.inf) < declared.default < bounds.get("lt", np.inf)
            ), name


def test_the_docstring_describes_the_variant_and_names_its_paper(variant):
    documentation = inspect.getdoc(models.get(variant))
    assert documentation.splitlines()[0].endswith(".")
    assert any(line.startswith("Source: ") for line in documentation.splitlines())
