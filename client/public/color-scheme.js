// Runs before the first paint, so that a chosen colour scheme does not flash in the other one.
try {
  const chosen = localStorage.getItem("mantine-color-scheme-value");
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.setAttribute("data-mantine-color-scheme", chosen);
  }
} catch {
  // Storage is closed to this page; the system's scheme stands.
}
