// Three places beside each other: the row that is pointed at, the same row rebuilt, and what the decoder says.

const PANES = { original: "Original", rebuilt: "Rebuilt", decoded: "Decoded" };

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Fit a canvas to its element, and give what draws in CSS pixels. */
function pen(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const fine = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * fine);
  canvas.height = Math.round(height * fine);
  const context = canvas.getContext("2d");
  context.scale(fine, fine);
  return { context, width, height };
}

function canvasIn(host, name, kind) {
  const canvas = made("canvas", { className: kind, id: name });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${PANES[name]}: nothing yet`);
  host.append(made("div", {}, made("h3", { textContent: PANES[name] }), canvas));
  return canvas;
}

const said = (canvas, name) => canvas.setAttribute("aria-label", `${PANES[name]}: drawn`);

/** Images, and spectra with low frequencies at the bottom. */
class Pictures {
  constructor(host, contents) {
    this.contents = contents;
    this.canvases = Object.fromEntries(Object.keys(PANES).map((name) => [name, canvasIn(host, name, "picture")]));
  }

  /** Show pixels that were recorded, of shape (rows, height, width, channels). */
  recorded(name, array, n) {
    const [, height, width, channels] = array.shape;
    this.paint(name, width, height, channels, (place) => array.row(n)[place]);
  }

  /** Show numbers of the nets. */
  live(name, x) {
    const { units, grey, kind, shape } = this.contents;
    const [low, high] = grey;
    const shade = (place) => (255 * (inData(x[place], place, units) - low)) / (high - low || 1);
    if (kind === "image") {
      const [planes, height, width] = shape;
      const channels = planes >= 3 ? 3 : 1;
      const placed = (n) => (n % channels) * height * width + Math.floor(n / channels);
      return this.paint(name, width, height, channels, (n) => shade(placed(n)));
    }
    const [bands, frames] = shape;
    const wide = Math.max(1, Math.floor(bands / (2 * frames)));
    const placed = (n) => (bands - 1 - Math.floor(n / (frames * wide))) * frames + Math.floor((n % (frames * wide)) / wide);
    return this.paint(name, frames * wide, bands, 1, (n) => shade(placed(n)));
  }

  paint(name, width, height, channels, shade) {
    const canvas = this.canvases[name];
    const pixels = new ImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      for (let colour = 0; colour < 3; colour += 1) {
        pixels.data[4 * pixel + colour] = Math.round(shade(pixel * channels + Math.min(colour, channels - 1)));
      }
      pixels.data[4 * pixel + 3] = 255;
    }
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    said(canvas, name);
  }

  clear(name) {
    this.canvases[name].width = this.canvases[name].width;
  }

  redraw() {}
}

/** Series, waveforms and other arrays: a few channels below each other, anything else as one curve. */
class Curves {
  static MOST_LANES = 6;

  constructor(host, contents) {
    host.classList.add("wide");
    this.contents = contents;
    this.canvases = Object.fromEntries(Object.keys(PANES).map((name) => [name, canvasIn(host, name, "curve")]));
    this.shown = {};
  }

  recorded(name, array, n) {
    this.live(name, array.row(n));
  }

  live(name, x) {
    this.shown[name] = Float32Array.from(x);
    this.draw(name);
    if (name === "original") this.draw("rebuilt");
  }

  clear(name) {
    delete this.shown[name];
    this.draw(name);
  }

  redraw() {
    Object.keys(PANES).forEach((name) => this.draw(name));
  }

  draw(name) {
    const drawing = pen(this.canvases[name]);
    const { original } = this.shown;
    if (name !== "decoded" && original) this.trace(drawing, original, colourOf("muted"), name === "original" ? 1.4 : 3, 0.55);
    if (name === "original" || !this.shown[name]) return;
    this.trace(drawing, this.shown[name], colourOf(name === "decoded" ? "anomaly" : "normal"), 1.4, 1);
    said(this.canvases[name], name);
  }

  trace({ context, width, height }, x, colour, thickness, strength) {
    const { shape, span } = this.contents;
    const lanes = shape.length === 2 && shape[0] <= Curves.MOST_LANES ? shape[0] : 1;
    const points = x.length / lanes;
    Object.assign(context, { strokeStyle: colour, lineWidth: thickness, globalAlpha: strength, lineJoin: "round" });
    const level = height / lanes;
    for (let lane = 0; lane < lanes; lane += 1) {
      context.beginPath();
      for (let point = 0; point < points; point += 1) {
        const share = (x[lane * points + point] - span[0]) / (span[1] - span[0] || 1);
        context.lineTo((width * point) / Math.max(1, points - 1), level * (lane + 0.92 - 0.84 * share));
      }
      context.stroke();
    }
  }
}

/** Rows of a table: a bar for each value, in the data's units. */
class Bars {
  constructor(host, contents) {
    host.classList.add("wide");
    this.contents = contents;
    this.cells = contents.columns.map(() => ({}));
    const heads = ["Column", ...Object.values(PANES)].map((text) => made("th", { scope: "col", textContent: text }));
    const lines = contents.columns.map((column, place) => {
      const cells = Object.keys(PANES).map((name) => {
        const text = made("span");
        const bar = made("span", { className: "bar" });
        bar.setAttribute("aria-hidden", "true");
        this.cells[place][name] = { text, bar };
        return made("td", { className: name }, text, bar);
      });
      return made("tr", {}, made("th", { scope: "row", textContent: column.name }), ...cells);
    });
    const table = made("table", { className: "compact" }, made("thead", {}, made("tr", {}, ...heads)), made("tbody", {}, ...lines));
    const scrolls = made("div", { className: "bars", tabIndex: 0 }, table);
    scrolls.setAttribute("role", "region");
    scrolls.setAttribute("aria-label", "Values of the row by column");
    host.append(scrolls);
  }

  recorded(name, array, n) {
    this.live(name, array.row(n));
  }

  live(name, x) {
    this.contents.columns.forEach((column, place) => {
      const { text, share } = cellOf(column, x, this.contents.units);
      this.write(place, name, text, share);
    });
  }

  clear(name) {
    this.contents.columns.forEach((_, place) => this.write(place, name, "", 0));
  }

  write(place, name, text, share) {
    const cell = this.cells[place][name];
    cell.text.textContent = text;
    cell.bar.style.setProperty("--share", `${100 * share}%`);
  }

  redraw() {}
}

const panesOf = (host, contents) => new { image: Pictures, curve: Curves, table: Bars }[contents.drawn](host, contents);
