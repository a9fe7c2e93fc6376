import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { afterEach, expect, test, vi } from "vitest";
import { Live } from "./live.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A server that does nothing but tell. */
async function start(live: Live): Promise<{ server: Server; url: string }> {
  const site = new Hono().get("/", (context) => streamSSE(context, (stream) => live.tell(stream)));
  const server = serve({ fetch: site.fetch, hostname: "127.0.0.1", port: 0 }) as Server;
  await once(server, "listening");
  ends.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** A browser: `events` are the next so many that it is sent, comments among them. */
async function connect(url: string) {
  const gone = new AbortController();
  const response = await fetch(url, { signal: gone.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const events = async (count: number): Promise<string[]> => {
    while (text.split("\n\n").length <= count) {
      const { done, value } = await reader.read();
      if (done) throw new Error("the stream has ended");
      text += value;
    }
    const parts = text.split("\n\n");
    text = parts.slice(count).join("\n\n");
    return parts.slice(0, count);
  };
  return { events, leave: () => gone.abort(), type: response.headers.get("content-type") };
}

/** Everything, as it is sent. */
const first = "data: everything\nretry: 1000";

test("a browser is told everything, then each change, of several of one part the latest", async () => {
  const live = new Live(async () => "<p>all</p>\r\n<p>of it</p>");
  const { url } = await start(live);
  const browser = await connect(url);
  expect(browser.type).toBe("text/event-stream");
  expect(await browser.events(1)).toEqual(["data: <p>all</p>\ndata: <p>of it</p>\nretry: 1000"]);
  live.publish("a", "old");
  live.publish("b", "other");
  live.publish("a", "new");
  expect(await browser.events(1)).toEqual(["data: new\ndata: other"]);
});

test("what changes while everything is read comes after it", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const live = new Live(() => promise);
  const { url } = await start(live);
  const browser = await connect(url);
  live.publish("a", "change");
  resolve("everything");
  expect(await browser.events(2)).toEqual([first, "data: change"]);
});

test("browsers that come at once share one reading, unless something changes meanwhile", async () => {
  const readings: ((text: string) => void)[] = [];
  const live = new Live(() => new Promise((resolve) => readings.push(resolve)));
  const { url } = await start(live);
  const early = await Promise.all(Array.from({ length: 20 }, () => connect(url)));
  expect([live.size, readings.length]).toEqual([20, 1]);
  live.publish("a", "change");
  const late = await connect(url);
  expect(readings.length).toBe(2);
  for (const [index, answer] of readings.entries()) answer(`reading ${index}`);
  for (const browser of early) {
    expect(await browser.events(2)).toEqual(["data: reading 0\nretry: 1000", "data: change"]);
  }
  expect(await late.events(1)).toEqual(["data: reading 1\nretry: 1000"]);
});

test("a browser that goes away is forgotten", async () => {
  const live = new Live(async () => "everything");
  const { url } = await start(live);
  const browsers = await Promise.all([connect(url), connect(url)]);
  for (const { events } of browsers) await events(1);
  browsers[0]!.leave();
  await vi.waitFor(() => expect(live.size).toBe(1));
  browsers[1]!.leave();
  await vi.waitFor(() => expect(live.size).toBe(0));
});

test("an idle stream is written to now and then", async () => {
  const { url } = await start(new Live(async () => "everything", { heartbeat: 20 }));
  const browser = await connect(url);
  expect(await browser.events(3)).toEqual([first, ":", ":"]);
});

test("a browser that does not read makes nothing pile up", async () => {
  const live = new Live(async () => "everything");
  const { url } = await start(live);
  const slow = await connect(url);
  // More than the buffers on the way take in, and 40 times as long as the rest between two events.
  const large = "x".repeat(4_000_000);
  let round = 0;
  for (const end = Date.now() + 2000; Date.now() < end; round++) {
    live.publish("a", `${round} ${large}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  let told = 0;
  for (let event = ""; !event.startsWith(`data: ${round - 1} x`); told++) [event = ""] = await slow.events(1);
  // The latest came at once after the few that were on the way.
  expect(told).toBeLessThan(10);
});

test("closed, it ends every stream", async () => {
  const live = new Live(async () => "everything");
  const { url } = await start(live);
  const browser = await connect(url);
  expect(await browser.events(1)).toEqual([first]);
  live.close();
  // What is under way to it may come first.
  await expect(browser.events(3)).rejects.toThrow("the stream has ended");
  expect([live.size, live.closed]).toEqual([0, true]);
});

test("a reading that fails ends the stream, for the browser to try again", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  ends.push(() => error.mockRestore());
  const live = new Live(() => Promise.reject(new Error("the database is gone")));
  const { url } = await start(live);
  const browser = await connect(url);
  await expect(browser.events(1)).rejects.toThrow("the stream has ended");
  expect(live.size).toBe(0);
});
