/** Object id of `bigint` in pg_type; all our int8 values stay far below 2^53 and are read as number. */
export const int8TypeId = 20;
