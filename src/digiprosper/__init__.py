"""Panel-data econometrics, from raw indicators to the paper's tables.

Every public name is an attribute of this module and is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from digiprosper._version import __version__ as __version__

if TYPE_CHECKING:
    from digiprosper import datasets as datasets
    from digiprosper.composite.aggregate import Aggregation as Aggregation
    from digiprosper.composite.audits import overlap_audit as overlap_audit
    from digiprosper.composite.coupling import CouplingMethod as CouplingMethod
    from digiprosper.composite.coupling import coupling_coordination as coupling_coordination
    from digiprosper.composite.index import CompositeIndex as CompositeIndex
    from digiprosper.composite.index import IndexMissing as IndexMissing
    from digiprosper.composite.indicators import Direction as Direction
    from digiprosper.composite.indicators import Indicator as Indicator
    from digiprosper.composite.indicators import IndicatorSystem as IndicatorSystem
    from digiprosper.composite.normalise import Normalisation as Normalisation
    from digiprosper.composite.replication import audit_weights as audit_weights
    from digiprosper.composite.results import IndexResults as IndexResults
    from digiprosper.composite.results import WeightErrors as WeightErrors
    from digiprosper.composite.scopes import Scope as Scope
    from digiprosper.composite.structure import IndexStructure as IndexStructure
    from digiprosper.composite.weights import Weighting as Weighting
    from digiprosper.composite.weights import critic_weights as critic_weights
    from digiprosper.composite.weights import cv_weights as cv_weights
    from digiprosper.composite.weights import entropy_weights as entropy_weights
    from digiprosper.composite.weights import equal_weights as equal_weights
    from digiprosper.composite.weights import pca_weights as pca_weights
    from digiprosper.composite.weights import std_weights as std_weights
    from digiprosper.datasets.simulate import Truth as Truth
    from digiprosper.diagnostics import ModeratedUResult as ModeratedUResult
    from digiprosper.diagnostics import UForm as UForm
    from digiprosper.diagnostics import UTestResult as UTestResult
    from digiprosper.diagnostics import moderated_u_test as moderated_u_test
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
    from digiprosper.estimators.kink import PanelKink as PanelKink
    from digiprosper.estimators.linear import FixedEffects as FixedEffects
    from digiprosper.estimators.mediation import Mediation as Mediation
    from digiprosper.estimators.mediation import MediationStructure as MediationStructure
    from digiprosper.estimators.mediation import Moderated as Moderated
    from digiprosper.estimators.mediation_iv import MediationIV as MediationIV
    from digiprosper.estimators.preparation import CovType as CovType
    from digiprosper.estimators.preparation import Ssc as Ssc
    from digiprosper.estimators.threshold import Bootstrap as Bootstrap
    from digiprosper.estimators.threshold import Confidence as Confidence
    from digiprosper.estimators.threshold import DfRule as DfRule
    from digiprosper.estimators.threshold import Grid as Grid
    from digiprosper.estimators.threshold import PanelThreshold as PanelThreshold
    from digiprosper.estimators.threshold import Rule as Rule
    from digiprosper.estimators.threshold import Search as Search
    from digiprosper.inequality.convergence import Cuts as Cuts
    from digiprosper.inequality.convergence import MarkovResult as MarkovResult
    from digiprosper.inequality.convergence import markov_transitions as markov_transitions
    from digiprosper.inequality.convergence import sigma_convergence as sigma_convergence
    from digiprosper.inequality.dagum_gini import DagumResult as DagumResult
    from digiprosper.inequality.dagum_gini import dagum as dagum
    from digiprosper.inequality.measures import atkinson as atkinson
    from digiprosper.inequality.measures import coefficient_of_variation as coefficient_of_variation
    from digiprosper.inequality.measures import gini as gini
    from digiprosper.inequality.measures import theil_l as theil_l
    from digiprosper.inequality.measures import theil_t as theil_t
    from digiprosper.inequality.theil_groups import TheilDecomposition as TheilDecomposition
    from digiprosper.inequality.theil_groups import theil_decomposition as theil_decomposition
    from digiprosper.inequality.theil_groups import urban_rural_theil as urban_rural_theil
    from digiprosper.panel import Panel as Panel
    from digiprosper.panel import Sample as Sample
    from digiprosper.present import plots as plots
    from digiprosper.present.rows import Below as Below
    from digiprosper.present.tables import Table as Table
    from digiprosper.present.tables import etable as etable
    from digiprosper.results.collection import ResultSet as ResultSet
    from digiprosper.results.conditional import JohnsonNeyman as JohnsonNeyman
    from digiprosper.results.decisions import Decision as Decision
    from digiprosper.results.effects import EffectResults as EffectResults
    from digiprosper.results.kink import KinkResults as KinkResults
    from digiprosper.results.linear import LinearResults as LinearResults
    from digiprosper.results.mediation import MediationResults as MediationResults
    from digiprosper.results.mediation import SobelKind as SobelKind
    from digiprosper.results.mediation_iv import MediationIVResults as MediationIVResults
    from digiprosper.results.protocol import Glance as Glance
    from digiprosper.results.protocol import HasDraws as HasDraws
    from digiprosper.results.protocol import Results as Results
    from digiprosper.results.ranking import Among as Among
    from digiprosper.results.ranking import IndexSensitivity as IndexSensitivity
    from digiprosper.results.ranking import RankResults as RankResults
    from digiprosper.results.sensitivity import MediationSensitivity as MediationSensitivity
    from digiprosper.results.sensitivity import mediational_e_value as mediational_e_value
    from digiprosper.results.tests import TestResult as TestResult
    from digiprosper.results.threshold import ThresholdResults as ThresholdResults
    from digiprosper.studies.convergence import ConvergenceResults as ConvergenceResults
    from digiprosper.studies.convergence import beta_convergence as beta_convergence
    from digiprosper.studies.many import fit_all as fit_all
    from digiprosper.studies.many import stepwise as stepwise
    from digiprosper.studies.mean_group import MeanGroupResults as MeanGroupResults
    from digiprosper.studies.mean_group import mean_group_mediation as mean_group_mediation
    from digiprosper.studies.propagation import PropagatedIndex as PropagatedIndex
    from digiprosper.studies.propagation import PropagatedResults as PropagatedResults
    from digiprosper.studies.rankings import LeaveOut as LeaveOut
    from digiprosper.studies.rankings import leave_one_out as leave_one_out
    from digiprosper.studies.rankings import rank_probabilities as rank_probabilities
    from digiprosper.studies.sensitivity import index_sensitivity as index_sensitivity
    from digiprosper.studies.sequential_g import sequential_g as sequential_g
    from digiprosper.studies.two_lines import TwoLinesResult as TwoLinesResult
    from digiprosper.studies.two_lines import two_lines as two_lines
    from digiprosper.studies.within_between import within_between as within_between

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
    "Among": "results.ranking",
    "Below": "present.rows",
    "Bootstrap": "estimators.threshold",
    "CompositeIndex": "composite.index",
    "Confidence": "estimators.threshold",
    "ConvergenceResults": "studies.convergence",
    "CouplingMethod": "composite.coupling",
    "CovType": "estimators.preparation",
    "Cuts": "inequality.convergence",
    "DagumResult": "inequality.dagum_gini",
    "Decision": "results.decisions",
    "DfRule": "estimators.threshold",
    "Direction": "composite.indicators",
    "EffectResults": "results.effects",
    "FixedEffects": "estimators.linear",
    "Glance": "results.protocol",
    "Grid": "estimators.threshold",
    "HasDraws": "results.protocol",
    "IndexMissing": "composite.index",
    "IndexResults": "composite.results",
    "IndexSensitivity": "results.ranking",
    "IndexStructure": "composite.structure",
    "Indicator": "composite.indicators",
    "IndicatorSystem": "composite.indicators",
    "JohnsonNeyman": "results.conditional",
    "KinkResults": "results.kink",
    "LeaveOut": "studies.rankings",
    "LinearResults": "results.linear",
    "MarkovResult": "inequality.convergence",
    "MeanGroupResults": "studies.mean_group",
    "Mediation": "estimators.mediation",
    "MediationIV": "estimators.mediation_iv",
    "MediationIVResults": "results.mediation_iv",
    "MediationResults": "results.mediation",
    "MediationSensitivity": "results.sensitivity",
    "MediationStructure": "estimators.mediation",
    "Moderated": "estimators.mediation",
    "ModeratedUResult": "diagnostics",
    "Normalisation": "composite.normalise",
    "Panel": "panel",
    "PanelKink": "estimators.kink",
    "PanelThreshold": "estimators.threshold",
    "PropagatedIndex": "studies.propagation",
    "PropagatedResults": "studies.propagation",
    "RankResults": "results.ranking",
    "ResultSet": "results.collection",
    "Results": "results.protocol",
    "Rule": "estimators.threshold",
    "Sample": "panel",
    "Scope": "composite.scopes",
    "Search": "estimators.threshold",
    "SobelKind": "results.mediation",
    "Ssc": "estimators.preparation",
    "Table": "present.tables",
    "TestResult": "results.tests",
    "TheilDecomposition": "inequality.theil_groups",
    "ThresholdResults": "results.threshold",
    "Truth": "datasets.simulate",
    "TwoLinesResult": "studies.two_lines",
    "UForm": "diagnostics",
    "UTestResult": "diagnostics",
    "WeightErrors": "composite.results",
    "Weighting": "composite.weights",
    "atkinson": "inequality.measures",
    "audit_weights": "composite.replication",
    "beta_convergence": "studies.convergence",
    "coefficient_of_variation": "inequality.measures",
    "coupling_coordination": "composite.coupling",
    "critic_weights": "composite.weights",
    "cv_weights": "composite.weights",
    "dagum": "inequality.dagum_gini",
    "entropy_weights": "composite.weights",
    "equal_weights": "composite.weights",
    "etable": "present.tables",
    "fit_all": "studies.many",
    "gini": "inequality.measures",
    "index_sensitivity": "studies.sensitivity",
    "leave_one_out": "studies.rankings",
    "markov_transitions": "inequality.convergence",
    "mean_group_mediation": "studies.mean_group",
    "mediational_e_value": "results.sensitivity",
    "moderated_u_test": "diagnostics",
    "overlap_audit": "composite.audits",
    "pca_weights": "composite.weights",
    "rank_probabilities": "studies.rankings",
    "sequential_g": "studies.sequential_g",
    "sigma_convergence": "inequality.convergence",
    "std_weights": "composite.weights",
    "stepwise": "studies.many",
    "theil_decomposition": "inequality.theil_groups",
    "theil_l": "inequality.measures",
    "theil_t": "inequality.measures",
    "two_lines": "studies.two_lines",
    "u_test": "diagnostics",
    "urban_rural_theil": "inequality.theil_groups",
    "within_between": "studies.within_between",
}
_MODULES = {"datasets": "datasets", "plots": "present.plots"}

__all__ = [
    "Aggregation",
    "AlignmentError",
    "Among",
    "Below",
    "Bootstrap",
    "BoundaryThresholdWarning",
    "CollinearityError",
    "ColumnError",
    "CompositeIndex",
    "Confidence",
    "ConvergenceResults",
    "CouplingMethod",
    "CovType",
    "CovarianceWarning",
    "Cuts",
    "DagumResult",
    "Decision",
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
    "IndexSensitivity",
    "IndexStructure",
    "Indicator",
    "IndicatorError",
    "IndicatorSystem",
    "IndicatorWarning",
    "InputTypeError",
    "JohnsonNeyman",
    "KinkResults",
    "LeaveOut",
    "LinearResults",
    "MarkovResult",
    "MeanGroupResults",
    "Mediation",
    "MediationIV",
    "MediationIVResults",
    "MediationResults",
    "MediationSensitivity",
    "MediationStructure",
    "MissingDataError",
    "MissingDataWarning",
    "Moderated",
    "ModeratedUResult",
    "NearCollinearWarning",
    "Normalisation",
    "Notice",
    "OptionError",
    "Panel",
    "PanelIndexError",
    "PanelKink",
    "PanelThreshold",
    "PropagatedIndex",
    "PropagatedResults",
    "RankResults",
    "ResultSet",
    "Results",
    "Rule",
    "Sample",
    "Scope",
    "Search",
    "SingletonWarning",
    "SmallRegimeWarning",
    "SobelKind",
    "Ssc",
    "Table",
    "TermError",
    "TestResult",
    "TheilDecomposition",
    "ThresholdResults",
    "ThresholdSearchError",
    "Truth",
    "TwoLinesResult",
    "UForm",
    "UTestResult",
    "WeightErrors",
    "Weighting",
    "atkinson",
    "audit_weights",
    "beta_convergence",
    "coefficient_of_variation",
    "coupling_coordination",
    "critic_weights",
    "cv_weights",
    "dagum",
    "datasets",
    "entropy_weights",
    "equal_weights",
    "etable",
    "fit_all",
    "gini",
    "index_sensitivity",
    "leave_one_out",
    "markov_transitions",
    "mean_group_mediation",
    "mediational_e_value",
    "moderated_u_test",
    "overlap_audit",
    "pca_weights",
    "plots",
    "rank_probabilities",
    "sequential_g",
    "sigma_convergence",
    "std_weights",
    "stepwise",
    "theil_decomposition",
    "theil_l",
    "theil_t",
    "two_lines",
    "u_test",
    "urban_rural_theil",
    "within_between",
]


# Python locks each module while it imports it, and numpy, scipy and the rooms of this package import in
# circles. Two threads that enter a circle at different places wait for each other, or find half a
# module: so one thread at a time. No module of this package may ask here for a public name: it would
# wait inside another lock.
_LOADING = RLock()


def __getattr__(name: str) -> Any:
    if name not in _HOME and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _LOADING:
        if name in _MODULES:
            value: Any = import_module(f"{__name__}.{_MODULES[name]}")
        else:
            value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
