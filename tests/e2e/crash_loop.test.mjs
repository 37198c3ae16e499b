// Twenty rounds of the soak (tests/soak): load, kill -9 in the middle, and everything that was
// acknowledged is there. SOAK_SEED repeats the choices of a run.
import assert from "node:assert/strict";
import { it } from "node:test";
import { Soak } from "../soak/rounds.mjs";

it("20 rounds of kill -9 under mixed load lose, leak and mix up nothing", async (t) => {
  const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`SOAK_SEED=${seed}`);
  const soak = new Soak({ seed });
  await soak.open();
  t.after(() => soak.close());
  for (let round = 0; round < 20 && soak.problems.length === 0; round++) await soak.crashRound(800);
  if (soak.problems.length === 0) await soak.finish();
  assert.deepEqual(soak.problems.slice(0, 5), [], `with SOAK_SEED=${seed}`);
  assert.ok(soak.totals.checked > 100, `the load was no load: ${JSON.stringify(soak.totals)}`);
});
