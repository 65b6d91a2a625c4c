// .npy files as tensors of ONNX Runtime, and back.

'use strict';
const fs = require('fs');

const kTypes = {
  '<f4': ['float32', Float32Array], '<f8': ['float64', Float64Array], '|i1': ['int8', Int8Array],
  '<i2': ['int16', Int16Array], '<i4': ['int32', Int32Array], '<i8': ['int64', BigInt64Array],
  '|u1': ['uint8', Uint8Array], '<u2': ['uint16', Uint16Array], '<u4': ['uint32', Uint32Array],
  '<u8': ['uint64', BigUint64Array], '|b1': ['bool', Uint8Array],
};

exports.read = (ort, file) => {
  const bytes = fs.readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const descr = /'descr': '([^']*)'/.exec(header)[1];
  const dims = /'shape': \(([^)]*)\)/.exec(header)[1].split(',').filter((size) => size.trim()).map(Number);
  if (!kTypes[descr]) throw new Error(`${file}: ${descr}`);
  const [type, Numbers] = kTypes[descr];
  const aligned = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  return new ort.Tensor(type, new Numbers(aligned), dims);
};

exports.write = (file, tensor) => {
  const descr = Object.keys(kTypes).find((key) => kTypes[key][0] === tensor.type);
  const shape = tensor.dims.map((size) => `${size},`).join(' ');
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const header = dict.padEnd(Math.ceil((10 + dict.length + 1) / 64) * 64 - 11) + '\n';
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  const numbers = tensor.data;
  fs.writeFileSync(file, Buffer.concat([start, Buffer.from(header, 'latin1'),
                                        Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength)]));
};

/// The largest |a - b| / max(1, |b|); infinite where only one is a NaN, or where types or sizes differ.
exports.distance = (actual, expected) => {
  if (actual.type !== expected.type || actual.dims.join() !== expected.dims.join()) return Infinity;
  let worst = 0;
  for (let i = 0; i < expected.data.length; ++i) {
    const a = Number(actual.data[i]);
    const b = Number(expected.data[i]);
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
};
