// The same, behind fetch(Request) → Response and the adapter that the tenant has too.
import { createAdaptorServer } from '@hono/node-server';
import { announceFloor, answer } from './floor.mjs';

const fetch = async (request) => {
  const { status, headers, text } = await answer(
    request.method,
    request.url,
    request.method === 'POST' ? await request.text() : '',
  );
  return new Response(text, { status, headers });
};
announceFloor(createAdaptorServer({ fetch }));
