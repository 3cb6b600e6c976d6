// Boxes that are wider than the page scroll sideways. A fade shows at which edge such a box continues (scroll.css), and Tab
// reaches it, so that the arrow keys scroll it.
(() => {
  "use strict";
  const BOXES = ".output, .pst-scrollable-table-container, pre, .figure-box";
  const NAMES = { PRE: "Code", TABLE: "Table", IMG: "Figure" };

  // On a phone, a figure that is nearly as wide as its box fills it (scroll.css).
  function fit(box) {
    const image = box.querySelector("img");
    image.classList.remove("fitted");
    const share = image.getBoundingClientRect().width / box.clientWidth;
    image.classList.toggle("fitted", share > 0.8 && share < 1.1);
  }

  function update(box) {
    if (box.matches(".figure-box")) fit(box);
    const caption = box.querySelector("caption");
    if (caption) box.style.setProperty("--caption", `${caption.offsetHeight}px`);
    const hidden = box.scrollWidth - box.clientWidth;
    box.classList.toggle("more-left", hidden > 1 && box.scrollLeft > 1);
    box.classList.toggle("more-right", hidden > 1 && hidden - box.scrollLeft > 1);
    if (hidden > 1) {
      const content = box.matches("pre") ? box : box.querySelector("table, img");
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", `${NAMES[content?.tagName] ?? "Output"}, scrolls sideways`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }

  function start() {
    const article = document.querySelector(".bd-article");
    if (!article) return;
    // Only the image of a figure scrolls; its caption stays.
    article.querySelectorAll("figure > img, figure > a > img").forEach((image) => {
      const box = Object.assign(document.createElement("div"), { className: "figure-box" });
      const content = image.closest("figure > *");
      content.replaceWith(box);
      box.append(content);
    });
    const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => update(target)));
    article.querySelectorAll(BOXES).forEach((box) => {
      resized.observe(box);
      box.addEventListener("scroll", () => update(box), { passive: true });
      box.addEventListener("keydown", (event) => {
        // Elsewhere the arrow keys may turn the page.
        if (event.target === box && event.key.startsWith("Arrow")) event.stopPropagation();
      });
    });
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
