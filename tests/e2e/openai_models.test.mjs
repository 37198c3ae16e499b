import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI from "openai";
import { startGateway } from "./gateway.mjs";

describe("models", () => {
  let gateway, client;
  before(async () => {
    gateway = await startGateway({ config: "model: google/gemini-2.5-flash-image\n" });
    client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "sk-any", maxRetries: 0 });
  });
  after(() => gateway.stop());

  it("are listed", async () => {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, ["google/gemini-2.5-flash-image"]);
  });

  it("are found, escaped or not", async () => {
    const model = await client.models.retrieve("google/gemini-2.5-flash-image");
    assert.deepEqual([model.id, model.object], ["google/gemini-2.5-flash-image", "model"]);
    const plain = await fetch(`${gateway.url}/v1/models/google/gemini-2.5-flash-image`);
    assert.equal((await plain.json()).id, "google/gemini-2.5-flash-image");
  });

  it("are not found when there are none of that name", async () => {
    await assert.rejects(client.models.retrieve("gpt-5"), (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.equal(error.code, "model_not_found");
      return true;
    });
  });
});
