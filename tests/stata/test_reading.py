"""One command becomes a specification whose numbers are those of Stata's formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp

pytestmark = pytest.mark.filterwarnings("ignore::digiprosper.DigiprosperWarning")
PANEL = dp.datasets.us_states()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Draw an unbalanced panel of 80% of the rows."""
    return PANEL.frame.reset_index().sample(frac=0.8, random_state=1)


@pytest.fixture(scope="module")
def panel(rows: pd.DataFrame) -> dp.Panel:
    return dp.Panel(rows, "state", "year")


class Dummies:
    """Least squares with all dummies, written out."""

    def __init__(self, rows: pd.DataFrame, *, entity: bool, time: bool) -> None:
        x = rows[["unemp", "pcap"]].to_numpy(float)
        parts = [x, np.ones((len(rows), 1))]
        if entity:
            parts.append(pd.get_dummies(rows.state, drop_first=True).to_numpy(float))
        if time:
            parts.append(pd.get_dummies(rows.year, drop_first=True).to_numpy(float))
        self.x = np.hstack(parts)
        y = rows.gsp.to_numpy(float)
        self.slopes = np.linalg.lstsq(self.x, y, rcond=None)[0]
        self.residuals = y - self.x @ self.slopes
        self.bread = np.linalg.inv(self.x.T @ self.x)
        self.n, self.k = self.x.shape
        self.state = rows.state.to_numpy()

    def unadjusted(self) -> np.ndarray:
        variance = self.residuals @ self.residuals / (self.n - self.k)
        return np.sqrt(np.diag(self.bread) * variance)[:2]

    def robust(self) -> np.ndarray:
        meat = (self.x.T * self.residuals**2) @ self.x
        factor = self.n / (self.n - self.k)
        return np.sqrt(np.diag(self.bread @ meat @ self.bread) * factor)[:2]

    def clustered(self, k: int) -> np.ndarray:
        names = np.unique(self.state)
        scores = np.array(
            [self.x[self.state == g].T @ self.residuals[self.state == g] for g in names]
        )
        factor = names.size / (names.size - 1) * (self.n - 1) / (self.n - k)
        return np.sqrt(np.diag(self.bread @ scores.T @ scores @ self.bread) * factor)[
            :2
        ]


def errors(text: str, panel: dp.Panel) -> np.ndarray:
    fit = dp.from_stata(text, panel).spec.fit(panel)  # type: ignore[union-attr]
    return fit.std_errors[["unemp", "pcap"]].to_numpy()


@pytest.mark.many(9)
@pytest.mark.parametrize(
    ("command", "entity", "time", "kind"),
    [
        ("reghdfe gsp unemp pcap, absorb(state year)", True, True, "unadjusted"),
        ("reghdfe gsp unemp pcap, noabsorb vce(robust)", False, False, "robust"),
        ("regress gsp unemp pcap, robust", False, False, "robust"),
        ("reg gsp unemp pcap i.year i.state, r", True, True, "robust"),
        ("areg gsp unemp pcap, absorb(state)", True, False, "unadjusted"),
        ("areg gsp unemp pcap i.year, a(state) robust", True, True, "robust"),
        ("xtreg gsp unemp pcap, fe", True, False, "unadjusted"),
        ("xtreg gsp unemp pcap i.year, fe", True, True, "unadjusted"),
        ("xi: reg gsp unemp pcap i.state", True, False, "unadjusted"),
    ],
)
def test_standard_errors_by_brute_force(
    command: str,
    entity: bool,
    time: bool,
    kind: str,
    rows: pd.DataFrame,
    panel: dp.Panel,
) -> None:
    expected = getattr(Dummies(rows, entity=entity, time=time), kind)()
    np.testing.assert_allclose(errors(command, panel), expected, rtol=1e-8)


@pytest.mark.many(7)
@pytest.mark.parametrize(
    ("command", "entity", "time", "counted"),
    [
        ("regress gsp unemp pcap, vce(cluster state)", False, False, 3),
        ("reghdfe gsp unemp pcap, a(state year) cl(state)", True, True, 19),
        ("xtreg gsp unemp pcap i.year, fe vce(cluster state)", True, True, 19),
        ("xtreg gsp unemp pcap i.year, fe robust", True, True, 19),
        ("xtreg gsp unemp pcap, fe r", True, False, 3),
        (
            "areg gsp unemp pcap i.year, absorb(state) vce(cluster state)",
            True,
            True,
            66,
        ),
        ("reg gsp unemp pcap i.year i.state, cluster(state)", True, True, 66),
    ],
)
def test_effects_in_clusters_are_counted_by_areg_and_regress_alone(
    command: str,
    entity: bool,
    time: bool,
    counted: int,
    rows: pd.DataFrame,
    panel: dp.Panel,
) -> None:
    expected = Dummies(rows, entity=entity, time=time).clustered(counted)
    np.testing.assert_allclose(errors(command, panel), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "small", "kind"),
    [
        (", r", False, "robust"),
        (", r small", True, "robust"),
        ("", False, "unadjusted"),
        (", vce(cluster state)", False, "clustered"),
    ],
)
def test_two_stages_without_small_have_no_factor(
    options: str, small: bool, kind: str, rows: pd.DataFrame, panel: dp.Panel
) -> None:
    ones = np.ones((len(rows), 1))
    z = np.hstack([rows[["pc", "unemp"]].to_numpy(float), ones])
    x = np.hstack([rows[["pcap", "unemp"]].to_numpy(float), ones])
    y = rows.gsp.to_numpy(float)
    fitted = z @ np.linalg.lstsq(z, x, rcond=None)[0]
    bread = np.linalg.inv(fitted.T @ fitted)
    e = y - x @ (bread @ fitted.T @ y)
    if kind == "robust":
        meat = (fitted.T * e**2) @ fitted * (len(e) / (len(e) - 3) if small else 1)
    elif kind == "unadjusted":
        meat = fitted.T @ fitted * (e @ e) / len(e)
    else:
        state = rows.state.to_numpy()
        sums = np.array([fitted[state == g].T @ e[state == g] for g in set(state)])
        meat = sums.T @ sums
    expected = np.sqrt(np.diag(bread @ meat @ bread))[:2]
    command = f"ivregress 2sls gsp unemp (pcap = pc){options}"
    np.testing.assert_allclose(errors(command, panel), expected[::-1], rtol=1e-7)


# --- the traps ------------------------------------------------------------------------


def test_missing_values_are_larger_than_any_number() -> None:
    """A subset by pandas' rule would lose the rows whose value is missing."""
    frame = PANEL.frame.reset_index()
    frame["w"] = frame["unemp"]
    frame.loc[frame.sample(87, random_state=3).index, "w"] = np.nan
    panel = dp.Panel(frame, "state", "year")
    fit = dp.from_stata("reghdfe gsp pcap if w > 6, a(state year)", panel).spec.fit(
        panel
    )  # type: ignore[union-attr]
    alone = frame.groupby("state")["w"].transform(lambda w: (~(w <= 6)).sum()) == 1
    expected = (~(frame["w"] <= 6) & ~alone).sum()
    assert fit.nobs == expected
    assert fit.nobs > (frame["w"] > 6).sum()


def test_if_acts_after_lags() -> None:
    fit = dp.from_stata(
        "reghdfe gsp L.unemp if year>=1975, absorb(state)", PANEL
    ).spec.fit(PANEL)  # type: ignore[union-attr]
    assert fit.nobs == 576
    early = PANEL.subset("year >= 1975")
    other = dp.from_stata("reghdfe gsp L.unemp, absorb(state)", early).spec.fit(early)  # type: ignore[union-attr]
    assert other.nobs == 528
    assert abs(other.params.iloc[0] - fit.params.iloc[0]) > 1


def test_abbreviated_variables() -> None:
    read = dp.from_stata("reghdfe gs un, a(state ye)", PANEL)
    assert read.python.startswith('dp.FixedEffects("gsp", ["unemp"], cov_type=')
    with pytest.raises(dp.StataError, match="ambiguous"):
        dp.from_stata("reghdfe gsp p, a(state)", PANEL)


def test_robust_means_three_things() -> None:
    assert dp.from_stata("xtreg y x, fe r").spec.cov_type == "clustered"  # type: ignore[union-attr]
    assert dp.from_stata("reg y x, r").spec.cov_type == "robust"  # type: ignore[union-attr]
    weighted = dp.from_stata("reg y x [pw=w]")
    assert weighted.spec.cov_type == "robust"  # type: ignore[union-attr]
    assert weighted.spec.obs_weights == "w"  # type: ignore[union-attr]
    assert "robust" in weighted.notes[0]


def test_many_dummies_are_absorbed_and_the_numbers_are_those_of_dummies() -> None:
    frame = PANEL.frame.reset_index()
    frame["region"] = pd.factorize(frame["state"])[0] % 9
    panel = dp.Panel(frame, "state", "year")
    command = "reg gsp unemp pcap i.year##i.region"
    absorbed = dp.from_stata(command, panel).spec
    terms = dp.from_stata(command).spec
    assert absorbed.x == ("unemp", "pcap")  # type: ignore[union-attr]
    assert "year^region" in absorbed.absorb  # type: ignore[union-attr]
    a, b = (spec.fit(panel) for spec in (absorbed, terms))  # type: ignore[union-attr]
    names = ["unemp", "pcap"]
    np.testing.assert_allclose(a.params[names], b.params[names], rtol=1e-6)
    np.testing.assert_allclose(a.std_errors[names], b.std_errors[names], rtol=1e-6)


def test_a_policy_and_its_periods_stay_terms() -> None:
    frame = PANEL.frame.reset_index().assign(treat=lambda f: (f.state < "M") * 1)
    panel = dp.Panel(frame, "state", "year")
    read = dp.from_stata("reghdfe gsp i.treat#i.year, a(state)", panel)
    assert "C(treat):C(year)" in read.python


# --- doors ----------------------------------------------------------------------------


@pytest.mark.many(3)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 commands"),
        ("reg y x\nreg y z", "2 commands"),
        ("xtreg y x, be", "no such estimator"),
        ("reghdfe y x, absorb(id) magic", "'magic' of reghdfe is not known"),
        ("psmatch2 d x, logit", "it matches rows"),
        ("frobnicate y x", "'frobnicate': the command is not known"),
        ("reg y", "no regressor"),
        ("reghdfe y x $controls, a(id)", "'controls' has no value"),
        ("reghdfe y `x' z, a(id)", "'x' has no value"),
    ],
)
def test_refusals_have_line_reason_and_advice(text: str, reason: str) -> None:
    with pytest.raises(dp.StataError, match=reason) as caught:
        dp.from_stata(text)
    assert caught.value.line == 1
    assert reason in caught.value.reason
    assert caught.value.problems[0].code == "stata"


def test_text_only() -> None:
    with pytest.raises(dp.InputTypeError):
        dp.from_stata(3)  # type: ignore[arg-type]


def test_chinese_names() -> None:
    read = dp.from_stata(
        "reghdfe 碳排放 数字经济 i.行业#c.年份 if 地区 == 1, a(省份 年份) cl(省份)"
    )
    spec = read.spec
    assert spec.y == "碳排放"  # type: ignore[union-attr]
    assert spec.x == ("数字经济", "C(行业):年份")  # type: ignore[union-attr]
    assert spec.where == "地区 == 1"  # type: ignore[union-attr]
    assert eval(read.python) == spec


def test_comments_and_continued_lines() -> None:
    read = dp.from_stata("reghdfe y x ///\n z, /* all */ absorb(id) // note")
    assert read.spec.x == ("x", "z")  # type: ignore[union-attr]


def test_keys_without_a_panel() -> None:
    with_keys = dp.from_stata("reghdfe y x, a(id year)", entity="id", time="year").spec
    assert with_keys == dp.FixedEffects(
        "y", "x", cov_type="unadjusted", collinear="drop"
    )
    columns = dp.from_stata("reghdfe y x, a(id year)").spec
    assert columns.absorb == ("id", "year")  # type: ignore[union-attr]
    assert not columns.entity_effects  # type: ignore[union-attr]
