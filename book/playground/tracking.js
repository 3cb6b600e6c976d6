// Follows faces from frame to frame of the camera. A face is looked for where the frame before had it, which takes one run of
// the detector; the whole frame is searched now and then, and when a face is lost. Probabilities are moving averages.

const SEARCH_LENGTH = 256; // pixels to which the longer side of a frame is reduced in a search

export class Tracker {
  // `classify` takes an image and faces with `square` and `angle`, and returns a promise of their probabilities. The settings
  // are the constants of the library's `deploy/tracking.py`.
  constructor(detector, classify, settings) {
    Object.assign(this, { detector, classify, settings, visible: [], lost: [], ids: 0, sinceSearch: Infinity });
  }

  // The faces of the next frame, from left to right, with an `id` that a face keeps, and its smoothed `probabilities`.
  async update(image, seconds) {
    await this.follow(image);
    this.sinceSearch++;
    const { search_every, search_without_face_every, smoothing, remembered } = this.settings;
    if (this.sinceSearch >= (this.visible.length ? search_every : search_without_face_every)) await this.search(image);
    this.lost = this.lost.filter((face) => seconds - face.seen <= remembered);
    this.visible.sort((a, b) => a.row[0] - b.row[0]);
    const predictions = await this.classify(image, this.visible);
    this.visible.forEach((face, i) => {
      const share = face.probabilities ? 1 - Math.exp(-Math.max(seconds - face.seen, 0) / smoothing) : 1;
      face.probabilities = predictions[i].map((p, k) => p * share + (face.probabilities?.[k] ?? 0) * (1 - share));
      face.seen = seconds;
    });
    return this.visible;
  }

  async follow(image) {
    const visible = [];
    for (const face of this.visible) {
      const found = await this.detector.follow(image, face, this.settings.followed_threshold);
      if (found && !visible.some((other) => this.detector.isSame(found, other))) {
        visible.push(Object.assign(face, found));
      } else {
        this.lost.push(face);
        this.sinceSearch = Infinity;
      }
    }
    this.visible = visible;
  }

  async search(image) {
    this.sinceSearch = 0;
    for (const found of await this.detector.detect(image, SEARCH_LENGTH)) {
      if (this.visible.some((face) => this.detector.isSame(found, face))) continue;
      const face = this.lost.findLast((other) => this.detector.isSame(found, other)) ?? { id: ++this.ids, seen: -Infinity };
      this.lost = this.lost.filter((other) => other !== face);
      this.visible.push(Object.assign(face, found));
    }
  }
}
