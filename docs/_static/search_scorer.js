// Orders what the search finds. A word of any heading of a page scores 15, and a word of its text 5, however
// often it is there: a page that readers should find by a command, such as reghdfe, names it in a heading. A
// title that has the whole query comes first, pages of tasks before explanations, and notebooks and pages of
// numbers last. A public name that starts with the query comes before attributes that contain it.
var Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    if (/^(examples\/|performance|validity|verification|architecture|contributing)/.test(docname)) return score - 10;
    if (kind === "title") return score + 20;
    const query = new URLSearchParams(window.location.search).get("q").trim().toLowerCase();
    if (kind === "object" && title.toLowerCase().startsWith("digiprosper." + query)) {
      return title.split(".").length === 2 ? score + 10 : score;
    }
    if (/^(coming_from|how-to|start)\//.test(docname)) return score + 3;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
