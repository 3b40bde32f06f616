// As gate.py, in Node.
const fs = require('fs');
const told = word => fs.existsSync(`/told/${word}`);

const server = require('http').createServer((request, response) => {
  const status = told('well') ? 200 : 503;
  console.log(`asked: ${status} `);
  response.writeHead(status).end();
});

const wait = setInterval(() => {
  if (!told('listen')) return;
  clearInterval(wait);
  console.log('listening');
  server.listen(8000);
}, 50);
