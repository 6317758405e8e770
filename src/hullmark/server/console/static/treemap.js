// A treemap on canvas, in place of the picture that the server drew: more tiles, names under the pointer, a click opens a tile.
// A tile with `more`, an address, opens into what is there. <figure data-treemap="ADDRESS OF {name, bytes, tone, tiles, more}" data-label
// data-back data-up>
import { hierarchy, treemap, treemapSquarify } from "./vendor/d3-hierarchy.js";
import { bytes, colour, font, ground, onTheme } from "./theme.js";

const HEAD = 18;
const FEWEST = 2; // pixels of a tile's shorter side that are drawn

function laidOut(root, width, height) {
  return treemap()
    .tile(treemapSquarify)
    .size([width, height])
    .paddingTop((node) => (node.depth > 0 && node.children ? HEAD : 0))
    .paddingInner(1)
    .paddingRight((node) => (node.depth > 0 && node.children ? 1 : 0))
    .paddingBottom((node) => (node.depth > 0 && node.children ? 1 : 0))
    .round(true)(root);
}

class Map {
  constructor(figure, data) {
    this.figure = figure;
    this.data = data;
    this.trail = [data];
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", figure.dataset.label ?? "");
    this.words = document.createElement("figcaption");
    this.words.className = "row small";
    this.back = document.createElement("button");
    this.back.type = "button";
    this.back.className = "tiny";
    this.back.textContent = figure.dataset.back ?? "Back";
    this.back.hidden = true;
    this.said = document.createElement("span");
    this.said.className = "soft";
    this.up = this.back.cloneNode();
    this.up.textContent = figure.dataset.up ?? "Up";
    this.words.append(this.back, this.up, this.said);
    this.back.addEventListener("click", () => { this.trail = [this.data]; this.over = null; this.draw(); });
    this.up.addEventListener("click", () => { this.trail.pop(); this.over = null; this.draw(); });
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.over = null; this.paint(); });
    this.canvas.addEventListener("click", (event) => this.open(event));
    // The server's picture stays for those who do not see this one, and is printed.
    for (const frame of figure.querySelectorAll(".chart-frame")) {
      frame.classList.add("replaced");
      frame.removeAttribute("tabindex");
      // Nobody sees what has the focus there; the table beside has the same links.
      for (const link of frame.querySelectorAll("a")) link.setAttribute("tabindex", "-1");
    }
    figure.prepend(this.canvas, this.words);
    new ResizeObserver(() => this.draw()).observe(figure);
    onTheme(() => this.paint());
  }

  draw() {
    const width = Math.max(this.figure.clientWidth, 200);
    const height = Math.max(Math.min(width * 0.42, 520), 280);
    const scale = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
      this.canvas.style.width = "100%";
      this.canvas.style.height = `${height}px`;
    }
    const top = this.trail[this.trail.length - 1];
    const root = hierarchy(top, (tile) => tile.tiles).sum((tile) => (tile.tiles ? 0 : tile.bytes)).sort((a, b) => b.value - a.value);
    this.root = laidOut(root, width, height);
    this.back.hidden = this.trail.length === 1;
    this.up.hidden = this.trail.length < 3;
    this.paint();
  }

  paint() {
    if (!this.root) return;
    const pen = this.canvas.getContext("2d");
    const scale = window.devicePixelRatio || 1;
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.fillStyle = ground();
    pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const tones = {};
    const of = (tone) => (tones[tone] ??= colour(tone));
    const ink = colour("ink");
    pen.textBaseline = "top";
    this.root.each((node) => {
      const [width, height] = [node.x1 - node.x0, node.y1 - node.y0];
      if (node === this.root || width < FEWEST || height < FEWEST) return;
      pen.globalAlpha = node.children ? 0.14 : node === this.over ? 0.8 : 0.55;
      pen.fillStyle = of(node.data.tone);
      pen.fillRect(node.x0, node.y0, width, height);
      if (width < 38 || height < 16) return;
      pen.globalAlpha = 1;
      pen.fillStyle = ink;
      pen.font = `${node.children && node.depth === 1 ? "600 " : ""}11px ${font()}`;
      pen.save();
      pen.beginPath();
      pen.rect(node.x0, node.y0, width - 3, height);
      pen.clip();
      pen.fillText(node.data.name, node.x0 + 5, node.y0 + 4);
      if (!node.children && height > 32) {
        pen.globalAlpha = 0.75;
        pen.fillText(bytes(node.value), node.x0 + 5, node.y0 + 18);
      }
      pen.restore();
    });
    pen.globalAlpha = 1;
    this.said.textContent = this.sentence(this.over ?? this.root);
  }

  sentence(node) {
    const names = node.ancestors().reverse().map((each) => each.data.name).filter(Boolean);
    const before = this.trail.slice(1, -1).map((tile) => tile.name);
    return [[...before, ...names].join(" / "), bytes(node.value ?? 0)].filter(Boolean).join(": ");
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let found = this.root;
    for (let next = found; next; ) {
      found = next;
      next = found.children?.find((node) => x >= node.x0 && x < node.x1 && y >= node.y0 && y < node.y1);
    }
    return found === this.root ? null : found;
  }

  point(event) {
    const over = this.at(event);
    if (over === this.over) return;
    this.over = over;
    this.canvas.style.cursor = over && this.step(over) ? "zoom-in" : "default";
    this.paint();
  }

  // The tile one step below what is shown, if it has parts to open.
  step(node) {
    const first = node.ancestors().find((each) => each.parent === this.root);
    return first?.children || first?.data.more ? first : null;
  }

  async open(event) {
    const over = this.at(event);
    const first = over && this.step(over);
    if (!first) return;
    const [shown, tile] = [this.trail.length, first.data];
    if (tile.more && !tile.opened) {
      this.canvas.setAttribute("aria-busy", "true");
      const found = await read(tile.more);
      this.canvas.removeAttribute("aria-busy");
      tile.opened = true;
      if (found?.tiles.length) tile.tiles = found.tiles;
      if (this.trail.length !== shown) return;
    }
    if (!tile.tiles) return;
    this.trail.push(tile);
    this.over = null;
    this.draw();
  }
}

async function read(address) {
  const answer = await fetch(new URL(address, location.href), { headers: { accept: "application/json" } });
  const found = answer.ok ? await answer.json() : null;
  if (found?.tones) found.tiles = found.tiles.map((tile) => expanded(tile, found.tones));
  return found;
}

// Files come as [name, bytes, which tone], folders as [name, [what is in them]].
function expanded([name, within, tone], tones) {
  return Array.isArray(within) ? { name, tone: "soft", tiles: within.map((tile) => expanded(tile, tones)) } : { name, bytes: within, tone: tones[tone] };
}

for (const figure of document.querySelectorAll("figure[data-treemap]")) {
  const data = await read(figure.dataset.treemap);
  if (data) new Map(figure, data).draw();
}
