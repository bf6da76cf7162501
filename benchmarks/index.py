"""Entropy weights and scores of a million rows and twenty indicators, on one thread.

Compared: `entropy_weights(Z)` and `Z @ w` here, against the textbook in plain numpy: the matrix of shares
p = z / sum(z), p ln p with zeros put aside, entropies, weights, and the same scores. Both get the same
normalised matrix (one value in a hundred is zero), the best of five runs counts, and what matters is the
ratio. Run: python benchmarks/index.py
"""

from __future__ import annotations

import os
import time

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import numpy as np

from digiprosper import entropy_weights

ROWS, INDICATORS, RUNS = 1_000_000, 20, 5


def ours(z):
    w = entropy_weights(z)
    return w, z @ w


def textbook(z):
    p = z / z.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        plogp = np.where(p > 0, p * np.log(p), 0.0)
    redundancy = 1.0 + plogp.sum(axis=0) / np.log(len(z))
    w = redundancy / redundancy.sum()
    return w, z @ w


def best(function, z):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        weights, scores = function(z)
        times.append(time.perf_counter() - start)
    return min(times), weights, scores


def main():
    rng = np.random.default_rng(0)
    z = rng.random((ROWS, INDICATORS))
    z[rng.random(z.shape) < 0.01] = 0.0
    seconds, weights, scores = best(ours, z)
    peer_seconds, peer_weights, peer_scores = best(textbook, z)
    apart = max(np.abs(weights - peer_weights).max(), np.abs(scores - peer_scores).max())
    print(f"weights and scores of {ROWS:,} x {INDICATORS}, one thread, best of {RUNS}")
    print(f"  digiprosper      {seconds:.3f} s")
    print(f"  textbook, numpy  {peer_seconds:.3f} s")
    print(f"  ratio            {seconds / peer_seconds:.3f}   (largest difference of results {apart:.1e})")


if __name__ == "__main__":
    main()
