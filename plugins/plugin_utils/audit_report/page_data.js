// The report's data, and what is asked of it: which hosts, in which order. Nothing here touches the page.
const report = JSON.parse(document.getElementById("data").textContent);
const { pool, verdicts: VERDICTS, problems: PROBLEMS } = report;
const FIELD = Object.fromEntries(report.fields.map((name, place) => [name, place]));
const rank = Object.fromEntries(VERDICTS.map((name, place) => [name, place]));
const isProblem = (verdict) => PROBLEMS.includes(verdict);

const WORDS = {
  failed: ["Failed", "The audit of this host did not succeed, or its answer has another form."],
  unreachable: ["Unreachable", "The host could not be reached, so nothing is known of it."],
  drifted: ["Drifted", "The files do not say what is wanted."],
  shadowed: ["Shadowed", "Our files are right, and another file wins over them."],
  restart_needed: ["Restart needed", "The files are right; the process or container still runs with something else."],
  legacy: ["Legacy", "Another tool's leftovers set the proxy, or lie beside ours without effect."],
  in_sync: ["In sync", "What runs and what the files say is what is wanted."],
  unmanaged: ["Unmanaged", "It is there, and no proxy is wanted for it, or it needs none and has none."],
  absent: ["Absent", "It is not on the host."],
};
const CHANGES = { worse: "Worse", new: "New", changed: "Changed", gone: "Gone", better: "Better" };

const field = (consumer, name) => pool[pool[consumer][FIELD[name]]];
const kinds = new Map(); // of each consumer in the pool, its kind and verdict: asked most
for (const number of report.consumers) kinds.set(number, [field(number, "consumer"), field(number, "verdict")]);

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const byName = (one, other) => collator.compare(one, other) || (one < other ? -1 : one > other ? 1 : 0);

const hosts = report.hosts.map(([name, groups, verdict, why, consumers, notices]) => ({
  name, groups: pool[groups], verdict: VERDICTS[verdict], why: pool[why], consumers, notices: pool[notices],
  lower: name.toLowerCase(), texts: [groups, why, notices], cells: new Map(), changes: [],
}));
for (const host of hosts) {
  for (const number of host.consumers) {
    const [kind, verdict] = kinds.get(number);
    const cell = host.cells.get(kind) || host.cells.set(kind, { worst: "absent", verdicts: [] }).get(kind);
    cell.verdicts.push(verdict);
    if (rank[verdict] < rank[cell.worst]) cell.worst = verdict;
  }
}
hosts.sort((one, other) => byName(one.name, other.name));
hosts.forEach((host, place) => { host.place = place; });
const hostNamed = new Map(hosts.map((host) => [host.name, host]));
if (report.drift) {
  for (const entry of report.drift.entries) hostNamed.get(entry.host)?.changes.push(entry);
}

// Consumers that some host has, in the module's order.
const columns = Object.keys(report.totals.consumers)
  .filter((kind) => hosts.some((host) => (host.cells.get(kind)?.worst ?? "absent") !== "absent"));
const groups = [...new Set(hosts.flatMap((host) => host.groups))].sort(byName);

// How many hosts have a verdict somewhere in a kind of consumer.
function hostsByKind(kind) {
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0]));
  for (const host of hosts) {
    for (const verdict of new Set(host.cells.get(kind)?.verdicts)) counts[verdict] += 1;
  }
  return counts;
}

// What is wrong in the same way for the same reason, on how many hosts; the most hosts first, then the worst.
const findings = [];
{
  const known = new Map();
  for (const host of hosts) {
    for (const number of host.consumers) {
      const [kind, verdict] = kinds.get(number);
      if (isProblem(verdict)) add(kind, field(number, "name"), verdict, field(number, "why"), host, field(number, "mend"), field(number, "mend_is_ours"));
    }
    if (!host.consumers.length && isProblem(host.verdict)) {
      add("", "", host.verdict, host.why, host, "", true);
    }
  }
  function add(kind, name, verdict, why, host, mend, isOurs) {
    // A reason that names its host is the same one on the next.
    const shared = why.replaceAll(host.name, "HOST");
    const key = JSON.stringify([kind, name, verdict, shared]);
    let finding = known.get(key);
    if (!finding) {
      finding = { kind, name, verdict, why, shared, hosts: new Set(), mends: [], isOurs: true };
      known.set(key, finding);
      findings.push(finding);
    }
    if (!finding.hosts.has(host)) finding.mends.push(mend);
    finding.hosts.add(host);
    finding.isOurs &&= isOurs;
  }
  findings.sort((one, other) => other.hosts.size - one.hosts.size || rank[one.verdict] - rank[other.verdict]);
}

// The text of each value in the pool, in lower case, made when it is first asked for.
let texts = null;
function poolTexts() {
  texts ??= pool.map((value, number) => kinds.has(number) ? "" : leaves(value).join("\n").toLowerCase());
  return texts;
}
const leaves = (value) => value && typeof value === "object" ? Object.values(value).flatMap(leaves)
  : typeof value === "string" ? [value] : [];

// Every word has to be somewhere in the host: its name, or what it told.
function wordTest(word) {
  const found = poolTexts().map((text) => text.includes(word));
  for (const number of kinds.keys()) found[number] = pool[number].some((part) => found[part]);
  return (host) => host.lower.includes(word) || host.texts.some((part) => found[part])
    || host.consumers.some((number) => found[number]);
}

// The hosts that a view asks for, in its order.
function select(view) {
  const tests = view.query.toLowerCase().split(/\s+/).filter(Boolean).map(wordTest);
  if (view.finding) tests.push((host) => view.finding.hosts.has(host));
  if (view.changed) tests.push((host) => host.changes.length > 0);
  if (view.group) tests.push((host) => host.groups.includes(view.group));
  if (view.consumer) {
    tests.push((host) => (host.cells.get(view.consumer)?.verdicts ?? [])
      .some((verdict) => view.verdict ? verdict === view.verdict : verdict !== "absent"));
  } else if (view.verdict) tests.push((host) => host.verdict === view.verdict);
  const selected = hosts.filter((host) => tests.every((test) => test(host)));
  const way = view.descending ? -1 : 1;
  if (view.sort === "host") return way === 1 ? selected : selected.reverse();
  const value = view.sort === "verdict" ? (host) => rank[host.verdict]
    : (host) => host.cells.has(view.sort) ? rank[host.cells.get(view.sort).worst] : VERDICTS.length;
  return selected.sort((one, other) => way * (value(one) - value(other)) || one.place - other.place);
}
