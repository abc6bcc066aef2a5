"""No pickle is read while the guard is on."""

import pickle
from collections import OrderedDict
from fractions import Fraction

import numpy as np
import pytest

from hourglass import unpickling
from hourglass.errors import HourglassError


def test_pickle_that_names_a_class_is_refused():
    content = pickle.dumps(Fraction(1, 2))
    with unpickling.refused(), pytest.raises(HourglassError, match=r"fractions\.Fraction by pickle"):
        pickle.loads(content)


def test_numpy_cannot_be_talked_into_it(tmp_path):
    np.save(tmp_path / "x.npy", np.array([OrderedDict()], object), allow_pickle=True)
    with unpickling.refused(), pytest.raises(HourglassError, match="by pickle"):
        np.load(tmp_path / "x.npy", allow_pickle=True)


def test_guard_ends_with_its_block():
    with unpickling.refused():
        pass
    assert pickle.loads(pickle.dumps(Fraction(1, 2))) == Fraction(1, 2)


def test_reading_without_pickle_goes_on():
    with unpickling.refused():
        assert np.frombuffer(np.arange(3).tobytes(), int).sum() == 3
