/** What is used of vega and vega-lite; their own types are there only where they are installed. */
interface VegaModule {
  parse(spec: unknown): unknown;
  View: new (runtime: unknown, options: { renderer: "none" }) => { toSVG(): Promise<string> };
}
interface VegaLiteModule {
  compile(spec: unknown): { spec: unknown };
}

export interface Point {
  series: string;
  documents: number;
  rate: number;
}

const packages: Readonly<Record<"vega" | "lite", string>> = { vega: "vega", lite: "vega-lite" };
const crowds = [1, 2, 4, 8, 16];

/** A plot of tokens a second against documents, one line a series in the order given, as SVG. */
export async function drawRates(
  points: readonly Point[],
  ours: readonly string[],
): Promise<string> {
  // Not literals, and their shapes stated above: without the packages the rest must compile and run.
  const vega = (await import(packages.vega)) as VegaModule;
  const lite = (await import(packages.lite)) as VegaLiteModule;
  const { spec } = lite.compile(describe(points, ours));
  return new vega.View(vega.parse(spec), { renderer: "none" }).toSVG();
}

function describe(points: readonly Point[], ours: readonly string[]): object {
  const series = [...new Set(points.map((point) => point.series))];
  return {
    width: 620,
    height: 360,
    background: "white",
    padding: 12,
    config: { font: "sans-serif", axis: { labelFontSize: 12, titleFontSize: 13 } },
    data: { values: points.map((point) => ({ ...point, ours: ours.includes(point.series) })) },
    layer: [
      {
        mark: { type: "line", point: { size: 45 } },
        encoding: { strokeWidth: { condition: { test: "datum.ours", value: 3.5 }, value: 1.8 } },
      },
      {
        transform: [{ filter: `datum.documents === ${crowds.at(-1)}` }],
        mark: { type: "text", align: "left", dx: 8, fontSize: 11 },
        encoding: { text: { field: "rate", type: "quantitative", format: ".0f" } },
      },
    ],
    encoding: {
      x: {
        field: "documents",
        type: "quantitative",
        scale: { type: "log", base: 2, domain: [1, 18.4], nice: false },
        axis: { values: crowds, title: "documents that are written at once", format: "d" },
      },
      y: {
        field: "rate",
        type: "quantitative",
        axis: { title: "tokens a second, in all" },
        scale: { zero: true },
      },
      color: {
        field: "series",
        type: "nominal",
        sort: series,
        scale: { domain: series, range: coloursOf(series) },
        legend: { title: null, labelFontSize: 12, symbolStrokeWidth: 3, labelLimit: 240 },
      },
    },
  };
}

/** One hue for each engine, from dark to light. */
const hues: readonly [string, readonly string[]][] = [
  ["Palimpsest", ["#b4490f", "#e08a3c"]],
  ["llama.cpp", ["#1f4e79", "#3f7fb5", "#8db6d9"]],
  ["transformers.js", ["#3f6b46", "#83ab7d"]],
];

function coloursOf(series: readonly string[]): string[] {
  const taken = new Map<string, number>();
  return series.map((name) => {
    const [engine = "", shades = []] = hues.find(([prefix]) => name.startsWith(prefix)) ?? [];
    const count = taken.get(engine) ?? 0;
    taken.set(engine, count + 1);
    return shades[count] ?? "#777777";
  });
}
