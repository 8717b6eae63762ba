// Listens for pictures that are pasted anywhere on the page and hands their bytes over.
const listeners = new WeakMap(); // the component's element -> what stops its listening

/** The pictures in a paste. Text goes where it was meant to, even if the program it came from also put a picture of it there. */
function picturesOf(event) {
  const clipboard = event.clipboardData;
  if (!clipboard) return [];
  const intoField = event.target instanceof Element && event.target.closest("input, textarea, [contenteditable=true]");
  if (intoField && clipboard.types.includes("text/plain")) return [];
  return [...clipboard.files].filter((file) => file.type.startsWith("image/"));
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

export default function pastePictures({ data, setTriggerValue, parentElement }) {
  const said = parentElement.querySelector(".said");

  listeners.get(said)?.abort(); // Streamlit calls again whenever the theme changes
  const stop = new AbortController();
  listeners.set(said, stop);

  async function onPaste(event) {
    if (!said.isConnected) return stop.abort();
    const pictures = picturesOf(event);
    if (!pictures.length) return;
    event.preventDefault();
    const bytes = pictures.reduce((sum, file) => sum + file.size, 0);
    if (pictures.length > data.most || bytes > data.bytes) {
      said.textContent = `That is too much to paste: at most ${data.most} pictures of ${data.bytes / 2 ** 20} MB together. Upload the files.`;
      return;
    }
    said.textContent = "";
    try {
      setTriggerValue("pasted", await Promise.all(pictures.map(base64)));
    } catch {
      said.textContent = "The pasted picture could not be read. Save it as a file and upload that.";
    }
  }

  document.addEventListener("paste", onPaste, { signal: stop.signal });
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => said.isConnected || stop.abort());
}
