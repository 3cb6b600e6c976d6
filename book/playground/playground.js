// The playground: the faces of a photo or of the camera are detected, and the emotion of each is predicted. Everything runs on
// the reader's device.
import { CropBox } from "./crop_box.js";
import { FaceDetector } from "./face_detection.js";
import { cropFace } from "./images.js";
import { loadClassifier, loadDetector, loadRuntime } from "./models.js";
import { Results } from "./results.js";
import { Timeline } from "./timeline.js";
import { Tracker } from "./tracking.js";

const root = document.getElementById("playground-app");
const find = (selector) => root.querySelector(selector);
const settings = JSON.parse(document.getElementById("playground-settings").textContent);
const SIZE = settings.image_size;
const VIEW_SIDE = 1600; // pixels at which an image is shown
const DETECTING = "Detecting faces…", NOTHING = "No face found";

const source = document.createElement("canvas"); // the image, upright, at most settings.max_side pixels along a side
const context = source.getContext("2d", { willReadFrequently: true });
let image; // its pixels
let asked = 0, opened = 0; // images so far: what is computed for an earlier one is dropped
let detector, classify, classifyLive, results, cropBox, timeline;
let faces = [], picked; // each with `square` and `angle`, and once it is predicted, `pixels` and `probabilities`
let byHand = false; // the box was placed by the reader
let camera; // { stream, video, tracker, frames } while it is on

const setStatus = (text) => { find(".status").textContent = text; find(".status").hidden = !text; };
const report = (error) => setStatus(`Prediction failed: ${error.message}`);
const nextFrame = () => new Promise(requestAnimationFrame);
const largest = () => faces.reduce((a, b) => (b.square[2] > a?.square[2] ? b : a), faces[0]);

// --- An image --------------------------------------------------------------------------------------------------------------------

function draw(drawable, mirrored) {
  context.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? source.width : 0, 0);
  context.fillStyle = "white"; // where an image is transparent
  context.fillRect(0, 0, source.width, source.height);
  context.drawImage(drawable, 0, 0, source.width, source.height);
  image = context.getImageData(0, 0, source.width, source.height);
  find(".view").getContext("2d").drawImage(source, 0, 0, find(".view").width, find(".view").height);
}

function open(drawable, width, height, mirrored = false) {
  const view = find(".view");
  const resize = (canvas, limit) => {
    const scale = Math.min(limit / Math.max(width, height), 1);
    canvas.width = Math.max(Math.round(width * scale), 1);
    canvas.height = Math.max(Math.round(height * scale), 1);
  };
  resize(source, settings.max_side);
  resize(view, VIEW_SIDE);
  view.classList.toggle("small", Math.max(width, height) < 256);
  opened++;
  draw(drawable, mirrored);
  timeline.clear();
  for (const selector of [".credit", ".timeline"]) find(selector).hidden = true;
  forget();
}

// Shows no face, until they are detected.
function forget() {
  faces = [];
  byHand = false;
  show(DETECTING);
}

async function detect() {
  const current = opened, began = performance.now();
  const found = await detector.detect(image), detected = performance.now();
  if (current !== opened || byHand) return;
  const crops = found.map(({ square, angle }) => cropFace(image, square, angle, SIZE)), probabilities = await classify(crops);
  if (current !== opened || byHand) return;
  faces = found.map((face, i) => ({ ...face, pixels: crops[i], probabilities: probabilities[i] }));
  picked = largest();
  show();
  const classified = found.length ? `, ${(performance.now() - detected).toFixed(0)} ms to classify` : "";
  find(".speed").textContent = `${(detected - began).toFixed(0)} ms to detect${classified}`;
}

async function openFile(file) {
  const request = ++asked;
  stopCamera();
  try {
    const bitmap = await createImageBitmap(file); // rotated according to its EXIF data
    if (request !== asked) return;
    open(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
  } catch {
    return setStatus(`${file.name || "This"} is not an image that this browser can read; the last one is still shown.`);
  }
  setStatus("");
  await detect();
}

async function openExample() {
  const request = ++asked;
  stopCamera();
  setStatus("");
  const portrait = Object.assign(new Image(), { src: new URL(settings.portrait, import.meta.url) });
  await portrait.decode();
  if (request !== asked) return;
  open(portrait, portrait.width, portrait.height);
  find(".credit").hidden = false;
  await detect();
}

// --- Display ---------------------------------------------------------------------------------------------------------------------

function show(without = NOTHING) {
  if (!faces.includes(picked)) picked = undefined;
  cropBox.layOut(source, faces, picked, faces.map(label));
  find(".detect").hidden = !byHand;
  find(".place").hidden = Boolean(picked || camera) || without !== NOTHING;
  find(".place button").textContent = isTiny() ? "Take the whole image as the face" : "Place a box by hand";
  if (picked?.pixels) return results.show(picked);
  results.clear(without);
  find(".speed").textContent = "";
}

function label({ probabilities }) {
  if (!probabilities) return "";
  const { emotion, confident } = results.best(probabilities);
  return confident ? emotion : `${emotion}?`;
}

const isTiny = () => Math.max(source.width, source.height) <= 2 * SIZE; // it may be a cropped face

// --- The box ---------------------------------------------------------------------------------------------------------------------

// The box is placed by hand. The camera's frames are predicted in `follow`.
function place(square, angle) {
  const placed = { ...picked, square, angle };
  faces = camera || !picked ? [placed] : faces.map((face) => (face === picked ? placed : face));
  picked = placed;
  byHand = true;
  cropBox.layOut(source, faces, picked, faces.map(label));
}

let predicting = false;
async function predictBox() {
  if (predicting || camera) return;
  predicting = true;
  try {
    for (let face; picked && picked !== face && !camera;) { // until the box has not moved meanwhile
      await nextFrame();
      if (!picked) return;
      face = picked;
      const began = performance.now(), pixels = cropFace(image, face.square, face.angle, SIZE);
      Object.assign(face, { pixels, probabilities: (await classify([pixels]))[0] });
      if (!faces.includes(face)) continue;
      show();
      find(".speed").textContent = `${(performance.now() - began).toFixed(0)} ms to classify`;
    }
  } finally {
    predicting = false;
  }
}

// --- The camera ------------------------------------------------------------------------------------------------------------------

async function startCamera() {
  const request = ++asked;
  setStatus("Starting the camera…");
  classifyLive ??= await loadClassifier(settings.live_model, settings);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
  } catch (error) {
    const reason = error.name === "NotAllowedError" ? "Access to the camera was denied." : "No camera was found.";
    return setStatus(`${reason} Choose a photo instead.`);
  }
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
  if (request === asked) await video.play();
  if (request !== asked) return stream.getTracks().forEach((track) => track.stop());
  camera = { stream, video, tracker: new Tracker(detector, classifyFrame, settings.tracking), frames: 0 };
  find(".camera").textContent = "Stop the camera";
  setStatus("");
  open(video, video.videoWidth, video.videoHeight, true);
  find(".timeline").hidden = false;
  await follow(camera);
}

function stopCamera() {
  camera?.stream.getTracks().forEach((track) => track.stop());
  camera = undefined;
  find(".camera").textContent = "Use the camera";
}

// The live model sees one view of a face; every other frame is mirrored, so that the moving average is over both.
async function classifyFrame(frame, found) {
  const isMirrored = camera?.frames % 2 === 1;
  found.forEach((face) => { face.pixels = cropFace(frame, face.square, face.angle, SIZE); });
  return classifyLive(found.map(({ pixels }) => (isMirrored ? pixels.map((_, i) => pixels[i - 2 * (i % SIZE) + SIZE - 1]) : pixels)));
}

async function follow(current) {
  let ended = performance.now(), rate = 0;
  for (; camera === current; current.frames++) {
    await nextFrame();
    if (camera !== current) return;
    if (current.video.readyState < 2) continue;
    draw(current.video, true);
    const placed = byHand && picked, seconds = performance.now() / 1000;
    const found = placed ? [placed] : [...await current.tracker.update(image, seconds)];
    if (placed) {
      const [probabilities] = await classifyFrame(image, found);
      placed.probabilities = placed.probabilities?.map((p, i) => (p + probabilities[i]) / 2) ?? probabilities;
    }
    if (camera !== current || placed !== (byHand && picked)) continue; // the box was moved meanwhile
    faces = found;
    picked = faces.find(({ id }) => id === picked?.id) ?? largest();
    show();
    timeline.add(seconds, picked);
    const now = performance.now();
    rate = rate ? 0.9 * rate + 100 / Math.max(now - ended, 1) : 1000 / Math.max(now - ended, 1);
    ended = now;
    if (picked) find(".speed").textContent = `${rate.toFixed(0)} predictions per second`;
  }
}

// --- Input -----------------------------------------------------------------------------------------------------------------------

function listen() {
  const run = (action) => (...values) => action(...values)?.catch(report);
  const choose = run(openFile);
  find("input[type=file]").addEventListener("change", ({ target }) => {
    if (target.files[0]) choose(target.files[0]);
    target.value = ""; // so that choosing the same file again is a change
  });
  root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("over"); });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("over");
    if (event.dataTransfer.files[0]) choose(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", ({ clipboardData: { files: [file] } }) => { if (file) choose(file); });
  find(".example").addEventListener("click", run(openExample));
  find(".camera").addEventListener("click", run(async () => (camera ? stopCamera() : startCamera())));
  if (!navigator.mediaDevices?.getUserMedia) {
    find(".camera").disabled = true;
    find(".camera").title = "This browser blocks the camera on pages at this address.";
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) stopCamera(); });
  find(".place button").addEventListener("click", run(async () => {
    const side = (isTiny() ? 1 : 0.6) * Math.min(source.width, source.height);
    place([(source.width - side) / 2, (source.height - side) / 2, side], 0);
    find(".place").hidden = true;
    find(".crop").focus();
    await predictBox();
  }));
  find(".detect").addEventListener("click", run(async () => {
    forget();
    if (!camera) await detect();
  }));
}

export async function start() {
  await loadRuntime(settings.runtime_binary);
  detector = new FaceDetector(await loadDetector(settings.detector), settings.detector);
  classify = await loadClassifier(settings.model, settings);
  results = new Results(find, settings);
  timeline = new Timeline(find(".timeline canvas"), () => results.colors());
  cropBox = new CropBox(find, (square, angle) => {
    place(square, angle);
    predictBox().catch(report);
  }, (number) => {
    picked = faces[number];
    show();
    find(".crop").focus();
  });
  find(".app").hidden = false;
  listen();
  root.playground = { classify, cropFace, detector }; // for the tests
  await openExample();
}
