"""What every variant of the registry promises, trained or not."""

import inspect
from typing import Annotated, get_args, get_origin

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


def test_a_table_of_numbers_and_categories_is_rebuilt_with_probabilities(variant, width):
    settings, categories = {"latent": width, "hidden": [32], "likelihood": "mixed"}, ((1, 3), (4, 6))
    model = models.build(variant, (6,), settings, seed=0, known=2, categories=categories)
    x = torch.tensor([[0.3, 1, 0, -2, 0, 1], [1.5, 0, 1, 0.1, 0, 1]])
    for term in terms_of(model, x).values():
        assert term.value.isfinite().all()
    for start, stop in categories:
        torch.testing.assert_close(model.reconstruct(x)[:, start:stop].sum(1), torch.ones(2))


def test_the_weight_of_the_kl_changes_nothing_unless_it_is_said_to(build, surface):
    model = build().eval()
    for course in model.courses():
        low, high = (
            total(course.losses(Batch.of(surface(8, 0)), Context(torch.Generator().manual_seed(0), weight)))
            for weight in (0.1, 1.0)
        )
        assert course.weighs_kl or torch.equal(low, high)


def test_the_monitor_names_terms(build, surface):
    context = Context(torch.Generator().manual_seed(0))
    for course in build().eval().courses():
        assert set(course.monitor or ()) <= set(course.losses(Batch.of(surface(4, 0)), context))


def phases_of(model, x):
    context = Context(torch.Generator().manual_seed(0), 0.5)
    phases = [phase for course in model.courses() for phase in course.phases]
    return [(phase.parameters, phase.losses(Batch.of(x), context)) for phase in phases]


#: Settings that bring other terms, and those under which a term that rests in an untrained net has work to do.
_AT_WORK = {
    "beta_vae": [{}, {"capacity": 2.0}],
    "overcomplete": [{"sparsity": 0.5, "contraction": 0.5}],
    "sparse": [{"sparsity": mode, "dead_after": 1, "k": 1} for mode in ("l1", "top_k")] + [{"sparsity": "kl"}],
    "vae": [{}, {"free_bits": 0.001}],
    "vq_vae": [{"quantiser": kind, "entries": 2} for kind in ("codebook", "residual", "finite")],
}
#: Terms that are nothing under a setting.
_NEVER_AT_WORK = {("sparse", "kl"): {"revival"}}


def test_every_weighted_term_moves_some_parameter(variant, build, surface):
    for settings in _AT_WORK.get(variant, [{}]):
        for parameters, terms in phases_of(build(**settings), surface(16, 0)):
            weighted = {name: term for name, term in terms.items() if term.weight}
            for name in weighted.keys() - _NEVER_AT_WORK.get((variant, settings.get("sparsity")), set()):
                value = weighted[name].weight * weighted[name].value.sum()
                gradients = torch.autograd.grad(value, parameters, retain_graph=True, allow_unused=True)
                assert value != 0, (settings, name)
                assert any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients), (
                    settings,
                    name,
                )
            assert weighted


@pytest.mark.parametrize("settings", [{}, {"likelihood": "gaussian", "sigma": "learned"}], ids=["default", "learned"])
def test_every_parameter_gets_a_gradient_in_one_phase(build, surface, settings):
    model = build(**settings)
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
    x = torch.rand(4, 2, 3)
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


def bounded_types(hint, setting):
    """List the numbers that a type is made of, each with the `Setting` that bounds it, also those inside a list."""
    if get_origin(hint) is Annotated:
        inner, setting = get_args(hint)
        return bounded_types(inner, setting)
    if hint in (int, float):
        return [setting]
    return [
        found for part in get_args(hint) for found in bounded_types(part, None if get_origin(hint) is list else setting)
    ]


def lies_inside(value, bounds):
    return bounds.get("ge", -np.inf) <= value <= bounds.get("le", np.inf) and (
        bounds.get("gt", -np.inf) < value < bounds.get("lt", np.inf)
    )


def test_every_number_is_bounded_on_both_sides_and_its_default_lies_inside(variant):
    for name, declared in declared_settings(models.get(variant)).items():
        for setting in bounded_types(declared.type, declared.setting):
            assert setting, f"the items of {name}"
            assert setting.bounds.keys() & {"ge", "gt"}, name
            assert setting.bounds.keys() & {"le", "lt"}, name
            if isinstance(declared.default, int | float):
                assert lies_inside(declared.default, setting.bounds), name


def test_the_docstring_describes_the_variant_and_names_its_paper(variant):
    documentation = inspect.getdoc(models.get(variant))
    assert documentation.splitlines()[0].endswith(".")
    assert any(line.startswith("Source: ") for line in documentation.splitlines())
