// What a page does besides htmx: it follows the ledger, ticks the clock of the next update, takes
// dropped files, and lets no form go twice. Everything can be read and done without it.
"use strict";

const SILENT_MS = 5000;
const LABELS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function length(seconds) {
  const parts = [];
  let rest = Math.floor(seconds);
  for (const [name, size] of LABELS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count && parts.length < 2) parts.push(`${count} ${name}`);
  }
  return parts.join(" ") || "0 s";
}

function tick() {
  for (const clock of document.querySelectorAll(".clock")) {
    const left = (new Date(clock.dataset.due) - Date.now() - offset(clock)) / 1000;
    const box = clock.closest(".due");
    clock.textContent = left > 0 ? `due in ${length(left)}` : `${length(-left)} late`;
    box?.classList.toggle("near", left > 0 && left <= 600);
    box?.classList.toggle("late", left <= 0);
  }
}

// A rehearsal may have a time of its own: how far the server's clock is from this one, in ms.
function offset(clock) {
  clock.skew ??= Date.now() - new Date(clock.dataset.now);
  return -clock.skew;
}

function follow(part) {
  const lost = document.getElementById("lost");
  let stream = null;
  let silent; // the timer of a stream that broke off; a browser tries again every two seconds
  let waits = false;
  let again = false; // a change came while an older state was on its way
  const isTyping = () =>
    document.activeElement?.closest(".standing") && document.activeElement.matches("input, textarea, select, summary");
  const refresh = () => {
    waits = isTyping();
    again = !waits && Boolean(document.querySelector("[hx-get].htmx-request"));
    if (!waits && !again) htmx.trigger(document.body, "changed-here");
  };
  // A browser keeps six connections to a server at most: a tab that nobody looks at takes none.
  const rest = () => {
    stream?.close();
    stream = null;
  };
  const listen = () => {
    if (document.hidden || stream) return;
    stream = new EventSource(part.dataset.events);
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => (silent ??= setTimeout(() => (lost.hidden = false), SILENT_MS)));
    stream.addEventListener("open", () => {
      silent = clearTimeout(silent);
      lost.hidden = true;
    });
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  document.body.addEventListener("htmx:afterRequest", () => setTimeout(() => again && refresh(), 50));
  document.addEventListener("focusout", () => setTimeout(() => waits && refresh(), 0));
  window.addEventListener("pagehide", rest);
  listen();
}

function takeDrops(field) {
  const input = field.querySelector("input[type=file]");
  for (const name of ["dragenter", "dragover"]) {
    field.addEventListener(name, (event) => {
      event.preventDefault();
      field.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) field.addEventListener(name, () => field.classList.remove("over"));
  field.addEventListener("drop", (event) => {
    event.preventDefault();
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// The button stays as it is until the next turn: its own value has to go with the form.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-once]")) return;
  if (event.target.dataset.gone) {
    event.preventDefault();
    return;
  }
  event.target.dataset.gone = "yes";
  setTimeout(() => event.target.querySelectorAll("button").forEach((button) => (button.disabled = true)), 0);
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) {
    delete form.dataset.gone;
    form.querySelectorAll("button").forEach((button) => (button.disabled = false));
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-reload]")) event.target.form.requestSubmit();
  if (event.target.id === "correct-entry") fillIn(event.target);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-entry]");
  if (!link) return;
  event.preventDefault();
  const part = document.getElementById("correct");
  part.open = true;
  const entries = document.getElementById("correct-entry");
  entries.value = link.dataset.entry;
  fillIn(entries);
  document.getElementById("reword-text").focus();
});

function fillIn(entries) {
  document.getElementById("reword-text").value = entries.selectedOptions[0]?.dataset.text ?? "";
}

// A file that was taken with the form is not sent again with the next key.
document.body.addEventListener("htmx:afterRequest", (event) => {
  event.target.querySelectorAll?.("input[type=file]").forEach((input) => (input.value = ""));
});

for (const part of document.querySelectorAll("[data-events]")) follow(part);
for (const field of document.querySelectorAll("[data-drop]")) takeDrops(field);
document.querySelector("#failed")?.scrollIntoView({ block: "center" });
if (location.hash) document.querySelector(`details#${CSS.escape(location.hash.slice(1))}`)?.setAttribute("open", "");
tick();
setInterval(tick, 1000);
