// The map of the sensors: each device a point in the colour of its state; new values arrive by themselves.
const place = document.getElementById("sensors");
const isDark = () => {
  const chosen = document.documentElement.dataset.kernTheme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
};
const COLOURS = {
  light: { ground: "#f3f4f7", area: "#e6e9f1", line: "#a9b1c6", fresh: "#1a7f45", late: "#b25e00", silent: "#c31c13", empty: "#6a7085", chosen: "#17307a" },
  dark: { ground: "#171a2b", area: "#20253c", line: "#4a5273", fresh: "#5fd28f", late: "#ffb454", silent: "#ff8d80", empty: "#9aa0b8", chosen: "#ffffff" },
};

const style = (features) => {
  const colour = COLOURS[isDark() ? "dark" : "light"];
  const chosen = ["boolean", ["feature-state", "chosen"], false];
  const now = ["boolean", ["feature-state", "now"], false];
  const states = ["match", ["get", "pulse"], "fresh", colour.fresh, "late", colour.late, "silent", colour.silent, colour.empty];
  return {
    version: 8,
    sources: { ground: { type: "geojson", data: { type: "FeatureCollection", features: [] } }, devices: { type: "geojson", data: { type: "FeatureCollection", features } } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour.ground } },
      { id: "areas", type: "fill", source: "ground", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour.area } },
      { id: "outlines", type: "line", source: "ground", paint: { "line-color": colour.line, "line-width": 1 } },
      {
        id: "devices", type: "circle", source: "devices",
        paint: {
          "circle-color": states, "circle-radius": ["case", chosen, 10, now, 8, 6],
          "circle-stroke-width": ["case", chosen, 3, 1.5], "circle-stroke-color": ["case", chosen, colour.chosen, colour.ground],
        },
      },
    ],
  };
};

const card = (feature, states) => {
  const { name, pulse, streams } = feature.properties;
  const box = document.createElement("div");
  const link = document.createElement("a");
  link.href = `/sensors/${feature.id}`;
  link.textContent = name;
  const state = document.createElement("p");
  state.className = "kern-body";
  state.textContent = states[pulse];
  const list = document.createElement("dl");
  list.className = "map__facts";
  for (const stream of streams) {
    const term = document.createElement("dt");
    term.textContent = stream.title;
    const value = document.createElement("dd");
    value.textContent = stream.at === null ? "–" : `${stream.value} ${stream.unit}`.trim();
    list.append(term, value);
  }
  box.append(link, state, list);
  return box;
};

async function draw() {
  const [library, answer] = await Promise.all([import(place.dataset.library), fetch(place.dataset.source)]);
  if (!answer.ok) throw new Error(String(answer.status));
  const { features } = await answer.json();
  if (!features.length) { place.hidden = true; return; }
  const states = JSON.parse(place.dataset.states);
  const byId = new Map(features.map((feature) => [feature.id, feature]));
  const xs = features.map((feature) => feature.geometry.coordinates[0]);
  const ys = features.map((feature) => feature.geometry.coordinates[1]);
  const bounds = [[Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)]];
  library.setWorkerUrl(place.dataset.worker);
  const canvas = document.createElement("div");
  canvas.className = "map__canvas";
  place.append(canvas);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const fit = { padding: 40, maxZoom: 16, animate: false };
  const map = new library.Map({
    container: canvas, style: style(features), bounds, fitBoundsOptions: fit, attributionControl: false, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, fadeDuration: still ? 0 : 200,
    locale: { "NavigationControl.ZoomIn": place.dataset.in, "NavigationControl.ZoomOut": place.dataset.out, "Map.Title": place.dataset.canvas },
  });
  map.touchZoomRotate.disableRotation();
  map.scrollZoom.disable();
  map.addControl(new library.NavigationControl({ showCompass: false }), "top-right");

  const panel = document.createElement("div");
  panel.className = "map__panel";
  panel.setAttribute("role", "status");
  panel.hidden = true;
  const count = document.createElement("span");
  count.className = "map__count";
  count.textContent = `${features.length.toLocaleString(place.dataset.lang)} ${place.dataset.objects}`;
  let chosen = -1;
  const show = () => panel.replaceChildren(card(features[chosen], states));
  const choose = (index, move) => {
    if (chosen >= 0) map.setFeatureState({ source: "devices", id: features[chosen].id }, { chosen: false });
    chosen = index;
    map.setFeatureState({ source: "devices", id: features[index].id }, { chosen: true });
    if (move) map.easeTo({ center: features[index].geometry.coordinates, zoom: Math.max(map.getZoom(), 14), animate: !still });
    count.textContent = `${index + 1} ${place.dataset.of} ${features.length}`;
    panel.hidden = false;
    show();
  };
  const tool = (words, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool";
    button.textContent = words;
    button.addEventListener("click", act);
    return button;
  };
  const step = (by) => choose((chosen + by + features.length) % features.length, true);
  const tools = document.createElement("div");
  tools.className = "map__tools";
  tools.append(
    tool(place.dataset.previous, () => step(chosen < 0 ? 0 : -1)), count, tool(place.dataset.next, () => step(1)),
    tool(place.dataset.whole, () => map.fitBounds(bounds, { ...fit, animate: !still })),
  );
  place.append(tools, panel);
  map.on("load", () => {
    place.dataset.ready = "true";
    if (place.dataset.ground) {
      fetch(place.dataset.ground, { headers: { Accept: "application/geo+json" } })
        .then((answer) => (answer.ok ? answer.json() : null))
        .then((areas) => areas && map.getSource("ground").setData(areas))
        .catch(() => {}); // devices can be seen without
    }
  });
  map.on("click", (event) => {
    const reach = [[event.point.x - 6, event.point.y - 6], [event.point.x + 6, event.point.y + 6]];
    const hit = map.queryRenderedFeatures(reach, { layers: ["devices"] })[0];
    if (hit) choose(features.indexOf(byId.get(hit.id)), false);
  });
  map.on("mousemove", (event) => {
    map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point, { layers: ["devices"] }).length ? "pointer" : "";
  });
  listen(map, features, byId, () => { if (chosen >= 0) show(); });
}

// What arrives in between is drawn once a second, however much it is.
function listen(map, features, byId, shown) {
  const live = document.getElementById("live");
  const lang = place.dataset.lang;
  const seen = new Intl.DateTimeFormat(lang, { timeZone: "Europe/Berlin", dateStyle: "medium", timeStyle: "short" });
  const words = (value) => (typeof value === "number" ? value.toLocaleString(lang) : Array.isArray(value) ? value.map(words).join(" · ") : String(value));
  const source = new EventSource(place.dataset.live);
  const fresh = new Map();
  const streams = new Map(features.flatMap((feature) => feature.properties.streams.map((stream) => [stream.id, [feature, stream]])));
  source.addEventListener("open", () => { live.textContent = place.dataset.on; });
  source.addEventListener("error", () => { live.textContent = place.dataset.off; });
  source.addEventListener("created", (event) => {
    const news = JSON.parse(event.data);
    // The id of an observation holds that of its stream.
    fresh.set(Math.floor(news["@iot.id"] / 2 ** 31), news);
  });
  setInterval(() => {
    if (!fresh.size || !map.getSource("devices")) return;
    for (const [id, news] of fresh) {
      const [feature, stream] = streams.get(id) || [];
      const at = Date.parse(String(news.phenomenonTime).split("/")[0]);
      if (!feature || !(at / 1000 >= (stream.at ?? 0))) continue;
      stream.value = words(news.result);
      stream.at = at / 1000;
      feature.properties.pulse = "fresh";
      const cell = document.querySelector(`[data-stream="${id}"]`);
      if (cell) cell.textContent = stream.value;
      const when = document.querySelector(`[data-seen="${feature.id}"]`);
      if (when) when.textContent = seen.format(at);
      map.setFeatureState({ source: "devices", id: feature.id }, { now: true });
      setTimeout(() => map.setFeatureState({ source: "devices", id: feature.id }, { now: false }), 900);
    }
    fresh.clear();
    map.getSource("devices").setData({ type: "FeatureCollection", features });
    place.dataset.updated = String(Number(place.dataset.updated || 0) + 1);
    shown();
  }, 1000);
}

if (place) {
  draw().catch(() => {
    place.classList.add("map--failed");
    place.textContent = place.dataset.failed;
  });
}
