/** Tests on a RabbitMQ. */
import { afterAll, beforeAll, describe } from "vitest";
import {
  type OwnRabbitmq,
  type Rabbitmq,
  noOwnRabbitmq,
  noRabbitmq,
  startOwnRabbitmq,
  startRabbitmq,
} from "./rabbitmq.ts";

/** Defines tests with a RabbitMQ for them all. Where there is none, they are skipped, with the reason. */
export function describeRabbitmq(name: string, define: (server: () => Rabbitmq) => void): void {
  describeWith(name, noRabbitmq, startRabbitmq, define);
}

/** Defines tests with a RabbitMQ that they may kill and start again. */
export function describeOwnRabbitmq(name: string, define: (server: () => OwnRabbitmq) => void): void {
  describeWith(name, noOwnRabbitmq, startOwnRabbitmq, define);
}

function describeWith<Server extends Rabbitmq>(
  name: string,
  missing: string | undefined,
  start: () => Promise<Server>,
  define: (server: () => Server) => void,
): void {
  describe.skipIf(missing !== undefined)(
    missing === undefined ? name : `${name} (skipped: ${missing})`,
    () => {
      let server: Server | undefined;
      beforeAll(async () => {
        server = await start();
      }, 60_000);
      afterAll(() => server?.stop(), 60_000);
      define(() => server!);
    },
  );
}
