"""Dynamic panels with short T: difference and system GMM, corrected estimators."""

from __future__ import annotations
