// Face detection with BlazeFace, step by step as in fer_lib/deploy/face_detection.py, whose constants are in `settings`.
// Faces are rows of eight numbers: x and y of the center and of both eyes, side, and score.
import { cropSquare, resizeImage } from "./images.js";

export class FaceDetector {
  // `run` takes a tile, a Float32Array of size * size * 3 from -1 to 1, and returns a promise of the regressors and logits.
  constructor(run, settings) {
    this.run = run;
    this.settings = settings;
    this.anchors = settings.anchors.flatMap(([stride, count]) => {
      const steps = Array.from({ length: settings.input_size / stride }, (_, i) => (i + 0.5) * stride);
      return steps.flatMap((y) => steps.flatMap((x) => Array(count).fill([x, y])));
    });
  }

  // The faces of an image, an ImageData, from left to right. In the search, it is reduced to at most `longest` pixels.
  async detect(image, longest = Infinity) {
    const { input_size: size, lengths, largest_magnification: largest, score_threshold: threshold } = this.settings;
    const limit = Math.min(Math.max(size, largest * Math.max(image.width, image.height)), longest), candidates = [], faces = [];
    for (const length of lengths.filter((length) => length <= limit)) {
      candidates.push(...await this.search(image, length));
      await new Promise((resolve) => setTimeout(resolve)); // the page stays responsive
    }
    for (const row of this.suppress(candidates)) faces.push(...await this.refine(image, row));
    return this.suppress(faces.filter((row) => row[7] >= threshold)).sort((a, b) => a[0] - b[0]).map((row) => this.toFace(row));
  }

  // The face in the next frame of a video, near where it was; undefined where it is no longer found.
  async follow(image, face, threshold) {
    const [row] = await this.refine(image, face.row);
    return row && row[7] >= threshold ? this.toFace(row) : undefined;
  }

  isSame(face, other) {
    return overlap(face.row, other.row) > this.settings.overlap_limit;
  }

  // `square`: left, top and side of what FER2013 would show, before its rotation by `angle` degrees, clockwise.
  toFace(row) {
    const [x, y, , , , , width] = row, angle = eyeAngle(row), turn = (Math.PI / 180) * angle;
    const side = this.settings.square_side * width, shift = this.settings.square_shift * width;
    return { row, angle, square: [x - shift * Math.sin(turn) - side / 2, y + shift * Math.cos(turn) - side / 2, side] };
  }

  async search(image, length) {
    const { input_size: size, candidate_threshold: threshold, largest_in_tile: largest } = this.settings;
    const ratio = length / Math.max(image.width, image.height), faces = [];
    const resized = resizeImage(image, Math.max(Math.round(ratio * image.width), 1), Math.max(Math.round(ratio * image.height), 1));
    const width = Math.max(resized.width, size), height = Math.max(resized.height, size);
    const border = [Math.floor((width - resized.width) / 2), Math.floor((height - resized.height) / 2)];
    for (const [top, firstY, lastY] of this.tiles(height)) {
      for (const [left, firstX, lastX] of this.tiles(width)) {
        const tile = new Float32Array(size * size * 3).fill(-1); // black around the image
        for (let y = Math.max(border[1] - top, 0); y < Math.min(resized.height + border[1] - top, size); y++) {
          for (let x = Math.max(border[0] - left, 0); x < Math.min(resized.width + border[0] - left, size); x++) {
            const to = 3 * (y * size + x), from = 3 * ((y + top - border[1]) * resized.width + x + left - border[0]);
            for (let channel = 0; channel < 3; channel++) tile[to + channel] = resized.values[from + channel] / 127.5 - 1;
          }
        }
        const middle = [(left + size / 2 - border[0]) / ratio, (top + size / 2 - border[1]) / ratio];
        const nearest = ([x, y]) => x + left >= firstX && x + left < lastX && y + top >= firstY && y + top < lastY;
        const found = (await this.network(tile)).filter((row) => row[7] >= threshold && nearest(row) && (length <= size || row[6] <= largest));
        faces.push(...found.map((row) => this.inImage(row, middle, 1 / ratio, 0)));
      }
    }
    return faces;
  }

  // Tiles that cover a side of an image: the start of each, and the range of positions to which it is the nearest.
  tiles(length) {
    const { input_size: size, tile_overlap: overlap } = this.settings;
    const count = Math.max(Math.ceil((length - overlap) / (size - overlap)), 1);
    const starts = Array.from({ length: count }, (_, i) => (count > 1 ? Math.round((i * (length - size)) / (count - 1)) : 0));
    const borders = starts.slice(1).map((start, i) => (starts[i] + start + size) / 2);
    return starts.map((start, i) => [start, borders[i - 1] ?? -Infinity, borders[i] ?? Infinity]);
  }

  // The face near the middle of an upright square around a candidate, cut from the image itself: one row, or none.
  async refine(image, candidate) {
    const { input_size: size, refined_side: factor, overlap_limit: limit } = this.settings;
    const [x, y] = candidate, side = factor * candidate[6], angle = eyeAngle(candidate);
    const square = cropSquare(image, [x - side / 2, y - side / 2, side], angle, size).map((level) => Math.round(level) / 127.5 - 1);
    const expected = [size / 2, size / 2, 0, 0, 0, 0, size / factor];
    const face = this.suppress(await this.network(square)).find((row) => overlap(expected, row) > limit);
    return face ? [this.inImage(face, [x, y], side / size, angle)] : [];
  }

  // Converts a row from pixels of a tile, with its middle, scale and rotation, to pixels of the image.
  inImage(row, middle, scale, angle) {
    const turn = (Math.PI / 180) * angle, cosine = Math.cos(turn), sine = Math.sin(turn), converted = [];
    for (let i = 0; i < 6; i += 2) {
      const x = scale * (row[i] - this.settings.input_size / 2), y = scale * (row[i + 1] - this.settings.input_size / 2);
      converted.push(middle[0] + cosine * x - sine * y, middle[1] + sine * x + cosine * y);
    }
    return [...converted, scale * row[6], row[7]];
  }

  // Runs the network on a tile. Returns the rows of all anchors with a sufficient score, in pixels of the tile.
  async network(tile) {
    const [regressors, logits] = await this.run(tile), rows = [];
    this.anchors.forEach(([x, y], i) => {
      const score = 1 / (1 + Math.exp(-logits[i]));
      if (score < this.settings.lowest_score) return;
      const r = regressors.subarray(16 * i, 16 * i + 8);
      rows.push([r[0] + x, r[1] + y, r[4] + x, r[5] + y, r[6] + x, r[7] + y, (r[2] + r[3]) / 2, score]);
    });
    return rows;
  }

  // Merges overlapping faces into means weighted by score (weighted non-maximum suppression), the highest score first.
  suppress(rows) {
    const merged = [];
    let remaining = [...rows].sort((a, b) => b[7] - a[7]);
    while (remaining.length) {
      const [best] = remaining, same = remaining.filter((row) => overlap(best, row) > this.settings.overlap_limit);
      const total = same.reduce((sum, row) => sum + row[7], 0);
      merged.push(best.map((value, i) => (i === 7 ? value : same.reduce((sum, row) => sum + row[7] * row[i], 0) / total)));
      remaining = remaining.filter((row) => !same.includes(row));
    }
    return merged;
  }
}

const eyeAngle = ([, , x0, y0, x1, y1]) => (180 / Math.PI) * Math.atan2(y1 - y0, x1 - x0);

// Intersection over union of two faces' squares.
function overlap(face, other) {
  const shared = (axis) => Math.max(Math.min(face[axis] + face[6] / 2, other[axis] + other[6] / 2) - Math.max(face[axis] - face[6] / 2, other[axis] - other[6] / 2), 0);
  const intersection = shared(0) * shared(1);
  return intersection / (face[6] ** 2 + other[6] ** 2 - intersection);
}
