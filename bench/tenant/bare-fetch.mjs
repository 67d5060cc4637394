// The same for a server behind fetch(Request) → Response: Node loads those classes when they are first touched.
new Response(new Request('http://localhost/').url);
await import('./bare.mjs');
