"""Which command is translated by which function."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from digiprosper.errors import StataError, cited
from digiprosper.stata.commands import linear, panels, policy
from digiprosper.stata.prefixes import Command, read_command

if TYPE_CHECKING:
    from digiprosper.stata.translation import Context, Translation

COMMANDS = {**linear.COMMANDS, **panels.COMMANDS, **policy.COMMANDS}
# Estimators that have no counterpart here, and what is near to some of them.
_OTHERS = """
xtgls xtpcse newey tobit heckman qreg qreg2 xtqreg sqreg nbreg xtnbreg oprobit ologit
mlogit rdrobust ivreg2h ivpoisson ivprobit did_multiplegt did_multiplegt_dyn sdid synth
stcox teffects cem kmatch xthdidregress didregress xtdidregress frontier xtfrontier
arima var arch gmm sem reg3 sureg suest cgmreg
"""
WITHOUT_MODEL = {
    **dict.fromkeys(_OTHERS.split(), "there is no such estimator"),
    **dict.fromkeys(("xtpcse", "newey"), "cov_type='driscoll_kraay' is near"),
    **dict.fromkeys(("teffects", "cem", "kmatch"), "match_entities matches entities"),
    **dict.fromkeys(("oprobit", "ologit"), "OrderedModel of statsmodels is one"),
    **dict.fromkeys(("didregress", "xtdidregress"), "FixedEffects has treated()"),
    "xthdidregress": "StaggeredDid has its estimators",
    "suest": "by_group tests differences",
}
_REPEATED = "bysort by statsby rolling simulate svy jackknife mi parmby"


def is_estimation(name: str) -> bool:
    """Tell whether a command estimates a model."""
    return name in COMMANDS or name in WITHOUT_MODEL


def translate(command: Command, context: Context) -> Translation:
    """Translate an estimation that was split into its parts."""
    _refuse_parts(command)
    if command.name not in COMMANDS:
        reason = WITHOUT_MODEL.get(command.name, "the command is not known here")
        raise StataError.because(f"{cited(command.name)}: {reason}")
    translation = COMMANDS[command.name](command, context)
    if context.variables.columns is None and set("*?~") & set(command.arguments):
        note = "a pattern has the columns that the file makes; the data may have others"
        return replace(translation, notes=(*translation.notes, note))
    return translation


def _refuse_parts(command: Command) -> None:
    """Refuse prefixes, weights and rows that a model would ignore."""
    for prefix in command.prefixes:
        if prefix.name in _REPEATED.split():
            raise StataError.because(
                f"the prefix {prefix.name}", "fit_all fits models of several samples."
            )
        if prefix.name in ("bootstrap", "bs") and command.name != "sgmediation":
            raise StataError.because(
                "the bootstrap prefix", "Use cluster_bootstrap(spec, panel)."
            )
    if command.weight is not None and command.name not in linear.COMMANDS:
        raise StataError.because(f"weights of {command.name}")
    if command.rows is not None or command.using is not None:
        raise StataError.because("rows by number, or a file", "Use a condition.")


def estimate(text: str, context: Context) -> Translation:
    """Translate the text of an estimation."""
    command = read_command(text)
    return replace(translate(command, context), command=text.strip())
