// The tasks of a Gantt chart as Mermaid understands them: gantt.mjs MODULE < chart > tasks. A page is not there, so what
// Mermaid asks of one does nothing.
import fs from "node:fs";

globalThis.window = globalThis;
globalThis.addEventListener = () => {};
globalThis.document = {
  nodeType: 9,
  addEventListener() {},
  body: { appendChild() {} },
  createElement: () => ({ style: {}, setAttribute() {}, appendChild() {}, innerHTML: "" }),
  querySelectorAll: () => [],
};
const mermaid = (await import(process.argv[2])).default;
const text = fs.readFileSync(0, "utf8");
try {
  // Finds the kind of the chart, and loads what reads it.
  await mermaid.parse(text);
  const chart = await mermaid.mermaidAPI.getDiagramFromText(text);
  const tasks = chart.db.getTasks().map((task) => [task.task, task.startTime.getTime(), task.endTime.getTime()]);
  process.stdout.write(JSON.stringify({ type: chart.type, tasks, links: chart.db.getLinks().size }));
} catch (error) {
  // Node would print the whole module.
  process.stderr.write(String(error.message).slice(0, 500));
  process.exit(1);
}
