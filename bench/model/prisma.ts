import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { PrismaPg } from "@prisma/adapter-pg";
import { type PrismaClientLike, prisma } from "petiole/orm/prisma";
import { generateClient } from "../../scripts/generate-prisma.ts";
import { named } from "../wire/peer.ts";
import { type Dialect, type OrmCase, forEachTable } from "./case.ts";

type Delegate = { findMany(query: { where: { id: { in: number[] } } }): PromiseLike<readonly object[]> };

/** What is used of the client, which is made before it is first used. */
interface Client extends PrismaClientLike {
  readonly question: Delegate;
  readonly answer: Delegate;
  readonly comment: Delegate;
  $on(event: "query", listener: () => void): void;
  $disconnect(): Promise<void>;
}

const folder = join(import.meta.dirname, "prisma");
const delegates = { questions: "question", answers: "answer", comments: "comment" } as const;

async function importClient(dialect: Dialect): Promise<new (options: object) => Client> {
  const provider = dialect === "sqlite" ? "sqlite" : "postgresql";
  const made = join(folder, "generated", provider);
  generateClient(join(folder, `${provider}.prisma`), made);
  const module = (await import(pathToFileURL(join(made, "client.ts")).href)) as {
    PrismaClient: new (options: object) => Client;
  };
  return module.PrismaClient;
}

export const prismaCase: OrmCase = {
  nameOn: {
    sqlite: `${named("@prisma/client")} (better-sqlite3)`,
    postgres: `${named("@prisma/client")} (pg)`,
  },
  async open(dialect, place, onQuery) {
    const PrismaClient = await importClient(dialect);
    const client = new PrismaClient({
      adapter:
        dialect === "sqlite"
          ? new PrismaBetterSqlite3({ url: `file:${place}` })
          : new PrismaPg({ connectionString: place }),
      ...(onQuery ? { log: [{ emit: "event", level: "query" }] } : {}),
    });
    if (onQuery) client.$on("query", onQuery);
    return {
      adapter: prisma(client, {
        "qa.Question": "question",
        "qa.Answer": "answer",
        "qa.Comment": "comment",
      } as never),
      find: forEachTable(
        (table) => (ids) => client[delegates[table]].findMany({ where: { id: { in: ids } } }),
      ),
      close: () => client.$disconnect(),
    };
  },
};
