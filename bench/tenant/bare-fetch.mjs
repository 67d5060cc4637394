// The same for a server behind fetch(Request) → Response: Node loads those classes when they are first touched.
await new Response(new Request('http://localhost/').url).text();
await import('./bare.mjs');
