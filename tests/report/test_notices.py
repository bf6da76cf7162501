"""Notices that several kinds of results share."""

from __future__ import annotations

from itertools import combinations_with_replacement

import pytest

from digiprosper import errors
from digiprosper.errors import FewClustersWarning
from digiprosper.report.notices import too_few_clusters_to_draw


@pytest.mark.parametrize("clusters", [1, 2, 3, 4])
def test_too_few_clusters_are_told_with_the_number_of_different_draws(clusters) -> None:
    (notice,) = too_few_clusters_to_draw(clusters, "region", "Do this.")
    assert notice.data == {"clusters": "region", "n_clusters": clusters}
    different = len(list(combinations_with_replacement(range(clusters), clusters)))
    assert f" {different} different ways" in notice.message
    assert notice.message.endswith("Do this.")
    with pytest.warns(FewClustersWarning):
        errors.issue([notice])


def test_five_clusters_are_enough() -> None:
    assert too_few_clusters_to_draw(5, "region") == ()
