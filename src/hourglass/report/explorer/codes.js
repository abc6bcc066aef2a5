// Codes of places, as codes.py has them.

/** Mix the codes of the rows nearest to a place, each with the inverse of its squared distance as its weight. */
function mixedCode([x, y], places, codes, neighbours) {
  const squares = Array.from({ length: places.count }, (_, row) => {
    const [there, up] = places.row(row);
    return { row, square: (there - x) ** 2 + (up - y) ** 2 };
  });
  const nearest = squares.sort((one, other) => one.square - other.square).slice(0, neighbours);
  const tiny = 1e-9 * places.width ** 2 || 1e-9;
  const weights = nearest.map(({ square }) => 1 / (square + tiny));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const code = new Float32Array(codes.shape[1]);
  nearest.forEach(({ row }, place) => {
    codes.row(row).forEach((number, unit) => (code[unit] += (weights[place] / total) * number));
  });
  return code;
}

/** Give the code at a place of the plane along which codes vary most. */
function codeOnPlane([x, y], { mean, axes }) {
  return Float32Array.from(mean, (middle, unit) => middle + x * axes[0][unit] + y * axes[1][unit]);
}

/** Give where a code lies on that plane. */
function placeOnPlane(code, { mean, axes }) {
  return axes.map((axis) => axis.reduce((sum, weight, unit) => sum + weight * (code[unit] - mean[unit]), 0));
}
