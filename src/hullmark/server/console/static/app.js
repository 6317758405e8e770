// What the console does besides htmx: the theme, the palette, and keys. Every page reads and works without it.
const root = document.documentElement;

function keepTheme(theme) {
  root.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/console; Max-Age=31536000; SameSite=Lax${secure}`;
}

function isDark() {
  if (root.dataset.theme) return root.dataset.theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.hidden = false;
  button.addEventListener("click", () => keepTheme(isDark() ? "light" : "dark"));
}

// On a narrow screen the chosen tab is among those that are seen. Only the strip of tabs scrolls: the page begins at its top.
for (const tab of document.querySelectorAll(".tabs [aria-current]")) {
  const strip = tab.closest(".tabs");
  const beyond = tab.getBoundingClientRect().right - strip.getBoundingClientRect().right;
  if (beyond > 0) strip.scrollLeft += beyond;
}

// A form that takes effect as soon as something in it is chosen.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-at-once]");
  if (form) form.requestSubmit();
});

// An action that cannot be undone is asked about once more.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask ?? event.target.dataset.ask;
  if (question && !confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}, true);

// Text that is copied by a button beside it.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard?.writeText(button.dataset.copy);
  const words = button.textContent;
  button.textContent = button.dataset.done || "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
});

const palette = document.querySelector("dialog.palette");
if (palette) {
  const field = palette.querySelector("input");
  const list = palette.querySelector("ul");
  const pages = [...document.querySelectorAll(".side .menu a")].map((link) => ({ title: link.textContent.trim(), href: link.href, kind: "" }));
  let shown = [];
  let chosen = 0;
  let asked = 0;

  const draw = () => {
    list.replaceChildren(...shown.map((entry, index) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = entry.href;
      link.id = `palette-${index}`;
      link.setAttribute("role", "option");
      link.setAttribute("aria-selected", String(index === chosen));
      const title = document.createElement("span");
      title.textContent = entry.title;
      const kind = document.createElement("span");
      kind.className = "soft small";
      kind.textContent = entry.kind;
      link.append(title, kind);
      item.setAttribute("role", "presentation");
      item.append(link);
      return item;
    }));
    field.setAttribute("aria-activedescendant", shown.length ? `palette-${chosen}` : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };

  const look = async () => {
    const words = field.value.trim().toLowerCase();
    shown = pages.filter((page) => page.title.toLowerCase().includes(words));
    chosen = 0;
    draw();
    const number = ++asked;
    if (words.length < 2) return;
    await new Promise((wait) => { setTimeout(wait, 120); });
    if (number !== asked) return;
    const answer = await fetch(`${palette.dataset.search}?format=json&q=${encodeURIComponent(field.value.trim())}`, { headers: { accept: "application/json" } });
    if (!answer.ok || number !== asked) return;
    shown = [...shown, ...(await answer.json())];
    draw();
  };

  const open = () => {
    field.value = "";
    palette.showModal();
    look();
  };

  field.addEventListener("input", look);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      chosen = (chosen + step + shown.length) % shown.length;
      draw();
      event.preventDefault();
    } else if (event.key === "Enter" && shown[chosen]) {
      location.assign(shown[chosen].href);
      event.preventDefault();
    }
  });
  palette.addEventListener("click", (event) => { if (event.target === palette) palette.close(); });
  for (const button of document.querySelectorAll("[data-palette]")) {
    button.hidden = false;
    button.addEventListener("click", open);
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable=true], hullmark-editor");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    } else if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      (document.querySelector("main input[type=search]") ?? document.querySelector(".find input"))?.focus();
    }
  });
}
