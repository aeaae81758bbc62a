// Charts of series: mean as a line, least to greatest as a band, gaps shaded. The table beside each says the values.
const dark = () => {
  const chosen = document.documentElement.dataset.kernTheme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
};
const COLOURS = {
  light: { line: "#17307a", band: "rgba(32,68,170,.22)", gap: "rgba(195,28,19,.10)", text: "#33384d", grid: "#d9dce6" },
  dark: { line: "#c5d2ff", band: "rgba(143,168,240,.28)", gap: "rgba(255,141,128,.16)", text: "#d5d9ea", grid: "#3a4060" },
};
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

const shade = (gaps, colour) => ({
  hooks: {
    drawClear: (plot) => {
      const { ctx } = plot;
      ctx.save();
      ctx.fillStyle = colour;
      for (const [from, to] of gaps) {
        const left = Math.max(plot.valToPos(from, "x", true), plot.bbox.left);
        const right = Math.min(plot.valToPos(to, "x", true), plot.bbox.left + plot.bbox.width);
        if (right > left) ctx.fillRect(left, plot.bbox.top, right - left, plot.bbox.height);
      }
      ctx.restore();
    },
  },
});

const summary = (figure, rows) => {
  const { dataset } = figure;
  const lang = dataset.lang;
  const known = rows.mean.filter((value) => value !== null);
  if (!known.length) return dataset.none;
  const low = Math.min(...rows.low.filter((value) => value !== null));
  const high = Math.max(...rows.high.filter((value) => value !== null));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const number = (value) => `${value.toLocaleString(lang, { maximumFractionDigits: 2 })}${dataset.unit ? ` ${dataset.unit}` : ""}`;
  const said = fill(dataset.said, { count: rows.count.toLocaleString(lang), low: number(low), high: number(high), mean: number(mean) });
  return rows.gaps.length ? `${said} ${fill(dataset.gaps, { count: rows.gaps.length.toLocaleString(lang) })}` : said;
};

async function draw(figure) {
  const { dataset } = figure;
  const said = figure.querySelector("figcaption");
  const place = figure.querySelector(".series__plot");
  const [library, answer] = await Promise.all([import(dataset.library), fetch(dataset.source)]);
  if (!answer.ok) throw new Error(String(answer.status));
  const rows = await answer.json();
  said.textContent = summary(figure, rows);
  if (!rows.mean.some((value) => value !== null)) return;
  const colour = COLOURS[dark() ? "dark" : "light"];
  const number = (_, value) => (value === null || value === undefined ? "–" : value.toLocaleString(dataset.lang, { maximumFractionDigits: 3 }));
  const date = (options) => new Intl.DateTimeFormat(dataset.lang, { timeZone: "Europe/Berlin", ...options });
  const long = date({ dateStyle: "medium", timeStyle: "short" });
  const clock = date({ hour: "2-digit", minute: "2-digit" });
  const days = date({ day: "2-digit", month: "2-digit" });
  const short = rows.to - rows.from > 3 * 86400 ? days : clock;
  const axis = { stroke: colour.text, grid: { stroke: colour.grid, width: 1 }, ticks: { stroke: colour.grid }, font: "13px Fira Sans, sans-serif" };
  const band = { stroke: "transparent", width: 0, points: { show: false }, value: number };
  const Plot = library.default;
  const plot = new Plot({
    width: place.clientWidth, height: 260,
    scales: { x: { time: true, min: rows.from, max: rows.to } },
    series: [
      { value: (_, value) => (value === null || value === undefined ? "–" : long.format(value * 1000)), label: dataset.time },
      { ...band, label: "min" },
      { ...band, label: "max" },
      { label: dataset.mean, stroke: colour.line, width: 1.5, value: number, spanGaps: false },
    ],
    bands: [{ series: [2, 1], fill: colour.band }],
    axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => short.format(tick * 1000)) }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => number(_, tick)) }],
    plugins: [shade(rows.gaps, colour.gap)],
  }, [rows.time, rows.low, rows.high, rows.mean], place);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${dataset.title}. ${said.textContent}`);
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  figure.dataset.ready = "true";
}

for (const figure of document.querySelectorAll(".series__chart")) {
  draw(figure).catch(() => { figure.querySelector("figcaption").textContent = figure.dataset.failed; });
}
