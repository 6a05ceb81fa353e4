import { absolute, inFull } from '../text/time.ts';
import { reading } from '../text/value.ts';

/** A property's value in a table: on one line, in full on hover. */
export function ValueCell({ value }: { value: unknown }) {
  if (value === undefined) return null;
  const { kind, text } = reading(value);
  if (kind === 'masked') return <Masked />;
  return (
    <span title={text} className={kind === 'removed' ? 'text-muted' : ''}>
      {text}
    </span>
  );
}

/** A property's value where there is room for all of it. */
export function FullValue({ value, type }: { value: unknown; type: string }) {
  const read = reading(value, type);
  if (read.kind === 'masked') return <Masked />;
  if (read.kind === 'removed') return <span className="text-muted">removed</span>;
  if (read.kind === 'date') {
    const hasTime = /\d[T ]\d/.test(String(value));
    return (
      <span title={`${inFull(read.at)}\nsent as ${String(value)}`}>
        {hasTime ? absolute(read.at) : String(value)}
      </span>
    );
  }
  return <span className="break-words whitespace-pre-wrap">{read.text}</span>;
}

function Masked() {
  return (
    <span className="text-muted" title="Personal data: your role does not show it">
      •••
    </span>
  );
}
