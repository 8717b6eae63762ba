/**
 * Hands files that are dropped anywhere on the page to Streamlit's uploader, the first on the page. The uploader's own area goes on
 * taking them itself.
 */
const INPUT = "[data-testid=stFileUploaderDropzoneInput]";
const AREA = "[data-testid=stFileUploaderDropzone]";
const listeners = new WeakMap(); // the component's element -> what stops its listening

export default function dropAnywhere({ parentElement }) {
  const veil = parentElement.querySelector(".veil");
  listeners.get(veil)?.abort(); // Streamlit calls again whenever the theme changes
  const stop = new AbortController();
  listeners.set(veil, stop);
  const on = (type, handler) => addEventListener(type, (event) => {
    if (!veil.isConnected) return stop.abort();
    if (carriesFiles(event)) handler(event);
  }, { signal: stop.signal });
  on("dragover", (event) => {
    event.preventDefault(); // else the browser would open the file
    veil.hidden = overUploader(event);
  });
  on("dragleave", (event) => event.relatedTarget || (veil.hidden = true)); // out of the window
  on("drop", (event) => {
    veil.hidden = true;
    event.preventDefault();
    if (!overUploader(event)) hand(event.dataTransfer.files);
  });
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => veil.isConnected || stop.abort());
}

function carriesFiles({ dataTransfer }) {
  return [...dataTransfer?.types ?? []].includes("Files");
}

function overUploader(event) {
  return event.composedPath().some((element) => element.matches?.(AREA));
}

function hand(files) {
  const input = document.querySelector(INPUT);
  if (!input || !files.length) return;
  input.files = files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}
