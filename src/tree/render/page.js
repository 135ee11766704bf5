"use strict";
(() => {
  const nodes = JSON.parse(document.getElementById("tree").textContent).nodes;
  const place = new Map(nodes.map((node, k) => [node.id, k]));
  const above = nodes.map((node) => (node.parent === null ? -1 : place.get(node.parent)));
  const below = nodes.map(() => []);
  above.forEach((parent, k) => parent >= 0 && below[parent].push(k));
  const roots = above.flatMap((parent, k) => (parent < 0 ? [k] : []));
  const drawing = document.querySelector("#canvas > svg");
  const canvas = document.getElementById("canvas");
  const details = document.getElementById("details");
  const cards = [...drawing.querySelectorAll("[data-node]")];
  const edges = new Map([...drawing.querySelectorAll("[data-edge]")].map((e) => [Number(e.dataset.edge), e]));
  const hint = details.firstElementChild;

  // Titles come from strangers. Text is only ever set as text, and what reorders or hides is spelled out.
  const steers = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff\u{e0000}-\u{e007f}]/gu;
  const spell = (c) => (c === "\n" ? c : `\\u{${c.codePointAt(0).toString(16)}}`);
  const visible = (text) => String(text).replace(steers, spell);
  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = visible(text);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  // Where the author's own words are; none of a root that anyone expands.
  const said = (node) => node.imported ?? node;
  const name = (node) => {
    const { title } = said(node);
    if (title && title.trim()) return title;
    return node.parent === null ? "Root" : node.short;
  };
  const lineage = (k) => {
    const way = [];
    for (let at = k; at >= 0; at = above[at]) way.unshift(at);
    return way;
  };
  const progeny = (k) => {
    const all = new Set();
    const open = [...below[k]];
    while (open.length) {
      const at = open.pop();
      all.add(at);
      open.push(...below[at]);
    }
    return all;
  };

  const facts = (node) => {
    const code = (text) => make("code", text);
    const rows = [["Id", code(node.id)]];
    if (node.seed !== null) {
      rows.push(["Weights", make("span", `expanded from the public seed ${node.seed}`)]);
    } else if (node.imported !== null) {
      rows.push(
        ["Origin", make("span", "unknown: trained elsewhere, nothing is proven of how")],
        ["Imported by", code(node.imported.author)],
        ["Weights", code(node.imported.weights)],
        ["Proof", make("span", `${(node.imported.bytes / 1000).toFixed(1)} kB, of the range of the weights`)],
      );
    } else {
      rows.push(
        ["Author", code(node.author)],
        ["Training", make("span", `${node.steps} steps of ${node.batch} rows, rate ${Number(node.learning_rate.toPrecision(4))}, ${node.optimizer}`)],
        ["Data set", code(node.dataset)],
        ["", make("span", `${node.rows} rows`)],
        ["Weights", code(node.weights)],
        ["Proof", make("span", `${(node.edge_bytes / 1000).toFixed(1)} kB, ${node.hiding ? "zero-knowledge" : "hides nothing"}`)],
      );
    }
    const { loss, licence } = said(node);
    if (loss != null) rows.push(["Loss", make("span", `${Number(loss.toPrecision(5))}, as its author says`)]);
    if (licence) rows.push(["Licence", make("bdi", licence)]);
    rows.push(["Network", make("span", node.layers.join("-"))]);
    const list = make("dl");
    for (const [term, value] of rows) {
      const cell = make("dd");
      cell.append(value);
      list.append(make("dt", term), cell);
    }
    return list;
  };
  const way = (heading, places, current) => {
    const list = make("ol", undefined, { class: "way" });
    for (const k of places) {
      const button = make("button", undefined, { type: "button", title: visible(nodes[k].id) });
      button.append(make("bdi", name(nodes[k])));
      if (k === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => choose(k, true));
      const item = make("li");
      item.append(button);
      list.append(item);
    }
    return [make("h3", heading), list];
  };
  const describe = (k) => {
    const node = nodes[k];
    const title = make("h2");
    title.append(make("bdi", name(node)));
    const [state, text] = node.seed !== null
      ? ["", "A public beginning"]
      : node.imported !== null
      ? ["", "Of unknown origin"]
      : { true: ["good", "Verified where this page was made"], false: ["bad", "Not verified"] }[node.verified]
        ?? ["", "Not verified here"];
    const parts = [title, make("p", text, { class: `state ${state}` }), facts(node)];
    const { note } = said(node);
    if (note) parts.push(make("h3", "Note"), make("p", note, { class: "note", dir: "auto" }));
    const line = lineage(k);
    parts.push(...way(`Lineage, ${line.length - 1} ${line.length === 2 ? "edge" : "edges"}`, line, k));
    if (below[k].length) parts.push(...way("Trained from it", below[k], -1));
    details.replaceChildren(...parts);
  };

  let chosen = -1;
  const mark = (way, under) => {
    drawing.classList.toggle("choosing", way.size > 0);
    cards.forEach((card, k) => {
      for (const element of [card, edges.get(k)]) {
        if (!element) continue;
        element.classList.toggle("above", way.has(k));
        element.classList.toggle("below", under.has(k));
        element.classList.toggle("chosen", k === chosen);
      }
      card.setAttribute("aria-pressed", String(k === chosen));
    });
  };
  const authors = [...document.querySelectorAll("[data-author]")];
  const release = () => authors.forEach((button) => button.setAttribute("aria-pressed", "false"));
  const choose = (k, focus) => {
    chosen = k;
    release();
    if (k < 0) {
      mark(new Set(), new Set());
      details.replaceChildren(hint);
      history.replaceState(null, "", "#");
      return;
    }
    mark(new Set(lineage(k)), progeny(k));
    describe(k);
    history.replaceState(null, "", `#${nodes[k].id}`);
    if (focus) {
      cards[k].focus({ preventScroll: true });
      cards[k].scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  };

  cards.forEach((card, k) => card.addEventListener("click", () => choose(k === chosen ? -1 : k, false)));
  drawing.addEventListener("keydown", (event) => {
    const card = event.target.closest("[data-node]");
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    const k = Number(card.dataset.node);
    const siblings = above[k] < 0 ? roots : below[above[k]];
    const beside = (by) => siblings[siblings.indexOf(k) + by];
    const to = {
      Enter: k, " ": k, Escape: -1,
      ArrowUp: above[k] >= 0 ? above[k] : undefined, ArrowDown: below[k][0],
      ArrowLeft: beside(-1), ArrowRight: beside(1),
    };
    if (!(event.key in to)) return;
    event.preventDefault();
    if (to[event.key] !== undefined) choose(to[event.key], true);
  });
  for (const button of authors) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      choose(-1, false);
      if (!on) return;
      button.setAttribute("aria-pressed", "true");
      const theirs = nodes.flatMap((node, k) => (said(node).author === button.dataset.author ? [k] : []));
      mark(new Set(theirs), new Set());
    });
  }

  const [width, height] = ["width", "height"].map((side) => Number(drawing.getAttribute(side)));
  let scale = 1;
  const zoom = (to) => {
    scale = Math.min(2.5, Math.max(0.08, to));
    drawing.setAttribute("width", width * scale);
    drawing.setAttribute("height", height * scale);
  };
  const fit = () => zoom(Math.min(1.15, (canvas.clientWidth - 32) / width, Math.max((canvas.clientHeight - 32) / height, 0.55)));
  document.getElementById("smaller").addEventListener("click", () => zoom(scale / 1.25));
  document.getElementById("larger").addEventListener("click", () => zoom(scale * 1.25));
  document.getElementById("fit").addEventListener("click", fit);
  fit();

  const named = () => {
    const k = place.get(location.hash.slice(1));
    if (k !== undefined && k !== chosen) choose(k, true);
  };
  addEventListener("hashchange", named);
  named();
})();
