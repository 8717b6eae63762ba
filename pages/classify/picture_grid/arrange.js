/** Which pictures are shown, in which order, and where an arrow key leads: plain functions of plain objects, which touch no page. */

const COLLATOR = new Intl.Collator(undefined, { numeric: true }); // 2.jpg before 10.jpg
const RANK = { ai: 0, unsure: 1, real: 2 };
const last = (value) => value ?? Infinity;

/** What the pictures can be sorted by: key -> text and comparison. Sorting is stable, so ties stay as they came. */
const ORDERS = {
  came: ["as they came", () => 0],
  high: ["P(AI), high first", (a, b) => compare(b.score ?? -1, a.score ?? -1)],
  low: ["P(AI), low first", (a, b) => compare(last(a.score), last(b.score))],
  verdict: ["verdict", (a, b) => compare(RANK[a.verdict] ?? 3, RANK[b.verdict] ?? 3)],
  contradiction: ["contradictions first", (a, b) => compare(!a.contradiction, !b.contradiction)],
  facts: ["what files say first", (a, b) => compare(!a.facts, !b.facts)],
  label: ["my label", (a, b) => compare(RANK[a.label] ?? 3, RANK[b.label] ?? 3)],
  marked: ["marked first", (a, b) => compare(!a.marked, !b.marked)],
  name: ["name", (a, b) => COLLATOR.compare(a.name, b.name)],
};

/** What can be filtered by: of one row any may hold, and every row that has a pressed one must. */
const FILTERS = [
  {
    ai: ["AI-generated", (picture) => picture.verdict === "ai"],
    unsure: ["Unsure", (picture) => picture.verdict === "unsure"],
    real: ["Real", (picture) => picture.verdict === "real"],
    waiting: ["Not yet checked", (picture) => !picture.verdict],
  },
  {
    contradiction: ["Contradicts its file", (picture) => Boolean(picture.contradiction)],
    facts: ["File says something", (picture) => Boolean(picture.facts)],
    copies: ["Near-duplicates", (picture) => picture.group > 0],
  },
  {
    "label-ai": ["My label: AI", (picture) => picture.label === "ai"],
    "label-real": ["My label: real", (picture) => picture.label === "real"],
    unlabelled: ["No label", (picture) => !picture.label],
  },
  {
    marked: ["Marked", (picture) => picture.marked],
    noted: ["With a note", (picture) => picture.noted],
  },
];

function compare(a, b) {
  return a < b ? -1 : Number(a > b);
}

/**
 * The pictures to show, in order. Near-duplicates stand together, where the first of them stands.
 * view: {order, pressed (a Set of filters), text, low, high (per cent), single (one of each group of near-duplicates)}
 */
function arranged(pictures, view) {
  const shown = pictures.filter((picture) => isShown(picture, view)).sort(ORDERS[view.order][1]);
  const groups = Map.groupBy(shown, (picture) => picture.group || picture);
  return [...groups.values()].flatMap((group) => (view.single ? group.slice(0, 1) : group));
}

function isShown(picture, view) {
  if (!picture.name.toLowerCase().includes(view.text.trim().toLowerCase())) return false;
  if (!isWithin(picture.score, view)) return false;
  return FILTERS.every((row) => {
    const pressed = Object.keys(row).filter((name) => view.pressed.has(name));
    return !pressed.length || pressed.some((name) => row[name][1](picture));
  });
}

/** Scores are compared as the page writes them, in tenths of a per cent. A picture without one is only shown with the whole range. */
function isWithin(score, { low, high }) {
  if (low <= 0 && high >= 100) return true;
  const percent = Math.round(1000 * score) / 10;
  return score !== null && percent >= low && percent <= high;
}

/** Where a key leads from place `at` among `count` tiles in rows of `columns`; null for keys that lead nowhere. */
function placeAfter(key, at, count, columns) {
  const steps = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -3 * columns, PageDown: 3 * columns,
  };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in steps)) return null;
  return Math.min(count - 1, Math.max(0, at + steps[key]));
}
