/** The queue by which a worker hears remote control, on a RabbitMQ that refuses such as Celery declares. */
import { connect, type ChannelModel } from "amqplib";
import { expect, onTestFinished, test } from "vitest";
import { makeChannel, queueName, socketOf } from "../../../../test/services/amqp.ts";
import { describeRabbitmq } from "../../../../test/services/describe-rabbitmq.ts";
import { eventually } from "../../../../test/services/eventually.ts";
import { celery, celeryControl } from "../../celery.ts";

/** How a declaration is refused: with an error that closes the channel, or one that closes the connection. */
type Refusal = "channel" | "connection";

/**
 * Connections to a server that is set to refuse transient queues which are not exclusive, as RabbitMQ 4 can be: the refusal
 * is the server's own, of what it never takes.
 */
function refusing(url: string, refusal: Refusal) {
  const made: ChannelModel[] = [];
  const seen = { refused: 0 };
  const source = async (): Promise<ChannelModel> => {
    const connection = await connect(url);
    made.push(connection);
    const create = connection.createChannel.bind(connection);
    connection.createChannel = async () => {
      const channel = await create();
      const assert = channel.assertQueue.bind(channel);
      channel.assertQueue = async (name, options) => {
        if (options?.durable !== false || options.exclusive === true) return assert(name, options);
        seen.refused++;
        if (refusal === "channel") return assert("amq.refused", options);
        await channel.assertExchange("refused", "a type that nobody has");
        throw new Error("it was not refused");
      };
      return channel;
    };
    return connection;
  };
  return { source, seen, cut: () => socketOf(made.at(-1)!).destroy(new Error("the test has cut it")) };
}

describeRabbitmq("the queue of remote control", (server) => {
  test.each<[string, Refusal]>([
    ["closes the channel", "channel"],
    ["closes the connection", "connection"],
  ])(
    "is exclusive where RabbitMQ takes no other, and says so by an error that %s",
    { timeout: 60_000 },
    async (_, refusal) => {
      const hostname = `w-${queueName()}`;
      const { source, seen, cut } = refusing(server().url, refusal);
      const engine = celery({ broker: source, results: false, hostname });
      onTestFinished(() => engine.close());
      const queues = [queueName()];
      // With the connection all else on it is lost, too: as a worker does, it claims again.
      await eventually(() => engine.claim({ queues, limit: 1, lease: 10_000, worker: "w" }));
      const control = celeryControl({ broker: () => connect(server().url) });
      onTestFinished(() => control.close());
      const answers = (): Promise<void> =>
        eventually(async () => {
          const { replies } = await control.ping({ destination: [hostname] });
          expect([...replies]).toEqual([[hostname, "pong"]]);
        }, 20_000);
      await answers();
      expect(seen.refused).toBe(1);
      const channel = await makeChannel(server().url);
      await expect(channel.checkQueue(`${hostname}.celery.pidbox`)).rejects.toMatchObject({ code: 405 });
      // RabbitMQ may not know yet that the connection is lost whose queue it is: then both are tried until it does.
      cut();
      await answers();
    },
  );
});
