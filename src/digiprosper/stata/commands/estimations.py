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
# Commands that estimate something for which there is no model here.
WITHOUT_MODEL = {
    "xtgls": "there is no generalised least squares; FixedEffects takes clusters",
    "xtpcse": "there are no panel-corrected errors; cov_type='driscoll_kraay' is near",
    "newey": "there are no Newey-West errors; cov_type='driscoll_kraay' is for panels",
    "tobit": "there is no tobit model",
    "heckman": "there is no selection model",
    "qreg": "there is no quantile regression",
    "qreg2": "there is no quantile regression",
    "xtqreg": "there is no quantile regression",
    "sqreg": "there is no quantile regression",
    "nbreg": "there is no negative binomial model",
    "xtnbreg": "there is no negative binomial model",
    "oprobit": "there is no ordered model; OrderedModel of statsmodels has one",
    "ologit": "there is no ordered model; OrderedModel of statsmodels has one",
    "mlogit": "there is no multinomial model",
    "rdrobust": "there is no regression discontinuity",
    "ivreg2h": "instruments from heteroskedasticity",
    "ivpoisson": "there is no Poisson regression with instruments",
    "ivprobit": "there is no probit with instruments",
    "did_multiplegt": "this estimator; StaggeredDid has three others",
    "did_multiplegt_dyn": "this estimator; StaggeredDid has three others",
    "sdid": "there is no synthetic difference-in-differences",
    "synth": "there is no synthetic control",
    "stcox": "there is no survival model",
    "teffects": "it matches rows; match_entities matches entities",
    "cem": "it matches rows; match_entities matches entities",
    "kmatch": "it matches rows; match_entities matches entities",
    "xthdidregress": "translate it by hand: StaggeredDid",
    "didregress": "translate it by hand: FixedEffects with treated()",
    "xtdidregress": "translate it by hand: FixedEffects with treated()",
    "frontier": "there is no frontier model",
    "xtfrontier": "there is no frontier model",
    "arima": "there are no time series models",
    "var": "there are no time series models",
    "arch": "there are no time series models",
    "gmm": "there is no general GMM",
    "sem": "there are no structural equations; Mediation has mediators",
    "reg3": "there are no systems of equations",
    "sureg": "there are no systems of equations",
    "suest": "the joint covariance; by_group tests differences",
}
_REPEATED = {
    "bysort": "one estimate for each group; use fit_all with where=",
    "by": "one estimate for each group; use fit_all with where=",
    "statsby": "one estimate for each group; use fit_all with where=",
    "rolling": "rolling windows",
    "simulate": "a simulation",
    "svy": "survey weights",
    "jackknife": "cov_type='crv3' is the cluster jackknife",
    "mi": "multiple imputation",
}


def is_estimation(name: str) -> bool:
    """Tell whether a command estimates a model."""
    return name in COMMANDS or name in WITHOUT_MODEL


def translate(command: Command, context: Context) -> Translation:
    """Translate an estimation that was split into its parts."""
    for prefix in command.prefixes:
        if prefix.name in _REPEATED:
            raise StataError.because(
                f"the prefix {prefix.name}: {_REPEATED[prefix.name]}"
            )
    bootstrap = command.prefix("bootstrap", "bs")
    if bootstrap is not None and command.name != "sgmediation":
        raise StataError.because(
            "the bootstrap prefix", "Use cluster_bootstrap(spec, panel)."
        )
    if command.name not in COMMANDS:
        reason = WITHOUT_MODEL.get(command.name)
        raise StataError.because(
            f"{command.name}: {reason}"
            if reason
            else f"the command {cited(command.name)} is not known here"
        )
    return COMMANDS[command.name](command, context)


def estimate(text: str, context: Context) -> Translation:
    """Translate the text of an estimation."""
    command = read_command(text)
    return replace(translate(command, context), command=text.strip())
