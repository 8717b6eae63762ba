/**
 * Tells Python which picture the grid's user wants to open or to compare. It stands in the page itself, while the grid stands in a
 * fragment: what comes from here ends a script that is busy with the picture opened before, what comes from a fragment waits for it.
 */
const ASKED = "telltale.picture-grid.asked";
const listeners = new WeakMap(); // the component's element -> what stops its listening

export default function listen({ parentElement, setTriggerValue }) {
  const place = parentElement.querySelector("span");
  listeners.get(place)?.abort(); // Streamlit calls again whenever the theme changes
  const stop = new AbortController();
  listeners.set(place, stop);
  addEventListener(ASKED, ({ detail }) => (place.isConnected ? setTriggerValue("asked", detail) : stop.abort()), { signal: stop.signal });
  // Streamlit may run the latest cleanup when only an earlier call has ended: what is still on the page goes on.
  return () => setTimeout(() => place.isConnected || stop.abort());
}
