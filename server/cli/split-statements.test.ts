import { expect, test } from "vitest";
import { splitStatements } from "./split-statements.ts";

test.each<[string, string[], string]>([
  ["select 1; select 2", ["select 1"], "select 2"],
  ["select ';'; select \"a;b\";", ["select ';'", 'select "a;b"'], ""],
  ["select 'it''s; fine';", ["select 'it''s; fine'"], ""],
  ["select E'a\\';b';", ["select E'a\\';b'"], ""],
  ["select $$a;b$$; select $x$;$$;$x$;", ["select $$a;b$$", "select $x$;$$;$x$"], ""],
  ["-- one; two\nselect 1;", ["-- one; two\nselect 1"], ""],
  ["/* ; */ select 1; /* only ; a comment */;", ["/* ; */ select 1"], ""],
  ["select 'not ended; ", [], "select 'not ended; "],
  ["select 1; select $$ open ;", ["select 1"], "select $$ open ;"],
  ["; ;;", [], ""],
  ["", [], ""],
])("statements end at a semicolon that stands for itself: %j", (text, statements, rest) => {
  expect(splitStatements(text)).toEqual({ statements, rest });
});

test("a long text of quotes is split in no time", () => {
  const text = `select ${"'a;b' || ".repeat(50_000)} 'c'; ${"$a$ ".repeat(1_000)}`;
  const started = performance.now();
  expect(splitStatements(text).statements).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(2_000);
});
