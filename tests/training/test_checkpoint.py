import json
import shutil

import pytest
import torch

from hourglass.training.adam import AdamW
from hourglass.training.checkpoint import Checkpoint, Progress, Trainee


def trainee(seed):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = torch.nn.Linear(3, 2)
    optimizers = {name: AdamW([part], 0.01) for name, part in (("weight", model.weight), ("bias", model.bias))}
    generators = {"noise": torch.Generator().manual_seed(seed)}
    return Trainee(model, optimizers, generators, best={}, progress=Progress())


def advance(trainee):
    """Train for one epoch of one step."""
    trainee.model.zero_grad()
    noise = torch.randn(4, 3, generator=trainee.generators["noise"])
    trainee.model(noise).square().sum().backward()
    for optimizer in trainee.optimizers.values():
        optimizer.step([part.grad for part in optimizer.parameters], torch.tensor(0.1))
    trainee.progress.step += 1
    trainee.progress.epoch += 1
    trainee.best = {name: value.clone() for name, value in trainee.model.state_dict().items()}


@pytest.fixture
def first():
    made = trainee(0)
    advance(made)
    return made


@pytest.fixture
def saved(first, tmp_path):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save(first)
    return checkpoint


def assert_equal_state(one, other):
    mine, theirs = one.tensors(), other.tensors()
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert one.progress == other.progress


def test_a_restored_training_goes_on_like_the_saved_one(first, saved):
    resumed = trainee(1)
    assert saved.load_into(resumed)
    assert_equal_state(resumed, first)
    for one in (first, resumed):
        advance(one)
    assert_equal_state(resumed, first)


def test_where_nothing_was_saved_nothing_is_restored(tmp_path):
    fresh = trainee(1)
    assert not Checkpoint(tmp_path).load_into(fresh)
    assert_equal_state(fresh, trainee(1))


def test_saving_drops_the_state_before(first, saved):
    advance(first)
    saved.save(first)
    assert sorted(path.name for path in saved.folder.iterdir()) == ["checkpoint-2.safetensors", "checkpoint.json"]


def test_a_save_that_is_killed_before_its_index_leaves_the_previous_state(first, saved, tmp_path_factory):
    before = {name: value.clone() for name, value in first.tensors().items()}
    advance(first)
    whole = Checkpoint(tmp_path_factory.mktemp("whole"))
    whole.save(first)
    shutil.copy(whole.folder / "checkpoint-2.safetensors", saved.folder)
    resumed = trainee(1)
    assert saved.load_into(resumed)
    assert resumed.progress.epoch == 1
    assert all(torch.equal(value, before[name]) for name, value in resumed.tensors().items())


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "weights with a flipped bit": lambda folder: flip_a_byte(folder / "checkpoint-1.safetensors"),
    "truncated weights": lambda folder: (folder / "checkpoint-1.safetensors").write_bytes(b"short"),
    "missing weights": lambda folder: (folder / "checkpoint-1.safetensors").unlink(),
    "another epoch": lambda folder: replace(folder / "checkpoint.json", '"epoch": 1', '"epoch": 3'),
    "a truncated index": lambda folder: (folder / "checkpoint.json").write_text('{"progress": {'),
    "an empty index": lambda folder: (folder / "checkpoint.json").write_text(""),
    "an index of another kind": lambda folder: (folder / "checkpoint.json").write_text("[]"),
    "an index without its progress": lambda folder: drop(folder / "checkpoint.json", "progress"),
    "an index without its hash": lambda folder: drop(folder / "checkpoint.json", "sha256"),
}


def replace(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def drop(path, key):
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_checkpoint_is_dropped_with_a_warning(saved, damage, caplog):
    damage(saved.folder)
    fresh = trainee(1)
    assert not saved.load_into(fresh)
    assert_equal_state(fresh, trainee(1))
    assert "is damaged" in caplog.text
    assert "training starts over" in caplog.text
    assert list(saved.folder.iterdir()) == []


def test_clearing_leaves_other_files_alone(saved):
    (saved.folder / "metrics.jsonl").write_text("")
    saved.clear()
    assert [path.name for path in saved.folder.iterdir()] == ["metrics.jsonl"]
