// Orders what the search finds. Every word in the title of some page has the score 15; a title that has the
// whole query comes before them, pages of tasks before explanations, and pages of numbers and notebooks last.
var Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    if (/^(examples\/|performance|validity|verification|architecture|contributing)/.test(docname)) return score - 10;
    if (kind === "title") return score + 20;
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
