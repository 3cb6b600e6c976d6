// A chart of the probabilities over the last seconds of the camera.

const SECONDS = 10;
const MARGIN = { left: 44, right: 8, top: 8, bottom: 22 }; // CSS pixels

export class Timeline {
  // `colors` returns the color of each emotion in the current theme.
  constructor(canvas, colors) {
    Object.assign(this, { canvas, colors, points: [], face: undefined });
  }

  clear() {
    this.points = [];
  }

  // Adds the probabilities of a face at a time; undefined where there is none. Another face begins a new chart.
  add(seconds, face) {
    if (face && face.id !== this.face) {
      this.face = face.id;
      this.clear();
    }
    this.points.push({ seconds, probabilities: face?.probabilities });
    this.points = this.points.filter((point) => seconds - point.seconds <= SECONDS);
    this.draw(seconds);
  }

  draw(now) {
    const ratio = window.devicePixelRatio || 1, width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    Object.assign(this.canvas, { width: ratio * width, height: ratio * height });
    const context = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const x = (seconds) => width - MARGIN.right - ((now - seconds) / SECONDS) * (width - MARGIN.left - MARGIN.right);
    const y = (p) => height - MARGIN.bottom - p * (height - MARGIN.top - MARGIN.bottom);
    context.scale(ratio, ratio);
    context.font = `12px ${style.fontFamily}`;
    context.fillStyle = style.color;
    context.strokeStyle = style.borderTopColor;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const p of [0, 0.5, 1]) {
      context.fillText(`${100 * p}\u00a0%`, MARGIN.left - 6, y(p));
      line(context, [[MARGIN.left, y(p)], [width - MARGIN.right, y(p)]], 1);
    }
    context.textBaseline = "bottom";
    context.fillText("now", width - MARGIN.right, height);
    context.textAlign = "left";
    context.fillText(`${SECONDS} seconds ago`, MARGIN.left, height);
    this.colors().forEach((color, index) => {
      context.strokeStyle = color;
      let stretch = []; // without a face there is no line
      for (const { seconds, probabilities } of this.points) {
        if (probabilities) stretch.push([x(seconds), y(probabilities[index])]);
        else stretch = line(context, stretch, 2);
      }
      line(context, stretch, 2);
    });
  }
}

function line(context, points, width) {
  context.lineWidth = width;
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo(x, y));
  context.stroke();
  return [];
}
