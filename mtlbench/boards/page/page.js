"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const KINDS = ["adapter", "decoder", "balancer", "learner", "label_protocol"];
  const start = { sort: "rank", down: false, filter: "", axis: data.axis, parts: {}, pair: [] };
  let state;

  const byId = (id) => document.getElementById(id);

  /** Make an element; what strangers wrote only ever becomes text. */
  function make(tag, text, attributes = {}, parent = null) {
    const element = parent && parent.namespaceURI.endsWith("svg")
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag);
    if (text !== null && text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (parent) parent.append(element);
    return element;
  }

  // ---- the state lies in the address, so that a view can be passed on

  function read() {
    const words = new URLSearchParams(location.hash.slice(1));
    state = { ...start, parts: {}, pair: [] };
    if (words.has("sort")) state.sort = words.get("sort");
    state.down = words.get("down") === "1";
    state.filter = words.get("filter") || "";
    if (words.get("axis") in data.axes) state.axis = words.get("axis");
    for (const kind of KINDS) if (words.get(kind)) state.parts[kind] = words.get(kind);
    state.pair = words.getAll("row").filter((name) => data.methods.some((m) => m.name === name)).slice(0, 2);
  }

  function write() {
    const words = new URLSearchParams();
    if (state.sort !== start.sort) words.set("sort", state.sort);
    if (state.down) words.set("down", "1");
    if (state.filter) words.set("filter", state.filter);
    if (state.axis !== start.axis) words.set("axis", state.axis);
    for (const [kind, name] of Object.entries(state.parts)) words.set(kind, name);
    for (const name of state.pair) words.append("row", name);
    history.replaceState(null, "", words.size ? "#" + words : location.pathname + location.search);
  }

  function change(update) {
    Object.assign(state, update);
    write();
    draw();
  }

  // ---- numbers

  const digits = {};
  for (const task of data.tasks) {
    const values = data.methods.map((m) => m.metrics[task.name]).filter(Boolean).map((v) => Math.abs(v[0]));
    const largest = Math.max(0, ...values);
    digits[task.name] = largest >= 10 ? 2 : largest >= 1 ? 3 : 4;
  }
  const signed = (value, places) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(places);
  const spread = (pair, places, sign = false) => {
    if (!pair) return "–";
    const mean = sign ? signed(pair[0], places) : pair[0].toFixed(places);
    return pair[1] === null ? mean : `${mean} ± ${pair[1].toFixed(places)}`;
  };
  const cost = (method) => method.costs[state.axis];
  const short = (value) => value === null ? "–" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
  const seeds = (m) => m.seeds + (m.verified ? ` (${m.verified} ✓)` : "") + (m.contradicted ? ` (${m.contradicted} ✗)` : "");

  // ---- the table

  const columns = () => [
    { key: "rank", title: "rank", of: (m) => m.rank ?? Infinity, show: (m) => m.rank === null ? "–" : (m.tied ? "=" : "") + m.rank },
    { key: "method", title: "method", text: true, of: (m) => m.name },
    { key: "delta", title: "Δm ↑ (%)", better: 1, of: (m) => m.delta?.[0], show: (m) => spread(m.delta, 2, true) },
    ...data.tasks.map((task) => ({
      key: task.name, title: task.title, better: task.higher ? 1 : -1,
      of: (m) => m.metrics[task.name]?.[0], show: (m) => spread(m.metrics[task.name], digits[task.name]),
    })),
    { key: "cost", title: data.axes[state.axis], of: cost, show: (m) => short(cost(m)) },
    { key: "seeds", title: "seeds", of: (m) => m.seeds, show: seeds },
  ];

  function shown() {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    return data.methods.filter((m) => {
      const text = [m.name, ...Object.values(m.parts)].join(" ").toLowerCase();
      return words.every((word) => text.includes(word))
        && Object.entries(state.parts).every(([kind, name]) => m.parts[kind] === name);
    });
  }

  function sorted(methods) {
    const column = columns().find((c) => c.key === state.sort) || columns()[0];
    const sign = state.down ? -1 : 1;
    const missing = (value) => value === null || value === undefined;
    return [...methods].sort((a, b) => {
      const [x, y] = [column.of(a), column.of(b)];
      if (missing(x) || missing(y)) return missing(x) - missing(y);
      return sign * (column.text ? x.localeCompare(y) : x - y) || (a.rank ?? Infinity) - (b.rank ?? Infinity);
    });
  }

  function drawTable(methods) {
    const table = byId("rows");
    const head = make("tr");
    make("th", "compare", { class: "text", scope: "col" }, head);
    for (const column of columns()) {
      const cell = make("th", null, { scope: "col", class: column.text ? "text" : "" }, head);
      const active = column.key === state.sort;
      if (active) cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      make("button", column.title, { type: "button" }, cell).addEventListener("click", () =>
        change({ sort: column.key, down: active ? !state.down : column.better === 1 }));
    }
    table.tHead.replaceChildren(head);
    const rows = sorted(methods).map((m) => {
      const row = make("tr", null, { class: state.pair.includes(m.name) ? "chosen" : "" });
      const box = make("input", null, { type: "checkbox", "aria-label": `compare ${m.name}` }, make("td", null, { class: "text" }, row));
      box.checked = state.pair.includes(m.name);
      box.addEventListener("change", () => toggle(m.name));
      for (const column of columns()) {
        if (column.text) {
          const cell = make("td", m.name, { class: "text name" }, row);
          make("small", KINDS.slice(0, 3).map((kind) => m.parts[kind]).filter(Boolean).join(" · "), {}, cell);
          if (m.problems.length) make("small", m.problems.join("; "), { class: "mark" }, cell);
        } else {
          make("td", column.show(m), {}, row);
        }
      }
      return row;
    });
    if (Object.keys(data.references).length) rows.unshift(reference());
    table.tBodies[0].replaceChildren(...rows);
    byId("count").textContent = `${methods.length} of ${data.methods.length} methods, seeds ${data.seeds.join(", ")}`;
  }

  function reference() {
    const row = make("tr");
    make("td", "", {}, row);
    make("td", "–", {}, row);
    make("td", "single task", { class: "text name" }, row);
    make("td", "0", {}, row);
    for (const task of data.tasks) make("td", spread(data.references[task.name], digits[task.name]), {}, row);
    make("td", "", {}, row);
    make("td", "", {}, row);
    return row;
  }

  function toggle(name) {
    const pair = state.pair.includes(name) ? state.pair.filter((other) => other !== name) : [...state.pair, name].slice(-2);
    change({ pair });
  }

  // ---- two rows

  function drawComparison() {
    const [first, second] = state.pair.map((name) => data.methods.find((m) => m.name === name));
    byId("comparison").hidden = !second;
    if (!second) return;
    const head = make("tr");
    for (const title of ["change (%)", first.name, second.name, "difference", "95 %"]) {
      make("th", title, { scope: "col", class: title === "change (%)" ? "text" : "" }, head);
    }
    byId("pair").tHead.replaceChildren(head);
    const rows = [...data.tasks.map((task) => [task.name, first.changes[task.name], second.changes[task.name]]), ["Δm", first.delta, second.delta]];
    byId("pair").tBodies[0].replaceChildren(...rows.map(([title, a, b]) => {
      const row = make("tr");
      make("td", title, { class: "text" }, row);
      make("td", spread(a, 2, true), {}, row);
      make("td", spread(b, 2, true), {}, row);
      const [difference, width] = [a && b ? b[0] - a[0] : null, halfWidth(title, first, second)];
      const sure = width !== null && difference !== null && Math.abs(difference) > width;
      make("td", difference === null ? "–" : signed(difference, 2), { class: sure ? (difference > 0 ? "plus" : "minus") : "" }, row);
      make("td", width === null ? "–" : `± ${width.toFixed(2)}`, {}, row);
      return row;
    }));
    const width = halfWidth("Δm", first, second);
    const difference = first.delta && second.delta ? second.delta[0] - first.delta[0] : null;
    let verdict = "A method without a rank has no Δm to compare.";
    if (difference !== null && width === null) verdict = `${second.name} minus ${first.name}: ${signed(difference, 2)} Δm. For its interval: mtlbench compare ${first.name} ${second.name}`;
    else if (difference !== null && Math.abs(difference) <= width) verdict = `No evidence of a difference: ${second.name} minus ${first.name} is ${signed(difference, 2)} ± ${width.toFixed(2)} Δm (95 %).`;
    else if (difference !== null) {
      const [better, other] = difference > 0 ? [second, first] : [first, second];
      verdict = `${better.name} is better than ${other.name} by ${Math.abs(difference).toFixed(2)} ± ${width.toFixed(2)} Δm (95 %).`;
    }
    byId("verdict").textContent = verdict;
  }

  function halfWidth(title, first, second) {
    const places = [first, second].map((m) => data.methods.indexOf(m)).sort((a, b) => a - b);
    return data.gaps[title]?.[places[1]]?.[places[0]] ?? null;
  }

  // ---- the plot

  function drawPlot(methods) {
    const svg = byId("scatter");
    svg.replaceChildren();
    const points = methods.filter((m) => m.delta && cost(m) !== null && cost(m) > 0);
    byId("plot").hidden = !points.length;
    if (!points.length) return;
    const box = { left: 60, right: 880, top: 15, bottom: 375 };
    const lows = points.map((m) => m.delta[0] - (m.delta[1] || 0)), highs = points.map((m) => m.delta[0] + (m.delta[1] || 0));
    const y = scale(Math.min(...lows), Math.max(...highs), box.bottom, box.top);
    const x = scale(Math.log10(Math.min(...points.map(cost))), Math.log10(Math.max(...points.map(cost))), box.left, box.right);
    for (const tick of ticks(y.low, y.high)) {
      make("line", null, { class: "grid", x1: box.left, x2: box.right, y1: y(tick), y2: y(tick) }, svg);
      make("text", tick > 0 ? `+${tick}` : `${tick}`.replace("-", "−"), { x: box.left - 8, y: y(tick) + 4, "text-anchor": "end" }, svg);
    }
    for (const tick of decades(10 ** x.low, 10 ** x.high)) {
      make("line", null, { class: "grid", x1: x(Math.log10(tick)), x2: x(Math.log10(tick)), y1: box.top, y2: box.bottom }, svg);
      make("text", `${tick}`, { x: x(Math.log10(tick)), y: box.bottom + 18, "text-anchor": "middle" }, svg);
    }
    make("text", data.axes[state.axis], { x: (box.left + box.right) / 2, y: box.bottom + 42, "text-anchor": "middle" }, svg);
    make("text", "Δm (%)", { x: 14, y: box.top + 10, transform: `rotate(-90 14 ${box.top + 40})` }, svg);
    const best = front(points);
    const path = best.map((m, i) => (i ? `H${x(Math.log10(cost(m)))}V${y(m.delta[0])}` : `M${x(Math.log10(cost(m)))} ${y(m.delta[0])}`)).join("");
    make("path", null, { class: "front", d: `${path}H${box.right}` }, svg);
    const taken = [];
    for (const m of points) {
      const [cx, cy] = [x(Math.log10(cost(m))), y(m.delta[0])];
      if (m.delta[1]) make("line", null, { class: "whisker", x1: cx, x2: cx, y1: y(m.delta[0] - m.delta[1]), y2: y(m.delta[0] + m.delta[1]) }, svg);
      const kind = state.pair.includes(m.name) ? " chosen" : best.includes(m) ? " best" : "";
      const point = make("circle", null, { class: "point" + kind, cx, cy, r: 5.5 }, svg);
      make("title", `${m.name}: ${spread(m.delta, 2, true)} Δm, ${short(cost(m))} ${data.axes[state.axis]}`, {}, point);
      point.addEventListener("click", () => toggle(m.name));
    }
    for (const m of [...best, ...points.filter((p) => state.pair.includes(p.name) || points.length <= 25)]) {
      const [cx, cy] = [x(Math.log10(cost(m))), y(m.delta[0])];
      if (taken.some(([a, b]) => Math.abs(a - cx) < 80 && Math.abs(b - cy) < 13)) continue;
      taken.push([cx, cy]);
      const end = cx > box.right - 110;
      make("text", m.name, { class: "label", x: cx + (end ? -9 : 9), y: cy - 6, "text-anchor": end ? "end" : "start" }, svg);
    }
  }

  function scale(low, high, from, to) {
    const margin = (high - low || 1) * 0.06;
    const map = (value) => from + (to - from) * (value - map.low) / (map.high - map.low);
    [map.low, map.high] = [low - margin, high + margin];
    return map;
  }

  function ticks(low, high) {
    const rough = (high - low) / 6, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough);
    const found = [];
    for (let k = Math.ceil(low / step), n = 0; k * step <= high && n < 20; k++, n++) found.push(Number((k * step).toPrecision(6)));
    return found;
  }

  function decades(low, high) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
      for (const k of [1, 2, 5]) {
        const tick = Number((k * 10 ** power).toPrecision(1));
        if (tick >= low && tick <= high) found.push(tick);
      }
    }
    return found;
  }

  function front(points) {
    const chosen = [];
    for (const m of [...points].sort((a, b) => cost(a) - cost(b) || b.delta[0] - a.delta[0])) {
      if (!chosen.length || m.delta[0] > chosen[chosen.length - 1].delta[0]) chosen.push(m);
    }
    return chosen;
  }

  // ---- what papers printed

  function drawPapers() {
    if (!data.papers) return;
    byId("papers").hidden = false;
    for (const group of data.papers.tables) {
      make("h3", group.title, {}, byId("tables"));
      if (group.note) make("p", group.note, { class: "quiet" }, byId("tables"));
      const table = make("table", null, {}, make("div", null, { class: "wide" }, byId("tables")));
      const head = make("tr", null, {}, table.createTHead());
      const backbones = group.rows.some((row) => row.backbone), deltas = group.rows.some((row) => row.again !== null || row.delta !== null);
      const titles = ["method", ...(backbones ? ["backbone"] : []), ...group.metrics, ...(deltas ? ["Δm printed", "Δm again"] : []), "parameters (M)", "source", "note"];
      for (const title of titles) make("th", title, { scope: "col", class: ["method", "backbone", "source", "note"].includes(title) ? "text" : "" }, head);
      const body = table.createTBody();
      for (const row of group.rows) {
        const line = make("tr", null, {}, body);
        make("td", row.method, { class: "text" }, line);
        if (backbones) make("td", row.backbone || "–", { class: "text" }, line);
        for (const value of row.values) make("td", value ?? "–", {}, line);
        if (deltas) {
          make("td", row.delta === null ? "–" : signed(row.delta, 2) + (row.disagrees ? " †" : ""), { class: row.disagrees ? "mark" : "" }, line);
          make("td", row.again === null ? "–" : signed(row.again, 2), {}, line);
        }
        make("td", row.parameters ?? "–", {}, line);
        const source = data.papers.sources[row.source];
        make("a", source.title, { href: source.url, rel: "noreferrer", title: source.where }, make("td", null, { class: "text" }, line));
        make("td", [row.note, row.counts ? `parameters are ${row.counts}` : null].filter(Boolean).join("; "), { class: "text long" }, line);
      }
    }
  }

  // ---- all together

  function prepare() {
    document.title = data.title;
    byId("title").textContent = data.title;
    byId("description").textContent = data.description;
    for (const [key, title] of Object.entries(data.axes)) make("option", title, { value: key }, byId("axis"));
    for (const kind of KINDS) {
      const names = [...new Set(data.methods.map((m) => m.parts[kind]).filter(Boolean))].sort();
      if (names.length < 2) continue;
      const label = make("label", kind.replace("_", " ") + " ", {}, byId("parts"));
      const select = make("select", null, { "data-kind": kind }, label);
      make("option", "all", { value: "" }, select);
      for (const name of names) make("option", name, { value: name }, select);
      select.addEventListener("change", () => {
        const parts = { ...state.parts };
        if (select.value) parts[kind] = select.value; else delete parts[kind];
        change({ parts });
      });
    }
    byId("filter").addEventListener("input", (event) => change({ filter: event.target.value }));
    byId("axis").addEventListener("change", (event) => change({ axis: event.target.value }));
    byId("controls").addEventListener("submit", (event) => event.preventDefault());
    byId("controls").addEventListener("reset", (event) => { event.preventDefault(); change({ ...start, parts: {}, pair: [] }); });
    addEventListener("hashchange", () => { read(); draw(); });
    byId("ranking").hidden = !data.methods.length;
    drawPapers();
  }

  function draw() {
    if (byId("filter").value !== state.filter) byId("filter").value = state.filter;
    byId("axis").value = state.axis;
    for (const select of document.querySelectorAll("select[data-kind]")) select.value = state.parts[select.dataset.kind] || "";
    const methods = shown();
    drawTable(methods);
    drawComparison();
    drawPlot(methods);
  }

  prepare();
  read();
  draw();
})();
