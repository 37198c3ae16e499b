// Image chat answered by a chat upstream: what the model says beside its images, what the images
// cost, and reference images.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { generate, startGateway, startSimulator } from "./gateway.mjs";

const kind = (headers) => [headers.get("x-cache"), headers.get("x-cache-type")]
  .filter(Boolean).join(" ");

describe("chat through a chat upstream", () => {
  let simulator, gateway, client;
  before(async () => {
    simulator = await startSimulator();
    gateway = await startGateway({
      config: `budget_usd: 1
upstreams:
  openrouter: {kind: chat, url: '${simulator.url}', api_key: sk-up, default_price: 0.04}
routes:
  google/gemini-2.5-flash-image: [{upstream: openrouter}]
`,
    });
    client = new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey: "sk-any", maxRetries: 0 });
  });
  after(async () => {
    await gateway.stop();
    await simulator.stop();
  });

  const ask = async (content, more = {}) => {
    const { data, response } = await client.chat.completions.create({
      model: "google/gemini-2.5-flash-image", modalities: ["image", "text"],
      messages: [{ role: "user", content }], ...more,
    }).withResponse();
    return { data, message: data.choices?.[0].message, kind: kind(response.headers),
      header: (name) => response.headers.get(name) };
  };
  const chatCalls = async () => (await simulator.calls()).by_api.chat;

  it("keeps the model's words with its images", async () => {
    const miss = await ask("a red fox in the snow");
    assert.equal(miss.kind, "MISS");
    assert.equal(miss.header("x-reprise-upstream"), "openrouter");
    assert.equal(miss.message.content, "Here is your picture.");
    assert.equal(miss.message.images.length, 1);
    const calls = await chatCalls();
    const hit = await ask("a red fox in the snow");
    const rephrased = await ask("A red fox in snow.");
    assert.deepEqual([hit.kind, rephrased.kind], ["HIT EXACT", "HIT SEMANTIC"]);
    for (const { message } of [hit, rephrased]) assert.deepEqual(message, miss.message);
    assert.equal(await chatCalls(), calls, "hits ask nobody");
  });

  it("streams the same words on a hit", async () => {
    const { data, kind } = await ask("a red fox in the snow", { stream: true });
    assert.equal(kind, "HIT EXACT");
    let text = "", images = 0;
    for await (const { choices } of data) {
      text += choices[0]?.delta.content ?? "";
      images += choices[0]?.delta.images?.length ?? 0;
    }
    assert.deepEqual([text, images], ["Here is your picture.", 1]);
  });

  it("tells reference images apart by their content", async () => {
    const draw = async (prompt) => (await generate(simulator.url.replace("/v1", ""),
      { model: "gpt-image-1", prompt, size: "64x64" })).bytes.toString("base64");
    const [cat, dog] = [await draw("a cat"), await draw("a dog")];
    const withImage = (image, text) => ask([
      { type: "text", text },
      { type: "image_url", image_url: { url: `data:image/png;base64,${image}` } }]);
    const miss = await withImage(cat, "give it a red hat");
    assert.equal(miss.kind, "MISS");
    assert.equal((await withImage(cat, "give it a red hat")).kind, "HIT EXACT");
    const rephrased = await withImage(cat, "Give it a red hat!");
    assert.equal(rephrased.kind, "HIT SEMANTIC");
    assert.deepEqual(rephrased.message, miss.message);
    const other = await withImage(dog, "give it a red hat");
    assert.equal(other.kind, "MISS");
    assert.notEqual(other.message.images[0].image_url.url, miss.message.images[0].image_url.url);
  });

  it("sends the parts of a message in the order they came in, and tells orders apart", async () => {
    const sent = [];
    const recorder = createServer(async (request, response) => {
      const body = await new Response(Readable.toWeb(request)).text();
      sent.push(JSON.parse(body).messages.at(-1).content);
      const answer = await fetch(`${simulator.url}/chat/completions`,
        { method: "POST", headers: { "Content-Type": "application/json" }, body });
      response.writeHead(answer.status, { "Content-Type": "application/json" });
      response.end(await answer.text());
    });
    await new Promise((done) => recorder.listen(0, "127.0.0.1", done));
    const other = await startGateway({
      config: `upstreams:
  router: {kind: chat, url: 'http://127.0.0.1:${recorder.address().port}/v1'}
routes:
  google/gemini-2.5-flash-image: [{upstream: router}]
`,
    });
    try {
      const draw = async (prompt) => (await generate(simulator.url.replace("/v1", ""),
        { model: "gpt-image-1", prompt, size: "64x64" })).bytes.toString("base64");
      const picture = (bytes) =>
        ({ type: "image_url", image_url: { url: `data:image/png;base64,${bytes}` } });
      const [cat, dog] = [picture(await draw("a cat")), picture(await draw("a dog"))];
      const link = { type: "image_url", image_url: { url: "https://host.example/a.png" } };
      const text = (words) => ({ type: "text", text: words });
      const orders = [
        [text("swap the hats"), cat, dog], [cat, text("swap the hats"), dog],
        [dog, text("swap the hats"), cat], [cat, dog, text("swap the hats")],
        [link, text("swap the hats"), cat], [text("swap the hats"), link, cat],
        [text("put this"), cat, text("on that"), dog], [text("put this"), dog, text("on that"), cat],
      ];
      const send = async (content) => {
        const response = await fetch(`${other.url}/v1/chat/completions`, {
          method: "POST", headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ model: "google/gemini-2.5-flash-image",
            modalities: ["image", "text"], messages: [{ role: "user", content }] }),
        });
        assert.equal(response.status, 200, await response.text());
        return kind(response.headers);
      };
      for (const order of orders) {
        assert.equal(await send(order), "MISS");
        assert.deepEqual(sent.at(-1), order);
      }
      for (const order of orders) assert.equal(await send(order), "HIT EXACT");
      assert.equal(sent.length, orders.length);
      assert.equal(await send([cat, text("Swap the hats!"), dog]), "HIT SEMANTIC");
    } finally {
      await other.stop();
      recorder.closeAllConnections();
      await new Promise((done) => recorder.close(done));
    }
  });

  it("books what the upstream bills", async () => {
    const spent = async () =>  // since the start
      (await gateway.stats()).upstreams.find(({ name }) => name === "openrouter").spent_usd;
    const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);
    const before = await spent();
    await ask("a lighthouse at dusk");
    near(await spent() - before, 0.04);  // the price list's: the answer names none
    await ask("a harbour at dawn simulate:cost=0.0125");
    near(await spent() - before, 0.0525);
    await ask("a mountain hut simulate:cost=0.25");
    near(await spent() - before, 0.3025);
    const hit = await ask("a mountain hut simulate:cost=0.25");
    assert.equal(hit.kind, "HIT EXACT");
    near(Number(hit.header("x-reprise-saved-usd")), 0.25);
    near(await spent() - before, 0.3025);
  });
});
