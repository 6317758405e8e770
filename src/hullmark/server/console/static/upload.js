// Uploads with their progress. Without this the form is sent as any other.
for (const form of document.querySelectorAll("form[data-upload]")) {
  const bar = form.querySelector("progress");
  const said = form.querySelector("output");
  const button = form.querySelector("button");

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total ? loaded / total : 0;
      said.textContent = loaded < total ? `${Math.floor((loaded / total) * 100)} %` : "100 %, being read …";
    });
    request.addEventListener("load", () => {
      if (request.status < 300) {
        location.assign(request.responseURL);
        return;
      }
      // The page that says what is wrong, with the form again.
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const notes = page.querySelectorAll("main .note");
      document.querySelectorAll("main > .note").forEach((note) => note.remove());
      document.querySelector("main .head")?.after(...notes);
      if (!notes.length) said.textContent = `The server answered ${request.status}.`;
      else said.textContent = "";
      bar.hidden = true;
      button.disabled = false;
    });
    request.addEventListener("error", () => {
      said.textContent = "The connection broke off. Send it again.";
      bar.hidden = true;
      button.disabled = false;
    });
    bar.hidden = false;
    button.disabled = true;
    request.send(new FormData(form));
  });
}
