"""Figures of results. Each function draws on one matplotlib Axes and returns it.

The functions do not show the figure, and do not change settings of matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from digiprosper.checks import check_level, check_option, check_whole, models_problem
from digiprosper.composite import figures as composite
from digiprosper.composite.ranking_results import IndexSensitivity, RankResults
from digiprosper.errors import InputTypeError
from digiprosper.linear.figures import drawn_density, slope_curve
from digiprosper.linear.results import LinearResults
from digiprosper.mediation import figures as mediation
from digiprosper.mediation.results import MediationResults
from digiprosper.mediation.sensitivity import MediationSensitivity
from digiprosper.policy import figures as policy
from digiprosper.policy.honest import HonestIntervals
from digiprosper.policy.matching_results import Matching
from digiprosper.present import curve_plots, entity_plots, estimate_plots
from digiprosper.present.columns import (
    all_terms,
    matching_terms,
    merged_labels,
)
from digiprosper.present.estimate_plots import coefficients
from digiprosper.present.figure import checked_axes, drawing_on
from digiprosper.present.figure_style import figure_language, figure_style, say
from digiprosper.present.path_plots import draw_paths, draw_pathways
from digiprosper.report.collection import merged
from digiprosper.report.columns import result_column
from digiprosper.report.drawings import Wording
from digiprosper.report.labels import check_labels
from digiprosper.report.tests import TestResult
from digiprosper.spatial import figures as spatial
from digiprosper.spatial.words import WORDS as SPATIAL_WORDS
from digiprosper.studies import figures as studies
from digiprosper.studies.search_test import SearchTest
from digiprosper.threshold import figures as threshold_figures
from digiprosper.threshold.results import ThresholdResults
from digiprosper.u_shape import figures as u_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from digiprosper.panel import Panel
    from digiprosper.pathways.results import MechanismReport
    from digiprosper.policy.honest import EventTimeResults
    from digiprosper.report.collection import ResultSet
    from digiprosper.spatial.results import SpatialResults
    from digiprosper.spatial.weights import SpatialWeights

__all__ = [
    "balance",
    "coefficients",
    "conditional_effect",
    "data",
    "decay",
    "effect_plot",
    "event_study",
    "figure_style",
    "honest",
    "impacts",
    "index_sensitivity",
    "kernel_ridge",
    "lr_profile",
    "marginal_effect",
    "mediation_path",
    "moran_scatter",
    "pathways",
    "placebo",
    "rank_ribbon",
    "regime_map",
    "sensitivity_curve",
    "specification_curve",
    "u_shape",
]
_MEDIATION, _REGRESSION = "Mediation(...).fit", "FixedEffects(...).fit"
_U_TEST = ("variable", "interval", "fieller", "at")


def mediation_path(
    results: MediationResults,
    mediator: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    digits: int = 3,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the paths from treatment through mediators to outcome.

    Each path has its coefficient. Each arrow has the coefficient of its equation, stars
    for its p-value (.1, .05, .01), and its standard error in parentheses. If effects do
    not vary, the total effect c is shown below the direct effect c'. Below the diagram
    are the effects with percentile intervals, and the types of standard errors, draws
    and sample.

    Parameters
    ----------
    results : MediationResults
        Results of ``Mediation(...).fit``.
    mediator : str, optional
        Draw only this mediator, given the others. Not possible with a serial structure.
        The default is all mediators.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    digits : int
        Number of decimals, 3 by default. A number that would be rounded to 0 has this
        many significant digits.
    level : float
        Confidence level of the percentile intervals, .95 by default.
    ax : Axes, optional
        Axes to draw on. The default is a new figure with a size that fits the boxes. On
        given Axes the font size is reduced if necessary.

    Returns
    -------
    Axes
        Axes whose unit is one inch. Parallel mediators are in a column. Serial
        mediators are in a row, with paths ``d`` (such as ``d₂₁`` from the first to the
        second). Arrows from a moderator point to the paths that depend on it. The
        slopes of these paths are those at w = 0, and ``× w`` below them is the change
        per unit of w; ``x²`` is used in the same way. With a threshold each arrow has
        the slopes of both regimes.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If the mediator is not in the model or the structure is serial, if `digits` is
        not an integer from 0 to 15, or if `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    At most 20 effects are listed; the others are in `results.tidy()`.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = mediation_path(
    ...     results, labels={"pc": "capital", "emp": "jobs", "gsp": "output"}
    ... )
    >>> [text.get_text() for text in ax.texts][:4]
    ['log(capital)', 'log(output)', "c' = 0.164* (0.086)", 'total c = 0.664*** (0.066)']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.mediation_path"
    wording = _model_wording(results, MediationResults, _MEDIATION, labels, purpose)
    decimals, level = check_whole("digits", digits, 0, 15), check_level(level)
    chosen = mediation.chosen_mediators(results, mediator)
    drawn = mediation.path_diagram(results, chosen, wording, level)
    return draw_paths(drawn, decimals, checked_axes(ax, purpose))


def balance(
    matching: Matching,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw standardised differences before and after matching (love plot).

    They are differences between treated and controls.

    Parameters
    ----------
    matching : Matching
        Results of ``match_entities``.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        One row per term with absolute standardised differences of base values, with the
        largest difference before matching on top. Empty markers are before matching,
        filled markers after it. A dashed line at .1 marks the usual limit for balance.

    Raises
    ------
    InputTypeError
        If `matching` has another type, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The limit of .1 is that of Austin (2009, Statistics in Medicine 28:3083).

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> rng = np.random.default_rng(4)
    >>> df = pd.DataFrame({"city": np.arange(120), "size": rng.normal(size=120)})
    >>> df["policy"] = (rng.uniform(size=120) < 0.15 + 0.3 * (df["size"] > 0)).astype(
    ...     int
    ... )
    >>> matching = dp.match_entities(dp.Panel(df, "city"), "policy", ["size"])
    >>> ax = balance(matching, labels={"size": "City size"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['City size']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.balance"
    wording = _model_wording(matching, Matching, "match_entities", labels, purpose)
    return estimate_plots.draw_balance(
        policy.balance(matching, wording), checked_axes(ax, purpose)
    )


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
        Results of ``Mediation(...).fit``.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    level : float
        Confidence level of the percentile intervals, .95 by default.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Effects with intervals, one per row, and a line at zero. Terms in other units
        are not shown: the proportion mediated and the index of moderated mediation.
        With one mediator its indirect effect is shown once. The type of the draws is
        stated below the axis.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> ax = effect_plot(
    ...     spec.fit(dp.datasets.us_states(), rng=1), labels={"emp": "jobs"}
    ... )
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Total effect', 'Direct effect', 'Indirect through log(jobs)']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.effect_plot"
    wording = _model_wording(results, MediationResults, _MEDIATION, labels, purpose)
    drawn = mediation.effects(results, wording, check_level(level))
    return estimate_plots.draw_effects(drawn, checked_axes(ax, purpose))


def event_study(
    results: EventTimeResults
    | Sequence[EventTimeResults]
    | Mapping[str, EventTimeResults],
    *,
    counts: bool = False,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw the estimates of an event study over event time.

    Parameters
    ----------
    results : EventStudyResults or StaggeredDidResults, list or mapping
        Results of `EventStudy` or `StaggeredDid`. Several results are drawn next to
        each other with different markers; the keys of a mapping are in the legend.
    counts : bool
        Whether to show the number of treated entities at each event time below the
        axis. The default is False.
    labels : mapping, optional
        Labels of terms, columns or models. They replace those of the results.
    level : float
        Confidence level, .95 by default: of the interval at each single event time, and
        of the joint band.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Estimates with intervals, those of `StaggeredDid` also with thin lines of a
        joint band, which covers all event times at once; an empty marker at the
        reference, a line at zero, and a dashed line between event times -1 and 0.
        Binned ends have labels such as ``≤ −5`` and ``≥ 5``; they are in the legend if
        another result has an estimate of this single event time. A warning names
        results that compare the times before treatment with different periods.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If `counts` is not True or False, or `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> df = pd.DataFrame(
    ...     {
    ...         "city": np.repeat(np.arange(60), 9),
    ...         "year": np.tile(np.arange(2010, 2019), 60),
    ...     }
    ... )
    >>> df["first"] = np.where(df["city"] < 25, 2014.0, np.nan)
    >>> df["y"] = 2.0 * (df["year"] >= df["first"]) + np.random.default_rng(1).normal(
    ...     size=540
    ... )
    >>> fit = dp.EventStudy("y", "first", before=3, after=3).fit(
    ...     dp.Panel(df, "city", "year")
    ... )
    >>> ax = event_study(fit)
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['≤ −3', '−2', '−1', '0', '1', '2', '≥ 3']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.event_study"
    check_option("counts", counts, (True, False))
    level = check_level(level)
    studies = policy.named_studies(results, purpose)
    columns = [result_column(study) for study in studies.values()]
    texts = merged_labels(columns, check_labels(labels, purpose))
    wording = Wording(texts, merged(columns, "factors"), figure_language())
    return estimate_plots.draw_event_paths(
        policy.event_paths(studies, wording, level),
        checked_axes(ax, purpose),
        counts=bool(counts),
    )


def honest(
    intervals: HonestIntervals,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the intervals of an effect by the bound on how trends may differ.

    Parameters
    ----------
    intervals : HonestIntervals
        What ``honest`` of the results of `EventStudy` or `StaggeredDid` returns.
    labels : mapping, optional
        Labels of the outcome. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The usual interval, then one for each bound M, and a line at zero. The legend
        says from which M on the interval contains 0.

    Raises
    ------
    InputTypeError
        If `intervals` has another type, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> frame = pd.DataFrame(
    ...     {"city": np.repeat(range(60), 6), "year": np.tile(range(2010, 2016), 60)}
    ... )
    >>> frame["first"] = np.where(frame["city"] % 2 == 0, 2013.0, np.nan)
    >>> frame["y"] = 2.0 * (frame["year"] >= frame["first"]) + np.random.default_rng(
    ...     1
    ... ).normal(size=360)
    >>> fit = dp.EventStudy("y", "first", before=3, after=2).fit(
    ...     dp.Panel(frame, "city", "year")
    ... )
    >>> ax = honest(fit.honest())
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['usual', '0.5', '1', '1.5', '2']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.honest"
    maker = "honest of an event study"
    wording = _model_wording(intervals, HonestIntervals, maker, labels, purpose)
    return estimate_plots.draw_honest(
        policy.honest_plot(intervals, wording), checked_axes(ax, purpose)
    )


def moran_scatter(
    panel: Panel,
    column: str,
    spatial_weights: SpatialWeights,
    *,
    time: Any = None,
    names: bool = True,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the spatial lag of a column against the column in one period (Anselin 1996).

    Parameters
    ----------
    panel : Panel
        The data. The panel must be balanced.
    column : str
        Column or term, such as ``"log(gdp)"``.
    spatial_weights : SpatialWeights
        Spatial weights. They must contain all entities of the panel.
    time : period, optional
        Period of the values. The default is the last one.
    names : bool
        Whether to show the names of entities, if there are at most 60; with more there
        are no names. The default is True. A name that would overlap another is not
        shown; these are listed or counted below the axis.
    labels : mapping, optional
        Labels of terms, columns or entities. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Points with standardised values, lines at the means, the number of entities in
        each quadrant (own value first, then that of the neighbours), and a regression
        line. Its slope is Moran's I if the weights are row-standardised and there are
        no islands. The title has I and its p-value from z with the variance under
        randomisation; `moran` also has that of permutations.

    Raises
    ------
    InputTypeError, ColumnError, TermError, AlignmentError
        As in `moran`.
    MissingDataError, IdentificationError
        As in `moran`.
    OptionError
        If `time` is not a period of the panel, or `names` is not True or False.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The figure is that of Anselin (1996), The Moran scatterplot as an ESDA tool to
    assess local instability in spatial association, in Fischer, M., Scholten, H. and
    Unwin, D. (eds.), Spatial analytical perspectives on GIS.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> borders = dp.SpatialWeights.from_neighbours(
    ...     dp.datasets.us_neighbours(), name="Borders"
    ... )
    >>> ax = moran_scatter(dp.datasets.us_states(), "log(gsp)", borders, time=1986)
    >>> ax.get_title()
    "Moran's I in 1986: 0.186 (p = 0.034, randomisation)"
    >>> plt.close(ax.figure)
    """
    purpose = "plots.moran_scatter"
    check_option("names", names, (True, False))
    texts = check_labels(labels, purpose)
    drawn = spatial.moran_scatter(
        panel, column, spatial_weights, time, texts, figure_language()
    )
    return entity_plots.draw_moran_scatter(
        drawn, checked_axes(ax, purpose), names=bool(names)
    )


def impacts(
    results: SpatialResults
    | ResultSet
    | Sequence[SpatialResults]
    | Mapping[Any, SpatialResults],
    *,
    kinds: str | Sequence[str] = ("direct", "indirect", "total"),
    keep: str | Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw direct, indirect and total effects of spatial models with their intervals.

    Parameters
    ----------
    results : SpatialResults, ResultSet, list or mapping
        Results of ``PanelSpatial(...).fit``, one or several. The keys of a mapping are
        in the legend.
    kinds : {"direct", "indirect", "total"} or several of them
        Effects to draw. The default is all.
    keep : str or sequence of str, optional
        Regressors to draw: names, or patterns such as ``"digital*"``. The default
        is all.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    level : float
        Confidence level of the intervals, .95 by default. They are percentile intervals
        if standard errors of effects are simulated.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Effects with intervals. With one result there is one row per regressor and one
        marker per type of effect. With several results there is one row per regressor
        and type, and one marker per result. An effect that is zero by construction is a
        point without an interval. A model that was not estimated is listed in the
        legend.

    Raises
    ------
    InputTypeError
        If `results` has another type or none was estimated, or `labels` is not a
        mapping of texts.
    OptionError
        If an effect in `kinds` is unknown, or `level` is not between 0 and 1.
    ColumnError
        If `keep` matches no regressor.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    decay : an effect by the distance cutoff of the weights.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], borders)
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> ax = impacts(fit, labels={"pc": "capital", "unemp": "unemployment"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['log(capital)', 'unemployment']
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['Direct', 'Indirect', 'Total']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.impacts"
    level, chosen = check_level(level), spatial.chosen_kinds(kinds, purpose)
    fits = spatial.read_fits(results, purpose)
    names = spatial.regressors(fits)
    terms = names if keep is None else matching_terms(keep, names, "keep", purpose)

    columns = spatial.impacts(fits, terms, chosen, level, figure_language())
    texts = merged_labels(columns, check_labels(labels, purpose))
    code = "impact.of" if len(chosen) == 1 else "impact"
    words = say(
        code,
        kind=SPATIAL_WORDS.say(chosen[0], figure_language()),
        level=f"{100 * level:g}",
    )
    return estimate_plots.draw_columns(
        columns, all_terms(columns), texts, words, ax, purpose
    )


def decay(
    results: ResultSet | Mapping[Any, SpatialResults],
    term: str | None = None,
    *,
    kinds: str | Sequence[str] = "indirect",
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw a spatial effect by the distance cutoff of the spatial weights.

    Parameters
    ----------
    results : ResultSet or mapping
        Results of one specification with different weights, such as those of
        ``fit_all``. The labels are the cutoffs in kilometres, or other numbers such as
        k of the nearest neighbours; then use ``ax.set_xlabel``.
    term : str, optional
        The regressor. The default is the first of the first model.
    kinds : {"direct", "indirect", "total"} or several of them
        Effects to draw. The default is the indirect effect.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    level : float
        Confidence level of the intervals, .95 by default.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        An estimate with its interval at each cutoff, and a line at zero. The number of
        models that were not estimated or do not have the regressor is stated below the
        axis. ``results.compare(term, kind="indirect")`` gives the same numbers.

    Raises
    ------
    InputTypeError
        If `results` has another type, a label is not a positive number, or `labels` is
        not a mapping of texts.
    IdentificationError
        If no model was estimated.
    ColumnError
        If no model has the term.
    OptionError
        If an effect in `kinds` is unknown, or `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    impacts : effects of all regressors.

    Notes
    -----
    With row-standardised weights the sum of the weights of an entity does not depend on
    the cutoff. So an indirect effect can increase with the cutoff although links become
    weaker. For weights beyond a distance use the difference
    ``SpatialWeights(whole.raw - near.raw, whole.entities)``.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> rng = np.random.default_rng(2)
    >>> coordinates = pd.DataFrame(
    ...     {"lat": rng.uniform(30, 40, 40), "lon": rng.uniform(100, 110, 40)}
    ... )
    >>> keys = {"city": np.repeat(range(40), 6), "year": np.tile(range(6), 40)}
    >>> values = {"y": rng.normal(size=240), "x": rng.normal(size=240)}
    >>> panel = dp.Panel(pd.DataFrame({**keys, **values}), "city", "year")
    >>> near = {
    ...     km: dp.SpatialWeights.inverse_distance(coordinates, cutoff=km)
    ...     for km in (400, 600, 800)
    ... }
    >>> battery = {
    ...     km: dp.PanelSpatial("y", ["x"], w, time_effects=False)
    ...     for km, w in near.items()
    ... }
    >>> ax = decay(dp.fit_all(battery, panel))
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['400', '600', '800']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.decay"
    level, chosen = check_level(level), spatial.chosen_kinds(kinds, purpose)
    fits, language = spatial.read_fits(results, purpose), figure_language()
    drawn = spatial.decay(
        fits, term, chosen, check_labels(labels, purpose), level, purpose, language
    )
    return estimate_plots.draw_decay(drawn, checked_axes(ax, purpose))


def data(drawn: Axes | Figure) -> pd.DataFrame:
    """Return the numbers of a figure as a table.

    Parameters
    ----------
    drawn : Axes or Figure
        Axes that a function of this module returned, or their figure.

    Returns
    -------
    DataFrame
        The unrounded numbers of the figure. Estimates have one row each, with columns
        model, label, term, estimate, std_error, p_value, conf_low and conf_high. Curves
        have one row per point, and maps and ranks have one row per entity and period. A
        column `series` distinguishes numbers of different types, such as a density and
        its draws. If a function was called twice with the same Axes, the numbers are
        those of the last call.

    Raises
    ------
    InputTypeError
        If the Axes were not made by a function of this module, if a figure has several
        such Axes, or if they were loaded from a pickle.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(
    ...     dp.datasets.us_states()
    ... )
    >>> frame = data(dp.plots.coefficients(fit))
    >>> frame[["label", "estimate"]].round(3).values.tolist()
    [['log(Public capital (million USD))', 0.512], ['Unemployment rate (%)', -0.024]]
    >>> plt.close("all")
    """
    figure: Any = drawn
    is_figure = hasattr(figure, "get_axes") and not isinstance(figure, type)
    all_axes: list[Any] = figure.get_axes() if is_figure else [figure]
    drawings = [drawing for drawing in map(drawing_on, all_axes) if drawing is not None]
    if len(drawings) != 1:
        problem = "several figures" if drawings else "no figure of plots"
        raise InputTypeError(
            "plots.data: takes the Axes that a function of plots returned, or a "
            f"Figure with one of them; this {type(drawn).__name__} has {problem}.",
            [models_problem(problem, drawn)],
        )
    return drawings[0].data()


def conditional_effect(
    results: MediationResults,
    effect: str | None = None,
    *,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a conditional effect over the moderator.

    In a quadratic model it is drawn over the treatment.

    Parameters
    ----------
    results : MediationResults
        What ``Mediation(...).fit`` returns, with a moderator or a square.
    effect : str, optional
        ``"indirect:<m>"`` or ``"direct"``. It must be given if several effects depend
        on the variable.
    level : float
        Confidence level of the interval at each value, .95 by default.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The effect with its interval over the range of the sample. Johnson-Neyman
        regions, in which the interval does not contain 0, are shaded, and their ends
        inside the range are written above. On the lower edge there is a line at each
        percentile of the rows, and triangles at the 10, 50 and 90% quantiles.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If no effect depends on a continuous variable, if `effect` does not, if it is
        not given although several do, or if `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation(
    ...     "log(gsp)",
    ...     "log(pc)",
    ...     "log(emp)",
    ...     moderator="unemp",
    ...     moderates="a",
    ...     reps=199,
    ... )
    >>> results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = conditional_effect(
    ...     results, labels={"unemp": "Unemployment (%)", "emp": "jobs"}
    ... )
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Unemployment (%)', 'Indirect effect through log(jobs)')
    >>> plt.close(ax.figure)
    """
    purpose = "plots.conditional_effect"
    wording = _model_wording(results, MediationResults, _MEDIATION, labels, purpose)
    curve = mediation.conditional_curve(results, effect, wording, level)
    return curve_plots.draw_conditional_effect(curve, checked_axes(ax, purpose))


def marginal_effect(
    results: LinearResults,
    term: str,
    moderator: str | None = None,
    *,
    panel: Panel | None = None,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the marginal effect of a variable over the variable it depends on.

    Parameters
    ----------
    results : LinearResults
        Results of `FixedEffects` or `FixedEffectsIV` with an interaction ``"x:w"`` or a
        power ``"I(x**2)"`` of the variable.
    term : str
        The variable.
    moderator : str, optional
        Column on the horizontal axis. The default is the variable itself if it has a
        power, otherwise the first column it is interacted with. Other columns that the
        marginal effect depends on are at their means.
    panel : Panel, optional
        The fitted panel. If it is given, the distribution of the moderator in the
        estimation sample is drawn below.
    level : float
        Confidence level of the interval at each single value, .95 by default.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The marginal effect with its interval from the smallest to the largest value in
        the sample, shaded where the interval does not contain 0. For a category or a
        dummy there is a point with an interval at each value. The numbers are those of
        ``results.marginal_effect(term, at={moderator: ...})``.

    Raises
    ------
    InputTypeError
        If `results` has another type, a name is not text, `panel` is not a Panel, or
        `labels` is not a mapping of texts.
    ColumnError, TermError
        If no coefficient has the variable, its slope is constant or does not depend on
        the moderator.
    AlignmentError
        If the panel is not that of the fit.
    OptionError
        If `level` is not between 0 and 1, or a panel is given and the fit kept no rows.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    conditional_effect : an effect of a mediation over its moderator.

    Notes
    -----
    For intervals of marginal effects see Brambor, Clark & Golder (2006, Political
    Analysis 14:63-82). Hainmueller, Mummolo & Xu (2019, Political Analysis 27:163-192)
    recommend showing the distribution of the moderator.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel = dp.datasets.us_states()
    >>> fit = dp.FixedEffects(
    ...     "log(gsp)", ["log(pcap)", "unemp", "log(pcap):unemp"]
    ... ).fit(panel)
    >>> ax = marginal_effect(
    ...     fit, "log(pcap)", panel=panel, labels={"pcap": "capital", "gsp": "output"}
    ... )
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Unemployment rate (%)', 'Marginal effect of log(capital) on log(output)')
    >>> plt.close(ax.figure)
    """
    purpose = "plots.marginal_effect"
    wording = _model_wording(results, LinearResults, _REGRESSION, labels, purpose)
    curve = slope_curve(results, term, moderator, panel, wording, check_level(level))
    return curve_plots.draw_slope_curve(curve, checked_axes(ax, purpose))


def sensitivity_curve(
    results: MediationSensitivity,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw an indirect effect over the correlation of the errors.

    They are the errors of mediator and outcome.

    Parameters
    ----------
    results : MediationSensitivity
        Results of ``MediationResults.sensitivity``.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The indirect effect with its interval. Marked are rho = 0, which the fit
        assumes; the rho at which the effect is 0, with an interval; and the rho nearest
        to 0 at which the interval of the effect contains 0.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The analysis is that of Imai, Keele & Yamamoto (2010, Statistical Science 25:51).

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.Mediation("log(gsp)", "log(pc)", "log(emp)", ["unemp"], reps=199)
    >>> results = spec.fit(dp.datasets.us_states(), rng=1)
    >>> ax = sensitivity_curve(results.sensitivity(), labels={"emp": "jobs"})
    >>> ax.get_ylabel()
    'Indirect effect through log(jobs)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.sensitivity_curve"
    maker = "MediationResults.sensitivity"
    wording = _model_wording(results, MediationSensitivity, maker, labels, purpose)
    curve = mediation.sensitivity_curve(results, wording)
    return curve_plots.draw_sensitivity(curve, checked_axes(ax, purpose))


def u_shape(
    results: LinearResults,
    test: Any,
    *,
    panel: Panel | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a fitted U-shape, or a cubic, with turning points and confidence set.

    Parameters
    ----------
    results : LinearResults
        The fit that was tested.
    test : UTestResult or TwoTurnsResult
        What ``u_test`` or ``two_turns_test`` returns for it.
    panel : Panel, optional
        The fitted panel. If it is given, the distribution of x in the estimation sample
        is drawn below.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the fit.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The curve ``b1 (x - x0) + b2 (f(x) - f(x0))`` over the interval of the test,
        with pointwise intervals. x0 is the mean of x, so the curve is the difference of
        the outcome to that at the mean. If x interacts with other columns, the curve is
        that at the values of the test, which are below the axis. The Fieller set of the
        turning points is shaded.

    Raises
    ------
    InputTypeError
        If `results`, `test` or `panel` has another type, or `labels` is not a mapping
        of texts.
    AlignmentError
        If the panel is not that of the fit.
    OptionError
        If the fit does not have the terms of the test, or a panel is given and the fit
        kept no rows.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["unemp", "I(unemp**2)"]).fit(
    ...     dp.datasets.us_states()
    ... )
    >>> ax = u_shape(fit, dp.u_test(fit, "unemp"), labels={"unemp": "Unemployment (%)"})
    >>> ax.get_xlabel()
    'Unemployment (%)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.u_shape"
    wording = _model_wording(results, LinearResults, _REGRESSION, labels, purpose)
    if not all(hasattr(test, name) for name in _U_TEST):
        raise InputTypeError(
            f"{purpose}: test must be what u_test or two_turns_test returns, "
            f"not {type(test).__name__}.",
            [models_problem("no U-test", test)],
        )
    curve = u_figures.turning_curve(results, test, wording, panel)
    return curve_plots.draw_turning_curve(curve, checked_axes(ax, purpose))


def lr_profile(
    results: ThresholdResults,
    threshold: int = 1,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the likelihood ratio over all candidate thresholds.

    The confidence set has all values at which the likelihood ratio is at most the
    critical value. It can have several intervals, which are shaded. Between two
    candidates the ratio is that of the lower one (with ``rule="<"``, of the upper one),
    so an interval is shaded up to the next candidate. The critical value
    is that of `confidence` of the specification, and is stated in the legend:
    ``-2 log(1 - sqrt(level))`` [1]_, which assumes homoskedastic errors; the same
    multiplied by the variance ratio at the threshold [2]_; or quantiles of bootstrap
    draws, which differ between values. The line is interrupted around the other
    thresholds, where a regime would have too few rows or entities.

    Parameters
    ----------
    results : ThresholdResults
        Results of ``PanelThreshold(...).fit``.
    threshold : int
        Number of the threshold in the order found, 1 by default.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The Axes with the figure.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If there is no such threshold.
    ImportError
        If matplotlib is not installed.

    References
    ----------
    .. [1] Hansen, B. E. (1999). Threshold effects in non-dynamic panels. Journal of
       Econometrics 93, 345-368.
    .. [2] Hansen, B. E. (2000). Sample splitting and threshold estimation. Econometrica
       68, 575-603.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold(
    ...     "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    ... )
    >>> ax = lr_profile(spec.fit(dp.datasets.us_states()))
    >>> ax.get_xlabel()
    'Unemployment rate (%) (γ)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.lr_profile"
    wording = _threshold_wording(results, labels, purpose)
    drawn = threshold_figures.lr_profile(results, threshold, wording)
    return curve_plots.draw_profile(drawn, checked_axes(ax, purpose))


def pathways(
    report: MechanismReport,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw tested propositions side by side, in standard deviations.

    Each has the association of its cause with its outcome in common units: standard
    deviations of the outcome for one standard deviation of the cause. Beside it are the
    adjusted p-value and what identifies it. Propositions are grouped by stage: making
    the cake bigger, dividing it well, constraints, conditions and policies. Each
    verdict has its own colour, marker and line style, so it can also be read in grey.
    Intervals that are much wider than the estimates end at the axis with an arrow.
    Propositions that were not tested are listed below, with what they need. With
    several estimates the one that decides is drawn (see `MechanismReport.frame`).

    Parameters
    ----------
    report : MechanismReport
        Result of `pathways.evaluate`. The figure is in its language.
    labels : mapping, optional
        Labels of columns. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure with a size that fits the text. On
        given Axes the font size is reduced if necessary.

    Returns
    -------
    Axes
        Axes whose unit is one inch.

    Raises
    ------
    InputTypeError
        If `report` has another type, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    mediation_path : the paths of one mediation model.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> columns = {
    ...     "de": "digital",
    ...     "cp": "prosperity",
    ...     "isu": "upgrading",
    ...     "tfp": "productivity",
    ... }
    >>> chosen = [
    ...     m for m in dp.pathways.seed_catalogue() if m.id in ("P05", "P09", "P41")
    ... ]
    >>> report = dp.pathways.evaluate(
    ...     panel, chosen, columns, controls=["urban", "fiscal"], rng=1
    ... )
    >>> ax = pathways(report)
    >>> [
    ...     text.get_text()
    ...     for text in ax.texts
    ...     if text.get_text().startswith("Not tested")
    ... ]
    ['Not tested: P41 (needs survey data).']
    >>> plt.close(ax.figure)
    """
    # Imported here, because it loads all methods.
    from digiprosper.pathways.figures import pathway_figure

    purpose = "plots.pathways"
    texts = check_labels(labels, purpose)
    drawn = pathway_figure(report, texts, purpose, figure_language())
    return draw_pathways(drawn, checked_axes(ax, purpose))


def placebo(
    test: TestResult, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the distribution of placebo estimates and the actual estimate.

    Parameters
    ----------
    test : TestResult
        Result of ``placebo_test``, or of another test with draws:
        ``randomisation_test`` or ``by_group(...).difference``.
    labels : mapping, optional
        Labels of terms.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The kernel density of the draws, a short line at each draw, a vertical line at
        the statistic of the data, and the p-value.

    Raises
    ------
    InputTypeError
        If `test` is not a `TestResult` with draws, or `labels` is not a mapping of
        texts.
    IdentificationError
        If all draws are equal.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel = dp.datasets.us_states().assign(
    ...     policy=lambda f: (
    ...         f.index.get_level_values(0).isin(["IA", "OH", "TX", "UT"])
    ...         * 1.0
    ...         * (f.index.get_level_values(1) >= 1979)
    ...     )
    ... )
    >>> test = dp.placebo_test(
    ...     dp.FixedEffects("log(gsp)", ["policy", "unemp"]), panel, "policy", rng=1
    ... )
    >>> ax = placebo(test)
    >>> ax.get_xlabel()
    'Estimate of policy'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.placebo"
    if getattr(test, "draws", None) is None or not isinstance(test, TestResult):
        raise InputTypeError(
            f"{purpose}: takes what placebo_test returns, or another test with draws, "
            f"not {type(test).__name__}.",
            [models_problem("no test with draws", test)],
        )
    drawn = drawn_density(test, _wording(test, labels, purpose))
    return curve_plots.draw_drawn_density(drawn, checked_axes(ax, purpose))


def specification_curve(
    results: ResultSet | SearchTest,
    term: str | Sequence[str] | None = None,
    *,
    main: str | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw a specification curve: one coefficient in many models.

    Below it are the choices in which the models differ.

    Parameters
    ----------
    results : ResultSet or SearchTest
        Results of ``control_sets``, ``search_test``, ``fit_all`` or ``stepwise``.
    term : str or sequence of str, optional
        The coefficient, or its names in different models. The default is that of
        ``control_sets``, or the first of the first model. Not used with
        ``search_test``.
    main : str, optional
        Label of the model that is marked. The default is the model without candidates,
        the reported one of ``search_test``, or the first.
    labels : mapping, optional
        Labels of terms, columns or models. They replace those of the results. Terms
        with the same label have their names after it.
    level : float
        Confidence level of the intervals, .95 by default. An estimate is significant if
        its p-value is at most 1 - level. Results of ``search_test`` have their own.
    ax : Axes, optional
        Axes to draw on. The default is a new figure with a height that fits the
        choices.

    Returns
    -------
    Axes
        Estimates with intervals in ascending order, grey if not significant. Below them
        is one row per choice: the candidates of ``control_sets``, or the regressors,
        effects, outcomes, weights and standard errors that differ between models. Up to
        150 models have one marker each. With more, neighbouring models share a cell,
        which is darker if more of them have this choice. Up to 30 models have labels.
        A ``search_test`` has a band as well, between which the estimate of each rank is
        in draws without an effect.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `term` or `labels` is not text.
    IdentificationError
        If no model was estimated.
    TermError
        If a model has two of the names in `term`.
    ColumnError
        If no model has the term, or no drawn model has the label `main`.
    OptionError
        If `level` is not between 0 and 1.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The figure is that of Simonsohn, Simmons & Nelson (2020, Nature Human Behaviour
    4:1208-1214). The number of models that were not estimated or do not have the term
    is stated below the axis.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    >>> sets = dp.control_sets(
    ...     spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"]
    ... )
    >>> ax = specification_curve(sets)
    >>> ax.get_xlabel()
    '8 models, ordered by estimate'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.specification_curve"
    level = check_level(level)
    texts = check_labels(labels, purpose)
    language = figure_language()
    models = studies.read_models(results, purpose)
    curve = studies.specification_curve(models, term, main, texts, level, language)
    return estimate_plots.draw_specification_curve(curve, checked_axes(ax, purpose))


def regime_map(
    results: ThresholdResults,
    *,
    order: Literal["name", "first"] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the regime of each entity (row) in each period (column).

    Parameters
    ----------
    results : ThresholdResults
        Results of ``PanelThreshold(...).fit``.
    order : {"name", "first"}, optional
        Order of the entities from the top. None (default) sorts by the mean regime over
        time, the highest first; with one threshold this is the share of periods
        above it. ``"first"`` sorts by the first period in the highest regime, then in
        the next one. ``"name"`` sorts by the entity key.
    labels : mapping, optional
        Labels of terms or columns. They replace those of the results.
    ax : Axes, optional
        Axes to draw on. The default is a new figure with a height that fits the
        entities.

    Returns
    -------
    Axes
        Cells that are darker in higher regimes, and blank if the entity is not in the
        sample in this period. Periods that are nowhere in the sample have no column. Up
        to 60 entities have names.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    PanelIndexError
        If the data are a cross-section.
    OptionError
        If `order` has an unknown value.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold(
    ...     "log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None
    ... )
    >>> ax = regime_map(
    ...     spec.fit(dp.datasets.us_states()), labels={"unemp": "unemployment"}
    ... )
    >>> ax.get_legend().get_texts()[0].get_text()
    'unemployment ≤ 6.9 (511 rows)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.regime_map"
    wording = _threshold_wording(results, labels, purpose)
    drawn = threshold_figures.regime_map(results, order, wording)
    return entity_plots.draw_regime_map(drawn, checked_axes(ax, purpose))


def rank_ribbon(
    results: RankResults,
    entities: Sequence[Any] | None = None,
    *,
    period: Any = None,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw ranks of an index with bootstrap intervals, over time or in one period.

    Parameters
    ----------
    results : RankResults
        Results of `rank_probabilities`.
    entities : sequence, optional
        Entities to draw. The default is the six best in the last period for a figure
        over time, and all for one period.
    period : optional
        Draw only this period. The default is a figure over time, if the data have
        periods.
    level : float
        Confidence level of the intervals, .95 by default.
    labels : mapping, optional
        Labels of columns and entities. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        Over time, rank 1 is on top. In one period, rank 1 is on the left, and up to 100
        entities have names. With more entities the figure shows the difference between
        the ends of the interval and the rank; use `entities` to select those with
        names.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If an entity or the period is not in the sample, `level` is not between 0 and 1,
        or there are too few entities for intervals.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> from digiprosper import rank_probabilities
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> ranks = rank_probabilities(dp.CompositeIndex(system), states, rng=1)
    >>> ax = rank_ribbon(ranks, ["WY", "NE"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['WY', 'NE']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.rank_ribbon"
    wording = _model_wording(
        results, RankResults, "rank_probabilities", labels, purpose
    )
    table = composite.rank_table(results, entities, level)
    if (
        period is None
        and results.index.nlevels == 2
        and results.index.unique(1).size > 1
    ):
        drawn = composite.ribbons(results, table, entities, level, wording)
        return entity_plots.draw_ribbons(drawn, checked_axes(ax, purpose))
    spans = composite.drawn_spans(results, table, entities, period, level, wording)
    return entity_plots.draw_rank_spans(spans, checked_axes(ax, purpose))


def index_sensitivity(
    results: IndexSensitivity,
    *,
    show: Literal["ranks", "shares"] = "ranks",
    period: Any = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how ranks depend on the options of an index.

    It draws quantiles by entity, or shares by option.

    Parameters
    ----------
    results : IndexSensitivity
        Result of `digiprosper.index_sensitivity`.
    show : {"ranks", "shares"}
        ``"ranks"`` (default) draws a line per entity from its best to its worst rank,
        thick between the quartiles. ``"shares"`` draws a bar per option with its Sobol
        shares of the variance of the ranks.
    period : optional
        Period of the ranks. The default is the last one. For shares it can be
        ``"mean"``, the mean rank over time.
    labels : mapping, optional
        Labels of columns or options. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        The Axes with the figure.

    Raises
    ------
    InputTypeError
        If `results` has another type, or `labels` is not a mapping of texts.
    OptionError
        If `show` is unknown, or the period is not in the sample.
    IdentificationError
        If no shares can be computed.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> draw = dp.plots.index_sensitivity
    >>> states = dp.datasets.us_states().assign(
    ...     roads="I(hwy / emp)", pipes="I(water / emp)"
    ... )
    >>> spec = dp.CompositeIndex(
    ...     dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    ... )
    >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    >>> ax = draw(dp.index_sensitivity(spec, states, over=grid), show="shares")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['weighting', 'normalise']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.index_sensitivity"
    wording = _model_wording(
        results, IndexSensitivity, "index_sensitivity", labels, purpose
    )
    check_option("show", show, ("ranks", "shares"))
    if show == "shares":
        return entity_plots.draw_bars(
            composite.share_bars(results, period, wording), checked_axes(ax, purpose)
        )
    drawn = composite.combination_spans(results, period, wording)
    return entity_plots.draw_rank_spans(drawn, checked_axes(ax, purpose))


def kernel_ridge(
    data: Any,
    column: str | None = None,
    *,
    periods: Sequence[Any] | None = None,
    bandwidth: composite.Bandwidth | float = "scott",
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the kernel density of each period as a ridgeline plot.

    Parameters
    ----------
    data : Series, or Panel with a column
        Values indexed by (entity, time), such as ``index.scores``.
    column : str, optional
        Column of the panel, if `data` is a Panel.
    periods : sequence, optional
        Periods to draw, from the top. The default is all.
    bandwidth : {"scott", "silverman"} or float
        Bandwidth of the Gaussian kernel in each period: n^(-1/5) (``"scott"``, the
        default) or (3n/4)^(-1/5) (``"silverman"``) times the standard deviation. A
        number is the bandwidth in units of the values for all periods.
    labels : mapping, optional
        Labels of columns. They replace those of the panel.
    ax : Axes, optional
        Axes to draw on. The default is a new figure.

    Returns
    -------
    Axes
        One density per period, all with the same scale, with bandwidth h and number of
        values n. A density extends beyond the smallest and largest value by up to three
        bandwidths. If no value is negative, it is not drawn below zero.

    Raises
    ------
    InputTypeError
        If `data` has no periods, or the values are not numeric.
    ColumnError
        If the panel has no such column.
    OptionError
        If the bandwidth is unknown, or a period is not in the data.
    ImportError
        If matplotlib is not installed.

    Notes
    -----
    The bandwidths are those of Scott (1992) and Silverman (1986), as in
    `scipy.stats.gaussian_kde`. The number of peaks depends on the bandwidth, so the
    figure states it. A period with fewer than two different values has no density.
    Missing values are dropped.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> ax = kernel_ridge(dp.datasets.us_states(), "unemp", periods=[1970, 1986])
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['1970', '1986']
    >>> [text.get_text() for text in ax.texts]
    ['h = 0.524, n = 48', 'h = 1.02, n = 48']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.kernel_ridge"
    series, texts = composite.values_by_period(data, column)
    texts |= check_labels(labels, purpose)
    wording = Wording(texts, {}, figure_language())
    drawn = composite.ridges(series, periods, bandwidth, wording)
    return curve_plots.draw_ridges(drawn, checked_axes(ax, purpose))


def _model_wording(
    results: Any,
    kind: type,
    maker: str,
    labels: Mapping[str, str] | None,
    purpose: str,
) -> Wording:
    """Refuse other results, and return the words of a figure of these."""
    if not isinstance(results, kind):
        raise InputTypeError(
            f"{purpose}: takes what {maker} returns, not {type(results).__name__}.",
            [models_problem(f"no {kind.__name__}", results)],
        )
    return _wording(results, labels, purpose)


def _threshold_wording(
    results: object, labels: Mapping[str, str] | None, purpose: str
) -> Wording:
    if not isinstance(results, ThresholdResults):
        raise InputTypeError(
            f"{purpose}: {type(results).__name__} has no thresholds; pass what "
            "PanelThreshold.fit returns.",
            [models_problem("not a threshold model", results)],
        )
    return _wording(results.slopes, labels, purpose)


def _wording(results: Any, labels: Mapping[str, str] | None, purpose: str) -> Wording:
    """Merge the labels of results with those of the call."""
    texts = {**results.labels, **check_labels(labels, purpose)}
    return Wording(texts, getattr(results, "factors", {}), figure_language())
