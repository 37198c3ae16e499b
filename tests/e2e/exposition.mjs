// Reads Prometheus' text format as strictly as it is specified
// (https://prometheus.io/docs/instrumenting/exposition_formats/), and what its conventions ask of names.
import assert from "node:assert/strict";

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;

function labelsOf(text) {
  const labels = {};
  for (let rest = text; rest;) {
    const found = rest.match(LABEL);
    assert.ok(found, `labels: ${text}`);
    assert.ok(!(found[1] in labels), `label ${found[1]} twice: ${text}`);
    labels[found[1]] = found[2].replace(/\\(["\\n])/g, (_, c) => (c === "n" ? "\n" : c));
    rest = rest.slice(found[0].length);
    assert.ok(found[3] === "" || rest, `a comma at the end: ${text}`);
  }
  return labels;
}

function numberOf(text) {
  if (text === "+Inf") return Infinity;
  assert.match(text, /^-?\d+(\.\d+)?(e[+-]?\d+)?$/, `number: ${text}`);
  return Number(text);
}

// { family: { type, help, samples: [{ name, labels, value }] } }; throws where the text is wrong.
export function parseExposition(text) {
  assert.ok(text.endsWith("\n"), "the last line ends");
  const families = {}, series = new Set();
  let present;
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = line.match(/^# (HELP|TYPE) (\S+) (.+)$/);
    if (comment) {
      const [, kind, name, rest] = comment;
      assert.match(name, NAME);
      if (kind === "HELP") {
        assert.ok(!(name in families), `${name} twice`);
        families[name] = present = { name, help: rest, samples: [] };
      } else {
        assert.equal(name, present?.name, "TYPE follows HELP");
        assert.ok(["counter", "gauge", "histogram"].includes(rest), line);
        present.type = rest;
      }
      continue;
    }
    const found = line.match(SAMPLE);
    assert.ok(found, `line: ${line}`);
    const [, name, labels = "", value] = found;
    assert.ok(present?.type, `a sample before its TYPE: ${line}`);
    const suffixes = present.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
    assert.ok(suffixes.some((suffix) => name === present.name + suffix), `${name} in ${present.name}`);
    const sample = { name, labels: labelsOf(labels), value: numberOf(value) };
    const id = name + JSON.stringify(Object.entries(sample.labels).sort());
    assert.ok(!series.has(id), `${id} twice`);
    series.add(id);
    present.samples.push(sample);
  }
  for (const family of Object.values(families)) checkFamily(family);
  return families;
}

function checkFamily({ name, type, samples }) {
  assert.equal(type === "counter", name.endsWith("_total"), `${name} is a ${type}`);
  assert.doesNotMatch(name, /_(ms|millis|milliseconds|kb|mb|micros)(_|$)/, "base units");
  if (type === "counter") for (const { value } of samples) assert.ok(value >= 0, name);
  if (type !== "histogram") return;
  const byLabels = {};
  for (const sample of samples) {
    const { le, ...rest } = sample.labels;
    const group = (byLabels[JSON.stringify(rest)] ??= { buckets: [] });
    if (sample.name.endsWith("_bucket")) group.buckets.push([numberOf(le), sample.value]);
    else if (sample.name.endsWith("_count")) group.count = sample.value;
    else group.sum = sample.value;
  }
  for (const { buckets, count, sum } of Object.values(byLabels)) {
    assert.ok(sum >= 0 && buckets.length > 1, name);
    assert.equal(buckets.at(-1)[0], Infinity, `${name} ends with +Inf`);
    assert.equal(buckets.at(-1)[1], count, name);
    for (let i = 1; i < buckets.length; ++i) {
      assert.ok(buckets[i][0] > buckets[i - 1][0] && buckets[i][1] >= buckets[i - 1][1], `${name} is cumulative`);
    }
  }
}

// The value of the one series of that family with those labels.
export function valueOf(families, name, labels = {}) {
  const family = families[name] ?? families[name.replace(/_(bucket|sum|count)$/, "")];
  const found = (family?.samples ?? []).filter((sample) => sample.name === name
    && Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
  assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}: ${found.length} series`);
  return found[0].value;
}

// The metrics of a gateway.
export async function metricsOf(url, key) {
  const response = await fetch(`${url}/metrics`, { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parseExposition(await response.text());
}
