"""Which command is translated by which function."""

from __future__ import annotations

from dataclasses import replace

from digiprosper.errors import StataError, cited
from digiprosper.panel.grammar import backticked
from digiprosper.stata.commands import after, linear, panels, policy
from digiprosper.stata.names import of_kind
from digiprosper.stata.prefixes import (
    Command,
    Options,
    read_command,
    read_options,
    split,
)
from digiprosper.stata.translation import Call, Context, Table, Translation

MODELS: Table = {**linear.COMMANDS, **panels.COMMANDS, **policy.COMMANDS}
# Estimators that have no counterpart here, and what is near to some of them.
WITHOUT_MODEL = of_kind("estimates")
_REPEATED = "bysort by statsby rolling simulate svy jackknife mi parmby"


def is_estimation(name: str) -> bool:
    """Tell whether a command estimates a model."""
    return name in MODELS or name in WITHOUT_MODEL


def translate(command: Command, context: Context) -> Translation:
    """Translate an estimation, or a test after one."""
    if command.prefix("permute") is not None:
        return _permutation(command, context)
    if command.name not in TESTS:
        _refuse_parts(command)
    if command.name not in COMMANDS:
        reason = WITHOUT_MODEL.get(command.name, "the command is not known here")
        raise StataError.because(f"{cited(command.name)}: {reason}")
    options, function = COMMANDS[command.name]
    repeated = ("gmmstyle", "ivstyle")
    translation = function(Call(command, context, options.read(command, repeated)))
    notes = []
    has_pattern = command.name in MODELS and set("*?~") & set(command.arguments)
    if has_pattern and context.variables.columns is None and translation.spec:
        notes = [
            "a pattern has the columns that the file makes; the data may have others"
        ]
    if command.counts_rows:
        notes.append("_n is a column with the number of the row in Stata's order")
    return replace(translation, notes=(*translation.notes, *notes))


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
    """Translate the text of an estimation inside another command."""
    translation = translate(read_command(text), context)
    if translation.is_foreign:
        raise StataError.because("random effects inside another command")
    return replace(translation, command=text.strip())


def _difference(call: Call) -> Translation:
    """Translate ``bdiff``, which permutes groups, into `by_group`."""
    options = call.options
    if "group" not in options or "model" not in options:
        raise StataError.because("group() or model() is absent")
    inner = estimate(options["model"], call.context).python
    reps = f", reps={options['reps']}" if "reps" in options else ""
    group = call.context.variables.resolve(options["group"])
    return call.python(
        f"dp.by_group({inner}, panel, {group!r}{reps}, rng=1)",
        "groups of whole entities are permuted, and p-values are two-sided",
    )


def _permutation(command: Command, context: Context) -> Translation:
    """Translate ``permute`` of an estimation."""
    prefix = command.prefix("permute")
    assert prefix is not None
    main, _, options = prefix.text.partition(",")
    reps = dict(read_options(options)).get("reps")
    inner = estimate(command.text.split(":", 1)[1], context).python
    return Call(command, context, {}).python(
        f"dp.randomisation_test({inner}, panel, {backticked(split(main)[0])!r}"
        f"{f', reps={reps}' if reps else ''}, rng=1)",
        "the whole treatment path of an entity is exchanged, not single rows",
    )


TESTS: Table = {
    **after.COMMANDS,
    "bdiff": (
        Options("g.roup m.odel r.eps f.irst", "d.etail nod.ots bd.ec s.eed bsa.mple"),
        _difference,
    ),
}
COMMANDS: Table = {**MODELS, **TESTS}
