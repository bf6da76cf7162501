"""Array computations of dynamic panels."""

from __future__ import annotations
