// Mixed load for many minutes: long stretches without a restart, in which memory, descriptors and
// threads must stay flat, and crash rounds between them.
import { readFileSync, readdirSync } from "node:fs";
import { fetchImage } from "./client.mjs";
import { KEPT_TAGS } from "./rounds.mjs";

const SAMPLE_MS = 5000;
const TAG_MS = 30_000;
const SWEPT_WITHIN_MS = 20_000;
const CRASHES_BETWEEN = 10;
const SHORTEST_JUDGED_MS = 120_000;

// Of a process: resident memory in KB, open descriptors, threads.
export function resourcesOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const number = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]);
  return { rss: number("VmRSS"), fds: readdirSync(`/proc/${pid}/fd`).length,
    threads: number("Threads") };
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

// The samples of the i-th quarter of a stretch.
export function quarter(samples, i) {
  const size = samples.length / 4;
  return samples.slice(Math.floor(i * size), Math.floor((i + 1) * size));
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Images whose time is long over are gone.
async function checkExpired(soak, url) {
  for (const { id, entry, image } of soak.ledger.images()) {
    if (image.expires === null || Date.now() < image.expires + SWEPT_WITHIN_MS) continue;
    const { status } = await fetchImage(url, `${id}.png`);
    if (status !== 404) soak.fail(`${id} of ${entry.key} has expired, and is there: ${status}`);
    soak.ledger.forget(id, entry);
  }
}

async function watch(soak, gateway, load, samples) {
  const began = Date.now();
  let tagged = began;
  while (!load.stopping) {
    await sleep(SAMPLE_MS);
    if (load.stopping) return;
    const { entries } = await gateway.stats();
    samples.push({ at: Date.now() - began, entries, ...resourcesOf(gateway.process.child.pid) });
    if (Date.now() - tagged < TAG_MS) continue;
    tagged = Date.now();
    load.tag = `t${++soak.tags}`;
    await load.purge(`t${soak.tags - KEPT_TAGS}`);
    await checkExpired(soak, gateway.url);
    soak.ledger.forgetOldRemovals(Date.now() - 60_000);
  }
}

function judge(soak, samples) {
  const [early, late] = [quarter(samples, 1), quarter(samples, 3)];
  const of = (list, what) => median(list.map((sample) => sample[what]));
  const grown = of(late, "rss") - of(early, "rss");
  if (grown > 0.1 * of(early, "rss") + 8192) soak.fail(`resident memory grew by ${grown} KB`);
  // libvips starts workers as it needs them, a few at most.
  if (of(late, "threads") > of(early, "threads") + 4) soak.fail("threads became more");
  if (of(late, "fds") > of(early, "fds") + 32) soak.fail("open descriptors became more");
}

// Gives the stretches: { evicting, ms, samples }.
export async function steady(soak, { minutes, stretchMinutes, log }) {
  const end = Date.now() + minutes * 60_000;
  const stretches = [];
  while (Date.now() < end && soak.problems.length === 0) {
    const ms = Math.min(stretchMinutes * 60_000, end - Date.now());
    const stretch = { evicting: stretches.length % 2 === 1, ms, samples: [] };
    stretches.push(stretch);
    log(`stretch ${stretches.length}: ${Math.round(ms / 1000)} s${stretch.evicting ? ", evicting" : ""}`);
    await soak.round({ ms, workers: 4, pause: 150, evicting: stretch.evicting,
      during: (gateway, load) => watch(soak, gateway, load, stretch.samples).catch((error) => {
        if (!load.over) soak.fail(`watching: ${error.stack}`);
      }) });
    if (ms >= SHORTEST_JUDGED_MS) judge(soak, stretch.samples);
    for (let i = 0; i < CRASHES_BETWEEN && Date.now() < end && soak.problems.length === 0; i++) {
      await soak.crashRound(2000);
    }
    log(JSON.stringify({ ...soak.totals, ...stretch.samples.at(-1) }));
  }
  return stretches;
}
