"""From a raw snapshot to a data set: label, split, encode, measure, write."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hourglass.data import schemas, split, statistics
from hourglass.data.dataset import FORMAT_VERSION, Rows, write_rows
from hourglass.data.labels import Labels
from hourglass.data.sources import Raw
from hourglass.errors import HourglassError
from hourglass.files import folder_hashes, write_json
from hourglass.outputs import DATASET
from hourglass.params import SPLITS, DataParams, SplitParams
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.schema import Schema
from hourglass.runtime.table import TableSchema

#: The square of a larger number overflows.
_LARGEST = 1e150


def ingest(raw: Raw, folder: Path, data: DataParams, splitting: SplitParams) -> dict[str, Any]:
    """Write a data set into an empty folder.

    Rows are split before anything is learnt from them; categories, the normaliser and all figures come from the normal
    rows of train alone.

    Returns
    -------
    dict
        The content of ``dataset.json``.

    Raises
    ------
    HourglassError
        Too many rows have missing values, all rows are the same, a number is too large, or a split is empty.
    """
    labels = Labels.of(raw, data)
    rows = schemas.features(raw, data, splitting.column)
    hashes = split.row_hashes(rows, splitting.salt)
    splits = split.assign(raw, hashes, labels.is_anomaly, splitting)
    fitted = (splits == SPLITS.index("train")) & ~labels.is_anomaly
    schema = schemas.infer(rows, raw, fitted, data)
    x, valid = schema.encode(rows)
    missing = _count_missing(x, valid, rows, schema)
    conditioning = _conditioning(raw, fitted & valid, data)
    condition, known = _told(conditioning, raw, data)
    missing += int((valid & ~known).sum())
    valid &= known
    _check_invalid(missing, len(x), data.max_invalid)
    train = x[fitted & valid]
    _check_variety(train)
    _check_magnitude(train, schema)

    counts = {}
    for place, name in enumerate(SPLITS):
        chosen = np.flatnonzero((splits == place) & valid)
        if not (~labels.is_anomaly[chosen]).any():
            raise HourglassError(
                f"the split {name!r} has no normal row ({len(x)} rows in all); give more data or a larger split.{name}."
            )
        write_rows(folder / name, Rows(x[chosen], labels.codes[chosen], chosen.astype(np.int64), condition[chosen]))
        counts[name] = {"rows": len(chosen), "anomalies": int(labels.is_anomaly[chosen].sum())}
    info = {
        "format_version": FORMAT_VERSION,
        "schema": schema.config(),
        "shape": list(schema.shape),
        "dtype": str(x.dtype),
        "normaliser": statistics.fit_normaliser(train, schema, data.normalise).config(),
        "condition": conditioning.config() if conditioning else None,
        "classes": list(labels.names),
        "anomalous": list(labels.anomalous),
        "counts": counts,
        "dropped": {"missing_or_infinite": missing, "unseen_category": int((~valid).sum()) - missing},
        "duplicates": _duplicates(hashes, splits, labels.is_anomaly),
        "statistics": statistics.describe(train, schema),
        "files": folder_hashes(folder),
    }
    write_json(folder / DATASET, info)
    return info


def _conditioning(raw: Raw, fitted: NDArray[np.bool_], data: DataParams) -> Conditioning | None:
    if not data.condition:
        return None
    schema = schemas.infer_condition(raw, fitted, data)
    values, valid = schema.encode(schemas.known_rows(raw, data))
    known = values[fitted & valid]
    if not len(known):
        raise HourglassError(
            f"params.yaml: data.condition names {', '.join(data.condition)}, and no normal training row has a value in "
            "all of them; fill them or name others."
        )
    _check_magnitude(known, schema)
    return Conditioning(schema, statistics.fit_normaliser(known, schema, "standard"), data.label in data.condition)


def _told(
    conditioning: Conditioning | None, raw: Raw, data: DataParams
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Give what a conditional variant is told, and which rows it can be told of; a label may be new."""
    if conditioning is None:
        return np.zeros((len(raw.rows), 0), np.float32), np.ones(len(raw.rows), bool)
    told, known = conditioning.encode(schemas.known_rows(raw, data))
    return told, known | conditioning.of_label


def _count_missing(x: NDArray[Any], valid: NDArray[np.bool_], rows: Any, schema: Any) -> int:
    """Count rows with a missing or infinite value; what else is invalid has a category that train doesn't know."""
    if not isinstance(schema, TableSchema):
        return int((~valid).sum())
    numbers = [column.name for column in schema.columns if column.type == "number"]
    finite = np.isfinite(rows[numbers].to_numpy(np.float64, na_value=np.nan)).all(axis=1)
    return int((~finite | rows.isna().any(axis=1).to_numpy()).sum()) if len(x) else 0


def _check_invalid(missing: int, rows: int, allowed: float) -> None:
    if missing > allowed * rows:
        raise HourglassError(
            f"{missing} of {rows} rows have a missing or infinite value, more than the share data.max_invalid = "
            f"{allowed:g} allows; fill them, set data.columns: {{NAME: ignore}} or raise data.max_invalid."
        )


def _check_variety(train: NDArray[Any]) -> None:
    if len(train) and (train == train[0]).all():
        raise HourglassError(f"all {len(train)} training rows are the same; there is nothing to learn from them.")


def _check_magnitude(train: NDArray[Any], schema: Schema) -> None:
    largest = np.abs(train).reshape(len(train), -1).max(axis=0, initial=0)
    if float(largest.max()) > _LARGEST:
        where = f"column {schema.features[largest.argmax()]!r}" if isinstance(schema, TableSchema) else "the data"
        raise HourglassError(
            f"{where} holds {largest.max():.3g}, and numbers beyond {_LARGEST:g} have no variance; is it a mark for a "
            "missing value? Mend the file or, of a table, set data.columns: {NAME: ignore}."
        )


def _duplicates(hashes: NDArray[np.uint64], splits: NDArray[np.int8], is_anomaly: NDArray[np.bool_]) -> dict[str, int]:
    """Count rows that repeat another, and values that stand in more than one split or in both classes."""
    _, group, sizes = np.unique(hashes, return_inverse=True, return_counts=True)

    def mixed(values: NDArray[Any]) -> int:
        low, high = np.full(len(sizes), values.max()), np.full(len(sizes), values.min())
        np.minimum.at(low, group, values)
        np.maximum.at(high, group, values)
        return int((low != high).sum())

    return {
        "rows": int(len(hashes) - len(sizes)),
        "straddling_splits": mixed(splits),
        "normal_and_anomalous": mixed(is_anomaly.astype(np.int8)),
    }
