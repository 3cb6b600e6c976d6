// What the playground shows of a prediction: its class, a bar per emotion, and the input of the model.

const percent = (probability) => `${Math.round(100 * probability)}\u00a0%`;

export class Results {
  constructor(find, settings) {
    Object.assign(this, { find, settings, announced: "" });
    this.bars = settings.emotions.map((name, index) => {
      const row = Object.assign(document.createElement("div"), { className: "bar" });
      row.innerHTML = `<span class="name">${name}</span><span class="track"><span class="fill"></span></span><span class="value"></span>`;
      row.dataset.emotion = name;
      row.querySelector(".fill").style.setProperty("--color", settings.colors[index]);
      find(".bars").append(row);
      return { fill: row.querySelector(".fill"), value: row.querySelector(".value") };
    });
  }

  // The color of each bar in the current theme.
  colors() {
    return this.bars.map(({ fill }) => getComputedStyle(fill).backgroundColor);
  }

  best(probabilities) {
    const index = probabilities.indexOf(Math.max(...probabilities));
    return { emotion: this.settings.emotions[index], confident: probabilities[index] >= this.settings.confident_above };
  }

  show({ probabilities, pixels }) {
    this.bars.forEach(({ fill, value }, index) => {
      fill.style.width = `${100 * probabilities[index]}%`;
      value.textContent = percent(probabilities[index]);
    });
    const { emotion, confident } = this.best(probabilities);
    this.announce(confident ? emotion : `Uncertain: perhaps ${emotion}`, !confident, percent(Math.max(...probabilities)));
    const size = this.settings.image_size, input = this.find(".model-input canvas").getContext("2d"), image = input.createImageData(size, size);
    pixels.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
    input.putImageData(image, 0, 0);
  }

  // Shows a text in place of a prediction.
  clear(text) {
    this.announce(text, true);
    this.bars.forEach(({ fill, value }) => {
      fill.style.width = 0;
      value.textContent = "";
    });
    const { canvas } = this.find(".model-input canvas").getContext("2d");
    canvas.width = canvas.width; // empties it
  }

  announce(text, uncertain, probability = "") {
    // A screen reader announces a new prediction, not the percentages of each frame.
    if (text !== this.announced) this.find(".headline").textContent = this.announced = text;
    this.find(".probability").textContent = probability;
    this.find(".prediction").classList.toggle("uncertain", uncertain);
  }
}
