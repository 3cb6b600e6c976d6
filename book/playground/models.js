// The networks of the playground, run by ONNX Runtime Web on the reader's device.
import * as ort from "./onnxruntime.js";

// The names of files end as every server knows them, and the runtime's binary is loaded as bytes: no media type matters.
async function bytes(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

const session = async (name) => ort.InferenceSession.create(await bytes(name));

export async function loadRuntime(binary) {
  ort.env.wasm.numThreads = 1; // threads need headers that few servers send
  ort.env.wasm.wasmBinary = await bytes(binary);
}

// Returns a function from a tile, RGB from -1 to 1, to regressors and logits.
export async function loadDetector({ file, input_size: size, input, outputs }) {
  const network = await session(file);
  return async (tile) => {
    const output = await network.run({ [input]: new ort.Tensor("float32", tile, [1, size, size, 3]) });
    return outputs.map((name) => output[name].data);
  };
}

// Returns a function from faces, gray levels 0–255, to their probabilities.
export async function loadClassifier(file, { image_size: size, input, output }) {
  const network = await session(file);
  return async (faces) => {
    if (!faces.length) return [];
    const levels = new Float32Array(faces.length * size * size);
    faces.forEach((face, i) => levels.set(face, i * size * size));
    const { data, dims } = (await network.run({ [input]: new ort.Tensor("float32", levels, [faces.length, size, size, 1]) }))[output];
    return faces.map((_, i) => Array.from(data.subarray(i * dims[1], (i + 1) * dims[1])));
  };
}
