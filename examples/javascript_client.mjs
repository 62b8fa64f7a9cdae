/**
 * What llmops.mjs does, step by step.
 *
 * Usage: node examples/javascript_client.mjs [URL]        (Node 20; needs nothing else)
 */
import { Llmops } from "./llmops.mjs";

const service = new Llmops(process.argv[2]);

console.log("# upload");
const text = "The monthly rent of the Bremen warehouse is 14,200 euros. It is due on the third working day.";
const [document] = await service.upload(
  { "example-lease.txt": text },
  { onProgress: (job) => console.log(`  ${job.state}: ${job.progress.done} of ${job.progress.total}`) },
);
console.log(`  ${document.name}: ${document.status}`);

console.log("# ask");
const only = { document_ids: [document.document_id] };
const answer = await service.ask({ question: "How much is the monthly rent?", ...only });
console.log(`  ${answer.answer}`);
for (const { marker, document_name, verified } of answer.citations) {
  console.log(`  [${marker}] ${document_name} (${verified ? "verified" : "not verified"})`);
}

console.log("# stream, two turns on one thread");
const thread_id = `example-${crypto.randomUUID()}`;
for (const question of ["How much is the monthly rent?", "And when is it due?"]) {
  let streamed = "";
  for await (const event of service.stream({ question, thread_id, ...only })) {
    if (event.type === "token") streamed += event.content;
    if (event.type === "status" && event.reset) streamed = "";
    if (event.type === "final") console.log(`  > ${question}\n  ${streamed.trim()}`);
  }
}
console.log(`  ${(await service.thread(thread_id)).turns.length} turns are remembered`);

console.log("# a plan to approve");
const plan = { thread_id: `example-${crypto.randomUUID()}` };
const compared = { question: "Compare the rent and its due date", ...plan, approve_plan: true, ...only };
for await (const event of service.stream({ ...compared, agent: "research" })) {
  if (event.type === "interrupt") console.log(`  planned: ${event.value.sub_questions.join(" · ")}`);
}
const resume = { sub_questions: ["How much is the monthly rent?"] };
for await (const event of service.stream({ ...plan, resume })) {
  if (event.type === "final") console.log(`  ${event.agent}: ${event.answer.replaceAll("\n", " ")}`);
}

console.log("# an error");
try {
  await service.ask({ question: " " });
} catch (error) {
  console.log(`  refused with ${error.status} ${error.code}: ${error.message}`);
}

console.log("# stop");
const controller = new AbortController();
try {
  for await (const event of service.stream({ question: "Summarise the lease", ...only }, { signal: controller.signal })) {
    if (event.type === "run") controller.abort();
  }
} catch (error) {
  console.log(`  ${error.name}`);
}

await service.deleteDocument(document.document_id);
console.log("# deleted");
