"""Everything that the report shows: numbers, words and arrays, no HTML."""

from hourglass.report.facts.data import PURPOSES, Class, Data, Sample
from hourglass.report.facts.ranking import Alarm, Entry, Estimate
from hourglass.report.facts.sweep import Swept
from hourglass.report.facts.variant import EXAMPLES, MAP_WORDS, CourseRun, Example, LatentMap, Variant
from hourglass.report.facts.whole import Facts

__all__ = [
    "EXAMPLES",
    "MAP_WORDS",
    "PURPOSES",
    "Alarm",
    "Class",
    "CourseRun",
    "Data",
    "Entry",
    "Estimate",
    "Example",
    "Facts",
    "LatentMap",
    "Sample",
    "Swept",
    "Variant",
]
