/** Making one of several sends ready, with the app's middleware around it. @module */
import type { AppContext } from "./app-context.ts";
import { around, type EnqueueContext } from "./middleware.ts";

/**
 * Runs the middleware of one send, whose `next` resolves when `make` is done. It is sent with the others, once the
 * middleware of all of them is done.
 */
export async function prepared<Part>(
  send: EnqueueContext,
  { middleware }: Pick<AppContext, "middleware">,
  make: (send: EnqueueContext) => Promise<Part>,
): Promise<Part> {
  const layers = middleware.flatMap((each) => (each.enqueue ? [each.enqueue.bind(each)] : []));
  if (layers.length === 0) return make(send);
  let part: Promise<Part> | undefined;
  await around(layers, send, async () => {
    part = make(send);
    await part;
  });
  // Not left to middleware, which may have swallowed its error.
  return part!;
}
