// From the nets' units to the data's, as runtime/normaliser.py and runtime/table.py do it.

/** The outer lines go on beyond the ends. */
function along(value, knots, heights) {
  let line = knots.findIndex((knot) => knot > value) - 1;
  if (line < 0) line = value < knots[0] ? 0 : knots.length - 2;
  line = Math.min(line, knots.length - 2);
  const slope = (heights[line + 1] - heights[line]) / (knots[line + 1] - knots[line]);
  return heights[line] + (value - knots[line]) * slope;
}

function straightened(value, curve) {
  if (curve === undefined) return value;
  if (curve === "log") return Math.sign(value) * Math.expm1(Math.abs(value));
  return along(value, curve.heights, curve.knots);
}

/** Give number n of a row in the data's units. */
function inData(number, n, { offset, scale, curves }) {
  const raw = number * scale[n % scale.length] + offset[n % offset.length];
  return straightened(raw, curves[n]);
}

const plain = (number) => (Number.isFinite(number) ? String(Number(number.toPrecision(4))) : "");

function timeOf(seconds) {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString().slice(0, 16).replace("T", " ");
}

/** Give what a column of a table says in a row x, as text, and where that lies between its ends, from 0 to 1. */
function cellOf(column, x, units) {
  const { start, type, values, low, high } = column;
  if (type === "category") {
    const choices = column.imputed ? [...values, "missing"] : values;
    const numbers = choices.map((_, place) => inData(x[start + place], start + place, units));
    const largest = numbers.indexOf(Math.max(...numbers));
    return { text: choices[largest], share: Math.min(1, Math.max(0, numbers[largest])) };
  }
  const share = high > low ? Math.min(1, Math.max(0, (x[start] - low) / (high - low))) : 0;
  const number = inData(x[start], start, units);
  if (type === "boolean") return { text: String(number >= 0.5), share };
  return { text: type === "time" ? timeOf(number) : plain(number), share };
}
