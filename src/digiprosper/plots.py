"""Figures of results. Each function draws on one Axes and returns it."""

from __future__ import annotations

from digiprosper.present.index_plots import index_sensitivity, kernel_ridge, rank_ribbon
from digiprosper.present.mechanism_plots import conditional_effect, effect_plot, sensitivity_curve, u_shape
from digiprosper.present.model_plots import coefficients, lr_profile, regime_map
from digiprosper.present.path_figure import mediation_path

__all__ = [
    "coefficients",
    "conditional_effect",
    "effect_plot",
    "index_sensitivity",
    "kernel_ridge",
    "lr_profile",
    "mediation_path",
    "rank_ribbon",
    "regime_map",
    "sensitivity_curve",
    "u_shape",
]
