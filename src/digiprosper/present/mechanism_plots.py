"""Figures of mechanisms: paths and their effects, where an effect holds, what would undo it, what turns."""

from __future__ import annotations

import math
import numbers
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from digiprosper.errors import InputTypeError, Notice, OptionError, check_level, check_option
from digiprosper.optional import require
from digiprosper.present.columns import check_labels, merged_labels, read_columns
from digiprosper.present.figure import FAINT, INK, fonts, new_axes, plain_spines
from digiprosper.present.labels import effect_label, effect_names, term_label, text_width
from digiprosper.present.rows import Style
from digiprosper.results.linear import LinearResults
from digiprosper.results.mediation import MediationResults
from digiprosper.results.sensitivity import MediationSensitivity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes

    from digiprosper.present.columns import Column

    Point = tuple[float, float]
    Texts = tuple[str, str]
    """Over and under a line."""
    Slopes = list[tuple[str, str, str]]
    """Name, estimate with stars and standard error of each coefficient on an arrow."""
    _Row = tuple[str, str, str, bool]
    """Words, estimate, interval, and whether the row belongs to that over it."""

__all__ = ["conditional_effect", "effect_plot", "mediation_path", "sensitivity_curve", "u_shape"]

_PALE, _ALARM = "#eef3f8", "#b03a2e"
_STARS = (0.1, 0.05, 0.01)
# Type in points; inches a point of type takes by column and by line.
_BOX_TYPE, _TYPE = 9.0, 8.0
_COLUMN, _LINE = 0.58 / 72, 1.45 / 72
# Inches: width of a box, space round its text, from a line to its text, between lines of a chain, and what
# a row of text is moved in.
_WIDTH, _PADDING, _NEAR, _TRACK, _INDENT = 1.7, 0.18, 0.04, 0.42, 0.2
_MOST_ROWS = 20
# Effects that an arrow has.
_DRAWN = ("total", "direct")
_CHANGES = ("index", "difference")
_POINTS = {"p10": 10, "p50": 50, "p90": 90}
_REGIMES = {"regime1": "low", "regime2": "high"}
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_OPEN, _CLOSE = r"\uff08「『《【“", r"、。\uff0c\uff0e\uff1a\uff1b\uff01\uff1f\uff09」』》】”\uff05"
_WIDE = r"\u1100-\u11ff\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
# What a line may be broken between: words, and Chinese characters with the punctuation that clings to them.
_PIECES = re.compile(rf"[{_OPEN}]*(?:[{_WIDE}]|[^\s{_WIDE}]+)[{_CLOSE}]*|\s+")
_BENDS = {"square": np.square, "inverse": np.reciprocal, "log": np.log, "sqrt": np.sqrt}


def mediation_path(
    results: MediationResults,
    mediator: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    digits: int = 3,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the paths from treatment through mediators to outcome, each with its coefficient.

    An arrow has the coefficient of its equation, stars of that equation's own p-value (.1, .05, .01) and the
    standard error in parentheses; where effects do not vary, the total effect c stands under the direct c'.
    Below are the effects with their percentile intervals, and which errors, draws and sample are behind them.

    Parameters
    ----------
    results : MediationResults
        What ``Mediation(...).fit`` returns.
    mediator : str, optional
        Draw this one alone; the others are then held fixed, which the note says. Not in a chain.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    digits : int
        Decimals; a number that would round to zero has as many significant digits instead.
    level : float
        Of the percentile intervals.
    ax : Axes, optional
        Where to draw; default a new figure as large as its boxes need. On given Axes the type shrinks with
        the room there is.

    Returns
    -------
    Axes
        One unit is one inch of the figure. Mediators side by side are stacked, a chain stands in a row with
        every path ``d`` (``d₂₁``: from the first to the second). A moderator points at the paths it moves,
        and ``× w`` under their slopes, which are those at w = 0, is the change with each unit of it; ``x²``
        likewise. A threshold gives each arrow a low and a high regime. Nothing is shown and no setting is
        changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If the mediator is none of the fit's or the fit is a chain, `digits` is no whole number from 0 to 15,
        or `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    At most 20 effects are listed; the others are in `results.tidy()`.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> found = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = mediation_path(found, labels={"pc": "capital", "emp": "jobs", "gsp": "output"})
    >>> [text.get_text() for text in ax.texts][:4]
    ['log(capital)', 'log(output)', "c' = 0.164* (0.086)", 'total c = 0.664*** (0.066)']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.mediation_path"
    _refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    style = Style("se", _STARS, _check_digits(digits))
    check_level(level)
    column = read_columns(results, purpose, level=level)[0]
    texts = merged_labels([column], check_labels(labels, purpose))
    paths = _Paths(results, _chosen(results, mediator, purpose), texts, style)
    picture = _Picture()
    if results.structure == "serial" and len(paths.mediators) > 1:
        _in_a_row(picture, paths)
    else:
        _in_a_stack(picture, paths)
    _write_below(picture, _effect_rows(paths, column, level), _remarks(paths))
    with fonts(ax, picture.words, purpose):
        axes = new_axes(picture.size, purpose) if ax is None else ax
        picture.draw(axes, 1.0 if ax is None else picture.scale(ax))
    return axes


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
        is drawn once. Errors, draws and seed are under the axis. Nothing is shown and no setting is changed.

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
    ['Total effect', 'Direct effect', 'Indirect via log(jobs)']
    >>> plt.close(ax.figure)
    """
    # There the public names of this module are gathered, so that it cannot be asked for earlier.
    from digiprosper.present.plots import coefficients

    purpose = "plots.effect_plot"
    _refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    check_level(level)
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    variable = term_label(results.variable, texts)
    names = {}
    for term, (effect, part) in _effects_of(results, results.mediators).items():
        said = [_effect_words(effect, texts), _part_words(results, part, variable)]
        said = [texts[term]] if term in texts else said[: 2 if results.variable else 1]
        names[term] = "\n".join(line for text in said for line in _balanced(text, 36))
    names = {term: name for term, name in names.items() if not term.startswith("index:")}
    below = "\n".join(_lines(f"{results.conventions}.", 72))
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
    ('Unemployment (%)', 'Indirect effect via log(jobs)')
    >>> plt.close(ax.figure)
    """
    purpose = "plots.conditional_effect"
    _refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    if not results.routes:
        raise OptionError(
            f"{purpose}: no effect of this fit depends on a continuous variable; fit Mediation(.., "
            "moderator='w', moderates='a') or quadratic='a'. The regimes of a threshold are in effect_plot.",
            [Notice("option", "no conditional effect", {"structure": results.structure})],
        )
    found = results.johnson_neyman(effect, level=level)
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    name = term_label(found.variable, texts)
    title = "\n".join(_balanced(_effect_words(found.effect, texts, " effect"), 40))
    with fonts(ax, [name, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        how = "t" if found.method == "t" else "percentile of the draws"
        _band(axes, found.points.T, f"{100 * level:g}% interval ({how})")
        where = f"leaves 0 out ({found.share:.0%} of rows)"
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
        _legend_above(axes, 0.06 * min(len(inside), 2))
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
        Text by term or column.
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
    'Indirect effect via log(jobs)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.sensitivity_curve"
    _refuse_other(results, MediationSensitivity, "MediationResults.sensitivity", purpose)
    name = term_label(results.mediator, check_labels(labels, purpose))
    title = "\n".join(_balanced(f"Indirect effect via {name}", 40))
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
            axes.plot([first], [0.0], "|", color=_ALARM, markersize=16, label=f"interval covers 0 {text}")
        axes.set_xlabel("Correlation ρ of the errors of mediator and outcome")
        axes.set_ylabel(title, parse_math=False)
        plain_spines(axes)
        axes.legend(loc="best", framealpha=0.85, edgecolor="none", fontsize="small")
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
    _refuse_other(results, LinearResults, "FixedEffects(...).fit", purpose)
    if not all(hasattr(test, name) for name in ("variable", "square", "form", "interval", "fieller")):
        raise InputTypeError(
            f"{purpose}: test is what u_test returns, not {type(test).__name__}.",
            [Notice("models", "no U-test", {"type": type(test).__name__})],
        )
    if not {test.variable, test.square} <= set(results.names):
        raise OptionError(
            f"{purpose}: the fit lacks {test.variable!r} or {test.square!r}; pass the fit that was tested.",
            [Notice("option", "another fit", {"option": "test"})],
        )
    texts = merged_labels(read_columns(results, purpose), check_labels(labels, purpose))
    name, outcome = term_label(test.variable, texts), term_label(results.depvar, texts)
    title = "\n".join(_balanced(f"{outcome}, less its value at the mean", 40))
    low, high = test.interval
    with fonts(ax, [name, title], purpose):
        axes = new_axes((6.4, 4.2), purpose) if ax is None else ax
        _band(axes, _curve(results, test), f"{100 * test.level:g}% interval (t)")
        pieces = [(max(a, low), min(b, high)) for a, b in test.fieller if a < high and b > low]
        text = " and ".join(f"[{a:.3g}, {b:.3g}]" for a, b in test.fieller) or "empty"
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
        _legend_above(axes)
    return axes


# --- what stands on the paths -------------------------------------------------------------------------------


class _Paths:
    """Labels of the boxes and coefficients of the arrows."""

    def __init__(
        self, results: MediationResults, mediators: Sequence[str], texts: Mapping[str, str], style: Style
    ) -> None:
        self.results, self.texts, self.style = results, texts, style
        self.mediators = mediators
        self._equations = {c.head: c for c in read_columns(results.paths, "plots.mediation_path")}
        self.moderator = results.variable if results.structure == "moderated" else ""

    def label(self, term: str) -> str:
        return term_label(term, self.texts)

    @property
    def ends(self) -> tuple[str, str]:
        """Labels of treatment and outcome."""
        return self.label(self.results.treatment), self.label(self.results.info["depvar"] or "")

    def a(self, k: int) -> Slopes:
        treatment, mediator = self.results.treatment, self.mediators[k]
        return self._slopes(f"mediator:{mediator}", treatment, f"a{self._number(k)}")

    def b(self, k: int) -> Slopes:
        return self._slopes("outcome", self.mediators[k], f"b{self._number(k)}")

    def d(self, source: int, target: int) -> Slopes:
        name = f"d{self._number(target)}{self._number(source)}"
        return self._slopes(f"mediator:{self.mediators[target]}", self.mediators[source], name)

    @property
    def direct(self) -> Slopes:
        return self._slopes("outcome", self.results.treatment, "c'")

    @property
    def total(self) -> Slopes:
        """Slope of the total equation; where effects vary no one slope is the total effect."""
        return [] if self.results.variable else self._slopes("total", self.results.treatment, "total c")

    @property
    def moved(self) -> set[str]:
        """Which of a, b and direct the moderator moves."""
        kinds = {"a": self.a(0), "b": self.b(0), "direct": self.direct}
        return {kind for kind, slopes in kinds.items() if self.moderator and len(slopes) > 1}

    def _number(self, k: int) -> str:
        return str(k + 1).translate(_SUBSCRIPTS) if len(self.mediators) > 1 else ""

    def _slopes(self, equation: str, term: str, name: str) -> Slopes:
        structure, variable = self.results.structure, self.results.variable
        if structure == "threshold":
            named = {f"{term}:{regime}": f"{name} {word} =" for regime, word in _REGIMES.items()}
        else:
            named = {term: f"{name} ="}
            named |= {f"{term}:{variable}": "× w:"} if structure == "moderated" else {}
            named |= {f"I({term}**2)": "x²:"} if structure == "quadratic" and term == variable else {}
        cells = self._equations[equation].estimates
        found = [(text, cells[t]) for t, text in named.items() if t in cells]
        return [(text, self.style.estimate(cell), self.style.companion(cell)) for text, cell in found]


def _chosen(results: MediationResults, mediator: str | None, purpose: str) -> tuple[str, ...]:
    if mediator is None:
        return results.mediators
    check_option("mediator", mediator, results.mediators)
    if results.structure == "serial":
        raise OptionError(
            f"{purpose}: mediator={mediator!r}, and in a chain no mediator stands alone; leave it out.",
            [Notice("option", "mediator", {"option": "mediator", "value": mediator})],
        )
    return (mediator,)


def _effects_of(results: MediationResults, mediators: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Terms about these mediators: which effect, and where (``"p10"``, ``"regime1"``) or what of it.

    The proportion is left out, and with one mediator the sum of one.
    """
    found = {}
    for name in results.names[:-1]:
        kind, _, path = name.partition(":")
        if kind in _CHANGES:
            effect, part = path if path == "direct" else f"indirect:{path}", kind
        else:
            effect, _, part = name.rpartition(":") if results.variable else (name, "", "")
            effect, part = (effect, part) if part in _POINTS or part in _REGIMES else (name, "")
        others = {f"indirect:{m}" for m in results.mediators if m not in mediators}
        if effect not in others and not (effect == "indirect" and len(mediators) == 1):
            found[name] = (effect, part)
    return found


def _effect_words(effect: str, texts: Mapping[str, str], noun: str = "") -> str:
    kind, _, path = effect.partition(":")
    through = " → ".join(term_label(part, texts) for part in path.split(">"))
    return kind.capitalize() + (f"{noun} via {through}" if path else " effect")


def _part_words(results: MediationResults, part: str, variable: str) -> str:
    """Say where an effect is, or what of it is told."""
    if part in _POINTS:
        return f"{variable} = {results.quantiles[_POINTS[part]]:.4g} ({_POINTS[part]}% quantile)"
    if part in _REGIMES:
        return f"{variable} {'<=' if part == 'regime1' else '>'} {results.threshold:.4g}"
    if part:
        return {"index": f"change with a unit of {variable}", "difference": "high less low regime"}[part]
    return "mean of the rows" if variable else ""


def _effect_rows(paths: _Paths, column: Column, level: float) -> list[_Row]:
    """Effects below a path figure. Those on an arrow are not said again."""
    results, style = paths.results, paths.style
    about = _effects_of(results, paths.mediators)
    variable = {"moderated": "w", "quadratic": "x"}.get(results.structure, "")
    rows = []
    # An effect by itself, then where it varies, then by how much.
    for effect in dict.fromkeys(effect for effect, _ in about.values()):
        own = [(term, part) for term, (e, part) in about.items() if e == effect]
        for term, part in sorted(own, key=lambda pair: (pair[1] != "", pair[1] in _CHANGES)):
            regime = f"{_REGIMES[part]} regime" if part in _REGIMES else _part_words(results, part, variable)
            words = paths.texts.get(term) or (regime if part else _effect_words(effect, paths.texts))
            cell = column.estimates[term]
            number, ends = style.number(cell.estimate), style.interval(cell.conf_low, cell.conf_high)
            if results.variable or effect not in _DRAWN:
                rows.append((words, number, ends, bool(part)))
    title, more = "Effect" + ", mean of the rows" * bool(results.variable), len(rows) - _MOST_ROWS
    head = (title, "", f"{100 * level:g}% percentile interval", False)
    return [head, *rows[:_MOST_ROWS], *([(f"and {more} more in tidy()", "", "", False)] if more > 0 else [])]


def _remarks(paths: _Paths) -> list[str]:
    results, info = paths.results, paths.results.info
    stars = ", ".join(f"{'*' * n} p < {level:g}" for n, level in enumerate(_STARS, start=1))
    lines = [f"Arrows: coefficients, standard errors in parentheses; {stars}."]
    if paths.moderator:
        lines.append(
            f"w: {paths.label(paths.moderator)}. A slope with × w under it is that at w = 0; with each unit "
            "of w it changes by so much."
        )
    elif results.structure == "quadratic":
        lines.append(f"x²: square of {paths.label(results.treatment)}; the slope over it is that at 0.")
    elif results.structure == "threshold":
        name, (low, high) = paths.label(results.variable), results.regime_counts
        cut = f"{results.threshold:.4g}"
        lines.append(
            f"low: {name} <= {cut} ({low[0]:,} rows, {low[1]:,} entities); high: > {cut} ({high[0]:,} rows, "
            f"{high[1]:,} entities)."
        )
    others = [paths.label(m) for m in results.mediators if m not in paths.mediators]
    lines += [f"Also in the outcome's equation: {', '.join(others)}."] if others else []
    counts = [f"{results.nobs:,} rows"]
    counts += [f"{info['n_entities']:,} entities"] if info["n_entities"] is not None else []
    counts += [f"{info['n_times']:,} periods"] if (info["n_times"] or 1) > 1 else []
    effects = [effect_label(name, paths.texts) for name in effect_names(info["effects"])]
    sample = f"Sample: {', '.join(counts)}; effects: {', '.join(effects) or 'none'}."
    return [*lines, sample, f"{results.conventions}."]


# --- drawing in inches --------------------------------------------------------------------------------------


class _Picture:
    """Boxes, arrows and texts in inches, drawn when all are known: only then is the figure's size."""

    def __init__(self) -> None:
        self.boxes: list[tuple[float, float, float]] = []
        self.arrows: list[tuple[tuple[Point, ...], bool]] = []
        self.texts: list[tuple[str, float, float, str, str, float]] = []

    @property
    def words(self) -> list[str]:
        return [text for text, *_ in self.texts]

    def box(self, text: str, x: float, y: float) -> None:
        lines = _box_lines(text)
        self.boxes.append((x, y, _box_height(text)))
        self.text("\n".join(lines), x, y, size=_BOX_TYPE)

    def arrow(self, *points: Point, dashed: bool = False) -> None:
        self.arrows.append((points, dashed))

    def text(
        self, text: str, x: float, y: float, *, ha: str = "center", va: str = "center", size: float = _TYPE
    ) -> None:
        if text:
            self.texts.append((text, x, y, ha, va, size))

    def about(self, texts: Texts, x: float, y: float) -> None:
        """Write over and under a horizontal line."""
        self.text(texts[0], x, y + _NEAR, va="bottom")
        self.text(texts[1], x, y - _NEAR, va="top")

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        rims = [(x - _WIDTH / 2, x + _WIDTH / 2, y - h / 2, y + h / 2) for x, y, h in self.boxes]
        for text, x, y, ha, va, size in self.texts:
            width, height = _inches(text, size), (text.count("\n") + 1) * size * _LINE
            left = x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
            bottom = y - height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[va]
            rims.append((left, left + width, bottom, bottom + height))
        ways = [point for points, _ in self.arrows for point in points]
        rims += [(x, x, y, y) for x, y in ways]
        lefts, rights, bottoms, tops = zip(*rims, strict=True)
        return min(lefts) - 0.05, max(rights) + 0.05, min(bottoms) - 0.05, max(tops) + 0.05

    @property
    def size(self) -> tuple[float, float]:
        left, right, bottom, top = self.edges
        # A constrained layout keeps a rim of its own.
        return right - left + 0.1, top - bottom + 0.1

    def scale(self, axes: Axes) -> float:
        """How much smaller than drawn in inches given Axes are, at most 1."""
        figure: Any = axes.figure
        room = axes.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        return min(1.0, room.width / self.size[0], room.height / self.size[1])

    def draw(self, axes: Axes, scale: float) -> None:
        patches = require("matplotlib.patches", extra="plot", purpose="plots.mediation_path")
        path = require("matplotlib.path", extra="plot", purpose="plots.mediation_path").Path
        for points, dashed in self.arrows:
            axes.add_patch(
                patches.FancyArrowPatch(
                    path=path(points),
                    arrowstyle="-|>",
                    mutation_scale=9 * scale,
                    color=FAINT if dashed else INK,
                    linewidth=1.1 * scale,
                    linestyle="--" if dashed else "-",
                    capstyle="butt",
                    joinstyle="round",
                )
            )
        for x, y, height in self.boxes:
            axes.add_patch(
                patches.FancyBboxPatch(
                    (x - _WIDTH / 2, y - height / 2),
                    _WIDTH,
                    height,
                    boxstyle="round,pad=0,rounding_size=0.06",
                    facecolor=_PALE,
                    edgecolor=INK,
                    linewidth=1.1 * scale,
                    zorder=2,
                )
            )
        for text, x, y, ha, va, size in self.texts:
            # A label may have dollar signs.
            axes.text(x, y, text, ha=ha, va=va, fontsize=size * scale, parse_math=False, zorder=3)
        left, right, bottom, top = self.edges
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        axes.set_aspect("equal")
        axes.set_axis_off()


def _in_a_stack(picture: _Picture, paths: _Paths) -> None:
    """Put mediators over each other: all a share one line up from the treatment, all b one down."""
    count = len(paths.mediators)
    ways = [(_one_line(paths.a(k)), _one_line(paths.b(k))) for k in range(count)]
    straight = _one_line([*paths.direct, *paths.total])
    texts = [text for pair in ways for way in pair for text in way] + list(straight)
    run, half = max(1.4, 0.3 + max(_inches(text, _TYPE) for text in texts)), _WIDTH / 2
    middle, right = run + half, 2 * (run + half)
    treatment, outcome = (
        paths.label(t) for t in (paths.results.treatment, paths.results.info["depvar"] or "")
    )
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, right, 0.0)
    picture.arrow((half, 0.0), (right - half, 0.0))
    picture.about(straight, middle + (run / 2 if "direct" in paths.moved else 0.0), 0.0)
    tops = _box_height(treatment) / 2, _box_height(outcome) / 2
    y = max(*tops, _TYPE * _LINE + _NEAR)
    if paths.moderator:
        y = _put_moderator(picture, paths, (middle, y), (half, right))
    for k in reversed(range(count)):
        name, (a, b) = paths.label(paths.mediators[k]), ways[k]
        height = max(_box_height(name), 2 * (_TYPE * _LINE + _NEAR))
        y += 0.2 + height / 2
        picture.box(name, middle, y)
        picture.arrow((0.0, tops[0]), (0.0, y), (run, y))
        picture.arrow((middle + half, y), (right, y), (right, tops[1]))
        picture.about(a, run / 2, y)
        picture.about(b, right - run / 2, y)
        y += height / 2


def _put_moderator(picture: _Picture, paths: _Paths, below: Point, sides: Point) -> float:
    """Put the moderator where each path it moves can be reached by a straight line; gives its upper edge."""
    (middle, y), (half, right) = below, sides
    text = f"w: {paths.label(paths.moderator)}"
    y += 0.3 + _box_height(text) / 2
    picture.box(text, middle, y)
    ends = {
        "a": ((middle - half, y), (0.0, y)),
        "b": ((middle + half, y), (right, y)),
        "direct": ((middle, y - _box_height(text) / 2), (middle, 0.0)),
    }
    for kind in sorted(paths.moved):
        picture.arrow(*ends[kind], dashed=True)
    return y + _box_height(text) / 2


def _in_a_row(picture: _Picture, paths: _Paths) -> None:
    """Put a chain in a row over treatment and outcome.

    Lines run under and over the row at heights of their own, and their texts stand between two boxes, where
    none goes up or down: so no text is crossed, whatever the number of mediators.
    """
    count, names = len(paths.mediators), [paths.label(m) for m in paths.mediators]
    treatment, outcome = paths.ends
    first, second = ([_two_lines(of(k)) for k in range(count)] for of in (paths.a, paths.b))
    between = {(j, k): _two_lines(paths.d(j, k)) for k in range(count) for j in range(k)}
    straight = "\n".join(_two_lines(paths.direct)), "\n".join(_two_lines(paths.total))
    over = [t for pair in (*first, *second, *between.values(), straight) for t in pair]
    pitch = _WIDTH + max(0.9, 0.2 + max(_inches(t, _TYPE) for t in over))
    roofs = _box_height(treatment) / 2, _box_height(outcome) / 2
    last, foot = (count - 1) * pitch, max(*roofs, 2 * _TYPE * _LINE + _NEAR)
    rises, falls = _levels(count)
    most = max(rises + falls)
    row = foot + (0.8 + most) * _TRACK + max(map(_box_height, names)) / 2
    floors = [row - _box_height(name) / 2 for name in names]
    for k, name in enumerate(names):
        picture.box(name, k * pitch, row)
    picture.box(treatment, 0.0, 0.0)
    picture.box(outcome, last, 0.0)
    picture.arrow((_WIDTH / 2, 0.0), (last - _WIDTH / 2, 0.0))
    picture.about(straight, last / 2, 0.0)
    side, middle = 0.35 * _WIDTH, (foot + min(floors)) / 2
    picture.arrow((-side, roofs[0]), (-side, floors[0]))
    picture.text("\n".join(first[0]), -side - 0.08, middle, ha="right")
    picture.arrow((last + side, floors[-1]), (last + side, roofs[1]))
    picture.text("\n".join(second[-1]), last + side + 0.08, middle, ha="left")
    for i in range(1, count):
        # Ports from left to right as the heights from top to bottom, so that lines of one box do not cross.
        port, k = _WIDTH * (0.4 * i / count - 0.2), count - 1 - i
        x, y = i * pitch - side, foot + (0.8 + most - rises[i - 1]) * _TRACK
        picture.arrow((port, roofs[0]), (port, y), (x, y), (x, floors[i]))
        picture.about(first[i], pitch / 2, y)
        x, y = k * pitch + side, foot + (0.8 + most - falls[i - 1]) * _TRACK
        picture.arrow((x, floors[k]), (x, y), (last - port, y), (last - port, roofs[1]))
        picture.about(second[k], last - pitch / 2, y)
    _join_the_row(picture, names, between, (row, pitch))


def _levels(count: int) -> tuple[list[int], list[int]]:
    """Heights, from the top, of the lines to the second, third, .. mediator, and from the last but one, ..

    The shorter a line the higher. A line to a mediator and one from it, or from a later one, share a height.
    """
    shared = (count - 1) // 2
    rises = list(range(1, count))
    return rises, [i if i <= shared else count - 1 + i - shared for i in rises]


def _join_the_row(
    picture: _Picture, names: Sequence[str], texts: Mapping[tuple[int, int], Texts], at: Point
) -> None:
    """Draw the paths between mediators: neighbours straight, others over the row, the shorter the lower."""
    row, pitch = at
    over = sorted((pair for pair in texts if pair[1] - pair[0] > 1), key=lambda p: (p[1] - p[0], p))
    levels: dict[tuple[int, int], int] = {}
    for j, k in over:
        taken = {level for (s, t), level in levels.items() if s < k and j < t}
        levels[j, k] = next(level for level in range(len(over)) if level not in taken)
    roofs = [row + _box_height(name) / 2 for name in names]
    for (j, k), text in texts.items():
        if k - j == 1:
            picture.arrow((j * pitch + _WIDTH / 2, row), (k * pitch - _WIDTH / 2, row))
            picture.about(text, (j + 0.5) * pitch, row)
            continue
        outs = sorted((p for p in over if p[0] == j), reverse=True)
        ins = sorted((p for p in over if p[1] == k), reverse=True)
        start = j * pitch + _WIDTH / 2 * (outs.index((j, k)) + 1) / (len(outs) + 1)
        end = k * pitch - _WIDTH / 2 * (len(ins) - ins.index((j, k))) / (len(ins) + 1)
        y = max(roofs) + (levels[j, k] + 0.8) * _TRACK
        picture.arrow((start, roofs[j]), (start, y), (end, y), (end, roofs[k]))
        picture.about(text, (j + 0.5) * pitch, y)


def _write_below(picture: _Picture, rows: Sequence[_Row], remarks: Sequence[str]) -> None:
    left, right, bottom, _ = picture.edges
    step, y = _TYPE * _LINE, bottom - 0.2
    widths, ends = (max(_inches(t, _TYPE) for t in part) for part in list(zip(*rows, strict=True))[1:3])
    room = right - left - widths - ends - 0.4
    stub = min(room, max(_inches(name, _TYPE) + _INDENT * inner for name, _, _, inner in rows))
    for name, number, interval, inner in rows:
        picture.text(number, left + stub + 0.2 + widths, y, ha="right", va="top")
        picture.text(interval, left + stub + 0.4 + widths, y, ha="left", va="top")
        for line in _lines(name, (room - _INDENT * inner) / (_TYPE * _COLUMN)):
            picture.text(line, left + _INDENT * inner, y, ha="left", va="top")
            y -= step
    y -= 0.1
    for remark in remarks:
        for line in _lines(remark, (right - left) / (_TYPE * _COLUMN)):
            picture.text(line, left, y, ha="left", va="top")
            y -= step


def _one_line(slopes: Slopes) -> Texts:
    """Over and under an arrow with room: the first slope, and what comes beside it."""
    first, second = [*(" ".join(filter(None, slope)) for slope in slopes), ""][:2]
    return first, second


def _two_lines(slopes: Slopes) -> Texts:
    """Over and under a short arrow: estimate and standard error."""
    name, estimate, error = slopes[0]
    return f"{name} {estimate}", error


def _box_lines(text: str) -> list[str]:
    return _balanced(text, (_WIDTH - _PADDING) / (_BOX_TYPE * _COLUMN))


def _box_height(text: str) -> float:
    return len(_box_lines(text)) * _BOX_TYPE * _LINE + _PADDING


def _inches(text: str, size: float) -> float:
    return max(map(_columns, text.split("\n"))) * size * _COLUMN


def _columns(text: str) -> float:
    # Capitals are wider than the rest.
    return text_width(text) + 0.25 * sum(map(str.isupper, text))


def _lines(text: str, columns: float) -> list[str]:
    """Break a text at blanks and between Chinese characters; inside a word only where it is too long."""
    lines = [""]
    for part in _PIECES.findall(text):
        pieces: Iterable[str] = [part] if _columns(part) <= columns else part
        for piece in pieces:
            if _columns(lines[-1] + piece.rstrip()) > columns:
                lines.append(piece.lstrip())
            else:
                lines[-1] += piece
    return [line.strip() for line in lines]


def _balanced(text: str, columns: float) -> list[str]:
    """As few lines as there can be, about equally long."""
    best = _lines(text, columns)
    narrower = (_lines(text, fewer) for fewer in range(6, int(columns)))
    return next((lines for lines in narrower if len(lines) == len(best)), best)


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
    marks = quantiles[list(_POINTS.values())]
    axes.plot(marks, [0.015] * 3, "^", color=INK, markersize=6, transform=edge, label="10, 50, 90% of rows")


def _legend_above(axes: Axes, room: float = 0.0) -> None:
    """Put the legend over what stands over the axes, as a share of their height."""
    axes.legend(
        frameon=False,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0 + room),
        ncols=2,
        borderaxespad=0.2,
        fontsize="small",
    )


def _curve(results: LinearResults, test: Any) -> Any:
    """Place, value and both ends of a curve less its value at the mean."""
    from scipy.special import stdtrit

    at = [results.names.index(test.variable), results.names.index(test.square)]
    low, high = test.interval
    stats = results.sample_stats
    mean = float(stats["mean"].to_numpy()[stats.index.get_loc(test.variable)])
    places = np.linspace(low, high, 401)
    bend = _BENDS[test.form]
    weights = np.column_stack([places - mean, bend(places) - bend(mean)])
    value = weights @ results.coefficients[at]
    spread = np.einsum("ij,jk,ik->i", weights, results.covariance[np.ix_(at, at)], weights)
    half = float(stdtrit(test.df_t, (1 + test.level) / 2)) * np.sqrt(np.maximum(spread, 0.0))
    return np.array([places, value, value - half, value + half])


# --- checks -------------------------------------------------------------------------------------------------


def _refuse_other(results: object, kind: type, maker: str, purpose: str) -> None:
    if not isinstance(results, kind):
        raise InputTypeError(
            f"{purpose}: takes what {maker} returns, not {type(results).__name__}.",
            [Notice("models", f"no {kind.__name__}", {"type": type(results).__name__})],
        )


def _check_digits(digits: Any) -> int:
    whole = isinstance(digits, numbers.Integral) and str(digits).isdigit()
    if not whole or int(digits) > 15:
        raise OptionError(
            f"digits={digits!r} must be a whole number from 0 to 15.",
            [Notice("option", "digits", {"option": "digits", "value": digits})],
        )
    return int(digits)
