/**
 * Loaded before a program: moves its clock. What `Date` tells is moved by FAULT_CLOCK milliseconds, and by FAULT_JUMP
 * more with every other SIGUSR2. Timers are not, as those of a machine whose clock is set are not.
 *
 * @module
 */
const RealDate = Date;
const jump = Number(process.env["FAULT_JUMP"] ?? 0);
let offset = Number(process.env["FAULT_CLOCK"] ?? 0);
let hasJumped = false;

const now = (): number => RealDate.now() + offset;

globalThis.Date = new Proxy(RealDate, {
  get: (target, name) => (name === "now" ? now : (Reflect.get(target, name) as unknown)),
  construct: (target, parameters: unknown[], maker) =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, maker) as object,
  apply: () => new RealDate(now()).toString(),
});

process.on("SIGUSR2", () => {
  hasJumped = !hasJumped;
  offset += hasJumped ? jump : -jump;
});
