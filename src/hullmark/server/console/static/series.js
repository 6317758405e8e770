// Time series that can be pointed at, in place of the picture that the server drew.
// <figure data-series='{"times": [seconds], "lines": [{name, tone, values}], "events": [{at, label}], "unit", "stacked", "most"}'>
import Plot from "./vendor/uplot.js";
import { bytes, colour, font, onTheme } from "./theme.js";

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("./vendor/uplot.css", import.meta.url).href;
document.head.append(style);

function written(value, unit) {
  if (value === null || value === undefined) return "—";
  if (unit === "bytes") return bytes(value);
  const number = value.toLocaleString("en", { maximumFractionDigits: value < 100 ? 2 : 0 });
  return unit === "%" ? `${number} %` : unit === "days" ? `${number} d` : unit === "seconds" ? `${number} s` : number;
}

// Each line's upper edge, the first line at the bottom.
function stacked(lines) {
  const sums = new Array(lines[0]?.values.length ?? 0).fill(0);
  return lines.map((line) => line.values.map((value, at) => (sums[at] += value ?? 0)));
}

function marks(events) {
  return (plot) => {
    const pen = plot.ctx;
    const { left, top, width, height } = plot.bbox;
    pen.save();
    pen.strokeStyle = colour("ink");
    pen.globalAlpha = 0.45;
    pen.setLineDash([3, 3]);
    for (const event of events) {
      const x = plot.valToPos(event.at, "x", true);
      if (x < left || x > left + width) continue;
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, top + height);
      pen.stroke();
    }
    pen.restore();
  };
}

function options(data, width) {
  const [soft, line] = [colour("soft"), colour("line")];
  const axis = { stroke: soft, font: `11px ${font()}`, grid: { stroke: line, width: 1, dash: [2, 3] }, ticks: { show: false } };
  const count = data.lines.length;
  const series = data.lines.map((each, at) => ({
    label: each.name,
    stroke: colour(each.tone),
    width: data.stacked ? 1.25 : 1.75,
    points: { show: false },
    value: (plot, _value, _series, index) => (index === null ? "—" : written(each.values[index], data.unit)),
    fill: data.stacked && at === 0 ? faint(each.tone) : undefined,
  }));
  const bands = data.stacked ? Array.from({ length: Math.max(count - 1, 0) }, (_, at) => ({ series: [at + 2, at + 1], fill: faint(data.lines[at + 1].tone) })) : [];
  return {
    width,
    height: 240,
    series: [{ label: "Day", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series],
    bands,
    axes: [axis, { ...axis, size: 56, values: (_plot, values) => values.map((value) => written(value, data.unit)) }],
    scales: { y: { range: (_plot, _low, high) => [0, data.most ?? Math.max(high * 1.05, 1)] } },
    cursor: { y: false, points: { size: 6 } },
    hooks: { draw: [marks(data.events)] },
    tzDate: (seconds) => Plot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
  };
}

function faint(tone) {
  return colour(tone).replace(/^rgb\((.*)\)$/, "rgba($1, 0.5)");
}

function better(figure) {
  const data = JSON.parse(figure.dataset.series);
  if (data.times.length < 2) return;
  const place = document.createElement("div");
  place.className = "series-plot";
  for (const frame of figure.querySelectorAll(".chart-frame")) {
    frame.classList.add("replaced");
    frame.removeAttribute("tabindex");
  }
  figure.prepend(place);
  const values = data.stacked ? stacked(data.lines) : data.lines.map((line) => line.values);
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new Plot(options(data, place.clientWidth), [data.times, ...values], place);
  };
  draw();
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 240 })).observe(place);
  onTheme(draw);
}

for (const figure of document.querySelectorAll("figure[data-series]")) better(figure);
