// Starts the playground, or says why it cannot start. A page opened from a file cannot load modules.
(() => {
  "use strict";
  const status = document.querySelector("#playground-app .status");
  if (location.protocol === "file:") {
    status.textContent = "A page opened from a file cannot load the model. Run “make serve” and open http://localhost:8000/playground.html.";
    return;
  }
  status.textContent = "Loading the model…";
  import(document.currentScript.src.replace(/[^/]*$/, "playground.js")).then((playground) => playground.start()).catch((error) => {
    status.textContent = `The playground could not start: ${error.message}`;
  });
})();
