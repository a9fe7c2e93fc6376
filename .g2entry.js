export * from "./src/wire/index.ts";
