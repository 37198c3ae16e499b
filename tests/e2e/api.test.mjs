// The HTTP API: parameters, delivery, caching headers, and every kind of bad input.
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { generate, imageInfo, sleep, startGateway, startSimulator } from "./gateway.mjs";

let simulator, gateway, url;
before(async () => {
  simulator = await startSimulator({ latency: "5ms" });
  gateway = await startGateway({ upstream: simulator.url });
  url = gateway.url;
});
after(async () => {
  await gateway.stop();
  await simulator.stop();
});

const calls = async () => (await simulator.calls()).image_calls;

describe("parameters", () => {
  const base = { prompt: "a glass teapot", size: "256x256" };

  it("that shape the image separate entries", async () => {
    await generate(url, base);
    for (const more of [{ model: "dall-e-2", response_format: "b64_json" }, { quality: "high" },
      { background: "transparent" }, { style: "natural" }, { seed: 7 }, { moderation: "low" },
      { something_new: { deep: [1] } }, { size: "1024x256" }]) {
      const reply = await generate(url, { ...base, ...more });
      assert.equal(reply.cache, "MISS", JSON.stringify(more));
      assert.equal((await generate(url, { ...base, ...more })).cache, "HIT EXACT");
    }
  });

  it("that do not shape it share one", async () => {
    await generate(url, base);
    for (const more of [{ user: "somebody" }, { n: 1 }, { response_format: "url" }, { seed: null },
      { output_format: "jpeg" }, { output_format: "webp", output_compression: 50 },
      { quality: "auto" }, { background: "auto" }, { model: "gpt-image-1" }, { cache: {} }]) {
      assert.equal((await generate(url, { ...base, ...more })).cache, "HIT EXACT",
        JSON.stringify(more));
    }
  });

  it("may stand in any order", async () => {
    await generate(url, '{"prompt":"an oak","size":"256x256","a":1,"b":{"x":1,"y":2}}');
    const reply = await generate(url, '{"b":{"y":2,"x":1},"a":1,"size":"256x256","prompt":"an oak"}');
    assert.equal(reply.cache, "HIT EXACT");
  });

  it("choose the format of the delivery", async () => {
    for (const format of ["png", "jpeg", "webp"]) {
      const reply = await generate(url, { ...base, output_format: format });
      assert.equal(imageInfo(reply.bytes).type, format);
    }
    const small = await generate(url, { ...base, output_format: "jpeg", output_compression: 10 });
    const large = await generate(url, { ...base, output_format: "jpeg", output_compression: 95 });
    assert.ok(small.bytes.length < large.bytes.length);
  });

  it("a size in the same bucket is cut to what was asked", async () => {
    await generate(url, { prompt: "a windmill", size: "1024x1024" });
    const reply = await generate(url, { prompt: "a windmill", size: "768x768" });
    assert.equal(reply.cache, "HIT SEMANTIC");
    const { type, width, height } = imageInfo(reply.bytes);
    assert.deepEqual([type, width, height], ["png", 768, 768]);
    const link = await generate(url, { prompt: "a windmill", size: "768x768", response_format: "url" });
    const image = await fetch(link.json.data[0].url);
    assert.equal(imageInfo(Buffer.from(await image.arrayBuffer())).width, 768);
  });

  it("a stored image is never enlarged more than 1.5 times", async () => {
    await generate(url, { prompt: "a tall ship", size: "600x600" });
    const reply = await generate(url, { prompt: "a tall ship", size: "1000x1000" });
    assert.equal(reply.cache, "MISS");
    assert.match(reply.header("x-reprise-reason"), /^size: 600x600\/1000x1000/);
  });
});

describe("the caller's cache options", () => {
  it("no-cache generates again and replaces", async () => {
    const prompt = "a clay jug";
    const first = await generate(url, { prompt, size: "256x256" });
    const fresh = await generate(url, { prompt, size: "256x256" }, { "Cache-Control": "no-cache" });
    assert.equal(fresh.cache, "REFRESH");
    assert.notDeepEqual(fresh.bytes, first.bytes);
    const after = await generate(url, { prompt, size: "256x256" });
    assert.equal(after.cache, "HIT EXACT");
    assert.deepEqual(after.bytes, fresh.bytes);
  });

  it("no-store keeps nothing", async () => {
    const body = { prompt: "a secret plan", size: "256x256", cache: { "no-store": true } };
    const first = await generate(url, body);
    assert.equal(first.cache, "MISS");
    assert.equal(first.header("x-reprise-entry"), null);
    assert.equal((await generate(url, body)).cache, "MISS");
    const link = await generate(url, { ...body, response_format: "url" });
    assert.match(link.json.data[0].url, /^data:image\/png;base64,/);
  });

  it("only-if-cached never generates", async () => {
    const before = await calls();
    const body = { prompt: "a thing nobody asked for", cache: { "only-if-cached": true } };
    const reply = await generate(url, body);
    assert.equal(reply.status, 504);
    assert.equal(await calls(), before);
  });

  it("ttl and max-age are honoured", async () => {
    const body = { prompt: "a sand clock", size: "256x256" };
    await generate(url, { ...body, cache: { ttl: 1 } });
    assert.equal((await generate(url, body)).cache, "HIT EXACT");
    await sleep(1100);
    assert.equal((await generate(url, body)).cache, "MISS");
    await sleep(1100);
    assert.equal((await generate(url, body, { "Cache-Control": "max-age=1" })).cache, "MISS");
    assert.equal((await generate(url, body, { "Cache-Control": "max-age=100" })).cache, "HIT EXACT");
  });

  it("an upstream that takes longer than max-age is paid once for each image", async () => {
    const slow = await startSimulator({ latency: "1500ms" });
    const gateway = await startGateway({ upstream: slow.url });
    try {
      const body = { prompt: "a slow sand clock", size: "64x64" };
      const young = { "Cache-Control": "max-age=1" };
      // The second waits for the first one's image, and then has the other made.
      const [, two] = await Promise.all([
        generate(gateway.url, body), generate(gateway.url, { ...body, n: 2 }, young)]);
      assert.equal(two.json.data.length, 2);
      assert.equal((await slow.calls()).images, 2);
    } finally {
      await gateway.stop();
      await slow.stop();
    }
  });

  it("a namespace is a hard partition", async () => {
    const body = { prompt: "a paper crane", size: "256x256" };
    await generate(url, body);
    assert.equal((await generate(url, { ...body, cache: { namespace: "other" } })).cache, "MISS");
    assert.equal((await generate(url, body, { "X-Reprise-Namespace": "other" })).cache, "HIT EXACT");
  });

  it("mode exact, and thresholds that can only rise", async () => {
    await generate(url, { prompt: "a red fox in the snow", size: "256x256" });
    const body = { prompt: "a red fox in snow", size: "256x256" };
    assert.equal((await generate(url, { ...body, cache: { mode: "exact", "only-if-cached": true } })).status, 504);
    const strict = { ...body, cache: { similarity_threshold: 1, "only-if-cached": true } };
    assert.equal((await generate(url, strict)).status, 504);
    const loose = { prompt: "a blue fox in the snow", size: "256x256",
      cache: { similarity_threshold: 0, match: "off", "only-if-cached": true } };
    assert.equal((await generate(url, loose)).status, 504);
    assert.equal((await generate(url, body)).cache, "HIT SEMANTIC");
  });

  it("variants are filled first, then rotated", async () => {
    const body = { prompt: "a marble run", size: "256x256", cache: { variants: 2 } };
    const kinds = [], images = new Set();
    for (let i = 0; i < 4; i++) {
      const reply = await generate(url, body);
      kinds.push(reply.cache);
      images.add(reply.bytes.toString("base64"));
    }
    assert.deepEqual(kinds, ["MISS", "MISS", "HIT EXACT", "HIT EXACT"]);
    assert.equal(images.size, 2);
  });

  it("a seed has one image, and n images are those of the seeds that follow", async () => {
    const ask = (seed, n, more = {}) =>
      generate(url, { prompt: "a glass marble", size: "64x64", seed, n, ...more });
    const images = (reply) => reply.json.data.map((image) => image.b64_json);
    const before = await calls();
    const [five, six] = images(await ask(5, 2));
    assert.notEqual(five, six);
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(images(await ask(5, 1)), [five]);
      assert.deepEqual(images(await ask(6, 1, { cache: { variants: 3 } })), [six]);
    }
    const more = await ask(4, 4);
    assert.equal(more.cache, "MISS");
    assert.deepEqual(images(more).slice(1, 3), [five, six]);
    assert.equal(new Set(images(more)).size, 4);
    const again = await ask(4, 4);
    assert.deepEqual([again.cache, images(again)], ["HIT EXACT", images(more)]);
    assert.equal(await calls(), before + 4);
    const fresh = await ask(-1, 2);
    assert.equal(fresh.cache, "BYPASS");
    assert.equal(new Set([...images(fresh), ...images(more)]).size, 6);
  });

  it("are refused when unknown or wrong", async () => {
    for (const cache of [{ nocache: true }, { ttl: -1 }, { ttl: "x" }, { mode: "fuzzy" }, "yes"]) {
      const reply = await generate(url, { prompt: "x", cache });
      assert.equal(reply.status, 400, JSON.stringify(cache));
      assert.match(reply.json.error.param, /^cache/);
    }
  });
});

describe("how strictly prompts are matched", () => {
  const size = "64x64";
  const only = { "only-if-cached": true };

  it("mode off is plain cosine, which a request may tighten", async () => {
    const plain = await startGateway({
      config: "cache: {match: off, similarity_threshold: 0.5}\nsimulator: {latency: 1ms}\n",
    });
    try {
      await generate(plain.url, { prompt: "a red fox in the snow", size });
      const blue = { prompt: "a blue fox in the snow", size, cache: only };
      const hit = await generate(plain.url, blue);
      assert.equal(hit.cache, "HIT SEMANTIC");
      assert.equal(hit.header("x-reprise-reason"), "cosine");
      for (const match of ["hard", "safe"]) {
        const refused = await generate(plain.url, blue, { "X-Reprise-Match": match });
        assert.equal(refused.status, 504, match);
        assert.match(refused.header("x-reprise-reason"), /^colour: /);
        assert.equal((await generate(plain.url, { ...blue, cache: { ...only, match } })).status, 504);
      }
      const wrong = await generate(plain.url, blue, { "X-Reprise-Match": "strict" });
      assert.equal(wrong.status, 400);
    } finally {
      await plain.stop();
    }
  });

  it("a tenant tightens what the deployment set", async () => {
    const strict = await startGateway({
      config: "tenants:\n  default: {mode: exact}\nsimulator: {latency: 1ms}\n",
    });
    try {
      const prompt = "a red fox in the snow";
      await generate(strict.url, { prompt, size });
      assert.equal((await generate(strict.url, { prompt, size })).cache, "HIT EXACT");
      const other = { prompt: `please draw ${prompt}`, size, cache: { ...only, mode: "semantic" } };
      assert.equal((await generate(strict.url, other)).status, 504);
    } finally {
      await strict.stop();
    }
  });

  it("no-cache with no-store replaces nothing", async () => {
    const prompt = "a kettle that is asked for aside";
    const first = await generate(url, { prompt, size });
    const aside = await generate(url, { prompt, size, cache: { "no-cache": true, "no-store": true } });
    assert.equal(aside.cache, "BYPASS");
    assert.notDeepEqual(aside.bytes, first.bytes);
    assert.deepEqual((await generate(url, { prompt, size })).bytes, first.bytes);
  });
});

describe("every reply explains itself", () => {
  it("on a miss, an exact and a semantic hit", async () => {
    const body = { prompt: "an old wooden bridge", size: "256x256" };
    const miss = await generate(url, body);
    assert.match(miss.header("cache-status"), /^Reprise; fwd=uri-miss; stored; detail=/);
    const exact = await generate(url, body);
    assert.match(exact.header("cache-status"), /^Reprise; hit; ttl=\d+; detail="exact"$/);
    assert.match(exact.header("age"), /^\d+$/);
    assert.equal(exact.header("etag"), miss.header("etag"));
    assert.ok(Number(exact.header("x-reprise-saved-usd")) > 0);
    assert.equal(exact.header("x-reprise-bucket"), "sq_sm");
    const semantic = await generate(url, { ...body, prompt: "the old wooden bridge" });
    assert.equal(semantic.cache, "HIT SEMANTIC");
    assert.equal(semantic.header("x-reprise-entry"), miss.header("x-reprise-entry"));
    const refused = await generate(url, { ...body, prompt: "a new wooden bridge" });
    assert.equal(refused.cache, "MISS");
    assert.ok(refused.header("x-reprise-reason").includes("/"), refused.header("x-reprise-reason"));
    assert.ok(refused.header("x-reprise-refused"));
  });
});

describe("GET /images", () => {
  let image;
  before(async () => {
    const reply = await generate(url, { prompt: "a lamp", size: "256x256", response_format: "url" });
    image = reply.json.data[0].url;
  });

  it("is immutable and conditional", async () => {
    const whole = await fetch(image);
    assert.equal(whole.headers.get("cache-control"), "public, max-age=31536000, immutable");
    const etag = whole.headers.get("etag");
    const again = await fetch(image, { headers: { "If-None-Match": etag } });
    assert.equal(again.status, 304);
    assert.equal((await again.arrayBuffer()).byteLength, 0);
    assert.equal((await fetch(image, { headers: { "If-None-Match": '"other"' } })).status, 200);
  });

  it("answers HEAD with the length and nothing else", async () => {
    const whole = Buffer.from(await (await fetch(image)).arrayBuffer());
    const head = await fetch(image, { method: "HEAD" });
    assert.equal(Number(head.headers.get("content-length")), whole.length);
    assert.equal((await head.arrayBuffer()).byteLength, 0);
  });

  it("answers ranges", async () => {
    const whole = Buffer.from(await (await fetch(image)).arrayBuffer());
    const range = async (value, more = {}) =>
      fetch(image, { headers: { Range: value, ...more } });
    const first = await range("bytes=0-9");
    assert.equal(first.status, 206);
    assert.equal(first.headers.get("content-range"), `bytes 0-9/${whole.length}`);
    assert.deepEqual(Buffer.from(await first.arrayBuffer()), whole.subarray(0, 10));
    const last = await range("bytes=-5");
    assert.deepEqual(Buffer.from(await last.arrayBuffer()), whole.subarray(-5));
    const open = await range(`bytes=${whole.length - 3}-`);
    assert.deepEqual(Buffer.from(await open.arrayBuffer()), whole.subarray(-3));
    assert.equal((await range(`bytes=${whole.length}-`)).status, 416);
    assert.equal((await range("bytes=5-2")).status, 200);
    assert.equal((await range("lines=1-2")).status, 200);
    assert.equal((await range("bytes=0-9", { "If-Range": '"other"' })).status, 200);
  });

  it("renders other formats, and refuses what cannot be", async () => {
    const jpeg = await fetch(image.replace(".png", "_128x128.jpeg"));
    assert.equal(jpeg.headers.get("content-type"), "image/jpeg");
    const info = imageInfo(Buffer.from(await jpeg.arrayBuffer()));
    assert.deepEqual([info.width, info.height], [128, 128]);
    for (const name of ["nope.png", "../reprise.db", `${"0".repeat(32)}.png`,
      `${"0".repeat(32)}.exe`, "%2e%2e%2freprise.db"]) {
      assert.equal((await fetch(`${url}/images/${name}`)).status, 404, name);
    }
    assert.equal((await fetch(image.replace(".png", "_4000x4000.png"))).status, 400);
  });
});

describe("bad input", () => {
  const cases = [
    ["no prompt", {}, 400, "prompt"],
    ["an empty prompt", { prompt: "" }, 400, "prompt"],
    ["a blank prompt", { prompt: " \n\t" }, 400, "prompt"],
    ["a prompt that is no string", { prompt: 5 }, 400, "prompt"],
    ["an over-long prompt", { prompt: "x".repeat(32001) }, 400, "prompt"],
    ["n of 0", { prompt: "x", n: 0 }, 400, "n"],
    ["n of 11", { prompt: "x", n: 11 }, 400, "n"],
    ["n of 1.5", { prompt: "x", n: 1.5 }, 400, "n"],
    ["n as text", { prompt: "x", n: "2" }, 400, "n"],
    ["a size without x", { prompt: "x", size: "1024" }, 400, "size"],
    ["a huge size", { prompt: "x", size: "99999x99999" }, 400, "size"],
    ["a negative size", { prompt: "x", size: "-5x10" }, 400, "size"],
    ["an unknown format", { prompt: "x", output_format: "bmp" }, 400, "output_format"],
    ["a compression of 101", { prompt: "x", output_compression: 101 }, 400, "output_compression"],
    ["an unknown response format", { prompt: "x", response_format: "tiff" }, 400, "response_format"],
    ["too many partial images", { prompt: "x", stream: true, partial_images: 4 }, 400, "partial_images"],
    ["an unknown model", { prompt: "x", model: "no-such-model" }, 404, null],
    ["a list", [1], 400, null],
    ["half an object", '{"prompt": "x"', 400, null],
    ["no JSON", "prompt=x", 400, null],
    ["a key given twice", '{"prompt":"a","prompt":"b"}', 400, "prompt"],
    ["invalid UTF-8", Buffer.from([...Buffer.from('{"prompt":"'), 0xff, 0xfe, 0x22, 0x7d]), 400, null],
    ["nothing", "", 400, null],
    ["deep nesting", `{"prompt":${"[".repeat(5000)}${"]".repeat(5000)}}`, 400, null],
  ];
  for (const [name, body, status, param] of cases) {
    it(`${name}: ${status} in OpenAI's shape`, async () => {
      const response = await fetch(`${url}/v1/images/generations`, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      });
      assert.equal(response.status, status);
      const { error } = await response.json();
      assert.ok(error.message.length > 10, error.message);
      assert.equal(error.type, "invalid_request_error");
      if (param) assert.equal(error.param, param);
    });
  }

  it("a wrong content type: 415", async () => {
    const reply = await generate(url, "prompt=x", { "Content-Type": "application/x-www-form-urlencoded" });
    assert.equal(reply.status, 415);
    assert.match(reply.json.error.message, /application\/json/);
  });

  it("a body too large: 413", async () => {
    const reply = await generate(url, JSON.stringify({ prompt: "x", pad: "y".repeat(33 << 20) }));
    assert.equal(reply.status, 413);
    assert.match(reply.json.error.message, /33554432/);
  });

  it("a body far too large is cut off, and the server lives", async () => {
    await assert.rejects(generate(url, "x".repeat(64 << 20)));
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it("unknown routes and methods: 404, 405", async () => {
    const missing = await fetch(`${url}/v1/nothing`);
    assert.equal(missing.status, 404);
    assert.equal((await missing.json()).error.code, "not_found");
    const wrong = await fetch(`${url}/v1/images/generations`);
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "POST");
    assert.equal((await fetch(`${url}/healthz`, { method: "DELETE" })).status, 405);
  });

  it("garbage instead of HTTP closes that connection only", async () => {
    const { port } = new URL(url);
    const ended = new Promise((done) => {
      const socket = connect(Number(port), "127.0.0.1", () => socket.write("\x16\x03\x01 hello\r\n\r\n"));
      socket.on("close", done);
      socket.on("error", done);
      socket.resume();
    });
    await ended;
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  });

  it("a client that goes away mid-request harms nobody", async () => {
    const before = await calls();
    await new Promise((done) => {
      const body = JSON.stringify({ prompt: "simulate:hang-up a pier", size: "256x256" });
      const gone = request(`${url}/v1/images/generations`,
        { method: "POST", headers: { "Content-Type": "application/json" } });
      gone.on("error", done);
      gone.end(body);
      setTimeout(() => gone.destroy(new Error("gone")), 1);
    });
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.ok(await calls() - before <= 1);
  });
});

describe("health", () => {
  it("is told", async () => {
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    const stats = await gateway.stats();
    assert.ok(stats.requests.total > 0);
    assert.ok(stats.entries > 0);
    assert.equal(stats.vectors, stats.entries);
    assert.ok(stats.saved_usd > 0);
  });
});
