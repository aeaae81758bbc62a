// The map of a dataset: its own features on a plain background, nothing from anywhere else.
const place = document.getElementById("map");

const COLOURS = {
  light: { ground: "#f3f4f7", fill: "#2044aa", line: "#17307a", chosen: "#c31c13" },
  dark: { ground: "#171a2b", fill: "#8fa8f0", line: "#c5d2ff", chosen: "#ff8d80" },
};

const isDark = () => {
  const chosen = document.documentElement.dataset.kernTheme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
};

const fail = () => {
  place.classList.add("map--failed");
  place.textContent = place.dataset.failed;
};

function* positions(geometry) {
  if (!geometry) return;
  if (geometry.type === "GeometryCollection") {
    for (const part of geometry.geometries) yield* positions(part);
    return;
  }
  const depth = { Point: 0, MultiPoint: 1, LineString: 1, MultiLineString: 2, Polygon: 2, MultiPolygon: 3 };
  yield* geometry.coordinates.flat !== undefined && depth[geometry.type]
    ? geometry.coordinates.flat(depth[geometry.type] - 1)
    : [geometry.coordinates];
}

const boundsOf = (features) => {
  const box = [180, 90, -180, -90];
  for (const feature of features) {
    for (const [x, y] of positions(feature.geometry)) {
      box[0] = Math.min(box[0], x); box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x); box[3] = Math.max(box[3], y);
    }
  }
  return box[0] <= box[2] ? [[box[0], box[1]], [box[2], box[3]]] : null;
};

const shown = (value, counted) => {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number" && counted) return value.toLocaleString(place.dataset.lang);
  return String(value);
};

const card = (feature, titles) => {
  const list = document.createElement("dl");
  list.className = "map__facts";
  for (const [name, value] of Object.entries(feature.properties || {})) {
    const term = document.createElement("dt");
    const [title, counted] = titles[name] || [name, false];
    term.textContent = title;
    const text = document.createElement("dd");
    text.textContent = shown(value, counted);
    list.append(term, text);
  }
  return list;
};

const style = () => {
  const colour = COLOURS[isDark() ? "dark" : "light"];
  const chosen = ["boolean", ["feature-state", "chosen"], false];
  const either = (plain) => ["case", chosen, colour.chosen, plain];
  const source = "rows";
  return {
    version: 8,
    sources: { rows: { type: "geojson", data: { type: "FeatureCollection", features: [] }, generateId: true } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour.ground } },
      { id: "areas", type: "fill", source, filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": either(colour.fill), "fill-opacity": 0.35 } },
      { id: "lines", type: "line", source, filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": either(colour.line), "line-width": ["case", chosen, 4, 1.6] } },
      { id: "points", type: "circle", source, filter: ["==", ["geometry-type"], "Point"], paint: { "circle-color": either(colour.fill), "circle-radius": ["case", chosen, 9, 5], "circle-stroke-width": 1.5, "circle-stroke-color": colour.ground } },
    ],
  };
};

async function draw() {
  const [library, answer] = await Promise.all([
    import(place.dataset.library),
    fetch(place.dataset.source, { headers: { Accept: "application/geo+json" } }),
  ]);
  if (!answer.ok) return fail();
  const rows = await answer.json();
  const features = rows.features.filter((feature) => feature.geometry);
  const bounds = boundsOf(features);
  if (!bounds) return fail();
  features.forEach((feature, index) => { feature.id = index; });
  const titles = JSON.parse(place.dataset.fields);
  library.setWorkerUrl(place.dataset.worker);

  const canvas = document.createElement("div");
  canvas.className = "map__canvas";
  place.append(canvas);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const fit = { padding: 32, maxZoom: 15, animate: false };
  const map = new library.Map({
    container: canvas, style: style(), bounds, fitBoundsOptions: fit, attributionControl: false, dragRotate: false,
    pitchWithRotate: false, touchPitch: false, cooperativeGestures: false, fadeDuration: still ? 0 : 200,
    locale: { "NavigationControl.ZoomIn": place.dataset.in, "NavigationControl.ZoomOut": place.dataset.out, "Map.Title": place.dataset.canvas },
  });
  map.touchZoomRotate.disableRotation();
  map.scrollZoom.disable();
  map.addControl(new library.NavigationControl({ showCompass: false }), "top-right");

  let chosen = -1;
  const choose = (index, move) => {
    if (chosen >= 0) map.setFeatureState({ source: "rows", id: chosen }, { chosen: false });
    chosen = index;
    map.setFeatureState({ source: "rows", id: index }, { chosen: true });
    const box = boundsOf([features[index]]);
    if (move) map.fitBounds(box, { ...fit, padding: 80, animate: !still });
    count.textContent = `${index + 1} ${place.dataset.of} ${features.length}`;
    panel.replaceChildren(card(features[index], titles));
    panel.hidden = false;
  };

  const tools = document.createElement("div");
  tools.className = "map__tools";
  const tool = (words, act) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tool";
    button.textContent = words;
    button.addEventListener("click", act);
    return button;
  };
  const step = (by) => choose((chosen + by + features.length) % features.length, true);
  const count = document.createElement("span");
  count.textContent = `${features.length.toLocaleString(place.dataset.lang)} ${place.dataset.objects}`;
  count.className = "map__count";
  tools.append(
    tool(place.dataset.previous, () => step(chosen < 0 ? 0 : -1)), count, tool(place.dataset.next, () => step(1)),
    tool(place.dataset.whole, () => map.fitBounds(bounds, { ...fit, animate: !still })),
  );
  const panel = document.createElement("div");
  panel.className = "map__panel";
  panel.setAttribute("role", "status");
  panel.hidden = true;
  place.append(tools, panel);

  map.on("load", () => {
    map.getSource("rows").setData({ type: "FeatureCollection", features });
    place.dataset.ready = "true";
  });
  map.on("click", (event) => {
    const reach = [[event.point.x - 6, event.point.y - 6], [event.point.x + 6, event.point.y + 6]];
    const hit = map.queryRenderedFeatures(reach, { layers: ["points", "lines", "areas"] })[0];
    if (hit) choose(hit.id, false);
  });
  map.on("mousemove", (event) => {
    const hits = map.queryRenderedFeatures(event.point, { layers: ["points", "lines", "areas"] });
    map.getCanvas().style.cursor = hits.length ? "pointer" : "";
  });
}

if (place) draw().catch(fail);
