"""Rows, levels and ranks that are counted over blocks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import digiprosper as dp
from digiprosper.kernels.within import not_singletons
from digiprosper.linear.preparation import prepare
from digiprosper.linear.scanned_rows import ScannedRows
from tests.scanned_cases import assert_same, fitted, panel_of

pytest.importorskip("pyarrow")


@pytest.mark.parametrize("seed", range(6))
def test_singletons_are_dropped_until_none_is_left(seed):
    rng = np.random.default_rng(seed)
    frame = panel_of(seed, firms=50, periods=4)
    frame["industry"] = rng.integers(0, 60, len(frame))
    spec = dp.FixedEffects("y", ["x"], absorb=["industry"], keep_rows=False)
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=6)
    ours = fitted(spec, scan)
    used = frame.dropna()
    codes = [
        np.unique(used[c], return_inverse=True)[1] for c in ("firm", "year", "industry")
    ]
    assert ours.nobs == not_singletons(codes).sum()
    (notice,) = [n for n in ours.diagnostics if n.code == "singletons"]
    assert notice.data["count"] == len(used) - ours.nobs


@pytest.mark.parametrize(
    "clusters", [["firm"], ["region"], ["region^year", "industry"]]
)
def test_ranks_and_groups_are_those_of_rows(clusters):
    frame = panel_of(5)
    spec = dp.FixedEffects(
        "y", ["x"], absorb=["region", "region^year"], clusters=clusters, keep_rows=False
    )
    panel = dp.Panel(frame, "firm", "year")
    count = prepare(panel, {"y": ["y"], "x": ["x"]}, spec.options).count
    ours = fitted(spec, dp.Panel.scan(frame, entity="firm", time="year", blocks=4))
    assert ours.n_clusters == count.groups
    assert ours.df_absorbed == count.parameters
    # A slope and the intercept; effects nested in clusters are not counted.
    assert ours.df_counted == count.parameters + 2 - count.absorbed.nested


def test_all_singletons_are_an_error():
    frame = panel_of(6).drop_duplicates("firm")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=3)
    with pytest.raises(dp.IdentificationError, match="singleton"):
        dp.FixedEffects("y", ["x"]).fit(scan)


@pytest.mark.parametrize("blocks", [1, 7, 64])
@pytest.mark.parametrize("kept", [[], [11, 29, 47, 53]])
def test_blocks_may_have_no_row_of_the_sample(blocks, kept):
    frame = panel_of(8)
    kept = kept or [*range(24, 60)]
    frame["kept"] = frame["firm"].isin(kept)
    spec = dp.FixedEffects("y", ["x"], where="kept")
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=blocks)
    assert_same(fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year")))


def test_more_combinations_of_clusters_than_integers_are_an_error():
    rows = SimpleNamespace(
        levels={(text,): pd.RangeIndex(3_000_000) for text in "abc"},
        codes=lambda _sample, _texts: np.zeros(1, dtype=np.intp),
    )
    assert ScannedRows.combinations(rows, None, ("a", "b")).tolist() == [0]
    with pytest.raises(dp.OptionError, match="combinations, too many"):
        ScannedRows.combinations(rows, None, ("a", "b", "c"))


def test_a_disk_that_is_full_when_singletons_are_dropped_is_a_named_error(
    monkeypatch, tmp_path
):
    frame = panel_of(7).assign(one=lambda f: np.arange(len(f)) == 0)
    frame["group"] = np.where(frame["one"], 1, frame["year"] % 3 * 2)
    spec = dp.FixedEffects("y", ["z"], absorb=["group"])
    written = set()

    def write(path, data):
        if path in written:
            raise OSError(28, "No space left on device")
        written.add(path)
        return original(path, data)

    original = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", write)
    scan = dp.Panel.scan(frame, "firm", "year", blocks=3, folder=tmp_path)
    with pytest.raises(dp.ScanError, match="No space left"):
        spec.fit(scan)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("seed", [0, 1, 5, 26])
def test_absorbed_columns_are_named_although_rounding_differs(seed):
    frame = panel_of(seed, firms=25, periods=5, lone=0)
    frame["industry"] = frame["firm"] % 4
    frame["product"] %= 6
    effects = ["product"] if seed % 2 else ["industry", "product"]
    spec = dp.FixedEffects(
        "y", ["x", "C(industry)", "z"], absorb=effects, obs_weights="w"
    )
    scan = dp.Panel.scan(frame, entity="firm", time="year", blocks=5)
    ours, theirs = fitted(spec, scan), fitted(spec, dp.Panel(frame, "firm", "year"))
    assert str(ours) == str(theirs)
    assert len(ours.problems) == 3
