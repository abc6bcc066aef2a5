"""Names of the files in the stages' outputs, for those that write and those that read them."""

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
