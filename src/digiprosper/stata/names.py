"""Abbreviations of commands, options and variables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache

from digiprosper.errors import StataError, cited, did_you_mean

# The part before the dot is enough.
_COMMANDS = """
ap.pend ass.ert br.owse bys.ort cap.ture conf.irm cor.relate cou.nt d.escribe dec.ode
di.splay ed.it eg.en est.imates exp.and fore.ach form.at forv.alues g.enerate gl.obal
gr.aph
hist.ogram inp.ut ins.heet l.ist la.bel lo.cal mat.rix mer.ge n.oisily ord.er ou.tsheet
pr.ogram qui.etly reg.ress ren.ame sa.ve sc.alar so.rt su.mmarize ta.bulate te.st
tempf.ile testp.arm tost.ring tw.oway u.se xtdes.cribe
"""
_ALIASES = {
    "sgmediation2": "sgmediation",
    "tab1": "tabulate",
    "tab2": "tabulate",
    "gegen": "egen",
    "ereplace": "egen",
    "gcollapse": "collapse",
    "fcollapse": "collapse",
    "gduplicates": "duplicates",
    "hashsort": "sort",
    "move": "order",
    "sysuse": "use",
    "webuse": "use",
    "prob": "probit",
    "saveold": "save",
    "glevelsof": "levelsof",
}

# Commands that print, draw, save or set: they change no estimate.
_PRINTING = """
ac ado adopath anova asdoc assert avplot avplots balancetable bgodfrey binscatter
binsreg boottest browse cd centile chdir chowtest cibar clear cls cmdlog cmogram
codebook coefplot cointreg collin compress confirm constraint copy corr2docx correlate
corrgram corrtex count csdid_plot cumul describe dfgls dfuller didplacebo dir discard
display distinct distplot doedit dotplot dpplot ds durbina dwstat edit erase ereturn
estadd estat estfe estimates estout estpost eststo esttab event_plot eventdd
eventstudyweights exit export factortest fcast file findit format frmttable gladder
graph grc1leg grc1leg2 grstyle gunique heatplot hegy4 help hettest histogram honestdid
imtest inspect irf isid kdensity kpss ksmirnov kwallis label labmask levels levelsof
lincomest line linktest list log logout lookfor lowess lpoly lrtest lvr2plot maptile
margins marginscontplot marginsplot mat2txt matlist matrix mdesc mean misstable mkdir
mkmat moranplot more mvtest net nlcom note notes oneclick oneway order outreg outreg2
outsheet outsum outtable overid ovtest pac panelview parmest pause pcorr pescadf pnorm
post postclose postfile postutil power pperron pretrends program proportion psacalc
psgraph pstest putdocx putexcel putpdf pwcorr pwcorr_a pwmean qnorm qqplot qregplot
quadchk quantile ranksum rddensity rdplot reg2docx return rhausman ritest rm rotate
rvfplot rvpplot rwolf sampsi save scatter screeplot search sensemakr serrbar set
sfrancia shell shellout signrank sktest sleep spatgsa spatwmat spearman spmap ssc
sum2docx summarize sutex svyset swilk t2docx tabi table tabout tabstat tabulate timer
total tsline ttable2 ttable3 ttest ttesti twostepweakiv twoway twowayfeweights type unab
unique univar vallist vargranger varhet varlmar varnorm varsoc varstable varwle veclmar
vecnorm vecrank vecstable version view vif vioplot weakiv weakivtest which window
wntestq xlincom xml_tab xtcd xtcdf xtcips xtcointtest xtdescribe xteventplot xtgcause
xthrtest xthst xtline xtoverid xtpattern xtqptest xtsum xttab xttest0 xttest1 xttest2
xtunitroot xtwest zandrews
"""
PRINTING = frozenset(_PRINTING.split())


@cache
def command_name(word: str) -> str:
    """Complete the name of a command; an unknown one stays as it is."""
    return _ALIASES.get(word) or completed(word, _COMMANDS.split()) or word


def completed(word: str, entries: Iterable[str]) -> str | None:
    """Find the option meant among entries such as ``"a.bsorb"``, typed to the dot."""
    for entry in entries:
        least, _, rest = entry.partition(".")
        if word.startswith(least) and (least + rest).startswith(word):
            return least + rest
    return None


def column_name(word: str, columns: Sequence[str] | None) -> str:
    """Find the column that a name or abbreviation means, or keep it without a list."""
    if columns is None or word in columns:
        return word
    begun = [name for name in columns if name.startswith(word)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise StataError.because(
            f"the name {cited(word)} is ambiguous: {', '.join(begun[:5])}"
        )
    raise StataError.because(
        f"there is no column {cited(word)}{did_you_mean(word, columns)}",
        "Check the name, or the panel that was passed.",
    )


def matching(pattern: str, columns: Collection[str]) -> list[str]:
    """List the columns that fit a pattern with ``*``, ``~`` and ``?``."""
    return [name for name in columns if fnmatchcase(name, pattern.replace("~", "*"))]
