import { AbstractLogger, DataSource, type DataSourceOptions, EntitySchema, In } from "typeorm";
import { typeorm } from "petiole/orm/typeorm";
import { named } from "../wire/peer.ts";
import { type OrmCase, type StoredRow, forEachTable } from "./case.ts";

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

const schemas = forEachTable(
  (table) =>
    new EntitySchema<StoredRow>({
      name: classes[table].name,
      target: classes[table],
      tableName: table,
      columns: {
        id: { type: "integer", primary: true },
        title: { type: "text" },
        body: { type: "text" },
        votes: { type: "integer" },
        author: { type: "text" },
      },
    }),
);

class Watch extends AbstractLogger {
  readonly #onQuery: () => void;

  constructor(onQuery: () => void) {
    super();
    this.#onQuery = onQuery;
  }

  override logQuery(): void {
    this.#onQuery();
  }

  protected override writeLog(): void {}
}

export const typeormCase: OrmCase = {
  nameOn: { sqlite: `${named("typeorm")} (better-sqlite3)`, postgres: `${named("typeorm")} (pg)` },
  async open(dialect, place, onQuery) {
    const options = {
      ...(dialect === "sqlite"
        ? { type: "better-sqlite3", database: place }
        : { type: "postgres", url: place }),
      entities: Object.values(schemas),
      ...(onQuery ? { logger: new Watch(onQuery) } : { logging: false }),
    };
    const dataSource = await new DataSource(options as DataSourceOptions).initialize();
    const repositories = forEachTable((table) => dataSource.getRepository(classes[table]));
    return {
      adapter: typeorm(dataSource, { "qa.Question": Question, "qa.Answer": Answer, "qa.Comment": Comment }),
      find: forEachTable((table) => (ids) => repositories[table].findBy({ id: In(ids) })),
      close: () => dataSource.destroy(),
    };
  },
};
