// One round: the gateway starts on what the last one left, everything that is owed is there, load
// runs, and the gateway is killed in the middle of it.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { REPRISE, scratch, startGateway, startSimulator } from "../e2e/gateway.mjs";
import { Ledger } from "./ledger.mjs";
import { Load } from "./load.mjs";
import { Random } from "./random.mjs";
import { RecordingUpstream } from "./upstream.mjs";
import { checkBatches, checkFiles, checkImages, checkTotals } from "./verify.mjs";

const TIGHT_BYTES = 600_000;

const configOf = (evicting) => `
cache:
  max_bytes: ${evicting ? TIGHT_BYTES : "1GB"}
  min_free_disk: 0
upstream:
  timeout: 5s
  breaker_pause: 200ms
`;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export const KEPT_TAGS = 5;  // what was stored under older tags is purged

export class Soak {
  constructor({ seed }) {
    this.random = new Random(seed);
    this.ledger = new Ledger();
    this.counts = {};  // operations by name
    this.totals = { rounds: 0, checked: 0, evicted: 0, started: 0 };
    this.problems = [];
    this.tags = 0;
    this.evicted = false;  // what is missing may have been evicted in the last round
    this.fail = (message) => { this.problems.push(message); };
  }

  async open() {
    this.data = scratch();
    this.simulator = await startSimulator({ latency: "2ms" });
    this.upstream = await new RecordingUpstream(this.simulator.url, this.random).start();
  }

  async close() {
    await this.upstream.stop();
    await this.simulator.stop("SIGKILL");
    this.data.remove();
  }

  // `ms` of load by so many `workers`. With `evicting`, the byte budget is small. `during` is called
  // with the gateway and the load once they run. `end`: "kill"; "quiet": the load ends before the
  // kill, and what is there is counted; "term": a graceful end.
  async round({ ms, workers = 4, pause = 0, faults = true, evicting = false, end = "kill", during }) {
    const gateway = await this.start(evicting);
    this.evicted ||= evicting;  // a start begins with a pass
    await this.check(gateway);
    this.upstream.faults = faults;
    const load = new Load({ url: gateway.url, random: this.random, ledger: this.ledger,
      upstream: this.upstream, tag: `t${++this.tags}`, evicting, pause, counts: this.counts,
      fail: this.fail });
    this.evicted = evicting;
    load.start(workers);
    const ended = during ? during(gateway, load) : Promise.resolve();
    const purged = load.purge(`t${this.tags - KEPT_TAGS}`);
    await sleep(ms);
    if (end === "quiet") await this.quiet(gateway, load, evicting);
    load.over = true;
    load.stopping = true;
    await gateway.process.stop(end === "term" ? "SIGTERM" : "SIGKILL");
    await Promise.all([load.stop(), purged, ended]);
    this.upstream.faults = false;
    checkFiles(this.data.path, this.fail);
    this.ledger.forgetOldRemovals(Date.now() - 60_000);
    this.totals.rounds += 1;
  }

  async start(evicting) {
    this.totals.started += 1;
    return startGateway({ data: this.data.path, upstream: this.upstream.url,
      config: configOf(evicting) });
  }

  async check(gateway) {
    await checkBatches({ url: gateway.url, ledger: this.ledger, upstream: this.upstream,
      fail: this.fail });
    await checkTotals(gateway, this.data.path, this.fail);
    const found = await checkImages({ url: gateway.url, ledger: this.ledger, evicted: this.evicted,
      fail: this.fail });
    this.totals.checked += found.there;
    this.totals.evicted += found.evicted;
    return found;
  }

  // Lets the load end. No more is missing than the gateway says it has evicted, which keeps to its
  // budget.
  async quiet(gateway, load, evicting) {
    await load.stop();
    const found = await this.check(gateway);
    const { removed_images: removed, storage } = await gateway.stats();
    const evicted = removed.bytes + removed.entries + removed.disk;
    if (found.evicted > evicted) this.fail(`${found.evicted} are missing, ${evicted} were evicted`);
    if (evicting && storage.bytes > TIGHT_BYTES) this.fail(`${storage.bytes} bytes are stored`);
  }

  // Kills a start before it has begun to serve.
  async interruptedStart(ms) {
    const file = join(this.data.path, "reprise.yaml");
    writeFileSync(file, configOf(false));
    this.totals.started += 1;
    const child = spawn(REPRISE, ["serve", "--listen", "127.0.0.1:0", "--data", this.data.path,
      "--config", file, "--upstream", this.upstream.url], { stdio: "ignore" });
    const exited = new Promise((done) => child.once("exit", done));
    await sleep(ms);
    child.kill("SIGKILL");
    await exited;
  }

  // A round of the crash loop, as the seed has it.
  async crashRound(ms) {
    const { random } = this;
    if (random.chance(0.15)) await this.interruptedStart(random.between(0, 400));
    const evicting = random.chance(0.25);
    const end = evicting && random.chance(0.5) ? "quiet" : random.chance(0.1) ? "term" : "kill";
    await this.round({ ms: random.between(ms / 4, ms), evicting, end,
      workers: 1 + random.below(8), faults: random.chance(0.7) });
  }

  // After the last round.
  async finish() {
    const gateway = await this.start(false);
    await this.check(gateway);
    await gateway.stop();
  }
}
