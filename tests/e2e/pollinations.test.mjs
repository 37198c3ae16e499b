// Pollinations' API as plain curl uses it: GET /prompt/{prompt}.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { imageInfo, startGateway, startSimulator } from "./gateway.mjs";

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

// What curl -i shows.
function curl(path, ...args) {
  return new Promise((done, fail) => {
    execFile("curl", ["-s", "-i", "--globoff", ...args, url + path],
      { encoding: "buffer", maxBuffer: 64 << 20 }, (error, out) => {
        if (error) return fail(error);
        const end = out.indexOf("\r\n\r\n");
        const head = out.subarray(0, end).toString("latin1").split("\r\n");
        const headers = Object.fromEntries(head.slice(1).map((line) => {
          const colon = line.indexOf(":");
          return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
        }));
        const body = out.subarray(end + 4);
        const cache = [headers["x-cache"], headers["x-cache-type"]].filter(Boolean).join(" ");
        done({ status: Number(head[0].split(" ")[1]), headers, body, cache,
          json: () => JSON.parse(body.toString()) });
      });
  });
}

describe("GET /prompt/{prompt}", () => {
  it("gives the image itself: a miss, then hits", async () => {
    const path = "/prompt/a%20red%20fox%20in%20the%20snow?width=512&height=512";
    const miss = await curl(path);
    assert.equal(miss.status, 200);
    assert.equal(miss.cache, "MISS");
    assert.equal(miss.headers["content-type"], "image/png");
    assert.equal(Number(miss.headers["content-length"]), miss.body.length);
    assert.deepEqual(imageInfo(miss.body), { type: "png", width: 512, height: 512 });
    assert.equal(miss.headers["cache-control"], "public, max-age=86400");

    const before = await calls();
    const hit = await curl(path);
    assert.equal(hit.cache, "HIT EXACT");
    assert.deepEqual(hit.body, miss.body);
    assert.equal(hit.headers.etag, miss.headers.etag);
    const semantic = await curl("/prompt/A%20red%20fox%20in%20snow.?width=512&height=512");
    assert.equal(semantic.cache, "HIT SEMANTIC");
    assert.deepEqual(semantic.body, miss.body);
    const refused = await curl("/prompt/a%20blue%20fox%20in%20the%20snow?width=512&height=512",
      "-H", "Cache-Control: only-if-cached");
    assert.equal(refused.status, 504);
    assert.match(refused.headers["x-reprise-reason"], /^colour:/);
    assert.equal(await calls(), before);
  });

  it("has one key for spellings of one request", async () => {
    await curl("/prompt/a%20caf%C3%A9%20by%20the%20sea?width=256&height=256&seed=7&enhance=true");
    const before = await calls();
    for (const path of [
      "/prompt/a%20caf%c3%a9%20by%20the%20sea?width=256&height=256&seed=7&enhance=true",
      "/prompt/%61%20café%20by%20the%20se%61?width=256&height=256&seed=7&enhance=true",
      "/image/a%20caf%C3%A9%20by%20the%20sea?width=256&height=256&seed=7&enhance=true",
      "/prompt/a%20caf%C3%A9%20by%20the%20sea?enhance=true&seed=7&height=256&width=256",
      "/prompt/a%20caf%C3%A9%20by%20the%20sea?enhance=TRUE&seed=7&height=256&width=256&nologo=true" +
        "&referrer=x&token=t&private=true&safe=false&model=&nofeed=1",
    ]) {
      assert.equal((await curl(path)).cache, "HIT EXACT", path);
    }
    assert.equal(await calls(), before);
  });

  it("has another key for what shapes the image", async () => {
    await curl("/prompt/an%20oak?width=256&height=256");
    for (const more of ["seed=0", "seed=42", "negative_prompt=leaves", "model=dall-e-2",
      "enhance=true", "image=https://a.example/1.png", "image=https://a.example/2.png"]) {
      const path = `/prompt/an%20oak?width=256&height=256&${more}`;
      assert.equal((await curl(path)).cache, "MISS", more);
      assert.equal((await curl(path)).cache, "HIT EXACT", more);
    }
  });

  it("takes slashes into the prompt, raw or encoded", async () => {
    const raw = await curl("/prompt/a%20black/white%20photo%20of%20a%20bridge?width=128&height=128");
    assert.equal(raw.status, 200);
    assert.equal(raw.cache, "MISS");
    const encoded = "/prompt/a%20black%2Fwhite%20photo%20of%20a%20bridge?width=128&height=128";
    assert.equal((await curl(encoded)).cache, "HIT EXACT");
    assert.equal((await curl("/prompt/?width=128&height=128")).status, 404);
  });

  it("prompts of other scripts stay apart", async () => {
    const texts = ["красная машина", "синяя машина", "赤い車", "青い車", "pequeño", "peque o"];
    const seen = new Set();
    for (const text of texts) {
      const reply = await curl(`/prompt/${encodeURIComponent(text)}?width=128&height=128`);
      assert.equal(reply.cache, "MISS", text);
      seen.add(reply.headers.etag);
    }
    assert.equal(seen.size, texts.length);
  });

  it("seed -1 is a new image each time, and nobody keeps a copy of it", async () => {
    const path = "/prompt/a%20die?width=128&height=128&seed=-1";
    const [first, second] = [await curl(path), await curl(path)];
    assert.deepEqual([first.cache, second.cache], ["BYPASS", "BYPASS"]);
    assert.notDeepEqual(first.body, second.body);
    assert.equal(first.headers["cache-control"], "no-store");
  });

  it("no-cache, in the query or as a header, generates again", async () => {
    const path = "/prompt/a%20clay%20jug?width=128&height=128";
    const first = await curl(path);
    const again = await curl(`${path}&no-cache`);
    assert.equal(again.cache, "REFRESH");
    assert.notDeepEqual(again.body, first.body);
    assert.deepEqual((await curl(path)).body, again.body);
    assert.equal((await curl(path, "-H", "Cache-Control: no-cache")).cache, "REFRESH");
    assert.equal((await curl(`${path}&no-cache=false`)).cache, "HIT EXACT");
  });

  it("answers conditions and ranges", async () => {
    const path = "/prompt/a%20glass%20teapot?width=256&height=256";
    const whole = await curl(path);
    const same = await curl(path, "-H", `If-None-Match: ${whole.headers.etag}`);
    assert.equal(same.status, 304);
    assert.equal(same.body.length, 0);
    assert.equal(same.cache, "HIT EXACT");
    assert.equal((await curl(path, "-H", 'If-None-Match: "other"')).status, 200);
    const part = await curl(path, "-H", "Range: bytes=10-19");
    assert.equal(part.status, 206);
    assert.deepEqual(part.body, whole.body.subarray(10, 20));
    assert.equal(part.headers["content-range"], `bytes 10-19/${whole.body.length}`);
  });

  it("HEAD is GET without the body, and costs no second image", async () => {
    const path = "/prompt/a%20paper%20boat?width=256&height=256";
    const before = await calls();
    const head = await curl(path, "-I");
    assert.equal(head.status, 200);
    assert.equal(head.cache, "MISS");
    assert.equal(head.body.length, 0);
    const get = await curl(path);
    assert.equal(get.cache, "HIT EXACT");
    assert.equal(get.headers.etag, head.headers.etag);
    assert.equal(get.headers["content-length"], head.headers["content-length"]);
    assert.equal(await calls(), before + 1);
    const nothing = await curl("/prompt/never%20asked%20for", "-I", "-H", "Cache-Control: only-if-cached");
    assert.equal(nothing.status, 504);
    assert.equal(await calls(), before + 1);
  });

  it("private replies are for the caller's own cache", async () => {
    const path = "/prompt/a%20diary?width=128&height=128";
    assert.match((await curl(`${path}&private=true`)).headers["cache-control"], /^private, /);
    const keyed = await curl(path, "-H", "Authorization: Bearer secret");
    assert.match(keyed.headers["cache-control"], /^private, /);
    assert.equal(keyed.cache, "HIT EXACT");
  });

  it("errors are JSON of that service's shape, with the decision", async () => {
    for (const [query, param] of [["width=0", "width"], ["height=1e9", "height"], ["seed=x", "seed"],
      ["seed=1&seed=2", "seed"]]) {
      const reply = await curl(`/prompt/a%20fox?${query}`);
      assert.equal(reply.status, 400);
      assert.equal(reply.headers["content-type"], "application/json");
      assert.equal(reply.json().error, "Bad Request");
      assert.equal(reply.json().details.param, param);
    }
    assert.equal((await curl("/prompt/%20")).json().details.param, "prompt");
    const refused = await curl("/prompt/simulate%3Arefuse");
    assert.equal(refused.status, 400);
    assert.equal(refused.cache, "MISS");
    assert.equal(refused.json().details.code, "content_policy_violation");
    assert.equal((await curl("/prompt/simulate%3Arefuse")).cache, "MISS");
    assert.equal((await curl("/prompt/a", "-X", "POST")).status, 405);
  });

  it("shares what is stored with the other surfaces", async () => {
    await curl("/prompt/a%20windmill?width=1024&height=1024");
    const reply = await fetch(`${url}/v1/generate`, { method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a windmill", size: "1024x1024" }) });
    assert.equal((await reply.json()).cache.type, "EXACT");
  });
});
