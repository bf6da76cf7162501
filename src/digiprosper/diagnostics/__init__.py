"""Questions that stored estimates alone can answer."""

from digiprosper.diagnostics.moderated_u import ModeratedUResult, moderated_u_test
from digiprosper.diagnostics.u_shape import UForm, UTestResult, u_test

__all__ = ["ModeratedUResult", "UForm", "UTestResult", "moderated_u_test", "u_test"]
