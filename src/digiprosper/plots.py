"""Figures of results. Each function draws on one Axes and returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from digiprosper.composite import figures as composite
from digiprosper.composite.ranking_results import IndexSensitivity, RankResults
from digiprosper.errors import InputTypeError, check_level, check_option, check_whole, models_problem
from digiprosper.linear.figures import drawn_density
from digiprosper.linear.results import LinearResults
from digiprosper.linear.slope_figures import slope_curve
from digiprosper.mediation import figures as mediation
from digiprosper.mediation.results import MediationResults
from digiprosper.mediation.sensitivity import MediationSensitivity
from digiprosper.policy import figures as policy
from digiprosper.policy.matching_results import Matching
from digiprosper.present.balance_plots import draw_balance
from digiprosper.present.columns import all_terms, check_labels, matching, merged_labels
from digiprosper.present.curve_plots import draw_specification_curve
from digiprosper.present.decay_plots import draw_decay
from digiprosper.present.event_plots import draw_event_paths
from digiprosper.present.figure import kept_drawing
from digiprosper.present.figure_style import figure_language, figure_style, say
from digiprosper.present.index_plots import draw_bars, draw_rank_spans, draw_ribbons, draw_ridges
from digiprosper.present.mechanism_plots import (
    draw_conditional_effect,
    draw_effects,
    draw_sensitivity,
    draw_slope_curve,
    draw_turning_curve,
)
from digiprosper.present.model_plots import (
    coefficients,
    draw_columns,
    draw_drawn_density,
    draw_profile,
    draw_regime_map,
)
from digiprosper.present.path_figure import draw_paths
from digiprosper.present.pathway_figure import draw_pathways
from digiprosper.present.spatial_plots import draw_moran_scatter
from digiprosper.report.columns import result_column
from digiprosper.report.figure_data import figure_data
from digiprosper.report.tests import TestResult
from digiprosper.spatial import effect_figures
from digiprosper.spatial import figures as spatial
from digiprosper.studies import figures as studies
from digiprosper.studies.pathways.figures import pathway_figure
from digiprosper.threshold import figures as threshold_figures
from digiprosper.threshold.results import ThresholdResults
from digiprosper.u_shape import figures as u_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from digiprosper.panel import Panel
    from digiprosper.policy.figures import EffectsByEventTime
    from digiprosper.report.collection import ResultSet
    from digiprosper.report.protocol import Results
    from digiprosper.spatial.results import SpatialResults
    from digiprosper.spatial.weights import SpatialWeights
    from digiprosper.studies.pathways.results import MechanismReport

__all__ = [
    "balance",
    "coefficients",
    "conditional_effect",
    "data",
    "decay",
    "effect_plot",
    "event_study",
    "figure_style",
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

_U_TEST = ("variable", "square", "form", "interval", "fieller")


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
        If the mediator is none of the fit's or the fit is a chain, `digits` is not an integer from 0 to 15,
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
    places, level = check_whole("digits", digits, 0, 15), check_level(level)
    texts = _texts(results, labels, purpose)
    chosen = mediation.chosen_mediators(results, mediator)
    return draw_paths(
        mediation.path_diagram(results, chosen, texts, level, figure_language()), places, ax, purpose
    )


def balance(matching: Matching, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw how far treated entities and controls differ before and after matching, a love plot.

    Parameters
    ----------
    matching : Matching
        What ``match_entities`` returns.
    labels : mapping, optional
        Text by term or column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        One row per term, the largest difference before matching on top: absolute standardised differences of
        base values (empty markers before matching, full ones after it) and a dashed line at .1, up to which
        groups count as alike. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `matching` is something else, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Austin (2009), Statistics in Medicine 28:3083, on the limit of .1.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> rng = np.random.default_rng(4)
    >>> df = pd.DataFrame({"city": np.arange(120), "size": rng.normal(size=120)})
    >>> df["policy"] = (rng.uniform(size=120) < 0.15 + 0.3 * (df["size"] > 0)).astype(int)
    >>> matching = dp.match_entities(dp.Panel(df, "city"), "policy", ["size"])
    >>> ax = balance(matching, labels={"size": "City size"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['City size']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.balance"
    _refuse_other(matching, Matching, "match_entities", purpose)
    texts = {**matching.labels, **check_labels(labels, purpose)}
    return draw_balance(policy.balance(matching, texts), ax, purpose)


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
    purpose = "plots.effect_plot"
    _refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    level = check_level(level)
    drawn = mediation.effects(results, _texts(results, labels, purpose), level, figure_language())
    return draw_effects(drawn, ax, purpose)


def event_study(
    results: EffectsByEventTime | Sequence[EffectsByEventTime] | Mapping[str, EffectsByEventTime],
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
        What `fit` of an `EventStudy` or `StaggeredDid` returns. Several stand beside each other, each with
        its own marker; the keys of a mapping are in the legend.
    counts : bool
        Whether the number of treated entities that reach each event time stands under the axis.
    labels : mapping, optional
        Text by term, column or model; wins over the labels that came with the results.
    level : float
        Of the intervals, which hold at each event time by itself.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Vertical intervals, an empty marker at the reference, a line at zero and a dashed one between event
        times -1 and 0. Ends that are binned are written ``≤ −5`` and ``≥ 5``, in the legend where another
        result has an estimate at that one event time. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If `counts` is not True or False, or `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> df = pd.DataFrame({"city": np.repeat(np.arange(60), 9), "year": np.tile(np.arange(2010, 2019), 60)})
    >>> df["first"] = np.where(df["city"] < 25, 2014.0, np.nan)
    >>> df["y"] = 2.0 * (df["year"] >= df["first"]) + np.random.default_rng(1).normal(size=540)
    >>> fit = dp.EventStudy("y", "first", before=3, after=3).fit(dp.Panel(df, "city", "year"))
    >>> ax = event_study(fit)
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['≤ −3', '−2', '−1', '0', '1', '2', '≥ 3']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.event_study"
    check_option("counts", counts, (True, False))
    level = check_level(level)
    studies = policy.named_studies(results, purpose)
    columns = [result_column(one) for one in studies.values()]
    texts = merged_labels(columns, check_labels(labels, purpose))
    return draw_event_paths(policy.event_paths(studies, texts, level), ax, purpose, counts=bool(counts))


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
        Balanced.
    column : str
        Column or term, such as ``"log(gdp)"``.
    spatial_weights : SpatialWeights
        Of entities that include those of the panel.
    time : period, optional
        Which; the last by default.
    names : bool
        Whether entities are named, where there are at most 60. A name that would lie on another is left out,
        the nearest to the means first.
    labels : mapping, optional
        Text by term or column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Values with mean zero and mean square one, a cross at the means, the number of entities in each
        quadrant (own value first, then that of the neighbours) and the line through the origin, whose slope
        is Moran's I where rows of the weights sum to one. The title has I with its p-value under
        randomisation. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError, ColumnError, TermError, AlignmentError
        As in `moran`.
    MissingDataError, IdentificationError
        As in `moran`.
    OptionError
        If `time` is no period of the panel, or `names` is not True or False.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Anselin, L. (1996), The Moran scatterplot as an ESDA tool to assess local instability in spatial
    association, in Fischer, M., Scholten, H. and Unwin, D. (eds.), Spatial analytical perspectives on GIS.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours(), name="Borders")
    >>> ax = moran_scatter(dp.datasets.us_states(), "log(gsp)", borders, time=1986)
    >>> ax.get_title()
    "Moran's I in 1986: 0.186 (p = 0.034)"
    >>> plt.close(ax.figure)
    """
    purpose = "plots.moran_scatter"
    check_option("names", names, (True, False))
    texts = check_labels(labels, purpose)
    drawn = spatial.moran_scatter(panel, column, spatial_weights, time, texts, figure_language())
    return draw_moran_scatter(drawn, ax, purpose, names=bool(names))


def impacts(
    results: SpatialResults | ResultSet | Sequence[SpatialResults] | Mapping[Any, SpatialResults],
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
        What ``PanelSpatial(...).fit`` returns, or several; the keys of a mapping are in the legend.
    kinds : {"direct", "indirect", "total"} or several of them
        Which effects; all by default.
    keep : str or sequence of str, optional
        Regressors to draw: exact, or patterns such as ``"digital*"``. All by default.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    level : float
        Of the intervals; percentile intervals where errors of effects are simulated.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Of one fit each regressor has a line and each kind of effect a marker; of several each regressor and
        kind has a line, and each fit a marker. An effect that the model sets to zero is a point without an
        interval. A model that was not estimated is named in the legend. Nothing is shown and no setting is
        changed.

    Raises
    ------
    InputTypeError
        If `results` is something else or none was estimated, or `labels` is not a mapping of texts.
    OptionError
        If a kind is none of the words, or `level` is not between 0 and 1.
    ColumnError
        If `keep` matches no regressor.
    ImportError
        If matplotlib is missing; the message has the pip command.

    See Also
    --------
    decay : one effect over the cut-off of the distance.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> borders = dp.SpatialWeights.from_neighbours(dp.datasets.us_neighbours())
    >>> spec = dp.PanelSpatial("log(gsp)", ["log(pc)", "unemp"], borders, bias_correction="lee_yu")
    >>> fit = spec.fit(dp.datasets.us_states())
    >>> ax = impacts(fit, labels={"pc": "capital", "unemp": "unemployment"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['log(capital)', 'unemployment']
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['Direct', 'Indirect', 'Total']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.impacts"
    level, chosen = check_level(level), effect_figures.chosen_kinds(kinds, purpose)
    fits = effect_figures.read_fits(results, purpose)
    names = effect_figures.regressors(fits)
    terms = names if keep is None else matching(keep, names, "keep", purpose)

    columns = effect_figures.impacts(fits, terms, chosen, level, figure_language())
    texts = merged_labels(columns, check_labels(labels, purpose))
    code = "impact.of" if len(chosen) == 1 else "impact"
    words = say(code, kind=effect_figures.kind_words(chosen[0], figure_language()), level=f"{100 * level:g}")
    return draw_columns(columns, all_terms(columns), texts, words, ax, purpose)


def decay(
    results: ResultSet | Mapping[Any, SpatialResults],
    term: str | None = None,
    *,
    kinds: str | Sequence[str] = "indirect",
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw a spatial effect over the distance up to which entities count as neighbours.

    Parameters
    ----------
    results : ResultSet or mapping
        Fits of one specification with different weights, labelled by the cut-off in kilometres, as
        ``fit_all`` gives them. Other numbers, such as k of the nearest neighbours, are drawn as well: name
        them by ``ax.set_xlabel``.
    term : str, optional
        The regressor; default the first of the first model.
    kinds : {"direct", "indirect", "total"} or several of them
        Which effects.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    level : float
        Confidence level of the intervals, .95 by default.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        An estimate and a vertical interval at each cut-off, a line at zero. Models that were not estimated or
        do not have the regressor are counted under the axis. Nothing is shown and no setting is changed. The
        numbers are those of ``results.compare(term, kind="indirect")``.

    Raises
    ------
    InputTypeError
        If `results` is something else, a label is no positive number, or `labels` is not a mapping of texts.
    IdentificationError
        If no model was estimated.
    ColumnError
        If no model has the term.
    OptionError
        If a kind is none of the words, or `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    See Also
    --------
    impacts : effects of all regressors.

    Notes
    -----
    With row-standardised weights a longer cut-off spreads the same weight over more neighbours, so that an
    indirect effect may rise with it although links weaken. Weights of entities beyond a distance are a
    difference: ``SpatialWeights(whole.raw - near.raw, whole.entities)``.

    Examples
    --------
    >>> import numpy as np, pandas as pd, digiprosper as dp, matplotlib.pyplot as plt
    >>> rng = np.random.default_rng(2)
    >>> places = pd.DataFrame({"lat": rng.uniform(30, 40, 40), "lon": rng.uniform(100, 110, 40)})
    >>> keys = {"city": np.repeat(range(40), 6), "year": np.tile(range(6), 40)}
    >>> values = {"y": rng.normal(size=240), "x": rng.normal(size=240)}
    >>> panel = dp.Panel(pd.DataFrame({**keys, **values}), "city", "year")
    >>> near = {km: dp.SpatialWeights.inverse_distance(places, cutoff=km) for km in (400, 600, 800)}
    >>> battery = {km: dp.PanelSpatial("y", ["x"], weights) for km, weights in near.items()}
    >>> ax = decay(dp.fit_all(battery, panel))
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['400', '600', '800']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.decay"
    level, chosen = check_level(level), effect_figures.chosen_kinds(kinds, purpose)
    fits, language = effect_figures.read_fits(results, purpose), figure_language()
    drawn = effect_figures.decay(fits, term, chosen, check_labels(labels, purpose), level, purpose, language)
    return draw_decay(drawn, ax, purpose)


def data(drawn: Axes | Figure) -> pd.DataFrame:
    """Give the numbers of a figure, to draw it again with another tool or to put them into a file.

    Parameters
    ----------
    drawn : Axes or Figure
        What a function of this module returned, or its figure.

    Returns
    -------
    DataFrame
        Numbered rows: of estimates one row each (model, label, term, estimate, std_error, p_value, conf_low,
        conf_high), of curves one row a point, of maps and ranks one row per entity and period. What is of
        several kinds, such as a density and its draws, has a column `series`. Numbers are those drawn,
        unrounded; of axes drawn on twice, those drawn last.

    Raises
    ------
    InputTypeError
        If nothing of this module is drawn there, or on several axes of a figure; or the axes were restored
        from a pickle, which keeps no numbers.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp"]).fit(dp.datasets.us_states())
    >>> frame = data(dp.plots.coefficients(fit))
    >>> frame[["label", "estimate"]].round(3).values.tolist()
    [['log(Public capital (million USD))', 0.512], ['Unemployment rate (%)', -0.024]]
    >>> plt.close("all")
    """
    given: Any = drawn
    is_figure = hasattr(given, "get_axes") and not isinstance(given, type)
    places: list[Any] = given.get_axes() if is_figure else [given]
    found = [one for one in map(kept_drawing, places) if one is not None]
    if len(found) != 1:
        what = "several figures" if found else "no figure of plots"
        raise InputTypeError(
            "plots.data: takes the Axes that a function of plots returned, or a Figure with one of them; "
            f"this {type(drawn).__name__} has {what}.",
            [models_problem(what, drawn)],
        )
    return figure_data(found[0])


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
        excludes 0, are shaded, and their ends inside the range written above. On the lower edge each
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
    _refuse_other(results, MediationResults, "Mediation(...).fit", purpose)
    texts = _texts(results, labels, purpose)
    curve = mediation.conditional_curve(results, effect, texts, level, figure_language())
    return draw_conditional_effect(curve, ax, purpose)


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
    """Draw the slope of the outcome in a variable over what the slope depends on.

    Parameters
    ----------
    results : LinearResults
        What `fit` of `FixedEffects` or `FixedEffectsIV` returns, with a product ``"x:w"`` or a power
        ``"I(x**2)"`` of the variable.
    term : str
        The variable.
    moderator : str, optional
        The column that the slope is drawn over. Default the variable itself where it has a power, or else the
        first column it is multiplied with. Other columns that the slope depends on are at their means.
    panel : Panel, optional
        The panel that was fitted. With it the distribution of the moderator in the estimation sample stands
        below the slope.
    level : float
        Of the interval, which holds at each value by itself.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        A line with its t band from the smallest to the largest value in the sample, shaded where the interval
        excludes 0; of a category or a dummy a point and an interval at each value. Nothing is shown and no
        setting is changed. The numbers are those of ``results.marginal_effect(term, at={moderator: ...})``.

    Raises
    ------
    InputTypeError
        If `results` is something else, a name is not text, `panel` no panel, or `labels` is not a mapping of
        texts.
    ColumnError, TermError
        If no coefficient has the variable, its slope is constant or does not depend on the moderator.
    AlignmentError
        If the panel is not that of the fit.
    OptionError
        If `level` is not between 0 and 1, or a panel is given and the fit kept no rows.
    ImportError
        If matplotlib is missing; the message has the pip command.

    See Also
    --------
    conditional_effect : an effect of a mediation over its moderator.

    Notes
    -----
    Brambor, Clark & Golder (2006), Political Analysis 14, 63-82, on the interval of a slope with a product;
    Hainmueller, Mummolo & Xu (2019), Political Analysis 27, 163-192, on why the distribution of the moderator
    belongs beside it.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel = dp.datasets.us_states()
    >>> fit = dp.FixedEffects("log(gsp)", ["log(pcap)", "unemp", "log(pcap):unemp"]).fit(panel)
    >>> ax = marginal_effect(fit, "log(pcap)", panel=panel, labels={"pcap": "capital", "gsp": "output"})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('Unemployment rate (%)', 'Marginal effect of log(capital) on log(output)')
    >>> plt.close(ax.figure)
    """
    purpose = "plots.marginal_effect"
    _refuse_other(results, LinearResults, "FixedEffects(...).fit", purpose)
    texts = _texts(results, labels, purpose)
    curve = slope_curve(results, term, moderator, panel, texts, check_level(level))
    return draw_slope_curve(curve, ax, purpose)


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
    _refuse_other(results, MediationSensitivity, "MediationResults.sensitivity", purpose)
    texts = {**results.labels, **check_labels(labels, purpose)}
    return draw_sensitivity(mediation.sensitivity_curve(results, texts, figure_language()), ax, purpose)


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
    if not all(hasattr(test, name) for name in _U_TEST):
        raise InputTypeError(
            f"{purpose}: test must be what u_test returns, not {type(test).__name__}.",
            [models_problem("no U-test", test)],
        )
    curve = u_figures.turning_curve(results, test, _texts(results, labels, purpose))
    return draw_turning_curve(curve, ax, purpose)


def lr_profile(
    results: ThresholdResults,
    threshold: int = 1,
    *,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the likelihood ratio over every candidate threshold.

    The values where the line is under the critical value are the confidence set. It need not be one interval;
    each of its intervals is shaded by itself. The critical value is that of the specification's `confidence`:
    ``-2 log(1 - sqrt(level))`` [1]_, which takes errors as homoskedastic, the same scaled by the ratio of
    variances at the threshold [2]_, or quantiles of bootstrap draws, which differ from one value to the next.
    The legend says which.

    Parameters
    ----------
    results : ThresholdResults
        What ``PanelThreshold(...).fit`` returns.
    threshold : int
        Which threshold, from 1 in the order found.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is not a threshold model's, or `labels` is not a mapping of texts.
    OptionError
        If there is no such threshold.
    ImportError
        If matplotlib is missing; the message has the pip command.

    References
    ----------
    .. [1] Hansen, B. E. (1999). Threshold effects in non-dynamic panels. Journal of Econometrics 93, 345-368.
    .. [2] Hansen, B. E. (2000). Sample splitting and threshold estimation. Econometrica 68, 575-603.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None)
    >>> ax = lr_profile(spec.fit(dp.datasets.us_states()))
    >>> ax.get_xlabel()
    'Unemployment rate (%) (γ)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.lr_profile"
    _refuse_without_thresholds(results, purpose)
    texts = _texts(results.slopes, labels, purpose)
    drawn = threshold_figures.lr_profile(results, threshold, texts, figure_language())
    return draw_profile(drawn, ax, purpose)


def pathways(
    report: MechanismReport, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the way from the digital economy to common prosperity, each proposition with its verdict.

    Propositions stand in stages: making the cake bigger, dividing it well, constraints, conditions and
    policies. Each that was tested has a line with its estimate; a verdict has a colour, a marker and a line
    of its own, so that it is readable in grey. What was not tested is listed by its id. Propositions of your
    own, without the roles ``de`` and ``cp``, have their own cause and outcome at the ends.

    Parameters
    ----------
    report : MechanismReport
        What `pathways.evaluate` returns; words are in its language.
    labels : mapping, optional
        Text by column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure as large as its texts need. On given Axes the type shrinks with
        the room there is.

    Returns
    -------
    Axes
        One unit is one inch of the figure.

    Raises
    ------
    InputTypeError
        If `report` is something else, or `labels` is not a mapping of texts.
    ImportError
        If matplotlib is missing; the message has the pip command.

    See Also
    --------
    mediation_path : the paths of one mediation model.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel, truth = dp.datasets.simulate_provinces()
    >>> columns = {"de": "digital", "cp": "prosperity", "isu": "upgrading", "tfp": "productivity"}
    >>> chosen = [m for m in dp.pathways.seed_catalogue() if m.id in ("P05", "P09", "P41")]
    >>> report = dp.pathways.evaluate(panel, chosen, columns, controls=["urban", "fiscal"], rng=1)
    >>> ax = pathways(report)
    >>> [text.get_text() for text in ax.texts if text.get_text().startswith("Not tested")]
    ['Not tested: P41']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.pathways"
    texts = check_labels(labels, purpose)
    return draw_pathways(pathway_figure(report, texts, purpose, figure_language()), ax, purpose)


def placebo(test: TestResult, *, labels: Mapping[str, str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the estimates of placebo treatments, and the real one.

    Parameters
    ----------
    test : TestResult
        What ``placebo_test`` returns, or another test with draws: ``by_group(...).difference``,
        ``randomisation_test``.
    labels : mapping, optional
        Text by term.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        The kernel density of the draws, each draw as a stroke on the lower edge, the statistic of the data as
        a vertical line, and the p-value in the corner. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `test` is no `TestResult` with draws, or `labels` is not a mapping of texts.
    IdentificationError
        If fewer than two draws differ.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> panel = dp.datasets.us_states().assign(
    ...     policy=lambda f: (f.index.get_level_values(0).isin(["IA", "OH", "TX", "UT"]) * 1.0
    ...                       * (f.index.get_level_values(1) >= 1979)))
    >>> test = dp.placebo_test(dp.FixedEffects("log(gsp)", ["policy", "unemp"]), panel, "policy", rng=1)
    >>> ax = placebo(test)
    >>> ax.get_xlabel()
    'Estimate of policy'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.placebo"
    if getattr(test, "draws", None) is None or not isinstance(test, TestResult):
        raise InputTypeError(
            f"{purpose}: takes what placebo_test returns, or another test with draws, not "
            f"{type(test).__name__}.",
            [models_problem("no test with draws", test)],
        )
    texts = check_labels(labels, purpose)
    return draw_drawn_density(drawn_density(test, texts, figure_language()), ax, purpose)


def specification_curve(
    results: ResultSet,
    term: str | Sequence[str] | None = None,
    *,
    main: str | None = None,
    labels: Mapping[str, str] | None = None,
    level: float = 0.95,
    ax: Axes | None = None,
) -> Axes:
    """Draw one coefficient in many models, ordered by estimate, and the choices in which the models differ.

    Parameters
    ----------
    results : ResultSet
        What ``control_sets``, ``fit_all`` or ``stepwise`` returns.
    term : str or sequence of str, optional
        The coefficient, or the names that it has in different models. Default that of ``control_sets``, or
        the first of the first model.
    main : str, optional
        Label of the model that is marked. Default that without candidates, or the first.
    labels : mapping, optional
        Text by term, column or label of a model; wins over the labels that came with the results. Terms that
        share a label have their names behind it.
    level : float
        Of the intervals, and of what counts as significant.
    ax : Axes, optional
        Where to draw; default a new figure as high as its choices need.

    Returns
    -------
    Axes
        Estimates with their intervals, grey where not significant. Below, a row a choice: the candidates of
        ``control_sets``; otherwise the regressors, effects, outcomes, weights and standard errors that some
        models have and others do not. Up to 150 models have a mark each. With more, neighbouring models share
        a cell, and the darker a cell of a row, the more of them made that choice. Up to 30 models are named.
        Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `term` or `labels` no text.
    IdentificationError
        If no model was estimated.
    TermError
        If a model has two of the names.
    ColumnError
        If no model has the term, or none of them is labelled `main`.
    OptionError
        If `level` is not between 0 and 1.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Simonsohn, Simmons & Nelson (2020), Nature Human Behaviour 4, 1208-1214. Models that are not estimated,
    or do not have the term, are counted under the axis.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.FixedEffects("log(gsp)", ["log(pcap)"])
    >>> found = dp.control_sets(spec, dp.datasets.us_states(), ["log(pc)", "log(emp)", "unemp"])
    >>> ax = specification_curve(found)
    >>> ax.get_xlabel()
    '8 models, ordered by estimate'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.specification_curve"
    level = check_level(level)
    models = studies.read_models(results, purpose)
    texts = check_labels(labels, purpose)
    curve = studies.specification_curve(models, term, main, texts, level, figure_language())
    return draw_specification_curve(curve, ax, purpose)


def regime_map(
    results: ThresholdResults,
    *,
    order: Literal["name", "first"] | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which entity was in which regime when: one row per entity, one column per period.

    Parameters
    ----------
    results : ThresholdResults
        What ``PanelThreshold(...).fit`` returns.
    order : {"name", "first"}, optional
        Which entities stand on top. None: those whose mean regime over their periods is highest, which with
        one threshold is the share of time spent above it. ``"first"``: those that were earliest in the
        highest regime, then earliest in the next one, and so on. ``"name"``: by the entity key, as in the
        sample. Ties of the others stand as in the sample too.
    labels : mapping, optional
        Text by term or column; wins over the labels that came with the results.
    ax : Axes, optional
        Where to draw; default a new figure as high as its entities need.

    Returns
    -------
    Axes
        Darker is higher. Periods in which an entity is not in the sample are blank; periods that are
        nowhere in the sample have no column. Up to 60 entities are named. Nothing is shown and no setting is
        changed.

    Raises
    ------
    InputTypeError
        If `results` is not a threshold model's, or `labels` is not a mapping of texts.
    PanelIndexError
        In a cross-section.
    OptionError
        If `order` is not one of the words.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> spec = dp.PanelThreshold("log(gsp)", "log(pcap)", "unemp", ["log(pc)"], bootstrap=None)
    >>> ax = regime_map(spec.fit(dp.datasets.us_states()), labels={"unemp": "unemployment"})
    >>> ax.get_legend().get_texts()[0].get_text()
    'unemployment <= 6.9 (511 rows)'
    >>> plt.close(ax.figure)
    """
    purpose = "plots.regime_map"
    _refuse_without_thresholds(results, purpose)
    texts = _texts(results.slopes, labels, purpose)
    drawn = threshold_figures.regime_map(results, order, texts, figure_language())
    return draw_regime_map(drawn, ax, purpose)


def rank_ribbon(
    results: RankResults,
    entities: Sequence[Any] | None = None,
    *,
    period: Any = None,
    level: float = 0.95,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw ranks with the interval that drawn weights leave them, over time or in one period.

    Parameters
    ----------
    results : RankResults
        What `rank_probabilities` returns.
    entities : sequence, optional
        Entities to draw. Over time: the six that rank best in the last period by default; in one period: all.
    period : optional
        Draw this period alone, one line an entity, the best on top. None: over time, if there is time.
    level : float
        Share of the draws inside the ribbons.
    labels : mapping, optional
        Text by column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Over time rank 1 is on top. In one period up to 100 entities are named, rank 1 on the left, on a
        figure of at most a page; of more the ribbon shows by how many places each rank moves, and `entities`
        chooses those that are named. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If an entity or the period is not in the sample, or `level` is not between 0 and 1, or so few entities
        were drawn that ranks have no interval.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> from digiprosper import rank_probabilities
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> system = dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}})
    >>> found = rank_probabilities(dp.CompositeIndex(system), states, rng=1)
    >>> ax = rank_ribbon(found, ["WY", "NE"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['WY', 'NE']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.rank_ribbon"
    _refuse_other(results, RankResults, "rank_probabilities", purpose)
    texts = {**results.labels, **check_labels(labels, purpose)}
    table, language = composite.rank_table(results, entities, level), figure_language()
    if period is None and results.index.nlevels == 2 and results.index.unique(1).size > 1:
        drawn = composite.ribbons(results, table, entities, level, texts, language)
        return draw_ribbons(drawn, ax, purpose)
    spans = composite.drawn_spans(results, table, entities, period, level, texts, language)
    return draw_rank_spans(spans, ax, purpose)


def index_sensitivity(
    results: IndexSensitivity,
    *,
    show: Literal["ranks", "shares"] = "ranks",
    period: Any = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how far ranks move over all combinations of options, or which option moves them.

    Parameters
    ----------
    results : IndexSensitivity
        What the study `index_sensitivity` returns.
    show : {"ranks", "shares"}
        ``"ranks"``: one line an entity, from its best to its worst rank, the middle half thick.
        ``"shares"``: one bar an option, the Sobol shares of the variance of all entities' ranks.
    period : optional
        Which period; the last one by default. For shares also ``"mean"``: mean ranks over the periods.
    labels : mapping, optional
        Text by column or option; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `results` is something else, or `labels` is not a mapping of texts.
    OptionError
        If `show` is not known or the period not in the sample.
    IdentificationError
        If there are no shares.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Examples
    --------
    >>> import digiprosper as dp, matplotlib.pyplot as plt
    >>> draw = dp.plots.index_sensitivity
    >>> states = dp.datasets.us_states().assign(roads="I(hwy / emp)", pipes="I(water / emp)")
    >>> spec = dp.CompositeIndex(dp.IndicatorSystem.from_dict({"": {"roads": "+", "pipes": "+"}}))
    >>> grid = {"weighting": ["entropy", "equal"], "normalise": ["minmax", "rank"]}
    >>> ax = draw(dp.index_sensitivity(spec, states, over=grid), show="shares")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['weighting', 'normalise']
    >>> plt.close(ax.figure)
    """
    purpose = "plots.index_sensitivity"
    _refuse_other(results, IndexSensitivity, "index_sensitivity", purpose)
    check_option("show", show, ("ranks", "shares"))
    texts = {**results.labels, **check_labels(labels, purpose)}
    if show == "shares":
        return draw_bars(composite.share_bars(results, period, texts), ax, purpose)
    return draw_rank_spans(
        composite.combination_spans(results, period, texts, figure_language()), ax, purpose
    )


def kernel_ridge(
    data: Any,
    column: str | None = None,
    *,
    periods: Sequence[Any] | None = None,
    bandwidth: composite.Bandwidth | float = "scott",
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the kernel density of every period, one ridge a period, with its bandwidth beside it.

    Parameters
    ----------
    data : Series, or Panel with a column
        Values indexed by (entity, time), such as ``index.scores``.
    column : str, optional
        Column of the panel.
    periods : sequence, optional
        Which; all by default, the first on top.
    bandwidth : {"scott", "silverman"} or float
        Rule for the Gaussian kernel, applied period by period: Scott's n^(-1/5) or Silverman's
        (3n/4)^(-1/5) times the standard deviation. A number is the bandwidth itself, in units of the values,
        the same in every period.
    labels : mapping, optional
        Text by column; wins over the labels of the panel.
    ax : Axes, optional
        Where to draw; default a new figure.

    Returns
    -------
    Axes
        All ridges have the same scale. A density goes on beyond the smallest and largest value by up to three
        bandwidths: that is the kernel, no data. Nothing is shown and no setting is changed.

    Raises
    ------
    InputTypeError
        If `data` has no periods, or values are no numbers.
    ColumnError
        If the panel has no such column.
    OptionError
        If the bandwidth is not known, or a period is not there.
    ImportError
        If matplotlib is missing; the message has the pip command.

    Notes
    -----
    Scott (1992) and Silverman (1986), as in `scipy.stats.gaussian_kde`. A density with two peaks under one
    bandwidth may have one under another: that is why the figure says which. Periods with fewer than two
    different values have none. Missing values are left out, and `n` says how many there are.

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
    texts = {**texts, **check_labels(labels, purpose)}
    drawn = composite.ridges(series, periods, bandwidth, texts, figure_language())
    return draw_ridges(drawn, ax, purpose)


def _texts(results: Results, labels: Mapping[str, str] | None, purpose: str) -> dict[str, str]:
    """Labels of a result under those given in the call."""
    return merged_labels([result_column(results)], check_labels(labels, purpose))


def _refuse_other(results: object, kind: type, maker: str, purpose: str) -> None:
    if not isinstance(results, kind):
        raise InputTypeError(
            f"{purpose}: takes what {maker} returns, not {type(results).__name__}.",
            [models_problem(f"no {kind.__name__}", results)],
        )


def _refuse_without_thresholds(results: object, purpose: str) -> None:
    if not isinstance(results, ThresholdResults):
        raise InputTypeError(
            f"{purpose}: {type(results).__name__} has no thresholds; pass what PanelThreshold.fit returns.",
            [models_problem("not a threshold model", results)],
        )
