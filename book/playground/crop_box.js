// The box around the face that is shown, which a reader can move, resize and rotate, and buttons on the other faces.

export class CropBox {
  // `onEdit` is called with the box's new square and angle, and `onPick` with the number of another face.
  constructor(find, onEdit, onPick) {
    Object.assign(this, { find, onEdit, onPick, box: find(".crop"), square: [0, 0, 1], angle: 0, width: 1, height: 1 });
    this.listen();
  }

  // Lays the box over one of the faces of an image, and buttons with the given labels over the others.
  layOut({ width, height }, faces, picked, labels) {
    Object.assign(this, { width, height });
    this.box.hidden = this.find(".size input").disabled = this.find(".rotation input").disabled = !picked;
    if (picked) {
      this.square = picked.square;
      this.angle = picked.angle;
      this.lay(this.box, picked);
      this.find(".size input").value = (100 * picked.square[2]) / Math.min(width, height);
      this.find(".rotation input").value = picked.angle;
    }
    const others = this.find(".faces");
    while (others.children.length > faces.length) others.lastChild.remove();
    faces.forEach((face, number) => {
      const button = others.children[number] ?? this.addButton(others, number);
      button.hidden = face === picked;
      this.lay(button, face);
      button.firstChild.textContent = labels[number];
      button.setAttribute("aria-label", `Face ${number + 1} of ${faces.length}: ${labels[number]}`);
    });
  }

  addButton(parent, number) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.append(document.createElement("span"));
    button.addEventListener("click", () => this.onPick(number));
    parent.append(button);
    return button;
  }

  lay(element, { square: [left, top, side], angle }) {
    Object.assign(element.style, {
      left: `${(100 * left) / this.width}%`, top: `${(100 * top) / this.height}%`, width: `${(100 * side) / this.width}%`,
      height: `${(100 * side) / this.height}%`, transform: `rotate(${angle}deg)`,
    });
  }

  // Moves the center and changes the side, within limits.
  edit(x, y, side, angle = this.angle) {
    const within = (value, low, high) => Math.min(Math.max(value, low), high), shorter = Math.min(this.width, this.height);
    const newSide = within(side, Math.min(24, shorter), shorter);
    this.onEdit([within(x, 0, this.width) - newSide / 2, within(y, 0, this.height) - newSide / 2, newSide], angle);
  }

  listen() {
    const middle = ([left, top, side]) => [left + side / 2, top + side / 2, side];
    this.box.addEventListener("pointerdown", (event) => {
      const [x, y, side] = middle(this.square), scale = this.width / this.box.parentElement.clientWidth, turn = (Math.PI / 180) * this.angle;
      const isHandle = event.target.className === "handle";
      const move = (now) => {
        const dx = (now.clientX - event.clientX) * scale, dy = (now.clientY - event.clientY) * scale;
        const across = Math.cos(turn) * dx + Math.sin(turn) * dy, down = Math.cos(turn) * dy - Math.sin(turn) * dx;
        if (isHandle) this.edit(x, y, side + 2 * Math.max(across, down));
        else this.edit(x + dx, y + dy, side);
      };
      this.box.setPointerCapture(event.pointerId);
      this.box.addEventListener("pointermove", move);
      this.box.addEventListener("lostpointercapture", () => this.box.removeEventListener("pointermove", move), { once: true });
    });
    this.box.addEventListener("keydown", (event) => {
      const by = Math.max(Math.round((event.shiftKey ? 0.1 : 0.02) * this.width), 1), [x, y, side] = middle(this.square);
      const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
      if (moves[event.key]) this.edit(x + moves[event.key][0], y + moves[event.key][1], side);
      else if ("+=".includes(event.key)) this.edit(x, y, side * 1.08);
      else if ("-_".includes(event.key)) this.edit(x, y, side / 1.08);
      else return;
      event.preventDefault();
      event.stopPropagation(); // the book turns pages with the arrow keys
    });
    for (const input of [this.find(".size input"), this.find(".rotation input")]) {
      input.addEventListener("keydown", (event) => event.stopPropagation());
    }
    this.find(".size input").addEventListener("input", ({ target }) => {
      const [x, y] = middle(this.square);
      this.edit(x, y, (target.value / 100) * Math.min(this.width, this.height));
    });
    this.find(".rotation input").addEventListener("input", ({ target }) => this.edit(...middle(this.square), Number(target.value)));
  }
}
