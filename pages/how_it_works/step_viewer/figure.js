/**
 * One step's pictures. Several figures may stand on a page; the patch chosen in one is chosen in all, here in the browser, and it stays
 * chosen when the step changes or the page is left and entered again. The page's address holds it, and nothing is ever sent to the server.
 *
 * A figure is one plain object: what Python sent (`data`) and its panels. A panel shows `rows` x `columns` numbers as coloured cells,
 * a picture cut into patches, or both, one above the other; docs of its fields are in panels.py.
 *
 * "Cell" is the row-major index of a patch on the model's grid, or of a token where these have names instead of places.
 */

const STORAGE_KEY = "telltale.chosen-patch";
const PRESENTING = "data-presenting"; // of the document: ui/presenter
const STEP = "[class*=st-key-walk-step-]"; // the page's block of a step
const MIN_HEIGHT = 64, MARGIN = 8; // pixels: of a panel, and below the last one
const figures = new Map(); // root element -> figure
// {row, column} counted from 0, or null while nobody has chosen one: a patch, and one of the head's tokens where these are no patches
const chosen = { patch: recall("patch"), token: recall("token") };

/** Streamlit calls this on mount and again, with the same element, whenever the data or the theme changes. */
export default function stepFigure({ data, parentElement }) {
  const root = parentElement.querySelector(".figure");
  if (!figures.has(root)) figures.set(root, createFigure(root));
  const figure = figures.get(root);
  show(figure, data);
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => root.isConnected || destroy(figure));
}

function createFigure(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const figure = { root, parts, inputs: [...root.querySelectorAll("input")], data: null, panels: [], listeners: new AbortController() };
  for (const input of figure.inputs) {
    input.addEventListener("change", () => typed(figure), { signal: figure.listeners.signal });
  }
  figure.tokens = root.querySelector("select");
  figure.tokens.addEventListener("change", () => choose(figure, figure.tokens.selectedIndex), { signal: figure.listeners.signal });
  window.addEventListener("resize", () => (root.isConnected ? fit(figure) : destroy(figure)), { signal: figure.listeners.signal });
  figure.resizes = new ResizeObserver(() => figure.panels.forEach((panel) => paint(figure, panel)));
  figure.moves = new ResizeObserver(() => requestAnimationFrame(() => fit(figure))); // what stands above has another height
  figure.moves.observe(stepOf(root));
  return figure;
}

function destroy(figure) {
  figure.listeners.abort();
  figure.resizes.disconnect();
  figure.moves.disconnect();
  figure.data = null; // a picture still being decoded finds out that nobody waits for it
  figures.delete(figure.root);
}

/* ---- from Python ---- */

async function show(figure, data) {
  if (data === figure.data) return; // the theme changed, and CSS has already seen to that
  if (data.edition < figure.data?.edition) return; // overtaken on its way here
  figure.data = data;
  let images;
  try {
    images = Object.fromEntries(await Promise.all(Object.entries(data.images).map(async ([name, source]) => [name, await decodePicture(source)])));
  } catch {
    images = null;
  }
  if (figure.data !== data) return; // overtaken by newer data while decoding
  figure.parts.problem.hidden = images !== null;
  figure.parts.problem.textContent = images === null ? "This browser could not display the picture." : "";
  figure.images = images ?? {};
  figure.shades = Object.fromEntries(Object.entries(data.shades).map(([name, text]) => [name, bytesOf(text)]));
  layOut(figure);
  figure.inputs.forEach((input) => (input.max = data.grid[input.dataset.axis === "row" ? 0 : 1]));
  nameTokens(figure);
  update(figure);
  rememberInAddress(); // the server may have written it anew
  fit(figure);
}

/** Tokens are chosen by their names, patches by row and column. */
function nameTokens({ parts, inputs, tokens, data: { names } }) {
  inputs.forEach((input) => (input.parentElement.hidden = names !== null));
  parts.token.hidden = names === null;
  parts.kind.textContent = names ? "Class token" : "Patch";
  tokens.replaceChildren(...(names ?? []).map((name) => new Option(name)));
}

/* ---- presenter mode: as large as the screen allows ---- */

/** The block of the page that holds the step: its heading, its controls and this figure. */
function stepOf(root) {
  const host = root.getRootNode().host ?? root;
  return host.closest(STEP) ?? host;
}

/** In presenter mode all panels get the one height at which the step, from its heading on, just fits the screen. It is searched for:
 * panels that are as wide as they may be do not grow with it, and the captions of narrow ones take more lines. */
function fit(figure) {
  const { root, parts, panels, data } = figure;
  const on = document.documentElement.hasAttribute(PRESENTING);
  root.classList.toggle("presenting", on);
  if (!on || !data || !panels.length) return void parts.panels.style.removeProperty("--height");
  const top = stepOf(root).getBoundingClientRect().top;
  const above = document.querySelectorAll(STEP).length > 1 ? 0 : top; // one of many steps is scrolled to
  const fits = (height) => {
    parts.panels.style.setProperty("--height", `${height}px`);
    return root.getBoundingClientRect().bottom - top + above <= innerHeight - MARGIN;
  };
  let low = MIN_HEIGHT, high = innerHeight;
  while (high - low > 1) {
    const middle = Math.round((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  fits(low);
}

async function decodePicture(source) {
  const picture = new Image();
  picture.src = source;
  await picture.decode();
  return picture;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Panels of the same number and kind keep their elements, so that a slider's next data do not make the page jump or lose the focus. */
function layOut(figure) {
  const { data, parts } = figure;
  const kept = figure.panels.length === data.panels.length;
  if (!kept) {
    figure.resizes.disconnect();
    figure.panels = data.panels.map(() => createPanel(figure));
    parts.panels.replaceChildren(...figure.panels.map(({ root }) => root));
    figure.panels.forEach(({ canvas }) => figure.resizes.observe(canvas));
  }
  parts.panels.style.setProperty("--lines", data.lines);
  figure.panels.forEach((panel, number) => fill(figure, panel, data.panels[number]));
}

function createPanel(figure) {
  const root = document.createElement("figure");
  root.innerHTML = `<figcaption></figcaption><div class="sides across" aria-hidden="true"></div>
    <div class="beside"><div class="sides down" aria-hidden="true"></div><div class="stage"><canvas aria-hidden="true"></canvas></div></div>
    <div class="scale" aria-hidden="true"><span></span><i></i><span></span><b></b></div><p class="note"></p>`;
  const [caption, across, beside, scale, note] = root.children;
  const [down, stage] = beside.children;
  const panel = { root, caption, across, down, stage, scale, note, canvas: stage.firstChild, spec: null, values: null, pointed: null };
  const on = (type, handler) => stage.addEventListener(type, handler, { signal: figure.listeners.signal });
  on("click", (event) => clicked(figure, panel, event));
  on("keydown", (event) => pressed(figure, panel, event));
  // A click must not take the focus: the arrows of a clicker are for the steps. Whoever comes by the Tab key gets them for the patches.
  on("mousedown", (event) => {
    event.preventDefault();
    document.activeElement?.blur();
  });
  on("pointermove", (event) => point(figure, panel, placeAt(figure, panel, event)));
  on("pointerleave", () => point(figure, panel, null));
  return panel;
}

function fill({ shades, data }, panel, spec) {
  const { root, caption, stage, scale, note } = panel;
  panel.spec = spec;
  panel.values = spec.values && new Float32Array(bytesOf(spec.values).buffer);
  root.className = spec.span < 5 ? "panel small" : "panel";
  for (const name of ["span", "down", "aspect"]) root.style.setProperty(`--${name}`, spec[name]);
  caption.textContent = spec.title;
  nameSides(panel, spec, data.names);
  const choosing = spec.kind === "patches";
  stage.classList.toggle("choosing", spec.choose !== null);
  stage.setAttribute("role", choosing ? "application" : "img");
  stage.setAttribute("aria-label", spec.alt);
  if (choosing) {
    stage.tabIndex = 0;
    stage.setAttribute("aria-roledescription", "patch grid");
    stage.setAttribute("aria-describedby", "keys");
  } else ["tabindex", "aria-roledescription", "aria-describedby"].forEach((name) => stage.removeAttribute(name));
  scale.hidden = spec.measured === null;
  if (!scale.hidden) {
    const [, bar, , unit] = scale.children;
    unit.textContent = spec.measured;
    bar.style.background = `linear-gradient(90deg, ${ramp(shades[spec.colours])})`;
  }
  note.textContent = spec.note;
}

/** What the rows and the columns of a matrix are; the names of their tokens where these are few enough to have names. */
function nameSides({ across, down }, { sides, axes }, names) {
  for (const [place, words, axis, arrow] of [[down, sides[0], axes[0], "↓"], [across, sides[1], axes[1], "→"]]) {
    place.hidden = !words;
    if (!words) continue;
    const title = Object.assign(document.createElement("b"), { textContent: `${words} ${arrow}` });
    const tokens = document.createElement("div");
    if (names && axis === "token") tokens.append(...names.map((name) => Object.assign(document.createElement("span"), { textContent: name })));
    place.replaceChildren(title, tokens);
  }
}

function ramp(shade) {
  const colour = (at) => `rgb(${shade[3 * at]} ${shade[3 * at + 1]} ${shade[3 * at + 2]})`;
  return Array.from({ length: 9 }, (_, step) => colour(Math.min(255, 32 * step))).join();
}

/* ---- the chosen patch ---- */

/** From the address, so that a link shows what was shown, else from this browser tab. "3,2" is row 3, column 2. */
function recall(space) {
  const [row, column] = (new URL(location.href).searchParams.get(space) ?? "").split(",").map((number) => Number(number) - 1);
  if (Number.isInteger(row) && Number.isInteger(column) && row >= 0 && column >= 0) return { row, column };
  try {
    const stored = JSON.parse(sessionStorage.getItem(STORAGE_KEY))?.[space];
    return Number.isInteger(stored?.row) && Number.isInteger(stored?.column) ? stored : null;
  } catch {
    return null; // nothing stored, or storage is blocked
  }
}

function spaceOf({ data }) {
  return data.names ? "token" : "patch";
}

/** The chosen cell on this figure's grid; a model with a smaller grid gets its nearest patch. */
function cellOf(figure) {
  const [rows, columns] = figure.data.grid, mine = chosen[spaceOf(figure)];
  return mine ? Math.min(mine.row, rows - 1) * columns + Math.min(mine.column, columns - 1) : figure.data.start;
}

function choose(figure, cell) {
  const columns = figure.data.grid[1];
  chosen[spaceOf(figure)] = { row: Math.floor(cell / columns), column: cell % columns };
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(chosen));
  } catch { /* storage is blocked: the choice lasts until the page is reloaded */ }
  rememberInAddress();
  for (const other of figures.values()) if (other.data && other.shades) update(other);
  const at = cellOf(figure);
  figure.parts.spoken.textContent = `${nameOf(figure, at)}: ${figure.data.words[at]}`; // one voice, not one per step
}

function rememberInAddress() {
  const address = new URL(location.href);
  for (const [space, place] of Object.entries(chosen)) {
    if (place) address.searchParams.set(space, `${place.row + 1},${place.column + 1}`);
  }
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

function nameOf({ data }, cell) {
  const columns = data.grid[1];
  return data.names ? data.names[cell] : `Row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;
}

function update(figure) {
  const cell = cellOf(figure), columns = figure.data.grid[1];
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  for (const input of figure.inputs) input.value = (input.dataset.axis === "row" ? row : column) + 1;
  if (figure.data.names) figure.tokens.selectedIndex = cell;
  figure.parts.words.textContent = figure.data.words[cell];
  figure.root.dataset.cell = cell;
  figure.panels.forEach((panel) => {
    paint(figure, panel);
    describe(figure, panel);
  });
}

function typed(figure) {
  const [rows, columns] = figure.data.grid;
  const within = (value, count) => Math.min(count, Math.max(1, Math.round(value))) - 1;
  const [row, column] = figure.inputs.map((input) => input.valueAsNumber);
  if (Number.isNaN(row + column)) return update(figure); // an emptied box: back to what it was
  choose(figure, within(row, rows) * columns + within(column, columns));
}

const STEPS = {
  ArrowLeft: (row, column) => [row, column - 1],
  ArrowRight: (row, column) => [row, column + 1],
  ArrowUp: (row, column) => [row - 1, column],
  ArrowDown: (row, column) => [row + 1, column],
  Home: (row) => [row, 0],
  End: (row) => [row, Infinity],
};

function pressed(figure, panel, event) {
  if (panel.spec.kind !== "patches" || !(event.key in STEPS) || event.altKey || event.metaKey || event.ctrlKey) return;
  const [rows, columns] = figure.data.grid, cell = cellOf(figure);
  const [row, column] = STEPS[event.key](Math.floor(cell / columns), cell % columns);
  const within = (value, count) => Math.min(count - 1, Math.max(0, value));
  choose(figure, within(row, rows) * columns + within(column, columns));
  event.preventDefault(); // the page must not scroll,
  event.stopPropagation(); // nor take the key for its own
}

/* ---- pointing and clicking ---- */

/** {row, column} of the panel's own cells under the pointer, or null. */
function placeAt({ data }, { spec, canvas }, { clientX, clientY }) {
  const box = canvas.getBoundingClientRect();
  const { left, top, right, bottom } = spec.within;
  const [rows, columns] = spec.kind === "patches" ? data.grid : [spec.rows, spec.columns];
  const row = Math.floor(((clientY - box.top) / box.height - top) / (bottom - top) * rows);
  const column = Math.floor(((clientX - box.left) / box.width - left) / (right - left) * columns);
  return row >= 0 && row < rows && column >= 0 && column < columns ? { row, column } : null;
}

function clicked(figure, panel, event) {
  const place = placeAt(figure, panel, event);
  if (!place || panel.spec.choose === null) return;
  if (panel.spec.choose === "cell") choose(figure, cellAt(figure, panel.spec, place));
  else choose(figure, place[panel.spec.choose]);
}

/** The cell that holds a panel's own cell: maps are grids side by side, and may be finer than the model's. */
function cellAt({ data }, { kind, rows, columns, tiles }, place) {
  const [gridRows, gridColumns] = data.grid;
  if (kind === "patches") return place.row * gridColumns + place.column;
  const [height, width] = [rows / tiles[0], columns / tiles[1]];
  const row = Math.floor(((place.row % height) * gridRows) / height), column = Math.floor(((place.column % width) * gridColumns) / width);
  return row * gridColumns + column;
}

function point(figure, panel, place) {
  if (place?.row === panel.pointed?.row && place?.column === panel.pointed?.column) return;
  panel.pointed = place;
  describe(figure, panel);
}

/** Below the picture: the ends of the scale, and the number under the pointer, else what Python wrote. */
function describe(figure, { spec, scale, note, values, pointed }) {
  scale.children[0].textContent = ofPatch(figure, spec.bottoms);
  scale.children[2].textContent = ofPatch(figure, spec.tops);
  note.classList.toggle("pointed", pointed !== null && values !== null);
  if (!pointed || !values) return void (note.textContent = spec.note);
  const value = values[offset(figure, spec) + pointed.row * spec.columns + pointed.column];
  note.textContent = `${whereIs(figure, spec, pointed)}: ${(value * spec.factor).toFixed(spec.digits)}${spec.unit}`;
}

/** One of a panel's own cells in words. */
function whereIs(figure, spec, { row, column }) {
  if (spec.axes.length) {
    const named = (axis, at) => (axis === "token" ? nameOf(figure, at).toLowerCase() : `${axis} ${at + 1}`);
    return `${named(spec.axes[0], row)} → ${named(spec.axes[1], column)}`;
  }
  if (spec.kind === "vector") return `number ${row * spec.columns + column + 1}`;
  if (spec.kind === "overlay") return `row ${row + 1}, column ${column + 1}`;
  return nameOf(figure, cellAt(figure, spec, { row, column })).toLowerCase();
}

/* ---- painting ---- */

/** Where the shown numbers begin: panels that follow the patch hold one stretch per patch. */
function offset(figure, spec) {
  return spec.follows ? cellOf(figure) * spec.rows * spec.columns : 0;
}

function paint(figure, panel) {
  const { spec, canvas } = panel;
  if (!spec || !figure.data) return;
  const box = canvas.getBoundingClientRect();
  const width = Math.round(box.width * devicePixelRatio), height = Math.round(box.height * devicePixelRatio);
  if (!width || !height) return; // in a hidden tab
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const seen = rectangle(spec.within, width, height);
  const picture = figure.images[spec.image];
  if (spec.kind === "zoom") return paintZoom(context, figure, picture, width, height);
  if (picture) context.drawImage(picture, 0, 0, width, height);
  if (picture && seen.width * seen.height < 0.98 * width * height) dimUnseen(context, seen, width, height);
  if (panel.values) {
    context.imageSmoothingEnabled = false;
    context.globalAlpha = picture ? spec.opacity : 1; // the heatmap's weight
    context.drawImage(coloured(figure, panel), seen.x, seen.y, seen.width, seen.height);
    context.globalAlpha = 1;
  }
  mark(context, figure, spec, seen);
}

/** One for all, or one for each patch that may be chosen. */
function ofPatch(figure, list) {
  return list[list.length > 1 ? cellOf(figure) : 0];
}

function rectangle({ left, top, right, bottom }, width, height) {
  const x = Math.round(left * width), y = Math.round(top * height);
  return { x, y, width: Math.round(right * width) - x, height: Math.round(bottom * height) - y };
}

function coloured(figure, { spec, values }) {
  const { rows, columns } = spec;
  const shade = figure.shades[spec.colours], start = offset(figure, spec);
  const low = ofPatch(figure, spec.lows), high = ofPatch(figure, spec.highs);
  const image = new ImageData(columns, rows);
  for (let cell = 0; cell < rows * columns; cell++) {
    const level = Math.min(1, Math.max(0, (values[start + cell] - low) / (high - low)));
    const at = 3 * Math.round(255 * level);
    image.data.set([shade[at], shade[at + 1], shade[at + 2], 255], 4 * cell);
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: columns, height: rows });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The chosen patch's 1/n of the model input, magnified. */
function paintZoom(context, figure, picture, width, height) {
  if (!picture) return;
  const [rows, columns] = figure.data.grid, cell = cellOf(figure);
  const across = picture.naturalWidth / columns, down = picture.naturalHeight / rows;
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, (cell % columns) * across, Math.floor(cell / columns) * down, across, down, 0, 0, width, height);
}

function dimUnseen(context, { x, y, width, height }, fullWidth, fullHeight) {
  context.fillStyle = "rgba(24, 24, 28, 0.62)";
  context.beginPath();
  context.rect(0, 0, fullWidth, fullHeight);
  context.rect(x, y, width, height);
  context.fill("evenodd");
}

function mark(context, figure, spec, seen) {
  const cell = cellOf(figure), [gridRows, gridColumns] = figure.data.grid;
  const part = (row, column, rows, columns) => ({
    x: seen.x + (column * seen.width) / columns, y: seen.y + (row * seen.height) / rows, width: seen.width / columns, height: seen.height / rows,
  });
  const row = Math.floor(cell / gridColumns), column = cell % gridColumns;
  if (spec.kind === "patches") {
    if (spec.lines) lines(context, seen, gridRows, gridColumns, "rgba(255, 255, 255, 0.45)");
    outline(context, part(row, column, gridRows, gridColumns), 3);
    if (figure.data.names && !spec.image) writeNames(context, figure.data.names, part);
  } else if (spec.kind === "maps") {
    const [down, across] = spec.tiles;
    lines(context, seen, down, across, "#888", 3);
    for (let at = 0; at < down * across; at++) {
      const mapRow = Math.floor(at / across) * gridRows + row, mapColumn = (at % across) * gridColumns + column;
      outline(context, part(mapRow, mapColumn, down * gridRows, across * gridColumns), 1.5);
    }
  } else if (spec.choose === "row") outline(context, { ...part(cell, 0, spec.rows, 1) }, 1.5, true);
  else if (spec.choose === "column") outline(context, { ...part(0, cell, 1, spec.columns) }, 1.5, true);
}

/** White within black, as frames are. */
function writeNames(context, names, part) {
  Object.assign(context, { textAlign: "center", textBaseline: "middle", lineJoin: "round", lineWidth: 4 * devicePixelRatio, strokeStyle: "#000", fillStyle: "#fff" });
  names.forEach((name, at) => {
    const { x, y, width, height } = part(0, at, 1, names.length);
    context.font = `600 ${Math.min(20 * devicePixelRatio, width / 5)}px sans-serif`;
    context.strokeText(name, x + width / 2, y + height / 2);
    context.fillText(name, x + width / 2, y + height / 2);
  });
}

function lines(context, { x, y, width, height }, rows, columns, colour, weight = 1) {
  context.strokeStyle = colour;
  context.lineWidth = weight * devicePixelRatio;
  context.beginPath();
  for (let row = 1; row < rows; row++) context.moveTo(x, y + (row * height) / rows), context.lineTo(x + width, y + (row * height) / rows);
  for (let column = 1; column < columns; column++) context.moveTo(x + (column * width) / columns, y), context.lineTo(x + (column * width) / columns, y + height);
  context.stroke();
}

/** White within black shows on every colour. A matrix line is only a few pixels thick, so its frame lies `around` it. */
function outline(context, { x, y, width, height }, weight, around = false) {
  const line = weight * devicePixelRatio, grow = around ? 1.5 * line : -line;
  for (const [colour, lineWidth] of [["#000", 2 * line], ["#fff", line]]) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.strokeRect(x - grow, y - grow, width + 2 * grow, height + 2 * grow);
  }
}
