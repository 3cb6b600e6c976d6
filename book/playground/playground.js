// The playground: an image or the camera, a crop box, and the model's seven probabilities. Everything runs on the reader's device.
(() => {
  "use strict";
  const root = document.getElementById("playground-app");
  const settings = JSON.parse(document.getElementById("playground-settings").textContent);
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  const find = (selector) => root.querySelector(selector);
  const status = find(".status"), stage = find(".stage"), view = find(".view"), cropBox = find(".crop");
  const SIZE = settings.image_size, MAX_SIDE = settings.max_side;

  const source = document.createElement("canvas"); // the image, upright, at most MAX_SIDE pixels along a side
  const pixels = source.getContext("2d", { willReadFrequently: true });
  const box = { x: 0, y: 0, side: 1 }; // in the source's pixels
  // An uploaded photo is predicted once its box is `placed`: what lies in the center need not be a face.
  let session, stream, video, changed = false, placed = true, announced = "";

  const setStatus = (text) => { status.textContent = text; status.hidden = !text; };

  // --- The input of the model ----------------------------------------------------------------------------------------------------

  // Gray levels of a square of a canvas, integers. Pixels outside the canvas repeat its border.
  function graySquare(context, left, top, side) {
    const { width, height } = context.canvas;
    const clamp = (value, limit) => Math.min(Math.max(value, 0), limit - 1);
    const x0 = clamp(left, width), y0 = clamp(top, height);
    const w = clamp(left + side - 1, width) - x0 + 1, h = clamp(top + side - 1, height) - y0 + 1;
    const { data } = context.getImageData(x0, y0, w, h);
    const gray = new Float32Array(side * side);
    for (let row = 0; row < side; row++) {
      const y = clamp(top + row, height) - y0;
      for (let column = 0; column < side; column++) {
        const at = 4 * (y * w + clamp(left + column, width) - x0);
        gray[row * side + column] = Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]);
      }
    }
    return gray;
  }

  // The weights that resize `from` pixels to `to`: averages over areas to reduce, bilinear to enlarge.
  function weights(from, to) {
    const ratio = from / to, rows = [];
    for (let i = 0; i < to; i++) {
      const row = [];
      if (ratio >= 1) {
        for (let j = Math.floor(i * ratio); j < Math.min(Math.ceil((i + 1) * ratio - 1e-9), from); j++) {
          row.push([j, (Math.min(j + 1, (i + 1) * ratio) - Math.max(j, i * ratio)) / ratio]);
        }
      } else {
        const position = Math.min(Math.max((i + 0.5) * ratio - 0.5, 0), from - 1), j = Math.floor(position);
        row.push([j, 1 - position + j], [Math.min(j + 1, from - 1), position - j]);
      }
      rows.push(row);
    }
    return rows;
  }

  function resize(gray, from, to) {
    const table = weights(from, to), rows = new Float64Array(from * to), resized = new Float32Array(to * to);
    for (let y = 0; y < from; y++) {
      for (let x = 0; x < to; x++) for (const [j, weight] of table[x]) rows[y * to + x] += weight * gray[y * from + j];
    }
    for (let y = 0; y < to; y++) {
      for (let x = 0; x < to; x++) {
        let sum = 0;
        for (const [j, weight] of table[y]) sum += weight * rows[j * to + x];
        resized[y * to + x] = Math.round(sum);
      }
    }
    return resized;
  }

  const crop = (context, left, top, side) => resize(graySquare(context, left, top, side), side, SIZE);

  async function classify(face) { // gray levels 0–255, 48 × 48, row by row
    const input = new ort.Tensor("float32", Float32Array.from(face), [1, SIZE, SIZE, 1]);
    const output = await session.run({ [settings.input]: input });
    return Array.from(output[settings.output].data);
  }

  // --- Display -------------------------------------------------------------------------------------------------------------------

  const bars = settings.emotions.map((name, index) => {
    const row = document.createElement("div");
    row.className = "bar";
    row.innerHTML = `<span class="name">${name}</span><span class="track"><span class="fill"></span></span><span class="value"></span>`;
    row.dataset.emotion = name;
    row.querySelector(".fill").style.setProperty("--color", settings.colors[index]);
    find(".bars").append(row);
    return row;
  });

  function show(probabilities, face) {
    const percent = (p) => `${Math.round(100 * p)}\u00a0%`;
    probabilities.forEach((p, index) => {
      bars[index].querySelector(".fill").style.width = `${100 * p}%`;
      bars[index].querySelector(".value").textContent = percent(p);
    });
    const best = probabilities.indexOf(Math.max(...probabilities)), confident = probabilities[best] >= settings.confident_above;
    announce(confident ? settings.emotions[best] : `Uncertain: perhaps ${settings.emotions[best]}`, !confident);
    const input = find(".model-input canvas").getContext("2d"), image = input.createImageData(SIZE, SIZE);
    face.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
    input.putImageData(image, 0, 0);
  }

  function announce(text, uncertain = false) {
    // A screen reader announces a new prediction, not the percentages of each frame.
    if (text !== announced) find(".prediction").textContent = announced = text;
    find(".prediction").classList.toggle("uncertain", uncertain);
  }

  // Shows no prediction until the box is placed.
  function wait() {
    placed = false;
    find(".place").hidden = false;
    announce("Place the box first.", true);
    bars.forEach((row) => {
      row.querySelector(".fill").style.width = 0;
      row.querySelector(".value").textContent = "";
    });
    find(".model-input canvas").getContext("2d").clearRect(0, 0, SIZE, SIZE);
    find(".speed").textContent = "";
  }

  function place() {
    find(".place").hidden = placed = changed = true;
  }

  function layOut() {
    const { width, height } = source;
    view.width = width;
    view.height = height;
    view.classList.toggle("small", Math.max(width, height) < 256);
    view.getContext("2d").drawImage(source, 0, 0);
    Object.assign(cropBox.style, {
      left: `${(100 * box.x) / width}%`, top: `${(100 * box.y) / height}%`,
      width: `${(100 * box.side) / width}%`, height: `${(100 * box.side) / height}%`,
    });
    find(".size input").value = (100 * box.side) / Math.min(width, height);
  }

  function moveTo(x, y, side = box.side) {
    const { width, height } = source;
    box.side = Math.round(Math.min(Math.max(side, Math.min(24, width, height)), width, height));
    box.x = Math.round(Math.min(Math.max(x, 0), width - box.side));
    box.y = Math.round(Math.min(Math.max(y, 0), height - box.side));
    layOut();
    changed = true;
  }

  // What a reader does with the box.
  function drag(x, y, side) {
    moveTo(x, y, side);
    place();
  }

  const grow = (side) => drag(box.x + (box.side - side) / 2, box.y + (box.side - side) / 2, side);

  // Makes a drawable the image, with the box in its center, where a face is taken to be.
  function open(drawable, width, height, share, mirrored = false) {
    const scale = Math.min(MAX_SIDE / Math.max(width, height), 1);
    source.width = Math.max(Math.round(width * scale), 1);
    source.height = Math.max(Math.round(height * scale), 1);
    draw(drawable, mirrored);
    const side = share * Math.min(source.width, source.height);
    moveTo((source.width - side) / 2, (source.height - side) / 2, side);
    place();
    find(".credit").hidden = true;
  }

  function draw(drawable, mirrored) {
    pixels.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? source.width : 0, 0);
    pixels.fillStyle = "white"; // where an image is transparent
    pixels.fillRect(0, 0, source.width, source.height);
    pixels.drawImage(drawable, 0, 0, source.width, source.height);
  }

  async function openFile(file) {
    stopCamera();
    try {
      const bitmap = await createImageBitmap(file); // rotated according to its EXIF data
      open(bitmap, bitmap.width, bitmap.height, 0.6);
      bitmap.close();
      wait();
      setStatus("");
    } catch {
      setStatus(`${file.name || "This"} is not an image that this browser can read.`);
    }
  }

  // --- Camera --------------------------------------------------------------------------------------------------------------------

  async function startCamera() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user", width: { ideal: 640 } } });
    } catch (error) {
      const reason = error.name === "NotAllowedError" ? "Access to the camera was denied." : "No camera was found.";
      return setStatus(`${reason} Choose a photo instead.`);
    }
    video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true, playsInline: true });
    await video.play();
    find(".camera").textContent = "Stop the camera";
    open(video, video.videoWidth, video.videoHeight, 0.6, true);
    setStatus("Center your face in the box, or move the box.");
  }

  function stopCamera() {
    if (!stream) return;
    stream.getTracks().forEach((track) => track.stop());
    stream = video = undefined;
    find(".camera").textContent = "Use the camera";
    setStatus("");
  }

  // --- The loop ------------------------------------------------------------------------------------------------------------------

  let ended = 0, rate = 0;
  async function step() {
    if (video && video.readyState >= 2) {
      draw(video, true);
      view.getContext("2d").drawImage(source, 0, 0);
      changed = true;
    }
    if (changed && placed) {
      changed = false;
      const began = performance.now();
      const face = crop(pixels, box.x, box.y, box.side);
      const probabilities = await classify(face);
      if (placed) show(probabilities, face); // another photo may have been chosen meanwhile
      const now = performance.now();
      if (video) {
        rate = rate ? 0.9 * rate + 100 / Math.max(now - ended, 1) : 1000 / Math.max(now - began, 1);
        find(".speed").textContent = `${rate.toFixed(0)} frames per second`;
      } else {
        rate = 0;
        find(".speed").textContent = `${(now - began).toFixed(0)} ms for this image`;
      }
      ended = now;
    }
    requestAnimationFrame(() => step().catch((error) => setStatus(`Prediction failed: ${error.message}`)));
  }

  // --- Input ---------------------------------------------------------------------------------------------------------------------

  function listen() {
    find("input[type=file]").addEventListener("change", (event) => {
      if (event.target.files[0]) openFile(event.target.files[0]);
      event.target.value = ""; // so that choosing the same file again is a change
    });
    root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("over"); });
    root.addEventListener("dragleave", () => root.classList.remove("over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      root.classList.remove("over");
      if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData.files;
      if (file) openFile(file);
    });
    const camera = find(".camera");
    if (navigator.mediaDevices?.getUserMedia) {
      camera.addEventListener("click", () => (stream ? stopCamera() : startCamera()));
    } else {
      camera.disabled = true;
      camera.title = "This browser blocks the camera on pages at this address.";
    }
    document.addEventListener("visibilitychange", () => { if (document.hidden) stopCamera(); });

    cropBox.addEventListener("pointerdown", (event) => {
      const start = { x: event.clientX, y: event.clientY, ...{ left: box.x, top: box.y, side: box.side } };
      const scale = source.width / view.clientWidth, resize = event.target.className === "handle";
      const move = (now) => {
        const dx = (now.clientX - start.x) * scale, dy = (now.clientY - start.y) * scale;
        if (resize) drag(start.left, start.top, start.side + Math.max(dx, dy));
        else drag(start.left + dx, start.top + dy);
      };
      cropBox.setPointerCapture(event.pointerId);
      cropBox.addEventListener("pointermove", move);
      cropBox.addEventListener("lostpointercapture", () => cropBox.removeEventListener("pointermove", move), { once: true });
    });
    cropBox.addEventListener("keydown", (event) => {
      const by = Math.max(Math.round((event.shiftKey ? 0.1 : 0.02) * source.width), 1);
      const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
      if (moves[event.key]) drag(box.x + moves[event.key][0], box.y + moves[event.key][1]);
      else if ("+=".includes(event.key)) grow(box.side * 1.08);
      else if ("-_".includes(event.key)) grow(box.side / 1.08);
      else return;
      event.preventDefault();
      event.stopPropagation(); // the book turns pages with the arrow keys
    });
    find(".place button").addEventListener("click", place);
    find(".size input").addEventListener("input", (event) => grow((event.target.value / 100) * Math.min(source.width, source.height)));
    find(".size input").addEventListener("keydown", (event) => event.stopPropagation());
  }

  // A button under which a face is shown; `draw` draws it into a canvas.
  function addExample(selector, name, draw, show) {
    const canvas = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    draw(canvas.getContext("2d"));
    button.append(canvas, Object.assign(document.createElement("span"), { textContent: name }));
    button.addEventListener("click", () => { stopCamera(); setStatus(""); show(canvas); });
    find(selector).append(button);
  }

  async function addExamples() {
    const portrait = Object.assign(new Image(), { src: folder + settings.portrait });
    await portrait.decode();
    const [left, top, side] = settings.portrait_box;
    addExample(".portrait", "astronaut", (context) => context.drawImage(portrait, left, top, side, side, 0, 0, SIZE, SIZE), () => {
      open(portrait, portrait.width, portrait.height, 1);
      moveTo(left, top, side);
      find(".credit").hidden = false;
    });
    settings.drawings.forEach(({ emotion, pixels: encoded }) => addExample(".drawings", emotion, (context) => {
      const image = context.createImageData(SIZE, SIZE);
      Array.from(atob(encoded), (c) => c.charCodeAt(0)).forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
      context.putImageData(image, 0, 0);
    }, (canvas) => open(canvas, SIZE, SIZE, 1)));
  }

  // --- Start ---------------------------------------------------------------------------------------------------------------------

  const load = (url) => new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: url, onload: resolve });
    script.onerror = () => reject(new Error(`${url} cannot be loaded`));
    document.head.append(script);
  });

  async function start() {
    if (location.protocol === "file:") {
      return setStatus("A page opened from a file cannot load the model. Run “make serve” and open http://localhost:8000/playground.html.");
    }
    setStatus("Loading the model…");
    await load(`${folder}ort.wasm.min.js`);
    ort.env.wasm.wasmPaths = folder;
    ort.env.wasm.numThreads = 1; // threads need headers that few servers send
    session = await ort.InferenceSession.create(`${folder}model.onnx`);
    find(".app").hidden = false;
    await addExamples();
    listen();
    find(".portrait button").click();
    root.playground = { classify, crop }; // for the tests
    await step();
  }

  start().catch((error) => setStatus(`The playground could not start: ${error.message}`));
})();
