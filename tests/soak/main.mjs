// The soak: `node tests/soak/main.mjs --rounds 200`: starts, loads and kills so often;
// `--minutes 60`: mixed load for so long. `--seed N` repeats the choices of a run, not its timing;
// `--report FILE` writes the figures, in Markdown.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { report } from "./report.mjs";
import { Soak } from "./rounds.mjs";
import { steady } from "./steady.mjs";

const { values } = parseArgs({ options: {
  rounds: { type: "string", default: "200" }, minutes: { type: "string" },
  stretch: { type: "string", default: "8" }, seed: { type: "string" }, report: { type: "string" } } });
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const began = Date.now();
const log = (line) => console.log(`${((Date.now() - began) / 1000).toFixed(0)} s: ${line}`);
const soak = new Soak({ seed });

async function rounds(count) {
  for (let i = 0; i < count && soak.problems.length === 0; i++) {
    await soak.crashRound(2000);
    if ((i + 1) % 10 === 0) log(`round ${i + 1}: ${JSON.stringify(soak.totals)}`);
  }
}

log(`seed ${seed}`);
await soak.open();
let stretches = [];
try {
  if (values.minutes) {
    stretches = await steady(soak,
      { minutes: Number(values.minutes), stretchMinutes: Number(values.stretch), log });
  } else {
    await rounds(Number(values.rounds));
  }
  if (soak.problems.length === 0) await soak.finish();
} finally {
  await soak.close();
}
for (const problem of soak.problems.slice(0, 20)) log(`PROBLEM ${problem}`);
const command = values.minutes ? `make soak MINUTES=${values.minutes}`
  : `make soak ROUNDS=${values.rounds}`;
const text = report({ soak, seed, command, seconds: (Date.now() - began) / 1000, stretches });
console.log(text);
if (values.report) writeFileSync(values.report, text);
process.exitCode = soak.problems.length > 0 ? 1 : 0;
