/** A tenant's configuration as a JSON file: what is wrong with it is told with the line and the column where it stands. */
import {
  findNodeAtLocation,
  parseTree,
  printParseErrorCode,
  getNodeValue,
  type ParseError,
} from 'jsonc-parser';
import ZSchema from 'z-schema';
import type { TenantConfiguration } from '../tenant/index.ts';
import configurationSchema from './tenant.schema.json' with { type: 'json' };

type Path = readonly (string | number)[];

export interface ConfigurationFile {
  readonly configuration: TenantConfiguration;
  /** `file:line:column` of a field as `TenantConfigurationError` names it, or of what is nearest above it. */
  placeOf(field: string): string;
}

/** The file is no JSON, or no configuration. */
export class ConfigurationFileError extends Error {
  override readonly name = 'ConfigurationFileError';
}

/**
 * @param name of the file, as the messages give it
 * @throws {ConfigurationFileError} with a line for every mistake, each beginning with `name:line:column`
 */
export function readConfigurationFile(name: string, text: string): ConfigurationFile {
  const mistakes: ParseError[] = [];
  const tree = parseTree(text, mistakes, { disallowComments: true, allowTrailingComma: false });
  const at = (offset: number) => `${name}:${lineAndColumn(text, offset)}`;
  const [mistake] = mistakes; // the others mostly follow from it
  if (mistake)
    throw new ConfigurationFileError(`${at(mistake.offset)}: ${inWords(printParseErrorCode(mistake.error))}`);
  if (!tree) throw new ConfigurationFileError(`${at(0)}: value expected`);

  const offsetOf = (path: Path): number => {
    const node = findNodeAtLocation(tree, [...path]);
    if (!node) return offsetOf(path.slice(0, -1)); // what is missing, is missing in the object above
    return node.parent?.type === 'property' ? node.parent.offset : node.offset;
  };
  const value: unknown = getNodeValue(tree);
  const validator = new ZSchema({ reportPathAsArray: true });
  if (!validator.validate(value, configurationSchema))
    throw new ConfigurationFileError(
      validator
        .getLastErrors()
        .map(({ code, message, path, params }) => {
          // The types of z-schema know paths as texts only.
          const object = (path as unknown as Path).map((key) =>
            /^\d+$/.test(String(key)) ? Number(key) : key,
          );
          const unknown = code === 'OBJECT_ADDITIONAL_PROPERTIES' ? [String(params[0])] : [];
          const field = fieldOf(object);
          return {
            offset: offsetOf([...object, ...unknown]),
            line: field === '' ? message : `${field}: ${message}`,
          };
        })
        .sort((one, other) => one.offset - other.offset)
        .map(({ offset, line }) => `${at(offset)}: ${line}`)
        .join('\n'),
    );
  const { $schema: _, ...configuration } = value as TenantConfiguration & { readonly $schema?: string };
  return { configuration, placeOf: (field) => at(offsetOf(pathOf(field))) };
}

function lineAndColumn(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n');
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** `clients[0].callbacks`, as a message names it. */
const fieldOf = (path: Path): string =>
  path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');

const pathOf = (field: string): Path =>
  [...field.matchAll(/[^.[\]]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key));

/** `PropertyNameExpected` → `property name expected`. */
const inWords = (code: string): string =>
  code.replaceAll(/(?!^)[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
