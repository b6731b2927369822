/** A value that JSON has, as a TypeScript literal in the style of the scenarios: single quotes, keys bare where they can be. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${bareKey(key)}: ${literal(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}

/** Text between backticks, as lines of its own. */
export function templateLiteral(lines: readonly string[], indent: string): string {
  const body = lines.map((line) => `${indent}  ${line.replace(/[\\`]|\$(?=\{)/g, '\\$&')}\n`).join('');
  return `\`\n${body}${indent}\``;
}

function bareKey(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner}'`;
}
