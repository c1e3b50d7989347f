// Runs in the page: watches the manuscript as a person would see it. Times are milliseconds since
// the epoch, so that two browsers on one machine can be compared.
const now = () => performance.timeOrigin + performance.now();
const manuscript = () => document.querySelector(".ProseMirror");
const pressed = [];
const arrived = [];

window.probes = {
  pressed,
  arrived,

  /** How many characters stand in the manuscript. */
  shown: () => manuscript().textContent.length,

  /** Presses Start; resolves with the milliseconds until the frame that shows new characters. */
  startAndWatch() {
    const text = manuscript();
    const start = [...document.querySelectorAll("button")].find(
      (button) => (button.getAttribute("aria-label") ?? button.textContent).trim() === "Start",
    );
    const length = text.textContent.length;
    return new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error("no new text within ten seconds")), 10_000);
      const startedAt = performance.now();
      const observer = new MutationObserver(() => {
        if (text.textContent.length <= length) return;
        observer.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - startedAt));
      });
      observer.observe(text, { subtree: true, childList: true, characterData: true });
      start.click();
    });
  },

  /** Notes when each key goes down. */
  watchKeys(character) {
    document.addEventListener(
      "keydown",
      (event) => {
        if (event.key === character) pressed.push(now());
      },
      true,
    );
  },

  /** Notes when each further `character` stands in the manuscript. */
  watchArrivals(character) {
    const text = manuscript();
    new MutationObserver(() => {
      const count = text.textContent.split(character).length - 1;
      while (arrived.length < count) arrived.push(now());
    }).observe(text, { subtree: true, childList: true, characterData: true });
  },
};
