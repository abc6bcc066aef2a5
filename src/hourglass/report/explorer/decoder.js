// Decoders, run by onnxruntime-web on WebAssembly in this thread.

const runtime = { ready: null };

/** Start the runtime once; the page holds its WebAssembly, so nothing is fetched. */
function started() {
  runtime.ready ??= unpacked(document.getElementById("wasm").textContent).then((wasm) => {
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.numThreads = 1;
  });
  return runtime.ready;
}

class Decoder {
  constructor(graph) {
    this.session = started()
      .then(() => unpacked(graph))
      .then((content) => ort.InferenceSession.create(new Uint8Array(content)));
  }

  /** Decode one code to a row in the nets' units; a conditional model is told `told`. */
  async decode(code, told) {
    const session = await this.session;
    const given = { z: new ort.Tensor("float32", Float32Array.from(code), [1, code.length]) };
    if (told) given.condition = new ort.Tensor("float32", Float32Array.from(told), [1, told.length]);
    return (await session.run(given)).x_hat.data;
  }

  /** Give the largest difference to what the package decoded codes to. */
  async difference(codes, told, expected) {
    let largest = 0;
    for (let row = 0; row < expected.count; row += 1) {
      const found = await this.decode(codes.row(row), told);
      expected.row(row).forEach((number, place) => (largest = Math.max(largest, Math.abs(number - found[place]))));
    }
    return largest;
  }
}

/** Do work one at a time; of what was asked for meanwhile only the last is done. */
function latest(work) {
  let busy = false;
  let next = null;
  return async (...given) => {
    next = given;
    if (busy) return;
    busy = true;
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now);
      }
    } finally {
      busy = false;
    }
  };
}
