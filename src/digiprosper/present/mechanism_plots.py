"""Figures of mechanisms: effects, where they hold, what would undo them, what turns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import InputTypeError, Notice, OptionError, check_level, cited
from digiprosper.linear.results import LinearResults
from digiprosper.mediation.results import MediationResults
from digiprosper.mediation.sensitivity import MediationSensitivity
from digiprosper.present.columns import check_labels, merged_labels, read_columns
from digiprosper.present.effect_words import (
    balanced_lines,
    broken_lines,
    effect_words,
    effects_of,
    part_words,
    refuse_other,
)
from digiprosper.present.figure import FAINT, INK, fonts, legend_above, new_axes, plain_spines
from digiprosper.report.labels import term_label
from digiprosper.report.variance import standard_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

__all__ = ["conditional_effect", "effect_plot", "sensitivity_curve", "u_shape"]

_ALARM = "#b03a2e"
_BENDS = {"square": np.square, "inverse": np.reciprocal, "log": np.log, "sqrt": np.sqrt}


def effect_plot(
    results: MediationResults,
    *,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw total, direct and indirect effects with their percentile intervals.

    Parameters
    ----------
    results : MediationResults
        What ``Mediation(...).fit`` returns.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    level : float
        Of the percentile intervals.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        As `coefficients` draws it: effects from top to bottom, a line at zero. What is in another unit is
        left out: the proportion, and the index of moderated mediation. With one mediator its indirect effect
        is drawn once. What was drawn for the intervals is under the axis. Nothing is shown and no setting is
        changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> ax = effect_plot(spec.fit(dp.datasets.us_states(), rng=1), labels={"emp": "jobs"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Total effect', 'Direct effect', 'Indirect through log(jobs)']
    >>> plt.close(ax.figure)
    """
    # There the public names of this module are gathered, so that it cannot be asked for earlier.
    from digiprosper.present.model_plots import coefficients

    purpose = "plots.effect_plot"
    refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    level = check_level(level)
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    variable = term_label(results.variable, texts)
    names = {}
    for term, (effect, part) in effects_of(results, results.mediators).items():
        said = [effect_words(effect, results.mediators, texts), part_words(results, part, variable)]
        said = [texts[term]] if term in texts else said[: 2 if results.variable else 1]
        names[term] = "\n".join(line for text in said for line in balanced_lines(text, 36))
    names = {term: name for term, name in names.items() if not term.startswith("index:")}
    draws = results.draws_text(texts)
    below = "\n".join(broken_lines(f"{draws[0].upper()}{draws[1:]}.", 72))
    with fonts(ax, [*names.values(), below], purpose):
        height = 0.2 + 0.16 * max(name.count("\n") + 1 for name in names.values())
        axes = new_axes((6.8, 1.3 + height * len(names)), purpose) if ax is None else ax
        coefficients(results, keep=list(names), level=level, ax=axes)
        axes.set_yticks(range(len(names)), names.values(), parse_math=False)
        axes.set_xlabel(f"Effect and {100 * level:g}% percentile interval\n{below}", fontsize="small")
    return axes


def conditional_effect(
    results: MediationResults,
    effect: str | None = None,
    *,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an effect over the moderator, or over the treatment where it enters squared.

    Parameters
    ----------
    results : MediationResults
        What ``Mediation(...).fit`` returns, with a moderator or a square.
    effect : str, optional
        ``"indirect:<m>"`` or ``"direct"``; needed if several depend on the variable.
    level : float
        Of the interval at each value.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        The effect with its interval over the range in the sample. Johnson-Neyman regions, where the interval
        leaves 0 out, are shaded, and their ends inside the range written above. On the lower edge each
        stroke is a percentile of the rows, triangles mark the 10, 50 and 90% quantiles. Nothing is shown and
        no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If no effect depends on a continuous variable, the effect is none of those that do or is not named
        among several, or `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", moderator="unemp", moderates="a", reps=199)
    >>> found = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = conditional_effect(found, labels={"unemp": "Unemployment (%)", "emp": "jobs"})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Unemployment (%)', 'Indirect effect through log(jobs)')
    >>> plt.close(ax.figure)
    """
    purpose = "plots.conditional_effect"
    refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    if not results.routes:
        raise OptionError(
            f"{purpose}: no effect of this fit depends on a continuous variable; fit Mediation(.., "
            "moderator='w', moderates='a') or quadratic='a'. The regimes of a threshold are in effect_plot.",
            [Notice("option", "no conditional effect", {"structure": results.structure})],
        )
    found = results.johnson_neyman(effect, level=level)
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    name = term_label(found.variable, texts)
    title = "\n".join(balanced_lines(effect_words(found.effect, results.mediators, texts, " effect"), 40))
    with fonts(ax, [name, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        how = "t" if found.method == "t" else "percentile of the draws"
        _band(axes, found.points.T, f"{100 * level:g}% interval ({how})")
        where = f"excludes 0 ({found.share:.0%} of rows)"
        for number, (low, high) in enumerate(found.regions):
            axes.axvspan(low, high, color=(INK, 0.1), linewidth=0, label="_" if number else where, zorder=0)
        inside = [end for region in found.regions for end in region if end not in found.support]
        for number, end in enumerate(inside):
            axes.axvline(end, color=INK, linewidth=0.8, linestyle=":")
            # Neighbours stand at two heights, for they may be close.
            place = (end, 1.01 + 0.05 * (number % 2))
            axes.text(
                *place, f"{end:.4g}", transform=axes.get_xaxis_transform(), ha="center", fontsize="small"
            )
        _strokes(axes, results.quantiles)
        axes.set_xlim(*found.support)
        axes.set_xlabel(name, parse_math=False)
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes, room=0.06 * min(len(inside), 2))
    return axes


def sensitivity_curve(
    results: MediationSensitivity, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw an indirect effect over the correlation of the errors of mediator and outcome.

    Parameters
    ----------
    results : MediationSensitivity
        What ``MediationResults.sensitivity`` returns.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        The curve with its interval; marked are rho = 0, which the fit assumes, the rho at which the effect is
        0 with that rho's own interval, and the rho nearest to 0 at which the interval covers 0. Nothing is
        shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Imai, Keele & Yamamoto (2010), Statistical Science 25:51.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> found = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = sensitivity_curve(found.sensitivity(), labels={"emp": "jobs"})
    >>> ax.get_ylabel()
    'Indirect effect through log(jobs)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.sensitivity_curve"
    refuse_other(results, MediationSensitivity, "MediationResults.sensitivity", purpose)
    name = term_label(results.mediator, {**results.labels, **check_labels(labels, purpose)})
    title = "\n".join(balanced_lines(f"Indirect effect through {name}", 40))
    size = f"{100 * results.level:g}%"
    with fonts(ax, [title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, np.column_stack([results.rho, results.effects]).T, f"{size} percentile interval")
        ab, zero, first = float(results.assumed[0]), results.rho_at_zero, results.rho_insignificant
        axes.axvline(0, color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        axes.plot([0.0], [ab], "o", color=INK, markersize=6, label=f"{ab:.3g} at ρ = 0, as the fit assumes")
        ends = [results.rho_low, results.rho_high]
        axes.plot(ends, [0.0, 0.0], color=_ALARM, linewidth=2.0)
        text = f"0 at ρ = {zero:.3g} [{ends[0]:.3g}, {ends[1]:.3g}]"
        axes.plot([zero], [0.0], "D", color=_ALARM, markersize=5, label=text)
        if not math.isnan(first):
            text = "already at ρ = 0" if first == 0 else f"from ρ = {first:.3g}"
            axes.plot([first], [0.0], "|", color=_ALARM, markersize=16, label=f"interval includes 0 {text}")
        axes.set_xlabel("Correlation ρ of the errors of mediator and outcome")
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes)
    return axes


def u_shape(
    results: LinearResults, test: Any, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a fitted curve, where it turns, and how sure that is.

    Parameters
    ----------
    results : LinearResults
        The fit that was tested.
    test : UTestResult
        What ``u_test`` returns for it.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the fit.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        ``b1 (x - x0) + b2 (f(x) - f(x0))`` over the interval of the test with its pointwise t band, x0 the
        mean of x: the outcome less what it would be there, all else equal. The Fieller set of the turning
        point is shaded. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If either is something else, or `labels` is not a mapping of texts.
    OptionError
        If the fit does not have the terms of the test.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(dp.datasets.us_states())
    >>> ax = u_shape(fit, dp.u_test(fit, "unemp"), labels={"unemp": "Unemployment (%)"})
    >>> ax.get_xlabel()
    'Unemployment (%)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.u_shape"
    refuse_other(results, LinearResults, "FixedEffects(...).fit", purpose)
    if not all(hasattr(test, name) for name in ("variable", "square", "form", "interval", "fieller")):
        raise InputTypeError(
            f"{purpose}: test must be what u_test returns, not {type(test).__name__}.",
            [Notice("models", "no U-test", {"type": type(test).__name__})],
        )
    if not {test.variable, test.square} <= set(results.names):
        raise OptionError(
            f"{purpose}: the fit does not contain {cited(test.variable)} or {cited(test.square)}; pass "
            "the fit that was tested.",
            [Notice("option", "another fit", {"option": "test"})],
        )
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    name, outcome = term_label(test.variable, texts), term_label(results.depvar, texts)
    title = "\n".join(balanced_lines(f"{outcome} minus its value at the mean", 40))
    low, high = test.interval
    with fonts(ax, [name, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, _curve(results, test), f"{100 * test.level:g}% interval (t)")
        pieces = [(max(a, low), min(b, high)) for a, b in test.fieller if a < high and b > low]
        shown = ["missing" if math.isnan(a) else f"[{a:.3g}, {b:.3g}]" for a, b in test.fieller]
        text = " and ".join(shown) or "empty"
        label = f"{100 * test.level:g}% set of the turning point {text}"
        if not pieces:
            axes.plot([], [], linestyle="none", label=label)
        for number, (a, b) in enumerate(pieces):
            axes.axvspan(a, b, color=(INK, 0.1), linewidth=0, label="_" if number else label, zorder=0)
        turn = test.extremum
        where = "no turning point" if math.isnan(turn) else f"turning point {turn:.3g}"
        if low <= turn <= high:
            axes.axvline(turn, color=_ALARM, linewidth=1.0, linestyle="--", label=where)
        else:
            outside = "" if math.isnan(turn) else ", outside the interval"
            axes.plot([], [], linestyle="none", label=where + outside)
        axes.set_xlim(low, high)
        axes.set_xlabel(name, parse_math=False)
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        legend_above(axes)
    return axes


# --- curves -------------------------------------------------------------------------------------------------


def _band(axes: Axes, points: Any, label: str) -> None:
    """Draw a line with its interval; `points` has four rows: place, value, low, high."""
    at, value, low, high = points
    axes.fill_between(at, low, high, facecolor=(INK, 0.2), linewidth=0, label=label)
    axes.plot(at, value, color=INK, linewidth=1.4)
    axes.axhline(0, color=FAINT, linewidth=0.8, linestyle="--", zorder=0)


def _strokes(axes: Axes, quantiles: Any) -> None:
    edge = axes.get_xaxis_transform()
    axes.plot(
        quantiles,
        np.full(len(quantiles), 0.015),
        "|",
        color=FAINT,
        markersize=6,
        transform=edge,
        clip_on=False,
    )
    marks = quantiles[[10, 50, 90]]
    axes.plot(marks, [0.015] * 3, "^", color=INK, markersize=6, transform=edge, label="10, 50, 90% of rows")


def _curve(results: LinearResults, test: Any) -> Any:
    """Place, value and both ends of a curve less its value at the mean."""
    from scipy.special import stdtrit

    at = [results.names.index(test.variable), results.names.index(test.square)]
    low, high = test.interval
    stats = results.sample_stats
    mean = float(stats["mean"].to_numpy()[stats.index.get_loc(test.variable)])
    places = np.linspace(low, high, 401)
    bend = _BENDS[test.form]
    weights = np.zeros((places.size, len(results.names)))
    weights[:, at] = np.column_stack([places - mean, bend(places) - bend(mean)])
    value = weights @ results.coefficients
    error = standard_errors(np.diag(results.covariance_of(weights)))
    half = float(stdtrit(test.df_t, (1 + test.level) / 2)) * error
    return np.array([places, value, value - half, value + half])
