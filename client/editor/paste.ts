import { Fragment, type ResolvedPos, Slice } from "@tiptap/pm/model";
import { nodeType } from "./schema.ts";

/** Marks a line break that ends a block; the binding turns it into one. */
const lineSeparator = "\u2028";

/** Plain text as paragraphs: each line one, empty ones too, in the marks of the place, `run` aside. */
export function parsePlainText(text: string, at: ResolvedPos, plain: boolean): Slice {
  const { schema } = at.doc.type;
  const marks = plain ? [] : at.marks().filter((mark) => mark.type.name !== "run");
  const paragraphs = text
    .split(/\r\n?|[\n\v\f\u0085\u2028\u2029]/)
    .map((line) =>
      nodeType(schema, "paragraph").create(
        null,
        line === "" ? undefined : schema.text(line, marks),
      ),
    );
  return new Slice(Fragment.fromArray(paragraphs), 1, 1);
}

/** HTML with its line breaks and tables in a form that survives a document of paragraphs alone. */
export function flattenHtml(html: string): string {
  return withoutHandlers(html)
    .replace(/<br[^>]*>(?=\s*<\/(?:p|div|li|h\d)>)/gi, "")
    .replace(/<br[^>]*>/gi, lineSeparator)
    .replace(/(<\/t[dh]>)(?=\s*<t[dh])/gi, " | $1")
    .replace(/<\/t[dh]>\s*<\/tr>(?=[\s\S]*?<tr)/gi, `${lineSeparator}$&`);
}

/**
 * No handler that HTML brings along ever runs or gets into the text. But a browser reports each as a
 * violation of the page's policy as soon as it reads the HTML, where true violations belong.
 */
function withoutHandlers(html: string): string {
  return html.replace(tags, (tag) => tag.replace(/(?<=[\s"'/])on(?=\w+\s*=)/gi, "off"));
}

/** An opening tag, its quoted values whole; one that never ends is as long as it goes. */
const tags = /<[a-z](?:"[^"]*"|'[^']*'|[^"'<>])*/gi;
