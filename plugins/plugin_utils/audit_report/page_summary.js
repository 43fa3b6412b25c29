// What stands above the hosts: totals, findings, consumers, and what has changed. `choose` narrows the hosts down.
const SHOWN_FINDINGS = 6;
const SHOWN_CHANGES = 6;

function summarise(choose) {
  const counts = report.totals.verdicts;
  const all = report.totals.hosts;
  const bad = PROBLEMS.reduce((sum, verdict) => sum + counts[verdict], 0);
  const when = new Date(report.made);
  show("made", el("time", { datetime: report.made }, Number.isNaN(when.getTime()) ? visible(report.made)
    : when.toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" })));
  show("headline", bad ? `${number(bad)} of ${some(all, "host")} ${bad === 1 ? "needs" : "need"} attention`
    : all === 1 ? "The host is as wanted" : `All ${some(all, "host")} are as wanted`);
  show("outcome", outcome());
  for (const verdict of VERDICTS.filter((name) => counts[name])) {
    const part = el("span", { class: `v-${verdict}` });
    part.style.flexGrow = counts[verdict];
    get("bar").append(part);
    const button = el("button", { type: "button", "aria-pressed": "false", "data-verdict": verdict,
      click: () => choose({ verdict, toggle: true }) },
    el("span", { class: "number" }, number(counts[verdict])), " ", tag(verdict));
    get("tiles").append(el("li", {}, button));
  }
  showFindings(choose, SHOWN_FINDINGS);
  showConsumers(choose);
  if (report.drift) showDrift(choose, SHOWN_CHANGES);
  for (const verdict of VERDICTS) {
    get("verdicts").append(el("div", {}, el("dt", {}, tag(verdict)), el("dd", {}, WORDS[verdict][1])));
  }
  for (const id of ["tools", "halves", "hosts", "legend"]) get(id).hidden = false;
  get("drift").hidden = !report.drift;
}

function outcome() {
  const failing = Object.entries(report.failing);
  if (!report.fail_on.length) return ["No verdict fails this run; ", el("code", {}, "audit_fail_on"), " names those that shall."];
  if (!failing.length) return [el("strong", {}, "This run passes"), `: nothing is ${list(report.fail_on)}.`];
  const told = failing.map(([verdict, count]) => `${WORDS[verdict][0].toLowerCase()} on ${some(count, "host")}`);
  return [el("strong", {}, "This run fails"), `: ${told.join(", ")}.`];
}
const list = (verdicts) => verdicts.map((verdict) => WORDS[verdict][0].toLowerCase()).join(", ").replace(/, ([^,]*)$/, " or $1");

// A command for all hosts of a finding: the same one, or the one that differs in the name alone.
function sharedMend(finding) {
  const [first] = finding.mends;
  if (finding.mends.every((text) => text === first)) return first;
  const names = [...finding.hosts].map((host) => host.name);
  const general = (place) => finding.mends[place].replace(`--limit ${names[place]}`, "--limit @hosts.txt");
  const shared = general(0);
  const alike = shared.includes("@hosts.txt") && names.every((_name, place) => general(place) === shared);
  return alike ? shared : "";
}

function showFindings(choose, limit) {
  const items = findings.slice(0, limit).map((finding) => {
    const names = [...finding.hosts].map((host) => host.name);
    const command = sharedMend(finding);
    const copyNames = el("button", { type: "button", class: "link",
      click: () => copy(`${names.join("\n")}\n`, copyNames) }, "Copy names");
    return el("li", {},
      el("div", { class: "top" },
        el("span", {}, tag(finding.verdict), " ", el("code", {}, visible(finding.name))),
        el("span", {}, command.includes("@hosts.txt") ? el("span", { class: "copying" }, copyNames, " into hosts.txt · ") : null,
          el("button", { type: "button", class: "link", click: () => choose({ finding }) },
            names.length === 1 ? visible(names[0]) : some(names.length, "host")))),
      finding.why && el("p", { class: "why" }, visible(names.length === 1 ? finding.why : finding.shared)),
      mend(command, finding.isOurs));
  });
  if (!items.length) items.push(el("li", {}, "Nothing. Every host was reached, and nothing is other than wanted."));
  if (findings.length > limit) {
    items.push(el("li", {}, more(findings.length - limit, "finding", () => showFindings(choose, Infinity), "findings")));
  }
  show("findings", items);
}

const more = (count, what, click, id) => el("button", { type: "button", class: "link", click: () => {
  click();
  // Where the button was, the keyboard would otherwise start at the page's top again.
  get(id).tabIndex = -1;
  get(id).focus();
} }, some(count, `more ${what}`));

function showConsumers(choose) {
  const rows = columns.map((kind) => [kind, hostsByKind(kind)]);
  const used = VERDICTS.filter((verdict) => rows.some(([, counts]) => counts[verdict]) && verdict !== "absent");
  const cell = (kind, verdict, count) => el("td", {}, count ? el("button", { type: "button", class: "link",
    "aria-label": `${some(count, "host")} with ${kind} ${WORDS[verdict][0].toLowerCase()}`,
    click: () => choose({ consumer: kind, verdict }) }, number(count)) : el("span", { class: "none" }, "0"));
  show("consumers", el("table", { class: "counts" },
    el("caption", { class: "hush" }, "Hosts by consumer and verdict"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col", class: "left" }, "Consumer"),
      used.map((verdict) => el("th", { scope: "col" }, tag(verdict))))),
    el("tbody", {}, rows.map(([kind, counts]) => el("tr", {}, el("th", { scope: "row" }, visible(kind)),
      used.map((verdict) => cell(kind, verdict, counts[verdict])))))));
}

function showDrift(choose, limit) {
  const { since, counts, entries } = report.drift;
  const told = Object.entries(counts).filter(([, count]) => count).map(([change, count]) => `${number(count)} ${CHANGES[change].toLowerCase()}`);
  const when = new Date(since);
  show("drift-summary", `${told.join(", ") || "Nothing has changed"} since ${Number.isNaN(when.getTime()) ? visible(since)
    : when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" })}.`);
  if (!entries.length) {
    get("drift-list").remove();
    return;
  }
  const side = (verdict) => verdict ? tag(verdict) : el("span", { class: "none" }, "not in the report");
  show("drift-list", entries.slice(0, limit).map((entry) => el("li", {},
    el("div", { class: "top" },
      el("span", {}, el("span", { class: "badge" }, CHANGES[entry.change]), " ", hostNamed.has(entry.host)
        ? el("button", { type: "button", class: "link", click: () => choose({ query: entry.host }) }, visible(entry.host))
        : el("b", {}, visible(entry.host))),
      el("code", {}, visible(entry.name) || "whole host")),
    el("div", { class: "sides" }, entry.what ? [side(entry.after), el("span", { class: "small" }, visible(entry.what))]
      : [side(entry.before), el("span", { class: "to" }, el("span", { class: "hush" }, "became"), el("span", { "aria-hidden": "true" }, "→")), side(entry.after)]))),
  entries.length > limit ? el("li", {}, more(entries.length - limit, "change", () => showDrift(choose, Infinity), "drift-list")) : "");
}
