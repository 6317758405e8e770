// What pictures drawn by scripts take from the page's styles: colours of tones, and when they change.
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

const TONES = new Set(["go", "warn", "stop", "unknown", "critical", "high", "medium", "low", "negligible", "accent", "soft", "ink", "line"]);

// The colour of a tone, as the theme has it now.
export function colour(tone) {
  probe.className = `tone-${TONES.has(tone) ? tone : "soft"}`;
  return getComputedStyle(probe).color;
}

export function ground() {
  probe.className = "";
  return getComputedStyle(document.querySelector(".panel") ?? document.body).backgroundColor;
}

export function font() {
  return getComputedStyle(document.body).fontFamily;
}

// Calls back when the theme changes, by the person or by the system.
export function onTheme(draw) {
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 999.95 && at < units.length - 1) { value /= 1000; at += 1; }
  return `${at === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[at]}`;
}
