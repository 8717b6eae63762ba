/**
 * The picture grid. Moving, sorting and filtering happen in the browser; the server hears of marks and labels and, through the page's
 * listener (listener.js), of a picture that is opened or compared. Marks and labels are shown at once and sent again with the next ones
 * until the server has them (`unsent`), so that labelling as fast as one can type loses nothing.
 *
 * One grid is one plain object. `show` brings it up to date with what Python sent, `arrange` with what its user chose; tiles are kept
 * by picture, so a rerun changes what differs and leaves focus and scrolling alone. Text is only ever set as text.
 */

const grids = new WeakMap(); // root element -> grid
const view = { order: "came", pressed: new Set(), text: "", low: 0, high: 100, single: false }; // stays when the page is built anew
const held = { id: null, until: 0 }; // the picture that had the focus, in case the page is built anew around it
const HELD_FOR = 3000; // ms
const DIALOG_WITHIN = 60000; // ms
const LOOKS = 10; // at where the focus is after a dialog: what closes may take it away once more
const RESTLESS = 5000; // ms after which a grid with waiting pictures asks how far they are
const UNHEARD_FOR = 1500; // ms after which labels and marks that Python has not confirmed are sent again
const OPENS = new Set(["Enter", " "]);
const ASKED = "telltale.picture-grid.asked"; // the event for the listener
let latest = null; // the grid that the page shows, which may be built anew
let comingBack = null; // the timer that looks for the end of a comparison

/** Streamlit calls this on mount and again, with the same element, whenever there is something new. */
export default function pictureGrid({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".box");
  if (!grids.has(root)) grids.set(root, createGrid(root));
  const grid = grids.get(root);
  grid.send = setTriggerValue;
  if (data !== grid.data && !(data.edition < grid.data?.edition)) show(grid, data);
}

function createGrid(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const grid = { root, parts, data: null, pictures: [], shown: [], tiles: new Map(), current: null, unsent: new Map(), sent: 0 };
  setUpTools(grid);
  parts.tiles.addEventListener("keydown", (event) => press(grid, event));
  parts.tiles.addEventListener("click", (event) => {
    const tile = event.target.closest("[role=option]");
    if (tile) open(grid, tile.dataset.id);
  });
  parts.tiles.addEventListener("focusin", (event) => {
    const tile = event.target.closest("[role=option]");
    if (tile) makeCurrent(grid, tile.dataset.id);
  });
  parts.tiles.addEventListener("focusout", (event) => { if (event.relatedTarget) held.id = null; });
  return grid;
}

/* ---- from Python ---- */

function show(grid, data) {
  const first = !grid.data, another = grid.data?.opened !== data.opened;
  grid.data = data;
  if (!data.paged) latest = grid;
  for (const [id, { number }] of grid.unsent) if (number <= data.heard) grid.unsent.delete(id);
  grid.pictures = data.pictures.map((picture) => ({ ...picture, ...grid.unsent.get(picture.id)?.values }));
  grid.opened = data.opened;
  if (another) grid.current = data.opened;
  grid.root.classList.toggle("few", data.few);
  grid.root.classList.toggle("paged", data.paged);
  grid.plain = data.few || data.paged;
  for (const name of ["tools", "chips", "count"]) grid.parts[name].hidden = grid.plain;
  arrange(grid);
  if (another) reveal(grid, data.opened);
  if (first && held.id && performance.now() < held.until && document.activeElement === document.body) focus(grid, held.id);
  watch(grid);
}

/** While pictures wait, the server is asked how far they are, in case that what it said got lost. */
function watch(grid) {
  clearTimeout(grid.restless);
  if (grid.data.paged || !grid.pictures.some((picture) => !picture.verdict)) return;
  grid.restless = setTimeout(() => {
    if (!grid.root.isConnected) return;
    grid.send("looked", grid.looked = (grid.looked ?? 0) + 1);
    watch(grid);
  }, RESTLESS);
}

/* ---- what its user chose ---- */

const everything = () => ({ pressed: new Set(), text: "", low: 0, high: 100, single: false });

function setUpTools(grid) {
  const { order, text, low, high, reset, chips } = grid.parts;
  for (const [name, [title]] of Object.entries(ORDERS)) order.append(new Option(title, name));
  order.addEventListener("change", () => choose(grid, { order: order.value }));
  text.addEventListener("input", () => choose(grid, { text: text.value }));
  low.addEventListener("change", () => choose(grid, { low: low.value === "" ? 0 : Number(low.value) }));
  high.addEventListener("change", () => choose(grid, { high: high.value === "" ? 100 : Number(high.value) }));
  reset.addEventListener("click", () => { choose(grid, everything()); order.focus(); });
  for (const row of FILTERS) {
    const line = chips.appendChild(element("span", "row"));
    for (const [name, [title]] of Object.entries(row)) line.append(chip(name, title, () => toggle(grid, name)));
    if (row.copies) line.append(chip("single", "One of each near-duplicate", () => choose(grid, { single: !view.single })));
  }
}

function chip(name, title, onClick) {
  const button = element("button", "chip");
  button.type = "button";
  button.dataset.name = name;
  button.append(title, element("span", "number"));
  button.addEventListener("click", onClick);
  return button;
}

function toggle(grid, name) {
  const pressed = new Set(view.pressed);
  if (!pressed.delete(name)) pressed.add(name);
  choose(grid, { pressed });
}

function choose(grid, changes) {
  Object.assign(view, changes);
  arrange(grid);
  grid.parts.tiles.scrollTop = 0;
}

function showTools({ parts, pictures, shown }) {
  for (const name of ["order", "text", "low", "high"]) if (parts[name].value !== String(view[name])) parts[name].value = view[name];
  const filters = Object.assign({}, ...FILTERS);
  for (const button of parts.chips.querySelectorAll(".chip")) {
    const { name } = button.dataset;
    const count = pictures.filter(filters[name === "single" ? "copies" : name][1]).length;
    const pressed = name === "single" ? view.single : view.pressed.has(name);
    button.setAttribute("aria-pressed", pressed);
    button.hidden = !count && !pressed;
    button.querySelector(".number").textContent = name === "single" ? "" : ` ${count}`;
  }
  parts.reset.hidden = !view.pressed.size && !view.text && !view.single && isWithin(null, view);
  const count = shown.length === pictures.length ? "" : `${shown.length} of ${pictures.length} pictures`;
  if (parts.count.textContent !== count) parts.count.textContent = count;
}

/* ---- the tiles ---- */

function arrange(grid) {
  const { tiles } = grid.parts;
  const focused = grid.root.getRootNode().activeElement?.dataset.id;
  const place = grid.shown.findIndex(({ id }) => id === focused);
  grid.shown = grid.plain ? arranged(grid.pictures, { ...view, ...everything(), order: "came" }) : arranged(grid.pictures, view);
  const wanted = grid.shown.map((picture) => tileOf(grid, picture));
  const here = new Set(grid.pictures.map(({ id }) => id));
  for (const id of grid.tiles.keys()) if (!here.has(id)) grid.tiles.delete(id);
  // Moving a tile takes its focus away and restarts its image, so none is moved that stands where it should.
  if (wanted.length !== tiles.childElementCount || wanted.some((tile, at) => tile !== tiles.children[at])) tiles.replaceChildren(...wanted);
  makeCurrent(grid, grid.shown.some(({ id }) => id === grid.current) ? grid.current : grid.shown[0]?.id);
  if (!grid.plain) showTools(grid);
  if (focused && grid.shown.length) focusAgain(grid, focused, place);
}

/** The tile that had the focus; if it was filtered away, the one in its place. */
function focusAgain(grid, id, place) {
  const stays = grid.shown.some((picture) => picture.id === id);
  focus(grid, stays ? id : grid.shown[Math.min(Math.max(place, 0), grid.shown.length - 1)].id);
}

function tileOf(grid, picture) {
  let tile = grid.tiles.get(picture.id);
  if (!tile) grid.tiles.set(picture.id, tile = createTile(picture));
  const opened = picture.id === grid.opened;
  if (tile.getAttribute("aria-selected") !== String(opened)) tile.setAttribute("aria-selected", opened);
  const key = JSON.stringify(picture);
  if (tile.drawn === key) return tile;
  tile.drawn = key;
  const part = (name) => tile.querySelector(`.${name}`);
  const image = part("image");
  if (picture.thumbnail && image.getAttribute("src") !== picture.thumbnail) image.src = picture.thumbnail;
  image.hidden = !picture.thumbnail;
  tile.dataset.verdict = picture.verdict || "waiting";
  part("verdict").textContent = picture.title;
  part("score").textContent = picture.percent;
  part("name").textContent = picture.name;
  part("mark").hidden = !picture.marked;
  part("mine").hidden = !picture.label;
  part("mine").textContent = picture.label === "ai" ? "me: AI" : "me: real";
  part("contradiction").hidden = !picture.contradiction;
  part("note").hidden = !picture.noted;
  part("copies").hidden = !picture.group;
  part("copies").textContent = `⧉ ${picture.copies}`;
  tile.title = [picture.name, picture.contradiction].filter(Boolean).join("\n");
  tile.setAttribute("aria-label", inWords(picture));
  return tile;
}

function createTile({ id }) {
  const tile = element("div", "tile");
  tile.setAttribute("role", "option");
  tile.dataset.id = id;
  tile.tabIndex = -1;
  const frame = tile.appendChild(element("div", "frame"));
  const image = frame.appendChild(element("img", "image"));
  Object.assign(image, { alt: "", loading: "lazy", decoding: "async" });
  for (const [name, text] of [["mark", "★"], ["mine", ""], ["contradiction", "⚠\uFE0E"], ["note", "✎"], ["copies", ""]]) {
    frame.appendChild(element("span", `badge ${name}`)).textContent = text;
  }
  const words = tile.appendChild(element("div", "words"));
  for (const name of ["verdict", "score", "name"]) words.append(element("span", name));
  return tile;
}

function inWords({ name, title, percent, contradiction, facts, marked, label, noted, group, copies }) {
  const said = [
    name, title, percent && `P(AI) ${percent}`, contradiction, facts && `file: ${facts}`, marked && "marked",
    label && `my label: ${label === "ai" ? "AI-generated" : "real"}`, noted && "with a note", group && `one of ${copies} near-duplicates`,
  ];
  return said.filter(Boolean).join(", ");
}

function element(tag, className) {
  return Object.assign(document.createElement(tag), { className });
}

/* ---- focus: one tile can be reached with the tab key, the arrows lead to the others ---- */

function makeCurrent(grid, id) {
  const before = grid.tiles.get(grid.current);
  if (before) before.tabIndex = -1;
  grid.current = id;
  const tile = grid.tiles.get(id);
  if (tile) tile.tabIndex = 0;
}

function focus(grid, id) {
  makeCurrent(grid, id);
  grid.tiles.get(id)?.focus({ preventScroll: true });
  reveal(grid, id);
}

/**
 * The focus comes back to a tile once the dialog that was asked for from there has come and gone. Only the browser knows when that is:
 * the server hears of it before the dialog has let go of the focus, and may never have told the grid that there is one.
 */
function comeBack(id) {
  const until = performance.now() + DIALOG_WITHIN;
  let come = false, looks = 0; // since it is gone
  clearInterval(comingBack);
  comingBack = setInterval(() => {
    const open = document.querySelector("[role=dialog]") !== null;
    come ||= open;
    looks = open ? 0 : looks + 1;
    if (come ? looks > LOOKS : performance.now() > until) return clearInterval(comingBack);
    const nowhere = !document.activeElement || document.activeElement === document.body; // who has moved on is left alone
    if (come && looks > 1 && nowhere && latest.tiles.has(id)) focus(latest, id);
  }, 100);
}

/** Scroll the tiles, and nothing else, until this one is in sight. */
function reveal(grid, id) {
  const { tiles } = grid.parts, tile = grid.tiles.get(id);
  if (!tile?.isConnected) return;
  const outer = tiles.getBoundingClientRect(), inner = tile.getBoundingClientRect();
  tiles.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  tiles.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
}

/* ---- the keyboard ---- */

function press(grid, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !grid.shown.length) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const id = grid.current, picture = grid.pictures.find((each) => each.id === id);
  const at = grid.shown.findIndex((each) => each.id === id);
  const place = placeAfter(key, at, grid.shown.length, columns(grid));
  const actions = {
    Enter: () => open(grid, id),
    " ": () => open(grid, id),
    m: () => annotate(grid, picture, { marked: !picture.marked }),
    1: () => annotate(grid, picture, { label: "ai" }),
    2: () => annotate(grid, picture, { label: "real" }),
    0: () => annotate(grid, picture, { label: "" }),
    c: () => {
      ask({ compared: id });
      comeBack(id);
    },
  };
  if (place === null && !(key in actions)) return;
  if (grid.data.paged && !OPENS.has(key) && place === null) return;
  event.preventDefault();
  event.stopPropagation(); // C and R alone mean something to Streamlit
  if (place === null) actions[key]();
  else focus(grid, grid.shown[place].id);
  Object.assign(held, { id: grid.current, until: performance.now() + HELD_FOR });
}

function columns({ parts }) {
  const [first, ...others] = parts.tiles.children;
  const next = others.findIndex((tile) => tile.offsetTop > first.offsetTop);
  return next < 0 ? parts.tiles.childElementCount : next + 1;
}

/* ---- to Python ---- */

function open(grid, id) {
  grid.opened = id;
  Object.assign(held, { id, until: performance.now() + HELD_FOR });
  arrange(grid);
  ask({ opened: id });
}

function ask(detail) {
  dispatchEvent(new CustomEvent(ASKED, { detail }));
}

function annotate(grid, picture, values) {
  Object.assign(picture, values);
  grid.sent = Math.max(grid.sent, grid.data.heard) + 1;
  grid.unsent.set(picture.id, { number: grid.sent, values: { marked: picture.marked, label: picture.label } });
  arrange(grid);
  sendUnheard(grid);
}

/** Everything that Python has not said to have heard; once more if it goes on saying nothing: what is sent while a run is interrupted can get lost. */
function sendUnheard(grid) {
  const changes = Object.fromEntries([...grid.unsent].map(([id, { values }]) => [id, values]));
  grid.send("annotated", { number: grid.sent, changes });
  clearTimeout(grid.again);
  grid.again = setTimeout(() => {
    if (!grid.unsent.size || !grid.root.isConnected) return;
    grid.sent += 1;
    sendUnheard(grid);
  }, UNHEARD_FOR);
}
