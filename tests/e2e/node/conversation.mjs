// A conversation of ten turns by LangChain's RemoteRunnable for JavaScript, against a server with the sample documents.
// Prints one line of JSON for each turn.
import { RemoteRunnable } from "@langchain/core/runnables/remote";

const url = process.argv[2];
const agent = new RemoteRunnable({ url: `${url}/agent`, options: { timeout: 60_000 } });
const thread_id = `node-${crypto.randomUUID()}`;
const config = { configurable: { thread_id } };
const say = (turn) => console.log(JSON.stringify(turn));

async function streamed(question) {
  const types = [];
  let text = "";
  let last;
  for await (const event of await agent.stream({ question }, config)) {
    types.push(event.type);
    if (event.type === "token") text += event.content;
    last = event;
  }
  say({ question, tokens: types.filter((type) => type === "token").length, same: text.trim() === last.answer, ...last });
}

async function invoked(question, runnable = agent, settings = config) {
  say({ question, ...(await runnable.invoke({ question }, settings)) });
}

await invoked("How many days of paid holiday do full-time employees have?");
await streamed("What is the notice period after probation?");
await streamed("And during probation?");
await invoked("Which discount do universities get?");
await invoked("Who was the first emperor of Rome?");
await streamed("Summarise the employee handbook");
await invoked("Compare the notice periods during and after probation", new RemoteRunnable({ url: `${url}/research` }));
const [one, other] = await new RemoteRunnable({ url: `${url}/qa` }).batch([
  { question: "When was Larkfield Instruments founded?" },
  { question: "Which discount do universities get?" },
]);
say({ question: "two at once", answers: [one.answer, other.answer] });
try {
  await invoked("");
} catch (error) {
  say({ question: "", error: error.message });
}
await invoked("How many days of paid holiday do full-time employees have?");
say({ thread: await (await fetch(`${url}/threads/${thread_id}`)).json() });
