// Small behaviour for staff pages. Every form and link works without this file.
// Text is only ever set through textContent: the page's policy allows nothing else.

const SAY_SAVING_AFTER_MS = 1000;
const FILE_AGAIN_AFTER_MS = 2000;
const CHECK_IDLE_EVERY_MS = 10000;
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });

const sent = new WeakMap();

function say(words) {
  const line = document.createElement("div");
  line.className = "notice warn";
  const text = document.createElement("p");
  text.textContent = words;
  line.append(text);
  line.dataset.said = "";
  document.querySelector("#status > [data-said]")?.remove();
  document.getElementById("status")?.append(line);
}

// A form goes off once. The words change only when the answer takes longer than a second. A form that takes a file out
// stays on its page, which never hears that the file has come: it can be sent again a little later.
function guard(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (sent.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const button = event.submitter;
  const takesFile = form.hasAttribute("data-takes-file");
  const words = takesFile || button?.querySelector(":scope > *") ? null : button?.textContent;
  button?.setAttribute("aria-disabled", "true");
  const timer = setTimeout(() => { if (button && words) button.textContent = "Saving..."; }, SAY_SAVING_AFTER_MS);
  sent.set(form, () => {
    clearTimeout(timer);
    button?.removeAttribute("aria-disabled");
    if (button && words) button.textContent = words;
    sent.delete(form);
  });
  if (takesFile) setTimeout(() => release(form), FILE_AGAIN_AFTER_MS);
}

function release(form) {
  sent.get(form)?.();
}

function writeDay(box) {
  const place = document.querySelector(`[data-day-of="${CSS.escape(box.id)}"]`);
  if (place) place.textContent = box.valueAsDate ? DAY.format(box.valueAsDate).replace(",", "") : "";
}

// Warns before the server signs the person out; pressing the button asks for a page, which counts as being here.
function watchIdle() {
  const dialog = document.getElementById("sign-out-warning");
  if (!dialog) return;
  const limit = Number(dialog.dataset.afterMinutes) * 60000;
  let seen = Date.now();
  setInterval(() => { if (!dialog.open && Date.now() - seen > limit) dialog.showModal(); }, CHECK_IDLE_EVERY_MS);
  document.addEventListener("htmx:after:request", () => { seen = Date.now(); });
  dialog.addEventListener("close", async () => {
    seen = Date.now();
    const answer = await fetch(dialog.dataset.stayUrl, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) say("You are signed out. Sign in again; your draft is kept.");
  });
}

// Control and K together go to the box that finds things. One key alone would get in the way of people who dictate.
function toFind(event) {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  const box = ["find-box", "words"].map((id) => document.getElementById(id)).find((one) => one?.offsetParent);
  const link = document.querySelector(".find-link");
  if (!box && !link) return;
  event.preventDefault();
  if (!box) return link.click();
  box.focus();
  box.select();
}

document.addEventListener("keydown", toFind);
document.addEventListener("submit", guard, true);
document.addEventListener("htmx:finally:request", (event) => release(event.target));
// A fragment that brings faults brings the focus to them, as a whole page would.
document.addEventListener("htmx:after:settle", (event) => {
  const summary = document.getElementById("error-summary");
  if (summary && (event.target.contains?.(summary) || summary.contains(event.target))) summary.focus();
});
document.addEventListener("htmx:error", () => say("The clinic's computer could not be reached. Nothing was changed. Try again."));
document.addEventListener("htmx:response:error", (event) => {
  if (event.detail?.ctx?.response?.status >= 500) say("We could not save that. What you typed is still here. Try again.");
});
document.addEventListener("input", (event) => { if (event.target.matches("input[type=date]")) writeDay(event.target); });
document.addEventListener("focusin", (event) => { if (event.target.matches("[data-select-all]")) event.target.select(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
watchIdle();
