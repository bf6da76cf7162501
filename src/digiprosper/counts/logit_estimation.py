"""From a panel to the estimates of a binary outcome, with names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from digiprosper.counts import notices
from digiprosper.counts.kernels.conditional_logit import conditional_logit
from digiprosper.counts.kernels.incidental import (
    coefficient_bias,
    partial_effects,
    probabilities,
    varying_rows,
)
from digiprosper.counts.logit_results import AverageEffects, LogitResults
from digiprosper.errors import (
    IdentificationError,
    Notice,
    OptionError,
    TermError,
    cited,
    counted,
    option_problem,
    quoted,
)
from digiprosper.kernels.covariance import meat, vcov
from digiprosper.kernels.reweighted import LOGIT, PROBIT, reweighted_least_squares
from digiprosper.kernels.within import is_nested, within
from digiprosper.linear.diagnostics import lagged_outcome
from digiprosper.linear.estimation import (
    columns_at,
    demean_columns,
    independent_columns,
    refuse_names,
    refuse_wide,
)
from digiprosper.linear.preparation import linear_options, prepare
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance
