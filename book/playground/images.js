// Squares of an image, cut out and resized as fer_lib/deploy/images.py does. An image is an ImageData: RGBA, row by row.

const GRAY = [0.299, 0.587, 0.114]; // of red, green and blue: ITU-R BT.601
const clamp = (value, length) => (value < 0 ? 0 : value < length ? value : length - 1);

// Cuts out a square that is rotated about its center, and resizes it: averages over areas to reduce, bilinear to enlarge.
// Pixels outside the image repeat its border. `square` is left, top and side before the rotation, in the image's pixels, and
// `angle` its rotation in degrees, clockwise. Returns RGB, Float32Array of size * size * 3.
export function cropSquare(image, [left, top, side], angle, size) {
  const factor = angle ? Math.max(Math.floor(side / size / 4), 1) : 1; // pixels that need not be rotated one by one
  const region = factor > 1 ? reduced(image, left, top, side, factor) : { values: image.data, step: 4, x: 0, y: 0, width: image.width, height: image.height };
  const square = { left: (left - region.x) / factor, top: (top - region.y) / factor, side: side / factor };
  const upright = angle ? rotated(region, square, angle) : { ...region, x: 0, y: 0 };
  return resized(upright, resizingWeights(square.left, square.side, size), resizingWeights(square.top, square.side, size), size);
}

// Gray levels of a face, integers, Float32Array of size * size.
export function cropFace(image, square, angle, size) {
  const rgb = cropSquare(image, square, angle, size);
  return Float32Array.from({ length: size * size }, (_, i) => Math.round(GRAY.reduce((sum, share, c) => sum + share * rgb[3 * i + c], 0)));
}

// The part of an image that a rotated square may cover, as RGB, averaged over blocks of factor × factor pixels. It begins at x and y.
function reduced(image, left, top, side, factor) {
  const border = Math.ceil(0.21 * side) + 2; // a rotated square is up to √2 as wide
  const x0 = Math.floor(left) - border, y0 = Math.floor(top) - border;
  const columns = Math.ceil(left + side) + border - x0, rows = Math.ceil(top + side) + border - y0;
  const width = Math.ceil(columns / factor), height = Math.ceil(rows / factor), values = new Uint8ClampedArray(3 * width * height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      const across = Math.min(factor, columns - factor * x), down = Math.min(factor, rows - factor * y);
      let red = 0, green = 0, blue = 0;
      for (let j = 0; j < down; j++) {
        const row = image.width * clamp(y0 + factor * y + j, image.height);
        for (let i = 0; i < across; i++) {
          const at = 4 * (row + clamp(x0 + factor * x + i, image.width));
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

// The pixels of a square of a region after the region was turned upright about the square's center. They begin at x and y.
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
function resizingWeights(start, side, size) {
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

// Resizes the part of an image that the weights select; the image begins at x0 and y0.
function resized({ values, step, x: x0, y: y0, width, height }, across, down, size) {
  const result = new Float32Array(3 * size * size), first = down[0][0][0], last = down[size - 1].at(-1)[0];
  const strip = new Float64Array(3 * size * (last - first + 1)); // resized across, not yet down
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
  for (let j = 0; j < size; j++) {
    for (const [y, weight] of down[j]) {
      const from = 3 * (y - first) * size, to = 3 * j * size;
      for (let i = 0; i < 3 * size; i++) result[to + i] += weight * strip[from + i];
    }
  }
  return result;
}
