// TypeScript for native-ESM Jest through the compiler that is installed anyway; types are checked by `npm run types`.
import { createHash } from 'node:crypto';
import ts from 'typescript';

const compilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  sourceMap: true,
  inlineSources: true,
  verbatimModuleSyntax: true,
};

export default {
  getCacheKey: (source, fileName) =>
    createHash('sha256')
      .update(ts.version + JSON.stringify(compilerOptions) + fileName + '\0' + source)
      .digest('hex'),
  process(source, fileName) {
    const { outputText, sourceMapText } = ts.transpileModule(source, { fileName, compilerOptions });
    return { code: outputText.replace(/\/\/# sourceMappingURL=.*$/, ''), map: sourceMapText };
  },
};
