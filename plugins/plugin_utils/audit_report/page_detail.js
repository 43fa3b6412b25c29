// What is known of one host: each consumer's verdict, why, what mends it, and its values side by side.
const SIDES = ["wanted", "configured", "running"];
const where = (entry) => entry.path ? `${visible(entry.path)}${entry.line ? `:${entry.line}` : ""}` : "";

function detail(host) {
  const there = [], away = [];
  for (const number of host.consumers) (kinds.get(number)[1] === "absent" ? away : there).push(number);
  there.sort((one, other) => rank[kinds.get(one)[1]] - rank[kinds.get(other)[1]]);
  return el("div", { class: "inside" },
    host.why && el("p", {}, visible(host.why)),
    host.groups.length > 0 && el("p", { class: "about" }, "Groups: ", visible(host.groups.join(", "))),
    there.map((number) => consumerCase(host, number)),
    away.length > 0 && el("p", { class: "about" }, "Not on this host: ",
      visible([...new Set(away.map((number) => kinds.get(number)[0]))].join(", ")), "."),
    host.notices.map((notice) => el("p", { class: "about" },
      visible([notice.reader, notice.entry, notice.why].filter(Boolean).join(": ")))));
}

function consumerCase(host, number) {
  const entry = Object.fromEntries(report.fields.map((name) => [name, field(number, name)]));
  const changes = host.changes.filter((change) => change.consumer === entry.consumer && change.name === entry.name);
  return el("details", { class: "case", open: isProblem(entry.verdict) },
    el("summary", {}, el("h3", {}, tag(entry.verdict), " ", el("span", { class: "mono" }, visible(entry.name))),
      " ", el("span", { class: "small" }, visible(entry.consumer), entry.active === false ? ", not running" : "")),
    entry.why && el("p", {}, visible(entry.why)),
    changes.map((change) => el("p", { class: "small" }, `${CHANGES[change.change]} since the last report`,
      change.what ? `: ${visible(change.what)}` : change.before ? `: it was ${WORDS[change.before][0].toLowerCase()}` : "", ".")),
    mend(entry.mend, entry.mend_is_ours),
    entry.settings.length > 0 && el("div", { class: "scroll", tabindex: "0", role: "region",
      "aria-label": `Settings of ${visible(entry.name)}` }, values(entry)),
    entry.shadowed_by.map((shadow) => el("p", {}, "Shadowed by ", el("code", {}, where(shadow) || "systemd"), ", which sets ",
      el("code", {}, visible(shadow.variable)), ".")),
    entry.leftovers.map((left) => el("p", {}, "Left by ", visible(left.tool), ": ", el("code", {}, where(left)),
      left.variables.length ? ` (${visible(left.variables.join(", "))})` : "", left.read ? ", which is read. " : ", which nobody reads. ",
      visible(left.why))),
    entry.seen_in.length > 0 && el("p", { class: "small" }, "What runs was seen in ", visible(entry.seen_in.join(", ")), "."));
}

function values(entry) {
  const rows = entry.settings.map((setting) => el("tr", {}, el("th", { scope: "row" }, visible(setting.setting)),
    cells(setting, entry.active),
    el("td", {}, el("code", {}, where(setting)), setting.variable ? el("div", { class: "small" }, visible(setting.variable)) : null)));
  return el("table", { class: "values" }, el("caption", { class: "hush" }, "Wanted, configured and running"),
    el("thead", {}, el("tr", {}, ["Setting", "Wanted", "Configured", "Running", "Configured in"].map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, rows));
}

// The module tells whether all sides mean the same; which is the odd one is seen by their text. Where only masked
// credentials differ, the difference stands with what runs, or is to.
function cells(setting, active) {
  const runs = active === true || setting.running !== null;
  const sides = runs ? SIDES : SIDES.slice(0, 2);
  let odd = setting.same === false ? sides.slice(1).filter((side) => setting[side] !== setting.wanted
    || (setting.digests[side] ?? setting.digests.wanted) !== setting.digests.wanted) : [];
  if (setting.same === false && !odd.length) odd = sides.slice(-1);
  return SIDES.map((side) => {
    if (!sides.includes(side)) return el("td", { class: "nothing" }, active === null ? "a file" : "not running");
    const value = setting[side];
    return el("td", { class: odd.includes(side) ? "other" : null },
      value === null ? el("span", { class: "nothing" }, "none") : el("span", { class: "mono" }, visible(value)),
      side === odd[0] && setting.difference ? el("div", { class: "small" }, visible(setting.difference)) : null);
  });
}
