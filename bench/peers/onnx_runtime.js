#!/usr/bin/env node
// ONNX Runtime as a contestant of weft_onnx_bench:
//   onnx_runtime --describe
//   onnx_runtime MODEL THREADS '[{"name": "x", "dtype": "f32", "dims": [1, 3]}]'
// With a model it answers each line "predict N CLOCK" on stdin with the milliseconds of a call, on average over
// N: those of the wall's clock, or of the processors that the process used ("processor").
// Node finds the package `onnxruntime-node` below the folder that NODE_PATH names.
"use strict";

const readline = require("readline");

const ARRAYS = {
  f32: ["float32", Float32Array], f64: ["float64", Float64Array], i32: ["int32", Int32Array],
  i64: ["int64", BigInt64Array], u8: ["uint8", Uint8Array], i8: ["int8", Int8Array], bool: ["bool", Uint8Array],
};

function answer(content) {
  process.stdout.write(JSON.stringify(content) + "\n");
}

/// Floats in [-1, 1), and integers that are 0 or 1, which most tables have.
function randomTensor(ort, { dtype, dims }) {
  const [type, Numbers] = ARRAYS[dtype];
  const numbers = new Numbers(dims.reduce((a, b) => a * b, 1));
  for (let i = 0; i < numbers.length; ++i) {
    const uniform = Math.random();
    const number = dtype.startsWith("f") ? 2 * uniform - 1 : Math.round(uniform);
    numbers[i] = dtype === "i64" ? BigInt(number) : number;
  }
  return new ort.Tensor(type, numbers, dims);
}

async function serve(model, threads, inputs) {
  const ort = require("onnxruntime-node");
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: "all", logSeverityLevel: 3,
  });
  const feeds = {};
  for (const input of inputs) feeds[input.name] = randomTensor(ort, input);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [, calls, clock] = line.split(" ");
    const start = performance.now();
    const used = process.cpuUsage();
    for (let i = 0; i < Number(calls); ++i) await session.run(feeds);
    const { user, system } = process.cpuUsage(used);
    answer({ ms: (clock === "processor" ? (user + system) / 1000 : performance.now() - start) / Number(calls) });
  }
}

function describe() {
  try {
    require("onnxruntime-node");
    const { version } = require("onnxruntime-node/package.json");
    answer({ framework: "ONNX Runtime", version, settings: [] });
  } catch (error) {
    answer({ framework: "ONNX Runtime", absent: String(error.message).split("\n")[0] });
  }
}

const [first, threads, inputs] = process.argv.slice(2);
if (first === "--describe") {
  describe();
} else {
  serve(first, Number(threads), JSON.parse(inputs)).catch((error) => {
    process.stderr.write(`onnx_runtime: ${error.message}\n`);
    process.exit(1);
  });
}
