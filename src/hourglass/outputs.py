"""Names of the files in the stages' outputs, for those that write and those that read them."""

from pathlib import Path

#: ``ingest``
DATASET = "dataset.json"
OVERVIEW = "overview.json"
SAMPLE = "sample.safetensors"

#: ``train@V``
WEIGHTS = "weights.safetensors"
MODEL = "model.json"
EPOCHS = "metrics.jsonl"

#: ``evaluate@V``
EVALUATION = "evaluation.json"
ARRAYS = "arrays.safetensors"

#: ``compare``
LEADERBOARD = "leaderboard.json"
METRICS = "metrics"
MAPS = "maps.safetensors"


def member_folder(folder: Path, number: int) -> Path:
    """Name the folder of an ensemble's member, from 1; the first is where a net alone is."""
    return folder if number == 1 else folder / "members" / str(number)
