"""A method written here alone is printed, drawn, fitted and stored as others."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
from collections.abc import Sequence

import matplotlib.pyplot as plt

import digiprosper as dp
from digiprosper.errors import IdentificationError, Notice, issue
from digiprosper.kernels.covariance import joint_meat, rescaled_sandwich
from digiprosper.linear.estimation import (
    counts_and_vcov,
    demean_columns,
    independent_columns,
)
from digiprosper.linear.preparation import LinearOptions, prepare
from digiprosper.present.estimate_plots import draw_effects
from digiprosper.report.columns import result_column
from digiprosper.report.drawings import Effects
from digiprosper.report.estimates import Estimates
from digiprosper.report.inference import Inference
from digiprosper.report.protocol import empty_glance
from digiprosper.report.results import BaseResults
from digiprosper.report.summary import Lines, Remarks, Summary, coefficient_cells
from digiprosper.report.terms import Term, slope_terms
from digiprosper.report.text import conventions
from digiprosper.report.words import Words
from digiprosper.specification import TERM, TERMS, Specification, read_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

# --- words ----------------------------------------------------------------------------

WORDS = Words({"stat.mcfadden_rsquared": ("McFadden R2", "McFadden伪R2")})

# --- kernel ---------------------------------------------------------------------------


def poisson(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maximise the Poisson likelihood by Newton: coefficients, means.

    Converges because the log likelihood is concave (Wooldridge 2010, 18.2).
    """
    b = np.zeros(x.shape[1])
    b[-1] = np.log(y.mean())
    for _ in range(100):
        means = np.exp(x @ b)
        step = np.linalg.solve(x.T @ (means[:, None] * x), x.T @ (y - means))
        b = b + step
        if np.abs(step).max() < 1e-12:
            return b, np.exp(x @ b)
    raise IdentificationError(
        "the Poisson likelihood has no maximum: the outcome is separated."
    )


# --- specification --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Poisson(Specification):
    """Poisson regression with an intercept, and the covariances of linear models."""

    y: str = field(metadata=TERM)
    x: Sequence[str] = field(metadata=TERMS)
    cov_type: str = "clustered"

    def __post_init__(self) -> None:
        read_terms(self)

    def fit(
        self, panel: dp.Panel, *, rng: object = None, progress: bool = False
    ) -> PoissonResults:
        options = LinearOptions(
            entity_effects=False, time_effects=False, cov_type=self.cov_type, ssc="none"
        )
        prepared = prepare(panel, {"y": (self.y,), "x": self.x}, options)
        sample = prepared.sample
        y = sample.columns("y")[:, 0]
        if (y < 0).any() or not y.any():
            raise IdentificationError(
                f"y={self.y!r} has negative values, or is zero in every row."
            )
        # Constant regressors and exact combinations are refused, as in every
        # regression.
        names = (self.y, *sample.names_of("x"))
        demeaned = demean_columns(
            prepared, names, np.column_stack([y, sample.columns("x")])
        )
        independent_columns(prepared, demeaned, range(1, len(names)))

        x = np.column_stack([sample.columns("x"), np.ones(sample.nobs)])
        coefficients, means = poisson(y, x)
        _, vcov = counts_and_vcov(prepared, x.shape[1] - 1)
        bread = np.linalg.inv(x.T @ (means[:, None] * x))
        root, middle = rescaled_sandwich(bread, joint_meat([(x, y - means, vcov)]))

        estimated = Estimates(
            names=(*sample.names_of("x"), "Intercept"),
            coefficients=coefficients,
            root=root,
            middle=middle,
            inference=Inference(
                cov_type=self.cov_type,
                ssc="none",
                clusters=prepared.cluster_names,
                n_clusters=prepared.count.groups,
            ),
        )
        results = PoissonResults(
            depvar=self.y,
            estimated=estimated,
            n_entities=sample.n_entities,
            mcfadden_rsquared=1
            - deviance(y, means) / deviance(y, np.full(y.size, y.mean())),
            labels=dict(sample.labels),
            factors={name: sample.factors_of(name) for name in sample.names_of("x")},
            diagnostics=prepared.notices,
            key_names=sample.keys.name_pair,
            rows=sample.nobs,
        )
        issue(results.diagnostics)
        return results


def deviance(y: np.ndarray, means: np.ndarray) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(y > 0, y * np.log(y / means), 0.0)
    return float(2 * (ratio - (y - means)).sum())


# --- results --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PoissonResults(BaseResults):
    """Coefficients of a Poisson regression."""

    words: ClassVar[Words] = WORDS

    depvar: str
    estimated: Estimates
    n_entities: int
    rows: int
    mcfadden_rsquared: float
    labels: Mapping[str, str]
    factors: Mapping[str, Any]
    diagnostics: tuple[Notice, ...]
    key_names: tuple[str, str | None]

    @property
    def terms(self) -> tuple[Term, ...]:
        return slope_terms(self.names, self.factors)

    def glance(self) -> Any:
        glance: dict[str, Any] = {**empty_glance("Poisson", self.rows)}
        glance |= {
            "depvar": self.depvar,
            "n_entities": self.n_entities,
            "cov_type": self.inference.cov_type,
        }
        return glance | {"mcfadden_rsquared": self.mcfadden_rsquared}

    def _summary(self) -> Summary:
        return Summary(
            type=type(self).__name__,
            title=f"Poisson regression of {self.depvar}",
            blocks=(
                Lines((f"{self.nobs} rows, {self.n_entities} entities",)),
                coefficient_cells(self.tidy()),
                Remarks.of(self.diagnostics),
            ),
            notices=self.diagnostics,
            conventions=conventions(self.inference),
        )


# --- figure ---------------------------------------------------------------------------


def rate_ratios(results: PoissonResults, level: float = 0.95) -> Effects:
    """The numbers of a figure of rate ratios, exp(b), without matplotlib."""
    column = result_column(results, level)
    ratios = {
        name: estimate._replace(
            estimate=np.exp(estimate.estimate),
            conf_low=np.exp(estimate.conf_low),
            conf_high=np.exp(estimate.conf_high),
        )
        for name, estimate in column.estimates.items()
        if name != "Intercept"
    }
    names = {name: (f"exp({name})",) for name in ratios}
    return Effects(ratios, names, "rate ratios", level)


# --- and nothing else had to change ---------------------------------------------------


@pytest.fixture(scope="module")
def panel() -> dp.Panel:
    frame = dp.datasets.us_states().frame.reset_index()
    return dp.Panel(
        frame,
        "state",
        "year",
        labels={"unemp": "Unemployment (%)", "pc": "Private capital"},
    )


@pytest.fixture(scope="module")
def fit(panel: dp.Panel) -> PoissonResults:
    return Poisson("emp", ["unemp", "log(pc)"]).fit(panel)


@pytest.mark.parametrize("cov_type", ["clustered", "robust"])
def test_the_numbers_are_those_of_statsmodels(panel: dp.Panel, cov_type: str) -> None:
    from statsmodels.discrete.discrete_model import Poisson as Peer

    frame = panel.frame.reset_index()
    x = np.column_stack([frame["unemp"], np.log(frame["pc"]), np.ones(len(frame))])
    peer = Peer(frame["emp"], x)
    if cov_type == "clustered":
        groups = {
            "groups": frame["state"].astype("category").cat.codes,
            "use_correction": False,
        }
        want = peer.fit(disp=0, cov_type="cluster", cov_kwds=groups, tol=1e-14)
    else:
        want = peer.fit(disp=0, cov_type="HC0", tol=1e-14)
    results = Poisson("emp", ["unemp", "log(pc)"], cov_type).fit(panel)
    np.testing.assert_allclose(results.params, want.params, rtol=1e-7)
    np.testing.assert_allclose(results.std_errors, want.bse, rtol=1e-6)
    np.testing.assert_allclose(results.pvalues, want.pvalues, rtol=1e-5, atol=1e-12)


def test_it_is_any_result(fit: PoissonResults) -> None:
    assert isinstance(fit, dp.Results)
    ratio = fit.combination("unemp - 0.5*log(pc)")
    assert ratio.estimate == pytest.approx(
        fit.params["unemp"] - 0.5 * fit.params["log(pc)"]
    )
    assert fit.wald_test("unemp = 0, log(pc) = 0").distribution == "chi2"


def test_a_table_has_its_rows_and_its_statistics(
    panel: dp.Panel, fit: PoissonResults
) -> None:
    linear = dp.FixedEffects("log(emp)", ["unemp", "log(pc)"]).fit(panel)
    stats = ["nobs", "mcfadden_rsquared", "rsquared_within"]
    table = dp.etable({"Poisson": fit, "Linear": linear}, digits=3, stats=stats)
    rows = table.frame["Poisson"].to_dict()
    assert rows["Unemployment (%)"].startswith(f"{fit.params['unemp']:.3f}")
    assert rows["McFadden R2"] == f"{fit.mcfadden_rsquared:.3f}"
    assert table.frame["Linear"]["McFadden R2"] == ""
    assert "log(Private capital)" in rows
    chinese = dp.etable([fit], stats=stats, style=dp.TableStyle(language="zh"))
    assert "McFadden伪R2" in chinese.frame.index


def test_a_battery_fits_it_beside_others(panel: dp.Panel, fit: PoissonResults) -> None:
    spec = Poisson("emp", ["unemp", "log(pc)"])
    specs = {
        "toy": spec,
        "none": spec.replace(y="I(-emp)"),
        "fe": dp.FixedEffects("log(emp)", ["unemp"]),
    }
    fits = dp.fit_all(specs, panel)
    assert list(fits) == ["toy", "fe"]
    assert fits.compare("unemp")["estimate"].iloc[0] == fit.params["unemp"]
    assert "not estimated" in dp.etable(fits).frame["none"].tolist()


def test_a_study_adds_controls_to_it(panel: dp.Panel, fit: PoissonResults) -> None:
    columns = dp.stepwise(Poisson("emp", ["unemp"]), panel, ["log(pc)"], sample="own")
    last = list(columns.values())[-1]
    np.testing.assert_allclose(last.params[fit.names[0]], fit.params[fit.names[0]])


def test_figures_draw_it(fit: PoissonResults) -> None:
    ax = dp.plots.coefficients(fit, keep="unemp")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["Unemployment (%)"]
    plt.close(ax.figure)
    ax = draw_effects(rate_ratios(fit), None)
    assert next(text.get_text() for text in ax.get_yticklabels()) == "exp(unemp)"
    plt.close(ax.figure)


def test_it_is_summarised_and_stored(fit: PoissonResults) -> None:
    text = fit.summary()
    assert text.startswith("Poisson regression of emp\n816 rows, 48 entities")
    stored = json.loads(json.dumps(fit.to_dict()))
    again = Summary.from_dict(stored)
    assert again.to_text() == text
    assert again.params.tolist() == pytest.approx(fit.params.tolist())
    assert "<table" in fit._repr_html_()


def test_it_is_pickled_and_copied(fit: PoissonResults) -> None:
    for other in (pickle.loads(pickle.dumps(fit)), copy.deepcopy(fit)):
        assert type(other) is PoissonResults
        assert other.summary() == fit.summary()


@pytest.mark.parametrize("x", [["unemp", "I(2*unemp)"], ["unemp", "I(0*unemp)"]])
def test_dependent_regressors_are_refused(panel: dp.Panel, x: list[str]) -> None:
    with pytest.raises(dp.DigiprosperError):
        Poisson("emp", x).fit(panel)


def test_a_separated_outcome_is_refused(panel: dp.Panel) -> None:
    with pytest.raises(IdentificationError, match="negative"):
        Poisson("I(-emp)", ["unemp"]).fit(panel)
