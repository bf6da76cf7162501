"""What tables of descriptive statistics say, by code."""

from __future__ import annotations

from digiprosper.report.words import Words

WORDS = Words(
    {
        "head.Mean": ("Mean", "均值"),
        "head.SD": ("SD", "标准差"),
        "correlations": (
            (
                "Pearson correlations, each over the rows where both variables are "
                "observed (N = {low})."
            ),
            "Pearson相关系数，各使用两个变量均有观测的行（N = {low}）。",
        ),
        "correlations.uneven": (
            (
                "Pearson correlations, each over the rows where both variables are "
                "observed (N = {low} to {high})."
            ),
            "Pearson相关系数，各使用两个变量均有观测的行（N = {low}至{high}）。",
        ),
    }
)
"""Of correlations."""
