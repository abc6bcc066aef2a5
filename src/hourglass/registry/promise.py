"""What a threshold promises of false alarms, and what the promise rests on."""

from typing import TYPE_CHECKING, Any, Literal

from hourglass.errors import HourglassError
from hourglass.runtime.alarms import alpha_of_budget
from hourglass.runtime.audio import AudioSchema
from hourglass.runtime.errors import InputError
from hourglass.runtime.schema import Schema
from hourglass.runtime.signal import SignalSchema

if TYPE_CHECKING:
    from hourglass.params import AnomalyParams

#: What calibration rows are known to be: normal, partly anomalous, or nothing.
Basis = Literal["clean", "contaminated", "unlabelled"]


def alpha_of(settings: "AnomalyParams", schema: Schema) -> float:
    """Give the share of normal rows that may raise an alarm.

    A budget counts false alarms for so many rows or, of series, a day of each: a row is a window then, and one begins
    every stride.

    Raises
    ------
    HourglassError
        The budget is for a day and rows have no times, or it allows no alarm or one for every row.
    """
    if settings.budget is None:
        return settings.alpha
    alarms, _, span = settings.budget.partition(" per ")
    try:
        if span != "day":
            return alpha_of_budget(float(alarms), rows=float(span.removesuffix(" rows")))
        if not isinstance(schema, SignalSchema):
            raise HourglassError(
                f"params.yaml: anomaly.budget is {settings.budget!r}, and rows have no times; expected such as "
                "`5 per 1000 rows`."
            )
        return alpha_of_budget(float(alarms), period=schema.period * schema.stride)
    except InputError as wrong:
        raise HourglassError(f"params.yaml: anomaly.budget: {wrong}") from wrong


def stated(said: Literal["auto", "clean", "contaminated"], schema: Schema, *, labelled: bool) -> dict[str, Any]:
    """State what a promise rests on, for the package's configuration.

    It is nominal unless the calibration rows are known to be normal and are exchangeable with new ones, which windows
    of a series and pieces of a recording aren't.

    Parameters
    ----------
    said : {"auto", "clean", "contaminated"}
        What the user knows of the rows that aren't called anomalous.
    schema : Schema
    labelled : bool
        Whether labels tell which rows are normal.

    Returns
    -------
    dict
        ``calibrated_on`` and ``nominal``.
    """
    basis: Basis = said if said != "auto" else "clean" if labelled else "unlabelled"
    return {"calibrated_on": basis, "nominal": basis != "clean" or isinstance(schema, SignalSchema | AudioSchema)}
