// The page: what is chosen, and who is told of it.

const contents = JSON.parse(document.getElementById("contents").textContent);
const at = (id) => document.getElementById(id);
const byName = new Map(contents.variants.map((variant) => [variant.name, variant]));
const panes = panesOf(at("panes"), contents);
const rows = await arrayOf(contents.rows.x);
let shown = null;
let code = null;

const classOf = (row) => contents.classes[contents.rows.label[row]];
const colours = (row) => classOf(row) ?? { colour: "normal", anomalous: false };
const map = new LatentMap(at("map"), colours, { pointed: point, dragged: drag });

function withCorners(places) {
  const ends = (which, worst) => [0, 1].map((axis) => {
    let end = worst;
    for (let row = 0; row < places.count; row += 1) end = which(end, places.row(row)[axis]);
    return end;
  });
  const [low, high] = [ends(Math.min, Infinity), ends(Math.max, -Infinity)];
  return { ...places, low, high, width: Math.max(high[0] - low[0], high[1] - low[1]) };
}

/** Unpack what is there of a variant, once. */
async function opened(variant) {
  variant.opened ??= (async () => ({
    ...variant,
    layout: withCorners(await arrayOf(variant.layout)),
    planePlaces: withCorners(await arrayOf(variant.plane.places)),
    codes: await arrayOf(variant.codes),
    rebuilt: await arrayOf(variant.rebuilt),
    grid: variant.grid && { side: variant.grid.side, rows: await arrayOf(variant.grid.rows) },
    decoder: variant.graph && new Decoder(variant.graph),
  }))();
  return variant.opened;
}

const onPlane = () => document.querySelector("[name=plane]:checked").value === "plane";

async function choose(name) {
  shown = await opened(byName.get(name));
  at("variant").value = name;
  showControls();
  showSliders();
  lay();
  point(map.pointed ?? 0);
  setCode(Float32Array.from(shown.plane.mean));
  await introduce();
}

function lay() {
  if (!shown.decoder) document.querySelector("[name=plane][value=layout]").checked = true;
  document.querySelector("[name=plane][value=plane]").disabled = !shown.decoder;
  map.lay(onPlane() ? shown.planePlaces : shown.layout);
  at("map-note").textContent = onPlane()
    ? `The plane shows ${(100 * shown.plane.share).toFixed(0)} % of what codes vary by; a place on it is a code.`
    : `A place between rows is a mix of the codes of the ${contents.neighbours} nearest.`;
}

function point(row) {
  const { index, label } = contents.rows;
  const score = shown.scores[row];
  const named = label[row] >= 0 ? `, class ${classOf(row).name}` : "";
  const judged = score > shown.threshold ? "above" : "below";
  at("pointed").textContent = `Row ${index[row]}${named}: score ${plain(score)}, ${judged} the threshold of ${plain(shown.threshold)}.`;
  panes.recorded("original", rows, row);
  panes.recorded("rebuilt", shown.rebuilt, row);
}

function drag(place) {
  if (!shown.decoder) return showGrid(place);
  const found = onPlane() ? codeOnPlane(place, shown.plane) : mixedCode(place, shown.layout, shown.codes, contents.neighbours);
  return setCode(found);
}

/** Show what was decoded beforehand at the place nearest to the cross. */
function showGrid(place) {
  const { low, high } = shown.layout;
  const { side, rows: decoded } = shown.grid;
  const [right, up] = [0, 1].map((axis) => {
    const share = (place[axis] - low[axis]) / (high[axis] - low[axis] || 1);
    return Math.min(side - 1, Math.max(0, Math.floor(share * side)));
  });
  panes.recorded("decoded", decoded, up * side + right);
}

function setCode(values) {
  code = values;
  for (const input of at("units").querySelectorAll("input")) {
    input.value = code[input.dataset.unit];
    input.previousElementSibling.textContent = plain(code[input.dataset.unit]);
  }
  if (onPlane()) map.put(placeOnPlane(code, shown.plane));
  return decodeNow();
}

const decodeNow = latest(async () => {
  const { decoder } = shown;
  if (!decoder) return;
  const from = shown;
  const x = await decoder.decode(code, told()).catch(() => null); // what is wrong, `introduce` says
  if (x && from === shown) panes.live("decoded", x);
});

/** Give the numbers that a conditional model is told; none where it isn't conditional. */
function told() {
  if (!shown.controls.length) return null;
  const chosen = [...at("conditions").querySelectorAll("select")].map((select) => Number(select.value));
  const parts = shown.controls.map(({ options }, place) => options[Math.max(0, chosen[place])].told);
  const known = chosen.every((option) => option >= 0);
  return [...parts.flat().map((number) => (known ? number : 0)), known ? 1 : 0];
}

function showControls() {
  const labels = shown.controls.map(({ name, options, usual }) => {
    const choices = options.map(({ text }, place) => made("option", { value: String(place), textContent: text }));
    if (shown.untold) choices.unshift(made("option", { value: "-1", textContent: "not told" }));
    const select = made("select", {}, ...choices);
    select.value = shown.untold ? "-1" : String(usual);
    select.addEventListener("change", decodeNow);
    return made("label", {}, `${name} `, select);
  });
  at("conditions").replaceChildren(...(shown.decoder ? labels : []));
}

function showSliders() {
  const sliders = shown.sliders.map(({ unit, low, high }) => {
    const input = made("input", { type: "range", min: low, max: high, step: "any" });
    input.dataset.unit = unit;
    input.addEventListener("input", () => {
      code[unit] = Number(input.value);
      if (!onPlane()) map.put(null);
      setCode(code);
    });
    return made("label", {}, `unit ${unit + 1}`, made("output"), input);
  });
  at("units").replaceChildren(...(shown.decoder ? sliders : []));
  at("reset").hidden = !shown.decoder;
  const all = shown.sliders.length === shown.latent;
  at("code-lead").textContent = !shown.decoder
    ? "Without its decoder there is no code to move."
    : all ? "All units of the code." : `The ${shown.sliders.length} of ${shown.latent} units whose codes vary most; the others keep their value.`;
}

/** Say how the decoder was checked, or why there is none. */
async function introduce() {
  const { decoder, name, check, codes, grid, bytes } = shown;
  const state = at("state");
  if (!decoder) {
    state.textContent =
      `The decoder of ${name} takes ${(bytes / 1e6).toFixed(1)} MB, more than this page has room for. ` +
      `Dragging shows ${grid.side} × ${grid.side} places that the package decoded beforehand.`;
    return;
  }
  try {
    const largest = await decoder.difference(codes, told(), await arrayOf(check.x_hat));
    state.dataset.difference = largest;
    state.dataset.variant = name;
    state.textContent = `This page and the package decode ${check.x_hat.shape[0]} codes alike, up to ${largest.toExponential(1)} in the nets' units.`;
  } catch (problem) {
    state.textContent = `The decoder can't run in this browser (${problem.message}); rows and reconstructions are shown as they were recorded.`;
  }
}

function showLegend() {
  const keys = contents.classes.map(({ name, colour, anomalous }) => {
    const key = made("span", { className: anomalous ? "key cross" : "key", textContent: name });
    key.style.setProperty("--key", `var(--${colour})`);
    return key;
  });
  at("legend").replaceChildren(...keys.flatMap((key) => [key, " "]));
}

at("variant").append(...contents.variants.map(({ name }) => made("option", { value: name, textContent: name })));
at("variant").addEventListener("change", (event) => (location.hash = event.target.value));
at("reset").addEventListener("click", () => {
  if (!onPlane()) map.put(null);
  setCode(Float32Array.from(shown.plane.mean));
});
document.querySelectorAll("[name=plane]").forEach((input) => input.addEventListener("change", lay));
new ResizeObserver(() => panes.redraw()).observe(at("panes"));

const asked = () => decodeURIComponent(location.hash.slice(1));
const first = () => (byName.has(asked()) ? asked() : contents.variants[0].name);
addEventListener("hashchange", () => {
  if (byName.has(asked())) choose(asked());
});
showLegend();
await choose(first());
