* The models of replicate.py for Stata 16 or later, written from their specifications.
* Run in this folder: do twin.do
* Packages, by ssc install: ftools, reghdfe, ranktest, ivreg2, ivreghdfe, estout, and
* those of other commands below.
version 16
clear all
import delimited "data/panel.csv", clear varnames(1) case(preserve) encoding("UTF-8") asdouble
* Texts become numbers with labels.
local texts <texts>
foreach name of local texts {
    encode `name', generate(_code) label(`name')
    drop `name'
    rename _code `name'
}
xtset <entity> <time>
<variables>

<calls>

esttab, b(3) se(3) star(* 0.1 ** 0.05 *** 0.01)
