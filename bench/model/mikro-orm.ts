import { MikroORM as PostgresOrm } from "@mikro-orm/postgresql";
import { MikroORM as SqliteOrm, defineEntity, p } from "@mikro-orm/sqlite";
import { mikroOrm } from "petiole/orm/mikro-orm";
import { named } from "../wire/peer.ts";
import { type OrmCase, forEachTable } from "./case.ts";

class Question {
  declare id: number;
}
class Answer {
  declare id: number;
}
class Comment {
  declare id: number;
}
const classes = { questions: Question, answers: Answer, comments: Comment };

const schemas = forEachTable((table) =>
  defineEntity({
    class: classes[table],
    tableName: table,
    properties: {
      id: p.integer().primary(),
      title: p.text(),
      body: p.text(),
      votes: p.integer(),
      author: p.text(),
    } as never,
  }),
);

export const mikroOrmCase: OrmCase = {
  nameOn: {
    sqlite: `${named("@mikro-orm/core")} (better-sqlite3)`,
    postgres: `${named("@mikro-orm/core")} (pg)`,
  },
  async open(dialect, place, onQuery) {
    const options = {
      entities: Object.values(schemas),
      ...(onQuery ? { debug: ["query" as const], logger: onQuery } : {}),
    };
    const orm =
      dialect === "sqlite"
        ? await SqliteOrm.init({ ...options, dbName: place })
        : await PostgresOrm.init({ ...options, clientUrl: place });
    return {
      adapter: mikroOrm(orm, { "qa.Question": Question, "qa.Answer": Answer, "qa.Comment": Comment }),
      // A fork for each: those who ask at the same time must not share one.
      find: forEachTable((table) => (ids) => orm.em.fork().find(classes[table], { id: { $in: ids } })),
      close: () => orm.close(),
    };
  },
};
