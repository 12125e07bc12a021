/** The one way for arrays and objects into jsonb columns: `pg` would send an array as a PostgreSQL array. */
export const json = (value: unknown): string => JSON.stringify(value);
