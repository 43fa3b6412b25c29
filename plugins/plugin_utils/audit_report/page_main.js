// What the person does: filters, links to a view (in the address, behind #), theme, printing.
const FILTERS = ["query", "verdict", "consumer", "group"];

function option(id, none, entries) {
  show(id, el("option", { value: "" }, none), entries.map(([value, text]) => el("option", { value }, visible(text))));
}

// Shows the view in the filters, in the address, and in the matrix.
function apply() {
  for (const id of FILTERS) get(id).value = view[id];
  get("changed").checked = view.changed;
  for (const tile of get("tiles").querySelectorAll("button")) {
    tile.setAttribute("aria-pressed", String(tile.dataset.verdict === view.verdict && !view.consumer));
  }
  get("chip").hidden = !view.finding;
  if (view.finding) {
    show("chip", "Only: ", tag(view.finding.verdict), " ", visible(view.finding.name), " ",
      el("button", { type: "button", class: "link", click: () => { choose({ finding: null }); get("query").focus(); } }, "show all"));
  }
  const address = new URLSearchParams(FILTERS.filter((id) => view[id]).map((id) => [id, view[id]]));
  if (view.changed) address.set("changed", "1");
  try {
    history.replaceState(null, "", `#${address}`);
  } catch { /* A page in a sandbox may have no say over its address. */ }
  drawHosts();
}

function choose(change) {
  if (change.toggle) {
    const off = view.verdict === change.verdict && !view.consumer;
    Object.assign(view, { verdict: off ? "" : change.verdict, consumer: "", page: 0 });
    apply();
    return;
  }
  Object.assign(view, { query: "", verdict: "", consumer: "", group: "", changed: false, finding: null, page: 0 }, change);
  apply();
  if (change.finding !== null) {
    get("hosts").scrollIntoView({ block: "start" });
    get("hosts").focus({ preventScroll: true });
  }
}

function fromAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  for (const id of FILTERS) view[id] = address.get(id) ?? "";
  if (view.verdict && !VERDICTS.includes(view.verdict)) view.verdict = "";
  if (view.consumer && !columns.includes(view.consumer)) view.consumer = "";
  if (view.group && !groups.includes(view.group)) view.group = "";
  view.changed = Boolean(report.drift) && address.has("changed");
}

function theme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const ways = ["auto", "light", "dark"];
  let way = "auto";
  try {
    way = ways.find((name) => name === localStorage.getItem("proxy-audit-theme")) ?? way;
  } catch { /* No memory in a sandbox. */ }
  const set = () => {
    document.documentElement.dataset.theme = way === "auto" ? (system.matches ? "dark" : "light") : way;
    show("theme", `Theme: ${way}`);
  };
  system.addEventListener("change", set);
  get("theme").addEventListener("click", () => {
    way = ways[(ways.indexOf(way) + 1) % ways.length];
    try {
      localStorage.setItem("proxy-audit-theme", way);
    } catch { /* No memory in a sandbox. */ }
    set();
  });
  set();
  // Paper is white.
  addEventListener("beforeprint", () => { document.documentElement.dataset.theme = "light"; drawHosts({ everything: true }); });
  addEventListener("afterprint", () => { set(); drawHosts(); });
}

theme();
summarise(choose);
option("verdict", "Any", VERDICTS.map((verdict) => [verdict, WORDS[verdict][0]]));
option("consumer", "Any", columns.map((kind) => [kind, kind]));
option("group", "Any", groups.map((group) => [group, group]));
get("changed-label").hidden = !report.drift;
fromAddress();
apply();

get("filters").addEventListener("input", () => {
  for (const id of FILTERS) view[id] = get(id).value;
  Object.assign(view, { changed: get("changed").checked, page: 0 });
  apply();
});
get("filters").addEventListener("submit", (event) => event.preventDefault());
get("filters").addEventListener("reset", (event) => { event.preventDefault(); choose({ finding: null }); });
get("copy-hosts").addEventListener("click", () => copy(`${selected.map((host) => host.name).join("\n")}\n`, get("copy-hosts")));
for (const [id, step] of [["previous", -1], ["next", 1]]) {
  get(id).addEventListener("click", () => { view.page += step; drawHosts(); get("hosts").scrollIntoView({ block: "start" }); });
}
get("print").addEventListener("click", () => print());
get("matrix").addEventListener("keydown", hostKeys);
addEventListener("hashchange", () => { fromAddress(); apply(); });
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.matches?.("input, select, textarea")) return;
  event.preventDefault();
  get("query").focus();
});
