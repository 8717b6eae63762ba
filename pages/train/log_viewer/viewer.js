/**
 * The log viewer: lines of text that grow at the end. Text is only ever set as textContent, so nothing in a log becomes markup.
 *
 * Python sends the last lines of the file again and again, each with its number. Lines that are here already stay
 * untouched, so that a selection or a place the reader scrolled to survives; the newest may have been unfinished and is replaced.
 */

const KEPT = 3000; // lines in the page; older ones go while nobody is reading them
const KEPT_WHILE_PAUSED = 12000;
const NEAR_END = 24; // pixels: this close to the end counts as being there
const viewers = new WeakMap();

/** Streamlit calls this on mount and again, with the same element, whenever there is something new. */
export default function logViewer({ data, parentElement }) {
  const root = parentElement.querySelector(".box");
  if (!viewers.has(root)) viewers.set(root, createViewer(root));
  show(viewers.get(root), data);
}

function createViewer(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const viewer = { parts, data: null, following: true };
  parts.follow.addEventListener("click", () => follow(viewer, !viewer.following));
  // Scrolling up is asking to read; coming back to the end is asking to follow.
  parts.log.addEventListener("scroll", () => {
    const atEnd = parts.log.scrollHeight - parts.log.scrollTop - parts.log.clientHeight < NEAR_END;
    if (atEnd !== viewer.following && !viewer.busy) follow(viewer, atEnd, false);
  });
  return viewer;
}

function show(viewer, data) {
  const { log, note, follow: button } = viewer.parts;
  if (data === viewer.data || data.edition < viewer.data?.edition) return; // the latter was overtaken on its way here
  const another = !viewer.data || viewer.data.identity !== data.identity || viewer.data.find !== data.find;
  viewer.data = data;
  viewer.busy = true; // what scrolls now is not the reader
  if (another) {
    log.replaceChildren();
    viewer.following = data.follow;
  }
  log.setAttribute("aria-label", data.label);
  button.hidden = !data.live;
  log.classList.toggle("live", data.live);
  append(viewer, data);
  note.textContent = data.note;
  follow(viewer, viewer.following);
  requestAnimationFrame(() => { viewer.busy = false; });
}

function append(viewer, data) {
  const { log } = viewer.parts;
  const last = log.lastElementChild;
  let from = 0;
  if (last && data.follow) {
    const known = Number(last.dataset.number);
    if (data.lines.length && data.lines.at(-1)[0] < known) log.replaceChildren(); // the file was begun anew
    else {
      from = data.lines.findIndex(([number]) => number >= known);
      if (from < 0) return;
      if (data.lines[from][0] === known) {
        const text = data.lines[from][1];
        if (last.textContent !== text) last.textContent = text;
        from += 1;
      } else log.append(gap("… lines that came too fast to show; download the log to see them"));
    }
  } else if (data.before) log.append(gap(data.before));
  const fresh = document.createDocumentFragment();
  for (const [number, text] of data.lines.slice(from)) fresh.append(line(number, text, data.find));
  log.append(fresh);
  const kept = viewer.following ? KEPT : KEPT_WHILE_PAUSED;
  while (log.childElementCount > kept) log.firstElementChild.remove();
}

function line(number, text, find) {
  const element = document.createElement("div");
  element.dataset.number = number;
  if (!find) {
    element.textContent = text;
    return element;
  }
  const lower = text.toLowerCase();
  const wanted = find.toLowerCase();
  let done = 0;
  // Some letters change their length in lower case; then there is no telling where the match is in the original.
  for (let at = lower.indexOf(wanted); at >= 0 && lower.length === text.length; at = lower.indexOf(wanted, done)) {
    const marked = document.createElement("mark");
    marked.textContent = text.slice(at, at + wanted.length);
    element.append(text.slice(done, at), marked);
    done = at + wanted.length;
  }
  element.append(text.slice(done));
  return element;
}

function gap(text) {
  const element = document.createElement("div");
  element.className = "gap";
  element.textContent = text;
  element.dataset.number = -1;
  return element;
}

/** Keep the end in sight, or leave the reader alone. */
function follow(viewer, following, jump = true) {
  const { log, follow: button } = viewer.parts;
  viewer.following = following;
  button.textContent = following ? "Pause" : "Follow";
  log.setAttribute("aria-live", following ? "polite" : "off");
  if (following && jump && viewer.data?.follow) log.scrollTop = log.scrollHeight;
}
