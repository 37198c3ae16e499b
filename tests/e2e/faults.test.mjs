// Every fault of every kind of upstream through the whole gateway: the stated answer, nothing bad
// kept, breakers that open and close, routes that fall over, budgets that hold.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { withinOneDay } from "./day.mjs";
import { NOBODY, freePort, generate, imageInfo, scratch, startGateway, startSimulator } from "./gateway.mjs";

// Where the simulator at `origin` serves each kind, and a model that it knows.
const KINDS = {
  openai: { path: "/v1", model: "gpt-image-1" },
  chat: { path: "/v1", model: "simulated" },
  runpod: { path: "/v2/endpoint", model: "simulated" },
  pollinations: { path: "", model: "simulated" },
  automatic1111: { path: "", model: "simulated" },
};

function upstream(kind, origin, extra = "") {
  return `{kind: ${kind}, url: "${origin}${KINDS[kind].path}", api_key: k, attempts: 2, ` +
    `poll_interval: 20ms, private_links: true${extra && ", " + extra}}`;
}

async function settled(gateway) {
  while ((await gateway.stats()).generations_under_way > 0) await setTimeout(10);
}

async function statusOf(gateway, name) {
  return (await gateway.stats()).upstreams.find((one) => one.name === name);
}

const ask = (gateway, model, prompt, extra = {}, headers = {}) =>
  generate(gateway.url, { model, prompt, size: "64x64", ...extra }, headers);

describe("the fault matrix", { concurrency: true }, () => {
  let simulator, gateway;
  before(async () => {
    simulator = await startSimulator({ latency: "1ms" });
    const { origin } = new URL(simulator.url);
    const lines = Object.keys(KINDS).map((kind) =>
      `  ${kind}: ${upstream(kind, origin, "timeout: 20s, breaker_failures: 1000")}\n` +
      `  ${kind}-hasty: ${upstream(kind, origin, "timeout: 400ms, breaker_failures: 1000")}`);
    const away = NOBODY;
    lines.push(...Object.keys(KINDS).map((kind) =>
      `  ${kind}-away: ${upstream(kind, away, "timeout: 20s, breaker_failures: 1000")}`));
    const routes = Object.keys(KINDS).flatMap((kind) => ["", "-hasty", "-away"].map((how) =>
      `  ${kind}${how}: [{upstream: ${kind}${how}, model: ${KINDS[kind].model}}]`));
    gateway = await startGateway({
      config: `upstreams:\n${lines.join("\n")}\nroutes:\n${routes.join("\n")}\n`,
    });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop("SIGKILL");  // some of its replies hang for an hour
  });

  // [fault, model's suffix, status, what becomes of it]
  const failing = [
    ["refuse", "", [400, 403], "content refusal"],
    ["error=503", "", [502], "lasting 503s"],
    ["not-an-image", "", [502], "what is not an image"],
    ["truncated", "", [502], "a truncated image"],
    ["empty", "", [502], "no image"],
    ["hang", "-hasty", [504], "no answer at all"],
    ["trickle", "-hasty", [504], "an answer that trickles"],
    ["refused-connection", "-away", [502], "a refused connection"],
  ];
  const recovering = [
    ["rate-limit", "429 with Retry-After, then success"],
    ["flaky=1", "a 500, then success"],
  ];
  for (const kind of Object.keys(KINDS)) {
    for (const [fault, how, statuses, what] of failing) {
      it(`${kind}: ${what} is ${statuses.join(" or ")}, and nothing is kept`, async () => {
        const prompt = `simulate:${fault} a ${kind} fox`;
        const reply = await ask(gateway, kind + how, prompt);
        assert.ok(statuses.includes(reply.status), `${reply.status} ${reply.text}`);
        assert.ok(reply.json.error.message.length > 15, reply.text);
        assert.equal(reply.cache, "MISS");
        assert.equal(reply.header("x-reprise-entry"), null);
        const stored = await ask(gateway, kind + how, prompt, {}, { "Cache-Control": "only-if-cached" });
        assert.equal(stored.status, 504, stored.text);
      });
    }
    for (const [fault, what] of recovering) {
      it(`${kind}: ${what} is an image, which is kept`, async () => {
        const prompt = `simulate:${fault} a ${kind} owl`;
        const reply = await ask(gateway, kind, prompt);
        assert.equal(reply.status, 200, reply.text);
        assert.equal(reply.header("x-reprise-upstream"), kind);
        assert.equal((await ask(gateway, kind, prompt)).cache, "HIT EXACT");
      });
    }
    it(`${kind}: an image of 30 MB is an image`, async () => {
      const reply = await ask(gateway, kind, `simulate:big a ${kind} whale`);
      assert.equal(reply.status, 200, reply.text.slice(0, 300));
      assert.ok(reply.bytes.length > 25_000_000, String(reply.bytes.length));
      assert.equal(imageInfo(reply.bytes).type, "png");
    });
  }
});

describe("a breaker", () => {
  it("opens after repeated failures, asks nobody, probes and closes", async () => {
    const port = await freePort();
    const gateway = await startGateway({
      config: "upstreams:\n" +
        `  flat: ${upstream("openai", `http://127.0.0.1:${port}`,
          "breaker_failures: 2, breaker_pause: 300ms")}\n`,
    });
    let simulator;
    try {
      for (let i = 0; i < 2; i++) {
        assert.equal((await ask(gateway, "gpt-image-1", `red kettle ${i}`)).status, 502);
      }
      assert.equal((await statusOf(gateway, "flat")).breaker, "open");
      const away = await ask(gateway, "gpt-image-1", "a teapot");
      assert.equal(away.status, 502);
      assert.match(away.json.error.message, /left alone/);
      assert.equal(away.header("retry-after"), "1");
      assert.equal((await statusOf(gateway, "flat")).calls, 2, "the third was not made");

      simulator = await startSimulator({ latency: "1ms", port });
      while ((await statusOf(gateway, "flat")).breaker === "open") await setTimeout(10);
      const back = await ask(gateway, "gpt-image-1", "a teapot");
      assert.equal(back.status, 200, back.text);
      assert.equal((await statusOf(gateway, "flat")).breaker, "closed");
    } finally {
      await gateway.stop();
      await simulator?.stop();
    }
  });

  it("counts no refusal", async () => {
    const simulator = await startSimulator({ latency: "1ms" });
    const gateway = await startGateway({
      upstream: simulator.url, config: "upstream: {breaker_failures: 2}",
    });
    for (let i = 0; i < 5; i++) await ask(gateway, "gpt-image-1", `simulate:refuse number ${i}`);
    assert.equal((await statusOf(gateway, "openai")).breaker, "closed");
    await gateway.stop();
    await simulator.stop();
  });
});

describe("a route", () => {
  let good, gateway;
  before(async () => {
    good = await startSimulator({ latency: "1ms" });
    const { origin } = new URL(good.url);
    const away = NOBODY;
    gateway = await startGateway({
      config: `
upstreams:
  away: ${upstream("openai", away, "breaker_failures: 2, breaker_pause: 1h, default_price: 0.5")}
  chat: ${upstream("chat", origin, "default_price: 0.03")}
  gpu: ${upstream("automatic1111", origin, "default_price: 0")}
routes:
  hero:
    - {upstream: away, model: gpt-image-1, quality: 10}
    - {upstream: chat, model: simulated, quality: 7}
    - {upstream: gpu, model: simulated, quality: 2}
  strict:
    - {upstream: chat, model: simulated}
    - {upstream: gpu, model: simulated}
  lenient:
    - {upstream: chat, model: simulated, on_refusal: next}
    - {upstream: gpu, model: simulated}
  none: [{upstream: away}, {upstream: away, model: other}]
`,
    });
  });
  after(async () => {
    await gateway.stop();
    await good.stop();
  });

  it("falls over to the next upstream, and skips one that keeps failing", async () => {
    for (const animal of ["fox", "owl", "whale"]) {
      const reply = await ask(gateway, "hero", `a ${animal}`);
      assert.equal(reply.status, 200, reply.text);
      assert.equal(reply.header("x-reprise-upstream"), "chat");
    }
    const away = await statusOf(gateway, "away");
    assert.equal(away.breaker, "open");
    assert.equal(away.calls, 2, "the third request did not wait for it");
    assert.equal((await ask(gateway, "hero", "a fox")).cache, "HIT EXACT");
    const stats = await gateway.stats();
    assert.ok(Math.abs(stats.spent_usd - 0.09) < 1e-9, `at its prices: ${stats.spent_usd}`);
  });

  it("tells what each upstream said when all fail", async () => {
    const reply = await ask(gateway, "none", "a lamp");
    assert.equal(reply.status, 502);
    assert.match(reply.json.error.message, /every upstream of the model 'none' failed; away: .+; away: /);
  });

  it("does not take a refused prompt elsewhere, unless it says so", async () => {
    const gpu = (await statusOf(gateway, "gpu")).calls;
    const refused = await ask(gateway, "strict", "simulate:refuse a");
    assert.ok([400, 403].includes(refused.status), refused.text);
    assert.equal((await statusOf(gateway, "gpu")).calls, gpu);
    await ask(gateway, "lenient", "simulate:refuse b");
    assert.equal((await statusOf(gateway, "gpu")).calls, gpu + 1);
  });

  it("refuses models without a route", async () => {
    const reply = await ask(gateway, "heron", "a lamp");
    assert.equal(reply.status, 404, reply.text);
    assert.equal(reply.json.error.code, "model_not_found");
  });
});

describe("a budget", () => {
  const holds = async () => {
    const simulator = await startSimulator({ latency: "50ms" });
    const place = scratch();
    const start = () => startGateway({
      data: place.path, upstream: simulator.url,
      config: "budget_usd: 0.1\nupstream: {prices: {gpt-image-1: 0.04}}\n",
    });
    let gateway = await start();
    try {
      const words = ["fox", "kettle", "train", "castle", "violin", "desert"];
      const failed = await ask(gateway, "gpt-image-1", "simulate:refuse a thing");
      assert.ok(failed.status >= 400, "and costs nothing");
      const replies = await Promise.all(words.map((word) => ask(gateway, "gpt-image-1", `a ${word}`)));
      const made = replies.filter(({ status }) => status === 200);
      const refused = replies.filter(({ status }) => status === 429);
      assert.equal(made.length, 2, replies.map(({ text }) => text.slice(0, 200)).join("\n"));
      assert.equal(refused.length, 4);
      assert.equal(refused[0].json.error.code, "budget_exceeded");
      assert.match(refused[0].json.error.message, /of its \$0\.1 for today/);
      const seconds = Number(refused[0].header("retry-after"));
      assert.ok(seconds > 0 && seconds <= 86_400, "until midnight");
      assert.ok(Math.abs((await gateway.stats()).budget.tenants.default.spent_usd - 0.08) < 1e-9);

      await settled(gateway);
      await gateway.stop();
      gateway = await start();
      assert.equal((await ask(gateway, "gpt-image-1", "a lighthouse")).status, 429);
      const known = words[replies.indexOf(made[0])];
      assert.equal((await ask(gateway, "gpt-image-1", `a ${known}`)).cache, "HIT EXACT");
      assert.equal((await simulator.calls()).images, 2);
    } finally {
      await gateway.stop();
      await simulator.stop();
      place.remove();
    }
  };

  it("holds under parallel requests, over a restart, and takes no hit away",
    () => withinOneDay(holds));
});
