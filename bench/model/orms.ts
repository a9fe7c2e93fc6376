/** The ORMs that are measured, by the names of their adapters. @module */
import type { OrmCase } from "./case.ts";
import { drizzleCase } from "./drizzle.ts";
import { kyselyCase } from "./kysely.ts";
import { mikroOrmCase } from "./mikro-orm.ts";
import { prismaCase } from "./prisma.ts";
import { sequelizeCase } from "./sequelize.ts";
import { typeormCase } from "./typeorm.ts";

export const orms: Readonly<Record<string, OrmCase>> = {
  drizzle: drizzleCase,
  kysely: kyselyCase,
  "mikro-orm": mikroOrmCase,
  prisma: prismaCase,
  sequelize: sequelizeCase,
  typeorm: typeormCase,
};
