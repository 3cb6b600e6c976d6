// Squares of an image, cut out and resized as fer_lib/deploy/images.py does. An image is an ImageData: RGBA, row by row.

const GRAY = [0.299, 0.587, 0.114]; // of red, green and blue: ITU-R BT.601
const clamp = (value, length) => (value < 0 ? 0 : value < length ? value : length - 1);

// Cuts out a square that is rotated about its center, and resizes it: averages over areas to reduce, bilinear to enlarge.
// Pixels outside the image repeat its border. `square` is left, top and side before the rotation, in the image's pixels, and
// `angle` its rotation in degrees, clockwise. Returns RGB, Float32Array of size * size * 3.
export function cropSquare(image, [left, top, side], angle, size) {
  const factor = angle ? Math.max(Math.floor(side / size / 4), 1) : 1; // pixels that need not be rotated one by one
  const region = factor > 1 ? reduced(image, around(left, top, side), factor, factor) : whole(image);
  const square = { left: (left - region.x) / factor, top: (top - region.y) / factor, side: side / factor };
  const upright = angle ? rotated(region, square, angle) : { ...region, x: 0, y: 0 };
  return resized(upright, areaWeights(square.left, square.side, size), areaWeights(square.top, square.side, size));
}

// Gray levels of a face, integers, Float32Array of size * size.
export function cropFace(image, square, angle, size) {
  const rgb = cropSquare(image, square, angle, size);
  return Float32Array.from({ length: size * size }, (_, i) => Math.round(GRAY.reduce((sum, share, c) => sum + share * rgb[3 * i + c], 0)));
}

// Reduces or enlarges an image as Pillow's bilinear filter does, with reducing_gap=2. Returns its RGB `values`, 3 per pixel.
export function resizeImage(image, width, height) {
  const across = Math.max(Math.floor(image.width / width / 2), 1), down = Math.max(Math.floor(image.height / height / 2), 1);
  const all = { x0: 0, y0: 0, columns: image.width, rows: image.height };
  const region = across * down > 1 ? reduced(image, all, across, down) : whole(image);
  const values = resized(region, triangleWeights(image.width / across, region.width, width), triangleWeights(image.height / down, region.height, height));
  return { values: Uint8ClampedArray.from(values), width, height };
}

// Regions have `step` values per pixel, of which the first three are RGB, and begin at x and y.
const whole = ({ data, width, height }) => ({ values: data, step: 4, x: 0, y: 0, width, height });

// The part of an image that a rotated square may cover: it is up to √2 as wide.
function around(left, top, side) {
  const border = Math.ceil(0.21 * side) + 2, x0 = Math.floor(left) - border, y0 = Math.floor(top) - border;
  return { x0, y0, columns: Math.ceil(left + side) + border - x0, rows: Math.ceil(top + side) + border - y0 };
}

// Averages a part of an image over blocks of pixels.
function reduced(image, { x0, y0, columns, rows }, factorX, factorY) {
  const width = Math.ceil(columns / factorX), height = Math.ceil(rows / factorY), values = new Uint8ClampedArray(3 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const across = Math.min(factorX, columns - factorX * x), down = Math.min(factorY, rows - factorY * y);
      let red = 0, green = 0, blue = 0;
      for (let j = 0; j < down; j++) {
        const row = image.width * clamp(y0 + factorY * y + j, image.height);
        for (let i = 0; i < across; i++) {
          const at = 4 * (row + clamp(x0 + factorX * x + i, image.width));
          red += image.data[at];
          green += image.data[at + 1];
          blue += image.data[at + 2];
        }
      }
      values[to] = red / (across * down);
      values[to + 1] = green / (across * down);
      values[to + 2] = blue / (across * down);
    }
  }
  return { values, step: 3, x: x0, y: y0, width, height };
}

// The pixels of a square of a region after the region was turned upright about the square's center.
function rotated({ values, step, width, height }, { left, top, side }, angle) {
  const turn = (Math.PI / 180) * angle, cosine = Math.cos(turn), sine = Math.sin(turn), middleX = left + side / 2, middleY = top + side / 2;
  const x0 = Math.floor(left), y0 = Math.floor(top), columns = Math.ceil(left + side) - x0, rows = Math.ceil(top + side) - y0;
  const turned = new Uint8Array(3 * columns * rows);
  for (let row = 0, to = 0; row < rows; row++) {
    const dy = y0 + row + 0.5 - middleY;
    for (let column = 0; column < columns; column++) {
      const dx = x0 + column + 0.5 - middleX;
      const x = cosine * dx - sine * dy + middleX - 0.5, y = sine * dx + cosine * dy + middleY - 0.5;
      const xi = Math.floor(x), yi = Math.floor(y), fx = x - xi, fy = y - yi;
      const upper = width * clamp(yi, height), lower = width * clamp(yi + 1, height), near = clamp(xi, width), far = clamp(xi + 1, width);
      let a = step * (upper + near), b = step * (upper + far), c = step * (lower + near), d = step * (lower + far);
      for (const end = a + 3; a < end; a++, b++, c++, d++) {
        const above = values[a] + fx * (values[b] - values[a]), below = values[c] + fx * (values[d] - values[c]);
        turned[to++] = above + fy * (below - above);
      }
    }
  }
  return { values: turned, step: 3, x: x0, y: y0, width: columns, height: rows };
}

// For each of `size` pixels, the pixels of the original that it consists of, and their weights.
function areaWeights(start, side, size) {
  const step = side / size;
  return Array.from({ length: size }, (_, i) => {
    const first = start + step * i, weights = [];
    if (step >= 1) {
      for (let pixel = Math.floor(first); pixel < first + step; pixel++) {
        const shared = Math.min(first + step, pixel + 1) - Math.max(first, pixel);
        if (shared > 0) weights.push([pixel, shared / step]);
      }
      return weights;
    }
    const center = Math.min(Math.max(first + step / 2 - 0.5, start), start + side - 1), pixel = Math.floor(center);
    return [[pixel, 1 - (center - pixel)], [pixel + 1, center - pixel]];
  });
}

// The same for a whole side of an image, whose length may be a fraction of a pixel short of its number of pixels.
function triangleWeights(length, pixels, size) {
  const ratio = length / size, reach = Math.max(ratio, 1);
  return Array.from({ length: size }, (_, i) => {
    const center = (i + 0.5) * ratio, weights = [];
    for (let pixel = Math.max(Math.floor(center - reach + 0.5), 0); pixel < Math.min(Math.floor(center + reach + 0.5), pixels); pixel++) {
      weights.push([pixel, Math.max(1 - Math.abs(pixel + 0.5 - center) / reach, 0)]);
    }
    const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
    return weights.map(([pixel, weight]) => [pixel, weight / total]);
  });
}

// Resizes the part of a region that the weights select. Returns RGB.
function resized({ values, step, x: x0, y: y0, width, height }, across, down) {
  const length = 3 * across.length, result = new Float32Array(length * down.length), first = down[0][0][0], last = down.at(-1).at(-1)[0];
  const strip = new Float64Array(length * (last - first + 1)); // resized across, not yet down
  for (let y = first, to = 0; y <= last; y++) {
    const row = width * clamp(y - y0, height);
    for (const weights of across) {
      let red = 0, green = 0, blue = 0;
      for (const [x, weight] of weights) {
        const from = step * (row + clamp(x - x0, width));
        red += weight * values[from];
        green += weight * values[from + 1];
        blue += weight * values[from + 2];
      }
      strip[to++] = red;
      strip[to++] = green;
      strip[to++] = blue;
    }
  }
  down.forEach((weights, j) => {
    for (const [y, weight] of weights) {
      const from = length * (y - first), to = length * j;
      for (let i = 0; i < length; i++) result[to + i] += weight * strip[from + i];
    }
  });
  return result;
}
