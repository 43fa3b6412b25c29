// How the page is made: elements and text, never markup. What comes from a host goes through `visible`.
const HARMFUL = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

// Characters that do something other than be seen, such as turning the reading direction, written as their numbers.
function visible(text) {
  return String(text ?? "").replace(HARMFUL, (char) => {
    const number = char.codePointAt(0).toString(16);
    return number.length <= 2 ? `\\x${number.padStart(2, "0")}` : `\\u${number.padStart(4, "0")}`;
  });
}

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const get = (id) => document.getElementById(id);
const show = (id, ...children) => get(id).replaceChildren(...children.flat());
const number = (value) => value.toLocaleString("en");
const some = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const icons = new Map();
function icon(verdict) {
  if (!icons.has(verdict)) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", `icon v-${verdict}`);
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("focusable", "false");
    // A copy of the shape: a reference to it (`use`) costs half as much again in a page of the matrix.
    svg.append(...[...get(`i-${verdict}`).children].map((shape) => shape.cloneNode(true)));
    icons.set(verdict, svg);
  }
  return icons.get(verdict).cloneNode(true);
}
const tag = (verdict, more = "") => el("span", { class: isProblem(verdict) ? "tag" : "tag quiet" },
  icon(verdict), el("span", { class: "word" }, WORDS[verdict][0]), more && el("span", { class: "few" }, more));

async function copy(text, button) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from a file, or without the permission: the old way.
    const area = el("textarea", { class: "hush", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
}

// A command with a button that copies it. What is not one of the collection's own commands is the host's word alone:
// it is shown as that, and has no button, lest somebody else's command is carried out without a look.
function mend(text, isOurs) {
  if (!text) return null;
  if (!isOurs) return el("p", { class: "word-of" }, el("span", { class: "small" }, "The host says: "), visible(text));
  const button = el("button", { type: "button", click: () => copy(text, button) }, "Copy");
  return el("div", { class: "mend" }, el("code", {}, visible(text)), button);
}
