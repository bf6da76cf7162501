"""Notices that results of several kinds share: one maker a code."""

from __future__ import annotations

from math import comb

from digiprosper.errors import Notice
from digiprosper.kernels.intervals import LEAST_CLUSTERS, enough_clusters

__all__ = ["too_few_clusters_to_draw"]


def too_few_clusters_to_draw(clusters: int, name: str, remedy: str = "") -> tuple[Notice, ...]:
    """Explain why draws of clusters give no interval, p-value or standard error, where they do not.

    Parameters
    ----------
    clusters : int
        How many are drawn from.
    name : str
        What they are.
    remedy : str
        What to read instead: a sentence, or nothing.

    Returns
    -------
    tuple of Notice
        One, ``"too_few_clusters_to_draw"``, below five clusters.

    Examples
    --------
    >>> [notice.data for notice in too_few_clusters_to_draw(3, "region")]
    [{'clusters': 'region', 'n_clusters': 3}]
    >>> too_few_clusters_to_draw(5, "region")
    ()
    """
    if enough_clusters(clusters):
        return ()
    text = (
        f"{clusters} clusters ({name}) can be resampled in only {comb(2 * clusters - 1, clusters)} "
        f"different ways, too few for valid inference. With fewer than {LEAST_CLUSTERS} clusters, "
        "bootstrap intervals, p-values and standard errors are set to missing; the estimates are not "
        "affected."
    )
    data = {"clusters": name, "n_clusters": clusters}
    return (Notice("too_few_clusters_to_draw", f"{text} {remedy}".strip(), data),)
