"""What tables say of linear models, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

__all__ = ["WORDS"]

WORDS = Words(
    english={"two_stage": "two-stage least squares, {endog} instrumented by {instruments}."},
    chinese={"two_stage": "两阶段最小二乘法，{endog}的工具变量为{instruments}。"},
)
"""Of tables."""
