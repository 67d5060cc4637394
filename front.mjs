import { readFileSync, readdirSync } from 'node:fs'; import { TraceMap, originalPositionFor } from '@jridgewell/trace-mapping'; import { transformSync } from 'esbuild';
const files = process.argv.slice(2);
const sum = {};
for (const f of files) {
  const code = readFileSync(f,'utf8'); const inMap = JSON.parse(readFileSync(f+'.map','utf8'));
  const m1 = new TraceMap(inMap);
  const lines = code.split('\n');
  lines.forEach((line,i)=>{ let last=null,start=0; for (let c=0;c<line.length;c++){ const p = originalPositionFor(m1,{line:i+1,column:c}); const s=p.source??'?'; sum[s]=(sum[s]??0)+1; } });
}
let t=0; for (const [k,v] of Object.entries(sum).sort((a,b)=>b[1]-a[1])) {t+=v; console.log(String(v).padStart(6),k);} console.log(t);
