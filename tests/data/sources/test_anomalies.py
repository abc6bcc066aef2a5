"""Files of times between which series are anomalous."""

import json

import pytest

from hourglass.data.sources.anomalies import Anomalies
from hourglass.errors import HourglassError
from hourglass.runtime.times import Clock

CLOCK = Clock("when")
PAIR = ["2024-01-01", "2024-01-02"]


def read(path, content, names=("a.csv",)):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Anomalies.read(path, names, CLOCK).pairs


def test_both_forms_say_the_same(tmp_path):
    written = read(tmp_path / "a.json", {"a.csv": [PAIR], "b.csv": []})
    tabled = read(tmp_path / "a.csv", f"series,start,end\na.csv,{PAIR[0]},{PAIR[1]}\nc.csv,{PAIR[0]},{PAIR[1]}\n")
    assert written == tabled == {"a.csv": [PAIR]}


def test_a_list_is_of_all_series(tmp_path):
    assert read(tmp_path / "a.json", [PAIR]) == {"": [PAIR]}


def test_they_come_back_in_their_own_words(tmp_path):
    Anomalies({"a.csv": [PAIR]}).write(tmp_path / "kept.json")
    assert Anomalies.load(tmp_path / "kept.json") == Anomalies({"a.csv": [PAIR]})
    assert Anomalies.load(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", "{", "can't be read as JSON"),
        ("a.json", {"a.csv": ["2024"]}, "a.csv holds ['2024']; expected [[start, end], ...]"),
        ("a.json", {"a.csv": [PAIR, PAIR[::-1]]}, "a.csv, anomaly 1: it ends (2024-01-01) before it starts"),
        ("a.json", {"a.csv": [["soon", "later"]]}, "a.csv, anomaly 0: column 'when', row 0: 'soon' can't be read"),
        ("a.json", {"b.csv": [PAIR]}, "tells of no series that there is: it names b.csv; expected a.csv"),
        ("a.csv", "begin,end\n1,2\n", "has no column 'start'"),
        ("a.csv", "", "can't be read as CSV"),
    ],
)
def test_what_can_not_be_read_is_refused(tmp_path, name, content, words):
    with pytest.raises(HourglassError) as refused:
        read(tmp_path / name, content)
    assert words in str(refused.value)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(HourglassError, match="can't be read"):
        Anomalies.read(tmp_path / "none.json", None, CLOCK)
