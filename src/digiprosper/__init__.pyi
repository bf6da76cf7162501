from digiprosper import datasets as datasets
from digiprosper import instruments as instruments
from digiprosper import pathways as pathways
from digiprosper import plots as plots
from digiprosper import stata as stata
from digiprosper import variables as variables
from digiprosper._version import __version__ as __version__
from digiprosper.composite.audits import audit_weights as audit_weights
from digiprosper.composite.audits import overlap_audit as overlap_audit
from digiprosper.composite.coupling import CouplingMethod as CouplingMethod
from digiprosper.composite.coupling import (
    coupling_coordination as coupling_coordination,
)
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
from digiprosper.composite.rankings import index_sensitivity as index_sensitivity
from digiprosper.composite.rankings import leave_one_out as leave_one_out
from digiprosper.composite.rankings import rank_probabilities as rank_probabilities
from digiprosper.composite.results import IndexResults as IndexResults
from digiprosper.composite.results import WeightErrors as WeightErrors
from digiprosper.composite.scopes import Scope as Scope
from digiprosper.composite.specification import CompositeIndex as CompositeIndex
from digiprosper.composite.weights import Weighting as Weighting
from digiprosper.composite.weights import critic_weights as critic_weights
from digiprosper.composite.weights import cv_weights as cv_weights
from digiprosper.composite.weights import entropy_weights as entropy_weights
from digiprosper.composite.weights import equal_weights as equal_weights
from digiprosper.composite.weights import pca_weights as pca_weights
from digiprosper.composite.weights import std_weights as std_weights
from digiprosper.counts.logit import LogitEffects as LogitEffects
from digiprosper.counts.logit_results import AverageEffects as AverageEffects
from digiprosper.counts.logit_results import LogitResults as LogitResults
from digiprosper.counts.poisson_effects import PoissonEffects as PoissonEffects
from digiprosper.counts.results import PoissonResults as PoissonResults
from digiprosper.datasets.simulate import Truth as Truth
from digiprosper.dynamic.dynamic_panel import DynamicEstimator as DynamicEstimator
from digiprosper.dynamic.dynamic_panel import DynamicPanel as DynamicPanel
from digiprosper.dynamic.results import DynamicResults as DynamicResults
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
from digiprosper.errors import ScanError as ScanError
from digiprosper.errors import SingletonWarning as SingletonWarning
from digiprosper.errors import SmallRegimeWarning as SmallRegimeWarning
from digiprosper.errors import SpatialWeightsWarning as SpatialWeightsWarning
from digiprosper.errors import StataError as StataError
from digiprosper.errors import TermError as TermError
from digiprosper.errors import ThresholdSearchError as ThresholdSearchError
from digiprosper.inequality.beta_convergence import (
    ConvergenceResults as ConvergenceResults,
)
from digiprosper.inequality.beta_convergence import beta_convergence as beta_convergence
from digiprosper.inequality.convergence import Cuts as Cuts
from digiprosper.inequality.convergence import MarkovResult as MarkovResult
from digiprosper.inequality.convergence import markov_transitions as markov_transitions
from digiprosper.inequality.convergence import sigma_convergence as sigma_convergence
from digiprosper.inequality.dagum_gini import DagumResult as DagumResult
from digiprosper.inequality.dagum_gini import dagum as dagum
from digiprosper.inequality.measures import atkinson as atkinson
from digiprosper.inequality.measures import (
    coefficient_of_variation as coefficient_of_variation,
)
from digiprosper.inequality.measures import gini as gini
from digiprosper.inequality.measures import relative_deprivation as relative_deprivation
from digiprosper.inequality.measures import theil_l as theil_l
from digiprosper.inequality.measures import theil_t as theil_t
from digiprosper.inequality.theil_groups import TheilDecomposition as TheilDecomposition
from digiprosper.inequality.theil_groups import (
    theil_decomposition as theil_decomposition,
)
from digiprosper.inequality.theil_groups import urban_rural_theil as urban_rural_theil
from digiprosper.learning.panel_dml import LearningTransform as LearningTransform
from digiprosper.learning.panel_dml import PanelDML as PanelDML
from digiprosper.learning.results import DMLResults as DMLResults
from digiprosper.linear.cluster_bootstrap import cluster_bootstrap as cluster_bootstrap
from digiprosper.linear.fixed_effects import FixedEffects as FixedEffects
from digiprosper.linear.fixed_effects_iv import FixedEffectsIV as FixedEffectsIV
from digiprosper.linear.hausman import HausmanMethod as HausmanMethod
from digiprosper.linear.hausman import hausman as hausman
from digiprosper.linear.iv_results import IVResults as IVResults
from digiprosper.linear.oster_bound import oster_bound as oster_bound
from digiprosper.linear.poisson import PoissonSsc as PoissonSsc
from digiprosper.linear.preparation import CovType as CovType
from digiprosper.linear.preparation import Ssc as Ssc
from digiprosper.linear.randomisation_test import placebo_test as placebo_test
from digiprosper.linear.randomisation_test import (
    randomisation_test as randomisation_test,
)
from digiprosper.linear.residual_tests import modified_wald as modified_wald
from digiprosper.linear.residual_tests import pesaran_cd as pesaran_cd
from digiprosper.linear.residual_tests import wooldridge_ar1 as wooldridge_ar1
from digiprosper.linear.results import LinearResults as LinearResults
from digiprosper.linear.specification_tests import poolability as poolability
from digiprosper.linear.specification_tests import reset_test as reset_test
from digiprosper.linear.vif import vif as vif
from digiprosper.linear.wild_bootstrap import WildBootstrapResult as WildBootstrapResult
from digiprosper.linear.wild_bootstrap import wild_bootstrap as wild_bootstrap
from digiprosper.mediation.by_entity import MeanGroupResults as MeanGroupResults
from digiprosper.mediation.by_entity import mean_group_mediation as mean_group_mediation
from digiprosper.mediation.by_entity import within_between as within_between
from digiprosper.mediation.conditional import JohnsonNeyman as JohnsonNeyman
from digiprosper.mediation.decisions import Decision as Decision
from digiprosper.mediation.mediation import Mediation as Mediation
from digiprosper.mediation.mediation import MediationStructure as MediationStructure
from digiprosper.mediation.mediation import Moderated as Moderated
from digiprosper.mediation.mediation_iv import MediationIV as MediationIV
from digiprosper.mediation.mediation_iv import MediationIVResults as MediationIVResults
from digiprosper.mediation.results import MediationResults as MediationResults
from digiprosper.mediation.results import SobelKind as SobelKind
from digiprosper.mediation.sensitivity import (
    MediationSensitivity as MediationSensitivity,
)
from digiprosper.mediation.sensitivity import mediational_e_value as mediational_e_value
from digiprosper.mediation.sequential_g import sequential_g as sequential_g
from digiprosper.panel import Panel as Panel
from digiprosper.panel import PanelScan as PanelScan
from digiprosper.panel import Sample as Sample
from digiprosper.policy.bacon import bacon_decomposition as bacon_decomposition
from digiprosper.policy.count_results import (
    PoissonEventStudyResults as PoissonEventStudyResults,
)
from digiprosper.policy.event_study import EventStudy as EventStudy
from digiprosper.policy.honest import HonestIntervals as HonestIntervals
from digiprosper.policy.matching import match_entities as match_entities
from digiprosper.policy.matching_results import MatchedEffect as MatchedEffect
from digiprosper.policy.matching_results import Matching as Matching
from digiprosper.policy.results import EventStudyResults as EventStudyResults
from digiprosper.policy.staggered import StaggeredDid as StaggeredDid
from digiprosper.policy.staggered_results import (
    StaggeredDidResults as StaggeredDidResults,
)
from digiprosper.present.stacking import stack_tables as stack_tables
from digiprosper.present.style import Below as Below
from digiprosper.present.style import TableStyle as TableStyle
from digiprosper.present.tables import Table as Table
from digiprosper.present.tables import etable as etable
from digiprosper.present.tables import save_tables as save_tables
from digiprosper.replication.folder import save_replication as save_replication
from digiprosper.report.collection import ResultSet as ResultSet
from digiprosper.report.effects import EffectResults as EffectResults
from digiprosper.report.foreign import foreign as foreign
from digiprosper.report.protocol import Glance as Glance
from digiprosper.report.protocol import HasDraws as HasDraws
from digiprosper.report.protocol import Results as Results
from digiprosper.report.results import BaseResults as BaseResults
from digiprosper.report.results import LinearCombination as LinearCombination
from digiprosper.report.tests import TestResult as TestResult
from digiprosper.spatial.moran import geary as geary
from digiprosper.spatial.moran import local_moran as local_moran
from digiprosper.spatial.moran import moran as moran
from digiprosper.spatial.panel_spatial import EffectsError as EffectsError
from digiprosper.spatial.panel_spatial import PanelSpatial as PanelSpatial
from digiprosper.spatial.panel_spatial import SpatialCovType as SpatialCovType
from digiprosper.spatial.panel_spatial import SpatialModel as SpatialModel
from digiprosper.spatial.panel_spatial import Transform as Transform
from digiprosper.spatial.results import SpatialResults as SpatialResults
from digiprosper.spatial.tests_table import SpatialTests as SpatialTests
from digiprosper.spatial.tests_table import spatial_tests as spatial_tests
from digiprosper.spatial.weights import SpatialWeights as SpatialWeights
from digiprosper.specification import Specification as Specification
from digiprosper.stata.reading import from_stata as from_stata
from digiprosper.stata.writer import to_stata as to_stata
from digiprosper.studies.by_group import ByGroup as ByGroup
from digiprosper.studies.by_group import GroupTest as GroupTest
from digiprosper.studies.by_group import by_group as by_group
from digiprosper.studies.control_set_results import ControlSet as ControlSet
from digiprosper.studies.control_set_results import ControlSets as ControlSets
from digiprosper.studies.control_sets import control_sets as control_sets
from digiprosper.studies.many import fit_all as fit_all
from digiprosper.studies.many import stepwise as stepwise
from digiprosper.studies.propagation import PropagatedIndex as PropagatedIndex
from digiprosper.studies.propagation import PropagatedResults as PropagatedResults
from digiprosper.studies.search_results import SearchTest as SearchTest
from digiprosper.studies.search_test import search_test as search_test
from digiprosper.threshold.kink_results import KinkResults as KinkResults
from digiprosper.threshold.panel_kink import PanelKink as PanelKink
from digiprosper.threshold.panel_threshold import Confidence as Confidence
from digiprosper.threshold.panel_threshold import DfRule as DfRule
from digiprosper.threshold.panel_threshold import Grid as Grid
from digiprosper.threshold.panel_threshold import PanelThreshold as PanelThreshold
from digiprosper.threshold.panel_threshold import Rule as Rule
from digiprosper.threshold.panel_threshold import Search as Search
from digiprosper.threshold.results import ThresholdResults as ThresholdResults
from digiprosper.threshold.search import Bootstrap as Bootstrap
from digiprosper.u_shape.moderated import ModeratedUResult as ModeratedUResult
from digiprosper.u_shape.moderated import moderated_u_test as moderated_u_test
from digiprosper.u_shape.two_lines import TwoLinesResult as TwoLinesResult
from digiprosper.u_shape.two_lines import two_lines as two_lines
from digiprosper.u_shape.two_turns import TwoTurnsResult as TwoTurnsResult
from digiprosper.u_shape.two_turns import two_turns_test as two_turns_test
from digiprosper.u_shape.u_test import UForm as UForm
from digiprosper.u_shape.u_test import UTestResult as UTestResult
from digiprosper.u_shape.u_test import u_test as u_test
from digiprosper.unit_roots.unit_root_test import unit_root_test as unit_root_test
