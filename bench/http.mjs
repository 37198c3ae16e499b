// Exact hits over HTTP next to nginx serving the same bytes from a file, one worker each, in turns,
// so that both meet the same noise. Prints requests per second, p99, the server's processor time for
// a request, and the ratio. Then how much a second thread brings.
//
//   node bench/http.mjs [SECONDS]      seconds per turn, default 3
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate, scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";
import { startNginx } from "./nginx.mjs";

const SECONDS = Number(process.argv[2] ?? 3);
const TURNS = 3;
const CONNECTIONS = 16;
const SIZE = "1680x1680";  // some 100 KB as the simulator draws it

// wrk's figures: requests per second and latency quantiles in milliseconds.
function wrk(url, script) {
  const out = execFileSync("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "--latency",
    ...(script ? ["-s", script] : []), url], { encoding: "utf8" });
  if (/Non-2xx|Socket errors/.test(out) || !/50%/.test(out)) throw new Error(out);
  // At the start of a line: "75.50%" of the summary is no quantile. Now and then one is left empty.
  const quantile = (percent) => out.match(new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s)\\b`, "m"));
  if (!quantile(50) || !quantile(99)) return wrk(url, script);
  const millis = ([, value, unit]) => Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
  return {
    rate: Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    p50: millis(quantile(50)),
    p99: millis(quantile(99)),
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// Seconds of processor time that a process and its children have used.
function cpuSeconds(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [pid, ...children].map((process) => {
    const fields = readFileSync(`/proc/${process}/stat`, "utf8").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }).reduce((sum, seconds) => sum + seconds, 0);
}

function measured(pid, run) {
  const before = cpuSeconds(pid);
  const figures = run();
  return { ...figures, cpu: (cpuSeconds(pid) - before) / figures.rate / SECONDS * 1e6 };
}

function line(name, runs) {
  const of = (key, digits) => median(runs.map((run) => run[key])).toFixed(digits);
  console.log(`${name.padEnd(36)} ${of("rate", 0).padStart(8)} /s  p50 ${of("p50", 2)} ms  ` +
    `p99 ${of("p99", 2)} ms  ${of("cpu", 0).padStart(3)} us of CPU`);
}

function compare(name, ours, theirs) {
  const a = [], b = [];
  for (let turn = 0; turn < TURNS; turn++) {
    a.push(measured(gateway.process.child.pid, ours));
    b.push(measured(nginx.pid, theirs));
  }
  const ratio = (key) => (median(a.map((run) => run[key])) / median(b.map((run) => run[key]))).toFixed(2);
  line(name, a);
  line("  nginx, the same bytes", b);
  console.log(`${"  ratio".padEnd(36)} ${ratio("rate").padStart(8)}     p99 ${ratio("p99")}\n`);
}

// Semantic hits, of which the load generator makes a small part of the work.
async function scaling(script) {
  const rates = [];
  for (const threads of [1, 2]) {
    const other = await startGateway({ upstream: simulator.url, config: `threads: ${threads}` });
    try {
      await generate(other.url, { prompt: "a red fox in the snow", size: SIZE });
      const api = `${other.url}/v1/images/generations`;
      rates.push(median([1, 2, 3].map(() => wrk(api, script).rate)));
    } finally {
      await other.stop();
    }
  }
  console.log(`${"  of it with one thread, and two".padEnd(36)} ${rates[0].toFixed(0).padStart(8)} /s and ` +
    `${rates[1].toFixed(0)} /s: ${(rates[1] / rates[0]).toFixed(2)}`);
}

const root = scratch();
mkdirSync(join(root.path, "www"));
const simulator = await startSimulator({ latency: "1ms" });
const gateway = await startGateway({ upstream: simulator.url, config: "threads: 1" });
const nginx = await startNginx({ folder: root.path });
try {
  const body = { prompt: "a red fox in the snow", size: SIZE };
  const made = await generate(gateway.url, body);
  const link = (await generate(gateway.url, { ...body, response_format: "url" })).json.data[0].url;
  const json = await generate(gateway.url, body);
  writeFileSync(join(root.path, "www/image.png"), made.bytes);
  writeFileSync(join(root.path, "www/reply.json"), json.text);
  const short = await generate(gateway.url, { ...body, response_format: "url" });
  writeFileSync(join(root.path, "www/link.json"), short.text);
  const post = (name, request) => {
    const file = join(root.path, `${name}.lua`);
    writeFileSync(file, `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n` +
      `wrk.body = [[${JSON.stringify(request)}]]\n`);
    return file;
  };
  const b64 = post("b64", body), url = post("url", { ...body, response_format: "url" });
  const semantic = post("semantic", { ...body, prompt: "A red fox in snow.", response_format: "url" });
  const api = `${gateway.url}/v1/images/generations`;
  const kb = (bytes) => `${(bytes / 1000).toFixed(0)} KB`;
  console.log(`${CONNECTIONS} connections, ${TURNS} turns of ${SECONDS} s each, one worker each, medians\n`);
  compare(`GET /images, ${kb(made.bytes.length)}`, () => wrk(link), () => wrk(`${nginx.url}/image.png`));
  const drawn = `${gateway.url}/prompt/a%20red%20fox%20in%20the%20snow?width=1680&height=1680`;
  const painted = await (await fetch(drawn)).arrayBuffer();
  writeFileSync(join(root.path, "www/drawn.png"), Buffer.from(painted));
  compare(`GET /prompt, ${kb(painted.byteLength)}`, () => wrk(drawn), () => wrk(`${nginx.url}/drawn.png`));
  compare(`POST, exact hit as b64, ${kb(json.text.length)}`, () => wrk(api, b64), () => wrk(`${nginx.url}/reply.json`));
  compare(`POST, exact hit as link, ${short.text.length} B`, () => wrk(api, url), () => wrk(`${nginx.url}/link.json`));
  const exact = wrk(api, url), near = wrk(api, semantic);
  console.log(`${"POST, semantic hit as link".padEnd(36)} ${near.rate.toFixed(0).padStart(8)} /s  p50 ${near.p50.toFixed(2)} ms  (exact: p50 ${exact.p50.toFixed(2)} ms)`);
  await scaling(semantic);
} finally {
  await nginx.stop();
  await gateway.stop();
  await simulator.stop();
  root.remove();
}
