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
    from digiprosper import plots as plots
    from digiprosper.composite.audits import overlap_audit as overlap_audit
    from digiprosper.composite.coupling import CouplingMethod as CouplingMethod
    from digiprosper.composite.coupling import coupling_coordination as coupling_coordination
    from digiprosper.composite.indicators import Direction as Direction
    from digiprosper.composite.indicators import Indicator as Indicator
    from digiprosper.composite.indicators import IndicatorSystem as IndicatorSystem
    from digiprosper.composite.kernels.aggregate import Aggregation as Aggregation
    from digiprosper.composite.kernels.normalise import Normalisation as Normalisation
    from digiprosper.composite.kernels.structure import IndexStructure as IndexStructure
    from digiprosper.composite.options import IndexMissing as IndexMissing
    from digiprosper.composite.ranking_results import Among as Among
    from digiprosper.composite.ranking_results import IndexSensitivity as IndexSensitivity
    from digiprosper.composite.ranking_results import RankResults as RankResults
    from digiprosper.composite.rankings import LeaveOut as LeaveOut
    from digiprosper.composite.rankings import leave_one_out as leave_one_out
    from digiprosper.composite.rankings import rank_probabilities as rank_probabilities
    from digiprosper.composite.replication import audit_weights as audit_weights
    from digiprosper.composite.results import IndexResults as IndexResults
    from digiprosper.composite.results import WeightErrors as WeightErrors
    from digiprosper.composite.scopes import Scope as Scope
    from digiprosper.composite.sensitivity import index_sensitivity as index_sensitivity
    from digiprosper.composite.specification import CompositeIndex as CompositeIndex
    from digiprosper.composite.weights import Weighting as Weighting
    from digiprosper.composite.weights import critic_weights as critic_weights
    from digiprosper.composite.weights import cv_weights as cv_weights
    from digiprosper.composite.weights import entropy_weights as entropy_weights
    from digiprosper.composite.weights import equal_weights as equal_weights
    from digiprosper.composite.weights import pca_weights as pca_weights
    from digiprosper.composite.weights import std_weights as std_weights
    from digiprosper.datasets.simulate import Truth as Truth
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
    from digiprosper.errors import PickleError as PickleError
    from digiprosper.errors import SingletonWarning as SingletonWarning
    from digiprosper.errors import SmallRegimeWarning as SmallRegimeWarning
    from digiprosper.errors import TermError as TermError
    from digiprosper.errors import ThresholdSearchError as ThresholdSearchError
    from digiprosper.inequality.beta_convergence import ConvergenceResults as ConvergenceResults
    from digiprosper.inequality.beta_convergence import beta_convergence as beta_convergence
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
    from digiprosper.linear.cluster_bootstrap import cluster_bootstrap as cluster_bootstrap
    from digiprosper.linear.combination import LinearCombination as LinearCombination
    from digiprosper.linear.fixed_effects import FixedEffects as FixedEffects
    from digiprosper.linear.fixed_effects_iv import FixedEffectsIV as FixedEffectsIV
    from digiprosper.linear.iv_results import IVResults as IVResults
    from digiprosper.linear.preparation import CovType as CovType
    from digiprosper.linear.preparation import Ssc as Ssc
    from digiprosper.linear.randomisation_test import randomisation_test as randomisation_test
    from digiprosper.linear.results import LinearResults as LinearResults
    from digiprosper.linear.wild_bootstrap import WildBootstrapResult as WildBootstrapResult
    from digiprosper.linear.wild_bootstrap import wild_bootstrap as wild_bootstrap
    from digiprosper.mediation.conditional import JohnsonNeyman as JohnsonNeyman
    from digiprosper.mediation.decisions import Decision as Decision
    from digiprosper.mediation.iv_results import MediationIVResults as MediationIVResults
    from digiprosper.mediation.mean_group import MeanGroupResults as MeanGroupResults
    from digiprosper.mediation.mean_group import mean_group_mediation as mean_group_mediation
    from digiprosper.mediation.mediation import Mediation as Mediation
    from digiprosper.mediation.mediation import MediationStructure as MediationStructure
    from digiprosper.mediation.mediation import Moderated as Moderated
    from digiprosper.mediation.mediation_iv import MediationIV as MediationIV
    from digiprosper.mediation.results import MediationResults as MediationResults
    from digiprosper.mediation.results import SobelKind as SobelKind
    from digiprosper.mediation.sensitivity import MediationSensitivity as MediationSensitivity
    from digiprosper.mediation.sensitivity import mediational_e_value as mediational_e_value
    from digiprosper.mediation.sequential_g import sequential_g as sequential_g
    from digiprosper.mediation.within_between import within_between as within_between
    from digiprosper.panel import Panel as Panel
    from digiprosper.panel import Sample as Sample
    from digiprosper.present.rows import Below as Below
    from digiprosper.present.tables import Table as Table
    from digiprosper.present.tables import etable as etable
    from digiprosper.report.collection import ResultSet as ResultSet
    from digiprosper.report.effects import EffectResults as EffectResults
    from digiprosper.report.protocol import Glance as Glance
    from digiprosper.report.protocol import HasDraws as HasDraws
    from digiprosper.report.protocol import Results as Results
    from digiprosper.report.tests import TestResult as TestResult
    from digiprosper.studies.many import fit_all as fit_all
    from digiprosper.studies.many import stepwise as stepwise
    from digiprosper.studies.propagation import PropagatedIndex as PropagatedIndex
    from digiprosper.studies.propagation import PropagatedResults as PropagatedResults
    from digiprosper.threshold.kink_results import KinkResults as KinkResults
    from digiprosper.threshold.panel_kink import PanelKink as PanelKink
    from digiprosper.threshold.panel_threshold import Bootstrap as Bootstrap
    from digiprosper.threshold.panel_threshold import Confidence as Confidence
    from digiprosper.threshold.panel_threshold import DfRule as DfRule
    from digiprosper.threshold.panel_threshold import Grid as Grid
    from digiprosper.threshold.panel_threshold import PanelThreshold as PanelThreshold
    from digiprosper.threshold.panel_threshold import Rule as Rule
    from digiprosper.threshold.panel_threshold import Search as Search
    from digiprosper.threshold.results import ThresholdResults as ThresholdResults
    from digiprosper.u_shape.moderated import ModeratedUResult as ModeratedUResult
    from digiprosper.u_shape.moderated import moderated_u_test as moderated_u_test
    from digiprosper.u_shape.two_lines import TwoLinesResult as TwoLinesResult
    from digiprosper.u_shape.two_lines import two_lines as two_lines
    from digiprosper.u_shape.u_test import UForm as UForm
    from digiprosper.u_shape.u_test import UTestResult as UTestResult
    from digiprosper.u_shape.u_test import u_test as u_test

_ERRORS = (
    "AlignmentError BoundaryThresholdWarning CollinearityError ColumnError CovarianceWarning "
    "DigiprosperError "
    "DigiprosperWarning FewClustersWarning FewDrawsWarning IdentificationError IdentificationWarning "
    "IndicatorError IndicatorWarning InputTypeError MissingDataError MissingDataWarning NearCollinearWarning "
    "Notice OptionError PanelIndexError PickleError SingletonWarning SmallRegimeWarning TermError "
    "ThresholdSearchError"
)
_HOME = {
    **dict.fromkeys(_ERRORS.split(), "errors"),
    "Aggregation": "composite.kernels.aggregate",
    "Among": "composite.ranking_results",
    "Below": "present.rows",
    "Bootstrap": "threshold.panel_threshold",
    "CompositeIndex": "composite.specification",
    "Confidence": "threshold.panel_threshold",
    "ConvergenceResults": "inequality.beta_convergence",
    "CouplingMethod": "composite.coupling",
    "CovType": "linear.preparation",
    "Cuts": "inequality.convergence",
    "DagumResult": "inequality.dagum_gini",
    "Decision": "mediation.decisions",
    "DfRule": "threshold.panel_threshold",
    "Direction": "composite.indicators",
    "EffectResults": "report.effects",
    "FixedEffects": "linear.fixed_effects",
    "FixedEffectsIV": "linear.fixed_effects_iv",
    "Glance": "report.protocol",
    "Grid": "threshold.panel_threshold",
    "HasDraws": "report.protocol",
    "IVResults": "linear.iv_results",
    "IndexMissing": "composite.options",
    "IndexResults": "composite.results",
    "IndexSensitivity": "composite.ranking_results",
    "IndexStructure": "composite.kernels.structure",
    "Indicator": "composite.indicators",
    "IndicatorSystem": "composite.indicators",
    "JohnsonNeyman": "mediation.conditional",
    "KinkResults": "threshold.kink_results",
    "LeaveOut": "composite.rankings",
    "LinearCombination": "linear.combination",
    "LinearResults": "linear.results",
    "MarkovResult": "inequality.convergence",
    "MeanGroupResults": "mediation.mean_group",
    "Mediation": "mediation.mediation",
    "MediationIV": "mediation.mediation_iv",
    "MediationIVResults": "mediation.iv_results",
    "MediationResults": "mediation.results",
    "MediationSensitivity": "mediation.sensitivity",
    "MediationStructure": "mediation.mediation",
    "Moderated": "mediation.mediation",
    "ModeratedUResult": "u_shape.moderated",
    "Normalisation": "composite.kernels.normalise",
    "Panel": "panel",
    "PanelKink": "threshold.panel_kink",
    "PanelThreshold": "threshold.panel_threshold",
    "PropagatedIndex": "studies.propagation",
    "PropagatedResults": "studies.propagation",
    "RankResults": "composite.ranking_results",
    "ResultSet": "report.collection",
    "Results": "report.protocol",
    "Rule": "threshold.panel_threshold",
    "Sample": "panel",
    "Scope": "composite.scopes",
    "Search": "threshold.panel_threshold",
    "SobelKind": "mediation.results",
    "Ssc": "linear.preparation",
    "Table": "present.tables",
    "TestResult": "report.tests",
    "TheilDecomposition": "inequality.theil_groups",
    "ThresholdResults": "threshold.results",
    "Truth": "datasets.simulate",
    "TwoLinesResult": "u_shape.two_lines",
    "UForm": "u_shape.u_test",
    "UTestResult": "u_shape.u_test",
    "WeightErrors": "composite.results",
    "Weighting": "composite.weights",
    "WildBootstrapResult": "linear.wild_bootstrap",
    "atkinson": "inequality.measures",
    "audit_weights": "composite.replication",
    "beta_convergence": "inequality.beta_convergence",
    "cluster_bootstrap": "linear.cluster_bootstrap",
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
    "index_sensitivity": "composite.sensitivity",
    "leave_one_out": "composite.rankings",
    "markov_transitions": "inequality.convergence",
    "mean_group_mediation": "mediation.mean_group",
    "mediational_e_value": "mediation.sensitivity",
    "moderated_u_test": "u_shape.moderated",
    "overlap_audit": "composite.audits",
    "pca_weights": "composite.weights",
    "randomisation_test": "linear.randomisation_test",
    "rank_probabilities": "composite.rankings",
    "sequential_g": "mediation.sequential_g",
    "sigma_convergence": "inequality.convergence",
    "std_weights": "composite.weights",
    "stepwise": "studies.many",
    "theil_decomposition": "inequality.theil_groups",
    "theil_l": "inequality.measures",
    "theil_t": "inequality.measures",
    "two_lines": "u_shape.two_lines",
    "u_test": "u_shape.u_test",
    "urban_rural_theil": "inequality.theil_groups",
    "wild_bootstrap": "linear.wild_bootstrap",
    "within_between": "mediation.within_between",
}
_MODULES = {"datasets": "datasets", "plots": "plots"}
# What results hold without a public name: its name in pickles, and where it is now. Names stay for good.
_HELD = {
    "DrawnEstimates": "report.effects:DrawnEstimates",
    "EffectPath": "mediation.routes:Route",
    "EffectProducts": "mediation.kernel:Products",
    "IndexFixedSums": "composite.kernels.uncertainty:FixedSums",
    "IndexLearned": "composite.state:Learned",
    "IndexMomentSums": "composite.kernels.uncertainty:MomentSums",
    "IndexRule": "composite.kernels.structure:Rule",
    "IndexScaleAsGiven": "composite.kernels.normalise:AsGiven",
    "IndexScaleMaxima": "composite.kernels.normalise:Maxima",
    "IndexScaleMinMax": "composite.kernels.normalise:EndPoints",
    "IndexScaleRanks": "composite.kernels.normalise:Ranks",
    "IndexScaleZScores": "composite.kernels.normalise:ZScores",
    "IndexState": "composite.state:State",
    "IndexTheilSums": "composite.kernels.uncertainty:TheilSums",
    "IndexComparedRanks": "composite.ranking_results:ComparedRanks",
    "IndexRankedRows": "composite.ranking_results:RankedRows",
    "IndexScoredRows": "composite.results:ScoredRows",
    "IndexWeighing": "composite.kernels.structure:Weighing",
    "Inference": "report.inference:Inference",
    "KinkBounded": "threshold.groups:KinkBounded",
    "KinkSearched": "threshold.groups:KinkSearched",
    "KinkTested": "threshold.groups:KinkTested",
    "LinearEstimated": "linear.results:Estimated",
    "LinearReducedForms": "linear.kernels.anderson_rubin:ReducedForms",
    "LinearRows": "linear.results:RowSummary",
    "LinearSample": "linear.results:EstimationSample",
    "MediationVarying": "mediation.routes:Varying",
    "PathSystem": "mediation.routes:PathSystem",
    "PathTest": "mediation.decisions:Test",
    "Term": "report.terms:Term",
    "TermFactor": "report.terms:Factor",
    "TermPoint": "report.terms:Point",
    "TermRegime": "report.terms:Regime",
    "ThresholdBounded": "threshold.groups:ThresholdBounded",
    "ThresholdSearched": "threshold.groups:ThresholdSearched",
    "ThresholdSplit": "threshold.groups:ThresholdSplit",
    "ThresholdTested": "threshold.groups:ThresholdTested",
    "WildDraws": "linear.kernels.wild:WildDraws",
    "Words": "report.words:Words",
}

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
    "FixedEffectsIV",
    "Glance",
    "Grid",
    "HasDraws",
    "IVResults",
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
    "LinearCombination",
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
    "PickleError",
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
    "WildBootstrapResult",
    "atkinson",
    "audit_weights",
    "beta_convergence",
    "cluster_bootstrap",
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
    "randomisation_test",
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
    "wild_bootstrap",
    "within_between",
]


# Python locks each module while it imports it, and numpy, scipy and the rooms of this package import in
# circles. Two threads that enter a circle at different places wait for each other, or find half a
# module: so one thread at a time. No module of this package may ask here for a public name: it would
# wait inside another lock.
_LOADING = RLock()


def __getattr__(name: str) -> Any:
    home = _HOME.get(name) or _HELD.get(name) or _MODULES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    path, _, inside = home.partition(":")
    with _LOADING:
        value: Any = import_module(f"{__name__}.{path}")
        if name not in _MODULES:
            value = getattr(value, inside or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
