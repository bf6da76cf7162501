"""What an estimator gives; its parts are tested with the estimators."""

from __future__ import annotations

from dataclasses import fields

from digiprosper.policy.group_time import GroupTimeFit


def test_parts() -> None:
    assert [field.name for field in fields(GroupTimeFit)] == ["cells", "reference", "inference", "notices"]
