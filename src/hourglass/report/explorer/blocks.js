// What packing.py packed: base64 of gzip.

const bytesOf = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

async function unpacked(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/** Unpack an array; `row(n)` gives its n-th entry, flat. */
async function arrayOf({ type, shape, data }) {
  const buffer = await unpacked(data);
  const values = type === "uint8" ? new Uint8Array(buffer) : new Float32Array(buffer);
  const size = values.length / shape[0];
  return { shape, count: shape[0], row: (n) => values.subarray(n * size, (n + 1) * size) };
}
