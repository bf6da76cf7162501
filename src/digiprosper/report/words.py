"""Words of tables and figures by code: one table a language."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from digiprosper.report.pickling import PickledByName

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEADS", "NO_WORDS", "TABLE", "Language", "Words"]

Language: TypeAlias = Literal["english", "chinese"]


@dataclass(frozen=True, slots=True)
class Words(PickledByName):
    """What codes say, in each language.

    Parameters
    ----------
    english : mapping
        Text by code. Names in braces are filled in: ``"Indirect through {path}"``.
    chinese : mapping
        The same codes.

    Examples
    --------
    >>> Words({"indirect": "Indirect through {path}"}).say("indirect", path="jobs")
    'Indirect through jobs'
    """

    english: Mapping[str, str] = field(default_factory=dict)
    chinese: Mapping[str, str] = field(default_factory=dict)

    def __contains__(self, code: object) -> bool:
        return code in self.english

    def say(self, code: str, language: Language = "english", **parts: object) -> str:
        """Give the words of a code.

        Parameters
        ----------
        code : str
            Which.
        language : {"english", "chinese"}
            In which language; words that it lacks are English.
        **parts
            What stands for the names in braces.

        Returns
        -------
        str
            The words; what follows the last dot of a code that has none.
        """
        table = self.chinese if language == "chinese" else self.english
        text = table.get(code, self.english.get(code))
        return code.rpartition(".")[2] if text is None else text.format(**parts)


NO_WORDS = Words()
"""Of a result that brings none."""

TABLE = Words(
    english={
        "depvar": "Dependent variable",
        "estimates": "Estimates",
        "not_estimated": "not estimated",
        "yes": "Yes",
        "no": "No",
        "some": "Some",
        "controls": "Controls",
        "effects": "{name} fixed effects",
        "weights": "Weights",
        "clustered_by": "Clustered by",
        "errors_clustered_by": "SE clustered by",
        "errors": "Standard errors",
        "ssc": "Small-sample correction",
        "given": "{value} (given)",
        "parameter": "{what} ({variable})",
        "parameter_given": "{what} ({variable}, given)",
        "stat.nobs": "Observations",
        "stat.n_entities": "Entities",
        "stat.n_times": "Periods",
        "stat.n_clusters": "Clusters",
        "stat.df_resid": "Residual degrees of freedom",
        "stat.df_t": "Degrees of freedom of t",
        "stat.df_absorbed": "Absorbed degrees of freedom",
        "stat.rsquared": "R²",
        "stat.rsquared_within": "Within R²",
        "stat.rsquared_within_entity": "Within R² (entity)",
        "stat.rsquared_adj": "Adjusted R²",
        "stat.f_statistic": "F",
    },
    chinese={
        "depvar": "被解释变量",
        "estimates": "估计值",
        "not_estimated": "未估计",
        "yes": "是",
        "no": "否",
        "some": "部分",
        "controls": "控制变量",
        "effects": "{name}固定效应",
        "weights": "权重",
        "clustered_by": "聚类层级",
        "errors_clustered_by": "标准误聚类层级",
        "errors": "标准误",
        "ssc": "小样本调整",
        "given": "{value}（给定）",
        "parameter": "{what}（{variable}）",
        "parameter_given": "{what}（{variable}，给定）",
        "stat.nobs": "观测值",
        "stat.n_entities": "个体数",
        "stat.n_times": "期数",
        "stat.n_clusters": "聚类数",
        "stat.df_resid": "残差自由度",
        "stat.df_t": "t分布自由度",
        "stat.df_absorbed": "吸收的自由度",
        "stat.rsquared": "R²",
        "stat.rsquared_within": "组内R²",
        "stat.rsquared_within_entity": "组内R²（个体）",
        "stat.rsquared_adj": "调整R²",
        "stat.f_statistic": "F",
    },
)
"""Of the rows of a table."""

HEADS = Words(
    english={
        "total": "Total effect",
        "outcome": "Outcome",
        "mediator": "Mediator: {name}",
        "x on z": "Treatment on instrument",
        "y on z": "Outcome on instrument",
        "m on z": "Mediator on instrument",
        "m on z given x": "Mediator on instrument given treatment",
        "y on z given x": "Outcome on instrument given treatment",
    },
    chinese={
        "total": "总效应",
        "outcome": "结果变量",
        "mediator": "中介变量：{name}",
        "x on z": "处理变量对工具变量",
        "y on z": "结果变量对工具变量",
        "m on z": "中介变量对工具变量",
        "m on z given x": "给定处理变量，中介变量对工具变量",
        "y on z given x": "给定处理变量，结果变量对工具变量",
    },
)
"""Of columns that are the equations of one system."""
