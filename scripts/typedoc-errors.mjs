// The names of the errors in `@throws {Name} when …`, which TypeDoc reads and its Markdown leaves out.
import { Converter } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const { comment } of Object.values(project.reflections))
      for (const { typeAnnotation, content } of comment?.getTags('@throws') ?? []) {
        for (const part of content) part.text = part.text.replace(/\{(\w+)\}/g, '`$1`');
        if (typeAnnotation)
          content.unshift(
            { kind: 'code', text: `\`${typeAnnotation.slice(1, -1)}\`` },
            { kind: 'text', text: ' ' },
          );
      }
  });
}
