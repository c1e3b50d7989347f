const key = "palimpsest:reloaded-at";
const pauseMs = 30_000;

/**
 * Loads the page anew when a file of its build is gone because the server has a newer one; not
 * twice in a row, so that a file that is really missing ends at the error page.
 */
export function reloadOnNewBuild(): void {
  window.addEventListener("vite:preloadError", (event) => {
    const reloadedAt = Number(sessionStorage.getItem(key) ?? 0);
    if (Date.now() - reloadedAt < pauseMs) return;
    sessionStorage.setItem(key, String(Date.now()));
    event.preventDefault();
    window.location.reload();
  });
}
