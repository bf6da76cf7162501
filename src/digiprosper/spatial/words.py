"""What spatial coefficients and models are called, by code."""

from __future__ import annotations

from digiprosper.report.columns import Remark
from digiprosper.report.words import read_words

MODELS = {
    "sdm": ("spatial Durbin model (SDM)", "空间杜宾模型（SDM）"),
    "sar": ("spatial lag model (SAR)", "空间滞后模型（SAR）"),
    "sem": ("spatial error model (SEM)", "空间误差模型（SEM）"),
    "slx": ("spatially lagged regressors (SLX)", "解释变量空间滞后模型（SLX）"),
    "sdem": ("spatial Durbin error model (SDEM)", "空间杜宾误差模型（SDEM）"),
    "sac": ("spatial lag and error (SAC)", "空间自回归组合模型（SAC）"),
}
"""In summaries and under tables, by option word."""

WORDS = read_words(__file__)

MADE = read_words(__file__, "words_made")


def construction_remark(made_by: str) -> str | Remark:
    """Return the construction of weights as a remark, or as it is if it has no words.

    A construction may contain others; the outermost is read first.
    """
    read = MADE.read(made_by)
    if read is None:
        return made_by
    names = {
        part: (construction_remark(text) if part.startswith("made") else text,)
        for part, text in read[1].items()
    }
    return Remark(read[0], names, MADE)


"""Words in tables, by code."""
