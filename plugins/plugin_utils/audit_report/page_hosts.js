// The matrix of hosts and consumers, a page of it at a time; all of it for a printer.
const PAGE = 50; // as many as are made within the time that a person takes for none
const view = { query: "", verdict: "", consumer: "", group: "", changed: false, finding: null, sort: "verdict", descending: false, page: 0 };
const opened = new Set();
let selected = [];

function drawHosts({ everything = false } = {}) {
  selected = select(view);
  const pages = Math.max(1, Math.ceil(selected.length / PAGE));
  view.page = Math.min(view.page, pages - 1);
  const from = everything ? 0 : view.page * PAGE;
  const shown = everything ? selected : selected.slice(from, from + PAGE);
  show("count", selected.length === hosts.length ? some(hosts.length, "host")
    : `${number(selected.length)} of ${some(hosts.length, "host")}`);
  const body = el("tbody", {}, shown.flatMap((host) => opened.has(host) ? [row(host), detailRow(host)] : [row(host)]));
  if (!shown.length) body.append(el("tr", {}, el("td", { colspan: columns.length + 2, class: "empty" }, "No host is like that.")));
  const table = el("table", { "aria-rowcount": selected.length + 1 },
    el("caption", { class: "hush" }, "Hosts, their verdict, and that of each consumer"),
    el("colgroup", {}, el("col", { class: "of-host" }), el("col", { class: "of-verdict" }), columns.map(() => el("col"))),
    head(), body);
  // Columns of a fixed width don't move while one types.
  table.style.width = `${30 + 10 * columns.length}rem`;
  show("matrix", table);
  show("range", selected.length ? `${number(from + 1)} to ${number(from + shown.length)} of ${number(selected.length)}` : "none");
  get("pager").hidden = pages === 1;
  get("previous").disabled = view.page === 0;
  get("next").disabled = view.page === pages - 1;
}

function head() {
  const column = (key, text) => el("th", { scope: "col", "aria-sort": view.sort !== key ? "none" : view.descending ? "descending" : "ascending" },
    el("button", { type: "button", "data-sort": key, click: () => {
      view.descending = view.sort === key && !view.descending;
      view.sort = key;
      view.page = 0;
      drawHosts();
      get("matrix").querySelector(`[data-sort="${CSS.escape(key)}"]`).focus();
    } }, visible(text)));
  return el("thead", {}, el("tr", {}, column("host", "Host"), column("verdict", "Verdict"), columns.map((kind) => column(kind, kind))));
}

function row(host) {
  const isOpen = opened.has(host);
  const button = el("button", { type: "button", class: "plain", "aria-expanded": String(isOpen),
    "aria-controls": isOpen ? `host-${host.place}` : null, "data-place": host.place, click: () => toggle(host) },
  el("bdi", {}, visible(host.name)));
  const change = host.changes[0];
  return el("tr", { class: isOpen ? "host open" : "host" }, el("th", { scope: "row" }, button),
    el("td", {}, tag(host.verdict), change && el("span", { class: "badge" }, CHANGES[change.change].toLowerCase())),
    columns.map((kind) => el("td", {}, ...(host.consumers.length ? cellOf(host.cells.get(kind)) : unknown()))));
}

// Nothing is known of a host that did not answer.
const unknown = () => [el("span", { class: "none", "aria-hidden": "true" }, "?"), el("span", { class: "hush" }, "not known")];

function cellOf(cell) {
  if (!cell || cell.worst === "absent") return [icon("absent"), el("span", { class: "hush" }, "absent")];
  const there = cell.verdicts.filter((verdict) => verdict !== "absent");
  const worst = there.filter((verdict) => verdict === cell.worst);
  return [tag(cell.worst, there.length === 1 ? "" : `${worst.length} of ${there.length}`)];
}

const detailRow = (host) => el("tr", { class: "detail", id: `host-${host.place}` },
  el("td", { colspan: columns.length + 2 }, detail(host)));

const buttonOf = (host) => get("matrix").querySelector(`button[data-place="${host.place}"]`);

// Opens or closes a host in its place, so that nothing else is drawn anew and the focus stays.
function toggle(host) {
  const line = buttonOf(host).closest("tr");
  if (opened.delete(host)) line.nextElementSibling.remove();
  else {
    opened.add(host);
    line.after(detailRow(host));
  }
  line.replaceWith(row(host));
  buttonOf(host).focus();
}

// The arrow keys go from host to host; Escape closes the one that the focus is on or in.
function hostKeys(event) {
  const at = event.target.closest?.("tr.detail") ?? event.target.closest?.("tr.host");
  if (!at) return;
  if (event.key === "Escape") {
    const line = at.classList.contains("detail") ? at.previousElementSibling : at;
    const host = hosts[Number(line.querySelector("[data-place]").dataset.place)];
    if (opened.has(host)) toggle(host);
    return;
  }
  if (!event.target.matches("[data-place]")) return;
  const buttons = [...get("matrix").querySelectorAll("[data-place]")];
  const place = buttons.indexOf(event.target);
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: buttons.length - 1 }[event.key];
  if (next === undefined) return;
  event.preventDefault();
  buttons[next]?.focus();
}
