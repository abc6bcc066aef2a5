import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from hourglass import models
from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.training.loop import fit, measure
from hourglass.training.settings import TrainSettings


def batch(x, condition, target=None):
    rows = torch.arange(len(x))
    return Batch(x, condition, x if target is None else target, torch.full_like(rows, -1), rows)


def one_hot(classes, count):
    return torch.nn.functional.one_hot(torch.as_tensor(classes), count).float()


@pytest.fixture(scope="module")
def digits():
    images, classes = load_digits(return_X_y=True)
    parts = train_test_split(images / 16, classes, test_size=0.3, random_state=0, stratify=classes)
    x, unseen, known, unseen_known = parts
    return {"train": (x, known), "test": (unseen, unseen_known)}


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    model = models.build("cvae", (64,), {"latent": 6, "hidden": [256, 64]}, seed=0, known=10)
    rows = [batch(torch.tensor(x, dtype=torch.float32), one_hot(known, 10)) for x, known in digits.values()]
    settings = TrainSettings(epochs=60, batch=64, lr=2e-3)
    fit(model, *rows, settings, seed=0, folder=tmp_path_factory.mktemp("cvae"))
    return model.eval()


def test_samples_of_a_class_are_recognised_as_that_class(trained, digits):
    classifier = SVC(C=10, gamma=0.3).fit(*digits["train"])
    assert classifier.score(*digits["test"]) >= 0.97
    wanted = np.arange(1000) % 10
    with torch.no_grad():
        z = trained.prior.draw(1000, torch.Generator().manual_seed(0))
        samples = trained.decode(z, one_hot(wanted, 10))
    assert (classifier.predict(samples.numpy()) == wanted).mean() >= 0.9


def test_a_condition_makes_the_row_more_likely(trained, digits):
    x, known = digits["test"]
    x = torch.tensor(x, dtype=torch.float32)
    told, untold = (measure(trained, batch(x, condition), seed=0) for condition in (one_hot(known, 10), None))
    assert sum(told.values()) < sum(untold.values())
    wrong = measure(trained, batch(x, one_hot((known + 1) % 10, 10)), seed=0)
    assert sum(wrong.values()) > sum(untold.values())


def test_nothing_known_is_a_condition_of_zeros(trained, digits):
    x = torch.tensor(digits["test"][0][:20], dtype=torch.float32)
    assert torch.equal(trained.reconstruct(x), trained.reconstruct(x, torch.zeros(20, 10)))


def test_conditions_are_hidden_in_training_alone_and_at_the_share_that_is_set(surface):
    model = models.build("cvae", (2, 3), {"latent": 3, "hidden": [8], "hidden_share": 0.3}, seed=0, known=2)
    shown = model.train()._hide(torch.ones(20_000, 2), torch.Generator().manual_seed(0))
    assert shown.mean() == pytest.approx(0.7, abs=0.02)
    assert set(shown.sum(1).tolist()) == {0.0, 2.0}, "a row's condition is hidden whole"
    assert (model.eval()._hide(torch.ones(10, 2), torch.Generator()) == 1).all()


def test_a_covariate_moves_what_it_governs(tmp_path):
    """The mean of the rows is the covariate, and what varies besides is noise of another direction."""

    def rows(count, seed):
        generator = torch.Generator().manual_seed(seed)
        covariate = 2 * torch.rand(count, 1, generator=generator) - 1
        free = torch.randn(count, 1, generator=generator)
        directions = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, -1]])
        return batch(torch.cat([covariate, free], 1) @ directions, covariate)

    model = models.build("cvae", (4,), {"latent": 1, "hidden": [32]}, seed=0, known=1)
    fit(model, rows(1000, 0), rows(200, 1), TrainSettings(epochs=60, batch=64, lr=5e-3), seed=0, folder=tmp_path)
    with torch.no_grad():
        drawn = model.eval().decode(
            torch.randn(500, 1, generator=torch.Generator().manual_seed(2)), torch.full((500, 1), 0.5)
        )
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.1)
    assert (drawn[:, 0] - drawn[:, 1]).std() > 1


def pairs(count, seed):
    """Draw pairs of images of a square: filled, and its outline."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.randint(0, 4, (count, 2), generator=generator)
    size = torch.randint(3, 5, (count, 1), generator=generator)
    place = torch.arange(8)
    inside, border = (
        ((place >= corner[..., None] + margin) & (place < corner[..., None] + size[..., None] - margin)).float()
        for margin in (0, 1)
    )
    filled, hole = (span[:, 0, :, None] * span[:, 1, None, :] for span in (inside, border))
    return filled[:, None], (filled - hole)[:, None]


@pytest.mark.long
@pytest.mark.parametrize("direction", ["to the outline", "to the filled"])
def test_an_image_is_translated_into_its_counterpart_in_both_directions(direction, tmp_path):
    def rows(count, seed):
        first, second = pairs(count, seed)
        given, wanted = (first, second) if direction == "to the outline" else (second, first)
        return batch(wanted, given.flatten(1))

    settings = {"latent": 2, "hidden": [128, 64], "likelihood": "bernoulli", "hidden_share": 0.0}
    model = models.build("cvae", (1, 8, 8), settings, seed=0, known=64)
    fit(model, rows(600, 0), rows(100, 1), TrainSettings(epochs=40, batch=32, lr=3e-3), seed=0, folder=tmp_path)
    unseen = rows(200, 2)
    with torch.no_grad():
        translated = model.eval().decode(torch.zeros(200, 2), unseen.condition)
    assert ((translated > 0.5) == (unseen.x > 0.5)).float().mean() > 0.97
    assert (translated - unseen.x).square().mean() < 0.25 * (unseen.x - unseen.x.mean(0)).square().mean()


@pytest.mark.long
def test_convolutions_pass_fine_detail_of_a_known_image_by_the_code(tmp_path):
    """A negative of noise: 256 numbers that no code of two holds, and no two pixels tell each other's."""

    def rows(count, seed):
        image = torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(seed))
        return batch(1 - image, torch.cat([image.flatten(1), torch.ones(count, 1)], 1))

    settings = {"latent": 2, "net": "convolutional", "hidden": [16], "likelihood": "mse", "hidden_share": 0.0}
    model = models.build("cvae", (1, 16, 16), settings, seed=0, known=257, known_shape=(1, 16, 16))
    fit(model, rows(256, 0), rows(32, 1), TrainSettings(epochs=12, batch=16, lr=1e-2), seed=0, folder=tmp_path)
    unseen = rows(50, 2)
    with torch.no_grad():
        translated = model.eval().decode(torch.zeros(50, 2), unseen.condition)
    assert (translated - unseen.x).square().mean() < 0.1 * unseen.x.var()


def test_without_conditions_it_is_a_vae(surface):
    shared = {"latent": 3, "hidden": [16]}
    vae, cvae = (models.build(name, (2, 3), shared, seed=0).eval() for name in ("vae", "cvae"))
    found, expected = (
        model.losses(Batch.of(surface(10, 0)), Context(torch.Generator().manual_seed(0))) for model in (cvae, vae)
    )
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name].value, expected[name].value) for name in found)
