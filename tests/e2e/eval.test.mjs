// reprise eval: what people and their CI see.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { REPRISE, scratch } from "./gateway.mjs";

const PAIRS = fileURLToPath(new URL("../data/pairs.tsv", import.meta.url));

let directory;
before(() => { directory = scratch(); });
after(() => directory.remove());

const run = (...args) => spawnSync(REPRISE, ["eval", ...args],
  { cwd: directory.path, encoding: "utf8", maxBuffer: 1 << 26 });
const json = (...args) => JSON.parse(run(...args, "--json").stdout);
const path = (name) => join(directory.path, name);
const write = (name, text) => { writeFileSync(path(name), text); return path(name); };

const SMALL = "hit\tcase\ta red fox\tA RED FOX\nmiss\tcolour\ta red fox\ta blue fox\n" +
  "miss\tcount\ttwo cats\tthree cats\nhit\tpolite\ta brass lamp\tzebra crossing\n";

describe("reprise eval --pairs", () => {
  it("measures the example file", () => {
    const report = json("--pairs", PAIRS, "--show-errors");
    const { recall, false_hits: wrong, precision, hit_rate: rate } = report.overall;
    assert.equal(recall.of + wrong.of, report.pairs);
    assert.equal(rate.part, recall.part + wrong.part);
    assert.equal(precision.of, rate.part);
    for (const share of [recall, wrong, precision]) {
      assert.ok(share.low <= share.value && share.value <= share.high);
    }
    assert.equal(report.errors.length, recall.of - recall.part + wrong.part);
    assert.equal(report.kinds.reduce((sum, kind) => sum + kind.recall.of + kind.false_hits.of, 0),
      report.pairs);
    const at = report.curve.verified.find(({ threshold }) => threshold === report.threshold);
    assert.deepEqual([at.right_hits, at.wrong_hits], [recall.part, wrong.part]);
  });

  it("agrees with explain on every pair", () => {
    const errors = json("--pairs", write("one.tsv", SMALL), "--show-errors").errors;
    assert.deepEqual(errors.map(({ a }) => a), ["a brass lamp"]);
    for (const [mode, a, b] of [["safe", "a red fox", "a blue fox"], ["off", "a red fox", "a blue fox"]]) {
      const explained = JSON.parse(spawnSync(REPRISE, ["explain", a, b, "--match", mode, "--json"],
        { cwd: directory.path, encoding: "utf8" }).stdout);
      run("--pairs", write("pair.tsv", `-\t${a}\t${b}\n`), "--mode", mode, "--scores", path("s.tsv"));
      const [, , decision, similarity, , reason] = readFileSync(path("s.tsv"), "utf8")
        .split("\n")[1].split("\t");
      assert.equal(decision, explained.decision);
      assert.equal(reason, explained.reason);
      assert.ok(Math.abs(similarity - explained.similarity) < 1e-3);
    }
  });

  it("prints tables, writes scores and a plot", () => {
    const { status, stdout, stderr } = run("--pairs", write("small.tsv", SMALL), "--scores",
      "scores.tsv", "--plot", "plot.svg", "--show-errors");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /4 pairs, embedder \S+, match safe, threshold 0\.85/);
    assert.match(stdout, /recall +50\.0 %/);
    assert.match(stdout, /colour +- +1 +0\.000/);
    assert.match(stdout, /threshold +hit rate +precision +recall +false hits/);
    assert.match(stdout, /miss instead of hit: polite .*\n {2}a brass lamp\n {2}zebra crossing/);
    assert.equal(readFileSync(path("scores.tsv"), "utf8").trim().split("\n").length, 5);
    assert.match(readFileSync(path("plot.svg"), "utf8"), /^<svg [^]*<\/svg>\n$/);
  });

  it("recommends a threshold, or says what is missing", () => {
    assert.match(run("--pairs", write("few.tsv", SMALL)).stdout,
      /no threshold is proven .* at least 189 pairs that must miss, and there are 2/);
    assert.match(run("--pairs", PAIRS, "--max-error", "0.05").stdout,
      /recommended threshold for at most 5\.0 % false hits: 0\.\d+ \(recall/);
  });

  it("gates a CI", () => {
    const file = write("gate.tsv", SMALL);
    assert.equal(run("--pairs", file, "--min-recall", "0.5", "--max-false-hits", "0").status, 0);
    const low = run("--pairs", file, "--min-recall", "0.9");
    assert.equal(low.status, 1);
    assert.match(low.stderr, /recall 0\.5000 is below --min-recall 0\.9/);
    const loose = run("--pairs", file, "--mode", "off", "--threshold", "0.1", "--max-false-hits", "0.02");
    assert.equal(loose.status, 1);
    assert.match(loose.stderr, /false hits 1\.0000 is above --max-false-hits 0\.02/);
    const none = run("--pairs", write("hits.tsv", "hit\ta\tb\n"), "--max-false-hits", "0.02");
    assert.equal(none.status, 2);
    assert.match(none.stderr, /takes pairs labelled miss, and there are none/);
  });

  it("refuses bad input with the line, and wrong usage", () => {
    const bad = run("--pairs", write("bad.tsv", "hit\ta\tb\nmaybe\ta\tb\n"));
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /bad\.tsv:2: expected the label hit, miss or -, found 'maybe'/);
    assert.equal(run("--pairs", "nowhere.tsv").status, 1);
    assert.equal(run().status, 2);
    assert.equal(run("--pairs", PAIRS, "--stream", PAIRS).status, 2);
    assert.equal(run("--stream", PAIRS, "--plot", "p.svg").status, 2);
    assert.equal(run("--pairs", PAIRS, "--threshold", "7").status, 2);
    assert.equal(run("--pairs", PAIRS, "--plot", "/nonexistent/p.svg").status, 1);
  });
});

describe("reprise eval --calibrate", () => {
  it("prints a configuration that eval then uses", () => {
    const { status, stdout, stderr } = run("--pairs", PAIRS, "--calibrate");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /before .*\nafter /);
    const yaml = stdout.slice(stdout.indexOf("cache:\n"));
    write("calibrated.yaml", yaml);
    const plain = json("--pairs", PAIRS);
    const calibrated = json("--pairs", PAIRS, "--config", "calibrated.yaml");
    assert.notDeepEqual(calibrated.curve.verified, plain.curve.verified);
    assert.deepEqual(calibrated.curve.embedding, plain.curve.embedding);
    assert.equal(run("--pairs", PAIRS, "--calibrate", "--mode", "off").status, 2);
    assert.match(run("--pairs", write("few.tsv", SMALL), "--calibrate").stderr, /at least 10 pairs/);
  });
});

describe("reprise eval --stream", () => {
  it("replays prompts through a cache and lists the hits", () => {
    const file = write("stream.txt", "prompt\tsize\na red fox in the snow\t64x64\n" +
      "a red fox in the snow\t64x64\nplease draw a red fox in the snow\t64x64\n" +
      "a blue fox in the snow\t64x64\n");
    const { status, stdout, stderr } = run("--stream", file, "--show-hits");
    assert.equal(status, 0, stderr);
    assert.match(stdout, /exact +1 +25\.0 %/);
    assert.match(stdout, /semantic +1 +25\.0 %/);
    assert.match(stdout, /miss +2 +50\.0 %/);
    assert.match(stdout, /stored {2}a red fox in the snow\n {2}asked {3}please draw a red fox/);
    const report = json("--stream", file, "--show-hits", "--write-pairs", path("label.tsv"));
    assert.deepEqual([report.exact, report.semantic, report.miss, report.failed], [1, 1, 2, 0]);
    assert.equal(report.hits[0].asked, "please draw a red fox in the snow");
    assert.equal(json("--pairs", path("label.tsv")).unlabelled.of, 2);
  });

  it("refuses a bad line", () => {
    const bad = run("--stream", write("bad.txt", "a fox\nb\t12\n"));
    assert.equal(bad.status, 2);
    assert.match(bad.stderr, /bad\.txt:2: 'size'/);
  });
});
