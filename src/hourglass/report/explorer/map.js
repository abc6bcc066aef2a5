// The map: a dot for each row, the row that is pointed at, and the cross that is dragged.

const MARGIN = 14;
const STEP = 0.02;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class LatentMap {
  /** `on.pointed(row)` is told of the row nearest to the pointer, `on.dragged(place)` of where the cross is dragged. */
  constructor(host, colours, on) {
    Object.assign(this, { host, colours, on, canvas: host.querySelector("canvas"), cross: null, pointed: null });
    host.addEventListener("pointerdown", (event) => {
      host.setPointerCapture(event.pointerId);
      this.moved(event);
    });
    host.addEventListener("pointermove", (event) => this.moved(event));
    host.addEventListener("keydown", (event) => this.stepped(event));
    new ResizeObserver(() => this.draw()).observe(host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Lay rows out anew: an array of places with their `low` and `high` corner. */
  lay(places) {
    Object.assign(this, { places, cross: null });
    this.draw();
  }

  put(place) {
    this.cross = place;
    this.draw();
  }

  get frame() {
    const { clientWidth: width, clientHeight: height } = this.host;
    const { low, high } = this.places;
    const spans = [high[0] - low[0] || 1, high[1] - low[1] || 1];
    const scale = Math.min((width - 2 * MARGIN) / spans[0], (height - 2 * MARGIN) / spans[1]);
    return { width, height, scale, middle: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2] };
  }

  onScreen([x, y]) {
    const { width, height, scale, middle } = this.frame;
    return [width / 2 + (x - middle[0]) * scale, height / 2 - (y - middle[1]) * scale];
  }

  fromScreen(x, y) {
    const { width, height, scale, middle } = this.frame;
    return [middle[0] + (x - width / 2) / scale, middle[1] - (y - height / 2) / scale];
  }

  nearest([x, y]) {
    let best = 0;
    let least = Infinity;
    for (let row = 0; row < this.places.count; row += 1) {
      const [there, up] = this.places.row(row);
      const square = (there - x) ** 2 + (up - y) ** 2;
      if (square < least) [best, least] = [row, square];
    }
    return best;
  }

  moved(event) {
    const box = this.host.getBoundingClientRect();
    const place = this.fromScreen(event.clientX - box.left, event.clientY - box.top);
    this.at(place, event.buttons > 0);
  }

  stepped(event) {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    const { width, scale, middle } = this.frame;
    const [x, y] = this.cross ?? middle;
    const size = (STEP * width) / scale;
    this.at([x + size * step[0], y + size * step[1]], true);
  }

  at(place, dragged) {
    this.pointed = this.nearest(place);
    if (dragged) this.cross = place;
    this.draw();
    this.on.pointed(this.pointed);
    if (dragged) this.on.dragged(place);
  }

  draw() {
    if (!this.places) return;
    const { context, width, height } = pen(this.canvas);
    for (let row = 0; row < this.places.count; row += 1) this.dot(context, row);
    if (this.pointed !== null) this.ring(context, this.onScreen(this.places.row(this.pointed)));
    if (this.cross) this.lines(context, this.onScreen(this.cross), width, height);
  }

  dot(context, row) {
    const [x, y] = this.onScreen(this.places.row(row));
    const { colour, anomalous } = this.colours(row);
    Object.assign(context, { fillStyle: colourOf(colour), strokeStyle: colourOf(colour), lineWidth: 1.5 });
    context.beginPath();
    if (anomalous) {
      for (const side of [-1, 1]) {
        context.moveTo(x - 3, y - 3 * side);
        context.lineTo(x + 3, y + 3 * side);
      }
      context.stroke();
      return;
    }
    context.arc(x, y, 2.6, 0, 2 * Math.PI);
    context.fill();
  }

  ring(context, [x, y]) {
    Object.assign(context, { strokeStyle: colourOf("ink"), lineWidth: 1.5 });
    context.beginPath();
    context.arc(x, y, 7, 0, 2 * Math.PI);
    context.stroke();
  }

  lines(context, [x, y], width, height) {
    Object.assign(context, { strokeStyle: colourOf("ink"), lineWidth: 1, globalAlpha: 0.6 });
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.moveTo(0, y);
    context.lineTo(width, y);
    context.stroke();
    context.globalAlpha = 1;
  }
}
