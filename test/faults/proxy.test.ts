import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CuttingProxy } from "./proxy.ts";
import { until } from "./until.ts";

let server: Server;
let proxy: CuttingProxy;
/** What has come to the server. */
let received = "";
const clients: Client[] = [];
const { signal } = new AbortController();

/** Answers each line by the same in capitals. */
beforeEach(async () => {
  received = "";
  server = createServer((socket) => {
    socket.on("error", () => undefined).setEncoding("utf8");
    socket.on("data", (text: string) => {
      received += text;
      if (text.endsWith("\n")) socket.write(text.toUpperCase());
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  proxy = await CuttingProxy.start((server.address() as AddressInfo).port);
});

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await proxy.close();
  server.close();
  await once(server, "close");
});

interface Client {
  readonly socket: Socket;
  received: string;
  isClosed: boolean;
}

async function client(): Promise<Client> {
  const socket = connect(proxy.port, "127.0.0.1");
  const client: Client = { socket, received: "", isClosed: false };
  clients.push(client);
  socket.on("error", () => undefined).setEncoding("utf8");
  socket.on("data", (text: string) => (client.received += text));
  socket.on("close", () => (client.isClosed = true));
  await once(socket, "connect");
  return client;
}

async function ask(client: Client, line: string): Promise<void> {
  const before = client.received;
  client.socket.write(`${line}\n`);
  await until("there is an answer", () => client.received !== before, signal);
}

const isCut = (client: Client): Promise<void> => until("it is cut", () => client.isClosed, signal, 2000);

test("passes on what comes, both ways", async () => {
  const one = await client();
  const other = await client();
  await ask(one, "one");
  await ask(other, "other");
  expect([one.received, other.received, received, proxy.size]).toEqual([
    "ONE\n",
    "OTHER\n",
    "one\nother\n",
    2,
  ]);
});

test("cuts the connections that are meant", async () => {
  const one = await client();
  const other = await client();
  await ask(other, "here");
  proxy.cut((index) => index === 0);
  await isCut(one);
  await ask(other, "still here");
  expect([proxy.cuts, proxy.size]).toEqual([1, 1]);
});

test("cuts a connection after so many bytes", async () => {
  const one = await client();
  await ask(one, "1234");
  proxy.cutAfter(7, () => true);
  await ask(one, "5678");
  await isCut(one);
  // Five went to the server, and two came back.
  expect([received, one.received]).toEqual(["1234\n5678\n", "1234\n56"]);
});

test("cuts a request in the middle", async () => {
  const one = await client();
  proxy.cutOn(/claim/, "request");
  await ask(one, "send");
  expect(proxy.isWatching).toBe(true);
  one.socket.write("claim it\n");
  await isCut(one);
  await until("a part has come", () => received.length > 5, signal);
  expect([received, one.received, proxy.isWatching]).toEqual(["send\nclai", "SEND\n", false]);
});

test("loses the reply to a request that the server has got", async () => {
  const one = await client();
  proxy.cutOn(/claim/, "reply");
  one.socket.write("claim it\n");
  await isCut(one);
  expect([received, one.received]).toEqual(["claim it\n", ""]);
});

test("stalls, and tells nobody", async () => {
  const one = await client();
  await ask(one, "before");
  proxy.stall(300);
  one.socket.write("meanwhile\n");
  await sleep(150);
  expect([received, one.isClosed]).toEqual(["before\n", false]);
  await until("it goes on", () => one.received === "BEFORE\nMEANWHILE\n", signal);
});

test("refuses connections for a while", async () => {
  proxy.refuse(200);
  await isCut(await client());
  await sleep(250);
  await ask(await client(), "again");
  expect(received).toBe("again\n");
});

test("mutes the connections that there are, or those to come", async () => {
  const [before, other] = [await client(), await client()];
  await ask(before, "one");
  proxy.mute();
  proxy.takesMutely = true;
  const between = await client();
  proxy.takesMutely = false;
  for (const { socket } of [before, between]) socket.write("two\n");
  const after = await client();
  await ask(after, "three");
  await sleep(100);
  expect([before, other, between, after].map(({ received }) => received)).toEqual([
    "ONE\n",
    "",
    "",
    "THREE\n",
  ]);
  expect([before, other, between].some(({ isClosed }) => isClosed)).toBe(false);
  expect(received).toBe("one\nthree\n");
});
