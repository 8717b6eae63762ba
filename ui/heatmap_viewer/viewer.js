/**
 * The heatmap viewer. Everything happens in the browser; nothing is ever sent to the server. Viewers of one group tell each other
 * what their user does, so that opacity, pointer and marked patch move together.
 *
 * One viewer is one plain object: what Python sent (`picture`), what its user chose (`choices`), where they are (`pointed`,
 * `selected`) and which drawn layers are out of date (`stale`). Event handlers change that object and call `invalidate`; the
 * next animation frame brings the layers up to date. Slow layers (scaled photo, coloured map) are kept, so moving the opacity
 * slider or the pointer only lays two finished canvases over each other.
 *
 * "Cell" is the row-major index of a patch on the grid; rectangles are whole device pixels, so edges never blur.
 */

const STORAGE_KEY = "telltale.heatmap-viewer";
const LINK = "telltale.heatmap-viewer.link"; // the event by which linked viewers hear of each other
const SHOWN = "telltale.heatmap-viewer.shown"; // the event by which the rest of a page hears that a group's photo was painted
const SMOOTH_SIDE = 512; // pixels along the longer side of an interpolated map, before it is scaled onto the photo
const viewers = new WeakMap(); // root element -> viewer
const remembered = recall(); // what the user chose, shared by all viewers of this browser tab

/** Streamlit calls this on mount and again, with the same element, whenever the data or the theme changes. */
export default function heatmapViewer({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  if (!viewers.has(root)) viewers.set(root, createViewer(root));
  const viewer = viewers.get(root);
  show(viewer, data);
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => root.isConnected || destroy(viewer));
}

function createViewer(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const viewer = {
    root, parts, frame: 0, stale: new Set(),
    data: null, picture: null, choices: null,
    pointed: null, // the cell under the pointer or the keyboard; outside the region "tile 1" and so on, or "unseen"
    selected: null, // the cell whose attention is shown, or that is marked where there is no attention; null for none
    follows: false, // the last move came from a linked viewer, which has spoken to screen readers already
    photoLayer: document.createElement("canvas"), heatLayer: document.createElement("canvas"),
    coarse: matchMedia("(hover: none)").matches, // a finger rather than a mouse, corrected by the first touch or click
    listeners: new AbortController(), resizes: null,
  };
  listen(viewer);
  observeSize(viewer);
  return viewer;
}

function destroy(viewer) {
  cancelAnimationFrame(viewer.frame);
  viewer.listeners.abort();
  viewer.resizes.disconnect();
  viewer.data = null; // a photo still being decoded finds out that nobody waits for it
  viewers.delete(viewer.root);
}

/* ---- from Python ---- */

async function show(viewer, data) {
  const before = viewer.data;
  if (data === before) return; // the theme changed, and CSS has already seen to that
  if (data.edition < before?.edition) return; // overtaken on its way here
  viewer.data = data;
  viewer.parts.stage.setAttribute("aria-busy", "true");
  const samePhoto = before?.picture === data.picture;
  const same = samePhoto && before.attention === data.attention && before.values === data.values;
  let photo = samePhoto && viewer.picture?.photo; // its map came, or another one: nothing flickers
  try {
    photo ||= await decodePhoto(data.picture);
  } catch {
    photo = null;
  }
  if (viewer.data !== data) return; // overtaken by a newer photo while decoding
  if (!photo) return giveUp(viewer);
  viewer.picture = unpack(data, photo);
  viewer.choices = { ...defaultChoices(data), ...remembered };
  if (!viewer.picture.blank && !(viewer.choices[data.colour_choice] in data.colour_maps)) viewer.choices[data.colour_choice] = Object.keys(data.colour_maps)[0];
  if (!same) Object.assign(viewer, { pointed: null, selected: null });
  report(viewer, "");
  setUpParts(viewer);
  resize(viewer);
  invalidate(viewer, "photo", "heat", "words");
  if (!same) tell(viewer, { asks: true });
}

/** Better an empty frame than the previous photo under the new one's name. */
function giveUp(viewer) {
  viewer.picture = null;
  viewer.parts.canvas.width = 0;
  viewer.parts.stage.setAttribute("aria-busy", "false");
  report(viewer, "This browser could not display the picture.");
}

async function decodePhoto(source) {
  const photo = new Image();
  photo.src = source;
  await photo.decode();
  return photo;
}

function unpack(data, photo) {
  const { rows, columns } = data.grid;
  const decode = (text) => new Float32Array(bytesOf(text).buffer);
  return {
    photo, rows, columns, region: data.region, tiles: data.tiles, floor: data.display_floor, signed: data.signed,
    cells: rows * columns, blank: !data.values, overall: decode(data.values), attention: data.attention && decode(data.attention),
    shades: Object.fromEntries(Object.entries(data.colour_maps).map(([name, text]) => [name, bytesOf(text)])),
  };
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/* ---- what the user chose ---- */

function defaultChoices(data) {
  return { opacity: data.initial_opacity, [data.colour_choice]: Object.keys(data.colour_maps)[0], patches: "smooth", marked: true };
}

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {}; // storage is blocked or holds something else
  }
}

function choose(viewer, name, value) {
  adopt(viewer, name, value);
  try {
    sessionStorage.setItem(STORAGE_KEY, JSON.stringify(remembered));
  } catch { /* storage is blocked: the choice lasts until the page is reloaded */ }
  tell(viewer, { choice: name, value });
}

function adopt(viewer, name, value) {
  viewer.choices[name] = remembered[name] = value;
  invalidate(viewer, "words", ...{ opacity: [], marked: ["photo"] }[name] ?? ["heat"]);
}

/* ---- linked viewers: those of one group, which show the same photo; places travel as shares of the seen part, for grids may differ ---- */

function tell(viewer, what) {
  const { group } = viewer.data;
  if (group) dispatchEvent(new CustomEvent(LINK, { detail: { from: viewer, group, ...what } }));
}

function hear(viewer, { from, group, ...what }) {
  if (!viewer.root.isConnected) return destroy(viewer);
  if (from === viewer || !viewer.picture || group !== viewer.data.group) return;
  if (what.asks) {
    if (viewer.selected !== null) tell(viewer, { selected: spot(viewer, viewer.selected) });
    return;
  }
  viewer.follows = true;
  if ("choice" in what) {
    adopt(viewer, what.choice, what.value);
    setUpControls(viewer);
  }
  if ("pointed" in what) viewer.pointed = cellOf(viewer, what.pointed);
  if ("selected" in what) viewer.selected = cellOf(viewer, what.selected);
  invalidate(viewer, "words", ..."selected" in what ? ["heat"] : []);
}

function spot({ picture: { rows, columns } }, cell) {
  if (!Number.isInteger(cell)) return cell;
  return { across: (cell % columns + 0.5) / columns, down: (Math.floor(cell / columns) + 0.5) / rows };
}

function cellOf({ picture: { rows, columns } }, place) {
  if (!place?.across) return place;
  return Math.floor(place.down * rows) * columns + Math.floor(place.across * columns);
}

/* ---- what is shown: the overall map, or one row of the attention matrix. Unsigned values are multiples of the uniform share, between 0
 * and the ceiling; signed ones are logits, as far to either side of 0. A level is where a value stands on the colour bar, 0 to 1. ---- */

function shownMap({ picture, selected }) {
  const { overall, attention, cells, floor } = picture;
  const values = selected === null || !attention
    ? overall
    : attention.subarray(selected * cells, (selected + 1) * cells).map((share) => share * cells);
  return { values, ceiling: Math.max(floor, ...values.map(Math.abs)) };
}

function levelOf({ signed }, value, ceiling) {
  const level = signed ? (value / ceiling + 1) / 2 : value / ceiling;
  return Math.min(1, Math.max(0, level));
}

/** How opaque the colour of a level is, 0 to 1. Where a signed map says nothing the photo stays the photo. */
function opaqueness({ signed }, level) {
  return signed ? Math.abs(2 * level - 1) : 1;
}

/* ---- geometry ---- */

function seenRectangle(region, width, height) {
  const x = Math.round(region.left * width), y = Math.round(region.top * height);
  return {
    x, y,
    width: Math.max(1, Math.round(region.right * width) - x),
    height: Math.max(1, Math.round(region.bottom * height) - y),
  };
}

function cellRectangle(seen, { rows, columns }, cell) {
  const row = Math.floor(cell / columns), column = cell % columns;
  const x = seen.x + Math.round((column * seen.width) / columns), y = seen.y + Math.round((row * seen.height) / rows);
  return {
    x, y,
    width: seen.x + Math.round(((column + 1) * seen.width) / columns) - x,
    height: seen.y + Math.round(((row + 1) * seen.height) / rows) - y,
  };
}

/** The cell at a point of the page, or "unseen". */
function cellAt({ picture, parts }, clientX, clientY) {
  const box = parts.canvas.getBoundingClientRect();
  const { region, tiles, rows, columns } = picture;
  const x = (clientX - box.left) / box.width, y = (clientY - box.top) / box.height;
  const across = (x - region.left) / (region.right - region.left), down = (y - region.top) / (region.bottom - region.top);
  const inside = across >= 0 && across < 1 && down >= 0 && down < 1;
  if (inside) return Math.floor(down * rows) * columns + Math.floor(across * columns);
  const tile = tiles.findIndex(({ left, top, right, bottom }) => x >= left && x < right && y >= top && y < bottom);
  return tile < 0 ? "unseen" : `tile ${tile + 1}`;
}

function somethingUnseen({ left, top, right, bottom }) {
  return left > 0.001 || top > 0.001 || right < 0.999 || bottom < 0.999;
}

/** Whether there is anything to mark: what was not seen, or the places of tiles. */
function somethingToMark({ region, tiles }) {
  return somethingUnseen(region) || tiles.length > 0;
}

/* ---- painting; `unit` is one CSS pixel in canvas pixels, so that lines keep their weight at any resolution ---- */

function paintPhoto(context, viewer, width, height, unit) {
  const { photo, region, tiles } = viewer.picture;
  context.imageSmoothingQuality = "high";
  context.drawImage(photo, 0, 0, width, height);
  if (!viewer.choices.marked || !somethingUnseen(region)) return;
  const places = tiles.map((tile) => seenRectangle(tile, width, height));
  markUnseen(context, seenRectangle(region, width, height), places, width, height, unit);
}

/** Dims and hatches what lies outside the seen rectangle and the tiles, and outlines that rectangle; no seen pixel is touched. */
function markUnseen(context, seen, tiles, width, height, unit) {
  context.save();
  for (const { x, y, width: across, height: down } of [seen, ...tiles]) { // one clip each: rectangles overlap
    const outside = new Path2D();
    outside.rect(0, 0, width, height);
    outside.rect(x, y, across, down);
    context.clip(outside, "evenodd");
  }
  for (const paint of ["rgb(24 24 28 / 0.62)", hatching(context, unit)]) {
    context.fillStyle = paint;
    context.fillRect(0, 0, width, height);
  }
  // Dark under light stands out on any photo. The inner half of each line is clipped away.
  for (const [colour, weight] of [["#000", 6], ["#fff", 3]]) {
    context.strokeStyle = colour;
    context.lineWidth = weight * unit;
    context.strokeRect(seen.x, seen.y, seen.width, seen.height);
  }
  context.restore();
}

/** Dashed and numbered frames where the tiles lie, over photo and map. */
function outlineTiles(context, { tiles }, width, height, unit) {
  context.save();
  context.font = `600 ${13 * unit}px sans-serif`;
  context.textBaseline = "top";
  context.lineJoin = "round";
  for (const [number, tile] of tiles.entries()) {
    const box = seenRectangle(tile, width, height);
    for (const [colour, weight, dashes] of [["#000", 3, []], ["#fff", 1.5, [6 * unit, 4 * unit]]]) {
      context.strokeStyle = colour;
      context.lineWidth = weight * unit;
      context.setLineDash(dashes);
      context.strokeRect(box.x, box.y, box.width, box.height);
    }
    context.setLineDash([]);
    context.strokeStyle = "#000";
    context.lineWidth = 3 * unit;
    context.fillStyle = "#fff";
    for (const write of ["strokeText", "fillText"]) context[write](number + 1, box.x + 5 * unit, box.y + 4 * unit);
  }
  context.restore();
}

function hatching(context, unit) {
  const side = Math.max(4, Math.round(10 * unit));
  const tile = canvasOf(side, side);
  const pen = tile.getContext("2d");
  pen.strokeStyle = "rgb(255 255 255 / 0.5)";
  pen.lineWidth = 1.25 * unit;
  for (const shift of [-side, 0, side]) { // the neighbours' lines fill the corners of the tile
    pen.moveTo(shift, side);
    pen.lineTo(shift + side, 0);
  }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

/** The coloured map: one pixel per cell for true patches, bilinear between cell centres otherwise (values, not colours). */
function colouredMap(viewer) {
  const { rows, columns, shades } = viewer.picture;
  const { values, ceiling } = shownMap(viewer);
  const shade = shades[viewer.choices[viewer.data.colour_choice]];
  const scale = viewer.choices.patches === "smooth" ? Math.max(1, Math.floor(SMOOTH_SIDE / Math.max(rows, columns))) : 1;
  const across = neighbours(columns, scale), down = neighbours(rows, scale);
  const image = new ImageData(across.length, down.length);
  let at = 0;
  for (const [above, below, v] of down) {
    for (const [left, right, u] of across) {
      const upper = values[above * columns + left] * (1 - u) + values[above * columns + right] * u;
      const lower = values[below * columns + left] * (1 - u) + values[below * columns + right] * u;
      const level = levelOf(viewer.picture, upper * (1 - v) + lower * v, ceiling);
      const index = 3 * Math.round(255 * level);
      image.data[at++] = shade[index];
      image.data[at++] = shade[index + 1];
      image.data[at++] = shade[index + 2];
      image.data[at++] = Math.round(255 * opaqueness(viewer.picture, level));
    }
  }
  const canvas = canvasOf(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** For each of count * scale samples along an axis: the cells on either side and how far it is towards the second. */
function neighbours(count, scale) {
  return Array.from({ length: count * scale }, (_, sample) => {
    const position = Math.min(count - 1, Math.max(0, (sample + 0.5) / scale - 0.5));
    const first = Math.floor(position);
    return [first, Math.min(count - 1, first + 1), position - first];
  });
}

function paintHeat(context, viewer, seen) {
  if (viewer.picture.blank) return; // the photo is here before its map
  context.imageSmoothingEnabled = viewer.choices.patches === "smooth";
  context.drawImage(colouredMap(viewer), seen.x, seen.y, seen.width, seen.height);
}

/** White within black shows on every colour; inside the cell, so that the neighbours keep their pixels. */
function outlineCell(context, { x, y, width, height }, unit, weight) {
  const outer = Math.min(weight * unit, Math.min(width, height) / 6); // a tiny cell must not drown in its frame
  for (const [colour, lineWidth] of [["#000", outer], ["#fff", outer / 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.strokeRect(x + outer / 2, y + outer / 2, width - outer, height - outer);
  }
}

/** Selected: a heavy frame and a dot, so that it differs from a mere hover by more than its weight. */
function markSelected(context, cell, unit) {
  outlineCell(context, cell, unit, 6);
  const radius = Math.min(4 * unit, cell.width / 6, cell.height / 6);
  for (const [colour, size] of [["#000", 1.6], ["#fff", 1]]) {
    context.fillStyle = colour;
    context.beginPath();
    context.arc(cell.x + cell.width / 2, cell.y + cell.height / 2, radius * size, 0, 2 * Math.PI);
    context.fill();
  }
}

/* ---- bringing the screen up to date, once per animation frame ---- */

function invalidate(viewer, ...what) {
  what.forEach((layer) => viewer.stale.add(layer));
  viewer.frame ||= requestAnimationFrame(() => render(viewer));
}

function render(viewer) {
  viewer.frame = 0;
  const { stale, picture, parts: { canvas } } = viewer;
  if (!picture || !canvas.width || !canvas.height || !canvas.clientWidth) return; // nothing to draw yet, or the viewer is in a hidden tab
  viewer.stale = new Set();
  const unit = canvas.width / canvas.clientWidth;
  const seen = seenRectangle(picture.region, canvas.width, canvas.height);
  if (stale.has("photo")) renderPhotoLayer(viewer, unit);
  if (stale.has("heat")) renderHeatLayer(viewer, seen);
  compose(viewer, seen, unit);
  if (stale.has("heat") && !picture.blank) renderScale(viewer);
  if (stale.has("words")) renderWords(viewer);
  if (stale.has("photo")) dispatchEvent(new CustomEvent(SHOWN, { detail: { group: viewer.data.group } }));
}

function renderPhotoLayer(viewer, unit) {
  const { photoLayer, parts: { canvas } } = viewer;
  Object.assign(photoLayer, { width: canvas.width, height: canvas.height });
  paintPhoto(photoLayer.getContext("2d"), viewer, canvas.width, canvas.height, unit);
}

function renderHeatLayer(viewer, { width, height }) {
  const { heatLayer } = viewer;
  Object.assign(heatLayer, { width, height });
  paintHeat(heatLayer.getContext("2d"), viewer, { x: 0, y: 0, width, height });
}

function compose({ parts, picture, choices, pointed, selected, photoLayer, heatLayer }, seen, unit) {
  const context = parts.canvas.getContext("2d");
  context.clearRect(0, 0, parts.canvas.width, parts.canvas.height);
  context.drawImage(photoLayer, 0, 0);
  context.globalAlpha = choices.opacity; // the heatmap's weight
  context.drawImage(heatLayer, seen.x, seen.y);
  context.globalAlpha = 1;
  if (choices.marked) outlineTiles(context, picture, parts.canvas.width, parts.canvas.height, unit);
  if (Number.isInteger(pointed)) outlineCell(context, cellRectangle(seen, picture, pointed), unit, 4);
  if (selected !== null) markSelected(context, cellRectangle(seen, picture, selected), unit);
}

/* ---- words and numbers beside the picture ---- */

function renderWords(viewer) {
  const { parts, picture, choices, selected, data } = viewer;
  const attends = selected !== null && picture.attention;
  // Of linked viewers only the one in use speaks to screen readers.
  for (const part of [parts.status, parts.readout]) part.setAttribute("aria-live", viewer.follows ? "off" : "polite");
  parts.percent.textContent = `${Math.round(choices.opacity * 100)} %`;
  setText(parts.readout, readout(viewer));
  setText(parts.status, attends ? `What the patch in ${place(viewer, selected)} attends to` : data.status);
  setText(parts.back, picture.attention ? "Show overall attention" : "Clear the mark");
  parts.back.hidden = selected === null;
  parts.notice.hidden = !data.notice || Boolean(attends);
  setText(parts.notice, data.notice);
  renderPin(viewer);
}

function readout(viewer) {
  const { pointed, selected, picture } = viewer;
  if (picture.blank) return "";
  if (pointed === "unseen") return "Not seen by the model";
  const tile = picture.tiles.findIndex((_, number) => pointed === `tile ${number + 1}`);
  if (tile >= 0) return `Outside the map, in tile ${tile + 1}, which adds ${inLogits(picture.tiles[tile].logit)} at its own scale`;
  if (pointed !== null) {
    const source = selected !== null && picture.attention ? ` from ${place(viewer, selected)}` : "";
    return `Patch ${place(viewer, pointed)} · ${worth(viewer, pointed)}${source}`;
  }
  if (selected !== null && !picture.attention) return `Marked: patch ${place(viewer, selected)} · ${worth(viewer, selected)}`;
  const then = picture.attention ? "to see what it attends to" : "to mark it";
  return viewer.coarse ? `Tap a patch to read it, tap again ${then}.` : `Point at a patch to read it, click ${then}.`;
}

/** What a patch has or does, in words. */
function worth(viewer, cell) {
  const value = shownMap(viewer).values[cell];
  if (viewer.picture.signed) return inLogits(value);
  return `${viewer.picture.attention ? "receives " : ""}${multiple(value)} the uniform share`;
}

function inLogits(value) {
  const text = signed(value);
  return /[1-9]/.test(text) ? `${text} towards ${value > 0 ? "AI" : "real"}` : "0, towards neither";
}

function place({ picture }, cell) {
  return `row ${Math.floor(cell / picture.columns) + 1}, column ${(cell % picture.columns) + 1}`;
}

function multiple(value) {
  return `${value.toFixed(value < 0.95 ? 2 : 1)}×`;
}

/** Logits: +0.31 or −0.012, with a real minus sign. */
function signed(value) {
  const digits = Math.abs(value) < 0.1 ? 3 : 2;
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;
}

/** Writing the same text again would make a screen reader repeat it. */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function renderScale(viewer) {
  const { parts, picture, data } = viewer;
  const { values, ceiling } = shownMap(viewer);
  const colours = picture.shades[viewer.choices[data.colour_choice]];
  const image = new ImageData(256, 1);
  for (let i = 0; i < 256; i++) {
    const opaque = Math.round(255 * opaqueness(picture, i / 255));
    image.data.set([...colours.subarray(3 * i, 3 * i + 3), opaque], 4 * i);
  }
  parts.bar.getContext("2d").putImageData(image, 0, 0);
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  parts.scale.setAttribute("aria-label", picture.signed
    ? `Colour scale in logits, from ${signed(-ceiling)} towards real to ${signed(ceiling)} towards AI; `
      + `the patches go from ${signed(lowest)} to ${signed(highest)}.`
    : `Colour scale from 0 to ${multiple(ceiling)} the uniform share; the highest patch is at ${multiple(highest)}.`);
  parts.unit.textContent = picture.signed ? "logits" : "× uniform share";
  parts.directions.hidden = !picture.signed;
  const up = ticksUpTo(ceiling, picture.signed ? 2 : 5);
  const ticks = picture.signed ? [...up.slice(1).map((value) => -value).reverse(), ...up] : up;
  parts.ticks.replaceChildren(...ticks.map((value) => {
    const tick = document.createElement("span");
    tick.textContent = picture.signed ? signedTick(value) : `${Number(value.toFixed(1))}×`;
    tick.style.left = `${100 * levelOf(picture, value, ceiling)}%`;
    tick.classList.toggle("end", value === ceiling);
    return tick;
  }));
}

function signedTick(value) {
  return signed(value).replace(/0+$/, "").replace(/\.$/, "") || "0";
}

/** Round numbers a 1-2-5 step apart, at most `most` steps, and the end of the scale itself. */
function ticksUpTo(ceiling, most) {
  const power = 10 ** Math.floor(Math.log10(ceiling / most));
  const step = power * [1, 2, 5, 10].find((factor) => ceiling / (factor * power) <= 1.001 * most); // 0.4 arrives as 0.4000000059
  const ticks = [];
  for (let value = 0; value < ceiling - 0.3 * step; value += step) ticks.push(value);
  return [...ticks, ceiling]; // a round number just short of the end gives way to it
}

/** Shows on the colour bar where the patch under the pointer, or the marked one, stands. */
function renderPin(viewer) {
  const { parts: { pin }, picture, pointed, selected } = viewer;
  const cell = pointed === null && !picture.attention ? selected : pointed;
  pin.hidden = !Number.isInteger(cell);
  if (pin.hidden) return;
  const { values, ceiling } = shownMap(viewer);
  pin.style.left = `${100 * levelOf(picture, values[cell], ceiling)}%`;
}

/** What changes only with the data or a stored choice: set once per picture, never while somebody moves a control. */
function setUpParts(viewer) {
  const { root, parts, data, picture } = viewer;
  const { photo } = picture;
  parts.stage.setAttribute("aria-label", data.alt);
  parts.stage.setAttribute("aria-busy", "false");
  parts.stage.style.setProperty("--max-height", data.max_height);
  parts.stage.style.setProperty("--aspect", photo.naturalWidth / photo.naturalHeight);
  parts.unseen.hidden = !somethingToMark(picture);
  setText(parts.marks, marksInWords(picture));
  parts.scale.style.visibility = picture.blank ? "hidden" : ""; // its room stays: nothing moves when the map comes
  for (const name of ["opacity", "colours"]) root.querySelector(`[data-choice=${name}]`).disabled = picture.blank;
  root.querySelector("[data-choice=colours]").replaceChildren(...Object.keys(data.colour_maps).map((name) => new Option(name, name)));
  setUpControls(viewer);
}

function marksInWords({ region, tiles }) {
  const outlined = tiles.length ? "dashed: tiles it sees at full scale" : "";
  const hatched = somethingUnseen(region) ? "hatched: not seen by the model" : "";
  const words = [hatched, outlined].filter(Boolean).join("; ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function setUpControls({ root, data, choices, picture }) {
  const control = (name) => root.querySelector(`[data-choice=${name}]`);
  if (!picture.blank) control("colours").value = choices[data.colour_choice];
  control("opacity").value = Math.round(choices.opacity * 100);
  control("marked").checked = choices.marked;
  root.querySelector(`[name=patches][value=${choices.patches}]`).checked = true;
}

function report({ parts }, sentence) {
  parts.problem.textContent = sentence;
  parts.problem.hidden = !sentence;
}

/* ---- size ---- */

function observeSize(viewer) {
  viewer.resizes = new ResizeObserver(([entry]) => {
    resize(viewer, entry.devicePixelContentBoxSize?.[0]);
    if (viewer.frame) cancelAnimationFrame(viewer.frame);
    render(viewer); // now, before the browser paints: no frame with a stretched canvas
  });
  try {
    viewer.resizes.observe(viewer.parts.canvas, { box: "device-pixel-content-box" }); // exact on fractional displays
  } catch {
    viewer.resizes.observe(viewer.parts.canvas);
  }
}

/** Gives the canvas one pixel per device pixel; `exact` is the browser's own count, where it has one. */
function resize(viewer, exact) {
  const { canvas } = viewer.parts;
  const box = canvas.getBoundingClientRect();
  const pixels = (length, counted) => {
    const estimate = Math.round(length * devicePixelRatio);
    return Math.abs(counted - estimate) <= 1 ? counted : estimate; // emulated displays miscount
  };
  const width = pixels(box.width, exact?.inlineSize), height = pixels(box.height, exact?.blockSize);
  if (canvas.width === width && canvas.height === height) return;
  Object.assign(canvas, { width, height });
  viewer.stale.add("photo").add("heat");
}

/* ---- events ---- */

function listen(viewer) {
  const { root, parts } = viewer;
  const on = (element, type, handler) =>
    element.addEventListener(type, (event) => viewer.picture && handler(event), { signal: viewer.listeners.signal });
  const onMap = (element, type, handler) => on(element, type, (event) => viewer.picture.blank || handler(event));

  on(root, "input", ({ target }) => {
    const { choice } = target.dataset;
    const value = { opacity: target.value / 100, marked: target.checked }[choice] ?? target.value;
    choose(viewer, choice === "colours" ? viewer.data.colour_choice : choice, value);
  });
  on(parts.back, "click", () => (select(viewer, null), parts.stage.focus()));
  on(parts.save, "click", () => save(viewer));
  on(window, LINK, ({ detail }) => hear(viewer, detail));
  listenToPointer(viewer, onMap);
  onMap(parts.stage, "keydown", (event) => handleKey(viewer, event));
  onMap(parts.stage, "focus", () => viewer.pointed ?? (parts.stage.matches(":focus-visible") && point(viewer, startingCell(viewer))));
  on(parts.stage, "blur", () => point(viewer, null));
}

/** A mouse hovers and clicks. A finger cannot hover: its first tap on a patch reads it, the second selects it. */
function listenToPointer(viewer, on) {
  const { stage, canvas } = viewer.parts;
  let read = null;
  on(stage, "pointerdown", ({ pointerType }) => {
    viewer.coarse = pointerType === "touch";
    read = viewer.pointed;
  });
  on(canvas, "pointermove", ({ pointerType, clientX, clientY }) => {
    if (pointerType !== "touch") point(viewer, cellAt(viewer, clientX, clientY));
  });
  on(canvas, "pointerleave", ({ pointerType }) => pointerType !== "touch" && point(viewer, null));
  on(canvas, "click", ({ clientX, clientY }) => {
    const cell = cellAt(viewer, clientX, clientY);
    point(viewer, cell);
    if (Number.isInteger(cell) && !(viewer.coarse && cell !== read)) select(viewer, cell);
  });
}

const STEPS = {
  ArrowLeft: (row, column) => [row, column - 1],
  ArrowRight: (row, column) => [row, column + 1],
  ArrowUp: (row, column) => [row - 1, column],
  ArrowDown: (row, column) => [row + 1, column],
  Home: (row) => [row, 0],
  End: (row) => [row, Infinity],
};

function handleKey(viewer, event) {
  const { rows, columns } = viewer.picture;
  if (event.altKey || event.metaKey || event.ctrlKey) return; // the browser's own shortcuts
  const cell = Number.isInteger(viewer.pointed) ? viewer.pointed : startingCell(viewer);
  if (event.key in STEPS) {
    const [row, column] = STEPS[event.key](Math.floor(cell / columns), cell % columns);
    const within = (value, count) => Math.min(count - 1, Math.max(0, value));
    point(viewer, within(row, rows) * columns + within(column, columns));
  } else if (event.key === "Enter" || event.key === " ") {
    point(viewer, cell);
    if (!event.repeat) select(viewer, cell);
  } else if (event.key === "Escape" && (viewer.selected !== null || viewer.pointed !== null)) {
    viewer.selected === null ? point(viewer, null) : select(viewer, null);
  } else return;
  event.preventDefault(); // the page must not scroll,
  event.stopPropagation(); // nor take Escape for itself
}

/** Where the keyboard begins: the selected patch, else the strongest one, to whichever side. */
function startingCell(viewer) {
  const strengths = viewer.picture.overall.map(Math.abs);
  return viewer.selected ?? strengths.indexOf(Math.max(...strengths));
}

function point(viewer, cell) {
  if (cell === viewer.pointed) return;
  viewer.pointed = cell;
  viewer.follows = false;
  invalidate(viewer, "words");
  tell(viewer, { pointed: spot(viewer, cell) });
}

/** Selecting the selected patch again goes back to the overall map. */
function select(viewer, cell) {
  viewer.selected = cell === viewer.selected ? null : cell;
  viewer.follows = false;
  invalidate(viewer, "heat", "words");
  tell(viewer, { selected: spot(viewer, viewer.selected) });
}

/* ---- saving ---- */

/** What is on screen, except for the hover outline, at the photo's own resolution. */
function save(viewer) {
  const { picture, choices, selected, data, parts } = viewer;
  const { naturalWidth: width, naturalHeight: height } = picture.photo;
  const unit = width / parts.canvas.clientWidth;
  const seen = seenRectangle(picture.region, width, height);
  const canvas = canvasOf(width, height);
  const context = canvas.getContext("2d");
  paintPhoto(context, viewer, width, height, unit);
  context.globalAlpha = choices.opacity;
  paintHeat(context, viewer, seen);
  context.globalAlpha = 1;
  if (choices.marked) outlineTiles(context, picture, width, height, unit);
  if (selected !== null) markSelected(context, cellRectangle(seen, picture, selected), unit);
  canvas.toBlob((blob) => {
    if (!blob) return report(viewer, "The picture is too large for this browser to save.");
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: data.download_name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // after the download has begun, wherever it is slow to
  }, "image/png");
}

function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}
