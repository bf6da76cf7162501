"""Propositions (variables, shape and sign), and a catalogue from one paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, fields, replace
from itertools import product
from typing import Any, Literal, TypeAlias, get_args

from digiprosper.checks import check_option, option_error, option_problem
from digiprosper.errors import (
    InputTypeError,
    OptionError,
    cited,
    packaged_rows,
    quoted,
)
from digiprosper.report.pickling import PickledByName
from digiprosper.report.text import repeated

Shape: TypeAlias = Literal[
    "linear",
    "mediated",
    "moderated",
    "threshold",
    "U",
    "U-mediated",
    "U-moderated",
    "coupled",
    "spatial",
]
Sign: TypeAlias = Literal["+", "-", "-/+", "+/-", "shift"]
Testable: TypeAlias = Literal["yes", "proxy", "no"]
Impact: TypeAlias = Literal["total", "direct", "indirect"]

_TURNING = ("-/+", "+/-")
_SIGNS = {"U": _TURNING, "U-mediated": _TURNING, "U-moderated": ("shift",)}
_WITH_CHANNELS = ("mediated", "U-mediated")
_MAY_HAVE_CHANNELS = (*_WITH_CHANNELS, "threshold")
_WITH_MODERATOR = ("moderated", "threshold", "U-moderated")
_PATH_SIGNS = ("", "++", "+-", "-+", "--")
_STAGES = ("", "cake", "division", "constraint", "policy")


@dataclass(frozen=True, slots=True)
class Mechanism(PickledByName):
    """One proposition about a mechanism, with all that is needed to test it.

    The variables are roles, such as ``"de"``. The argument `columns` of `evaluate` maps
    roles to columns of a panel. Several causes, outcomes or moderators are one text,
    separated by ``;``.

    Parameters
    ----------
    id : str
        Short unique name, such as ``"P05"``.
    claim : str
        The proposition in one sentence.
    source : str
        Source of the proposition.
    cause : str
        Role of the explanatory variable. Several causes are tested separately.
    channels : sequence of str, or str
        Roles of the mediators, which are in one model. With shape ``"threshold"`` their
        indirect effects are compared between regimes.
    outcome : str
        Role of the outcome. Several outcomes are tested separately, on the same rows.
    sign : {"+", "-", "-/+", "+/-", "shift"}
        Claimed sign of the estimate; see Notes.
    shape : str
        Form of the relation, which determines the model; see Notes.
    moderator : str
        Role of the moderator or the threshold variable.
    claim_zh : str
        The claim in Chinese.
    test : str
        Description of the test.
    testable : {"yes", "proxy", "no"}
        ``"proxy"`` if a variable is measured by a proxy. ``"no"`` if it needs data of
        another type; the verdict is then "not testable" for any columns.
        ``dataclasses.replace(mechanism, testable="yes")`` changes this.
    path_signs : str
        For shape ``"mediated"``: claimed signs of both paths, such as ``"+-"`` if the
        cause increases the mediator and the mediator decreases the outcome. Empty if
        only the sign of the indirect effect is claimed.
    design : {"", "staggered"}
        For shape ``"linear"``: ``"staggered"`` if the cause is a policy that entities
        adopt at different times.
    impact : {"total", "direct", "indirect"}
        For shape ``"spatial"``: effect whose sign is claimed. Indirect effects are
        spillovers.
    stand_in : str
        Role that is measured by a proxy, or several, if `testable` is ``"proxy"``.
    needs, needs_zh : str
        Data that a test would need, in English and Chinese.
    stage : {"", "cake", "division", "constraint", "policy"}
        Stage in the figure of pathways; one per outcome if they differ.
    section, where : str
        Place in the source.

    Raises
    ------
    InputTypeError
        If a field is not text.
    OptionError
        If an option has an unknown value, if the sign is not possible for the shape, or
        if the roles do not fit the shape.

    Notes
    -----
    The estimate whose sign is claimed, and its model, are:

    ===============  ===============================================  ==================
    shape            estimate                                         model
    ===============  ===============================================  ==================
    ``linear``       slope of the cause                               `FixedEffects`
    ``mediated``     indirect effect of every channel                 `Mediation`
    ``moderated``    interaction of cause and moderator               `FixedEffects`
    ``threshold``    change of the slope where the moderator          `PanelThreshold`
                     passes a threshold
    ``U``            slopes at the least and the largest value of     `u_test`
                     the cause
    ``U-mediated``   indirect effects at these values                 `Mediation`,
                                                                      quadratic
    ``U-moderated``  shift of the turning point (no direction is      `moderated_u_test`
                     claimed)
    ``coupled``      slope of the outcome on the cause; its           `FixedEffects`
                     direction is not identified
    ``spatial``      total effect, or that of `impact`                `PanelSpatial`
    ===============  ===============================================  ==================

    Examples
    --------
    >>> from digiprosper import pathways
    >>> mechanism = pathways.Mechanism(
    ...     "P05",
    ...     "Upgrading carries the digital economy to common prosperity",
    ...     cause="de",
    ...     channels=("isu",),
    ...     outcome="cp",
    ...     sign="+",
    ...     shape="mediated",
    ... )
    >>> mechanism.roles
    ('de', 'isu', 'cp')
    """

    id: str
    claim: str
    _: KW_ONLY
    cause: str
    outcome: str
    sign: Sign
    shape: Shape
    channels: Sequence[str] = ()
    moderator: str = ""
    source: str = ""
    claim_zh: str = ""
    test: str = ""
    testable: Testable = "yes"
    path_signs: str = ""
    design: Literal["", "staggered"] = ""
    impact: Impact = "total"
    stand_in: str = ""
    needs: str = ""
    needs_zh: str = ""
    stage: str = ""
    section: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        roles: Any = (
            split_roles(self.channels)
            if isinstance(self.channels, str)
            else self.channels
        )
        if not isinstance(roles, list | tuple) or not all(
            isinstance(role, str) for role in roles
        ):
            raise self._type_error("channels", "a list of roles (text)")
        object.__setattr__(self, "channels", tuple(roles))
        for argument in fields(self):
            if argument.name != "channels" and not isinstance(
                getattr(self, argument.name), str
            ):
                raise self._type_error(argument.name, "text")
        for name in ("id", "claim", "cause", "outcome"):
            if not getattr(self, name).strip():
                raise self._option_error(name, f"{name} is empty")
        self._check_options()
        self._check_roles()
        self._refuse_contradictions()

    @property
    def causes(self) -> tuple[str, ...]:
        """Roles of the causes."""
        return split_roles(self.cause)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Roles of the outcomes."""
        return split_roles(self.outcome)

    @property
    def moderators(self) -> tuple[str, ...]:
        """Roles of the moderators."""
        return split_roles(self.moderator)

    @property
    def roles(self) -> tuple[str, ...]:
        """All distinct roles: causes, channels, outcomes, moderators."""
        all_roles = (*self.causes, *self.channels, *self.outcomes, *self.moderators)
        return tuple(dict.fromkeys(all_roles))

    def split(self) -> tuple[Mechanism, ...]:
        """Return one mechanism for each cause and outcome.

        Returns
        -------
        tuple of Mechanism
            The mechanism itself if there is one cause and one outcome. Otherwise one
            for each pair, with ids such as ``"P08:cp_growth"``.
        """
        causes, outcomes, stages = self.causes, self.outcomes, split_roles(self.stage)
        if len(causes) == 1 and len(outcomes) == 1:
            return (self,)
        if len(stages) != len(outcomes):
            stages = (self.stage,) * len(outcomes)
        rows = []
        for cause, (outcome, stage) in product(
            causes, zip(outcomes, stages, strict=True)
        ):
            name = self.id
            if len(causes) > 1:
                name += f":{cause}"
            if len(outcomes) > 1:
                name += f":{outcome}"
            rows.append(
                replace(self, id=name, cause=cause, outcome=outcome, stage=stage)
            )
        return tuple(rows)

    # --- checks -----------------------------------------------------------------------

    def _check_options(self) -> None:
        words = {
            "shape": get_args(Shape),
            "testable": get_args(Testable),
            "path_signs": _PATH_SIGNS,
            "design": ("", "staggered"),
            "impact": get_args(Impact),
        }
        for name, allowed in words.items():
            check_option(name, getattr(self, name), allowed)
        for stage in split_roles(self.stage):
            check_option("stage", stage, _STAGES)
        signs = _SIGNS.get(self.shape, ("+", "-"))
        if self.sign not in signs:
            sign, shape = cited(self.sign), cited(self.shape)
            problem = (
                f"sign={sign} does not suit shape={shape}, which takes {quoted(signs)}"
            )
            raise self._option_error("sign", problem)

    def _check_roles(self) -> None:
        """Check that the shape has the roles it needs, and no others."""
        shape, moderators = self.shape, self.moderators
        with_channels = shape in _WITH_CHANNELS
        with_moderator = shape in _WITH_MODERATOR
        rules = (
            ("channels", self.channels, with_channels, shape in _MAY_HAVE_CHANNELS),
            ("moderator", moderators, with_moderator, with_moderator),
            ("path_signs", self.path_signs, False, shape == "mediated"),
            ("design", self.design, False, shape == "linear"),
            ("impact", self.impact != "total", False, shape == "spatial"),
        )
        for name, used, needed, allowed in rules:
            if needed and not used:
                needed_role = "a moderator" if name == "moderator" else name
                raise self._option_error(
                    name, f"shape={cited(shape)} needs {needed_role}"
                )
            if used and not allowed:
                raise self._option_error(name, f"shape={cited(shape)} takes no {name}")
        if shape == "threshold" and len(moderators) > 1:
            problem = f"shape={cited(shape)} takes one threshold variable"
            raise self._option_error("moderator", problem)

    def _refuse_contradictions(self) -> None:
        """Refuse signs that contradict each other, and a variable with two roles."""
        sign = "+" if self.path_signs in ("++", "--") else "-"
        if self.path_signs and sign != self.sign:
            raise self._option_error(
                "path_signs",
                f"path_signs={cited(self.path_signs)} make an indirect effect with the "
                f"sign {sign}, but sign={cited(self.sign)}",
            )
        all_roles = [*self.causes, *self.channels, *self.outcomes]
        # A cause may be its own threshold variable.
        if self.shape != "threshold" or self.moderator != self.cause:
            all_roles += self.moderators
        if duplicates := sorted(repeated(all_roles)):
            raise self._option_error("roles", f"{quoted(duplicates)} has two roles")

    def _type_error(self, name: str, form: str) -> InputTypeError:
        value = getattr(self, name)
        return InputTypeError(
            f"Mechanism {cited(self.id)}: {name} must be {form}, not {cited(value)}.",
            [option_problem(name, value)],
        )

    def _option_error(self, option: str, problem: str) -> OptionError:
        return option_error(
            option,
            getattr(self, option, None),
            f"Mechanism {cited(self.id)}: {problem}.",
        )


def split_roles(text: str) -> tuple[str, ...]:
    """Split a text of roles with ``;`` between them, such as "employment;income"."""
    return tuple(part.strip() for part in text.split(";") if part.strip())


def roles_of(mechanisms: Iterable[Mechanism]) -> tuple[str, ...]:
    """List roles of several mechanisms, each once, in order of occurrence."""
    return tuple(
        dict.fromkeys(role for mechanism in mechanisms for role in mechanism.roles)
    )


def seed_catalogue() -> tuple[Mechanism, ...]:
    """Return the propositions of Kang & Liu.

    They are about the digital economy and common prosperity. Kang & Liu, "Exploring the
    Path to Achieving Common Prosperity Enabled by the Digital Economy", describe
    channels and constraints without estimates. Each proposition states one of their
    sentences in a form that can be tested. `source` is the work that they cite for it.
    P16 and P17 are from the abstract of a cited work.

    Returns
    -------
    tuple of Mechanism
        Propositions P01 to P62. An id is never used for another proposition.

    Notes
    -----
    Roles are ``de`` (digital economy), ``cp`` (common prosperity), ``cp_growth`` and
    ``cp_share`` (its two dimensions), ``ur_gap`` (ratio or Theil index of urban and
    rural incomes), ``gini`` (income inequality), ``isu`` (industrial upgrading),
    ``tfp`` (productivity), and others whose names explain themselves.

    Examples
    --------
    >>> from digiprosper import pathways
    >>> catalogue = pathways.seed_catalogue()
    >>> len(catalogue), catalogue[4].id, catalogue[4].channels
    (62, 'P05', ('isu',))
    >>> sum(mechanism.testable == "no" for mechanism in catalogue)
    6
    """
    rows: Any = packaged_rows(__file__, "propositions")
    return tuple(Mechanism(**row) for row in rows)
