// An Express application that cannot work before its router is ready.
const express = require("express");

const router = process.env.ROUTER_URL;
const port = Number(process.env.PORT || 8027);
if (!router) {
  console.error("error: ROUTER_URL is not set: npm start sets it");
  process.exit(1);
}

const app = express();

app.get("/health", (request, response) => response.json({ status: "ok" }));

app.get("/ask", async (request, response) => {
  const question = String(request.query.q || "");
  const answer = await fetch(`${router}/route?q=${encodeURIComponent(question)}`);
  response.json({ question, ...(await answer.json()) });
});

const server = app.listen(port, () => console.log(`api on http://127.0.0.1:${port}`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => server.close(() => process.exit(0)));
}
