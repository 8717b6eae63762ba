/**
 * Presenter mode, the keys of a clicker, and the link. One presenter is on a page at a time.
 *
 * `data` from Python: steps (names), at (index of the one shown, or null), answers (keys of buttons, from left to right), link (what to
 * say once it is copied, or null).
 */

const PARAMETER = "present";
const FORWARD = new Set(["PageDown", "ArrowRight", "ArrowDown", " "]);
const BACK = new Set(["PageUp", "ArrowLeft", "ArrowUp"]);
const presenters = new Map(); // root element -> presenter

/** Streamlit calls this on mount and again, with the same element, whenever the data or the theme changes. */
export default function presenter({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".presenter");
  if (!presenters.has(root)) presenters.set(root, create(root));
  const mine = presenters.get(root);
  mine.go = (name) => setTriggerValue("step", name);
  if (data !== mine.data) Object.assign(mine, { data, at: data.at });
  rememberInAddress(); // the server may have written it anew
  mine.parts.link.hidden = data.link === null;
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => root.isConnected || destroy(mine));
}

function create(root) {
  const parts = Object.fromEntries([...root.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
  const mine = { root, parts, data: null, at: null, tabbed: false, listeners: new AbortController() };
  const { signal } = mine.listeners;
  // Before anything else on the page hears of a key: a slider would take Page Down for its own.
  window.addEventListener("keydown", (event) => (root.isConnected ? pressed(mine, event) : destroy(mine)), { signal, capture: true });
  window.addEventListener("keyup", (event) => released(mine, event), { signal, capture: true });
  window.addEventListener("pointerdown", () => (mine.tabbed = false), { signal, capture: true });
  parts.toggle.addEventListener("click", () => toggle(mine), { signal });
  parts.link.addEventListener("click", () => copyLink(mine), { signal });
  present(mine, new URL(location.href).searchParams.get(PARAMETER) === "1");
  return mine;
}

function destroy(mine) {
  mine.listeners.abort();
  presenters.delete(mine.root);
  if (presenters.size === 0) document.documentElement.removeAttribute("data-presenting");
}

/* ---- presenter mode and the link ---- */

function toggle(mine) {
  present(mine, !document.documentElement.hasAttribute("data-presenting"));
  rememberInAddress();
}

function rememberInAddress() {
  const address = new URL(location.href);
  if (document.documentElement.hasAttribute("data-presenting")) address.searchParams.set(PARAMETER, "1");
  else address.searchParams.delete(PARAMETER);
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

function present({ root, parts }, on) {
  document.documentElement.toggleAttribute("data-presenting", on);
  root.classList.toggle("presenting", on);
  parts.toggle.setAttribute("aria-pressed", on);
  parts.label.textContent = on ? "Leave presenter mode" : "Present";
  window.dispatchEvent(new Event("resize")); // figures and charts have another room now
}

async function copyLink({ parts, data }) {
  try {
    await navigator.clipboard.writeText(location.href);
    parts.said.textContent = data.link;
  } catch { // no permission, or a page that is not served securely
    parts.said.textContent = "This browser does not let the page copy: take the link from the address bar.";
  }
}

/* ---- keys ---- */

function pressed(mine, event) {
  if (event.key === "Tab") mine.tabbed = true;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const act = actionOf(mine, event);
  // A slider moves by itself; a button that has the same key for a shortcut must not hear of it.
  if (!act && mine.data.answers.length && isSlider(focused()) && event.key.startsWith("Arrow")) event.stopImmediatePropagation();
  if (!act) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  mine.held = event.key;
  act();
}

/** A button with the focus is pressed when the space bar comes up again. */
function released(mine, event) {
  if (event.key !== mine.held) return;
  mine.held = null;
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** What the key does here; null if it belongs to what has the focus, or to the browser. */
function actionOf(mine, { key, shiftKey }) {
  const focus = focused();
  if (inside(focus, "[role=dialog], [data-testid=stPopoverBody]")) return null;
  const step = answerOf(mine, key) ?? stepOf(mine, key, shiftKey);
  if (key === "PageUp" || key === "PageDown") return step; // of no use to anything else on the page
  if (belongsTo(mine, focus, key)) return null;
  if (key === "p" || key === "P") return () => toggle(mine);
  if (key === "Escape" && document.documentElement.hasAttribute("data-presenting")) return () => toggle(mine);
  if (key === "Enter") return reveal();
  return step;
}

function stepOf(mine, key, shiftKey) {
  if (mine.at === null) return null;
  const last = mine.data.steps.length - 1;
  let to = null;
  if (key === "Home") to = 0;
  else if (key === "End") to = last;
  else if (BACK.has(key) || (key === " " && shiftKey)) to = Math.max(0, mine.at - 1);
  else if (FORWARD.has(key)) to = Math.min(last, mine.at + 1);
  if (to === null) return null;
  return () => {
    if (to === mine.at) return;
    mine.at = to; // a second press need not wait for the server
    mine.go(mine.data.steps[to]);
  };
}

function answerOf({ data }, key) {
  const at = { PageUp: 0, PageDown: data.answers.length - 1 }[key];
  const button = at === undefined || !data.answers.length ? null : document.querySelector(`.st-key-${data.answers[at]} button`);
  return button && (() => button.click());
}

/** The first question on the page whose answer is hidden, else shown. */
function reveal() {
  const answer = document.querySelector("[class*=st-key-answer-] summary");
  return answer && (() => answer.click());
}

function focused() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}

function isSlider(element) {
  return Boolean(element?.matches?.("[role=slider], input[type=range]"));
}

function inside(element, selector) {
  return Boolean(element?.closest?.(selector));
}

/** Whether the element with the focus has its own use for the key. What got the focus by a click of the mouse keeps only what cannot
 * be meant for the page: the presenter has gone on talking since. */
function belongsTo({ tabbed }, focus, key) {
  if (!focus || focus === document.body) return false;
  if (isSlider(focus)) return key.startsWith("Arrow");
  const list = focus.closest("[role=combobox]");
  if (list) return tabbed || list.getAttribute("aria-expanded") === "true";
  if (focus.matches("input:not([type=radio], [type=checkbox], [type=button]), textarea, select, [contenteditable=true]")) return true;
  if (focus.matches("[role=application]")) return key.startsWith("Arrow") || key === "Home" || key === "End";
  const pressable = focus.matches("button, a, summary, [role=button], input, [role=radio], [role=tab], [role=switch]");
  return tabbed && pressable && (key === " " || key === "Enter" || (key.startsWith("Arrow") && focus.matches("[type=radio], [role=radio], [role=tab]")));
}
