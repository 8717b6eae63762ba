/**
 * One step's pictures. Several figures may stand on a page; the patch chosen in one is chosen in all, here in the browser, and it stays
 * chosen when the step changes or the page is left and entered again. Nothing is ever sent to the server.
 *
 * A figure is one plain object: what Python sent (`data`) and its panels. A panel shows `rows` x `columns` numbers as coloured cells,
 * a picture cut into patches, or both, one above the other; docs of its fields are in panels.py.
 *
 * "Cell" is the row-major index of a patch on the model's grid.
 */

const STORAGE_KEY = "telltale.chosen-patch";
const figures = new Map(); // root element -> figure
let chosen = recall(); // {row, column} counted from 0, or null while nobody has chosen one

/** Streamlit calls this on mount and again, with the same element, whenever the data or the theme changes. */
export default function stepFigure({ data, parentElement }) {
  const root = parentElement.querySelector(".figure");
  if (!figures.has(root)) figures.set(root, createFigure(root));
  const figure = figures.get(root);
  show(figure, data);
  // Streamlit may run an earlier call's cleanup after a later call: only the latest one may tear the figure down.
  const call = ++figure.calls;
  return () => call === figure.calls && destroy(figure);
}

function createFigure(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const figure = { root, parts, inputs: [...root.querySelectorAll("input")], calls: 0, data: null, panels: [], listeners: new AbortController() };
  for (const input of figure.inputs) {
    input.addEventListener("change", () => typed(figure), { signal: figure.listeners.signal });
  }
  figure.resizes = new ResizeObserver(() => figure.panels.forEach((panel) => paint(figure, panel)));
  return figure;
}

function destroy(figure) {
  figure.listeners.abort();
  figure.resizes.disconnect();
  figure.data = null; // a picture still being decoded finds out that nobody waits for it
  figures.delete(figure.root);
}

/* ---- from Python ---- */

async function show(figure, data) {
  if (data === figure.data) return; // the theme changed, and CSS has already seen to that
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
  update(figure);
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
  root.innerHTML = `<figcaption></figcaption><div class="stage"><canvas aria-hidden="true"></canvas></div>
    <div class="scale" aria-hidden="true"><span></span><i></i><span></span><b></b></div><p class="note"></p>`;
  const [caption, stage, scale, note] = root.children;
  const panel = { root, caption, stage, scale, note, canvas: stage.firstChild, spec: null, values: null, pointed: null };
  const on = (type, handler) => stage.addEventListener(type, handler, { signal: figure.listeners.signal });
  on("click", (event) => clicked(figure, panel, event));
  on("keydown", (event) => pressed(figure, panel, event));
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

function ramp(shade) {
  const colour = (at) => `rgb(${shade[3 * at]} ${shade[3 * at + 1]} ${shade[3 * at + 2]})`;
  return Array.from({ length: 9 }, (_, step) => colour(Math.min(255, 32 * step))).join();
}

/* ---- the chosen patch ---- */

function recall() {
  try {
    const { row, column } = JSON.parse(sessionStorage.getItem(STORAGE_KEY));
    return Number.isInteger(row) && Number.isInteger(column) ? { row, column } : null;
  } catch {
    return null; // nothing stored, or storage is blocked
  }
}

/** The chosen cell on this figure's grid; a model with a smaller grid gets its nearest patch. */
function cellOf({ data }) {
  const [rows, columns] = data.grid;
  return chosen ? Math.min(chosen.row, rows - 1) * columns + Math.min(chosen.column, columns - 1) : data.start;
}

function choose(figure, cell) {
  const columns = figure.data.grid[1];
  chosen = { row: Math.floor(cell / columns), column: cell % columns };
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(chosen));
  } catch { /* storage is blocked: the choice lasts until the page is reloaded */ }
  for (const other of figures.values()) if (other.data && other.shades) update(other);
  figure.parts.spoken.textContent = `Row ${chosen.row + 1}, column ${chosen.column + 1}: ${figure.data.words[cellOf(figure)]}`; // one voice, not one per step
}

function update(figure) {
  const cell = cellOf(figure), columns = figure.data.grid[1];
  const [row, column] = [Math.floor(cell / columns), cell % columns];
  for (const input of figure.inputs) input.value = (input.dataset.axis === "row" ? row : column) + 1;
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
  const [rows, columns] = figure.data.grid;
  if (panel.spec.choose === "cell") choose(figure, (place.row % rows) * columns + (place.column % columns)); // maps are grids side by side
  else choose(figure, place[panel.spec.choose]);
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
  const { row, column } = pointed, columns = figure.data.grid[1];
  const place = (cell) => `row ${Math.floor(cell / columns) + 1}, column ${(cell % columns) + 1}`;
  const value = values[offset(figure, spec) + row * spec.columns + column];
  const [rowName, columnName] = spec.axes;
  const named = (name, at) => (name === "patch" ? place(at) : name && `${name} ${at + 1}`);
  const where = spec.axes.length
    ? [named(rowName, row), named(columnName, column)].filter(Boolean).join(" → ")
    : spec.kind === "vector" ? `number ${row * spec.columns + column + 1}` : place((row % figure.data.grid[0]) * columns + (column % columns));
  note.textContent = `${where}: ${(value * spec.factor).toFixed(spec.digits)}${spec.unit}`;
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
  } else if (spec.kind === "maps") {
    const down = spec.rows / gridRows, across = spec.columns / gridColumns;
    lines(context, seen, down, across, "#888", 3);
    for (let at = 0; at < down * across; at++) {
      const mapRow = Math.floor(at / across) * gridRows + row, mapColumn = (at % across) * gridColumns + column;
      outline(context, part(mapRow, mapColumn, spec.rows, spec.columns), 1.5);
    }
  } else if (spec.choose === "row") outline(context, { ...part(cell, 0, spec.rows, 1) }, 1.5, true);
  else if (spec.choose === "column") outline(context, { ...part(0, cell, 1, spec.columns) }, 1.5, true);
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
