"""What an instructor is told about how answers came about, and what is never marked.

`examine` reads the submissions of one chapter as text, and runs nothing of them. It returns an
`HonestyReport`: findings on single submissions, and pairs of submissions that are near copies of each other.

A finding says what stands in a file. Whether that was allowed, a person decides.
"""

from course_utils.grading.honesty.examine import examine
from course_utils.grading.honesty.report import Finding, HonestyReport, Pair, Passage

__all__ = ["Finding", "HonestyReport", "Pair", "Passage", "examine"]
