"""What a column looks like, found block by block, and the type that follows from it."""

from typing import Any

import numpy as np
import pandas as pd

from hourglass.runtime.schema import as_numbers, as_text

#: A text column with at least this share of numbers is a column of numbers with mistakes in it.
_MOSTLY_NUMBERS = 0.9
MAX_CATEGORIES = 1000


class Profile:
    """What is known of a column after the blocks seen so far."""

    def __init__(self) -> None:
        self._rows = self._missing = self._numbers = self._texts = 0
        self._native, self._times = True, False
        self._first_text: tuple[int, Any] | None = None
        self._distinct: set[str] = set()

    def update(self, values: "pd.Series[Any]") -> None:
        """Take the column's cells of the next block."""
        missing = values.isna().to_numpy()
        self._times |= pd.api.types.is_datetime64_any_dtype(values)
        if pd.api.types.is_numeric_dtype(values):
            self._numbers += int((~missing).sum())
        else:
            self._native &= bool(missing.all())
            self._update_text(values, missing)
        self._rows += len(values)
        self._missing += int(missing.sum())

    def _update_text(self, values: "pd.Series[Any]", missing: Any) -> None:
        numbers = as_numbers(values)
        text = np.flatnonzero(np.isnan(numbers) & ~missing)
        self._numbers += int((~missing).sum()) - len(text)
        self._texts += len(text)
        if len(text) and self._first_text is None:
            self._first_text = (self._rows + int(text[0]), values.iloc[text[0]])
        if len(self._distinct) <= MAX_CATEGORIES:
            self._distinct |= set(as_text(values.dropna()).unique()[: MAX_CATEGORIES + 1])

    def facts(self) -> dict[str, Any]:
        """Give the type, why it is that, and what speaks against it, as JSON."""
        facts: dict[str, Any] = {"rows": self._rows, "missing": self._missing}
        facts["type"], facts["why"] = self._type()
        if not self._native:
            facts["distinct"] = len(self._distinct) if len(self._distinct) <= MAX_CATEGORIES else f"{MAX_CATEGORIES}+"
            if self._first_text is not None and not self._times:
                row, value = self._first_text
                facts["text"] = [row, str(value), self._texts]
        return facts

    def _type(self) -> tuple[str, str]:
        present = self._rows - self._missing
        if not present:
            return "empty", "no row has a value"
        if self._times:
            return "time", "dates and times"
        if self._native:
            return "number", "numbers in every row that has a value"
        share = self._numbers / present
        if share >= _MOSTLY_NUMBERS:
            return "number", f"text that reads as a number in {share:.0%} of the rows"
        return "category", f"text of {len(self._distinct)} different values"
