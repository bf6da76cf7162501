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
    """Effects by cohort and time, and how they were computed.

    Parameters
    ----------
    cells : GroupTime
        The effects with their covariance.
    reference : int or None
        Event time that all effects are differences from; None if it differs between them.
    inference : Inference
        Where errors come from.
    notices : tuple of Notice
        Remarks of the estimator.
    """

    cells: GroupTime
    reference: int | None
    inference: Inference
    notices: tuple[Notice, ...]
