/** A TCP proxy before a server of this machine, which can cut connections where it hurts. @module */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What passes, seen from the server. */
export type Direction = "in" | "out";

/** Where the connection of a request is cut. */
export type Moment =
  /** The server gets a part of the request. */
  | "request"
  /** The server gets the request, and does what it says; its reply is lost. */
  | "reply";

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
  /** Cut when so many more bytes have passed. */
  bytesLeft: number;
  /** Its next reply is not delivered. */
  losesReply: boolean;
}

/** Passes bytes on, until told otherwise. */
export class CuttingProxy {
  readonly port: number;
  /** How many connections were cut. */
  cuts = 0;
  /** Whether who connects from now on is taken, and never hears anything. */
  takesMutely = false;
  readonly #listener: Server;
  readonly #target: number;
  readonly #connections = new Set<Connection>();
  #watched: { readonly pattern: RegExp; readonly moment: Moment } | undefined;
  #refusesUntil = 0;
  #isStalled = false;

  /** @param target the server's port */
  static async start(target: number): Promise<CuttingProxy> {
    const listener = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new CuttingProxy(listener, target);
  }

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on("connection", (client) => this.#accept(client));
  }

  /** How many connections there are. */
  get size(): number {
    return this.#connections.size;
  }

  /** Cuts some of the connections, now. */
  cut(isMeant: (index: number) => boolean): void {
    for (const [index, connection] of [...this.#connections].entries())
      if (isMeant(index)) this.#end(connection);
  }

  /** Cuts a connection when so many more bytes have passed. */
  cutAfter(bytes: number, isMeant: (index: number) => boolean): void {
    for (const [index, connection] of [...this.#connections].entries())
      if (isMeant(index)) connection.bytesLeft = bytes;
  }

  /** Cuts the connection on which the next such request passes, unless another is waited for meanwhile. */
  cutOn(pattern: RegExp, moment: Moment): void {
    this.#watched = { pattern, moment };
  }

  /** Whether a request of {@link cutOn} is still waited for. */
  get isWatching(): boolean {
    return this.#watched !== undefined;
  }

  /** Takes no connections for so many milliseconds: they are closed at once. */
  refuse(time: number): void {
    this.#refusesUntil = performance.now() + time;
  }

  /** Passes nothing on for so many milliseconds; nobody is told. */
  stall(time: number): void {
    if (this.#isStalled) return;
    this.#isStalled = true;
    for (const { client, server } of this.#connections) for (const socket of [client, server]) socket.pause();
    setTimeout(() => {
      this.#isStalled = false;
      for (const { client, server } of this.#connections)
        for (const socket of [client, server]) socket.resume();
    }, time).unref();
  }

  /** Passes nothing more on over the connections that there are, but that they are closed; nobody is told. */
  mute(): void {
    for (const { client, server } of this.#connections)
      for (const socket of [client, server]) socket.removeAllListeners("data").resume();
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    for (const connection of this.#connections) this.#end(connection);
    await closed;
  }

  #accept(client: Socket): void {
    if (performance.now() < this.#refusesUntil) {
      client.on("error", () => undefined).destroy();
      return;
    }
    const server = connect({ port: this.#target, host: "127.0.0.1" });
    const connection: Connection = { client, server, bytesLeft: Infinity, losesReply: false };
    this.#connections.add(connection);
    for (const [socket, other, direction] of [
      [client, server, "in"],
      [server, client, "out"],
    ] as const) {
      socket.setNoDelay(true);
      socket.on("data", (bytes: Buffer) => this.#pass(connection, bytes, direction));
      socket.on("end", () => other.end());
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#connections.delete(connection);
        other.destroy();
      });
    }
    if (this.#isStalled || this.takesMutely) server.pause();
    else client.resume();
  }

  #pass(connection: Connection, bytes: Buffer, direction: Direction): void {
    if (connection.losesReply && direction === "out") {
      this.#end(connection);
      return;
    }
    const passed = Math.min(bytes.length, connection.bytesLeft, this.#isToCut(connection, bytes, direction));
    connection.bytesLeft -= passed;
    const to = direction === "in" ? connection.server : connection.client;
    to.write(bytes.subarray(0, passed));
    if (passed === bytes.length) return;
    // What has passed is on its way before the connection is cut.
    setImmediate(() => this.#end(connection));
  }

  /** How many of these bytes may pass. */
  #isToCut(connection: Connection, bytes: Buffer, direction: Direction): number {
    if (!this.#watched || direction === "out" || !this.#watched.pattern.test(bytes.toString("latin1")))
      return Infinity;
    const { moment } = this.#watched;
    this.#watched = undefined;
    if (moment === "request") return Math.floor(bytes.length / 2);
    connection.losesReply = true;
    return Infinity;
  }

  /** As when a machine on the way forgets the connection: both sides are told at once. */
  #end({ client, server }: Connection): void {
    if (client.destroyed) return;
    this.cuts++;
    client.resetAndDestroy();
    server.destroy();
  }
}
