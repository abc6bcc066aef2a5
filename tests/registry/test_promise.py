"""A promise says how many false alarms, and what it rests on."""

import pytest

from hourglass.errors import HourglassError
from hourglass.params import AnomalyParams
from hourglass.registry.promise import alpha_of, stated
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema

ROWS = ArraySchema("array", (3,))
#: A window begins every hour.
WINDOWS = SignalSchema("when", ("heat",), window=24, stride=6, period=600 * 10**9)
PIECES = AudioSchema(8000, "waveform", 256, 64)


def test_the_rate_stands_where_there_is_no_budget() -> None:
    assert alpha_of(AnomalyParams(alpha=0.1), ROWS) == 0.1


def test_a_budget_stands_instead_of_the_rate() -> None:
    assert alpha_of(AnomalyParams(alpha=0.1, budget="5 per 1000 rows"), ROWS) == 0.005
    assert alpha_of(AnomalyParams(budget="1.5 per day"), WINDOWS) == pytest.approx(1.5 / 24)


def test_rows_without_times_have_no_alarms_a_day() -> None:
    with pytest.raises(HourglassError, match="`5 per 1000 rows`"):
        alpha_of(AnomalyParams(budget="2 per day"), ROWS)


def test_a_budget_of_no_alarm_is_refused_with_its_setting() -> None:
    with pytest.raises(HourglassError, match=r"params.yaml: anomaly.budget: .* more than none"):
        alpha_of(AnomalyParams(budget="0 per 10 rows"), ROWS)


@pytest.mark.parametrize(
    ("said", "labelled", "basis", "nominal"),
    [
        ("auto", True, "clean", False),
        ("auto", False, "unlabelled", True),
        ("clean", False, "clean", False),
        ("contaminated", True, "contaminated", True),
    ],
)
def test_only_rows_that_are_known_to_be_normal_make_more_than_a_nominal_promise(said, labelled, basis, nominal) -> None:
    assert stated(said, ROWS, labelled=labelled) == {"calibrated_on": basis, "nominal": nominal}


@pytest.mark.parametrize("schema", [WINDOWS, PIECES])
def test_windows_and_pieces_are_not_exchangeable_and_make_a_nominal_promise(schema: Schema) -> None:
    assert stated("auto", schema, labelled=True) == {"calibrated_on": "clean", "nominal": True}
