// Exact hits over HTTP next to nginx serving the same bytes from a file, one worker each, in turns,
// so that both meet the same noise. Prints requests per second, p99 and the ratio.
//
//   node bench/http.mjs [SECONDS]      seconds per turn, default 3
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate, scratch, startGateway, startSimulator } from "../tests/e2e/gateway.mjs";
import { startNginx } from "./nginx.mjs";

const SECONDS = Number(process.argv[2] ?? 3);
const TURNS = 3;
const CONNECTIONS = 16;

// wrk's figures: requests per second and latency quantiles in milliseconds.
function wrk(url, script) {
  const out = execFileSync("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${SECONDS}s`, "--latency",
    ...(script ? ["-s", script] : []), url], { encoding: "utf8" });
  if (/Non-2xx|Socket errors/.test(out) || !/50%/.test(out)) throw new Error(out);
  const millis = (text) => {
    const [, value, unit] = text.match(/([\d.]+)(us|ms|s)/);
    return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit];
  };
  return {
    rate: Number(out.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    p50: millis(out.match(/50%\s+(\S+)/)[1]),
    p99: millis(out.match(/99%\s+(\S+)/)[1]),
  };
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function compare(name, ours, theirs) {
  const a = [], b = [];
  for (let turn = 0; turn < TURNS; turn++) {
    a.push(ours());
    b.push(theirs());
  }
  const of = (runs, key) => median(runs.map((run) => run[key]));
  const ratio = of(a, "rate") / of(b, "rate");
  console.log(`${name.padEnd(34)} ${of(a, "rate").toFixed(0).padStart(8)} /s  p50 ${of(a, "p50").toFixed(2)} ms  p99 ${of(a, "p99").toFixed(2)} ms`);
  console.log(`${"  nginx, the same bytes".padEnd(34)} ${of(b, "rate").toFixed(0).padStart(8)} /s  p50 ${of(b, "p50").toFixed(2)} ms  p99 ${of(b, "p99").toFixed(2)} ms`);
  console.log(`${"  ratio".padEnd(34)} ${ratio.toFixed(2).padStart(8)}     p99 ${(of(a, "p99") / of(b, "p99")).toFixed(2)}\n`);
}

const root = scratch();
mkdirSync(join(root.path, "www"));
const simulator = await startSimulator({ latency: "1ms" });
const gateway = await startGateway({ upstream: simulator.url, config: "threads: 1" });
const nginx = await startNginx({ folder: root.path });
try {
  const body = { prompt: "a red fox in the snow", size: "1024x1024" };
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
  compare(`POST, exact hit as b64, ${kb(json.text.length)}`, () => wrk(api, b64), () => wrk(`${nginx.url}/reply.json`));
  compare(`POST, exact hit as link, ${short.text.length} B`, () => wrk(api, url), () => wrk(`${nginx.url}/link.json`));
  const exact = wrk(api, url), near = wrk(api, semantic);
  console.log(`${"POST, semantic hit as link".padEnd(34)} ${near.rate.toFixed(0).padStart(8)} /s  p50 ${near.p50.toFixed(2)} ms  (exact: p50 ${exact.p50.toFixed(2)} ms)`);
} finally {
  await nginx.stop();
  await gateway.stop();
  await simulator.stop();
  root.remove();
}
