// The verifier's page: shows what the verifier answers, in two languages. It decides nothing itself.
const words = {
  zh: { heading: "电子证照核验", ask: "出示的证照", paste: "粘贴二维码文字或证照文件内容", check: "核验", clear: "清空",
    choose: "选择文件或二维码图片", drop: "也可以把文件或图片拖到这里。照片只用于识读，不会保存。", checks: "八项检查",
    fields: "证照内容", path: "从这份证照到区块链", forge: "自己动手伪造", tamper: "用改动后的内容核验", restore: "恢复原样",
    pathhint: "每一步把两个哈希合成一个；最上面的根就是部门写在链上的那一个。",
    forgehint: "改动任意一项，看哪一项检查会发现。原证照不会受影响。", legal: "演示系统：只有一个运营者，没有法律效力。",
    empty: "请先粘贴文字，或选择文件。", away: "核验服务没有应答，请稍后再试。", issuer: "签发部门", leaf: "这份证照", root: "批次的根",
    block: "区块", anchor: "批次", asof: (b, t, a) => `依据区块 ${b}（${t}，${a} 秒前）`, position: "位置", of: "共", yes: "是", no: "否",
    online: (b, n) => `已读到区块 ${b}，${n} 份证照可核验 · 单一运营者`, doubt: "区块链：", title: "电子证照核验" },
  en: { heading: "Licence check", ask: "The licence shown", paste: "Paste the code's text or a licence file", check: "Check", clear: "Clear",
    choose: "Choose a file or a picture of a code", drop: "Or drop a file or a picture here. Pictures are read and not kept.", checks: "Eight checks",
    fields: "What the licence says", path: "From this licence to the chain", forge: "Forge it yourself", tamper: "Check what I changed", restore: "Undo changes",
    pathhint: "Each step joins two hashes into one; the root at the top is the one that the department put on the chain.",
    forgehint: "Change any field and see which check finds out. The licence itself is not touched.", legal: "A demonstration: one operator, no legal force.",
    empty: "Paste a text or choose a file first.", away: "The verifier does not answer. Try again in a moment.", issuer: "Issued by", leaf: "this licence", root: "root of the batch",
    block: "block", anchor: "batch", asof: (b, t, a) => `As of block ${b} (${t}, ${a} s ago)`, position: "position", of: "of", yes: "yes", no: "no",
    online: (b, n) => `Chain read to block ${b}, ${n} licences can be checked · single operator`, doubt: "Chain: ", title: "Licence check" },
};
const $ = (id) => document.getElementById(id);
let language = localStorage.getItem("language") || (navigator.language.startsWith("zh") ? "zh" : "en");
let shown = null, original = "", network = null;
const say = (name) => words[language][name];
const both = (text) => (text ? text[language] : "");
const time = (seconds) => new Date(seconds * 1000).toLocaleString(language === "zh" ? "zh-CN" : "en-GB");

async function ask(path, body, type) {
  const answer = await fetch(path, { method: "POST", body, headers: { "content-type": type } });
  const found = await answer.json();
  if (found.verdict || answer.ok) return found;
  throw new Error(language === "zh" ? found.title_zh || found.title : found.title);
}

function problem(text) { $("problem").textContent = text; $("problem").hidden = !text; }

async function run(work) {
  problem("");
  try { await work(); } catch (error) { problem(error instanceof TypeError ? say("away") : error.message); }
}

async function check(text, forged = false) {
  if (!text.trim()) { problem(say("empty")); return; }
  shown = await ask("/api/v1/verify", JSON.stringify({ presentation: text }), "application/json");
  if (!forged) { original = text; build(shown); }
  draw();
  $("title").focus({ preventScroll: true });
  $("answer").scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

async function take(file) {
  if (!file) return;
  let text;
  if (file.type.startsWith("image/")) text = (await ask("/api/v1/decode", file, file.type)).presentation;
  else text = await file.text();
  $("text").value = text;
  await check(text);
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function value(field, raw) {
  if (raw === true) return say("yes");
  if (raw === false) return say("no");
  return Array.isArray(raw) ? raw.join("、") : typeof raw === "object" ? JSON.stringify(raw) : String(raw);
}

function draw() {
  if (!shown) return;
  $("answer").hidden = false;
  $("verdict").className = `verdict ${shown.verdict}`;
  $("verdict").dataset.reason = shown.reason || "";
  $("title").textContent = both(shown.title);
  $("meaning").textContent = both(shown.text);
  $("advice").textContent = both(shown.advice);
  const at = shown.as_of;
  $("asof").textContent = at ? say("asof")(at.block, time(at.time), at.age_seconds) : "";
  $("checks").replaceChildren(...shown.checks.map(line));
  const readable = shown.fields.length > 0;
  $("content").hidden = !readable;
  if (readable) content();
}

function line(found) {
  const item = element("li", undefined, found.outcome);
  item.dataset.check = found.number;
  const sign = { pass: "✓", fail: "✕", unknown: "?", not_applicable: "–" }[found.outcome];
  item.append(element("span", found.number), element("span", sign, "sign"), element("span", both(found.name)), element("span", both(found.said), "said"));
  item.children[1].setAttribute("aria-hidden", "true");
  if (found.detail) item.append(element("span", both(found.detail), "why"));
  return item;
}

function content() {
  $("kind").textContent = both(shown.type.title);
  $("issuer").textContent = shown.issuer ? `${say("issuer")}：${both(shown.issuer.name)} · ${shown.issuer.code}` : "";
  $("fields").replaceChildren(...shown.fields.map((field) => {
    const row = element("tr"), head = element("th", both(field.label));
    head.scope = "row";
    row.append(head, element("td", value(field, field.value)));
    return row;
  }));
  $("path").replaceChildren(shown.anchor ? picture(shown.anchor) : element("p", "—"));
}

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, attribute] of Object.entries(attributes)) made.setAttribute(key, attribute);
  if (text !== undefined) made.textContent = text;
  return made;
}

function picture(anchor) {
  // From the bottom up: the leaf, what is joined beside it at each step, the root, the block.
  const short = (hex) => `${hex.slice(0, 10)}…${hex.slice(-6)}`, step = 62, rows = anchor.path.length + 2;
  const height = rows * step + 20, y = (place) => height - 50 - place * step;
  const made = svg("svg", { viewBox: `0 0 560 ${height}`, width: 560, role: "img" });
  made.append(svg("title", {}, `${say("leaf")} → ${say("root")} → ${say("block")} ${anchor.block}`));
  const box = (x, place, text, kind, note) => {
    made.append(svg("rect", { x, y: y(place), width: 200, height: 32, rx: 8, class: kind }));
    made.append(svg("text", { x: x + 12, y: y(place) + 21 }, text));
    if (note) made.append(svg("text", { x: x + 208, y: y(place) + 21, class: "note" }, note));
  };
  const join = (x, from) => made.append(svg("line", { x1: x, y1: y(from), x2: 120, y2: y(from + 1) + 32 }));
  anchor.path.forEach((one, place) => { join(120, place); join(420, place); });
  join(120, anchor.path.length);
  box(20, 0, short(anchor.leaf), "ours", anchor.path.length ? "" : `${say("leaf")} = ${say("root")}`);
  anchor.path.forEach((one, place) => { box(320, place, short(one.beside), ""); });
  anchor.path.forEach((one, place) => {
    box(20, place + 1, short(one.makes), "ours", place + 1 === anchor.path.length ? say("root") : "");
  });
  box(20, anchor.path.length + 1, `${say("block")} ${anchor.block}`, "block", `${say("anchor")} ${anchor.number} · ${time(anchor.time)}`);
  return made;
}

function build(found) {
  // Fields to forge: only what was genuinely read once.
  $("forge").hidden = found.fields.length === 0;
  $("forgery").replaceChildren(...found.fields.map((field) => {
    const label = element("label", both(field.label)), input = element("input");
    input.type = "text"; input.name = field.name; input.value = value(field, field.value);
    input.dataset.was = input.value; input.dataset.kind = field.kind;
    input.addEventListener("input", () => input.classList.toggle("changed", input.value !== input.dataset.was));
    label.append(input);
    return label;
  }));
}

function changed() {
  const values = {};
  for (const input of $("forgery").elements) {
    if (input.value === input.dataset.was) continue;
    const kind = input.dataset.kind, text = input.value;
    values[input.name] = kind === "integer" && /^\d+$/.test(text) ? Number(text) : kind === "list" ? text.split("、")
      : kind === "boolean" ? text === say("yes") : text;
  }
  return values;
}

async function tamper() {
  const body = JSON.stringify({ presentation: original, values: changed() });
  await check((await ask("/api/v1/forge", body, "application/json")).presentation, true);
}

function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  for (const place of document.querySelectorAll("[data-say]")) place.textContent = say(place.dataset.say);
  for (const place of document.querySelectorAll("[data-label]")) place.setAttribute("aria-label", say(place.dataset.label));
  $("language").textContent = language === "zh" ? "English" : "中文";
  $("language").lang = language === "zh" ? "en" : "zh-CN";
  state();
  draw();
}

function state() {
  if (!network) { $("network").textContent = ""; return; }
  $("network").textContent = network.doubt || !network.head ? say("doubt") + (network.doubt || "") : say("online")(network.head.block, network.licences);
}

async function look() {
  try { network = await (await fetch("/api/v1/network")).json(); state(); } catch { $("network").textContent = say("away"); }
}

$("check").addEventListener("click", () => run(() => check($("text").value)));
$("clear").addEventListener("click", () => { $("text").value = ""; shown = null; $("answer").hidden = true; problem(""); $("text").focus(); });
$("file").addEventListener("change", (event) => run(async () => { await take(event.target.files[0]); event.target.value = ""; }));
$("tamper").addEventListener("click", () => run(tamper));
$("restore").addEventListener("click", () => run(() => check(original)));
$("forgery").addEventListener("submit", (event) => { event.preventDefault(); run(tamper); });
$("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; localStorage.setItem("language", language); translate(); if (shown && original) build(shown.fields.length ? shown : { fields: [] }); });
const zone = document.querySelector("section.ask");
for (const name of ["dragover", "dragleave", "drop"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.toggle("over", name === "dragover"); });
zone.addEventListener("drop", (event) => run(() => take(event.dataTransfer.files[0])));
translate();
look();
setInterval(look, 5000);
