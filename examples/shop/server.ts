import express from 'express';
import { createSamovar } from 'samovar';
import { database } from './database.ts';
import config, { products } from './samovar.config.ts';

const samovar = await createSamovar(config);
const app = express();
app.use(express.json());

app.get('/products/:id', async (request, response) => {
  const id = Number(request.params.id);
  const product = Number.isInteger(id) ? await samovar.cache(products).get(id) : undefined;
  if (product) response.json(product);
  else response.status(404).json({ error: 'no such product' });
});

app.patch('/products/:id', async (request, response) => {
  const id = Number(request.params.id);
  await database.query('update product set price_cents = $2 where id = $1', [id, request.body.priceCents]);
  await samovar.cache(products).delete(id);
  response.sendStatus(204);
});

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`);
});

process.once('SIGTERM', () => {
  server.close(async () => {
    await samovar.stop();
    await database.end();
  });
  server.closeIdleConnections();
});
