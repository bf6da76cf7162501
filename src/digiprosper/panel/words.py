"""What tables of descriptive statistics say, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    english={
        "head.Mean": "Mean",
        "head.SD": "SD",
        "correlations": (
            "Pearson correlations, each over the rows where both variables are "
            "observed (N = {low})."
        ),
        "correlations.uneven": (
            "Pearson correlations, each over the rows where both variables are "
            "observed (N = {low} to {high})."
        ),
    },
    chinese={
        "head.Mean": "均值",
        "head.SD": "标准差",
        "correlations": "Pearson相关系数，各使用两个变量均有观测的行（N = {low}）。",
        "correlations.uneven": (
            "Pearson相关系数，各使用两个变量均有观测的行（N = {low}至{high}）。"
        ),
    },
)
"""Of correlations."""
