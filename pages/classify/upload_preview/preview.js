/**
 * Shows a picture that was chosen, dropped or handed to Streamlit's uploader from the browser's own copy of it, where the viewer will
 * show it, until that does or the user does something else. Nothing waits for this: whatever it cannot do, it leaves.
 */
const INPUT = "[data-testid=stFileUploaderDropzoneInput]";
const PHOTO_SHOWN = "telltale.heatmap-viewer.shown"; // what a heatmap viewer says when it has painted a photo
const TYPES = ["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/avif"];
const MOST_BYTES = 40 * 2 ** 20; // a larger one would keep the browser busy
const LONGEST = 30_000; // milliseconds that a slow upload may cover the page
const NO_VIEWER = 1_200; // milliseconds after its arrival without a viewer: the page says why there is none
const LOOK = 250; // milliseconds between looks whether the upload has failed
const FAILED = "[data-testid=stFileChip][aria-invalid]";
const previews = new WeakMap(); // the component's element -> its preview

/** Streamlit calls this on mount and again, with the same element, whenever the data or the theme changes. */
export default function uploadPreview({ data, parentElement }) {
  const root = parentElement.querySelector(".preview");
  if (!previews.has(root)) previews.set(root, createPreview(root));
  const preview = previews.get(root);
  preview.server = data;
  closeIfArrived(preview);
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => root.isConnected || destroy(preview));
}

function createPreview(root) {
  const [words, photo] = ["words", "photo"].map((name) => root.querySelector(`[data-part=${name}]`));
  const preview = { root, words, photo, server: null, upload: null, inViewer: null, listeners: new AbortController() };
  const on = (type, handler, options = {}) => addEventListener(type, (event) => {
    if (!root.isConnected) return destroy(preview);
    handler(event);
  }, { ...options, signal: preview.listeners.signal });
  on("change", ({ target }) => target.matches?.(INPUT) && begin(preview, target.files), { capture: true });
  on("drop", ({ dataTransfer }) => dataTransfer?.files.length && begin(preview, dataTransfer.files), { capture: true });
  on(PHOTO_SHOWN, ({ detail }) => {
    if (detail.group) preview.inViewer = detail.group; // others show parts of a picture
    closeIfArrived(preview);
  });
  on("keydown", ({ key }) => key === "Escape" && close(preview));
  on("pointerdown", () => close(preview));
  on("resize", () => close(preview));
  root.dataset.listening = "";
  return preview;
}

function destroy(preview) {
  preview.listeners.abort();
  close(preview);
  previews.delete(preview.root);
}

async function begin(preview, files) {
  const [file] = files;
  if (file === preview.upload?.file) return; // dropped, and then handed to the uploader
  const isAlone = !preview.upload || preview.upload.arrived; // else the server may get both at once, and opens neither
  close(preview);
  if (!isAlone || files.length !== 1 || !TYPES.includes(file.type) || file.size > MOST_BYTES) return;
  const upload = { file, before: preview.server.taken, source: URL.createObjectURL(file), end: setTimeout(() => close(preview), LONGEST) };
  const failed = failures();
  upload.looks = setInterval(() => failures() > failed && close(preview), LOOK);
  preview.upload = upload;
  preview.photo.src = upload.source;
  try {
    await preview.photo.decode();
  } catch {
    if (preview.upload === upload) close(preview);
    return;
  }
  if (preview.upload !== upload || !preview.root.isConnected) return; // it is in the viewer already, or another one was chosen
  preview.words.textContent = `${file.name} is on its way. The verdict follows.`;
  place(preview);
  preview.root.showPopover();
}

/** When the server has the picture, its viewer shows it soon, or does so already where it is the one that was open. */
function closeIfArrived(preview) {
  const { upload, server, inViewer } = preview;
  if (!upload || server.taken === upload.before) return;
  if (inViewer === server.latest) return close(preview);
  if (upload.arrived) return;
  upload.arrived = true;
  clearTimeout(upload.end);
  upload.end = setTimeout(() => close(preview), NO_VIEWER);
}

function close(preview) {
  const { upload, root, photo } = preview;
  if (!upload) return;
  preview.upload = null;
  clearTimeout(upload.end);
  clearInterval(upload.looks);
  if (root.isConnected) root.hidePopover();
  photo.removeAttribute("src");
  URL.revokeObjectURL(upload.source);
}

/** Over the page from the bar on, or, where no picture is open, from the uploader on; the photo where the open one's stands. */
function place({ root, words, photo }) {
  const main = box("[data-testid=stMain]"), bar = box(".st-key-bar"), header = box("[data-testid=stHeader]");
  const above = box(".st-key-workbench") ? bar : box("[data-testid=stFileUploader]");
  const top = Math.max(above?.bottom ?? 0, header?.bottom ?? 0);
  Object.assign(root.style, { left: px(main.left), width: px(main.width), top: px(top) });
  const area = photoArea(main, bar, top);
  const at = (element, { left, width, top: from }) =>
    Object.assign(element.style, { left: px(left - main.left), width: px(width), top: px(from - top) });
  at(photo, area);
  photo.style.height = px(Math.max(120, Math.min(area.height, innerHeight - area.top - 16)));
  const beside = area.left > main.left + 160;
  at(words, beside ? { left: bar.left, width: area.left - bar.left - 24, top: top + 16 } : { ...area, top: top + 8 });
}

function photoArea(main, bar, top) {
  const stage = openStage();
  if (stage && stage.top > top) return stage;
  if (main.width < 700) return { left: bar.left, width: bar.width, top: top + 64, height: innerHeight };
  const left = bar.left + 0.37 * bar.width; // as wide as the columns of a page with one picture
  return { left, width: bar.right - left, top: top + 64, height: innerHeight };
}

/** Where the open picture's photo stands. */
function openStage() {
  for (const host of document.querySelectorAll("[data-testid=stMain] *")) {
    const stage = host.shadowRoot?.querySelector("[data-testid=heatmap-viewer] .stage");
    if (stage) return stage.getBoundingClientRect();
  }
  return null;
}

const failures = () => document.querySelectorAll(FAILED).length;
const box = (selector) => document.querySelector(selector)?.getBoundingClientRect();
const px = (length) => `${Math.round(length)}px`;
