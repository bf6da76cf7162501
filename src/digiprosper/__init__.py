"""Panel-data econometrics, from raw indicators to the paper's tables.

Every public name is an attribute of this module and is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digiprosper import datasets as datasets
    from digiprosper.composite.aggregate import Aggregation as Aggregation
    from digiprosper.composite.index import CompositeIndex as CompositeIndex
    from digiprosper.composite.index import IndexMissing as IndexMissing
    from digiprosper.composite.index import IndexResults as IndexResults
    from digiprosper.composite.index import IndexStructure as IndexStructure
    from digiprosper.composite.index import Scope as Scope
    from digiprosper.composite.indicators import Direction as Direction
    from digiprosper.composite.indicators import Indicator as Indicator
    from digiprosper.composite.indicators import IndicatorSystem as IndicatorSystem
    from digiprosper.composite.normalise import Normalisation as Normalisation
    from digiprosper.composite.weights import Weighting as Weighting
    from digiprosper.composite.weights import entropy_weights as entropy_weights
    from digiprosper.datasets.simulate import Truth as Truth
    from digiprosper.diagnostics import UTestResult as UTestResult
    from digiprosper.diagnostics import u_test as u_test
    from digiprosper.errors import AlignmentError as AlignmentError
    from digiprosper.errors import BoundaryThresholdWarning as BoundaryThresholdWarning
    from digiprosper.errors import CollinearityError as CollinearityError
    from digiprosper.errors import ColumnError as ColumnError
    from digiprosper.errors import CovarianceWarning as CovarianceWarning
    from digiprosper.errors import DigiprosperError as DigiprosperError
    from digiprosper.errors import DigiprosperWarning as DigiprosperWarning
    from digiprosper.errors import FewClustersWarning as FewClustersWarning
    from digiprosper.errors import FewDrawsWarning as FewDrawsWarning
    from digiprosper.errors import IdentificationError as IdentificationError
    from digiprosper.errors import IdentificationWarning as IdentificationWarning
    from digiprosper.errors import IndicatorError as IndicatorError
    from digiprosper.errors import IndicatorWarning as IndicatorWarning
    from digiprosper.errors import InputTypeError as InputTypeError
    from digiprosper.errors import MissingDataError as MissingDataError
    from digiprosper.errors import MissingDataWarning as MissingDataWarning
    from digiprosper.errors import NearCollinearWarning as NearCollinearWarning
    from digiprosper.errors import Notice as Notice
    from digiprosper.errors import OptionError as OptionError
    from digiprosper.errors import PanelIndexError as PanelIndexError
    from digiprosper.errors import SingletonWarning as SingletonWarning
    from digiprosper.errors import SmallRegimeWarning as SmallRegimeWarning
    from digiprosper.errors import TermError as TermError
    from digiprosper.errors import ThresholdSearchError as ThresholdSearchError
    from digiprosper.estimators.linear import FixedEffects as FixedEffects
    from digiprosper.estimators.mediation import Mediation as Mediation
    from digiprosper.estimators.mediation import MediationResults as MediationResults
    from digiprosper.estimators.mediation import MediationStructure as MediationStructure
    from digiprosper.estimators.mediation import SobelKind as SobelKind
    from digiprosper.estimators.preparation import CovType as CovType
    from digiprosper.estimators.preparation import Ssc as Ssc
    from digiprosper.estimators.threshold import Bootstrap as Bootstrap
    from digiprosper.estimators.threshold import DfRule as DfRule
    from digiprosper.estimators.threshold import Grid as Grid
    from digiprosper.estimators.threshold import PanelThreshold as PanelThreshold
    from digiprosper.estimators.threshold import Rule as Rule
    from digiprosper.panel import Panel as Panel
    from digiprosper.panel import Sample as Sample
    from digiprosper.present import plots as plots
    from digiprosper.present.rows import Below as Below
    from digiprosper.present.tables import Table as Table
    from digiprosper.present.tables import etable as etable
    from digiprosper.results.collection import ResultSet as ResultSet
    from digiprosper.results.effects import EffectResults as EffectResults
    from digiprosper.results.linear import LinearResults as LinearResults
    from digiprosper.results.protocol import Glance as Glance
    from digiprosper.results.protocol import HasDraws as HasDraws
    from digiprosper.results.protocol import Results as Results
    from digiprosper.results.tests import TestResult as TestResult
    from digiprosper.results.threshold import ThresholdResults as ThresholdResults
    from digiprosper.studies.many import fit_all as fit_all
    from digiprosper.studies.many import stepwise as stepwise

__version__ = "0.1.0"

_ERRORS = (
    "AlignmentError BoundaryThresholdWarning CollinearityError ColumnError CovarianceWarning "
    "DigiprosperError "
    "DigiprosperWarning FewClustersWarning FewDrawsWarning IdentificationError IdentificationWarning "
    "IndicatorError IndicatorWarning InputTypeError MissingDataError MissingDataWarning NearCollinearWarning "
    "Notice OptionError PanelIndexError SingletonWarning SmallRegimeWarning TermError ThresholdSearchError"
)
_HOME = {
    **dict.fromkeys(_ERRORS.split(), "errors"),
    "Aggregation": "composite.aggregate",
    "Below": "present.rows",
    "Bootstrap": "estimators.threshold",
    "CompositeIndex": "composite.index",
    "CovType": "estimators.preparation",
    "DfRule": "estimators.threshold",
    "Direction": "composite.indicators",
    "EffectResults": "results.effects",
    "FixedEffects": "estimators.linear",
    "Glance": "results.protocol",
    "Grid": "estimators.threshold",
    "HasDraws": "results.protocol",
    "IndexMissing": "composite.index",
    "IndexResults": "composite.index",
    "IndexStructure": "composite.index",
    "Indicator": "composite.indicators",
    "IndicatorSystem": "composite.indicators",
    "LinearResults": "results.linear",
    "Mediation": "estimators.mediation",
    "MediationResults": "estimators.mediation",
    "MediationStructure": "estimators.mediation",
    "Normalisation": "composite.normalise",
    "Panel": "panel",
    "PanelThreshold": "estimators.threshold",
    "ResultSet": "results.collection",
    "Results": "results.protocol",
    "Rule": "estimators.threshold",
    "Sample": "panel",
    "Scope": "composite.index",
    "SobelKind": "estimators.mediation",
    "Ssc": "estimators.preparation",
    "Table": "present.tables",
    "TestResult": "results.tests",
    "ThresholdResults": "results.threshold",
    "Truth": "datasets.simulate",
    "UTestResult": "diagnostics",
    "Weighting": "composite.weights",
    "entropy_weights": "composite.weights",
    "etable": "present.tables",
    "fit_all": "studies.many",
    "stepwise": "studies.many",
    "u_test": "diagnostics",
}
_MODULES = {"datasets": "datasets", "plots": "present.plots"}

__all__ = [
    "Aggregation",
    "AlignmentError",
    "Below",
    "Bootstrap",
    "BoundaryThresholdWarning",
    "CollinearityError",
    "ColumnError",
    "CompositeIndex",
    "CovType",
    "CovarianceWarning",
    "DfRule",
    "DigiprosperError",
    "DigiprosperWarning",
    "Direction",
    "EffectResults",
    "FewClustersWarning",
    "FewDrawsWarning",
    "FixedEffects",
    "Glance",
    "Grid",
    "HasDraws",
    "IdentificationError",
    "IdentificationWarning",
    "IndexMissing",
    "IndexResults",
    "IndexStructure",
    "Indicator",
    "IndicatorError",
    "IndicatorSystem",
    "IndicatorWarning",
    "InputTypeError",
    "LinearResults",
    "Mediation",
    "MediationResults",
    "MediationStructure",
    "MissingDataError",
    "MissingDataWarning",
    "NearCollinearWarning",
    "Normalisation",
    "Notice",
    "OptionError",
    "Panel",
    "PanelIndexError",
    "PanelThreshold",
    "ResultSet",
    "Results",
    "Rule",
    "Sample",
    "Scope",
    "SingletonWarning",
    "SmallRegimeWarning",
    "SobelKind",
    "Ssc",
    "Table",
    "TermError",
    "TestResult",
    "ThresholdResults",
    "ThresholdSearchError",
    "Truth",
    "UTestResult",
    "Weighting",
    "datasets",
    "entropy_weights",
    "etable",
    "fit_all",
    "plots",
    "stepwise",
    "u_test",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(f"{__name__}.{_MODULES[name]}")
    elif name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
