"""What an estimator of effects by cohort and time gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digiprosper.errors import Notice
    from digiprosper.policy.kernels.aggregation import GroupTime
    from digiprosper.report.inference import Inference


@dataclass(frozen=True, slots=True, eq=False)
class GroupTimeFit:
    """Effects by cohort and time of one estimator."""

    cells: GroupTime
    reference: int | None  # event time of the reference; None if it differs between effects
    inference: Inference
    notices: tuple[Notice, ...]
