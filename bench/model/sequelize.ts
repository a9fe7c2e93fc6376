import { DataTypes, type Options, Sequelize } from "sequelize";
import { sequelize } from "petiole/orm/sequelize";
import * as sqlite3 from "../../test/orm/sqlite3.ts";
import { named } from "../wire/peer.ts";
import { type OrmCase, forEachTable } from "./case.ts";

export const sequelizeCase: OrmCase = {
  nameOn: { sqlite: `${named("sequelize")} (node:sqlite)`, postgres: `${named("sequelize")} (pg)` },
  async open(dialect, place, onQuery) {
    const options: Options = { logging: onQuery ? () => onQuery() : false };
    const db =
      dialect === "sqlite"
        ? new Sequelize({ ...options, dialect, dialectModule: sqlite3, storage: place })
        : new Sequelize(place, options);
    // Sequelize writes into what it is given: an object for each model.
    const models = forEachTable((table) =>
      db.define(
        table,
        {
          id: { type: DataTypes.INTEGER, primaryKey: true },
          title: { type: DataTypes.TEXT },
          body: { type: DataTypes.TEXT },
          votes: { type: DataTypes.INTEGER },
          author: { type: DataTypes.TEXT },
        },
        { tableName: table, timestamps: false },
      ),
    );
    const { questions, answers, comments } = models;
    return {
      adapter: sequelize(db, { "qa.Question": questions, "qa.Answer": answers, "qa.Comment": comments }),
      find: forEachTable((table) => (ids) => models[table].findAll({ where: { id: ids } })),
      close: () => db.close(),
    };
  },
};
